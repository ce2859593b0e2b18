"""Changes as bytes: each story as its caller may see it now, written once for all who see the same.

Whether somebody hears of a change was decided before; here it is what of the story is shown.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Access, Level, Reason, decide
from wirefeed.domain.cursors import ENTITLEMENT
from wirefeed.domain.errors import Gone, Invalid, NotFound
from wirefeed.domain.hearing import reaches
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import PubStatus, Story
from wirefeed.domain.views import View, published_to
from wirefeed.domain.wire import ChangeKind, is_of_story, takes_away
from wirefeed.formats import ninjs, ninjs_out
from wirefeed.formats.ninjs_out import Told
from wirefeed.services.house import House
from wirefeed.services.lost_kills import LostKills
from wirefeed.services.wire_log import WireLog
from wirefeed.services.wire_stories import WireStories
from wirefeed.storage import stories
from wirefeed.storage.database import Database
from wirefeed.storage.lru import Lru
from wirefeed.storage.wire import Row

#: Where the whole of the wire begins, as far as its reader's archives reach.
OLDEST = "/api/v1/wire?after=oldest"
#: Bytes of the name of an entry.
_NAME = 16
#: Stories in one read, and entries written in one go; others want an answer meanwhile.
_AT_ONCE = 100
_IN_ONE_GO = 20
#: These say that a story went: there is nothing of it to be shown but, of a kill, its notice.
_ENDS = {
    ChangeKind.KILL: PubStatus.CANCELED,
    ChangeKind.WITHHOLD: PubStatus.WITHHELD,
    ChangeKind.EXPIRE: PubStatus.WITHHELD,
}
#: These have a version before that their caller has seen.
_COMPARED = frozenset({ChangeKind.UPDATE, ChangeKind.CORRECTION})


@dataclass(frozen=True, slots=True)
class Heard:
    """A change, and as what somebody hears of it."""

    row: Row
    kind: ChangeKind

    @property
    def told(self) -> tuple[str, str, int]:
        """By what it is counted and digested: kind, guid, version."""
        if self.kind is ChangeKind.ACCESS:
            # Who hears of that hears that it may see something else from here on.
            return ENTITLEMENT, ENTITLEMENT, 0
        return self.kind.value, self.row.change.about, self.row.change.version


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A story as it is shown with a change, before it is written."""

    name: bytes
    told: Told
    story: Story
    access: Access
    #: Whether it is to be compared with the version before,
    compared: bool
    #: and whether it stands in other topics than where its caller saw that.
    moved: bool


