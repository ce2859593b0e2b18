"""Follow the wire: know its newest position before answering; announce what the clock changes.

Nothing else tells a process that something happened, so a change made by another process,
the command line included, is seen by the next request.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from wirefeed.domain.wire import Head
from wirefeed.services.publishing import Publishing
from wirefeed.storage import wire
from wirefeed.storage.database import Database

#: Seconds between looks for changes that have fallen due.
_TICK = 0.1
_Value = TypeVar("_Value")


class Follower:
    """What this process knows of the wire."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: The newest position that was seen, and when, by the monotonic clock, its look began.
        self.position: int | None = None
        self.looked: float | None = None

    async def look(self) -> Head:
        """Give the newest position. What was made of an older one may no longer be true."""
        began = time.monotonic()
        async with self._database.reading() as connection:
            head = await wire.head(connection)
        self.position, self.looked = head.position, began
        return head

    def lag(self) -> float | None:
        """Say how many seconds ago the last look began."""
        return None if self.looked is None else time.monotonic() - self.looked


async def announce(publishing: Publishing, failed: Callable[[Exception], None]) -> None:
    """Announce what falls due, until cancelled; whatever fails is said and tried again."""
    while True:
        try:
            await publishing.announce_due()
        except Exception as error:  # noqa: BLE001 - an embargo must end, whatever went wrong before
            failed(error)
        await asyncio.sleep(_TICK)


class Memo(Generic[_Value]):
    """A bounded memory of what was made at one position of the wire; forgets all at the next."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._position = -1
        self._held: OrderedDict[object, tuple[_Value, int | None]] = OrderedDict()

    def get(self, key: object, head: Head, now: int) -> _Value | None:
        """Give what was made at this position, unless the clock has changed it since."""
        if head.position != self._position or key not in self._held:
            return None
        value, until = self._held[key]
        if until is not None and until <= now:
            del self._held[key]
            return None
        self._held.move_to_end(key)
        return value

    def put(self, key: object, value: _Value, head: Head, until: int | None) -> None:
        """Remember what was made after looking at this position."""
        if head.position < self._position:
            return
        if head.position > self._position:
            self._held.clear()
            self._position = head.position
        self._held[key] = (value, until)
        while len(self._held) > self._limit:
            self._held.popitem(last=False)
