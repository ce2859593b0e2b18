"""Requests one after another over a connection that is kept, written and read without a library.

A test that asks ten thousand times would else measure its own client.
"""

import asyncio
import gzip
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import brotli

from tests.support.process import PATIENCE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PLAIN: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer, and when its request began and it was there, as `time.monotonic` has it."""

    began: float
    ended: float
    status: int
    #: By name in lower case.
    headers: Mapping[str, str]
    #: Decompressed.
    body: bytes


class Line:
    """A connection, made anew when it is not there."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        path: str,
        headers: Mapping[str, str],
        *,
        method: str = "GET",
        body: bytes = b"",
    ) -> Heard:
        """Ask, and read the answer to its end."""
        async with asyncio.timeout(PATIENCE):
            began = time.monotonic()
            reader, _ = await self._send(path, headers, method, body)
            status, head = _read(await reader.readuntil(b"\r\n\r\n"))
            # A 304 says how long what it stands for would be, if it says anything.
            length = 0 if status == 304 else int(head.get("content-length", "0"))
            content = await reader.readexactly(length)
        ended = time.monotonic()
        if head.get("connection") == "close":
            self.close()
        plain = _PLAIN[head.get("content-encoding", "")](content) if content else b""
        return Heard(began=began, ended=ended, status=status, headers=head, body=plain)

    async def leave(self, path: str, headers: Mapping[str, str], after: int) -> None:
        """Ask, and go away when so many bytes of the answer have come: at once, if it is none."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await self._send(path, headers, "GET", b"")
            if after:
                await reader.read(after)
        writer.transport.abort()
        self._streams = None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _send(
        self, path: str, headers: Mapping[str, str], method: str, body: bytes
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        size = f"Content-Length: {len(body)}\r\n" if body else ""
        asked = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{lines}{size}\r\n"
        self._streams[1].write(asked.encode() + body)
        return self._streams


def _read(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}
