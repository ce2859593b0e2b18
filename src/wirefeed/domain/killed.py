"""Killed stories: who may have one, by which way, and who was given its kill. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wirefeed.domain.access import Grant, Level
from wirefeed.domain.ledger import Interval
from wirefeed.domain.stories import Feed
from wirefeed.domain.ways import (
    EVERYTHING,
    Filter,
    filter_of,
    is_single,
    leads_to,
)
from wirefeed.domain.wire import Audience

_MINUTE = 60_000_000
_NO_FILTERS: Mapping[str, Filter] = {}
#: What a subscriber was given, by way.
Given = Iterable[tuple[str, Sequence[Interval]]]


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
    #: To whom the kill was announced.
    told: frozenset[Audience]
    #: Where it was announced since: brought back, there is no kill to be given any more.
    since: tuple[int, ...] = ()
    #: Where it ever stood.
    feeds: frozenset[Feed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a subscriber may have been given a story, or was given its kill."""

    name: str
    #: How much of it, at most; hidden: no more than the kill came this way.
    level: Level
    #: When it may first have had it, or had the kill.
    since: int
    #: What of the wire came by it; None: nobody knows.
    filter: Filter | None = EVERYTHING
    fetched: int | None = None
    acknowledged: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A subscriber that may have a version of a killed story."""

    subscriber: str
    ways: tuple[Way, ...]
    #: When it was removed; None: it is there.
    gone: int | None = None

    @property
    def level(self) -> Level:
        """The most it may have seen."""
        return max((way.level for way in self.ways), key=lambda level: level.rank)

    @property
    def since(self) -> int:
        """When it may first have had it."""
        return min(way.since for way in self.ways if way.level is not Level.HIDDEN)

    @property
    def fetched(self) -> int | None:
        """When it was first given the kill, by whichever way; None: not yet."""
        return min((w.fetched for w in self.ways if w.fetched is not None), default=None)

    @property
    def acknowledged(self) -> int | None:
        """When it first said that it has the kill; None: it has not."""
        times = (w.acknowledged for w in self.ways if w.acknowledged is not None)
        return min(times, default=None)

    @property
    def waits(self) -> bool:
        """Whether it is still to be given the kill; one that is gone cannot be."""
        return self.fetched is None and self.gone is None


def holder(
    killed: Killed,
    subscriber: str,
    given: Given,
    grants: Collection[Grant],
    *,
    filters: Mapping[str, Filter] = _NO_FILTERS,
    gone: int | None = None,
) -> Holder | None:
    """Say whether a subscriber of these grants may have had the story, and how it stands.

    `given` are the stretches it was given, by way; None when it had no version.
    """
    ways = (
        _way(killed, name, intervals, grants, filter_of(name, filters))
        for name, intervals in given
        if leads_to(name, killed.feeds)
    )
    some = tuple(way for way in ways if way is not None)
    had = any(way.level is not Level.HIDDEN for way in some)
    return Holder(subscriber=subscriber, ways=some, gone=gone) if had else None


def _way(
    killed: Killed,
    name: str,
    given: Sequence[Interval],
    grants: Collection[Grant],
    through: Filter | None,
) -> Way | None:
    had = list(_had(killed, name, given, grants, through or EVERYTHING))
    # Through a filter that nobody knows any story may have come, and no kill is sure to have.
    hears = through == EVERYTHING or (
        through is not None and bool(through.reaches(grants, killed.told))
    )
    got = [one for one in given if hears and _holds_kill(one, killed)]
    fetched = min((max(one.had, killed.at) for one in got), default=None)
    if fetched is not None:
        # Whoever has the story by another way has heard of its end by this one.
        had.append((Level.HIDDEN, fetched))
    if not had:
        return None
    return Way(
        name=name,
        level=max((level for level, _ in had), key=lambda level: level.rank),
        since=min(since for _, since in had),
        filter=through,
        fetched=fetched,
        acknowledged=min(
            (one.acknowledged for one in got if one.acknowledged is not None), default=None
        ),
    )


def _had(
    killed: Killed,
    name: str,
    given: Sequence[Interval],
    grants: Collection[Grant],
    through: Filter,
) -> Iterator[tuple[Level, int]]:
    """Give each version that is among what was given: how much of it, and since when."""
    for row in killed.announced:
        for one in given:
            if not one.first <= row.position <= one.last or row.delay or _is_after(one, killed):
                continue
            told = through.reaches(grants, row.after)
            if told:
                # A story that was asked for by its name may have been so when its delay was over.
                upto = killed.position if is_single(name) else one.last
                ended = {r.delay for r in killed.announced if r.delay and r.position <= upto}
                yield _most(told, ended), max(one.since, row.at)


def _is_after(given: Interval, killed: Killed) -> bool:
    """Say whether it was given when the story was gone; two clocks may differ a little."""
    return given.since > killed.at + _MINUTE


def _most(grants: Iterable[Grant], ended: Collection[int]) -> Level:
    """Give the most that these show, by which delays have ended."""
    full = any(g.level is Level.FULL and (not g.delay or g.delay in ended) for g in grants)
    return Level.FULL if full else Level.SUMMARY


def _holds_kill(given: Interval, killed: Killed) -> bool:
    ended = (killed.position, *killed.since)
    return given.sure and any(given.first <= position <= given.last for position in ended)
