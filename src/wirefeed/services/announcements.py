"""What was announced of killed stories, when and to whom: read off the wire, once for all."""

from collections import OrderedDict

from wirefeed.domain.former import Announced
from wirefeed.domain.wire import ChangeKind
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.wire import Row

#: Kills of which it is remembered: those that partners are about to come to.
_KILLS = 1_000


class Announcements:
    """Reads what was announced of a story before its kill; that never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: By the position of the kill.
        self._known: OrderedDict[int, tuple[Announced, ...]] = OrderedDict()

    async def before(self, kill: Row) -> tuple[Announced, ...]:
        """Give what was announced of a story before it was killed. Raises `Unavailable`."""
        known = self._known.get(kill.position)
        if known is None:
            known = self._known[kill.position] = await self._read(kill)
            if len(self._known) > _KILLS:
                self._known.popitem(last=False)
        self._known.move_to_end(kill.position)
        return known

    async def kill(self, guid: str) -> Row | None:
        """Give the last kill of a story. Raises `Unavailable`."""
        async with self._database.reading() as connection:
            head = await wire.head(connection)
            rows = await wire.about(connection, guid, head.position)
        return next((row for row in reversed(rows) if row.change.kind is ChangeKind.KILL), None)

    async def _read(self, kill: Row) -> tuple[Announced, ...]:
        rows = await self._database.read(wire.about, kill.change.about, kill.position - 1)
        return tuple((row.at, row.change.after) for row in rows if _is_turn(row))


def _is_turn(row: Row) -> bool:
    """Say whether it is announced otherwise from here on: the end of a delay tells nobody new."""
    change = row.change
    if change.kind is ChangeKind.REFILE:
        return True
    return not change.delay and change.kind is not ChangeKind.REPLACE
