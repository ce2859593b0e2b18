"""Transactions that are run to their end in one thread. No rules, and no SQL.

One that is run by the loop waits for its turn after each statement. When the loop is busy that
takes longer than all statements, and for as long nobody else gets the lock.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast

from sqlalchemy import URL, Connection, CursorResult, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage import wire
from wirefeed.storage.reading import BEGIN
from wirefeed.storage.sqlite import BUSY, prepare, telling_what_failed, unavailable

_READERS = 4
#: Times its patience, for which somebody waits while there is much to do.
_LONGEST = 6
_Result = TypeVar("_Result")
_Asked = ParamSpec("_Asked")
#: What is done in a transaction: it awaits what is done with its connection, and nothing else.
Work: TypeAlias = Callable[Concatenate[AsyncConnection, _Asked], Coroutine[Any, Any, _Result]]
#: The same, with all it asks for but the connection.
_Bound: TypeAlias = Callable[[AsyncConnection], Coroutine[Any, Any, _Result]]


class InOneGo:
    """Runs transactions in threads of their own."""

    def __init__(self, address: URL, patience: float, *, glance: float) -> None:
        self._reading = _Lane(address, "read", _READERS, patience)
        #: Of nearly everybody who asks it is looked up who that is: it is not to wait until
        #: windows have been read.
        self._finding = _Lane(address, "find", 1, patience)
        #: By this everybody knows what may be answered by.
        self._looking = _Lane(address, "look", 1, min(glance, patience))
        self._writing = _Lane(address, "write", 1, patience, begin="BEGIN IMMEDIATE")

    def close(self) -> None:
        """Let what is under way end, and close every connection."""
        for lane in (self._reading, self._finding, self._looking, self._writing):
            lane.close()

    async def read(self, work: _Bound[_Result]) -> _Result:
        """Read; some do so at a time."""
        return await self._reading.run(partial(_transact, work))

    async def find(self, work: _Bound[_Result]) -> _Result:
        """Read what takes no time; one does so at a time."""
        return await self._finding.run(partial(_transact, work))

    async def look(self, work: _Bound[_Result]) -> _Result:
        """Read where the wire ends; one does so at a time, and is told soon if it cannot."""
        return await self._looking.run(partial(_transact, work))

    async def write(self, work: _Bound[_Result], advanced: Callable[[], None]) -> _Result:
        """Write; it is told in that thread when the wire may have been appended to."""
        return await self._writing.run(partial(_commit, work, advanced))


class _Lane:
    """A few threads with as many connections, and who waits for one of them."""

    def __init__(
        self, address: URL, name: str, threads: int, patience: float, begin: str = BEGIN
    ) -> None:
        self._engine = create_engine(
            address, pool_size=threads, max_overflow=0, pool_timeout=patience
        )
        prepare(self._engine, begin, patience, query_only=begin == BEGIN)
        self._threads = ThreadPoolExecutor(threads, f"wirefeed-{name}")
        self._free = asyncio.Semaphore(threads)
        #: When the last one was done that did not fail.
        self._answered = float("-inf")
        self._patience = patience

    def close(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()

    async def run(self, job: Callable[[Connection], _Result]) -> _Result:
        """Do it with a connection, when a thread is free. Raises `Unavailable`."""
        await self._wait()
        try:
            future = self._threads.submit(self._connected, job)
        except RuntimeError as error:
            self._free.release()
            raise unavailable("the database is closed") from error
        try:
            return await asyncio.wrap_future(future)
        finally:
            if future.done():
                self._free.release()
            else:
                # Nobody waits for it any more; its thread is free when it has ended.
                future.add_done_callback(partial(self._freed, asyncio.get_running_loop()))

    async def _wait(self) -> None:
        """Wait until a thread is free, for as long as others get their answers."""
        if not self._free.locked():
            await self._free.acquire()
            return
        ends = time.monotonic() + _LONGEST * self._patience
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    await self._free.acquire()
            except TimeoutError:
                now = time.monotonic()
                if now > min(ends, self._answered + self._patience):
                    raise unavailable(BUSY) from None
            else:
                return

    def _freed(self, loop: asyncio.AbstractEventLoop, _: object) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waits
            loop.call_soon_threadsafe(self._free.release)

    def _connected(self, job: Callable[[Connection], _Result]) -> _Result:
        with telling_what_failed(), self._engine.connect() as connection:
            result = job(connection)
        self._answered = time.monotonic()
        return result


def _commit(work: _Bound[_Result], advanced: Callable[[], None], connection: Connection) -> _Result:
    connection.info.pop(wire.ADVANCED, None)
    transaction = connection.begin()
    result = _transact(work, connection)
    # Also if it fails now: whether it is on disk is then known to nobody.
    has_advanced = wire.ADVANCED in connection.info
    try:
        transaction.commit()
    except DBAPIError:
        # The pool would take it back as it is: in its transaction, with its lock.
        connection.invalidate()
        raise
    finally:
        if has_advanced:
            advanced()
    return result


def _transact(work: _Bound[_Result], connection: Connection) -> _Result:
    """Do it, and give its result. Raises `RuntimeError` if it awaits anything else."""
    doing = work(cast("AsyncConnection", _Direct(connection)))
    try:
        doing.send(None)
    except StopIteration as end:
        return cast("_Result", end.value)
    doing.close()
    raise RuntimeError("what is done in one go can wait for nothing but its connection")


class _Direct:
    """A connection as storage uses it, on which everything is done when it is asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def info(self) -> dict[Any, Any]:
        return self._connection.info

    async def execute(
        self,
        *args: Any,  # noqa: ANN401  # whatever SQLAlchemy takes
        **options: Any,  # noqa: ANN401
    ) -> CursorResult[Any]:
        return self._connection.execute(*args, **options)
