"""Who reads the database: the tasks that begin to, by name."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import event

from tests.support.agency import Agency


@contextmanager
def reads(agency: Agency) -> Iterator[list[str]]:
    """Note the task of every read that is begun: with a connection, or in one go."""
    database, seen = agency.services.database, list[str]()
    in_one_go = database._in_one_go
    ways = {"read": in_one_go.read, "find": in_one_go.find}

    def note(_: object) -> None:
        task = asyncio.current_task()
        seen.append("" if task is None else getattr(task.get_coro(), "__qualname__", ""))

    def noted(way: Any, work: Any) -> Any:
        note(work)
        return way(work)

    engine = database._reader.sync_engine
    event.listen(engine, "engine_connect", note)
    for name, way in ways.items():
        setattr(in_one_go, name, partial(noted, way))
    try:
        yield seen
    finally:
        for name in ways:
            delattr(in_one_go, name)
        event.remove(engine, "engine_connect", note)
