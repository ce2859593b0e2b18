"""How the application is served: listeners, limits on connections, and a graceful end."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from wirefeed.config import Server
from wirefeed.web import metrics, ops
from wirefeed.web.listening import BACKLOG, Sockets, listen
from wirefeed.web.metrics import METRICS
from wirefeed.web.prepared import PreparedResponse
from wirefeed.web.remembered import MEMORY, Memory
from wirefeed.web.request import (
    COMMON_HEADERS,
    ENDING,
    FOLLOWER,
    READY,
    SETTINGS,
    finish,
    harden,
    problems,
)

_log = structlog.get_logger("wirefeed.web")
_CONTINUE = "100-continue"
#: Seconds that are left to a handler when the time for draining is over.
_LAST_WORDS = 0.1
#: The part of that time in which idle connections are kept.
_PATIENT = 0.9
#: Seconds between looks whether any connection is left.
_LOOK = 0.02

Response = web.StreamResponse | PreparedResponse
Handler = Callable[[web.BaseRequest], Awaitable[Response]]


async def serve(
    app: web.Application,
    settings: Server,
    started: Callable[[], None],
    sockets: Sockets | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, then let running requests finish.

    `started` is called once requests are taken. SIGHUP tells a worker that another has taken
    its place. Raises `Unavailable`, naming the setting, when an address cannot be listened on.
    """
    end = _ending()
    main = Runner(app, drain=settings.drain, head_seconds=settings.head_seconds)
    await main.setup()
    app[METRICS].watch("connections", lambda: main.connections)
    health = Runner(_health(app), drain=settings.drain)
    await health.setup()
    # In the order in which they end: whether it ends is told for as long as anything is answered.
    runners = [main, health]
    try:
        sockets = sockets or listen(settings)
        await main.listen(sockets.main)
        await health.listen(sockets.ops)
        started()
        number = await end.get()
        # On SIGINT somebody sits and waits.
        main.is_patient = number is not signal.SIGINT
        if number is signal.SIGHUP:
            # Whoever connects anew reaches another, and to the others this one is ready until it
            # ends: nobody is let in to be told that it does.
            health.is_patient = True
            await asyncio.gather(main.drain(), health.drain())
            runners.reverse()
        else:
            app[READY].clear()
    finally:
        # The listener closes first; what is being answered is answered.
        for runner in runners:
            await runner.cleanup()


def _ending() -> "asyncio.Queue[signal.Signals]":
    """Give where the signals come that end a server."""
    end: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end.put_nowait, number)
    return end


def _health(app: web.Application) -> web.Application:
    health = web.Application(middlewares=[harden, problems])
    health.on_response_prepare.append(finish)
    health[FOLLOWER], health[READY] = app[FOLLOWER], app[READY]
    health[METRICS], health[SETTINGS] = app[METRICS], app[SETTINGS]
    health.add_routes([*ops.HEALTH, *metrics.ROUTES])
    return health


