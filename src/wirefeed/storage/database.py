"""The database: opens it, hands out transactions, and says so when it is out of reach. No rules.

SQLite, in one file. Readers see one state of it and never wait for a writer at work, only
for one that is just being committed; writers take turns. What has been committed is on disk.
"""

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, Self, TypeVar

from sqlalchemy import (
    URL,
    CursorResult,
    NullPool,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncTransaction,
    create_async_engine,
)

from wirefeed.domain.errors import Unavailable
from wirefeed.storage import tables, wire
from wirefeed.storage.in_one_go import InOneGo, Work
from wirefeed.storage.reading import BEGIN, ReadingConnection
from wirefeed.storage.schema import make_ready
from wirefeed.storage.sqlite import (
    BUSY,
    PATIENCE,
    path_of,
    prepare,
    telling_what_failed,
    unavailable,
)

_READERS = 8
#: Seconds in which a look at the wire has to get in. A commit is done long before: one who holds
#: the database for longer has it to itself, and feeds that are known are not to wait for that.
_GLANCE = 1.0
_Result = TypeVar("_Result")
_Asked = ParamSpec("_Asked")


class Database:
    """An open database, and the only ways to one.

    In one go: `read`, `find`, `look`, `write`. With others in between: `reading`, `writing`.
    """

    def __init__(
        self,
        reader: AsyncEngine,
        writer: AsyncEngine,
        watcher: AsyncEngine,
        in_one_go: InOneGo,
        *,
        patience: float,
    ) -> None:
        self._reader = reader
        self._in_one_go = in_one_go
        self._writer = writer
        #: Its connections are closed when they are given back, whatever became of the others.
        self._watcher = watcher
        self._patience = patience
        self._turn = asyncio.Lock()
        #: How often this process has ended a transaction that appended to the wire.
        self.advances = 0
        #: Names this log in cursors: a restored copy is another log. Empty until that is begun.
        self.log_id = ""
        #: The `iss` of its tokens.
        self.issuer = ""

    @classmethod
    async def open(cls, url: str, *, patience: float = PATIENCE) -> Self:
        """Open the database at `sqlite:///path`; a new or empty one is set up first.

        Raises `Unacceptable` for one that is not ours or of another version.
        """
        path = path_of(url)
        await asyncio.to_thread(make_ready, path)
        address = URL.create("sqlite+aiosqlite", database=str(path))
        reader = create_async_engine(
            address,
            async_creator=partial(ReadingConnection, path),
            # To open one takes longer than most reads: none is closed when many are at once.
            pool_size=_READERS,
            max_overflow=0,
            pool_timeout=patience,
        )
        writer = _SteadyEngine(
            create_async_engine(
                address, pool_size=1, max_overflow=0, pool_timeout=patience
            ).sync_engine
        )
        watcher = create_async_engine(address, poolclass=NullPool)
        prepare(reader.sync_engine, BEGIN, patience, query_only=True)
        prepare(watcher.sync_engine, BEGIN, patience, query_only=True)
        prepare(writer.sync_engine, "BEGIN IMMEDIATE", patience)
        in_one_go = InOneGo(address.set(drivername="sqlite"), patience, glance=_GLANCE)
        database = cls(reader, writer, watcher, in_one_go, patience=patience)
        try:
            async with database.reading() as conn:
                rows = await conn.execute(select(tables.meta.c.key, tables.meta.c.value))
                meta = {row.key: row.value for row in rows}
        except BaseException:
            await database.close()
            raise
        database.log_id, database.issuer = meta["log_id"], meta["issuer"]
        return database

    async def begin_log(self) -> None:
        """Give the log of a copy a name of its own: what was told of the other is not of this one.

        Of several processes that open it at once, the first names it.
        """
        if self.log_id:
            return
        name = tables.meta.c.key == "log_id"
        async with self.writing() as conn:
            unnamed = update(tables.meta).where(name, tables.meta.c.value == "")
            await conn.execute(unnamed.values(value=uuid.uuid4().urn))
            self.log_id = (await conn.execute(select(tables.meta.c.value).where(name))).scalar_one()

    async def close(self) -> None:
        """Close every connection: each has a thread that would outlive the program."""
        await self._reader.dispose()
        await self._writer.dispose()
        await asyncio.to_thread(self._in_one_go.close)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees the state at its first look, and cannot write."""
        with telling_what_failed():
            async with self._reader.connect() as conn:
                yield conn

    async def read(
        self, work: Work[_Asked, _Result], *args: _Asked.args, **more: _Asked.kwargs
    ) -> _Result:
        """Read in one go, in another thread; it sees the state at its first look, and cannot write.

        A connection of `reading` goes to a thread and back for each statement, which takes longer
        than most statements, and keeps its lock meanwhile.
        """
        return await self._in_one_go.read(lambda connection: work(connection, *args, **more))

    async def find(
        self, work: Work[_Asked, _Result], *args: _Asked.args, **more: _Asked.kwargs
    ) -> _Result:
        """Do the same for what nearly everybody waits for and takes no time."""
        return await self._in_one_go.find(lambda connection: work(connection, *args, **more))

    async def look(
        self, work: Work[_Asked, _Result], *args: _Asked.args, **more: _Asked.kwargs
    ) -> _Result:
        """Do the same for a look at the wire; say soon if another has the database to itself."""
        return await self._in_one_go.look(lambda connection: work(connection, *args, **more))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that writes; what it did is on disk when this returns. One has a turn.

        Any exception, cancellation too, undoes all of it. A task cancelled while it is
        being committed hears of that when the commit is done.
        """
        async with self._my_turn():
            with telling_what_failed():
                conn = self._writer.connect()
                try:
                    conn = await uninterrupted(conn.start())
                    conn.info.pop(wire.ADVANCED, None)
                    transaction = await uninterrupted(conn.begin().start())
                    yield conn
                    # Also if this fails: whether it is on disk is then known to nobody.
                    advances = wire.ADVANCED in conn.info
                    try:
                        await _commit(conn, transaction)
                    finally:
                        self.advances += advances
                finally:
                    if conn.sync_connection is not None:
                        # Undoes whatever was not committed.
                        await uninterrupted(conn.close())

    async def write(
        self, work: Work[_Asked, _Result], *args: _Asked.args, **more: _Asked.kwargs
    ) -> _Result:
        """Write in one go, in another thread: nobody waits for longer than the statements take.

        As with `writing`, what it did is on disk when this returns, and an exception undoes all
        of it. A task cancelled when it has begun hears of that when it is done.
        """
        async with self._my_turn():
            return await uninterrupted(
                self._in_one_go.write(
                    lambda connection: work(connection, *args, **more), self._advanced
                )
            )

    def _advanced(self) -> None:
        self.advances += 1

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError:
            raise unavailable(BUSY) from None
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
            with telling_what_failed():
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


async def uninterrupted(work: Awaitable[_Result]) -> _Result:
    """Finish the work even if the task is cancelled meanwhile; then let it be cancelled."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # Also if the work failed: whoever tries again what failed would else never end.
        task.cancelled() or task.exception()
        raise cancelled
    return task.result()
