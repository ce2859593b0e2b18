"""Follow the wire: know where it ends before anything is answered from memory.

Nothing else tells a process that something happened. What it knows counts from when it began
to look, and only for as long as the lease lasts; then it looks again before it answers.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.errors import Unavailable
from wirefeed.domain.stories import SECOND, Feed
from wirefeed.domain.wire import Audience, Change, Head, concerned, is_of_story, takes_away
from wirefeed.services.publishing import Publishing
from wirefeed.storage import stories, wire
from wirefeed.storage.database import Database

#: Seconds for which what was seen of the wire may be answered by.
LEASE = 0.4
#: Seconds between two looks while nobody asks,
_POLL = 0.1
#: and between two questions whether it is worth while to look earlier.
_HINT = 0.02
#: Seconds in which a database in reach has answered.
_MOMENT = 0.05
#: More changes than this at once are not gone through: everything is looked at anew.
_MOST = 1_000
#: Of more stories than this it is not found out in which feeds they stand.
_FEW = 100
#: Seconds between looks for changes that have fallen due.
_TICK = 0.1

#: Hears what changed; None: more than can be said.
Heed = Callable[[Sequence[Change] | None], None]
#: Hears which feeds may be other than they were, for whoever may read them; None: all.
HeedFeeds = Callable[[frozenset[Feed] | None], None]


class Others(Protocol):
    """Whether other processes answer from what they remember of this database."""

    def others(self) -> bool:
        """Say whether there are any now."""


class Follower:
    """What this process knows of the wire."""

    def __init__(
        self,
        database: Database,
        others: Others,
        counts: Counter[tuple[str, ...]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._counts = counts
        self._monotonic = monotonic
        self._others = others
        self._heeding: list[Heed] = []
        self._heeding_feeds: list[HeedFeeds] = []
        self._head: Head | None = None
        #: When the look began that found it (`time.monotonic()`), and what had been committed here.
        self._began = float("-inf")
        self._advances = -1
        #: When something was last found to have been taken away.
        self._took_away = float("-inf")
        #: How many looks have failed, and whether the last one did.
        self._failures = 0
        self._is_cut_off = False
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[Head] | None = None
        #: When that was asked for.
        self._asked = float("-inf")

    def heed(self, heed: Heed) -> None:
        """Tell this of every change from now on, before anything is answered that came after."""
        self._heeding.append(heed)

    def heed_feeds(self, heed: HeedFeeds) -> None:
        """Tell this in the same way of the feeds that may have changed."""
        self._heeding_feeds.append(heed)

    @property
    def age(self) -> float:
        """The seconds since the last look began that succeeded."""
        return self._monotonic() - self._began

    @property
    def position(self) -> int | None:
        """The newest position that was seen, however long ago; None: there was no look yet."""
        return None if self._head is None else self._head.position

    @property
    def written(self) -> int:
        """How often this process has appended to the wire."""
        return self._database.advances

    @property
    def head(self) -> Head | None:
        """Where the wire ends, as far as the lease lasts; None when it is over.

        It ends with every commit of this process, too: own writes are seen at once.
        """
        # Asked for each answer from memory, so every call in it counts.
        late = self._monotonic() - self._began >= LEASE
        return None if late or self._advances != self._database.advances else self._head

    async def current(self, grace: float = 0) -> Head:
        """Give what may be answered by, after a look if the lease is over.

        While the database is out of reach, what was seen within the last `grace` seconds
        counts. Raises `Unavailable`.
        """
        if (head := self.head) is not None:
            return head
        return await self.newest(grace)

    async def newest(self, grace: float = 0) -> Head:
        """Look, and give what is seen; while the database is out of reach, as `current` does."""
        look = self._ask()
        if self._is_cut_off and self._in_grace(grace) is not None:
            # A database that is locked takes seconds to say so, and has just said so; one that is
            # in reach again takes no time.
            left = _MOMENT - (self._monotonic() - self._asked)
            await asyncio.wait({look}, timeout=max(0.0, left))
            if not look.done() and (head := self._in_grace(grace)) is not None:
                return head
        try:
            return await asyncio.shield(look)
        except Unavailable:
            if (head := self._in_grace(grace)) is None:
                raise
            return head

    def _in_grace(self, grace: float) -> Head | None:
        """Give what was seen within the last so many seconds, unless it was written here since."""
        if self.age >= grace or self._advances != self._database.advances:
            return None
        return self._head

    async def look(self) -> Head:
        """Look where the wire ends; the look begins now or later. Raises `Unavailable`.

        Those who ask while one is under way share the next.
        """
        return await asyncio.shield(self._ask())

    def _ask(self) -> asyncio.Task[Head]:
        if self._next is None:
            self._asked = self._monotonic()
            self._next = asyncio.create_task(self._take_turn(self._failures))
            self._next.add_done_callback(_retrieve)
        return self._next

    async def close(self) -> None:
        """Let the last look end."""
        while self._next is not None or self._turn.locked():
            with suppress(Unavailable):
                await self.look()

    async def in_force(self) -> None:
        """Return when every process acts by what has been committed here so far.

        Whoever else follows has looked since, or its lease is over.
        """
        left = LEASE
        with suppress(Unavailable):
            await self.look()
            left -= self._monotonic() - self._took_away
        if left > 0 and self._others.others():
            await asyncio.sleep(left)

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Look again and again, until cancelled; whatever fails is said and tried again."""
        while True:
            try:
                async with self._database.watching() as version:
                    await self._watch(version)
            except Exception as error:  # noqa: BLE001 - who does not follow answers nothing
                failed(error)
            await asyncio.sleep(_POLL)

    async def _watch(self, version: Callable[[], Coroutine[Any, Any, int]]) -> None:
        seen = -1
        while True:
            found = await version()
            if found != seen or self.age >= _POLL:
                await self.look()
            seen = found
            await asyncio.sleep(_HINT)

    async def _take_turn(self, failures: int) -> Head:
        async with self._turn:
            self._next = None
            if self._failures != failures:
                # One failed since this was asked for; nobody is to wait for two.
                raise Unavailable("the database was out of reach a moment ago")
            try:
                head = await self._look()
            except Unavailable:
                self._failures += 1
                self._is_cut_off = True
                raise
            self._is_cut_off = False
            return head

    async def _look(self) -> Head:
        began, advances = self._monotonic(), self._database.advances
        self._counts["looks",] += 1
        head, changes, feeds = await self._database.look(self._read)
        if self._head is not None and (changes is None or any(map(takes_away, changes))):
            # Later than it was committed, so nobody is waited for too shortly.
            self._took_away = self._monotonic()
        if changes is None or changes:
            for heed in self._heeding:
                heed(changes)
            for heed_feeds in self._heeding_feeds:
                heed_feeds(feeds)
        self._head, self._began, self._advances = head, began, advances
        return head

    async def _read(
        self, connection: AsyncConnection
    ) -> tuple[Head, Sequence[Change] | None, frozenset[Feed] | None]:
        head = await wire.head(connection)
        changes = await self._since(connection, head)
        return head, changes, await self._feeds(connection, changes)

    async def _since(self, connection: AsyncConnection, head: Head) -> Sequence[Change] | None:
        """Give what changed since the last look; None if that is unknown, or too much."""
        if self._head is None or not 0 <= head.position - self._head.position <= _MOST:
            return None
        if head.position == self._head.position:
            return ()
        return [row.change for row in await wire.since(connection, self._head.position, _MOST)]

    async def _feeds(
        self, connection: AsyncConnection, changes: Sequence[Change] | None
    ) -> frozenset[Feed] | None:
        """Say which feeds may be other than they were.

        A change re-enters every feed in which its story ever stood, and may change what the others
        of its thread are called where they stand. What one subscriber may see is no feed's matter.
        """
        if changes is None or concerned(changes) is None:
            return None
        about = {change.about for change in changes if is_of_story(change)}
        if len(about) > _FEW:
            return None
        around = await stories.feeds_around(connection, about) if about else frozenset[Feed]()
        return None if around is None else around | _named(changes)


def _named(changes: Iterable[Change]) -> frozenset[Feed]:
    """Give the feeds that changes name: there may be one by now where there was none."""
    audiences = frozenset[Audience]().union(
        *(c.before | c.after for c in changes if is_of_story(c))
    )
    return frozenset(
        Feed(language=one.language, topic=topic) for one in audiences for topic in one.topics | {""}
    )


def _retrieve(task: asyncio.Task[Head]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


async def announce(
    publishing: Publishing, clock: Callable[[], int], failed: Callable[[Exception], None]
) -> None:
    """Announce what falls due, until cancelled; whatever fails is said and tried again.

    It sleeps no longer than until the next is due, and not at all while more is: what many
    processes may announce, the first does.
    """
    while True:
        pause = _TICK
        try:
            due = await publishing.announce_due()
            if due is not None:
                pause = min(_TICK, max(0.0, (due - clock()) / SECOND))
        except Exception as error:  # noqa: BLE001 - an embargo must end, whatever went wrong before
            failed(error)
        await asyncio.sleep(pause)
