"""The database: opens it, hands out transactions, and says so when it is out of reach. No rules.

SQLite, in one file. Readers see one state of it and never wait for a writer at work, only
for one that is just being committed; writers take turns. What has been committed is on disk.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Engine,
    NullPool,
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncTransaction,
    create_async_engine,
)

from wirefeed.domain.errors import Unacceptable, Unavailable
from wirefeed.storage import tables

_SCHEME = "sqlite:///"
_FIELD = "database.url"
#: Seconds to wait for the lock of another process.
_PATIENCE = 5.0
_READERS = 4
_Result = TypeVar("_Result")

#: https://www.sqlite.org/wal.html#walresetbug: below these, two connections that checkpoint
#: at once may lose pages. By release line; later lines all have the correction.
_MENDED = {(3, 44): 6, (3, 50): 7, (3, 51): 3}

#: SQLite's primary result codes that tell of the world, not of a wrong statement.
_OUT_OF_REACH = {
    sqlite3.SQLITE_PERM: "the database may not be used",
    sqlite3.SQLITE_BUSY: "the database is busy",
    sqlite3.SQLITE_LOCKED: "the database is busy",
    sqlite3.SQLITE_NOMEM: "the database is out of memory",
    sqlite3.SQLITE_READONLY: "the database may not be written",
    sqlite3.SQLITE_INTERRUPT: "the database was interrupted",
    sqlite3.SQLITE_IOERR: "the disk of the database fails",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_FULL: "the disk of the database is full",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "the database is busy",
    sqlite3.SQLITE_NOTADB: "the file is not a database",
}

#: Alembic keeps the migration under way in a module; one at a time.
_UPGRADING = threading.Lock()


class Database:
    """An open database: `reading` and `writing` are the only ways to a connection."""

    def __init__(
        self, reader: AsyncEngine, writer: AsyncEngine, watcher: AsyncEngine, *, patience: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        #: Its connections are closed when they are given back, whatever became of the others.
        self._watcher = watcher
        self._patience = patience
        self._turn = asyncio.Lock()
        #: How often this process has ended a transaction that wrote.
        self.commits = 0
        #: Names this log in cursors: a restored copy is another log.
        self.log_id = ""
        #: The `iss` of its tokens.
        self.issuer = ""

    @classmethod
    async def open(cls, url: str, *, patience: float = _PATIENCE) -> Self:
        """Open the database at `sqlite:///path`; a new or empty one is set up first.

        Raises `Unacceptable` for one that is not ours or of another version.
        """
        path = path_of(url)
        await asyncio.to_thread(_make_ready, path)
        address = URL.create("sqlite+aiosqlite", database=str(path))
        reader = create_async_engine(
            address, pool_size=_READERS, max_overflow=_READERS, pool_timeout=patience
        )
        writer = _SteadyEngine(
            create_async_engine(
                address, pool_size=1, max_overflow=0, pool_timeout=patience
            ).sync_engine
        )
        watcher = create_async_engine(address, poolclass=NullPool)
        _prepare(reader.sync_engine, "BEGIN", patience, query_only=True)
        _prepare(watcher.sync_engine, "BEGIN", patience, query_only=True)
        _prepare(writer.sync_engine, "BEGIN IMMEDIATE", patience)
        database = cls(reader, writer, watcher, patience=patience)
        try:
            async with database.reading() as conn:
                rows = await conn.execute(select(tables.meta.c.key, tables.meta.c.value))
                meta = {row.key: row.value for row in rows}
        except BaseException:
            await database.close()
            raise
        database.log_id, database.issuer = meta["log_id"], meta["issuer"]
        return database

    async def close(self) -> None:
        """Close every connection: each has a thread that would outlive the program."""
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees the state at its first look, and cannot write."""
        with _telling_what_failed():
            async with self._reader.connect() as conn:
                yield conn

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give the one connection that writes; what it did is on disk when this returns.

        Any exception, cancellation too, undoes all of it. A task cancelled while it is
        being committed hears of that when the commit is done.
        """
        async with self._my_turn():
            with _telling_what_failed():
                conn = self._writer.connect()
                try:
                    conn = await uninterrupted(conn.start())
                    transaction = await uninterrupted(conn.begin().start())
                    yield conn
                    await _commit(conn, transaction)
                finally:
                    # Also when that failed: whether it is on disk is then known to nobody.
                    self.commits += 1
                    if conn.sync_connection is not None:
                        # Undoes whatever was not committed.
                        await uninterrupted(conn.close())

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable(_OUT_OF_REACH[sqlite3.SQLITE_BUSY]) from None
        try:
            yield
        finally:
            self._turn.release()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Callable[[], Coroutine[Any, Any, int]]]:
        """Give a cheap question whose answer differs once any other connection has committed.

        https://www.sqlite.org/pragma.html#pragma_data_version
        """
        conn = self._watcher.connect()
        try:
            with _telling_what_failed():
                # Cut off, it would leave a thread behind.
                conn = await uninterrupted(conn.start())
                raw: Any = (await conn.get_raw_connection()).driver_connection

            async def version() -> int:
                try:
                    async with raw.execute("PRAGMA data_version") as cursor:
                        (found,) = await cursor.fetchone()
                except sqlite3.Error as error:
                    raise Unavailable("the database cannot be watched") from error
                return int(found)

            yield version
        finally:
            if conn.sync_connection is not None:
                await uninterrupted(conn.close())


def upgrade(url: str) -> None:
    """Bring the database to this version's schema, in one transaction; make it if need be."""
    path = path_of(url)
    _make_file(path)
    _migrate(path)


