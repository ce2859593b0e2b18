"""What services are put together with, of settings and surroundings. No rules here."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wirefeed import __version__
from wirefeed.config import RedisSettings, Settings
from wirefeed.domain.topics import Taxonomy
from wirefeed.outbound.door import Outbound, outbound
from wirefeed.services.audit import Audit
from wirefeed.services.follower import Follower
from wirefeed.services.house import House
from wirefeed.services.ledger import Ledger
from wirefeed.services.lost_kills import LostKills
from wirefeed.services.metrics import Metrics
from wirefeed.services.threads import Threads
from wirefeed.services.wire_log import WireLog
from wirefeed.storage.cache import Cache, Shared
from wirefeed.storage.database import Database
from wirefeed.storage.lru import Lru
from wirefeed.storage.presence import Presence
from wirefeed.telemetry import in_force, resident_bytes
from wirefeed.texts import load_all

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Means:
    """What services of several subjects need; the first part of all services."""

    settings: Settings
    clock: Callable[[], int]
    #: What was counted since this process began: a name, then its labels.
    counts: Counter[tuple[str, ...]]
    metrics: Metrics
    taxonomy: Taxonomy
    house: House
    database: Database
    audit: Audit
    presence: Presence
    follower: Follower
    log: WireLog
    threads: Threads
    lost: LostKills
    ledger: Ledger
    memory: Lru
    cache: Cache
    outbound: Outbound


def means(
    settings: Settings,
    clock: Callable[[], int],
    taxonomy: Taxonomy,
    master: bytes,
    database: Database,
) -> Means:
    """Put them together; nothing else is opened."""
    counts: Counter[tuple[str, ...]] = Counter()
    presence = Presence(settings.database.url)
    follower = Follower(database, presence, counts)
    log = WireLog(database, follower)
    threads = Threads(derived(master, b"threads"))
    # One bound for all that is rendered: parts and whole documents make room for each other.
    memory = Lru(settings.cache.megabytes * _MEGABYTE)
    return Means(
        settings=settings,
        clock=clock,
        counts=counts,
        metrics=_metrics(counts, memory),
        taxonomy=taxonomy,
        house=House(settings, load_all(settings.site.languages), derived(master, b"media")),
        database=database,
        audit=sealed_audit(database, master, clock),
        presence=presence,
        follower=follower,
        log=log,
        threads=threads,
        lost=LostKills(database, log.announcements, threads, follower, clock=clock),
        ledger=Ledger(database, clock=clock),
        memory=memory,
        cache=Cache(memory, counts, _shared(settings.redis, master, database.log_id, counts)),
        outbound=_outbound(settings),
    )


def derived(master: bytes, purpose: bytes) -> bytes:
    """Give a key for one purpose: what is made with one says nothing of another."""
    return hashlib.blake2b(purpose, key=master, digest_size=32).digest()


def sealed_audit(database: Database, master: bytes, clock: Callable[[], int]) -> Audit:
    """Give the audit of a database, with the key that seals its end."""
    return Audit(database, derived(master, b"audit"), clock)


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
        secret=derived(master, b"cache"),
        seconds=settings.keep_hours * 3600,
        counts=counts,
    )


def _metrics(counts: Counter[tuple[str, ...]], memory: Lru) -> Metrics:
    """Say where the numbers are; a supervisor's workers share theirs in its folder."""
    folder = os.environ.get("WIREFEED_WORKERS_DIR")
    metrics = Metrics(
        counts,
        worker=os.environ.get("WIREFEED_WORKER", "0"),
        folder=Path(folder) if folder else None,
    )
    metrics.watch("cache", lambda: memory.size)
    metrics.watch("memory", resident_bytes)
    if (log := in_force()) is not None:
        metrics.watch("log", lambda: log.waiting)
        metrics.watch("log-lost", lambda: log.lost)
    return metrics
