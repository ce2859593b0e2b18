"""Transactions in one go: as whole, as durable and as patient as any, and in a thread of theirs."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.storage.samples import Slow, announce
from tests.storage.test_database import MODE, another_process, is_committing, position
from wirefeed.domain.errors import Unavailable
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.sqlite import BUSY, unavailable


async def twice(conn: AsyncConnection) -> int:
    await announce(conn, 1)
    return (await announce(conn, 1)).position


async def test_what_it_did_is_there_when_it_returns_and_counts_as_an_advance(database: Database):
    before = database.advances
    assert await database.write(twice) == 2
    assert await position(database) == 2
    assert database.advances == before + 1
    assert (await database.write(announce, 3)).position == 5
    assert (await position(database), database.advances) == (5, before + 2)


async def test_what_appends_nothing_to_the_wire_is_no_advance(database: Database):
    async def note(conn: AsyncConnection) -> None:
        await conn.execute(text("INSERT INTO meta VALUES ('note', 'x')"))

    before = database.advances
    await database.write(note)
    assert database.advances == before


async def test_what_fails_is_undone(database: Database):
    async def fail(conn: AsyncConnection) -> None:
        await announce(conn, 1)
        raise LookupError

    async def collide(conn: AsyncConnection) -> None:
        await announce(conn, 1)
        await conn.execute(text("INSERT INTO meta VALUES ('issuer', 'x')"))

    with pytest.raises(LookupError):
        await database.write(fail)
    with pytest.raises(IntegrityError):
        await database.write(collide)
    assert (await position(database), database.advances) == (0, 0)
    assert (await database.write(announce, 1)).position == 1


@pytest.mark.parametrize("way", ["read", "write"])
async def test_it_can_wait_for_nothing_but_its_connection(database: Database, way: str):
    async def wait(conn: AsyncConnection) -> None:
        if way == "write":
            await announce(conn, 1)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="wait for nothing but its connection"):
        await getattr(database, way)(wait)
    assert await position(database) == 0
    assert (await database.write(announce, 1)).position == 1


async def test_writers_of_both_kinds_take_turns(database: Database):
    async def in_steps() -> None:
        async with database.writing() as conn:
            before = (await announce(conn, 1)).position
            await asyncio.sleep(0)
            assert (await announce(conn, 1)).position == before + 1

    await asyncio.gather(*(one for _ in range(20) for one in (in_steps(), database.write(twice))))
    assert await position(database) == 80


async def test_a_lock_held_too_long_elsewhere_is_told(tmp_path, url: str):
    database = await Database.open(url, patience=0.05)
    with another_process(tmp_path / "wirefeed.db") as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="the database is busy"):
            await database.write(twice)
        other.rollback()
    assert await database.write(twice) == 2
    await database.close()


@pytest.mark.skipif(MODE == "wal", reason="readers do not hold up a commit to the log")
async def test_a_commit_held_up_too_long_is_undone_and_told(tmp_path, url: str):
    database = await Database.open(url, patience=0.05)
    with another_process(tmp_path / "wirefeed.db") as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM head").fetchall()
        with pytest.raises(Unavailable, match="the database is busy"):
            await database.write(twice)
        # Nobody can know whether a commit that failed is on disk: it counts.
        assert database.advances == 1
        other.rollback()
    assert await position(database) == 0
    assert await database.write(twice) == 2
    await database.close()


async def test_one_that_is_cancelled_is_whole_or_not_there(database: Database):
    was = 0
    for moment in range(60):
        task = asyncio.create_task(database.write(twice))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        now = await position(database)
        assert now in {was, was + 2}
        was = now
    assert await database.write(twice) == was + 2


async def test_one_that_is_cancelled_at_work_ends_first(database: Database):
    slow = Slow(changes=1)
    task = asyncio.create_task(database.write(slow))
    await slow.begun()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    slow.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await position(database) == 1


@pytest.mark.skipif(MODE == "wal", reason="readers do not hold up a commit to the log")
async def test_one_that_is_cancelled_in_its_commit_is_settled_when_its_task_ends(
    tmp_path, database: Database
):
    with another_process(tmp_path / "wirefeed.db") as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM head").fetchall()
        task = asyncio.create_task(database.write(twice))
        while not is_committing(tmp_path / "wirefeed.db"):  # noqa: ASYNC110  # a lock has no event
            await asyncio.sleep(0)
        task.cancel()
        other.rollback()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await position(database) == 2


async def test_it_is_in_no_ones_way(database: Database):
    """The loop goes on while a transaction is at work, and so do those that read."""
    slow = Slow(changes=1)
    task = asyncio.create_task(database.write(slow))
    await slow.begun()
    assert await position(database) == 0
    slow.go.set()
    await task
    assert await position(database) == 1


# --- waiting for a thread ------------------------------------------------------------------------


async def _head(conn: AsyncConnection) -> int:
    return (await wire.head(conn)).position


@pytest.mark.parametrize("way", ["read", "find", "look"])
async def test_however_many_read_a_locked_database_none_waits_for_all_the_others(
    tmp_path, url: str, way: str
):
    patience = 0.3
    database = await Database.open(url, patience=patience)
    with another_process(tmp_path / "wirefeed.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        asked = [getattr(database, way)(_head) for _ in range(60)]
        told = await asyncio.gather(*asked, return_exceptions=True)
        took = time.monotonic() - began
        other.rollback()
    assert {str(error) for error in told} == {str(unavailable(BUSY))}
    # A wait for a thread, and then one for the lock.
    assert took < 60 / 4 * patience
    assert await getattr(database, way)(_head) == 0
    await database.close()


async def test_who_waits_among_many_is_not_refused_while_others_get_their_answers(url: str):
    database = await Database.open(url, patience=0.2)

    async def slow(conn: AsyncConnection) -> int:
        time.sleep(0.1)  # noqa: ASYNC251 - it is run in a thread, and takes its time
        return await _head(conn)

    assert await asyncio.gather(*(database.read(slow) for _ in range(30))) == [0] * 30
    await database.close()


async def test_who_reads_much_keeps_nobody_from_being_found(database: Database):
    begun, go = [threading.Event() for _ in range(4)], threading.Event()

    async def slow(_: AsyncConnection, mine: threading.Event) -> None:
        mine.set()
        go.wait()

    reading = [asyncio.create_task(database.read(slow, mine)) for mine in begun]
    for mine in begun:
        await asyncio.to_thread(mine.wait)
    assert await database.find(_head) == 0
    go.set()
    await asyncio.gather(*reading)


async def test_a_read_nobody_waits_for_any_more_has_its_thread_until_it_ends(database: Database):
    slow = Slow()
    reading = asyncio.create_task(database.find(slow))
    await slow.begun()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    later = asyncio.create_task(database.find(_head))
    await asyncio.sleep(0)
    assert database._in_one_go._finding._free.locked()
    slow.go.set()
    assert await later == 0


async def test_a_database_that_is_closed_says_so(url: str):
    database = await Database.open(url)
    assert await database.read(_head) == 0
    await database.close()
    for way in (database.read, database.find, database.look, database.write):
        with pytest.raises(Unavailable, match="closed"):
            await way(_head)
