"""Requests written byte by byte, and answers read the same way."""

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import Any

from tests.security.oracle import GIVEN_AWAY

#: Seconds; the machine may stand still for some of them.
_PATIENCE = 30
#: When an answer was given, and whether it had to be made for that (RFC 9211).
_OF_ITS_MOMENT = frozenset({"date", "cache-status"})
_AT_ONCE = 32
_CLOSE = b"\r\nConnection: close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, byte for byte."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def settled(self) -> tuple[bytes, tuple[tuple[str, str], ...], bytes]:
        """Everything but what is of its moment."""
        status = self.head.split(b"\r\n", 1)[0]
        return status, tuple(h for h in self.headers if h[0] not in _OF_ITS_MOMENT), self.body

    def problem(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def check(self) -> "Answer":
        """Refuse an answer that says what it should not."""
        whole = self.head + b"\r\n" + self.body
        assert not GIVEN_AWAY.search(whole), whole
        assert self.header("server") == "wirefeed", whole
        if self.status >= 400 and self.status != 410:
            assert "no-store" in self.header("cache-control") or not self.body, whole
            assert not {"etag", "last-modified", "content-range"} & {n for n, _ in self.headers}
        return self


async def send(port: int, request: bytes, *, method: bytes = b"GET") -> list[Answer]:
    """Send bytes, and read every answer until the server closes; it must, in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(_PATIENCE):
            received = await reader.read(-1)
    except ConnectionError:
        return []
    finally:
        writer.close()
    return _parted(received, method)


async def converse(port: int, requests: list[bytes], *, method: bytes = b"GET") -> list[Answer]:
    """Send requests over as few connections as the server allows; give each one's answer."""
    answers: list[Answer] = []
    while len(answers) < len(requests):
        waiting = requests[len(answers) : len(answers) + _AT_ONCE]
        *first, last = waiting
        together = b"".join(one.replace(_CLOSE, b"") for one in first) + last
        given = await send(port, together, method=method)
        assert given, waiting[0]
        answers += given
    return answers


async def ask(port: int, request: bytes, *, method: bytes = b"GET") -> Answer:
    """Send one request and give its one answer, which has been checked."""
    (answer,) = await send(port, request, method=method)
    return answer.check()


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """Write a request line and headers, without escaping anything."""
    lines = [f"{method} {path} HTTP/{version}", "Host: news.example", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Write a POST with its length."""
    return get(path, *headers, f"Content-Length: {len(body)}", method="POST") + body


def basic(pair: str | bytes) -> str:
    """Write the header of HTTP Basic: a user, a colon and a password, as they are."""
    written = pair.encode() if isinstance(pair, str) else pair
    return f"Authorization: Basic {base64.b64encode(written).decode()}"


def _parted(received: bytes, method: bytes) -> list[Answer]:
    answers = []
    while received:
        head, separator, received = received.partition(b"\r\n\r\n")
        assert separator, f"not an answer: {head!r}"
        answer = Answer(head=head, body=b"")
        length = int(answer.header("content-length") or 0)
        if method == b"HEAD" or answer.status in {100, 204, 304}:
            length = 0
        assert len(received) >= length
        answers.append(Answer(head=head, body=received[:length]))
        received = received[length:]
    return answers
