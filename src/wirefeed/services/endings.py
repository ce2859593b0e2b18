"""What runs out within a time: subscriptions that end, and tokens that expire."""

from collections.abc import Callable

from wirefeed.domain.endings import RunningOut, running_out
from wirefeed.storage import credentials, subscribers
from wirefeed.storage.database import Database


class Endings:
    """What is to be renewed."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def within(self, span: int, limit: int = 1000) -> list[RunningOut]:
        """List what ends within a time (microseconds), the first to end first."""
        now = self._clock()
        async with self._database.reading() as connection:
            ending = await subscribers.ending(connection, now, now + span, limit)
            expiring = await credentials.expiring(connection, now, now + span, limit)
        return running_out(ending, expiring, now, now + span)[:limit]
