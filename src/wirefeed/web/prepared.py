"""Responses whose head was written before anybody asked. No rules here."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

_CLOSE = b"Connection: close\r\n"


class Head:
    """A status line and headers, as they are sent and as they are looked at."""

    __slots__ = ("code", "headers", "raw", "status")

    def __init__(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.status = status
        #: As operators count it.
        self.code = str(status.value)
        self.headers = headers
        self.raw = f"HTTP/1.1 {status} {status.phrase}\r\n".encode("ascii") + written(headers)


class PreparedResponse:
    """A response to a request in HTTP/1.1, in place of aiohttp's own.

    It has what aiohttp's server asks a response for, `prepare`, `write_eof` and `keep_alive`,
    and what a server that drains does to one.
    """

    __slots__ = ("_head", "_own", "body", "keep_alive", "prepared")

    def __init__(self, head: Head, own: bytes, body: bytes) -> None:
        """Put it together of a head, of headers as `written` that are its reader's, and a body."""
        self._head = head
        self._own = own
        self.body = body
        self.keep_alive = True
        self.prepared = False

    @property
    def status(self) -> int:
        """The status code."""
        return self._head.status

    @property
    def code(self) -> str:
        """The status code as operators count it."""
        return self._head.code

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers, but for those that the moment and the connection give it."""
        headers: CIMultiDict[str] = CIMultiDict(self._head.headers)
        for line in filter(None, self._own.decode().split("\r\n")):
            name, _, value = line.partition(": ")
            headers[name] = value
        return headers

    def force_close(self) -> None:
        """Let this be the last answer of its connection."""
        self.keep_alive = False

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send it."""
        self.prepared = True
        self.keep_alive = self.keep_alive and request.keep_alive
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        # In the order of aiohttp: who is answered cannot tell what the answer came from.
        parts = [self._head.raw, self._own]
        if self._head.status is not HTTPStatus.NOT_MODIFIED:
            # RFC 9110 §8.6: of a body that is not there, it would have to be the right one.
            parts.append(b"Content-Length: %d\r\n" % len(self.body))
        parts.append(_dated(rfc822_formatted_time()))
        if not self.keep_alive:
            parts.append(_CLOSE)
        parts.append(b"\r\n")
        head = b"".join(parts)
        if request.method == hdrs.METH_HEAD or not self.body:
            transport.write(head)
        else:
            # As it lies in memory: a copy of a large one takes as long as all else.
            transport.writelines((head, self.body))

    async def write_eof(self) -> None:
        """Do nothing: all of it has been sent."""


def has_room(transport: asyncio.Transport | None) -> bool:
    """Say whether whoever is to be sent something has taken all that came before.

    Else aiohttp's own response waits until it has, so that nobody can make answers pile up.
    """
    return transport is not None and not transport.get_write_buffer_size()


@lru_cache(maxsize=1)
def _dated(now: str) -> bytes:
    """RFC 9110 §6.6.1: who has a clock says when."""
    return b"Date: %b\r\n" % now.encode("ascii")


def written(headers: Mapping[str, str]) -> bytes:
    """Write headers as they are sent. Raises `ValueError` for one that would be two."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if not lines.count("\r") == lines.count("\n") == len(headers):
        raise ValueError("a header holds the end of a line")
    return lines.encode()
