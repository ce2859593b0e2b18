"""Windows and the pages behind them: read what a feed holds for a caller, and let it be cut.

The rules are `domain/feeds.py` and `domain/archives.py`; nothing is remembered here but where
on the wire a time was over, and what many windows are chosen from.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain import archives
from wirefeed.domain.archives import Archived, Cuts, Cutting, Page, day_of
from wirefeed.domain.errors import NotFound
from wirefeed.domain.feeds import AnyFeed, Bound, Gathering, Item, Shape, Window, with_lost
from wirefeed.domain.former import Lost
from wirefeed.domain.plans import DAY, Entitlement
from wirefeed.domain.stories import Story
from wirefeed.domain.topics import Taxonomy
from wirefeed.services import feed_stories
from wirefeed.services.feed_stories import FeedStories
from wirefeed.services.lost_kills import LostKills
from wirefeed.services.scanning import MOST_READ, Scan
from wirefeed.services.threads import Threads
from wirefeed.storage import stories, wire
from wirefeed.storage.database import Database

_CHUNK = 100
#: Fewer are not worth a look of their own.
_LEAST = 10
#: Ends of times that are remembered: whoever walks back asks for one after the other.
_ENDS = 4096


def weight_of(window: Window) -> int:
    """Say about how many bytes of memory the stories of a window take."""
    return feed_stories.weight_of([item.story for item in window.items])


class Windows:
    """Reads windows and pages."""

    def __init__(
        self,
        database: Database,
        taxonomy: Taxonomy,
        threads: Threads,
        lost_kills: LostKills,
        *,
        shape: Shape,
        key: bytes,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._threads = threads
        self._lost_kills = lost_kills
        self._shape = shape
        self.cuts = Cuts(length=shape.items)
        #: Signs the addresses of pages.
        self.key = key
        self._clock = clock
        self._ends: OrderedDict[int, int] = OrderedDict()
        self._stories = FeedStories()

    async def window(
        self, feed: AnyFeed, entitlement: Entitlement, lost: Sequence[Lost] = ()
    ) -> Window:
        """Choose the newest stories of a feed for a caller, and kills of what it has lost."""
        window = await self._window(feed, entitlement)
        if not lost:
            return window
        head, items = await self._database.read(self._lost, feed, lost)
        # In a language of which it may see nothing, nothing was read.
        return with_lost(replace(window, head=window.head or head), items)

    async def _lost(
        self, connection: AsyncConnection, feed: AnyFeed, lost: Sequence[Lost]
    ) -> tuple[int, list[Item]]:
        head = await wire.head(connection)
        return head.position, await self._lost_kills.items(connection, feed, lost)

    async def _window(self, feed: AnyFeed, entitlement: Entitlement) -> Window:
        scan = self._scan(feed, entitlement)
        gathering = Gathering(scan.judge, self._shape)
        if not scan.feeds:
            return gathering.window()
        window, rest = await self._database.read(self._gather, gathering, scan)
        first = await self._first_behind(scan, window, gathering.left_out, rest)
        if first is None:
            return self._lasting(window, scan, entitlement)
        older = self.cuts.behind(first, archives.above_of(first, window.items))
        return self._lasting(replace(window, older=older), scan, entitlement)

    async def _gather(
        self, connection: AsyncConnection, gathering: Gathering, scan: Scan
    ) -> tuple[Window, Story | None]:
        """Choose what stands in a window; give it with the first story that is beyond it."""
        head = await wire.head(connection)
        rest = await self._fill(connection, head.position, gathering, scan)
        # All of them: hidden ones must not take the place of those that are shown.
        for story in await stories.kills(connection, scan.feeds, gathering.kills_since, MOST_READ):
            gathering.offer(story)
        if gathering.ended:
            members = await stories.by_thread(connection, gathering.ended)
            for story in sorted(members.values(), key=_place, reverse=True):
                if not story.superseded:
                    gathering.offer(story)
        window = gathering.window()
        items = await scan.named(connection, window.items)
        return replace(window, items=items, head=head.position), rest

    def _scan(self, feed: AnyFeed, entitlement: Entitlement) -> Scan:
        # Pages are short and long: with more at once, more is read than is shown.
        chunk = max(self.cuts.length // 2 + 1, _LEAST)
        return Scan(feed, entitlement, self._taxonomy, self._threads, self._clock(), chunk=chunk)

    def _lasting(self, window: Window, scan: Scan, entitlement: Entitlement) -> Window:
        """Say until when it holds, with what is behind it."""
        untils = [] if window.until is None else [window.until]
        untils += scan.untils
        if archives.has_end(entitlement.grants):
            untils.append((day_of(self._clock()) + 1) * DAY)
        today = day_of(self._clock())
        reached = archives.reached(window.items, entitlement.grants, today)
        return replace(window, until=min(untils, default=None), reached=reached)

    async def _fill(
        self, connection: AsyncConnection, head: int, gathering: Gathering, scan: Scan
    ) -> Story | None:
        """Fill a window; give the first story that is beyond it."""
        before: int | None = None
        # Most often this is all: one more than the window needs shows that it is full.
        size, read = self._shape.items + 1, 0
        while True:
            chunk = await self._stories.newest(connection, head, scan.feeds, before, size)
            for story in chunk:
                if gathering.is_full(story) or read >= MOST_READ:
                    return story
                gathering.offer(story)
            if len(chunk) < size:
                return None
            before, read, size = chunk[-1].position, read + size, _CHUNK

    async def _first_behind(
        self, scan: Scan, window: Window, left_out: list[Item], rest: Story | None
    ) -> Story | None:
        """Find what has to be shown first behind a window, because it does not show it."""
        threads = {item.story.thread for item in window.items}
        found = [item.story for item in left_out if scan.archived(item.story)]
        if rest is not None:
            if rest.thread not in threads and scan.archived(rest):
                found.append(rest)
            else:
                async with aclosing(scan.below(self._database, rest.position)) as below:
                    async for item in below:
                        if item.story.thread not in threads:
                            found.append(item.story)
                            break
        return max(found, key=_place, default=None)

    async def page(self, archived: Archived, entitlement: Entitlement) -> Window:
        """Cut a page of a feed's archive for a caller.

        Raises `NotFound` for an address that was never given out.
        """
        page = archived.page
        scan = self._scan(archived.feed, entitlement)
        end = await self._end(page)
        cutting = Cutting(self.cuts, page.day)
        async with aclosing(scan.below(self._database, end)) as below:
            async for item in below:
                if not cutting.offer(item):
                    break
        items = await self._database.read(scan.named, cutting.items)
        window = Window(
            items=items,
            changed=archives.closed(entitlement.grants, page.day, day_of(self._clock())),
            updated=max((item.story.updated for item in items), default=0),
            until=None,
            older=cutting.older,
            newer=await self._newer(scan, end),
            head=end - 1,
        )
        return self._lasting(window, scan, entitlement)

    async def _newer(self, scan: Scan, end: int) -> Bound | None:
        """Find the page that comes after the one that ends at a position."""
        older: Story | None = None
        read = 0
        async with aclosing(scan.above(self._database, end)) as above:
            async for item in above:
                if older is not None and self.cuts.lies(older, item.story):
                    return archives.bound_of(older, item.story)
                older, read = item.story, read + 1
                if read > self.cuts.most:
                    break
        return None

    async def _end(self, page: Page) -> int:
        """Say at which position what stands on a page is over. Raises `NotFound`."""
        if page.at is None:
            return await self._later((page.day + 1) * DAY - 1)
        if archives.is_tag(page.tag, page.at, "", self.key):
            return await self._later(page.at)
        changes = await self._database.read(wire.changed_at, page.at)
        positions = [p for p, about in changes if self._is_of(page, page.at, about)]
        if not positions:
            raise NotFound
        return max(positions) + 1

    def _is_of(self, page: Page, at: int, guid: str) -> bool:
        return archives.is_tag(page.tag, at, guid, self.key)

    async def _later(self, at: int) -> int:
        if at in self._ends:
            return self._ends[at]
        async with self._database.reading() as connection:
            head = await wire.head(connection)
            end = await wire.later(connection, at)
        if end <= head.position:
            # There is something later: that stays so.
            self._ends[at] = end
            if len(self._ends) > _ENDS:
                self._ends.popitem(last=False)
        return end


def _place(story: Story) -> int:
    return story.position
