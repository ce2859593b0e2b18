"""The composition root: reads the files, opens the database and puts the services together.

Only this module, `web.app` and `cli` build adapters, and only here is the clock read.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wirefeed import __version__
from wirefeed.config import RedisSettings, Settings
from wirefeed.domain.feeds import Shape
from wirefeed.domain.leaks import Policy
from wirefeed.domain.plans import DAY
from wirefeed.domain.stories import Feed
from wirefeed.domain.topics import Taxonomy
from wirefeed.formats import markup
from wirefeed.outbound.door import Outbound, outbound
from wirefeed.services.accounts import Accounts
from wirefeed.services.addresses import Named, named
from wirefeed.services.administrators import Administrators
from wirefeed.services.audit import Audit
from wirefeed.services.bulk import Bulk
from wirefeed.services.callbacks import Callbacks, Means, callbacks
from wirefeed.services.compressing import Compressor
from wirefeed.services.definitions import read_plans, read_topics
from wirefeed.services.documents import Documents
from wirefeed.services.drills import Drills
from wirefeed.services.duties import Duty
from wirefeed.services.endings import Endings
from wirefeed.services.feed_keys import FeedKeys
from wirefeed.services.follower import Follower
from wirefeed.services.guessing import Guesses
from wirefeed.services.handovers import HandOvers
from wirefeed.services.house import House
from wirefeed.services.keyring import Keyring
from wirefeed.services.kill_alarms import HELD, KillAlarms
from wirefeed.services.kills import Kills
from wirefeed.services.leak_reports import LeakReports
from wirefeed.services.leaks import Leaks
from wirefeed.services.ledger import Ledger
from wirefeed.services.lost_kills import LostKills
from wirefeed.services.master_key import master_key
from wirefeed.services.media import Media
from wirefeed.services.metrics import Metrics
from wirefeed.services.newsdesk import Newsdesk
from wirefeed.services.plans import Plans
from wirefeed.services.prospects import Prospects
from wirefeed.services.publishing import Publishing
from wirefeed.services.quotas import Quotas
from wirefeed.services.readers import Readers
from wirefeed.services.signing_keys import SigningKeys
from wirefeed.services.syndication import Syndication
from wirefeed.services.threads import Threads
from wirefeed.services.token_gate import TokenGate
from wirefeed.services.tokens import Tokens
from wirefeed.services.usage import Usage
from wirefeed.services.windows import Windows
from wirefeed.services.wire_cursors import WireCursors
from wirefeed.services.wire_entries import WireEntries
from wirefeed.services.wire_lines import WireLines
from wirefeed.services.wire_log import WireLog
from wirefeed.services.wire_pages import WirePages
from wirefeed.services.wire_streams import WireStreams
from wirefeed.storage.cache import Cache, Shared
from wirefeed.storage.database import Database
from wirefeed.storage.lru import Lru
from wirefeed.storage.presence import Presence
from wirefeed.telemetry import in_force, resident_bytes
from wirefeed.texts import load_all

Clock = Callable[[], int]
_HOUR = 3_600_000_000
_MEGABYTE = 1024 * 1024


def utc_now() -> int:
    """Give the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a server or a command works with."""

    settings: Settings
    clock: Clock
    #: What was counted since this process began: a name, then its labels.
    counts: Counter[tuple[str, ...]]
    metrics: Metrics
    taxonomy: Taxonomy
    house: House
    database: Database
    presence: Presence
    follower: Follower
    cache: Cache
    compressor: Compressor
    quotas: Quotas
    keyring: Keyring
    signing_keys: SigningKeys
    audit: Audit
    plans: Plans
    accounts: Accounts
    tokens: Tokens
    feed_keys: FeedKeys
    handovers: HandOvers
    administrators: Administrators
    leaks: Leaks
    leak_reports: LeakReports
    usage: Usage
    readers: Readers
    guesses: Guesses
    publishing: Publishing
    newsdesk: Newsdesk
    ledger: Ledger
    kills: Kills
    kill_alarms: KillAlarms
    drills: Drills
    syndication: Syndication
    media: Media
    prospects: Prospects
    endings: Endings
    bulk: Bulk
    #: Every feed there is, by the end of its address.
    named: Mapping[str, Named]
    outbound: Outbound
    callbacks: Callbacks
    wire: WirePages
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
        yield Audit(database, _derived(master, b"audit"), clock)
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
    house = House(settings, load_all(settings.site.languages), _derived(master, b"media"))
    keyring = Keyring(database, master, clock)
    max_days = settings.tokens.max_days
    gate = TokenGate(keyring, issuer=database.issuer, max_days=max_days, clock=clock)
    audit = Audit(database, _derived(master, b"audit"), clock)
    tokens = Tokens(
        database, audit, gate, max_days=max_days, max_live=settings.tokens.max_live, clock=clock
    )
    knows = partial(_is_a_feed, taxonomy, settings.site.languages)
    feed_keys = FeedKeys(database, audit, knows=knows, clock=clock)
    publishing = Publishing(
        database,
        taxonomy,
        audit,
        languages=settings.site.languages,
        default_language=settings.default_language,
        sanitiser=markup.EDITION,
        clock=clock,
    )
    leaks = Leaks(
        database,
        audit,
        feed_keys,
        policy=Policy(settings.leaks.policy),
        limits=settings.leaks.limits,
        clock=clock,
    )
    usage = Usage(database, leaks, clock=clock)
    ledger = Ledger(database, clock=clock)
    duty = Duty(database, "kills", clock=clock, held=HELD)
    kills = Kills(database, ledger, alarm_minutes=settings.kills.alarm_minutes, clock=clock)
    handovers = HandOvers(database, audit, tokens, feed_keys, clock=clock)
    plans = Plans(database, audit, topics=taxonomy, languages=settings.site.languages, clock=clock)
    accounts = Accounts(database, audit, clock=clock, remembered=settings.wire.days * DAY)
    presence = Presence(settings.database.url)
    counts: Counter[tuple[str, ...]] = Counter()
    follower = Follower(database, presence, counts)
    grace = settings.database.authority_grace
    log = WireLog(database, follower)
    threads = Threads(_derived(master, b"threads"))
    lost = LostKills(database, log.announcements, threads, follower, clock=clock)
    readers = Readers(database, gate, usage, follower, lost, grace=grace, clock=clock)
    # One bound for all that is rendered: parts and whole documents make room for each other.
    memory = Lru(settings.cache.megabytes * _MEGABYTE)
    cache = Cache(memory, counts, _shared(settings.redis, master, database.log_id, counts))
    compressor = Compressor()
    syndication = Syndication(
        database,
        taxonomy,
        house,
        Documents(
            house,
            cache,
            memory,
            compressor,
            secret=_derived(master, b"documents"),
            counts=counts,
        ),
        Windows(
            database,
            taxonomy,
            threads,
            lost,
            shape=Shape(items=settings.feed.items, span=settings.feed.hours * _HOUR),
            key=_derived(master, b"archives"),
            clock=clock,
        ),
        follower,
        grace=grace,
        clock=clock,
    )
    feeds = named(house.languages, (topic.slug for topic in taxonomy), house.url)
    door = _outbound(settings)
    wire = WirePages(
        log,
        WireCursors(_derived(master, b"wire"), database.log_id),
        WireEntries(database, log, lost, house, threads, memory, counts=counts, clock=clock),
        ledger,
        languages=house.languages,
        days=settings.wire.days,
        clock=clock,
    )
    lines = WireLines(settings.wire.lines)
    return Services(
        settings=settings,
        clock=clock,
        counts=counts,
        metrics=_metrics(counts, publishing, usage, memory),
        taxonomy=taxonomy,
        house=house,
        database=database,
        presence=presence,
        follower=follower,
        cache=cache,
        compressor=compressor,
        quotas=Quotas(settings.limits.per_minute),
        keyring=keyring,
        signing_keys=SigningKeys(database, audit, keyring, max_days=max_days, clock=clock),
        audit=audit,
        plans=plans,
        accounts=accounts,
        tokens=tokens,
        feed_keys=feed_keys,
        handovers=handovers,
        administrators=Administrators(database, audit, clock=clock),
        leaks=leaks,
        leak_reports=LeakReports(
            database,
            audit,
            feed_keys,
            tokens,
            handovers,
            gate,
            secret=settings.leaks.signing_secret,
            clock=clock,
        ),
        usage=usage,
        readers=readers,
        guesses=Guesses(
            per_minute=settings.guessing.per_minute,
            per_hour=settings.guessing.per_hour,
            clock=clock,
        ),
        publishing=publishing,
        ledger=ledger,
        kills=kills,
        kill_alarms=KillAlarms(database, ledger, kills, duty, follower, clock=clock),
        drills=Drills(database, publishing, audit, house, clock=clock),
        newsdesk=Newsdesk(database, publishing, clock=clock),
        syndication=syndication,
        media=Media(database, house.media, clock=clock),
        prospects=Prospects(database, readers, publishing, syndication, clock=clock),
        endings=Endings(database, clock=clock),
        bulk=Bulk(database, plans, accounts, clock=clock),
        named=feeds,
        outbound=door,
        callbacks=callbacks(
            settings,
            Means(database, follower, audit, door, counts, clock),
            feeds,
            house,
            readers,
            syndication,
            wire,
            secret=_derived(master, b"callbacks"),
        ),
        wire=wire,
        streams=WireStreams(wire, follower, lines, clock=clock),
    )


def _outbound(settings: Settings) -> Outbound:
    server, own_url = settings.server, settings.public_url
    return outbound(
        private_networks=settings.outbound.private_networks,
        ports=settings.outbound.ports,
        own_ports=(server.port, server.ops_port or server.port + 1),
        own_url=own_url,
        user_agent=f"wirefeed/{__version__} (+{own_url})",
    )


def _shared(
    settings: RedisSettings, master: bytes, log_id: str, counts: Counter[tuple[str, ...]]
) -> Shared | None:
    if not settings.url:
        return None
    # Slow to import, and not everybody has one.
    from wirefeed.storage.redis_cache import RedisCache  # noqa: PLC0415

    return RedisCache(
        settings.url,
        space=log_id,
        secret=_derived(master, b"cache"),
        seconds=settings.keep_hours * 3600,
        counts=counts,
    )


def _metrics(
    counts: Counter[tuple[str, ...]], publishing: Publishing, usage: Usage, memory: Lru
) -> Metrics:
    """Say where the numbers are; a supervisor's workers share theirs in its folder."""
    folder = os.environ.get("WIREFEED_WORKERS_DIR")
    metrics = Metrics(
        counts,
        worker=os.environ.get("WIREFEED_WORKER", "0"),
        folder=Path(folder) if folder else None,
    )
    metrics.watch("publishing", lambda: publishing.waiting)
    metrics.watch("usage", lambda: usage.waiting)
    metrics.watch("cache", lambda: memory.size)
    metrics.watch("memory", resident_bytes)
    if (log := in_force()) is not None:
        metrics.watch("log", lambda: log.waiting)
        metrics.watch("log-lost", lambda: log.lost)
    return metrics


def _derived(master: bytes, purpose: bytes) -> bytes:
    """Give a key for one purpose: what is made with one says nothing of another."""
    return hashlib.blake2b(purpose, key=master, digest_size=32).digest()


def _is_a_feed(taxonomy: Taxonomy, languages: Collection[str], feed: Feed) -> bool:
    return feed.language in languages and (not feed.topic or feed.topic in taxonomy)
