"""The application: its services, its routes, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from aiohttp import web

from wirefeed.composition import Clock, Services, open_services, utc_now
from wirefeed.config import Settings
from wirefeed.domain.errors import Unavailable
from wirefeed.services.follower import LEASE, announce
from wirefeed.web import feeds, handovers, hub, key_forms, key_pages, media, ops, pages, rendering
from wirefeed.web.answers import ANSWERS, Answers
from wirefeed.web.api import routes as api
from wirefeed.web.guessing import limit_guesses
from wirefeed.web.metrics import COUNTS, METRICS, count_answers
from wirefeed.web.remembered import MEMORY, Memory
from wirefeed.web.request import (
    ACCOUNTS,
    ADMINISTRATORS,
    AUDIT,
    BULK,
    CLOCK,
    ENDING,
    ENDINGS,
    FEED_KEYS,
    FOLLOWER,
    GUESSES,
    HANDOVERS,
    HOUSE,
    HUB,
    KEYRING,
    KILLS,
    LEAK_REPORTS,
    LEAKS,
    LEDGER,
    MEDIA,
    NEWSDESK,
    PLANS,
    PROSPECTS,
    PUBLISHING,
    QUOTAS,
    READERS,
    READY,
    SETTINGS,
    SIGNING_KEYS,
    STORY_PAGES,
    STREAMS,
    SYNDICATION,
    TAXONOMY,
    TOKENS,
    USAGE,
    WEBHOOKS,
    WIRE,
    finish,
    harden,
    in_force,
    problems,
)
from wirefeed.web.usage import note_refusals

ROUTES = [
    *feeds.ROUTES,
    *api.ROUTES,
    *ops.ROUTES,
    *ops.HEALTH,
    *pages.ROUTES,
    *media.ROUTES,
    *key_pages.ROUTES,
    *key_forms.ROUTES,
    *handovers.ROUTES,
    *hub.ROUTES,
]
Opener = Callable[[Settings, Clock], AbstractAsyncContextManager[Services]]

_log = structlog.get_logger("wirefeed.web")


def make_app(
    settings: Settings, clock: Clock = utc_now, opener: Opener = open_services
) -> web.Application:
    """Make the application; its services open when it starts."""
    app = web.Application(
        middlewares=[count_answers, harden, problems, in_force, note_refusals, limit_guesses],
        client_max_size=settings.ingest.max_bytes,
    )
    app[SETTINGS], app[CLOCK] = settings, clock

    async def services(app: web.Application) -> AsyncIterator[None]:
        async with opener(settings, clock) as opened, _running(opened):
            _provide(app, opened)
            app[READY] = asyncio.Event()
            app[READY].set()
            yield
            app[READY].clear()

    app.on_response_prepare.append(finish)
    app.cleanup_ctx.append(services)
    rendering.set_up(app)
    api.set_up(app, settings)
    app.add_routes(ROUTES)
    return app


def _provide(app: web.Application, opened: Services) -> None:
    """Let handlers have the services."""
    app[TAXONOMY] = opened.taxonomy
    app[HOUSE] = opened.house
    app[KEYRING] = opened.keyring
    app[SIGNING_KEYS] = opened.signing_keys
    app[AUDIT] = opened.audit
    app[PLANS] = opened.plans
    app[ACCOUNTS] = opened.accounts
    app[TOKENS] = opened.tokens
    app[FEED_KEYS] = opened.feed_keys
    app[HANDOVERS] = opened.handovers
    app[ADMINISTRATORS] = opened.administrators
    app[READERS] = opened.readers
    app[GUESSES] = opened.guesses
    app[USAGE] = opened.usage
    app[LEAKS] = opened.leaks
    app[LEAK_REPORTS] = opened.leak_reports
    app[PUBLISHING] = opened.publishing
    app[NEWSDESK] = opened.newsdesk
    app[KILLS], app[LEDGER] = opened.kills, opened.ledger
    app[SYNDICATION], app[STORY_PAGES] = opened.syndication, opened.story_pages
    app[MEDIA], app[PROSPECTS] = opened.media, opened.prospects
    app[ENDINGS] = opened.endings
    app[BULK] = opened.bulk
    app[QUOTAS], app[WIRE] = opened.quotas, opened.wire
    app[STREAMS], app[ENDING] = opened.streams, opened.wire.log.close
    app[FOLLOWER] = follower = opened.follower
    app[HUB] = opened.callbacks.hub
    app[WEBHOOKS] = opened.callbacks.webhooks
    app[ANSWERS] = answers = Answers(opened)
    app[MEMORY] = Memory(answers, opened)
    app[COUNTS], app[METRICS] = opened.counts, opened.metrics
    opened.metrics.watch("position", lambda: follower.position)
    delivery, leases = opened.callbacks.delivery, opened.callbacks.leases
    opened.metrics.watch("leases", lambda: leases.behind)
    opened.metrics.watch("deliveries", lambda: delivery.in_hand)
    opened.metrics.watch("calls", lambda: delivery.in_flight)
    opened.metrics.watch("kills-late", lambda: opened.kill_alarms.late)
    opened.metrics.watch("lag", lambda: follower.age)
    opened.metrics.watch("lease", lambda: max(0.0, LEASE - follower.age))


@asynccontextmanager
async def _running(services: Services) -> AsyncIterator[None]:
    """Run what works in the background, for as long as the application does."""

    def failed(error: Exception) -> None:
        if isinstance(error, Unavailable):
            _log.warning("work in the background failed", reason=error.message)
        else:
            _log.error("bug", exc_info=error)

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("bug", exc_info=error)

    services.presence.enter()
    # What was seen before that may have changed without anybody waiting for us.
    await services.follower.look()
    tasks = [
        asyncio.create_task(services.follower.run(failed)),
        asyncio.create_task(services.publishing.run()),
        asyncio.create_task(announce(services.publishing, services.clock, failed)),
        asyncio.create_task(services.callbacks.delivery.run(failed)),
        asyncio.create_task(services.streams.run(failed)),
        asyncio.create_task(services.usage.run(failed)),
        asyncio.create_task(services.ledger.run(failed)),
        asyncio.create_task(services.kill_alarms.run(failed)),
        asyncio.create_task(services.metrics.run(failed)),
    ]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
