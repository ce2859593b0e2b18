"""The ledger: who was given which stretch of the wire, and what that says of a killed story. Pure.

What a subscriber was given by one way is kept as intervals of positions, never story by story:
whoever has a stretch may have every version in it that it was entitled to.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from wirefeed.domain.access import Grant, Level
from wirefeed.domain.feeds import KILL_STAYS
from wirefeed.domain.hearing import reaches
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Audience

#: Of one subscriber by one way; beyond it, the oldest are joined where no kill is between them.
MOST = 50
#: How the way of a feed begins: what follows are its language and its topic.
FEED = "feed:"
#: The same, sent by the WebSub hub.
HUB = "hub:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A stretch of the wire that a subscriber was given by one way."""

    #: Positions, both of them in it.
    first: int
    last: int
    #: When it was first given any of it: all kills in it came with that.
    since: int
    #: When it said that it has them.
    acknowledged: int | None = None


def joined(
    held: Iterable[Interval], new: Interval, kills: Sequence[int], most: int = MOST
) -> tuple[Interval, ...]:
    """Add a stretch to those held; `kills` are the positions of kills, in order.

    What touches is one stretch. But a kill begins a new one, so that the time it was given at
    stays known.
    """
    held = tuple(held)
    parts: list[Interval] = []
    for one in sorted((*held, *_beyond(held, new)), key=lambda one: one.first):
        touches = bool(parts) and parts[-1].last + 1 == one.first
        if touches and not _has_any(kills, one.first, one.last):
            parts[-1] = _one_of(parts[-1], one, kills)
        else:
            parts.append(one)
    while len(parts) > most and (at := _oldest_gap(parts, kills)) is not None:
        parts[at : at + 2] = [_one_of(parts[at], parts[at + 1], kills)]
    return tuple(parts)


def _beyond(held: Iterable[Interval], new: Interval) -> list[Interval]:
    """Give what of a stretch is not in those held already."""
    rest, at = [], new.first
    for one in sorted(held, key=lambda one: one.first):
        if one.last < at:
            continue
        if one.first > new.last:
            break
        if at < one.first:
            rest.append(replace(new, first=at, last=one.first - 1))
        at = max(at, one.last + 1)
    if at <= new.last:
        rest.append(replace(new, first=at))
    return rest


def _one_of(left: Interval, right: Interval, kills: Sequence[int]) -> Interval:
    """Make one of two, no kill being in the second: of those in the first, the times stay."""
    has_kills = _has_any(kills, left.first, left.last)
    since = left.since if has_kills else min(left.since, right.since)
    return replace(left, last=right.last, since=since)


def _oldest_gap(held: Sequence[Interval], kills: Sequence[int]) -> int | None:
    """Find the first two that may be taken for one: no kill would be held that was not given."""
    for at, (left, right) in enumerate(pairwise(held)):
        if not _has_any(kills, left.last + 1, right.last):
            return at
    return None


def _has_any(kills: Sequence[int], first: int, last: int) -> bool:
    return bisect_left(kills, first) < bisect_right(kills, last)


def acknowledged(
    held: Iterable[Interval], upto: int, at: int, kills: Sequence[int]
) -> tuple[Interval, ...]:
    """Note that a subscriber said it has what it was given up to a position, kills above all."""
    return tuple(
        replace(one, acknowledged=at)
        if one.acknowledged is None
        and _has_any(kills, one.first, min(one.last, upto))
        and not _has_any(kills, max(one.first, upto + 1), one.last)
        else one
        for one in held
    )


