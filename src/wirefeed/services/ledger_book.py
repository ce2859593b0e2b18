"""Writes down what the ledger has noted, under the ways it is kept by; in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.ledger import MOST, Interval, Stretch, acknowledged, all_joined, besides
from wirefeed.domain.ways import (
    MOST_FILTERS,
    Filter,
    beyond,
    channel_of,
    filter_name,
    is_filtered,
    is_single,
    told_alike,
)
from wirefeed.storage import received
from wirefeed.storage.received import Whose

#: Single stories of one subscriber by one way that are told apart.
SINGLES = 500
#: What was given, and when.
Given: TypeAlias = tuple[int, Stretch]
#: Up to which position somebody says that it has what it was given, and when it said so.
Told: TypeAlias = tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Noted:
    """What is noted of one subscriber by one way."""

    given: list[Given] = field(default_factory=list)
    #: What it has shown to have, whether or not it is known by which way it was given that.
    shown: list[Interval] = field(default_factory=list)
    told: Told | None = None

    def __bool__(self) -> bool:
        """Say whether anything is."""
        return bool(self.given or self.shown or self.told)


class _Kills(NamedTuple):
    """Those of late, and up to where there may be older ones."""

    recent: Sequence[int]
    settled: int


async def write(
    connection: AsyncConnection,
    noted: Mapping[Whose, Noted],
    filters: Mapping[str, Filter],
    since: int,
) -> None:
    """Write it down, with the filters of its ways; kills since a time are those of late."""
    kept = await _told_apart(connection, noted)
    others = {(one, told_alike(way)) for (one, way), note in kept.items() if note.shown}
    held = await received.held(connection, list(others | kept.keys()))
    kills = _Kills(*await received.recent_kills(connection, since))
    now = dict(held)
    for whose in kept.keys() & held.keys():
        given = (one for at, told in kept[whose].given for one in told.given(at, *kills))
        now[whose] = _joined(whose[1], held[whose], list(given), kills)
    after = {whose: _shown(whose, kept[whose], now, kills) for whose in kept.keys() & held.keys()}
    await received.hold(connection, held, after)
    names = {filter_name(way) for _, way in kept} & filters.keys()
    await received.keep_filters(connection, {name: filters[name] for name in names})


def _joined(
    way: str, held: Sequence[Interval], new: Sequence[Interval], kills: _Kills
) -> tuple[Interval, ...]:
    most = SINGLES if is_single(way) else MOST
    return all_joined(held, new, kills.recent, settled=kills.settled, most=most)


def _shown(
    whose: Whose, noted: Noted, now: Mapping[Whose, Sequence[Interval]], kills: _Kills
) -> tuple[Interval, ...]:
    """Give what a subscriber holds by a way, with what it says and shows to have."""
    subscriber, way = whose
    # Whoever follows the wire may go on by another way than it came by.
    other = now.get((subscriber, told_alike(way)), ())
    new = besides(noted.shown, other)
    intervals = _joined(way, now[whose], new, kills) if new else tuple(now[whose])
    return intervals if noted.told is None else acknowledged(intervals, *noted.told, kills.recent)


async def _told_apart(
    connection: AsyncConnection, noted: Mapping[Whose, Noted]
) -> dict[Whose, Noted]:
    """Give what is noted by the ways it is kept under: of a channel, no more than so many."""
    kept: dict[Whose, Noted] = {}
    known: dict[Whose, set[str]] = {}
    for (subscriber, way), note in noted.items():
        name = way
        if is_filtered(way):
            channel = (subscriber, channel_of(way))
            if channel not in known:
                known[channel] = await received.ways(connection, *channel)
            if way not in known[channel] and len(known[channel]) >= MOST_FILTERS:
                name = beyond(way)
            if note.given or note.shown:
                known[channel].add(name)
        there = kept.setdefault((subscriber, name), Noted())
        there.given += note.given
        there.shown += note.shown
        there.told = later(there.told, note.told)
    return kept


def later(one: Told | None, other: Told | None) -> Told | None:
    """Give what was said last, as of when the first of it was said."""
    if one is None or other is None:
        return one or other
    return max(one[0], other[0]), min(one[1], other[1])
