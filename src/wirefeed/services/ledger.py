"""The ledger: what each subscriber was given of the wire; noted at once, written down soon.

No request waits for it, and none fails with it: while the database is away, what is noted is
kept as far as there is room.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

import structlog

from wirefeed.domain.errors import Unavailable
from wirefeed.domain.feeds import KILL_STAYS
from wirefeed.domain.ledger import Interval, Stretch
from wirefeed.domain.ways import (
    MOST_FILTERS,
    Filter,
    beyond,
    filter_name,
    is_filtered,
    named,
    way_of,
)
from wirefeed.services import ledger_book
from wirefeed.services.documents import Document
from wirefeed.services.ledger_book import Given, Noted, Told, later
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
#: And so many that it has shown to have,
_SHOWN = 20
#: microseconds after which whichever process gave it that has written it down, and knows when.
_SETTLES = 10_000_000
#: A document or a way, and the position that tells it apart.
_Known: TypeAlias = tuple[str, bytes | str, int]
_log = structlog.get_logger("wirefeed.ledger")


class Ledger:
    """Who was given which stretch of the wire, by which way, and has acknowledged it."""

    def __init__(self, database: Database, *, clock: Callable[[], int], room: int = 50_000) -> None:
        self._database = database
        self._clock = clock
        self._room = room
        #: To whom which document or story was given: what was noted is not noted again.
        self._given: set[_Known] = set()
        self._heard: dict[Whose, list[Given]] = {}
        #: Stretches in it, and ways with a filter by subscriber.
        self._stretches = 0
        self._filtered: Counter[str] = Counter()
        self._filters: dict[str, Filter] = {}
        self._acknowledged: dict[Whose, Told] = {}
        self._shown: dict[Whose, list[Interval]] = {}
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
        this = (subscriber, document.name, told.kills[-1] if told.kills else 0)
        if this not in self._given:
            way = self.through(way_of(address), subscriber, Filter(plans=plans))
            self._once(this, has_room=self.given(subscriber, way, told))

    def read(self, subscriber: str, way: str, position: int) -> None:
        """Note that a subscriber was given one story, as it stands since a position."""
        this = (subscriber, way, position)
        if this not in self._given:
            told = Stretch(first=position, last=position)
            self._once(this, has_room=self.given(subscriber, way, told))

    def _once(self, this: _Known, *, has_room: bool) -> None:
        """Know that something is noted; what there was no room for is, the next time."""
        if not has_room:
            return
        if len(self._given) >= self._room:
            self._given.clear()
        self._given.add(this)

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

    def given(self, subscriber: str, way: str, told: Stretch) -> bool:
        """Note that a subscriber was given a stretch of the wire, and which of its kills.

        Says whether there was room for it.
        """
        held = self._heard.get((subscriber, way))
        is_full = self._stretches >= self._room or (held is not None and len(held) >= _STRETCHES)
        if not is_full:
            self._hold((subscriber, way), [(self._clock(), told)])
        elif not (held and _follows(held, told)):
            self._dropped += 1
            return False
        return True

    def _hold(self, whose: Whose, stretches: Sequence[Given]) -> None:
        held = self._heard.get(whose)
        if held is None:
            held = self._heard[whose] = []
            if is_filtered(whose[1]):
                self._filtered[whose[0]] += 1
        held.extend(stretches)
        self._stretches += len(stretches)
        if len(held) * 2 >= _STRETCHES or self._stretches * 2 >= self._room:
            self._full.set()

    def _take(self, whose: Whose) -> list[Given]:
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

    def came_back(
        self, subscriber: str, way: str, part: Filter | None, stretch: tuple[int, int], since: int
    ) -> None:
        """Note that a subscriber shows that it was given a stretch since a time, and has it.

        It may have been given it by a process that could not write that down any more. `part` is
        what comes by the way, where that is known.
        """
        (first, last), now, whose = stretch, self._clock(), (subscriber, way)
        self.acknowledged(subscriber, way, last)
        if first > last or (whose not in self._shown and len(self._shown) >= self._room):
            return
        if part is not None and is_filtered(way):
            self._filters[filter_name(way)] = part
        new = Interval(first=first, last=last, since=min(since, now), late=now)
        shown = self._shown.setdefault(whose, [])
        for at, one in enumerate(shown):
            if one.first <= last + 1 and first <= one.last + 1:
                shown[at] = _both(one, new)
                return
        if len(shown) < _SHOWN:
            shown.append(new)

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Write down what is noted, until cancelled, and then what is left; failures are told."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE - _REST):
                        await self._full.wait()
                await self._try(failed, _SETTLES, in_turn=True)
                # However much comes, others want to write, too.
                await asyncio.sleep(_REST)
        finally:
            await self._try(failed)

    async def _try(
        self, failed: Callable[[Exception], None], rest: int = 0, *, in_turn: bool = False
    ) -> None:
        try:
            await self.flush(rest, in_turn=in_turn)
        except Exception as error:  # noqa: BLE001 - what is noted is kept, and tried again
            failed(error)

    async def settle(self) -> None:
        """Write down what is noted before it is looked at, if that is possible now."""
        with suppress(Unavailable):
            await self.flush()

    async def flush(self, rest: int = 0, *, in_turn: bool = False) -> None:
        """Write down what is noted; what cannot be written is kept, and goes along next time.

        So does what was shown to be held within the last microseconds, if it is to rest so long.
        In turn, others may write after each part, for as long as that took: a process that waits
        for the lock only looks for it now and then.
        """
        upto = self._clock() - rest
        async with self._writing:
            self._full.clear()
            waiting = self._due(upto)
        for at in range(0, len(waiting), _BATCH):
            began = time.monotonic()
            await self._flush(waiting[at : at + _BATCH], upto)
            if in_turn:
                await asyncio.sleep(time.monotonic() - began)
        if self._dropped:
            _log.warning("ledger dropped", stretches=self._dropped)
            self._dropped = 0

    async def _flush(self, some: Sequence[Whose], upto: int) -> None:
        async with self._writing:
            # Some of it may have been written meanwhile.
            noted = {one: note for one in some if (note := self._noted(one, upto))}
            if not noted:
                return
            try:
                await uninterrupted(self._write(noted))
            except BaseException:
                self._put_back(noted)
                raise

    def _due(self, upto: int) -> list[Whose]:
        rested = (whose for whose, shown in self._shown.items() if shown[0].had <= upto)
        return list(dict.fromkeys((*self._heard, *self._acknowledged, *rested)))

    def _noted(self, whose: Whose, upto: int) -> Noted:
        told, shown = self._acknowledged.pop(whose, None), list[Interval]()
        if whose in self._shown and self._shown[whose][0].had <= upto:
            shown = self._shown.pop(whose)
            told = later(told, (max(one.last for one in shown), max(one.had for one in shown)))
        return Noted(given=self._take(whose), shown=shown, told=told)

    def _put_back(self, noted: Mapping[Whose, Noted]) -> None:
        for whose, note in noted.items():
            if since := [*note.given, *self._take(whose)]:
                self._hold(whose, since)
            if note.shown:
                self._shown[whose] = [*note.shown, *self._shown.get(whose, ())][:_SHOWN]
            if (told := later(note.told, self._acknowledged.get(whose))) is not None:
                self._acknowledged[whose] = told

    async def _write(self, noted: Mapping[Whose, Noted]) -> None:
        filters = dict(self._filters)
        await self._database.write(ledger_book.write, noted, filters, self._clock() - KILL_STAYS)
        # Of what waits for its turn, some may come by the same.
        left = {filter_name(way) for _, way in (*self._heard, *self._shown)}
        for name in {filter_name(way) for _, way in noted} - left:
            self._filters.pop(name, None)


def _both(one: Interval, new: Interval) -> Interval:
    """Make one of two that touch; it rests no longer than the first of them."""
    return replace(
        one,
        first=min(one.first, new.first),
        last=max(one.last, new.last),
        since=min(one.since, new.since),
    )


def _follows(held: list[Given], told: Stretch) -> bool:
    """Put a stretch to the last one that is held, if it goes on there."""
    at, last = held[-1]
    goes_on = last.first <= told.first <= last.last + 1
    if not goes_on or last.kills is not None or told.kills is not None:
        return False
    held[-1] = (at, replace(last, last=max(last.last, told.last)))
    return True
