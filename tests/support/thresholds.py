"""What lies before a callback and holds up whoever calls it, for as long as a test wants."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_PIECE = 65_536
#: Of what is sent, this much has arrived before anybody reads it.
_KERNEL = 16 * 1024


@dataclass(slots=True)
class Threshold:
    """Connections are taken here, and nothing on them passes while it is closed.

    Who speaks TLS is connected when it is opened, and who does not begins to send at once.
    """

    port: int = 0
    #: What was let pass, by connection.
    passed: list[bytearray] = field(default_factory=list)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self._opened.clear()

    @property
    def taken(self) -> int:
        """How many connections were made so far."""
        return len(self.passed)

    async def came(self, number: int) -> None:
        """Wait for so many connections on which something has come."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: self.taken >= number)

    async def copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1)
        async with self._came:
            passed = bytearray()
            self.passed.append(passed)
            self._came.notify_all()
        await self._opened.wait()
        piece = first
        while piece:
            passed += piece
            writer.write(piece)
            await writer.drain()
            piece = await reader.read(_PIECE)


@asynccontextmanager
async def threshold(behind: int) -> AsyncIterator[Threshold]:
    """Put one before a port of this machine, closed."""
    one = Threshold()
    writers = list[asyncio.StreamWriter]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError):
            await _pass(one, reader, writer, behind)
        writer.close()

    listening = socket.socket()
    # Else this machine would have all of a call, however long that is.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(take, sock=listening, limit=_KERNEL)
    one.port = listening.getsockname()[1]
    try:
        yield one
    finally:
        one.open()
        server.close()
        for writer in writers:
            writer.transport.abort()


async def _pass(
    one: Threshold, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: int
) -> None:
    from_behind, to_behind = await asyncio.open_connection("127.0.0.1", behind)
    ways = [
        asyncio.create_task(one.copy(reader, to_behind)),
        asyncio.create_task(_back(from_behind, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        to_behind.close()


async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
