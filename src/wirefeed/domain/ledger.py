"""The ledger: which stretches of the wire somebody was given, and when. Pure.

What a subscriber was given by one way is kept as intervals of positions, never story by story:
whoever has a stretch may have every version in it that it was entitled to. A kill of late divides
them, so that the time it was given at is known; one that nobody watches any more does not.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wirefeed.domain.plans import DAY

#: Of one subscriber by one way; beyond it, the oldest are joined where no kill is between them.
MOST = 50
#: Old kills that were given within this time are taken to be given at its end.
_SPAN = 30 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A stretch of the wire that a subscriber was given by one way."""

    #: Positions, both of them in it.
    first: int
    last: int
    #: When it was first given any of it.
    since: int
    #: When it was given the last of the kills in it; None: as soon as any of it.
    late: int | None = None
    #: Whether it was given every kill in it: not of one that was made of two with a gap.
    sure: bool = True
    #: When it said that it has them.
    acknowledged: int | None = None

    @property
    def had(self) -> int:
        """When it had all the kills in it."""
        return self.since if self.late is None else self.late


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What was given of the wire at once: a stretch of it, but of its kills maybe only some."""

    first: int
    last: int
    #: The kills that were given, in order, those from before it too; None: whatever is in it.
    kills: tuple[int, ...] | None = None

    def given(self, at: int, kills: Sequence[int], settled: int) -> Iterator[Interval]:
        """Say what somebody holds to whom it was given at a time: not the kills it leaves out.

        `kills` are those of late, in order; which of older ones there are, up to `settled`, is not
        known.
        """
        first = self.first
        if self.kills is not None:
            shown = frozenset(self.kills)
            yield from (Interval(first=one, last=one, since=at) for one in self._apart(settled))
            if first <= min(settled, self.last):
                ends = min(settled, self.last)
                yield Interval(first=first, last=ends, since=at, sure=False)
                first = ends + 1
            for kill in kills[bisect_left(kills, first) : bisect_right(kills, self.last)]:
                if kill not in shown:
                    if first < kill:
                        yield Interval(first=first, last=kill - 1, since=at)
                    first = kill + 1
        if first <= self.last:
            yield Interval(first=first, last=self.last, since=at)

    def _apart(self, settled: int) -> Iterator[int]:
        """Give the kills that are known of it by themselves."""
        return (kill for kill in self.kills or () if kill < self.first or kill <= settled)


@dataclass(frozen=True, slots=True)
class _Kills:
    """The kills on the wire: those of late by their positions, in order; older ones by a bound."""

    recent: Sequence[int]
    #: No position above it has a kill that is not among them.
    settled: int

    def of_late(self, first: int, last: int) -> bool:
        """Say whether there is one of late in a stretch."""
        return bisect_left(self.recent, first) < bisect_right(self.recent, last)


def joined(
    held: Iterable[Interval],
    new: Interval,
    kills: Sequence[int],
    *,
    settled: int = 0,
    most: int = MOST,
) -> tuple[Interval, ...]:
    """Add a stretch to those held, as `all_joined` does."""
    return all_joined(held, (new,), kills, settled=settled, most=most)


def all_joined(
    held: Iterable[Interval],
    new: Iterable[Interval],
    kills: Sequence[int],
    *,
    settled: int = 0,
    most: int = MOST,
) -> tuple[Interval, ...]:
    """Add stretches to those held, in the order in which they were given.

    `kills` are the positions of the kills of late, in order; up to `settled` there may be older
    ones. What touches is one stretch, but a kill of late begins a new one, so that the time it
    was given at stays known.
    """
    parts = sorted(held, key=_first)
    for one in new:
        _put(parts, one)
    known = _Kills(kills, settled)
    return tuple(_fewer(_touching(parts, known), known, most))


def besides(new: Iterable[Interval], held: Iterable[Interval]) -> list[Interval]:
    """Give what of some stretches is not held."""
    known = sorted(held, key=_first)
    there, found = set(known), list[Interval]()
    for one in new:
        parts = list(known)
        _put(parts, one)
        found += [part for part in parts if part not in there]
    return found


def _first(one: Interval) -> int:
    return one.first


def _put(parts: list[Interval], new: Interval) -> None:
    """Put what of a stretch is not there yet where it belongs."""
    at = bisect_right(parts, new.first, key=_first)
    begins = new.first if at == 0 else max(new.first, parts[at - 1].last + 1)
    while begins <= new.last:
        ends = new.last if at == len(parts) else min(new.last, parts[at].first - 1)
        if begins <= ends:
            parts.insert(at, replace(new, first=begins, last=ends))
            at += 1
        if at == len(parts):
            return
        begins = parts[at].last + 1
        at += 1


def _touching(parts: Iterable[Interval], kills: _Kills) -> list[Interval]:
    """Make one of those that touch, as far as nothing is lost that anybody wants to know."""
    found: list[Interval] = []
    for one in parts:
        if found and found[-1].last + 1 == one.first and _go_together(found[-1], one, kills):
            found[-1] = _one_of(found[-1], one, kills)
        else:
            found.append(one)
    return found


def _go_together(left: Interval, right: Interval, kills: _Kills) -> bool:
    if kills.of_late(right.first, right.last):
        return False
    if kills.of_late(left.first, left.last) and right.since < left.since:
        # A kill that came late is no time of what was there before it.
        return False
    if right.first > kills.settled:
        return True
    told_alike = left.acknowledged is None or right.acknowledged is not None
    return left.sure and right.sure and told_alike and right.had - left.since <= _SPAN


def _fewer(parts: Sequence[Interval], kills: _Kills, most: int) -> list[Interval]:
    """Join the oldest while there are too many, also over what was not given.

    No kill of late is ever held so that was not given; older ones in between are in doubt.
    """
    beyond, found = len(parts) - most, list[Interval]()
    for one in parts:
        if beyond > 0 and found and not kills.of_late(found[-1].last + 1, one.last):
            found[-1] = _one_of(found[-1], one, kills)
            beyond -= 1
        else:
            found.append(one)
    return found


def _one_of(left: Interval, right: Interval, kills: _Kills) -> Interval:
    """Make one of two, no kill of late being in the second or between them."""
    since = min(left.since, right.since)
    if kills.of_late(left.first, left.last):
        # All its kills came with the first of it, and none has come since.
        late = None if left.had == since else left.had
        return replace(left, last=right.last, since=since, late=late)
    if right.first > kills.settled:
        late = left.had if left.first <= kills.settled else None
        told = left.acknowledged
        whole = left.last + 1 == right.first or left.last >= kills.settled
        sure = left.sure and whole
    else:
        late = max(left.had, right.had)
        # Whoever says that it has a position has what came before it.
        told = right.acknowledged
        sure = left.sure and right.sure and left.last + 1 == right.first
    return Interval(
        first=left.first,
        last=right.last,
        since=since,
        late=None if late == since else late,
        sure=sure,
        acknowledged=told,
    )


def acknowledged(
    held: Iterable[Interval], upto: int, at: int, kills: Sequence[int]
) -> tuple[Interval, ...]:
    """Note that a subscriber said it has what it was given up to a position, kills above all."""
    known = _Kills(kills, 0)
    return tuple(
        replace(one, acknowledged=at)
        if one.acknowledged is None
        and known.of_late(one.first, min(one.last, upto))
        and not known.of_late(max(one.first, upto + 1), one.last)
        else one
        for one in held
    )
