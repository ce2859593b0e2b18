"""How the application is served: listeners, limits on connections, and a graceful end."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from wirefeed.config import Server
from wirefeed.domain.errors import Unavailable
from wirefeed.web import metrics, ops
from wirefeed.web.answers import ANSWERS, Answers
from wirefeed.web.metrics import METRICS
from wirefeed.web.remembered import remembered
from wirefeed.web.request import COMMON_HEADERS, FOLLOWER, READY, finish, harden, problems

_log = structlog.get_logger("wirefeed.web")
_CONTINUE = "100-continue"
#: Seconds that are left to a handler when the time for draining is over.
_LAST_WORDS = 0.1

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def serve(app: web.Application, settings: Server, started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests finish.

    `started` is called once requests are taken. Raises `Unavailable`, naming the setting,
    when an address cannot be listened on.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    main = Runner(app, drain=settings.drain, head_seconds=settings.head_seconds)
    await main.setup()
    app[METRICS].watch("connections", lambda: main.connections)
    health = Runner(_health(app), drain=1)
    await health.setup()
    try:
        await _listen(main, settings.host, settings.port, "server.port")
        await _listen_for_health(health, settings)
        started()
        await stop.wait()
        app[READY].clear()
    finally:
        # The listener closes first; what is being answered is answered.
        await main.cleanup()
        await health.cleanup()


async def _listen_for_health(runner: web.AppRunner, settings: Server) -> None:
    """Listen where it is set; by default one port above, if that one is free."""
    port = settings.ops_port or settings.port + 1
    try:
        await _listen(runner, settings.ops_host, port, "server.ops_port")
    except Unavailable as error:
        if settings.ops_port:
            raise
        _log.warning("health checks have no port of their own", reason=error.message)


async def _listen(runner: web.AppRunner, host: str, port: int, setting: str) -> None:
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise Unavailable(
            f"cannot listen on {host}, port {port}: {reason}",
            field=setting,
            remedy="choose another with --port" if setting == "server.port" else "choose another",
        ) from error


def _health(app: web.Application) -> web.Application:
    health = web.Application(middlewares=[harden, problems])
    health.on_response_prepare.append(finish)
    health[FOLLOWER], health[READY] = app[FOLLOWER], app[READY]
    health[METRICS] = app[METRICS]
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

    @property
    def connections(self) -> int:
        """How many are open."""
        return 0 if self.server is None else len(self.server.connections)

    async def cleanup(self) -> None:
        """Close the listeners, let running requests finish, then close every connection.

        aiohttp alone would hear no more of a body that is still being sent, and wait for it.
        """
        for site in list(self.sites):
            await site.stop()
        self._draining = True
        loop = asyncio.get_running_loop()
        end = loop.time() + self._shutdown_timeout
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await self._idle.wait()
        self._shutdown_timeout = max(_LAST_WORDS, end - loop.time())
        await super().cleanup()

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        # aiohttp has no setting for the class that answers malformed requests.
        server.__class__ = _Listener
        handle = _expecting_nothing(server.request_handler)
        if ANSWERS in self.app:
            handle = _remembering(self.app[ANSWERS], handle)
        server.request_handler = self._counting(handle)
        return server

    def _counting(self, handle: Handler) -> Handler:
        """Know when no request is being answered, and while draining keep no connection."""

        async def count(request: web.BaseRequest) -> web.StreamResponse:
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


def _remembering(answers: Answers, handle: Handler) -> Handler:
    """Answer from memory what is known for sure, and hand on the rest."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        known = remembered(answers, request)
        return await handle(request) if known is None else known

    return answer


def _expecting_nothing(handle: Handler) -> Handler:
    """Refuse expectations but the one of RFC 9110 §10.1.1.

    aiohttp would do so before any middleware, quoting what was sent, or failing to.
    """

    async def heed(request: web.BaseRequest) -> web.StreamResponse:
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
