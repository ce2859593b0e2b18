"""The database: opened safely, read in one state, written whole or not at all."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.storage.samples import Slow, announce
from wirefeed.domain.errors import Unacceptable, Unavailable
from wirefeed.storage import wire
from wirefeed.storage.database import Database, uninterrupted
from wirefeed.storage.schema import upgrade
from wirefeed.storage.sqlite import journal_mode

MODE = journal_mode(sqlite3.sqlite_version_info)


async def position(database: Database) -> int:
    async with database.reading() as conn:
        return (await wire.head(conn)).position


@contextmanager
def another_process(database_file: Path) -> Iterator[sqlite3.Connection]:
    """Stand in for another process: SQLite's locks are between connections."""
    with closing(sqlite3.connect(database_file, isolation_level=None, timeout=5)) as connection:
        yield connection


# --- opening -------------------------------------------------------------------------------------


async def test_a_new_database_is_for_its_owner_alone(tmp_path):
    database = await Database.open(f"sqlite:///{tmp_path}/a/b/wirefeed.db")
    async with database.writing() as conn:
        await announce(conn, 1)
    await database.close()
    folder = tmp_path / "a" / "b"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "wirefeed.db" in modes
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)} == {0o700}


async def test_a_relative_path_starts_where_the_program_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    await (await Database.open("sqlite:///var/wirefeed.db")).close()
    assert (tmp_path / "var" / "wirefeed.db").is_file()


async def test_a_path_is_taken_as_it_is_written(tmp_path):
    path = tmp_path / "a b%20c?d" / "w%(x)s.db"
    await (await Database.open(f"sqlite:///{path}")).close()
    assert path.is_file()


async def test_an_empty_file_is_set_up(tmp_path, url):
    (tmp_path / "wirefeed.db").touch()
    database = await Database.open(url)
    assert await position(database) == 0
    await database.close()


async def test_names_are_made_with_the_database_and_stay(url):
    first = await Database.open(url)
    second = await Database.open(url)
    await first.close()
    await second.close()
    assert first.log_id.startswith("urn:uuid:")
    assert first.issuer.startswith("urn:uuid:")
    assert first.log_id != first.issuer
    assert (second.log_id, second.issuer) == (first.log_id, first.issuer)


async def test_one_database_is_made_however_many_open_it_at_once(url):
    opened = await asyncio.gather(*(Database.open(url) for _ in range(8)))
    assert len({database.log_id for database in opened}) == 1
    for database in opened:
        await database.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "wirefeed.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://wirefeed.db",
        "sqlite:///a\0b",
        "postgresql://localhost/wirefeed",
    ],
)
async def test_what_is_no_address_of_ours_is_refused(url):
    with pytest.raises(Unacceptable, match=r"database\.url.*sqlite:///path"):
        await Database.open(url)


async def test_a_path_through_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unacceptable, match=r"database\.url: .* cannot be made"):
        await Database.open(f"sqlite:///{tmp_path}/file/wirefeed.db")


async def test_a_file_of_another_kind_is_refused(tmp_path, url):
    (tmp_path / "wirefeed.db").write_bytes(b"No database, this. " * 100)
    with pytest.raises(Unavailable, match="the file is not a database"):
        await Database.open(url)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("CREATE TABLE notes (text)", "is not a database of wirefeed"),
        (
            "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('x1')",
            r"newer wirefeed \(install that one\)",
        ),
    ],
)
async def test_a_database_this_version_does_not_know_is_refused(tmp_path, url, sql, said):
    with another_process(tmp_path / "wirefeed.db") as connection:
        connection.executescript(sql)
    with pytest.raises(Unacceptable, match=said):
        await Database.open(url)


async def test_upgrading_twice_changes_nothing(url):
    upgrade(url)
    first = await Database.open(url)
    await first.close()
    upgrade(url)
    again = await Database.open(url)
    await again.close()
    assert again.log_id == first.log_id


