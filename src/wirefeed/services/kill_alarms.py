"""Tells operators of kills that somebody has not fetched in time. One process at a time looks.

Where there is no kill that is late, nothing is asked of the database. Those who may have the story
of one that is are looked for once, the oldest first, and after that only those are looked at who
wait, and were given something since.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog

from wirefeed.domain.feeds import KILL_STAYS
from wirefeed.domain.killed import Killed
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.duties import Duty
from wirefeed.services.follower import Follower
from wirefeed.services.kills import Kills
from wirefeed.services.ledger import Ledger
from wirefeed.storage import received
from wirefeed.storage.database import Database, uninterrupted
from wirefeed.storage.received import Kill

#: At so many kills is looked in one go for the first time, and at so many again; the others have
#: their turn at the next look.
_AT_ONCE = 100
#: Seconds between two looks whether somebody is late,
_PAUSE = 15
#: and microseconds after which another process does it, when the one that did says nothing.
HELD = 40_000_000
_log = structlog.get_logger("wirefeed.kills")


@dataclass(slots=True)
class _Open:
    """A kill that somebody waits for."""

    killed: Killed
    waiting: set[str]


class KillAlarms:
    """Watches the kills of late."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        kills: Kills,
        duty: Duty,
        follower: Follower,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._kills = kills
        self._duty = duty
        self._clock = clock
        #: Kills that somebody waits for, in the order in which they were looked at.
        self._open: dict[int, _Open] = {}
        #: Those of late that are not over; None: they are to be read.
        self._watched: list[Kill] | None = None
        #: How many kills somebody is late with; None: another process says so, or nobody yet.
        self.late: int | None = None
        follower.heed(self._heed)

    def _heed(self, changes: Sequence[Change] | None) -> None:
        if changes is None or any(change.kind is ChangeKind.KILL for change in changes):
            self._watched = None

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Look who is late, until cancelled; failures are told, and tried again."""
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                # Cut off, a read would leave its connection behind.
                await uninterrupted(self.check())
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                failed(error)

    async def check(self) -> None:
        """Count the kills that somebody is late with; warn of each once, whichever process does."""
        if not self._kills.allowed:
            return
        late = await self._late()
        if not late:
            self._open.clear()
            self.late = 0
            await self._duty.leave()
        elif await self._duty.held():
            await self._look(late)
        else:
            # Whoever looks knows better who waits, and when that is over.
            self._open.clear()
            self._watched = self.late = None

    async def _late(self) -> list[Kill]:
        """Give the kills that are watched and late, if anybody waits."""
        now = self._clock()
        if self._watched is None:
            async with self._database.reading() as connection:
                watched = await received.open_kills(connection, now - KILL_STAYS)
            self._watched = watched
        return [
            kill
            for kill in self._watched
            if now - kill.at < KILL_STAYS and self._kills.is_late(kill.at)
        ]

    async def _look(self, late: Sequence[Kill]) -> None:
        await self._ledger.settle()
        known = {kill.position for kill in late}
        self._open = {at: one for at, one in self._open.items() if at in known}
        new = [kill for kill in late if kill.position not in self._open][:_AT_ONCE]
        over = await self._look_again()
        for kill in new:
            over |= await self._look_at(kill)
        if over:
            async with self._database.writing() as connection:
                now = self._clock()
                await received.settle(connection, over, now, now - KILL_STAYS)
            self._watched = None
        self.late = len(self._open)

    async def _look_again(self) -> set[int]:
        """Look at those who wait, and say which kills nobody waits for any more."""
        over = set[int]()
        if not self._open:
            return over
        some = list(islice(self._open.items(), _AT_ONCE))
        asked = {at: (one.killed, one.waiting) for at, one in some}
        for position, left in (await self._kills.still_waiting(asked)).items():
            one = self._open.pop(position)
            if left:
                self._open[position] = _Open(one.killed, left)
            else:
                over.add(position)
        return over

    async def _look_at(self, kill: Kill) -> set[int]:
        """Look who waits for a kill that is late by now, and tell operators if anybody does."""
        killed = await self._kills.killed(kill)
        waiting, holders = (set[str](), 0) if killed is None else await self._kills.waiting(killed)
        if killed is None or not waiting:
            return {kill.position}
        async with self._database.writing() as connection:
            is_new = await received.alarm(connection, kill.position, self._clock())
        self._open[kill.position] = _Open(killed, waiting)
        if is_new:
            _log.warning(
                "a kill was not fetched by all in time",
                story=killed.guid,
                waiting=len(waiting),
                holders=holders,
            )
        return set()
