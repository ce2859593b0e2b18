"""The composition root: reads the files, opens the database and puts the services together.

Only here and in `cli` is the clock read. What belongs to one subject is put together in a module
of its own; here the subjects meet.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from wirefeed.config import Settings
from wirefeed.domain.topics import Taxonomy
from wirefeed.services.audit import Audit
from wirefeed.services.callbacks import Callbacks, callbacks
from wirefeed.services.callers import Callers, Credentials, callers, credentials
from wirefeed.services.definitions import read_plans, read_topics
from wirefeed.services.keyring import Keyring
from wirefeed.services.master_key import master_key
from wirefeed.services.means import Means, derived, means, sealed_audit
from wirefeed.services.newsroom import Newsroom, newsroom
from wirefeed.services.outlets import Outlets, outlets
from wirefeed.services.prospects import Prospects
from wirefeed.services.wire_lines import WireLines
from wirefeed.services.wire_streams import WireStreams
from wirefeed.storage.database import Database

Clock = Callable[[], int]


def utc_now() -> int:
    """Give the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


# Without slots, as its parts are: no class can be made of several that have them.
@dataclass(frozen=True, kw_only=True)
class Services(Means, Credentials, Callers, Outlets, Newsroom):
    """Everything that a server or a command works with: its parts, and where they meet."""

    prospects: Prospects
    callbacks: Callbacks
    streams: WireStreams


@asynccontextmanager
async def open_services(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Services]:
    """Open the database and build the services over it; close it at the end."""
    taxonomy = read_topics(settings.taxonomy)
    plans = read_plans(settings.taxonomy, taxonomy)
    database = await Database.open(settings.database.url)
    try:
        master = await master_key(Path(settings.keys.master), database)
        await database.begin_log()
        services = _build(settings, clock, taxonomy, master, database)
        async with _closing(services):
            await services.audit.begin()
            await services.plans.seed(plans)
            await services.keyring.load()
            await services.follower.look()
            yield services
    finally:
        await database.close()


@asynccontextmanager
async def _closing(services: Services) -> AsyncIterator[None]:
    async with AsyncExitStack() as last:
        # The last one is done first: what a command has taken away is so everywhere when it ends,
        # also if that failed half-way.
        last.callback(services.presence.leave)
        last.callback(services.compressor.close)
        last.push_async_callback(services.cache.close)
        last.push_async_callback(services.outbound.calls.close)
        last.push_async_callback(services.follower.close)
        last.push_async_callback(services.follower.in_force)
        yield


@asynccontextmanager
async def open_audit(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Audit]:
    """Open the database for its audit alone: nothing is begun in it, for it may be a backup."""
    database = await Database.open(settings.database.url)
    try:
        master = await master_key(Path(settings.keys.master), database)
        yield sealed_audit(database, master, clock)
    finally:
        await database.close()


@asynccontextmanager
async def open_keyring(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Keyring]:
    """Open the database for its signing keys alone."""
    database = await Database.open(settings.database.url)
    try:
        yield Keyring(database, await master_key(Path(settings.keys.master), database), clock)
    finally:
        await database.close()


def _build(
    settings: Settings, clock: Clock, taxonomy: Taxonomy, master: bytes, database: Database
) -> Services:
    common = means(settings, clock, taxonomy, master, database)
    opening = credentials(common, master)
    calling = callers(common, opening)
    outward = outlets(common, master)
    inward = newsroom(common)
    readers, publishing, usage = calling.readers, inward.publishing, opening.usage
    common.metrics.watch("publishing", lambda: publishing.waiting)
    common.metrics.watch("usage", lambda: usage.waiting)
    return Services(
        **_fields(common),
        **_fields(opening),
        **_fields(calling),
        **_fields(outward),
        **_fields(inward),
        prospects=Prospects(database, readers, publishing, outward.syndication, clock=clock),
        callbacks=callbacks(common, outward, readers, secret=derived(master, b"callbacks")),
        streams=WireStreams(
            outward.wire, common.follower, WireLines(settings.wire.lines), clock=clock
        ),
    )


def _fields(part: Means | Credentials | Callers | Outlets | Newsroom) -> dict[str, Any]:
    return {field.name: getattr(part, field.name) for field in fields(part)}
