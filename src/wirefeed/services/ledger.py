"""The ledger: what each subscriber was given of the wire; noted at once, written down soon.

No request waits for it, and none fails with it: while the database is away, what is noted is
kept as far as there is room.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from wirefeed.domain.errors import Unavailable
from wirefeed.domain.ledger import Interval, acknowledged, joined, way_of
from wirefeed.services.documents import Document
from wirefeed.storage import received
from wirefeed.storage.database import Database, uninterrupted
from wirefeed.storage.received import Whose

#: Seconds between two writings: nobody reads while one is being made durable.
_PAUSE = 3
#: Subscribers and ways in one transaction: others want to write, too.
_BATCH = 100
#: Of one subscriber by one way, between two writings.
_STRETCHES = 100
_log = structlog.get_logger("wirefeed.ledger")


class Ledger:
    """Who was given which stretch of the wire, by which way, and has acknowledged it."""

    def __init__(self, database: Database, *, clock: Callable[[], int], room: int = 50_000) -> None:
        self._database = database
        self._clock = clock
        self._room = room
        #: To whom which document was given: what was noted is not noted again.
        self._given: set[tuple[str, bytes]] = set()
        self._heard: dict[Whose, list[Interval]] = {}
        self._acknowledged: dict[Whose, tuple[int, int]] = {}
        self._writing = asyncio.Lock()
        #: How much was not noted, for want of room.
        self._dropped = 0

    @property
    def waiting(self) -> int:
        """How many subscribers and ways something is noted of that is not written down."""
        return len(self._heard)

    def fetched(self, subscriber: str, address: str, document: Document) -> None:
        """Note that a subscriber was given a feed in full; `address` is the end of its address."""
        given = (subscriber, document.name)
        if given in self._given:
            return
        if len(self._given) >= self._room:
            self._given.clear()
        self._given.add(given)
        self.heard(subscriber, way_of(address), document.first, document.last)

    def heard(self, subscriber: str, way: str, first: int, last: int) -> None:
        """Note that a subscriber was given a stretch of the wire, both positions in it."""
        whose = (subscriber, way)
        held = self._heard.get(whose)
        if held is None:
            if len(self._heard) >= self._room:
                self._dropped += 1
                return
            held = self._heard[whose] = []
        if len(held) < _STRETCHES:
            held.append(Interval(first=first, last=last, since=self._clock()))
        elif held[-1].first <= first <= held[-1].last + 1:
            held[-1] = replace(held[-1], last=max(held[-1].last, last))
        else:
            self._dropped += 1

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
                await asyncio.sleep(_PAUSE)
                await self._try(failed)
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
            while self._heard or self._acknowledged:
                some = list(dict.fromkeys((*self._heard, *self._acknowledged)))[:_BATCH]
                heard = {one: self._heard.pop(one, []) for one in some}
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
        heard: dict[Whose, list[Interval]],
        told: dict[Whose, tuple[int, int] | None],
    ) -> None:
        for whose, stretches in heard.items():
            later = self._heard.get(whose, [])
            if stretches or later:
                self._heard[whose] = [*stretches, *later]
        for whose, one in told.items():
            if one is not None:
                newer = self._acknowledged.get(whose, one)
                self._acknowledged[whose] = (max(one[0], newer[0]), one[1])

    async def _write(
        self,
        heard: dict[Whose, list[Interval]],
        told: dict[Whose, tuple[int, int] | None],
    ) -> None:
        async with self._database.writing() as connection:
            before = await received.held(connection, list(heard))
            firsts = [one.first for held in (*before.values(), *heard.values()) for one in held]
            kills = await received.kills(connection, above=min(firsts, default=0) - 1)
            after = {
                whose: _now(held, heard[whose], told[whose], kills)
                for whose, held in before.items()
            }
            await received.hold(connection, before, after)


def _now(
    held: Sequence[Interval],
    heard: Sequence[Interval],
    told: tuple[int, int] | None,
    kills: Sequence[int],
) -> tuple[Interval, ...]:
    """Give what a subscriber holds by a way, with what is new."""
    intervals = tuple(held)
    for new in heard:
        intervals = joined(intervals, new, kills)
    return intervals if told is None else acknowledged(intervals, *told, kills)
