"""A TCP proxy that does to a connection what networks do: delays, slices, swallows, resets."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

_LARGEST = 65_536


@dataclass(slots=True, kw_only=True)
class Faults:
    """What is done to the bytes that come back; it may change at any time."""

    #: Seconds that each piece is held up.
    delay: float = 0.0
    #: Bytes of a piece; 0: as they come.
    slice: int = 0
    #: Nothing comes back, and nothing is closed.
    swallow: bool = False
    #: A connection is reset after this many bytes have come back on it; -1: never.
    reset_after: int = -1


class FaultProxy:
    """The proxy: passes requests on as they are, and hurts the answers."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.faults = Faults()
        #: Connections taken so far.
        self.taken = 0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._server is not None
        # One that is taken and not yet served would stay open (Python 3.11): it is let in first.
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def reset(self) -> None:
        """Reset every open connection now."""
        for writer in self._open:
            _reset(writer)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.taken += 1
        self._open.add(writer)
        try:
            with suppress(OSError):
                await self._pass(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_behind, to_behind = await asyncio.open_connection("127.0.0.1", self._behind)
        ways = [
            asyncio.create_task(_copy(reader, to_behind)),
            asyncio.create_task(self._hurt(from_behind, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_behind.close()

    async def _hurt(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while piece := await reader.read(_LARGEST):
            size = self.faults.slice or len(piece)
            for start in range(0, len(piece), size):
                part = piece[start : start + size]
                if self.faults.delay:
                    await asyncio.sleep(self.faults.delay)  # the fault itself
                if self.faults.swallow:
                    continue
                if 0 <= self.faults.reset_after < passed + len(part):
                    writer.write(part[: self.faults.reset_after - passed])
                    await writer.drain()
                    _reset(writer)
                    return
                passed += len(part)
                writer.write(part)
                await writer.drain()
                # Each slice is to be a segment of its own, and a turn of the loop.
                await asyncio.sleep(0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_LARGEST):
        writer.write(piece)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST: lingering for no time at all says that nothing more will be sent."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def fault_proxy(port: int) -> AsyncIterator[FaultProxy]:
    """Run a proxy before a port of this machine."""
    proxy = FaultProxy(port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
