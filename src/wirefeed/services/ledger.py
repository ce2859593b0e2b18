"""The ledger: what each subscriber was given of the wire; noted at once, written down soon.

No request waits for it, and none fails with it: while the database is away, what is noted is
kept as far as there is room.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.errors import Unavailable
from wirefeed.domain.feeds import KILL_STAYS
from wirefeed.domain.ledger import MOST, Interval, Stretch, acknowledged, all_joined
from wirefeed.domain.ways import (
    MOST_FILTERS,
    Filter,
    beyond,
    channel_of,
    filter_name,
    is_filtered,
    is_single,
    named,
    way_of,
)
from wirefeed.services.documents import Document
from wirefeed.storage import received
from wirefeed.storage.database import Database, uninterrupted
from wirefeed.storage.received import Whose

#: Seconds between two writings: nobody reads while one is being made durable.
_PAUSE = 3
#: So many of them also when there is more than can wait.
_REST = 0.3
#: Subscribers and ways in one transaction: others want to write, too.
_BATCH = 100
#: Of one subscriber by one way, between two writings; at half of it, the next one comes at once.
_STRETCHES = 1_000
#: Single stories of one subscriber by one way that are told apart.
_SINGLES = 500
#: A document or a way, and the position that tells it apart.
_Known: TypeAlias = tuple[str, bytes | str, int]
#: What was given, and when.
_Given: TypeAlias = tuple[int, Stretch]
_log = structlog.get_logger("wirefeed.ledger")


class Ledger:
    """Who was given which stretch of the wire, by which way, and has acknowledged it."""

    def __init__(self, database: Database, *, clock: Callable[[], int], room: int = 50_000) -> None:
        self._database = database
        self._clock = clock
        self._room = room
        #: To whom which document or story was given: what was noted is not noted again.
        self._given: set[_Known] = set()
        self._heard: dict[Whose, list[_Given]] = {}
        #: Stretches in it, and ways with a filter by subscriber.
        self._stretches = 0
        self._filtered: Counter[str] = Counter()
        self._filters: dict[str, Filter] = {}
        self._acknowledged: dict[Whose, tuple[int, int]] = {}
        self._writing = asyncio.Lock()
        self._full = asyncio.Event()
        #: How much was not noted, for want of room.
        self._dropped = 0

    @property
    def waiting(self) -> int:
        """How many subscribers and ways something is noted of that is not written down."""
        return len(self._heard)

    def fetched(
        self, subscriber: str, address: str, document: Document, plans: frozenset[str] | None
    ) -> None:
        """Note that a subscriber was given a feed in full; `address` is the end of its address.

        `plans` are those that its token is narrowed to.
        """
        told = document.told
        # What stands in place of a story looks the same before and after that is killed.
        if self._is_new((subscriber, document.name, told.kills[-1] if told.kills else 0)):
            way = self.through(way_of(address), subscriber, Filter(plans=plans))
            self.given(subscriber, way, told)

    def read(self, subscriber: str, way: str, position: int) -> None:
        """Note that a subscriber was given one story, as it stands since a position."""
        if self._is_new((subscriber, way, position)):
            self.heard(subscriber, way, position, position)

    def _is_new(self, given: _Known) -> bool:
        if given in self._given:
            return False
        if len(self._given) >= self._room:
            self._given.clear()
        self._given.add(given)
        return True

    def through(self, channel: str, subscriber: str, part: Filter) -> str:
        """Name the way of a channel by which no more than a part of the wire comes."""
        way = named(channel, part)
        if not is_filtered(way) or (subscriber, way) in self._heard:
            return way
        # Whoever asks with another filter each time is to take nobody's place.
        if self._filtered[subscriber] >= MOST_FILTERS:
            return beyond(way)
        self._filters[filter_name(way)] = part
        return way

    def heard(self, subscriber: str, way: str, first: int, last: int) -> None:
        """Note that a subscriber was given a stretch of the wire, both positions in it."""
        self.given(subscriber, way, Stretch(first=first, last=last))

    def given(self, subscriber: str, way: str, told: Stretch) -> None:
        """Note that a subscriber was given a stretch of the wire, and which of its kills."""
        held = self._heard.get((subscriber, way))
        is_full = self._stretches >= self._room or (held is not None and len(held) >= _STRETCHES)
        if not is_full:
            self._hold((subscriber, way), [(self._clock(), told)])
        elif not (held and _follows(held, told)):
            self._dropped += 1

    def _hold(self, whose: Whose, stretches: Sequence[_Given]) -> None:
        held = self._heard.get(whose)
        if held is None:
            held = self._heard[whose] = []
            if is_filtered(whose[1]):
                self._filtered[whose[0]] += 1
        held.extend(stretches)
        self._stretches += len(stretches)
        if len(held) * 2 >= _STRETCHES or self._stretches * 2 >= self._room:
            self._full.set()

    def _take(self, whose: Whose) -> list[_Given]:
        held = self._heard.pop(whose, [])
        self._stretches -= len(held)
        if held and is_filtered(whose[1]):
            self._filtered[whose[0]] -= 1
            if not self._filtered[whose[0]]:
                del self._filtered[whose[0]]
        return held

    def acknowledged(self, subscriber: str, way: str, last: int) -> None:
        """Note that a subscriber has what it was given by a way, up to a position."""
        whose = (subscriber, way)
        upto, at = self._acknowledged.get(whose, (-1, self._clock()))
        if last > upto and (whose in self._acknowledged or len(self._acknowledged) < self._room):
            self._acknowledged[whose] = (last, at)

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Write down what is noted, until cancelled, and then what is left; failures are told."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE - _REST):
                        await self._full.wait()
                await self._try(failed)
                # However much comes, others want to write, too.
                await asyncio.sleep(_REST)
        finally:
            await self._try(failed)

    async def _try(self, failed: Callable[[Exception], None]) -> None:
        try:
            await self.flush()
        except Exception as error:  # noqa: BLE001 - what is noted is kept, and tried again
            failed(error)

    async def settle(self) -> None:
        """Write down what is noted before it is looked at, if that is possible now."""
        with suppress(Unavailable):
            await self.flush()

    async def flush(self) -> None:
        """Write down what is noted; what cannot be written is kept, and goes along next time."""
        async with self._writing:
            self._full.clear()
            while self._heard or self._acknowledged:
                some = list(dict.fromkeys((*self._heard, *self._acknowledged)))[:_BATCH]
                heard = {one: self._take(one) for one in some}
                told = {one: self._acknowledged.pop(one, None) for one in some}
                try:
                    await uninterrupted(self._write(heard, told))
                except BaseException:
                    self._put_back(heard, told)
                    raise
            if self._dropped:
                _log.warning("ledger dropped", stretches=self._dropped)
                self._dropped = 0

    def _put_back(
        self,
        heard: dict[Whose, list[_Given]],
        told: dict[Whose, tuple[int, int] | None],
    ) -> None:
        for whose, stretches in heard.items():
            if later := [*stretches, *self._take(whose)]:
                self._hold(whose, later)
        for whose, one in told.items():
            if one is not None:
                newer = self._acknowledged.get(whose, one)
                self._acknowledged[whose] = (max(one[0], newer[0]), one[1])

    async def _write(
        self,
        heard: Mapping[Whose, list[_Given]],
        told: Mapping[Whose, tuple[int, int] | None],
    ) -> None:
        async with self._database.writing() as connection:
            kept = await _told_apart(connection, heard)
            before = await received.held(connection, list(kept))
            recent = await received.recent_kills(connection, self._clock() - KILL_STAYS)
            after = {
                whose: _now(whose[1], held, kept[whose], told.get(whose), *recent)
                for whose, held in before.items()
            }
            await received.hold(connection, before, after)
            names = {filter_name(way) for _, way in kept} & self._filters.keys()
            await received.keep_filters(connection, {n: self._filters[n] for n in names})
        for _, way in heard:
            self._filters.pop(filter_name(way), None)


def _follows(held: list[_Given], told: Stretch) -> bool:
    """Put a stretch to the last one that is held, if it goes on there."""
    at, last = held[-1]
    goes_on = last.first <= told.first <= last.last + 1
    if not goes_on or last.kills is not None or told.kills is not None:
        return False
    held[-1] = (at, replace(last, last=max(last.last, told.last)))
    return True


async def _told_apart(
    connection: AsyncConnection, heard: Mapping[Whose, list[_Given]]
) -> dict[Whose, list[_Given]]:
    """Give what was heard by the ways it is kept under: of a channel, no more than so many."""
    kept: dict[Whose, list[_Given]] = {}
    known: dict[Whose, set[str]] = {}
    for (subscriber, way), stretches in heard.items():
        name = way
        if stretches and is_filtered(way):
            channel = (subscriber, channel_of(way))
            if channel not in known:
                known[channel] = await received.ways(connection, *channel)
            if way not in known[channel] and len(known[channel]) >= MOST_FILTERS:
                name = beyond(way)
            known[channel].add(name)
        kept.setdefault((subscriber, name), []).extend(stretches)
    return kept


def _now(
    way: str,
    held: Sequence[Interval],
    heard: Sequence[_Given],
    told: tuple[int, int] | None,
    kills: Sequence[int],
    settled: int,
) -> tuple[Interval, ...]:
    """Give what a subscriber holds by a way, with what is new."""
    most = _SINGLES if is_single(way) else MOST
    new = [one for at, stretch in heard for one in stretch.given(at, kills, settled)]
    intervals = all_joined(held, new, kills, settled=settled, most=most)
    return intervals if told is None else acknowledged(intervals, *told, kills)
