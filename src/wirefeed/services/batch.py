"""Loads together what is asked for while a load is under way: one trip to the database for many."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
#: A read of the database is to be short: nobody can write meanwhile.
_MOST = 200


class Batch(Generic[_Key, _Value]):
    """Finds values by key, those that are asked for at one time by one load."""

    def __init__(self, load: Callable[[Sequence[_Key]], Awaitable[Mapping[_Key, _Value]]]) -> None:
        self._load = load
        self._waiting: dict[_Key, asyncio.Future[_Value | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: _Key) -> _Value | None:
        """Give a value by a load that begins now or later; None for one there is not."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._task is None:
                self._task = asyncio.create_task(self._run())
        return await asyncio.shield(future)

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:_MOST]
                await self._answer({key: self._waiting.pop(key) for key in keys})
        finally:
            self._task = None

    async def _answer(self, asked: Mapping[_Key, asyncio.Future[_Value | None]]) -> None:
        try:
            found = await self._load(list(asked))
        except Exception as error:  # noqa: BLE001 - it is for those who wait
            for future in asked.values():
                future.set_exception(error)
                # It may be that nobody waits any more.
                future.exception()
        else:
            for key, future in asked.items():
                future.set_result(found.get(key))