# --- a killed story ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A row of the wire about the story: a version, or the end of a delay."""

    position: int
    at: int
    after: frozenset[Audience]
    delay: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """A killed story: what was announced of it, and its kill."""

    guid: str
    headline: str
    position: int
    at: int
    #: Before its kill, in order.
    announced: tuple[Announced, ...]
    #: Where it ever stood.
    feeds: frozenset[Feed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a subscriber may have been given a story, and whether it was given its kill so."""

    name: str
    level: Level
    since: int
    fetched: int | None = None
    acknowledged: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A subscriber that may have a version of a killed story."""

    subscriber: str
    ways: tuple[Way, ...]

    @property
    def level(self) -> Level:
        """The most it may have seen."""
        return max((way.level for way in self.ways), key=lambda level: level.rank)

    @property
    def since(self) -> int:
        """When it may first have had it."""
        return min(way.since for way in self.ways)

    @property
    def fetched(self) -> int | None:
        """When it was first given the kill, by whichever way; None: not yet."""
        return min((w.fetched for w in self.ways if w.fetched is not None), default=None)

    @property
    def acknowledged(self) -> int | None:
        """When it first said that it has the kill; None: it has not."""
        times = (w.acknowledged for w in self.ways if w.acknowledged is not None)
        return min(times, default=None)


def holder(
    killed: Killed,
    subscriber: str,
    given: Iterable[tuple[str, Sequence[Interval]]],
    grants: Collection[Grant],
) -> Holder | None:
    """Say whether a subscriber of these grants may have had the story, and how it stands.

    `given` are the stretches it was given, by way; None when it had no version.
    """
    ways = (
        _way(killed, name, intervals, grants)
        for name, intervals in given
        if leads_to(name, killed.feeds)
    )
    had = tuple(way for way in ways if way is not None)
    return Holder(subscriber=subscriber, ways=had) if had else None


def _way(
    killed: Killed, name: str, given: Sequence[Interval], grants: Collection[Grant]
) -> Way | None:
    had = list(_had(killed, given, grants))
    if not had:
        return None
    got = [one for one in given if _holds_kill(one, killed, name)]
    return Way(
        name=name,
        level=max((level for level, _ in had), key=lambda level: level.rank),
        since=min(since for _, since in had),
        fetched=min((max(one.since, killed.at) for one in got), default=None),
        acknowledged=min(
            (one.acknowledged for one in got if one.acknowledged is not None), default=None
        ),
    )


def _had(
    killed: Killed, given: Sequence[Interval], grants: Collection[Grant]
) -> Iterator[tuple[Level, int]]:
    """Give each version that is among what was given: how much of it, and since when."""
    for row in killed.announced:
        for one in given:
            if not one.first <= row.position <= one.last or row.delay:
                continue
            told = [grant for grant in grants if reaches(grant, row.after)]
            if told:
                ended = {r.delay for r in killed.announced if r.delay and r.position <= one.last}
                yield _most(told, ended), max(one.since, row.at)


def _most(grants: Iterable[Grant], ended: Collection[int]) -> Level:
    """Give the most that these show, by which delays have ended."""
    full = any(g.level is Level.FULL and (not g.delay or g.delay in ended) for g in grants)
    return Level.FULL if full else Level.SUMMARY


def _holds_kill(given: Interval, killed: Killed, way: str) -> bool:
    if given.first <= killed.position <= given.last:
        return True
    # A feed shows its kills for a time, however many stories have come since.
    late = given.first > killed.position and given.since - killed.at <= KILL_STAYS
    return late and way.startswith((FEED, HUB))


def way_of(address: str, kind: str = FEED) -> str:
    """Name the way of a feed by the end of its address: `en/topics/sport.rss`, in any form."""
    return kind + address.rpartition(".")[0].partition("/archive/")[0]


def leads_to(way: str, feeds: Collection[Feed]) -> bool:
    """Say whether a story that stood in these feeds comes by a way."""
    if not way.startswith((FEED, HUB)):
        return True
    language, _, stem = way.removeprefix(FEED).removeprefix(HUB).partition("/")
    if stem == "mine":
        # What a reader has chosen by now is not what it had chosen.
        return any(feed.language == language for feed in feeds)
    topic = "" if stem == "latest" else stem.removeprefix("topics/")
    return Feed(language=language, topic=topic) in feeds
