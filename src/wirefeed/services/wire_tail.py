"""The end of the wire, read once for all who are to be told of it. No rules here."""

from collections import OrderedDict

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage import wire
from wirefeed.storage.wire import Row

#: Changes that are remembered: a burst, as long as everybody is told of it.
_REMEMBERED = 4_000
#: That are read, or given, at once.
PAGE = 500


class WireTail:
    """Rows of the wire, which never change; the newest of those that were asked for."""

    def __init__(self) -> None:
        self._rows: OrderedDict[int, Row] = OrderedDict()

    async def since(self, connection: AsyncConnection, position: int, head: int) -> list[Row]:
        """Give the changes above a position, up to where the wire ends, in order: a page of them.

        `head` is an end that was seen: every position up to it is taken.
        """
        last = min(head, position + PAGE)
        wanted = range(position + 1, last + 1)
        if all(one in self._rows for one in wanted):
            return [self._rows[one] for one in wanted]
        found = [
            row for row in await wire.since(connection, position, PAGE) if row.position <= last
        ]
        self._rows.update((row.position, row) for row in found)
        while len(self._rows) > _REMEMBERED:
            self._rows.popitem(last=False)
        return found
