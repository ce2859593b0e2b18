"""The HTTP client for callbacks: trusts nobody, follows nothing, and reads hardly anything."""

import asyncio
import errno
import fcntl
import socket
import ssl
import struct
import termios
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import (
    BytesPayload,
    ClientConnectionResetError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    hdrs,
)
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import AddrInfoType
from aiohttp.http import StreamWriter
from yarl import URL

from wirefeed.outbound.calls import WHOLE, Reason, Reply, Right
from wirefeed.outbound.guard import Guard, NotAllowed
from wirefeed.outbound.names import LookUp, Resolver, addresses_of

#: Of the seconds that a call may take, for a connection to one address.
_CONNECT = 3.0
#: Names that are looked up at one time, it takes a thread each: of callbacks that agreed,
LOOK_UPS = 64
#: and of those that anybody may have named, or whose name servers took too long the last time.
_DOUBTFUL = 4
#: Bytes that are read of a connection, give or take what comes at once,
_MOST = 64 * 1024
#: that the kernel may take of an answer before anybody reads it,
_KERNEL = 32 * 1024
#: and that are read ahead.
_AHEAD = 8 * 1024
#: Lingers for no time at all: what the kernel has not sent is sent no more.
_NO_LINGERING = struct.pack("ii", 1, 0)
_INT = struct.Struct("i")
_OK = range(200, 300)
_GONE = 410


class Client:
    """Calls one address at a time, each over a connection of its own."""

    def __init__(
        self,
        guard: Guard,
        *,
        user_agent: str,
        look_up: LookUp | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        trust = trust or ssl.create_default_context()
        trust.minimum_version = ssl.TLSVersion.TLSv1_2
        self._user_agent = user_agent
        look_up = look_up or addresses_of
        doubtful = ThreadPoolExecutor(_DOUBTFUL, thread_name_prefix="doubtful-names")
        threads = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="names")
        self._threads = threads, doubtful
        asks = Resolver(guard, look_up, doubtful, doubtful)
        sends = Resolver(guard, look_up, threads, doubtful)
        self._resolvers = asks, sends
        self._asks, self._sends = self._session(asks, trust), self._session(sends, trust)

    def _session(self, resolver: Resolver, trust: ssl.SSLContext) -> ClientSession:
        return ClientSession(
            connector=_Connector(
                resolver=resolver,
                socket_factory=self._socket,
                # A connection that is kept was judged when it was made, and not since.
                force_close=True,
                use_dns_cache=False,
                limit=0,
                ssl=trust,
            ),
            timeout=ClientTimeout(total=None, sock_connect=_CONNECT),
            headers={hdrs.USER_AGENT: self._user_agent, hdrs.ACCEPT_ENCODING: "identity"},
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            read_bufsize=_AHEAD,
        )

    async def close(self) -> None:
        """Close whatever is open."""
        for session in (self._asks, self._sends):
            await session.close()
        for resolver in self._resolvers:
            await resolver.close()
        for threads in self._threads:
            threads.shutdown(wait=False, cancel_futures=True)

    async def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        most: int = 0,
        right: Right | None = None,
        seconds: float = WHOLE,
    ) -> Reply:
        """Call, and say what came of it. Redirects are not followed, and no more is read.

        Raises `Unavailable` where it was not called at all, and is to be called later.
        """
        began = time.monotonic()
        sent = None if body is None else _Body(body, right)
        try:
            async with asyncio.timeout(seconds):
                reply = await self._call(method, URL(url, encoded=True), sent, headers, most)
        except (OSError, ClientError, ValueError) as error:
            if sent is not None and sent.failure is not None:
                raise sent.failure from error
            if sent is not None and sent.kept_back is not None:
                reply = Reply(reason=sent.kept_back)
            else:
                reply = Reply(reason=_reason(error))
        return replace(reply, took=time.monotonic() - began)

    async def _call(
        self,
        method: str,
        url: URL,
        body: "_Body | None",
        headers: Mapping[str, str] | None,
        most: int,
    ) -> Reply:
        # WebSub §5.3 has a callback asked with GET; what is sent to it comes with POST.
        session = self._asks if method == hdrs.METH_GET else self._sends
        answer = await session.request(
            method, url, data=body, headers=headers, allow_redirects=False
        )
        try:
            read = bytearray()
            while len(read) < most and (part := await answer.content.read(most - len(read))):
                read += part
        finally:
            # Not `release`, which would read on.
            answer.close()
        reason = None
        if answer.status not in _OK:
            reason = Reason.GONE if answer.status == _GONE else Reason.STATUS
        return Reply(status=answer.status, body=bytes(read), reason=reason)

    def _socket(self, where: AddrInfoType) -> socket.socket:
        """Make the socket for an address that is dialled next: the last place to say no."""
        family, kind, protocol, _, (host, port, *_) = where
        self._guard.check(str(host), int(port))
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL)
        return made


class _Body(BytesPayload):
    """What is sent, if it may be when the connection stands, and for as long as it may be."""

    def __init__(self, content: bytes, right: Right | None) -> None:
        super().__init__(content)
        self._right = right
        #: Why it did not leave, or not as a whole,
        self.kept_back: Reason | None = None
        #: and what kept that from being known.
        self.failure: Exception | None = None

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write it. The head waits for that, and goes with it or not at all."""
        if self._right is not None:
            try:
                holds = await self._right.holds()
            except Exception as error:
                self.failure = error
                raise
            if not holds:
                self.kept_back = Reason.OVERTAKEN
                raise ClientConnectionResetError("it is no longer to be sent")
            self._right.watch(partial(self._cut, writer))
        await super().write_with_length(writer, content_length)

    def _cut(self, writer: AbstractStreamWriter) -> None:
        """Keep back what has not arrived. Closed, a connection would still be given all of it."""
        transport = writer.transport if isinstance(writer, StreamWriter) else None
        if transport is None or transport.is_closing() or _has_arrived(transport):
            return
        self.kept_back = Reason.CUT
        if (raw := transport.get_extra_info("socket")) is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        transport.abort()


def _has_arrived(transport: asyncio.Transport) -> bool:
    """Say whether the other side has all that was written; unsure, say no."""
    raw = transport.get_extra_info("socket")
    if raw is None or transport.get_write_buffer_size() > 0:
        return False
    waiting = bytearray(_INT.size)
    try:
        # tcp(7), SIOCOUTQ: "the amount of unsent data in the socket queue", where what was sent
        # stays until it is acknowledged.
        fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, waiting)
    except OSError:
        return False
    return _INT.unpack(waiting) == (0,)


class _Connector(TCPConnector):
    """Makes connections of which no more is read than is needed."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - whatever aiohttp takes
        super().__init__(**options)
        # There is no public way to bound what comes before a body: headers, and answers like 103.
        self._factory: Any = partial(_Bounded, loop=self._loop)


class _Bounded(ResponseHandler):
    """A connection that ends where too much has come."""

    _read = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._read += len(data)
        if self._read > _MOST and self.transport is not None:
            self.transport.abort()


def _reason(error: Exception) -> Reason:
    inner = error.os_error if isinstance(error, ClientConnectorError) else error
    if isinstance(inner, NotAllowed):
        return Reason.ADDRESS
    if isinstance(error, ClientConnectorDNSError):
        return Reason.NAME
    if isinstance(error, ClientSSLError):
        return Reason.TLS
    if isinstance(error, TimeoutError):
        return Reason.TIMEOUT
    if isinstance(inner, OSError) and inner.errno in {errno.ECONNREFUSED, errno.EHOSTUNREACH}:
        return Reason.REFUSED
    return Reason.BROKEN