def newest_schema() -> str:
    """Give the revision of this release's schema."""
    (head,) = ScriptDirectory.from_config(_config()).get_heads()
    return head


def out_of_reach(error: sqlite3.Error) -> Unavailable:
    """Say in our words why the database cannot be used."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return Unavailable(_OUT_OF_REACH.get(code, "the database cannot be used"))


def journal_mode(version: tuple[int, ...]) -> str:
    """Say how SQLite of this version keeps its journal safely."""
    line = version[:2]
    mended = line > max(_MENDED) or (line in _MENDED and version[2] >= _MENDED[line])
    return "wal" if mended else "persist"


def path_of(url: str) -> Path:
    """Give where a database named `sqlite:///path` lies. Raises `Unacceptable`."""
    path = url.removeprefix(_SCHEME)
    if path in {url, "", ":memory:"} or "\0" in path:
        raise Unacceptable(
            "the database is named by an address",
            field=_FIELD,
            remedy="use sqlite:///path/to/wirefeed.db",
        )
    return Path(path)


def _make_file(path: Path) -> None:
    """Make file and folders for their owner alone; SQLite gives its journal the file's mode."""
    try:
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        # Only a new file is opened here: closing one in use would drop SQLite's locks on it
        # (https://www.sqlite.org/howtocorrupt.html §2.2).
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        message = f"{path} cannot be made: {error.strerror}"
        raise Unacceptable(message, field=_FIELD) from error


def _make_ready(path: Path) -> None:
    _make_file(path)
    with _plain_engine(path) as engine, engine.connect() as conn:
        found = MigrationContext.configure(conn).get_current_heads()
        is_empty = not inspect(conn).get_table_names()
    if is_empty:
        _migrate(path)
        return
    scripts = ScriptDirectory.from_config(_config())
    if found == tuple(scripts.get_heads()):
        return
    if not found:
        raise Unacceptable(f"{path} is not a database of wirefeed", field=_FIELD)
    known = {script.revision for script in scripts.walk_revisions()}
    if not known.issuperset(found):
        raise Unacceptable(
            f"{path} was made by a newer wirefeed", field=_FIELD, remedy="install that one"
        )
    raise Unacceptable(
        f"{path} was made by an older wirefeed", field=_FIELD, remedy="run wirefeed db upgrade"
    )


def _migrate(path: Path) -> None:
    with _UPGRADING, _plain_engine(path) as engine, engine.begin() as conn:
        command.upgrade(_config(conn), "head")


def _config(conn: Connection | None = None) -> Config:
    config = Config(attributes={"connection": conn})
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _plain_engine(path: Path) -> Iterator[Engine]:
    """Give an engine that is not asynchronous: Alembic's migrations are not."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    _prepare(engine, "BEGIN IMMEDIATE", _PATIENCE)
    try:
        with _telling_what_failed():
            yield engine
    finally:
        engine.dispose()


def _prepare(engine: Engine, begin: str, patience: float, *, query_only: bool = False) -> None:
    """Set up every connection, and begin transactions ourselves.

    Left alone, the driver begins one at the first write, after what it was decided by was
    read; and one that becomes a writer later fails at once when another was faster
    (https://www.sqlite.org/lang_transaction.html §2.1).
    """
    mode = journal_mode(sqlite3.sqlite_version_info)
    pragmas = {
        "busy_timeout": round(patience * 1000),
        "journal_mode": mode,
        "synchronous": "FULL",
        "foreign_keys": "ON",
        "temp_store": "MEMORY",
        # A transaction too large for the cache would lock readers out before it commits.
        "cache_spill": "OFF",
        "query_only": "ON" if query_only else "OFF",
    }

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:  # noqa: ANN401  # the driver's, two kinds
        try:
            connection.isolation_level = None
            cursor = connection.cursor()
            for name, value in pragmas.items():
                cursor.execute(f"PRAGMA {name} = {value}")
            cursor.close()
        except BaseException:
            # The pool forgets one that it never had, and with it a thread.
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


@contextmanager
def _telling_what_failed() -> Iterator[None]:
    """Turn the driver's errors about the world into `Unavailable`; others are our mistakes."""
    try:
        yield
    except PoolTimeoutError as error:
        raise Unavailable(_OUT_OF_REACH[sqlite3.SQLITE_BUSY]) from error
    except DBAPIError as error:
        # The low byte is the primary code (https://www.sqlite.org/rescode.html).
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code not in _OUT_OF_REACH:
            raise
        raise Unavailable(_OUT_OF_REACH[code]) from error


async def _commit(conn: AsyncConnection, transaction: AsyncTransaction) -> None:
    try:
        await uninterrupted(transaction.commit())
    except DBAPIError:
        # The pool would take it back as it is: in its transaction, with its lock.
        await conn.invalidate()
        raise


class _SteadyConnection(AsyncConnection):
    """Finishes each statement it begins.

    A statement that is cut off keeps its lock until it is garbage: nobody could write.
    """

    async def execute(
        self,
        *args: Any,  # noqa: ANN401  # whatever SQLAlchemy takes
        **options: Any,  # noqa: ANN401
    ) -> CursorResult[Any]:
        return await uninterrupted(super().execute(*args, **options))


class _SteadyEngine(AsyncEngine):
    _connection_cls = _SteadyConnection


async def uninterrupted(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Finish the work even if the task is cancelled meanwhile; then let it be cancelled."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