# --- as SQLite has to be -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 7, 0), "persist"),
        ((3, 40, 1), "persist"),
        ((3, 44, 5), "persist"),
        ((3, 44, 6), "wal"),
        ((3, 45, 3), "persist"),
        ((3, 49, 9), "persist"),
        ((3, 50, 6), "persist"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "persist"),
        ((3, 51, 3), "wal"),
        ((3, 53, 0), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_the_journal_is_written_ahead_only_where_that_is_safe(version, mode):
    assert journal_mode(version) == mode


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", MODE),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 5000),
        ("cache_spill", 0),
        ("temp_store", 2),
    ],
)
async def test_every_connection_is_set_up(database, pragma, value):
    for using in (database.reading, database.writing):
        async with using() as conn:
            assert (await conn.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one() == value
    assert await database.read(scalar(f"PRAGMA {pragma}")) == value


def scalar(sql: str) -> Callable[[AsyncConnection], Coroutine[Any, Any, object]]:
    """Ask for one value, whatever it is."""

    async def ask(conn: AsyncConnection) -> object:
        return (await conn.execute(text(sql))).scalar_one()

    return ask


async def test_those_that_read_keep_little_of_what_they_read(database):
    async with database.reading() as reader, database.writing() as writer:
        kept, default = [
            (await conn.exec_driver_sql("PRAGMA cache_size")).scalar_one()
            for conn in (reader, writer)
        ]
    assert (kept, default) == (-512, -2000)


# --- transactions --------------------------------------------------------------------------------


async def test_a_reader_cannot_write(database):
    async def write() -> None:
        async with database.reading() as conn:
            await announce(conn, 1)

    with pytest.raises(Unavailable, match="may not be written"):
        await write()
    assert await position(database) == 0


async def test_what_is_read_in_one_go_cannot_write_and_does_not_wait_for_a_writer_at_work(database):
    with pytest.raises(Unavailable, match="may not be written"):
        await database.read(scalar("UPDATE head SET position = 7 RETURNING position"))
    ask = "SELECT position FROM head"
    async with database.writing() as conn:
        await announce(conn, 3)
        assert await database.read(scalar(ask)) == 0
    assert await database.read(scalar(ask)) == 3


async def test_a_read_that_is_no_longer_waited_for_takes_nothing_along(database):
    slow = Slow()
    reading = asyncio.create_task(database.read(slow))
    await slow.begun()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    slow.go.set()
    assert await database.read(scalar("SELECT position FROM head")) == 0


async def test_a_reader_sees_one_state_and_does_not_wait_for_a_writer_at_work(database):
    async with database.writing() as conn:
        await announce(conn, 3)
        assert await position(database) == 0
    assert await position(database) == 3


async def test_what_fails_is_undone(database):
    async def fail() -> None:
        async with database.writing() as conn:
            await announce(conn, 1)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await position(database) == 0
    async with database.writing() as conn:
        assert (await announce(conn, 1)).position == 1


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT nothing", OperationalError),
        ("INSERT INTO meta VALUES ('issuer', 'x')", IntegrityError),
    ],
)
async def test_a_mistake_of_ours_is_no_lack_of_service(database, sql, error):
    async def make_it() -> None:
        async with database.writing() as conn:
            await announce(conn, 1)
            await conn.exec_driver_sql(sql)

    with pytest.raises(error):
        await make_it()
    assert await position(database) == 0
    with pytest.raises(OperationalError):
        await database.read(scalar("SELECT nothing"))


async def test_writers_in_one_process_take_turns(database):
    async def read_then_write() -> None:
        async with database.writing() as conn:
            before = (await wire.head(conn)).position
            assert (await announce(conn, 1)).position == before + 1

    await asyncio.gather(*(read_then_write() for _ in range(50)))
    assert await position(database) == 50


# --- out of reach --------------------------------------------------------------------------------


async def test_a_lock_held_too_long_elsewhere_is_told(tmp_path, url):
    database = await Database.open(url, patience=0.05)
    with another_process(tmp_path / "wirefeed.db") as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="the database is busy"):
            async with database.writing():
                pytest.fail("two writers at once")
        assert await position(database) == 0
        other.rollback()
    async with database.writing() as conn:
        await announce(conn, 1)
    assert await position(database) == 1
    await database.close()


@pytest.mark.skipif(MODE == "wal", reason="readers do not hold up a commit to the log")
async def test_a_commit_held_up_too_long_is_undone_and_told(tmp_path, url):
    database = await Database.open(url, patience=0.05)

    async def write() -> None:
        async with database.writing() as conn:
            await announce(conn, 1)

    with another_process(tmp_path / "wirefeed.db") as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM head").fetchall()
        with pytest.raises(Unavailable, match="the database is busy"):
            await write()
        other.rollback()
    assert await position(database) == 0
    await write()
    assert await position(database) == 1
    await database.close()


async def test_a_queue_too_long_is_told(url):
    database = await Database.open(url, patience=0.05)
    async with database.writing() as conn:
        await announce(conn, 1)
        with pytest.raises(Unavailable, match="the database is busy"):
            async with database.writing():
                pytest.fail("two writers at once")
    assert await position(database) == 1
    await database.close()


