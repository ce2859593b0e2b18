"""Which stories of a feed to read for a caller, and what it may see of each. No rules here.

What stands behind a window is judged by the grants whose archives reach the day of it.
"""

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import ALL, Access, Level, Reason, decide, stands_in
from wirefeed.domain.archives import day_of, oldest_day, reaching
from wirefeed.domain.feeds import AnyFeed, Item, Selection, newest_of, parts_of
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.stories import Feed, Story
from wirefeed.domain.topics import Taxonomy
from wirefeed.services.threads import Threads
from wirefeed.storage import stories
from wirefeed.storage.database import Database

#: Of a feed in which the caller may see hardly anything, this much is looked through in a row.
MOST_READ = 5_000


class Scan:
    """One look at a feed, for one caller at one time."""

    def __init__(
        self,
        feed: AnyFeed,
        entitlement: Entitlement,
        taxonomy: Taxonomy,
        threads: Threads,
        now: int,
        *,
        chunk: int,
    ) -> None:
        self._wanted = parts_of(feed)
        self._entitlement = entitlement
        self._threads = threads
        self._now = now
        #: So many stories are read at once.
        self._chunk = chunk
        self._today = day_of(now)
        self._oldest = oldest_day(entitlement.grants, self._today)
        self._by_day: dict[int, Entitlement] = {}
        #: What to read.
        self.feeds = _sources(feed, entitlement, taxonomy)
        #: When the clock changes what was judged behind the window, hidden stories included.
        self.untils: list[int] = []

    def judge(self, story: Story) -> Access:
        """Say how much of a story is shown in the feed."""
        return self._judged(story, self._entitlement)

    def archived(self, story: Story) -> Item | None:
        """Show a story behind the window, if that is for this caller."""
        item = self._behind(story)
        if item.access.until is not None:
            self.untils.append(item.access.until)
        return None if item.access.level is Level.HIDDEN else item

    async def below(self, database: Database, before: int) -> AsyncGenerator[Item, None]:
        """Show what stands below a position, the last changed first.

        Each chunk is a look of its own, so that nobody who writes has to wait for long: what
        changes between two of them has gone up, and this is done again.
        """
        hidden = 0
        while self.feeds and hidden < MOST_READ:
            async with database.reading() as connection:
                chunk = await stories.newest(connection, self.feeds, before, self._chunk)
                shown = await self._shown(connection, chunk)
            for item in shown:
                yield item
            if len(chunk) < self._chunk or self._is_beyond(chunk[-1]):
                return
            before, hidden = chunk[-1].position, 0 if shown else hidden + len(chunk)

    async def above(self, database: Database, start: int) -> AsyncGenerator[Item, None]:
        """Show what stands from a position on, the first changed first."""
        hidden = 0
        while self.feeds and hidden < MOST_READ:
            async with database.reading() as connection:
                chunk = await stories.following(connection, self.feeds, start, self._chunk)
                shown = await self._shown(connection, chunk)
            for item in shown:
                yield item
            if len(chunk) < self._chunk:
                return
            start, hidden = chunk[-1].position + 1, 0 if shown else hidden + len(chunk)

    async def named(self, connection: AsyncConnection, shown: Iterable[Item]) -> tuple[Item, ...]:
        """Let stories that are shown say what their threads are called to this caller."""
        items = tuple(shown)
        told = (item.story for item in items)
        names = await self._threads.names(connection, told, self._entitlement)
        return tuple(
            replace(item, access=replace(item.access, thread=names.get(item.story.thread)))
            if item.story.thread in names
            else item
            for item in items
        )

    async def _shown(self, connection: AsyncConnection, chunk: Sequence[Story]) -> list[Item]:
        """Leave out what is hidden, and whatever its thread has a newer member for."""
        shown = [item for item in map(self.archived, chunk) if item is not None]
        threads = {item.story.thread for item in shown}
        members = await stories.shared_threads(connection, threads)
        if not members:
            return shown
        newest = self._newest(members.values())
        return [
            item
            for item in shown
            if newest.get(item.story.thread, item.story.guid) == item.story.guid
        ]

    def _newest(self, members: Collection[Story]) -> dict[str, str]:
        """Say which story each of these threads shows."""
        origins = {story.guid: story.revision.evolved_from for story in members}
        placed = [story for story in members if story.is_killed or not story.superseded]
        threads: dict[str, list[Item]] = {}
        for story in sorted(placed, key=lambda story: story.position, reverse=True):
            item = self._behind(story)
            if item.access.level is not Level.HIDDEN:
                threads.setdefault(story.thread, []).append(item)
        return {name: newest_of(items, origins).story.guid for name, items in threads.items()}

    def _behind(self, story: Story) -> Item:
        day = day_of(story.changed)
        caller = self._by_day.get(day)
        if caller is None:
            grants = reaching(self._entitlement.grants, day, self._today)
            caller = self._by_day[day] = replace(self._entitlement, grants=grants)
        return Item(story=story, access=self._judged(story, caller))

    def _is_beyond(self, story: Story) -> bool:
        return self._oldest is not None and day_of(story.changed) < self._oldest

    def _judged(self, story: Story, caller: Entitlement) -> Access:
        access = decide(story, caller, self._now)
        if stands_in(story, self._wanted, caller, access):
            return access
        # It is in this feed's range for others, who saw it here.
        return Access(level=Level.HIDDEN, reason=Reason.NOT_COVERED, until=access.until)


def _sources(feed: AnyFeed, entitlement: Entitlement, taxonomy: Taxonomy) -> frozenset[Feed]:
    """Say which feeds to read, so that a narrow plan does not read what it may not see."""
    grants = [g for g in entitlement.grants if {ALL, feed.language} & g.languages]
    granted = frozenset(topic for grant in grants for topic in grant.topics)
    if not granted:
        return frozenset()
    if isinstance(feed, Selection):
        # A topic's stories stand in the broader ones, too: what is narrower comes with them.
        return parts_of(replace(feed, topics=taxonomy.widest(feed.topics)))
    above = taxonomy.broader(feed.topic) if feed.topic else frozenset()
    if ALL in granted or granted & above:
        return frozenset({feed})
    if not feed.topic:
        return frozenset(Feed(language=feed.language, topic=topic) for topic in granted)
    return frozenset({feed})
