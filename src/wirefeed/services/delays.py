"""Delays in force: which there are, and what a new one has still to end for."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.due import delays_of, ends_of_delays
from wirefeed.storage import stories, subscribers, wire

#: Stories read at once.
_CHUNK = 500


class Delays:
    """The delays of all plans, read again once a plan has changed."""

    def __init__(self) -> None:
        self._mark: tuple[int, ...] = ()
        self._known: frozenset[int] = frozenset()

    async def in_force(self, connection: AsyncConnection) -> frozenset[int]:
        """Give the delays after which some plan shows the full story."""
        mark = await subscribers.mark(connection)
        if mark != self._mark:
            self._known = delays_of((await subscribers.plans(connection)).values())
            self._mark = mark
        return self._known


async def begin_delays(connection: AsyncConnection, new: Collection[int], now: int) -> None:
    """Note when delays that are new end, of the stories of which they have not."""
    if not new:
        return
    since = now - max(new)
    before: int | None = None
    # A story changed last when it was released, or later: so those looked for come first.
    while chunk := await stories.changed_since(connection, since, before, _CHUNK):
        due = [end for story in chunk for end in ends_of_delays(story, new) if end.at > now]
        await wire.schedule(connection, due)
        before = chunk[-1].position