async def test_too_many_readers_are_told(url):
    database = await Database.open(url, patience=0.05)
    held = asyncio.Event()

    async def hold() -> None:
        async with database.reading():
            await held.wait()

    readers = [asyncio.create_task(hold()) for _ in range(20)]
    done, waiting = await asyncio.wait(readers, return_when=asyncio.FIRST_EXCEPTION)
    assert all(isinstance(task.exception(), Unavailable) for task in done)
    held.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await position(database) == 0
    await database.close()


async def test_a_full_disk_is_told_and_loses_nothing(database):
    async def write_much() -> None:
        async with database.writing() as conn:
            pages = (await conn.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            await announce(conn, 1, about="x" * 1_000_000)

    with pytest.raises(Unavailable, match="the disk of the database is full"):
        await write_much()
    assert await position(database) == 0
    async with database.writing() as conn:
        await conn.exec_driver_sql("PRAGMA max_page_count = 1000000")
        await announce(conn, 1)
    assert await position(database) == 1


# --- cancellation --------------------------------------------------------------------------------


async def test_a_write_cancelled_at_work_is_undone(database):
    at_work = asyncio.Event()

    async def write() -> None:
        async with database.writing() as conn:
            await announce(conn, 1)
            at_work.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await at_work.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await position(database) == 0
    async with database.writing() as conn:
        assert (await announce(conn, 1)).position == 1


LONG = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
    " SELECT max(i) FROM n"
)


@pytest.mark.parametrize("way", ["reading", "writing"])
async def test_a_connection_is_as_good_as_new_after_a_statement_was_cancelled(database, way):
    begun = asyncio.Event()

    async def work() -> None:
        async with getattr(database, way)() as conn:
            if way == "writing":
                await announce(conn, 1)
            begun.set()
            await conn.execute(LONG)

    task = asyncio.create_task(work())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await position(database) == 0
    async with database.writing() as conn:
        assert (await announce(conn, 1)).position == 1


async def test_a_write_cancelled_at_any_moment_is_whole_or_not_there(database):
    async def write() -> None:
        async with database.writing() as conn:
            await announce(conn, 1)
            await announce(conn, 1)

    was, finished = 0, 0
    for moment in range(100):
        task = asyncio.create_task(write())
        for _ in range(moment * 5):
            await asyncio.sleep(0)
        finished += task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        now = await position(database)
        assert now in ({was, was + 2} if task.cancelled() else {was + 2})
        was = now
        if finished == 3:
            break
    async with database.writing() as conn:
        assert (await announce(conn, 1)).position == was + 1


@pytest.mark.skipif(MODE == "wal", reason="readers do not hold up a commit to the log")
async def test_a_write_cancelled_in_its_commit_is_settled_when_its_task_ends(tmp_path, database):
    async def write() -> None:
        async with database.writing() as conn:
            await announce(conn, 1)

    with another_process(tmp_path / "wirefeed.db") as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM head").fetchall()
        task = asyncio.create_task(write())
        while not is_committing(tmp_path / "wirefeed.db"):  # noqa: ASYNC110  # a lock has no event
            await asyncio.sleep(0)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.001)
        assert not task.done()
        other.rollback()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await position(database) == 1


def is_committing(database_file: Path) -> bool:
    """Say whether a writer waits for readers to leave: no new one is let in."""
    with closing(sqlite3.connect(database_file, timeout=0)) as connection:
        try:
            connection.execute("SELECT * FROM head").fetchall()
        except sqlite3.OperationalError:
            return True
    return False


async def test_a_commit_is_finished_before_its_task_is_cancelled():
    go, committed = asyncio.Event(), False

    async def commit() -> None:
        nonlocal committed
        await go.wait()
        committed = True

    task = asyncio.create_task(uninterrupted(commit()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert committed


async def test_a_write_cancelled_in_a_statement_keeps_no_lock(database):
    """A statement cut off kept its lock until it was collected as garbage."""

    async def write(conn_taken: asyncio.Event) -> None:
        async with database.writing() as conn:
            conn_taken.set()
            await announce(conn, 1)
            await announce(conn, 1)

    kept = []  # what refers to the frames of what was cancelled, as a debugger or a log does
    for moment in range(60):
        taken = asyncio.Event()
        task = asyncio.create_task(write(taken))
        await taken.wait()
        for _ in range(moment % 20):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        kept.append(task)
        async with database.writing() as conn:
            await announce(conn, 1)


@pytest.mark.parametrize("fails", [False, True])
async def test_who_is_cut_off_hears_of_it_when_its_work_is_done_or_has_failed(fails):
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        await may_end.wait()
        if fails:
            raise Unavailable("gone")
        return "done"

    task = asyncio.create_task(uninterrupted(work()))
    await begun.wait()
    task.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
