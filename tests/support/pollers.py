"""Clients that ask at a steady rate over open connections, and keep how each answer came."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle

from tests.support.process import PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request for an address; one with conditions sends back the validator it was given."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    conditional: bool = False

    def head(self, tag: str) -> bytes:
        headers = {"Host": "x", **self.headers}
        if self.conditional and tag:
            headers["If-None-Match"] = tag
        lines = (f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {self.path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer."""

    ask: Ask
    #: As `time.monotonic` has it, before a byte was sent.
    began: float
    seconds: float
    status: int
    tag: str


@dataclass(slots=True)
class Polls:
    """What is asked for, in turn, and what was heard."""

    asks: Sequence[Ask]
    heard: list[Heard] = field(default_factory=list)
    #: The first body of each path, tag and coding.
    bodies: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    #: Other bytes than those under the same path, tag and coding.
    unlike: list[Heard] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def since(self, began: float, ended: float = float("inf")) -> list[Heard]:
        """Give the answers to requests that were begun in a time."""
        return [heard for heard in self.heard if began <= heard.began < ended]

    def keep(self, heard: Heard, coding: str, body: bytes) -> None:
        self.heard.append(heard)
        if heard.status == 200 and body != self.bodies.setdefault(
            (heard.ask.path, heard.tag, coding), body
        ):
            self.unlike.append(heard)


class _Client:
    """One connection, that is opened anew when it ends."""

    def __init__(self, polls: Polls, port: int) -> None:
        self._polls = polls
        self._port = port
        self._tags: dict[str, str] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, ask: Ask) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ask(ask)
        except (OSError, EOFError, TimeoutError) as error:
            self._polls.failures.append(repr(error))
            self.close()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, ask: Ask) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        sent = ask.head(self._tags.get(ask.path, ""))
        began = time.monotonic()
        writer.write(sent)
        status, headers = _read(await reader.readuntil(b"\r\n\r\n"))
        # RFC 9110 §15.4.5: a 304 ends with its header section.
        length = 0 if status == 304 else int(headers["content-length"])
        body = await reader.readexactly(length)
        tag = headers.get("etag", "")
        if tag:
            self._tags[ask.path] = tag
        self._polls.keep(
            Heard(ask=ask, began=began, seconds=time.monotonic() - began, status=status, tag=tag),
            headers.get("content-encoding", ""),
            body,
        )


def _read(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines if line)
    return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}


@asynccontextmanager
async def polling(
    ports: Sequence[int], asks: Sequence[Ask], *, rate: int, clients: int
) -> AsyncIterator[Polls]:
    """Ask so many times a second, if that can be done, by clients that share it among them.

    A client that was kept waiting does not make up for it.
    """
    polls, over = Polls(asks), asyncio.Event()
    pause = clients / rate

    async def poll(number: int, client: _Client) -> None:
        due = time.monotonic() + pause * number / clients
        count = number
        try:
            while not over.is_set():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await client.ask(polls.asks[count % len(polls.asks)])
                count += clients
                due = max(due + pause, time.monotonic())
        finally:
            client.close()

    async with asyncio.TaskGroup() as group:
        for number, port in zip(range(clients), cycle(ports), strict=False):
            group.create_task(poll(number, _Client(polls, port)))
        try:
            yield polls
        finally:
            over.set()


def p99(heard: Iterable[Heard]) -> float:
    """Give the milliseconds in which 99 of 100 were answered."""
    took = sorted(one.seconds for one in heard)
    assert took, "nobody was answered"
    return took[len(took) * 99 // 100] * 1000
