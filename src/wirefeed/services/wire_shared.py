"""What many callers of one right hear of the wire, judged once; and what single ones had once.

It sends nothing: what is found here is told by the rights that hold when it is sent.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from wirefeed.domain.former import Former
from wirefeed.domain.wire import ChangeKind
from wirefeed.services.wire_ears import Ears
from wirefeed.services.wire_entries import Heard
from wirefeed.services.wire_pages import WirePages
from wirefeed.storage.wire import Row

#: All that one caller had once and has no more.
Past = frozenset[Former]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What callers of one right hear from one position on, in order."""

    #: What any of them hears,
    heard: Sequence[Heard]
    #: and the kills behind it, of what there is more: the newest first.
    ahead: Sequence[Heard]
    #: By the position of a kill that is told by what was had once: those who had it.
    once: Mapping[int, Collection[Past]]
    more: bool
    #: Up to here the wire was looked through.
    scanned: int

    def is_for(self, past: Past, one: Heard) -> bool:
        """Say whether it is told to a caller by what it had."""
        had = self.once.get(one.row.position)
        return had is None or past in had


async def share(
    pages: WirePages, ears: Ears, pasts: Collection[Past], above: int, limit: int, head: int
) -> Shared:
    """Find what comes next above a position for callers who hear alike but for what they had."""
    heard, more, scanned = await pages.listen(ears, above, limit, head)
    own = [replace(ears, former=past) for past in pasts if past]
    rows = await _kills(pages, above, scanned) if own else []
    newest = await pages.newest_kills(above) if more else ()
    once = await _once(pages, ears, own, {row.position: row for row in (*rows, *newest)})
    lost = [Heard(row, ChangeKind.KILL) for row in rows if once.get(row.position)]
    ahead = [(row, ears.hear(row)) for row in newest]
    return Shared(
        heard=sorted((*heard, *lost), key=lambda one: one.row.position),
        ahead=[
            Heard(row, kind or ChangeKind.KILL) for row, kind in ahead if kind or once[row.position]
        ],
        once=once,
        more=more,
        scanned=scanned,
    )


async def _kills(pages: WirePages, above: int, upto: int) -> list[Row]:
    """Give the kills between two positions, in order."""
    found: list[Row] = []
    while rows := await pages.log.since(above, until=upto):
        found += [row for row in rows if row.change.kind is ChangeKind.KILL]
        above = rows[-1].position
    return found


async def _once(
    pages: WirePages, ears: Ears, own: Collection[Ears], kills: Mapping[int, Row]
) -> dict[int, Collection[Past]]:
    """Say who hears of each kill that nobody hears of by what all of them have."""
    once: dict[int, Collection[Past]] = {}
    for position, row in kills.items():
        if ears.hear(row) is None:
            once[position] = {one.former for one in own if await pages.hear(one, row)}
            # They may be many; meanwhile others have their turn.
            await asyncio.sleep(0)
    return once
