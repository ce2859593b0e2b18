"""Connections that only read: few trips to their threads, and transactions as any other has."""

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.storage.samples import announce
from wirefeed.domain.errors import Unavailable
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.sqlite import PATIENCE, journal_mode

MODE = journal_mode(sqlite3.sqlite_version_info)


class Counted:
    """The way to a connection's thread, that counts who takes it."""

    def __init__(self, connection: Any) -> None:
        self._jobs = connection._tx
        self.trips = 0
        connection._tx = self

    def put_nowait(self, job: object) -> None:
        self.trips += 1
        self._jobs.put_nowait(job)


async def test_a_statement_is_one_trip_and_to_begin_is_none(database: Database):
    async with database.reading() as conn:
        counted = Counted((await conn.get_raw_connection()).driver_connection)
        assert (await wire.head(conn)).position == 0
        assert counted.trips == 1
        assert await wire.since(conn, 0, 10) == []
        assert counted.trips == 2
    # Nobody waits for this one.
    assert counted.trips == 3


async def test_who_reads_nothing_makes_no_trip(database: Database):
    async with database.reading() as conn:
        counted = Counted((await conn.get_raw_connection()).driver_connection)
        _ = await conn.begin()
    assert counted.trips == 0


async def test_what_is_read_is_of_one_state_from_the_first_statement_on(database: Database):
    async with database.reading() as conn:
        assert conn.in_transaction() is False
        async with database.writing() as writer:
            await announce(writer, 2)
        assert (await wire.head(conn)).position == 2
        if MODE == "wal":  # with a rollback journal a commit waits for who reads
            async with database.writing() as writer:
                await announce(writer, 1)
            assert (await wire.head(conn)).position == 2


async def test_who_has_read_keeps_nobody_from_writing(tmp_path, database: Database):
    async with database.reading() as conn:
        await wire.head(conn)
    with closing(
        sqlite3.connect(tmp_path / "wirefeed.db", isolation_level=None, timeout=PATIENCE)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("ROLLBACK")


async def test_after_a_mistake_a_connection_goes_on(database: Database):
    async def mistake() -> None:
        async with database.reading() as conn:
            await conn.execute(text("SELECT it FROM nowhere"))

    for _ in range(3):
        with pytest.raises(OperationalError, match="no such table"):
            await mistake()
    async with database.reading() as conn:
        rows = (await conn.execute(text("SELECT 1 AS one, :two AS two"), {"two": 2})).all()
    assert [row._asdict() for row in rows] == [{"one": 1, "two": 2}]


@pytest.mark.skipif(MODE == "wal", reason="with such a journal nobody keeps readers out")
async def test_a_look_is_told_soon_that_another_has_the_database_to_itself(
    tmp_path, database: Database
):
    with closing(sqlite3.connect(tmp_path / "wirefeed.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(Unavailable, match="the database is busy"):
            await database.look(wire.head)
        # Whoever else reads would have patience for PATIENCE seconds.
        assert time.monotonic() - began < PATIENCE / 2
        other.execute("ROLLBACK")


async def test_looks_take_turns_and_go_on_after_a_mistake(database: Database):
    inside: list[int] = []

    async def look(conn: AsyncConnection, number: int) -> int:
        inside.append(number)
        assert inside == [number]
        if number == 2:
            inside.remove(number)
            await conn.execute(text("SELECT it FROM nowhere"))
        position = (await wire.head(conn)).position
        time.sleep(0.01)  # noqa: ASYNC251 - in a thread, where others would come in
        inside.remove(number)
        return position

    asked = [database.look(look, number) for number in range(5)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(found.pop(2), OperationalError)
    assert found == [0] * 4