class Runner(web.AppRunner):
    """Serves an application with limits on what a connection may hold."""

    def __init__(self, app: web.Application, *, drain: float, head_seconds: float = 15) -> None:
        super().__init__(
            app,
            handle_signals=False,
            access_log=None,
            # Idle and half-sent requests end after this many seconds.
            keepalive_timeout=head_seconds,
            lingering_time=2,
            shutdown_timeout=drain,
            # Nobody may send compressed bodies; what a bomb holds is not to be unpacked.
            auto_decompress=False,
            logger=logging.getLogger("wirefeed.http"),
        )
        self._answering = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        #: Whether a connection without a request is kept while draining, since the next may come.
        self.is_patient = False

    async def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections from these sockets, which are this runner's from now on."""
        for one in sockets:
            await web.SockSite(self, one, backlog=BACKLOG).start()

    @property
    def connections(self) -> int:
        """How many are open."""
        return 0 if self.server is None else len(self.server.connections)

    async def cleanup(self) -> None:
        """Close the listeners, let running requests finish, then close every connection."""
        await self.drain()
        await super().cleanup()

    async def drain(self) -> None:
        """Close the listeners, and let running requests finish.

        aiohttp alone would hear no more of a body that is still being sent, and wait for it;
        and it would close a connection at the moment at which the next request is sent on it.
        Ours closes with the answer to that one, which says so, and only when the time is
        nearly over without it.
        """
        if self._draining:
            return
        self._draining = True
        if ENDING in self.app:
            self.app[ENDING]()
        for site in list(self.sites):
            await site.stop()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._shutdown_timeout
        await self._close_idle(end - (1 - _PATIENT) * self._shutdown_timeout)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await self._idle.wait()
        await self._send_the_rest(end)
        self._shutdown_timeout = max(_LAST_WORDS, end - loop.time())

    async def _send_the_rest(self, end: float) -> None:
        """Wait until what was answered has been taken, by somebody slow perhaps."""
        loop = asyncio.get_running_loop()
        # aiohttp does not tell that, either.
        while any(map(_is_sending, self._open())) and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)

    async def _close_idle(self, end: float) -> None:
        """Wait until no connection is left, then close those on which no request came."""
        loop = asyncio.get_running_loop()
        if self.is_patient:
            # What was just accepted is not yet among the open ones.
            await asyncio.sleep(_LOOK)
        # aiohttp does not tell when the last one is gone.
        while self.is_patient and self._open() and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)
        for connection in self._open():
            connection.close_if_idle()

    def _open(self) -> "list[_Connection]":
        connections = self.server.connections if self.server else []
        return [one for one in connections if isinstance(one, _Connection)]

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        # aiohttp has no setting for the class that answers malformed requests.
        server.__class__ = _Listener
        handle = _expecting_nothing(server.request_handler)
        if MEMORY in self.app:
            memory = self.app[MEMORY]
            handle = self._remembering(memory, self._counting(_learning(memory, handle)))
        else:
            handle = self._counting(handle)
        server.request_handler = handle  # type: ignore[assignment]
        return server

    def _remembering(self, memory: Memory, handle: Handler) -> Handler:
        """Answer from memory what is known for sure, and hand on the rest."""

        async def answer(request: web.BaseRequest) -> Response:
            known = memory.answer(request)
            if known is None:
                return await handle(request)
            # It is sent before anything else is done here, so nobody has to know of it.
            if self._draining:
                known.force_close()
            return known

        return answer

    def _counting(self, handle: Handler) -> Handler:
        """Know when no request is being answered, and while draining keep no connection."""

        async def count(request: web.BaseRequest) -> Response:
            self._answering += 1
            self._idle.clear()
            try:
                response = await handle(request)
            finally:
                self._answering -= 1
                if not self._answering:
                    self._idle.set()
            if self._draining and not response.prepared:
                response.force_close()
            return response

        return count


def _learning(memory: Memory, handle: Handler) -> Handler:
    """Answer from memory what is known as soon as its reader is, and hand on the rest."""

    async def answer(request: web.BaseRequest) -> Response:
        known = await memory.learn(request)
        return await handle(request) if known is None else known

    return answer


def _expecting_nothing(handle: Handler) -> Handler:
    """Refuse expectations but the one of RFC 9110 §10.1.1.

    aiohttp would do so before any middleware, quoting what was sent, or failing to.
    """

    async def heed(request: web.BaseRequest) -> Response:
        if request.headers.get(hdrs.EXPECT, _CONTINUE).lower() != _CONTINUE:
            return _refusal(HTTPStatus.EXPECTATION_FAILED)
        return await handle(request)

    return heed


def _refusal(status: HTTPStatus) -> web.Response:
    """Answer where there is no application to do it: with the status alone."""
    response = web.json_response(
        {"type": "about:blank", "title": status.phrase, "status": status.value},
        status=status,
        content_type="application/problem+json",
        headers={hdrs.CACHE_CONTROL: "no-store", **COMMON_HEADERS},
    )
    response.force_close()
    return response


class _Listener(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    """A connection that never repeats what it could not read: it may hold a credential."""

    __slots__ = ()

    def close_if_idle(self) -> None:
        """Close it if it waits for a request, as aiohttp does when it has waited too long."""
        if self._waiter is not None and not self._waiter.done():
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the request
    ) -> web.StreamResponse:
        """Answer with the status alone, and log no more than the kind of error."""
        _log.info("malformed request", status=status, error=type(exc).__name__)
        bad = HTTPStatus.BAD_REQUEST
        return _refusal(bad if status == bad else HTTPStatus.INTERNAL_SERVER_ERROR)


def _is_sending(connection: _Connection) -> bool:
    transport = connection.transport
    return transport is not None and transport.get_write_buffer_size() > 0
