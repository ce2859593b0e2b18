"""The end of the wire in memory, for all who follow it: one read of the database for each change.

It judges nothing, and rings when there is something new.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter

from wirefeed.domain.wire import Change, ChangeKind, Head
from wirefeed.services.announcements import Announcements
from wirefeed.services.follower import Follower
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.wire import Row

#: So many changes are kept at least: more than come while a client is away for a moment.
_KEPT = 2_000
#: A read of the database is to be short: nobody can write meanwhile.
_CHUNK = 500
_POSITION = attrgetter("position")


class WireLog:
    """The wire, to be read from any position; its end without asking the database."""

    def __init__(self, database: Database, follower: Follower) -> None:
        self._database = database
        self._follower = follower
        self.announcements = Announcements(database)
        #: The rows above `_from`, without a gap.
        self._rows: list[Row] = []
        self._from = 0
        self._turn = asyncio.Lock()
        self._bell = asyncio.Event()
        self._waiting = 0
        #: Nobody is to wait any more: this process ends.
        self.closing = False
        follower.heed(self._ring)

    def _ring(self, _: Sequence[Change] | None = None) -> None:
        rung, self._bell = self._bell, asyncio.Event()
        rung.set()

    def close(self) -> None:
        """Let nobody wait any more."""
        self.closing = True
        self._ring()

    @property
    def bell(self) -> asyncio.Event:
        """What is set at the next change, for whoever took it before looking."""
        return self._bell

    @property
    def waiting(self) -> int:
        """How many wait for the next change."""
        return self._waiting

    async def wait(self, bell: asyncio.Event, seconds: float) -> None:
        """Return at the change that a bell is for, or when the time is over."""
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1

    async def head(self) -> Head:
        """Say where the wire ends. Raises `Unavailable`."""
        return await self._follower.current()

    async def newest(self) -> Head:
        """Look where the wire ends, whatever is known. Raises `Unavailable`."""
        return await self._follower.newest()

    async def since(
        self, position: int, limit: int = _CHUNK, *, until: int | None = None
    ) -> Sequence[Row]:
        """Give the changes above a position as far as it is known where the wire ends, in order.

        With `until`, none above that.
        """
        head = (await self.head()).position
        if until is not None:
            head = min(head, until)
        if position >= head:
            return ()
        await self._fill(head)
        if position < self._from:
            rows = await self._database.read(wire.since, position, min(limit, _CHUNK))
        else:
            first = bisect_right(self._rows, position, key=_POSITION)
            rows = self._rows[first : first + limit]
        # What came after is judged by rights that may have come after, too.
        return rows[: bisect_right(rows, head, key=_POSITION)]

    async def before(self, at: int) -> int:
        """Give the highest position that was written before a time."""
        return await self._database.read(wire.before, at)

    async def kills(self, above: int, limit: int) -> Sequence[Row]:
        """Give the kills above a position as far as it is known where the wire ends.

        The newest come first.
        """
        head = (await self.head()).position
        await self._fill(head)
        if above >= self._from:
            first = bisect_right(self._rows, above, key=_POSITION)
            last = bisect_right(self._rows, head, key=_POSITION)
            newest = (row for row in reversed(self._rows[first:last]) if _is_kill(row))
            return list(islice(newest, limit))
        found = await self._database.read(wire.kills, above, limit)
        return [row for row in found if row.position <= head]

    async def _fill(self, head: int) -> None:
        async with self._turn:
            last = self._rows[-1].position if self._rows else self._from
            if last >= head:
                return
            if head - last > _KEPT:
                self._rows = []
                self._from = last = head - _KEPT
            while rows := await self._database.read(wire.since, last, _CHUNK):
                self._rows += rows
                last = rows[-1].position
            if len(self._rows) > 2 * _KEPT:
                self._from = self._rows[-_KEPT - 1].position
                self._rows = self._rows[-_KEPT:]


def _is_kill(row: Row) -> bool:
    return row.change.kind is ChangeKind.KILL
