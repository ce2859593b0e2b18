"""An agency on a real port for readers that fetch by themselves, and what they were answered."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from wirefeed.composition import Services
from wirefeed.config import Settings
from wirefeed.web.app import make_app
from wirefeed.web.server import Runner


@dataclass(slots=True)
class Served:
    """Where an agency is served, and its answers so far: path, status."""

    url: str
    answers: list[tuple[str, int]] = field(default_factory=list)


@asynccontextmanager
async def served(
    services: Services,
    settings: Settings,
    clock: Callable[[], int],
    routes: Iterable[web.AbstractRouteDef] = (),
) -> AsyncIterator[Served]:
    """Serve on the port of the settings, with routes beside its own: links in feeds lead to it."""

    @asynccontextmanager
    async def opener(*_: object) -> AsyncIterator[Services]:
        yield services

    made = Served(settings.public_url)

    async def note(request: web.Request, response: web.StreamResponse) -> None:
        made.answers.append((request.path, response.status))

    app = make_app(settings, clock, opener)
    app.add_routes(routes)
    app.on_response_prepare.append(note)
    runner = Runner(app, drain=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.server.host, settings.server.port).start()
        yield made
    finally:
        await runner.cleanup()
