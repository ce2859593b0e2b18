"""Clients that ask again and again: what they were answered, and what failed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.support.process import PATIENCE

#: Seconds between two requests of one client: many clients are wanted, not all of the machine.
PACE = 0.01


@dataclass(slots=True)
class Load:
    """What clients saw."""

    answers: Counter[int] = field(default_factory=Counter)
    #: Of those answers, how many said that the connection ends with them.
    farewells: int = 0
    failures: list[str] = field(default_factory=list)
    #: What was said to those who were told that it cannot be done now.
    refusals: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.answers.total()

    async def more(self, count: int) -> None:
        """Wait until as many more were answered or failed."""
        enough = self.total + len(self.failures) + count
        while self.total + len(self.failures) < enough:  # noqa: ASYNC110 - clients go at their pace
            await asyncio.sleep(PACE)


class _Client:
    """One connection at a time; one that the server said it would close is not used again."""

    def __init__(self, load: Load, url: str, *, keep_alive: bool) -> None:
        self._load = load
        host, _, self._path = url.removeprefix("http://").partition("/")
        self._host, _, port = host.partition(":")
        self._port = int(port)
        self._keep_alive = keep_alive
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ask()
        except (OSError, EOFError, TimeoutError) as error:
            self._load.failures.append(repr(error))
            self.close()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        how = "keep-alive" if self._keep_alive else "close"
        asked = f"GET /{self._path} HTTP/1.1\r\nHost: x\r\nConnection: {how}\r\n\r\n"
        writer.write(asked.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        status = int(head.split()[1])
        self._load.answers[status] += 1
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._load.refusals.append(f"{status} /{self._path} {body.decode()}")
        ends = "connection: close" in head
        self._load.farewells += ends
        if ends:
            self.close()


@asynccontextmanager
async def load(*urls: str, clients: int) -> AsyncIterator[Load]:
    """Ask for each address with as many clients that stay connected and as many that do not."""
    seen, over = Load(), asyncio.Event()

    async def poll(client: _Client) -> None:
        try:
            while not over.is_set():
                await client.ask()
                await asyncio.sleep(PACE)
        finally:
            client.close()

    async with asyncio.TaskGroup() as group:
        for url in urls:
            for number in range(2 * clients):
                group.create_task(poll(_Client(seen, url, keep_alive=number % 2 == 0)))
        try:
            yield seen
        finally:
            over.set()
