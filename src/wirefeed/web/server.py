"""How the application is served: listeners, limits on connections, and a graceful end."""

import asyncio
import logging
import signal
from collections.abc import Callable

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from wirefeed.config import Server
from wirefeed.web import ops
from wirefeed.web.request import FOLLOWER, READY, finish, harden, problems

_log = structlog.get_logger("wirefeed.web")
_BAD_REQUEST = 400


async def serve(app: web.Application, settings: Server, started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests finish.

    `started` is called once requests are taken. Raises `OSError` when a port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    main = Runner(app, drain=settings.drain, head_seconds=settings.head_seconds)
    await main.setup()
    health = Runner(_health(app), drain=1)
    await health.setup()
    try:
        await web.TCPSite(main, settings.host, settings.port, backlog=1024).start()
        port = settings.ops_port or settings.port + 1
        await web.TCPSite(health, settings.ops_host, port).start()
        started()
        await stop.wait()
        app[READY].clear()
    finally:
        # The listener closes first; what is being answered is answered.
        await main.cleanup()
        await health.cleanup()


def _health(app: web.Application) -> web.Application:
    health = web.Application(middlewares=[harden, problems])
    health.on_response_prepare.append(finish)
    health[FOLLOWER], health[READY] = app[FOLLOWER], app[READY]
    health.add_routes(ops.HEALTH)
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
            logger=logging.getLogger("wirefeed.http"),
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        # aiohttp has no setting for the class that answers malformed requests.
        server.__class__ = _Listener
        return server


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
        title = "Bad Request" if status == _BAD_REQUEST else "Internal Server Error"
        response = web.json_response(
            {"type": "about:blank", "title": title, "status": status},
            status=status,
            content_type="application/problem+json",
            headers={hdrs.CACHE_CONTROL: "no-store", hdrs.SERVER: "wirefeed"},
        )
        response.force_close()
        return response
