"""The wire as one partner may have it, in pages: where it is, what it hears next, what it is told.

Which changes somebody hears of hangs on the row and on its rights alone; how much of each story is
shown, on the moment at which the page is made.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from wirefeed.domain.cursors import Following, Place, reach, sight_mark
from wirefeed.domain.errors import Invalid, Outlived
from wirefeed.domain.former import Former, may_have
from wirefeed.domain.plans import DAY, Entitlement
from wirefeed.domain.readers import Reader
from wirefeed.domain.ways import WIRE, Filter, way_through
from wirefeed.domain.wire import ChangeKind
from wirefeed.formats import ninjs_out
from wirefeed.services.ledger import Ledger
from wirefeed.services.wire_cursors import WireCursors
from wirefeed.services.wire_ears import Ears
from wirefeed.services.wire_entries import OLDEST, Heard, WireEntries
from wirefeed.services.wire_log import WireLog
from wirefeed.storage.wire import Row

#: Seconds in which one request looks for something that its caller hears of.
_PATIENCE = 1.0
#: Places of which it is remembered how far nothing follows.
_PLACES = 20_000
#: Kills are looked for among so many of the newest changes, and so many are announced.
_NEAR = 50_000
_KILLS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A page before it is written: what is heard from one place to another."""

    begins: Place
    ends: Place
    heard: tuple[Heard, ...]
    #: What its reader is entitled to has changed since the page before.
    is_other: bool = False
    #: There is more to be heard, or to be looked through.
    more: bool = False
    #: Up to here the wire was looked through.
    scanned: int = 0

    def __bool__(self) -> bool:
        """Say whether it tells anything."""
        return self.is_other or bool(self.heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a partner is given."""

    items: tuple[bytes, ...]
    #: Kills that come later in their place, told ahead.
    kills: tuple[Heard, ...]
    ends: Place
    #: Where its reader goes on.
    cursor: str
    more: bool


_mark = lru_cache(maxsize=4_096)(sight_mark)


class WirePages:
    """Reads the wire for partners."""

    def __init__(
        self,
        log: WireLog,
        cursors: WireCursors,
        entries: WireEntries,
        ledger: Ledger,
        *,
        languages: Iterable[str],
        days: int,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._languages = frozenset(languages)
        self.log = log
        self.entries = entries
        self.ledger = ledger
        self._cursors = cursors
        self._days = days
        self._clock = clock
        self._monotonic = monotonic
        #: Up to where nothing is heard behind a place, so that nobody looks through it again.
        self._scanned: OrderedDict[tuple[Ears, int], int] = OrderedDict()

    # --- where ----------------------------------------------------------------------------------

    async def begin(
        self,
        reader: Reader,
        following: Following,
        *,
        since: int | None,
        at: int | None = None,
    ) -> Place:
        """Give a place to begin at: now, or whatever was written from a time on.

        With `at`, as it was for who began at that time.
        """
        now, sight = self._clock() if at is None else at, reader.entitlement.sight
        if since is None:
            position = (await self.log.head()).position
            day = now // DAY
        else:
            earliest = max(
                since, reach(reader.entitlement.grants, now), now - (self._days - 1) * DAY
            )
            position = await self.log.before(earliest)
            day = min(earliest, now) // DAY
        return Place(
            position=position,
            began=now,
            day=day,
            sight=_mark(sight),
            following=following.mark,
            base=position,
        )

    async def proof(
        self, reader: Reader, following: Following, place: Place | None, until: Place
    ) -> Place:
        """Say from where on it can be shown what a reader was told up to a place.

        `place` is where it would begin; None: at the beginning of all. What it was told by other
        rights than those of the place cannot be told again, and nothing if these are others now.
        """
        if until.sight != _mark(reader.entitlement.sight):
            return until
        if place is None:
            place = await self.begin(reader, following, since=0, at=until.began)
        return until.start if place.count < until.base_count else place

    async def open(self, reader: Reader, following: Following, cursor: str, way: str) -> Place:
        """Say where a cursor leads; that it came back tells that what it followed has arrived.

        Raises `Invalid`, and `Outlived` where nobody can go on from there any more.
        """
        subscriber = _subscriber(reader)
        place = self._cursors.open(cursor, subscriber)
        if place.following != following.mark:
            raise Invalid(
                "the cursor was given for other topics or languages",
                field="after",
                remedy="send those it was begun with, or begin anew with after=oldest",
            )
        await self._check(place)
        self._came_back(reader, way, place, following)
        return place

    async def acknowledge(self, reader: Reader, cursor: str) -> None:
        """Take a partner's word that it has whatever led to a cursor. Raises as `open` does."""
        subscriber = _subscriber(reader)
        place = self._cursors.open(cursor, subscriber)
        await self._check(place)
        self._came_back(reader, WIRE, place, None)

    def _came_back(
        self, reader: Reader, channel: str, place: Place, following: Following | None
    ) -> None:
        """Note that a reader has what led to a place; its whole way there is known by that."""
        plans = reader.narrowed_to
        part = None if following is None else Filter(following=following, plans=plans)
        way = way_through(channel, place.following, plans)
        stretch = (place.base + 1, place.position)
        self.ledger.came_back(_subscriber(reader), way, part, stretch, place.began)

    async def _check(self, place: Place) -> None:
        if place.day + self._days < self._clock() // DAY:
            raise Outlived("the cursor is older than what is kept of the wire")
        # Another process may have given it for what this one has not seen yet.
        if (
            place.position > (await self.log.head()).position
            and place.position > (await self.log.newest()).position
        ):
            raise Outlived("the cursor is of another log than the one that is here now")

    def seal(self, place: Place, reader: Reader) -> str:
        """Make the cursor of a place."""
        return self._cursors.seal(place, _subscriber(reader))

    def ears(
        self,
        entitlement: Entitlement,
        following: Following,
        began: int = 0,
        former: frozenset[Former] = frozenset(),
    ) -> Ears:
        """Say what somebody hears who began at a time; at 0, whatever has come since."""
        sight, grants = entitlement.sight, entitlement.grants
        return Ears(sight, grants, following, began, self._languages, former)

    async def hear(self, ears: Ears, row: Row) -> ChangeKind | None:
        """Say as what somebody hears of a change; None: it does not.

        A kill is for whoever may have the story, also by what it has lost since.
        """
        kind = ears.hear(row)
        if kind is None and row.change.kind is ChangeKind.KILL and (had := ears.had(row)):
            announced = await self.log.announcements.before(row)
            told = [(at, ears.asked(audiences)) for at, audiences in announced]
            return ChangeKind.KILL if may_have(told, row.at, had) else None
        return kind

    # --- what -----------------------------------------------------------------------------------

    async def draft(
        self,
        reader: Reader,
        following: Following,
        place: Place,
        limit: int,
        until: int | None = None,
    ) -> Draft:
        """Say what comes next for a reader, at most so much of it, up to a position at most."""
        entitlement = reader.entitlement
        ends, mark = place, _mark(entitlement.sight)
        is_other = place.sight != mark
        if is_other:
            ends = ends.turned(mark)
            limit -= 1
        ears = self.ears(entitlement, following, place.began, reader.former)
        found, more, scanned = await self.listen(ears, place.position, limit, until)
        for one in found:
            kind, guid, version = one.told
            ends = ends.after(kind, version, guid, one.row.position)
        today = self._clock() // DAY
        if not more:
            ends = replace(ends, day=max(place.day, today))
        elif found:
            ends = replace(ends, day=min(today, found[-1].row.at // DAY))
        return Draft(
            begins=place,
            ends=ends,
            heard=tuple(found),
            is_other=is_other,
            more=more,
            scanned=scanned,
        )

    async def page(
        self, reader: Reader, following: Following, draft: Draft, way: str | None
    ) -> Page:
        """Write a page. With more to come, it announces the kills that are among that.

        Without a way nobody is given it.
        """
        items = await self.entries.render(draft.heard, reader.entitlement)
        if draft.is_other:
            items.insert(0, ninjs_out.entitlement(OLDEST))
        kills: list[Heard] = []
        if draft.more:
            kills = await self.kills(reader, following, draft.ends)
        if draft.heard and way is not None:
            self.note(reader, following, way, draft.begins, draft.ends)
        return Page(
            items=tuple(items),
            kills=tuple(kills),
            ends=draft.ends,
            cursor=self.seal(draft.ends, reader),
            more=draft.more,
        )

    def note(
        self, reader: Reader, following: Following, channel: str, begins: Place, ends: Place
    ) -> None:
        """Note in the ledger that a reader is sent what lies between two places."""
        if begins.position < ends.position:
            part = Filter(following=following, plans=reader.narrowed_to)
            way = self.ledger.through(channel, _subscriber(reader), part)
            self.ledger.heard(_subscriber(reader), way, begins.position + 1, ends.position)

    async def kills(self, reader: Reader, following: Following, place: Place) -> list[Heard]:
        """Give the kills that a reader will hear of behind a place, the newest first."""
        ears = self.ears(reader.entitlement, following, place.began, reader.former)
        rows = await self.newest_kills(place.position)
        told = [(row, await self.hear(ears, row)) for row in rows]
        return [Heard(row, kind) for row, kind in told if kind is not None]

    async def newest_kills(self, above: int) -> Sequence[Row]:
        """Give the kills above a position that are near the end of the wire, the newest first."""
        head = (await self.log.head()).position
        return await self.log.kills(max(above, head - _NEAR), _KILLS)

    async def listen(
        self, ears: Ears, position: int, limit: int, until: int | None
    ) -> tuple[list[Heard], bool, int]:
        """Give what is heard above a position, whether there is more, and how far it looked."""
        found: list[Heard] = []
        end = self._monotonic() + _PATIENCE
        scanned = self._scanned.get((ears, position), position)
        behind = position
        more = False
        while not more and (rows := await self.log.since(scanned)):
            for row in rows:
                if until is not None and row.position > until:
                    return found, False, scanned
                kind = await self.hear(ears, row)
                if kind is not None and len(found) == limit:
                    more = True
                    break
                scanned = row.position
                if kind is not None:
                    found.append(Heard(row, kind))
                    behind = row.position
            if self._monotonic() > end:
                # Slow is not yet unfinished: who has all that there is need not ask again.
                more = more or scanned < await self._last(until)
                break
        self._remember(ears, behind, scanned)
        return found, more, scanned

    async def _last(self, until: int | None) -> int:
        head = (await self.log.head()).position
        return head if until is None else min(head, until)

    def _remember(self, ears: Ears, position: int, scanned: int) -> None:
        if scanned > position:
            self._scanned[ears, position] = scanned
            self._scanned.move_to_end((ears, position))
            if len(self._scanned) > _PLACES:
                self._scanned.popitem(last=False)


def _subscriber(reader: Reader) -> str:
    if reader.subscriber is None:
        raise TypeError("only subscribers follow the wire")
    return reader.subscriber.id


def compact(heard: Sequence[Heard]) -> list[tuple[str, str, int]]:
    """Give of changes what they are counted and digested by: kind, guid, version."""
    return [one.told for one in heard]
