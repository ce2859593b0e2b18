"""Callbacks for tests: a WebSub subscriber on the loopback interface, as it is told to behave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    query: Mapping[str, str]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Subscriber:
    """What was asked of a callback, and what it answers."""

    url: str
    #: Requests as they came: verifications and denials, and deliveries.
    asked: list[Seen] = field(default_factory=list)
    delivered: list[Seen] = field(default_factory=list)
    #: Answers a delivery; None: with 200.
    on_delivery: Behaviour | None = None
    #: Answers a verification; None: with the challenge.
    on_verification: Behaviour | None = None
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            raw_query=request.rel_url.raw_query_string,
            headers=dict(request.headers),
            body=await request.read(),
        )
        async with self.came:
            (self.delivered if request.method == "POST" else self.asked).append(seen)
            self.came.notify_all()
        behaviour = self.on_delivery if request.method == "POST" else self.on_verification
        if behaviour is not None:
            return await behaviour(request)
        return web.Response(text=request.query.get("hub.challenge", ""))

    async def until(self, holds: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until what came is as it should be."""
        async with asyncio.timeout(seconds), self.came:
            await self.came.wait_for(holds)

    async def deliveries(self, number: int) -> list[Seen]:
        """Wait for so many deliveries."""
        await self.until(lambda: len(self.delivered) >= number)
        return self.delivered

    async def questions(self, number: int) -> list[Seen]:
        """Wait for so many verifications or denials."""
        await self.until(lambda: len(self.asked) >= number)
        return self.asked


@asynccontextmanager
async def subscriber(
    path: str = "/callback", host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Subscriber]:
    """Run a callback."""
    app = web.Application(client_max_size=16 * 1024 * 1024)
    one = Subscriber(url="")
    app.router.add_route("*", "/{tail:.*}", one.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, 0, ssl_context=tls)
        await site.start()
        one.url = f"http{'s' if tls else ''}://{host}:{runner.addresses[0][1]}{path}"
        yield one
    finally:
        # A server of asyncio that is closed between taking a connection and making its transport
        # leaves that open (Python 3.11), so those that were taken are let in first.
        loop = asyncio.get_running_loop()
        for listening in listeners(runner):
            loop.remove_reader(listening)
        for _ in range(3):
            await asyncio.sleep(0)
        await runner.cleanup()


def listeners(runner: web.AppRunner) -> Iterator[int]:
    """Give the sockets that connections come to."""
    for site in runner.sites:
        server = site._server
        if isinstance(server, asyncio.Server):
            yield from (one.fileno() for one in server.sockets)