class WireEntries:
    """Writes entries, and keeps what it wrote."""

    def __init__(
        self,
        database: Database,
        log: WireLog,
        lost_kills: LostKills,
        house: House,
        held: WireStories,
        fragments: Lru,
        *,
        counts: Counter[tuple[str, ...]],
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._log = log
        self._lost_kills = lost_kills
        self._house = house
        self._stories = held
        self._fragments = fragments
        self._counts = counts
        self._clock = clock

    async def render(self, heard: Sequence[Heard], entitlement: Entitlement) -> list[bytes]:
        """Write changes as their caller may see them now, in their order."""
        entries: list[bytes] = []
        for at in range(0, len(heard), _AT_ONCE):
            entries += await self._render(heard[at : at + _AT_ONCE], entitlement)
        return entries

    async def story(self, name: str, reader: Reader, given: Callable[[int], None]) -> bytes:
        """Write a story as it stands, by its guid or id; say since which position it does.

        Raises `Gone` for one that was withdrawn from its caller's sight, and `NotFound` alike
        for one that was never in it and one that never was.
        """
        entitlement = reader.entitlement
        async with self._database.reading() as connection:
            found = (await stories.held(connection, [name])).get(name)
            found = found or await stories.find(connection, name)
            names = await self._stories.threads.names(
                connection, [found] if found else [], entitlement
            )
            heirs = await _heirs(connection, found)
        if found is None or not found.language:
            # What is in no feed is on no wire.
            raise NotFound
        now = self._clock()
        access = decide(found, entitlement, now)
        if access.level is Level.HIDDEN:
            # Whoever heard of its kill by what it has lost is not told that it never was.
            if await self._lost_kills.find(found, reader) is None:
                raise NotFound
            given(found.position)
            raise Gone
        if access.reason is Reason.KILLED:
            given(found.position)
        if access.reason is Reason.KILLED or not _leads_on(found, heirs, entitlement, now):
            raise Gone
        found = _called(found, names)
        told = Told(guid=found.guid, version=found.version)
        if found.superseded:
            return ninjs_out.bare(told, PubStatus.USABLE, thread=found.thread, superseded=True)
        given(found.position)
        return ninjs_out.entry(self._view(found, access), told)

    async def _render(self, heard: Sequence[Heard], entitlement: Entitlement) -> list[bytes]:
        guids = {one.row.change.about for one in heard if is_of_story(one.row.change)}
        while True:
            seen = (await self._log.head()).position
            held = await self._stories.shown(guids, entitlement, seen)
            now = self._clock()
            shown = [_shown(one, held, entitlement, now, self._house.digest) for one in heard]
            entries = await self._written(shown)
            if not await self._overtaken(seen, guids):
                return entries

    async def _overtaken(self, seen: int, guids: Collection[str]) -> bool:
        """Say whether any of these was taken back while it was being written."""
        while rows := await self._log.since(seen):
            if any(row.change.about in guids and takes_away(row.change) for row in rows):
                return True
            seen = rows[-1].position
        return False

    async def _written(self, shown: Sequence[_Shown | bytes]) -> list[bytes]:
        drafts = {one.name: one for one in shown if isinstance(one, _Shown)}
        written = {
            name: entry for name in drafts if (entry := self._fragments.get(name)) is not None
        }
        lacking = [draft for name, draft in drafts.items() if name not in written]
        # The cache may be too small to give back what it was given.
        written |= await self._write(lacking)
        return [one if isinstance(one, bytes) else written[one.name] for one in shown]

    async def _write(self, lacking: Sequence[_Shown]) -> dict[bytes, bytes]:
        compared = {one.story.guid for one in lacking if one.compared}
        before: Mapping[str, bytes] = {}
        if compared:
            before = await self._database.read(stories.previous, compared)
        written = {}
        for number, one in enumerate(lacking, 1):
            written[one.name] = self._entry(one, before)
            self._fragments.put(one.name, written[one.name])
            self._counts["renders", "change"] += 1
            if number % _IN_ONE_GO == 0:
                await asyncio.sleep(0)
        return written

    def _entry(self, one: _Shown, before: Mapping[str, bytes]) -> bytes:
        shown, told = self._view(one.story, one.access), one.told
        raw = before.get(one.story.guid) if one.compared else None
        if raw is not None:
            told = replace(told, changed=self._changed(one, raw, shown))
        return ninjs_out.entry(shown, told)

    def _changed(self, one: _Shown, raw: bytes, shown: View) -> tuple[str, ...] | None:
        """Say what is other than in the version before, by what is shown of both."""
        try:
            revision = ninjs.parse(raw)
        except Invalid:
            # It came in another form.
            return None
        old = self._view(replace(one.story, revision=revision), one.access)
        return (*ninjs_out.changes(old, shown), *(["topics"] if one.moved else []))

    def _view(self, story: Story, access: Access) -> View:
        return self._house.view(story, access)


def _called(story: Story, names: Mapping[str, str]) -> Story:
    """Give a story under what its thread is called to its caller."""
    return replace(story, thread=names.get(story.thread, story.thread))


async def _heirs(connection: AsyncConnection, story: Story | None) -> Iterable[Story]:
    """Give those that may stand in a story's place."""
    if story is None or not story.superseded:
        return ()
    return (await stories.by_thread(connection, {story.thread})).values()


def _leads_on(story: Story, heirs: Iterable[Story], entitlement: Entitlement, now: int) -> bool:
    """Say whether a story is shown, or what its caller may see in its place."""
    return not story.superseded or any(
        not one.superseded and decide(one, entitlement, now).level is not Level.HIDDEN
        for one in heirs
    )


def _shown(
    one: Heard, held: Mapping[str, Story], entitlement: Entitlement, now: int, house: bytes
) -> _Shown | bytes:
    """Say what is shown of a story with a change: all that may be, its notice, or its name."""
    change, kind = one.row.change, one.kind
    if kind is ChangeKind.ACCESS:
        return ninjs_out.entitlement(OLDEST)
    told = Told(change=kind.value, guid=change.about, version=change.version)
    story = held.get(change.about)
    if story is None:
        return ninjs_out.bare(told, _ENDS.get(kind, PubStatus.WITHHELD))
    access = decide(story, entitlement, now)
    visible = access.level is not Level.HIDDEN
    if visible and _is_shown(kind, change.version, story):
        compared = kind in _COMPARED
        moved = compared and _moved(one.row, entitlement)
        name = _name(house, told, story, access, moved=moved)
        return _Shown(
            name=name, told=told, story=story, access=access, compared=compared, moved=moved
        )
    if kind in _ENDS:
        # Of where a newer version stands its caller may follow nothing: the end is all it hears.
        newer = False
        status = _ENDS[kind]
    else:
        newer = True
        status = PubStatus.USABLE if visible else PubStatus.WITHHELD
        status = PubStatus.CANCELED if visible and story.is_killed else status
    # Out of its caller's sight a story may have come into another thread.
    thread = story.thread if visible else ""
    return ninjs_out.bare(told, status, thread=thread, superseded=newer)


def _is_shown(kind: ChangeKind, version: int, story: Story) -> bool:
    """Say whether a visible story is shown with this change, or with a newer one."""
    if kind is ChangeKind.KILL or story.is_killed:
        return kind is ChangeKind.KILL and story.is_killed
    # What another was written in the place of is no longer shown anywhere.
    return kind not in _ENDS and story.version == version and not story.superseded


def _moved(row: Row, entitlement: Entitlement) -> bool:
    """Say whether a story stands in other topics than where the caller knew it to be."""
    known = {
        audience.topics
        for audience in row.change.before
        if any(reaches(grant, {audience}) for grant in entitlement.grants)
    }
    return bool(known) and known.isdisjoint(audience.topics for audience in row.change.after)


def _name(house: bytes, told: Told, story: Story, access: Access, *, moved: bool) -> bytes:
    """Name an entry by everything that shapes its bytes, and by nothing else."""
    killed = access.reason is Reason.KILLED
    parts = (
        "wire",
        ninjs_out.EDITION,
        house,
        told.change,
        told.version,
        moved,
        story.guid,
        story.version,
        story.thread,
        published_to(story, access),
        story.updated,
        sorted(access.topics if killed else story.topics),
        access.level,
        access.reason,
        access.media,
        access.notes,
        access.early,
    )
    return hashlib.blake2b(msgspec.msgpack.encode(parts), digest_size=_NAME).digest()
