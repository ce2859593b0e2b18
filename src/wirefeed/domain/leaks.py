"""What tells that a feed key is known to more people than its owner. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.sightings import SERVICES, Sighting

#: How far back is looked.
WINDOW = 86_400_000_000


class Policy(StrEnum):
    """What follows when a feed key seems to be shared."""

    #: Its reader is told, in its feed.
    NOTICE = "notice"
    #: It is taken back: its address shows what is public, and says why.
    ROTATE = "rotate"
    #: Administrators see it, nothing else.
    NONE = "none"


class Reason(StrEnum):
    """By what a feed key seems to be shared."""

    #: A service reads it for more than one person.
    READERS = "readers"
    NETWORKS = "networks"
    CLIENTS = "clients"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """As many there may be of each in a day; 0: any number.

    One person is more places than one thinks. A telephone on the move has a new network with
    every mast and café, a home and an office that speak both IPv4 and IPv6 are two each: eight
    on a long day. The same person may have a reader on the telephone, one on the desk and one
    that is a service, a browser that looked at the address, and a script: five clients. So a
    dozen networks and half a dozen clients are nobody's ordinary day. An organisation that
    shares a key by its contract goes beyond them every day; it is flagged once, and dismissed.

    A service says itself how many have added the same address, so there two are too many.
    """

    readers: int = 1
    networks: int = 12
    clients: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One sign that a feed key is shared, and how many were counted."""

    reason: Reason
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A suspicion as it was put before the administrators."""

    feed_key: str
    reason: Reason
    count: int
    at: int
    #: When one of them said that it is in order.
    dismissed: int | None = None


def suspicions(sightings: Iterable[Sighting], limits: Limits) -> tuple[Suspicion, ...]:
    """Say what is suspicious about a feed key that was seen like this within `WINDOW`."""
    seen = tuple(sightings)
    counts = {
        Reason.READERS: max((one.readers for one in seen), default=0),
        Reason.NETWORKS: len({_where(one) for one in seen}),
        Reason.CLIENTS: len({one.client for one in seen}),
    }
    allowed = {
        Reason.READERS: limits.readers,
        Reason.NETWORKS: limits.networks,
        Reason.CLIENTS: limits.clients,
    }
    return tuple(
        Suspicion(reason=reason, count=count)
        for reason, count in counts.items()
        if 0 < allowed[reason] < count
    )


def _where(sighting: Sighting) -> str:
    """Give the place of a sighting: a service is one, wherever its machines stand."""
    return sighting.client if sighting.client in SERVICES else sighting.network


def is_news(suspicion: Suspicion, flag: Flag | None) -> bool:
    """Say whether administrators are to be told of a suspicion, given the flag they have of it.

    What they dismissed is news again when half as many have come on top.
    """
    if flag is None:
        return True
    return flag.dismissed is not None and 2 * suspicion.count >= 3 * flag.count
