"""Load: requests prepared byte by byte, sent by wrk where it is there, else by this process."""

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Self

import uvloop

_CONNECTIONS = 16
#: Whom certificates of tests name.
_TLS_NAME = "news.example"
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request."""

    path: str
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: bytes = b""

    def raw(self) -> bytes:
        fields = [("Host", "bench.example"), *self.headers]
        if self.body:
            fields.append(("Content-Length", str(len(self.body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response, and how long it took."""

    status: int
    headers: dict[str, str]
    body: bytes
    milliseconds: float


class Line:
    """One connection, on which one request follows another."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=_TLS_NAME)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, ask: Ask) -> Answer:
        """Send a request, and read the answer to its end."""
        raw = ask.raw()
        began = time.perf_counter()
        self._socket.sendall(raw)
        received = bytearray()
        while (whole := _whole(received)) is None or len(received) < whole:
            chunk = self._socket.recv(1 << 18)
            if not chunk:
                raise ConnectionError("closed before the answer ended")
            received += chunk
        took = (time.perf_counter() - began) * 1000
        head, _, body = bytes(received).partition(_HEAD_END)
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(": ") for line in lines)
        return Answer(
            status=int(first.split()[1]),
            headers={name.lower(): value for name, _, value in fields},
            body=body,
            milliseconds=took,
        )


def ask(port: int, asked: Ask, tls: ssl.SSLContext | None = None) -> Answer:
    """Ask once, on a connection of its own."""
    with Line(port, tls) as line:
        return line.ask(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much was answered."""

    answers: int
    seconds: float


def rate(
    port: int,
    asks: Sequence[Ask],
    status: int,
    seconds: float,
    tls: ssl.SSLContext | None = None,
) -> float:
    """Ask for these in turn over some connections; give the answers a second."""
    given = load(port, asks, status, seconds, tls)
    return given.answers / given.seconds


def load(
    port: int,
    asks: Sequence[Ask],
    status: int,
    seconds: float,
    tls: ssl.SSLContext | None = None,
) -> Load:
    """Ask for these in turn over some connections.

    The first must be answered with that status, and none with an error.
    """
    answer = ask(port, asks[0], tls)
    if answer.status != status:
        raise RuntimeError(f"{asks[0].path} was answered {answer.status}")
    if shutil.which("wrk"):
        return _by_wrk(port, asks, seconds, tls)
    return asyncio.run(_by_ourselves(port, asks, seconds, tls))


def _whole(received: bytearray) -> int | None:
    """Say how long an answer will be in all, once its head is there."""
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    length = _LENGTH.search(received, 0, end + 2)
    return end + len(_HEAD_END) + (int(length[1]) if length else 0)


#: Gives one line of a file after the other, with ends of lines where it has tabs.
_SCRIPT = r"""
local asks, n = {}, 0
for line in io.lines("%s") do asks[#asks + 1] = line end
request = function()
  n = n %% #asks + 1
  return (asks[n]:gsub("\t", "\r\n"))
end
"""


def _by_wrk(
    port: int, asks: Sequence[Ask], seconds: float, tls: ssl.SSLContext | None = None
) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        file, script = Path(folder) / "asks", Path(folder) / "asks.lua"
        with file.open("wb") as lines:
            lines.writelines(a.raw().replace(b"\r\n", b"\t") + b"\n" for a in asks)
        script.write_text(_SCRIPT % file, "ascii")
        one = [f"-H{name}: {value}" for name, value in asks[0].headers]
        how = one if len(asks) == 1 else [f"-s{script}"]
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{asks[0].path}"
        command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{max(1, round(seconds))}s", *how, url]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if wrong := re.search(r"Non-2xx.*|Socket errors.*", said):
        raise RuntimeError(f"{url}: {wrong[0]}")
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    if found is None:
        raise RuntimeError(said)
    return Load(answers=int(found[1]), seconds=float(found[2]))


def paced(port: int, asks: Sequence[Ask], per_second: int, seconds: float) -> list[float]:
    """Ask for these in turn, so many a second; give how long each waited, in milliseconds.

    One that is due while every connection is still busy has been waiting since it was due.
    """
    return uvloop.run(_paced(port, asks, per_second, seconds))


async def _paced(port: int, asks: Sequence[Ask], per_second: int, seconds: float) -> list[float]:
    began = time.perf_counter()
    tickets = iter(range(round(per_second * seconds)))
    raws = [asked.raw() for asked in asks]
    waited: list[float] = []

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        try:
            for ticket in tickets:
                since = began + ticket / per_second
                if (early := since - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                    since = time.perf_counter()
                writer.write(raws[ticket % len(raws)])
                await _read(reader)
                waited.append((time.perf_counter() - since) * 1000)
        finally:
            # Who ends before it is closed leaves the other side waiting for more.
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    await asyncio.gather(*(work() for _ in range(_CONNECTIONS)))
    return waited


async def _read(reader: asyncio.StreamReader) -> None:
    """Read an answer to its end; it must be none of an error."""
    head = await reader.readuntil(_HEAD_END)
    if not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
        raise RuntimeError(head.decode("latin-1"))
    length = _LENGTH.search(head)
    await reader.readexactly(int(length[1]) if length else 0)


@dataclass(slots=True)
class _Tally:
    asks: Iterator[bytes]
    end: float
    done: int = 0
    wrong: list[bytes] = field(default_factory=list)


class _Client(asyncio.Protocol):
    """Asks again as soon as it is answered; reads no more of an answer than it has to."""

    def __init__(self, tally: _Tally, over: "asyncio.Future[None]") -> None:
        self._tally = tally
        self._over = over
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(next(self._tally.asks))

    def data_received(self, data: bytes) -> None:
        self._received += data
        whole = _whole(self._received)
        if whole is None or len(self._received) < whole:
            return
        if not self._received.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
            self._tally.wrong.append(bytes(self._received[:40]))
        self._received.clear()
        self._tally.done += 1
        assert self._transport is not None
        if time.perf_counter() < self._tally.end:
            self._transport.write(next(self._tally.asks))
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._over.done():
            self._over.set_result(None)


async def _by_ourselves(
    port: int, asks: Sequence[Ask], seconds: float, tls: ssl.SSLContext | None = None
) -> Load:
    loop = asyncio.get_running_loop()
    tally = _Tally(asks=cycle(a.raw() for a in asks), end=time.perf_counter() + seconds)
    began = time.perf_counter()
    ends = []
    for _ in range(_CONNECTIONS):
        over: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(
            partial(_Client, tally, over),
            "127.0.0.1",
            port,
            ssl=tls,
            server_hostname=_TLS_NAME if tls else None,
        )
        ends.append(over)
    await asyncio.gather(*ends)
    if tally.wrong:
        raise RuntimeError(f"{len(tally.wrong)} answers like {tally.wrong[0]!r}")
    return Load(answers=tally.done, seconds=time.perf_counter() - began)
