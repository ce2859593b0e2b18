"""The engine that calls callbacks back: which, in what order, how many at once. Knows no protocol.

What is to be sent to whom, and how, is for its sources: each has rows that say up to which
position of the wire a callback was told. Nothing is queued a second time, so whatever is in
memory here can be lost: what was not settled is due again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain import deliveries
from wirefeed.domain.deliveries import FINE, Standing
from wirefeed.domain.errors import Unavailable
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.flights import MOST, Flights, Landed, Outcome, Target
from wirefeed.services.follower import Follower
from wirefeed.storage.database import Database

#: Targets that are asked for at once.
_PAGE = 200
#: Seconds between two looks for what the clock makes due; shorter than a duty lasts.
_TICK = 0.5
#: Seconds for which callbacks are left after a change: what is new is at once asked for by many,
#: who wait for their answers. A kill waits for nothing.
_MOMENT = 0.015
#: Seconds in which what is under way may end when the process does.
_LAST = 1.0

_log = structlog.get_logger("wirefeed.delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which targets are asked for."""

    #: Where the wire ends.
    head: int
    now: int
    #: Where the newest kill may be: see `deliveries.is_due`.
    urgent: int
    limit: int
    #: These are in hand,
    busy: frozenset[str]
    #: and these hosts have enough to do.
    full: frozenset[str]
    #: Says whether it is this process that calls; to be asked before anything is written.
    hold: Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is to be kept of a delivery."""

    target: Target
    outcome: Outcome
    standing: Standing


class Source(Protocol):
    """Knows one kind of callbacks."""

    @property
    def kind(self) -> str:
        """Name the kind, for operators."""

    async def due(self, ask: Ask) -> Sequence[Target]:
        """Give what is due, of nobody and no host that is busy.

        First what is urgent, then what has not failed, then what has waited longest.
        """

    async def settle(self, connection: AsyncConnection, settled: Sequence[Settled]) -> None:
        """Write down what became of deliveries.

        A position only moves forward, and a row that is no longer there is none to write to:
        another process may have done the same, or somebody may have ended it meanwhile. It is
        done in one go, so nothing but the connection may be awaited.
        """


class Duty(Protocol):
    """The right to do what one process at a time does."""

    async def is_free(self) -> bool:
        """Say whether it is held here, or by nobody. Raises `Unavailable`."""

    async def held(self) -> bool:
        """Take it, or hold it on; say whether it is held. Raises `Unavailable`."""

    async def leave(self) -> None:
        """Let another have it at once."""


class Delivery:
    """Sends what is due, for as long as it runs."""

    def __init__(
        self,
        database: Database,
        follower: Follower,
        duty: Duty,
        counts: Counter[tuple[str, ...]],
        *,
        clock: Callable[[], int],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._follower = follower
        self._duty = duty
        self._counts = counts
        self._clock = clock
        self._chance = chance
        self._sources: dict[str, Source] = {}
        self._shares: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._flights = Flights(self._wake.set)
        #: Where the wire ended when a kill was last heard of.
        self._urgent = 0
        self._heard_kill = False
        follower.heed(self._heard)

    def serve(self, source: Source, share: int = MOST) -> None:
        """Send what this source has, too: after those before it, and no more than so many."""
        self._sources[source.kind] = source
        self._shares[source.kind] = share

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return self._flights.flying

    @property
    def in_hand(self) -> int:
        """How many callbacks are being told, or are next at their host."""
        return len(self._flights)

    def wake(self) -> None:
        """Look soon: something may be due that the wire says nothing of."""
        self._wake.set()

    def _heard(self, changes: Sequence[Change] | None) -> None:
        if changes is None or any(change.kind is ChangeKind.KILL for change in changes):
            self._heard_kill = True
            self._wake.set()
        else:
            asyncio.get_running_loop().call_later(_MOMENT, self._wake.set)

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Send what is due, until cancelled; whatever fails is said and tried again."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._round()
                except Exception as error:  # noqa: BLE001 - what is due is due again
                    failed(error)
                    await asyncio.sleep(_TICK)
                with suppress(TimeoutError):
                    # Not `wait_for`: before Python 3.12 it loses a cancellation now and then.
                    async with asyncio.timeout(_TICK):
                        await self._wake.wait()
        finally:
            await self._end(failed)

    async def _end(self, failed: Callable[[Exception], None]) -> None:
        """Let what is under way end, if it does so soon; the rest is due again."""
        await self._flights.end(_LAST)
        try:
            await self._settle()
            await self._duty.leave()
        except Exception as error:  # noqa: BLE001 - it ends all the same
            failed(error)

    async def _round(self) -> None:
        """Write down what came back, and send what is due."""
        await self._settle()
        head = (await self._follower.current()).position
        if self._heard_kill:
            self._heard_kill, self._urgent = False, head
            # Those that wait are asked for anew, in another order.
            self._flights.forget_waiting()
        if self._flights.flying and not await self._duty.held():
            # This process was away for so long that another does it now.
            self._flights.forget_waiting()
            self._flights.cancel()
            return
        self._flights.start(head)
        if await self._duty.is_free():
            for source in self._sources.values():
                await self._take(source, head)

    async def _take(self, source: Source, head: int) -> None:
        """Take what is due of one kind, as much as there is room for."""
        share = self._shares[source.kind]
        while self._flights.has_room(source.kind, share):
            full = self._flights.full
            ask = Ask(
                head=head,
                now=self._clock(),
                urgent=self._urgent,
                limit=_PAGE,
                busy=self._flights.busy,
                full=full,
                hold=self._duty.held,
            )
            found = await source.due(ask)
            if not found or not await self._duty.held():
                return
            taken = [target for target in found if self._flights.take(source.kind, target, share)]
            self._flights.start(head)
            if len(found) < _PAGE or not (taken or self._flights.full - full):
                return

    async def _settle(self) -> None:
        """Write down what came back, all of it at once; what cannot be is kept."""
        landed = self._flights.landed()
        if not landed:
            return
        told = {one.target.id: outcome for one in landed if (outcome := _outcome(one)) is not None}
        if told:
            settled = [
                (one.kind, self._settled(one, told[one.target.id]))
                for one in landed
                if one.target.id in told
            ]
            await self._database.write(self._write, settled)
        self._flights.settled(landed)
        for one in landed:
            outcome = told.get(one.target.id)
            if outcome is not None and outcome.sent:
                self._counts["deliveries", one.kind, str(outcome.reason or "sent")] += 1

    async def _write(
        self, connection: AsyncConnection, settled: Sequence[tuple[str, Settled]]
    ) -> None:
        for name, source in self._sources.items():
            if of_its_kind := [one for kind, one in settled if kind == name]:
                await source.settle(connection, of_its_kind)

    def _settled(self, landed: Landed, outcome: Outcome) -> Settled:
        standing = landed.target.standing
        if outcome.reason:
            now, chance = self._clock(), self._chance()
            standing = deliveries.failed(standing, outcome.reason, landed.head, now, chance)
        elif outcome.sent:
            standing = FINE
        return Settled(target=landed.target, outcome=outcome, standing=standing)


def _outcome(landed: Landed) -> Outcome | None:
    """Give what came back; None for what was cancelled or cannot be judged now: it is due again."""
    if landed.task.cancelled():
        return None
    error = landed.task.exception()
    if error is None:
        return landed.task.result()
    if isinstance(error, Unavailable):
        return None
    _log.error("bug", exc_info=error)
    return Outcome(reason="bug")
