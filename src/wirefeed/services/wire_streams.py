"""Open streams of the wire: a change is judged once for all of one right, and written once.

Nobody waits for a stream that is slow: it is left behind, and dropped when it stays so. Its
client goes on from the last event that it has.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from wirefeed.domain.cursors import ENTITLEMENT, Following, Place, sight_mark
from wirefeed.domain.errors import Unavailable, WirefeedError
from wirefeed.domain.plans import DAY, Sight
from wirefeed.domain.readers import Reader
from wirefeed.domain.ways import STREAM
from wirefeed.domain.wire import Change, concerned
from wirefeed.formats import ninjs_out, wire_json
from wirefeed.services.follower import Follower
from wirefeed.services.wire_entries import OLDEST, Heard
from wirefeed.services.wire_lines import WireLines
from wirefeed.services.wire_pages import WirePages, compact
from wirefeed.services.wire_shared import share

#: Seconds between looks for what the clock changes: rights that end, lines that were closed.
_TICK = 0.25
#: Seconds until a line on which nothing was sent is given a sign of life, unless it is said,
HEARTBEAT = 15.0
#: and after which one that takes nothing is dropped.
_STALLED = 10.0
#: Bytes that may wait on a line before it is given more.
_ROOM = 64 * 1024
#: Changes in one write to a line, and lines between which others have their turn.
_BATCH = 20
_LINES = 200
#: Streams of one right that ask for the same since one time, and are at one place. What they had
#: before is each one's own as soon as a plan was changed: had it a part in this, each was alone.
_Alike = tuple[Sight, Following, int, int]
#: A kill that is told before its turn; it has no id, and is in no digest.
AHEAD = "kill-ahead"


class Line(Protocol):
    """Where a stream is written to, without waiting."""

    @property
    def is_open(self) -> bool:
        """Whether somebody still reads it."""

    @property
    def waiting(self) -> int:
        """Bytes that were written and not yet taken."""

    def write(self, data: bytes) -> None:
        """Send something."""

    def abort(self) -> None:
        """Close it at once."""


@dataclass(slots=True, eq=False, kw_only=True)
class Stream:
    """One open stream."""

    reader: Reader
    following: Following
    place: Place
    line: Line
    #: Says who reads it now. Raises `WirefeedError` for one who may no more.
    again: Callable[[], Awaitable[Reader]]
    #: Up to here the wire was looked through for it,
    scanned: int = 0
    #: and up to here before it was one of many: how far back it hears hangs on when it began.
    caught_up: int = 0
    #: Kills up to here were told ahead.
    warned: int = 0
    #: The total that was last told with its digest.
    tallied: int = 0
    #: When the clock next changes its reader's rights.
    until: int | None = None
    #: When something was last sent; since when it takes nothing.
    sent: float = 0
    stalled: float | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """Let it end."""
        self.ended.set()


class WireStreams:
    """All streams that this process has open."""

    def __init__(
        self,
        pages: WirePages,
        follower: Follower,
        lines: WireLines,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.heartbeat = heartbeat
        self.lines = lines
        self._pages = pages
        self._clock = clock
        self._monotonic = monotonic
        self._open: set[Stream] = set()
        #: Whose rights may have changed since they were last looked at; None: everybody's.
        self._concerned: frozenset[str] | None = frozenset()
        follower.heed(self._heed)

    def __len__(self) -> int:
        return len(self._open)

    def _heed(self, changes: Sequence[Change] | None) -> None:
        self._concern(None if changes is None else concerned(changes))

    def _concern(self, about: frozenset[str] | None) -> None:
        known = self._concerned
        self._concerned = None if about is None or known is None else known | about

    async def follow(self, stream: Stream) -> None:
        """Send a stream what it has missed, then whatever comes, until it ends."""
        stream.sent = self._monotonic()
        if await self._catch_up(stream) and await self._renew(stream):
            # Nothing may be waited for in between: whoever is in is told of what changes now.
            self._open.add(stream)
            try:
                await stream.ended.wait()
            finally:
                self._open.discard(stream)

    async def _catch_up(self, stream: Stream) -> bool:
        """Send what came before; say whether the stream is still there."""
        pages, log = self._pages, self._pages.log
        while stream.line.is_open and not log.closing:
            draft = await pages.draft(stream.reader, stream.following, stream.place, _BATCH)
            self._attend_to(stream, self._monotonic())
            kills: list[Heard] = []
            if draft.more:
                kills = await pages.kills(stream.reader, stream.following, stream.place)
            sight = stream.reader.entitlement.sight
            entries = await pages.entries.render(draft.heard, stream.reader.entitlement)
            # It tells of other rights, too: those since the place, and those since the draft.
            if not await self._renew(stream):
                return False
            if stream.reader.entitlement.sight != sight:
                continue
            self._warn(stream, kills)
            self._send(stream, _written(draft.heard, entries))
            stream.place, stream.scanned = draft.ends, draft.scanned
            if not draft.more:
                stream.caught_up = stream.scanned
                return True
            if not await self._is_taken(stream):
                return False
        return False

    async def _renew(self, stream: Stream) -> bool:
        """Look who reads a stream now; say whether it may go on."""
        try:
            self._take(stream, await stream.again())
        except WirefeedError as error:
            self._end(stream, error)
            return False
        return True

    async def _is_taken(self, stream: Stream) -> bool:
        """Wait until a line has room again; drop it if that takes too long."""
        end = self._monotonic() + _STALLED
        while stream.line.is_open and stream.line.waiting > _ROOM:
            if self._monotonic() > end:
                stream.line.abort()
            await asyncio.sleep(_TICK / 10)
        return stream.line.is_open

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Send what comes, until cancelled; whatever fails is said and tried again."""
        while True:
            bell = self._pages.log.bell
            behind = False
            try:
                behind = await self._turn(failed)
            except Exception as error:  # noqa: BLE001 - the others are to go on
                failed(error)
            try:
                async with asyncio.timeout(_TICK / 10 if behind else _TICK):
                    await bell.wait()
            except TimeoutError:
                continue

    async def _turn(self, failed: Callable[[Exception], None]) -> bool:
        """Send every stream what is new; say whether some are behind."""
        if self._pages.log.closing:
            for stream in self._open:
                stream.end()
            return False
        if not self._open:
            self._concerned = frozenset()
            return False
        # What comes after is for the next turn, by the rights that hold then.
        head = (await self._pages.log.head()).position
        await self._look_again(failed)
        self._attend(self._monotonic())
        groups: dict[_Alike, list[Stream]] = defaultdict(list)
        behind = False
        for stream in self._open:
            if stream.line.waiting > _ROOM:
                behind = True
            elif stream.scanned < head and not stream.ended.is_set():
                groups[_alike(stream)].append(stream)
        for (*_, began, scanned), streams in groups.items():
            try:
                behind |= await self._pass_on(began, scanned, head, streams)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the others are to go on
                failed(error)
        return behind

    async def _pass_on(
        self, began: int, scanned: int, head: int, streams: Sequence[Stream]
    ) -> bool:
        """Send streams of one right at one place what comes next; say whether more follows."""
        reader, following = streams[0].reader, streams[0].following
        ears = self._pages.ears(reader.entitlement, following, began)
        pasts = {stream.reader.former for stream in streams}
        shared = await share(self._pages, ears, pasts, scanned, _BATCH, head)
        entries = await self._pages.entries.render(shared.heard, reader.entitlement)
        written, more = _written(shared.heard, entries), shared.more
        for at in range(0, len(streams), _LINES):
            few = self._unconcerned(streams[at : at + _LINES])
            more |= len(few) < len(streams[at : at + _LINES])
            for stream in few:
                is_for = partial(shared.is_for, stream.reader.former)
                self._warn(stream, [one for one in shared.ahead if is_for(one)])
                self._send(stream, [(one, data) for one, data in written if is_for(one)])
                stream.scanned = shared.scanned
            if at + _LINES < len(streams):
                await asyncio.sleep(0)
        return more

    def _unconcerned(self, streams: Sequence[Stream]) -> list[Stream]:
        """Give those whose rights are as they were looked at; the others have the next turn."""
        about, now = self._concerned, self._clock()
        return [stream for stream in streams if not _is_concerned(stream, about, now)]

    def _send(self, stream: Stream, written: Sequence[tuple[Heard, bytes]]) -> None:
        """Send changes to a stream, with cursors of its own."""
        if not written:
            return
        begins = place = stream.place
        parts = []
        for one, data in written:
            kind, guid, version = one.told
            place = place.after(kind, version, guid, one.row.position)
            place = replace(place, day=max(place.day, one.row.at // DAY))
            cursor = self._pages.seal(place, stream.reader)
            parts.append(wire_json.identified(cursor, data))
        if stream.line.is_open:
            stream.line.write(b"".join(parts))
            stream.place, stream.sent = place, self._monotonic()
            self._pages.note(stream.reader, stream.following, STREAM, begins, place)

    def _warn(self, stream: Stream, kills: Sequence[Heard]) -> None:
        """Tell a stream of kills before their turn, of each once."""
        new = [one for one in kills if one.row.position > max(stream.warned, stream.scanned)]
        for one in new:
            (item,) = compact([one])
            stream.line.write(wire_json.frame(AHEAD, wire_json.announcement(item)))
        stream.warned = max([stream.warned, *(one.row.position for one in new)])

    # --- rights and lines -----------------------------------------------------------------------

    async def _look_again(self, failed: Callable[[Exception], None]) -> None:
        """Look whose rights are others now; who may no more read the wire is told so, and why."""
        about, self._concerned = self._concerned, frozenset()
        now = self._clock()
        asked = [stream for stream in self._open if _is_concerned(stream, about, now)]
        for at in range(0, len(asked), _LINES):
            few = asked[at : at + _LINES]
            found = await asyncio.gather(*(s.again() for s in few), return_exceptions=True)
            for stream, reader in zip(few, found, strict=True):
                if isinstance(reader, Reader):
                    self._take(stream, reader)
                elif isinstance(reader, Unavailable):
                    # Until it can be asked, nothing is sent to anybody.
                    self._concern(about)
                    raise reader
                elif isinstance(reader, WirefeedError):
                    self._end(stream, reader)
                elif isinstance(reader, Exception):
                    # Nobody knows what it may read. Its client comes again, and is looked at anew.
                    failed(reader)
                    stream.end()
                else:
                    self._concern(about)
                    raise reader

    def _take(self, stream: Stream, reader: Reader) -> None:
        stream.reader, stream.until = reader, reader.until(self._clock())
        if sight_mark(reader.entitlement.sight) != stream.place.sight:
            self._tell_of_rights(stream)

    def _tell_of_rights(self, stream: Stream) -> None:
        stream.place = stream.place.turned(sight_mark(stream.reader.entitlement.sight))
        # As a page would be, it is told by these rights of all behind what it heard last.
        stream.scanned = stream.place.position
        cursor = self._pages.seal(stream.place, stream.reader)
        entry = ninjs_out.entitlement(OLDEST)
        stream.line.write(wire_json.frame(ENTITLEMENT, entry, cursor))

    def _end(self, stream: Stream, error: WirefeedError) -> None:
        stream.line.write(wire_json.frame("end", wire_json.ending(error.message, error.remedy)))
        stream.end()

    def _attend(self, now: float) -> None:
        """Give signs of life, and drop who takes nothing."""
        for stream in self._open:
            line = stream.line
            if not line.is_open:
                stream.end()
            elif line.waiting <= _ROOM:
                stream.stalled = None
            elif stream.stalled is None:
                stream.stalled = now
            elif now - stream.stalled > _STALLED:
                line.abort()
                stream.end()
            self._attend_to(stream, now)

    def _attend_to(self, stream: Stream, now: float) -> None:
        """Give a sign of life on a line that was silent, as far as it takes anything."""
        line = stream.line
        if now - stream.sent >= self.heartbeat and line.waiting <= _ROOM and line.is_open:
            line.write(_sign(stream))
            stream.sent, stream.tallied = now, stream.place.count


def _alike(stream: Stream) -> _Alike:
    """Say by what streams hear the same from here on."""
    reader, place = stream.reader, stream.place
    # What has come since is heard by all alike, whenever they began.
    began = place.began if stream.scanned < stream.caught_up else 0
    sight = reader.entitlement.sight
    return sight, stream.following, began, stream.scanned


def _is_concerned(stream: Stream, about: frozenset[str] | None, now: int) -> bool:
    if about is None or not about.isdisjoint(stream.reader.subjects):
        return True
    return stream.until is not None and stream.until <= now


def _sign(stream: Stream) -> bytes:
    """Give the digest, if it has moved since it was last told; else no more than a colon.

    Neither has an id: HTML, 9.2.6, "Dispatch the event": the last event ID stays what it was, so
    whoever comes back after a sign of life goes on from its last change.
    """
    place = stream.place
    if place.count == stream.tallied:
        return wire_json.HEARTBEAT
    return wire_json.frame("digest", wire_json.tally(place.count, place.digest))


def _written(heard: Iterable[Heard], entries: Iterable[bytes]) -> list[tuple[Heard, bytes]]:
    return [
        (one, wire_json.frame(one.told[0], entry))
        for one, entry in zip(heard, entries, strict=True)
    ]
