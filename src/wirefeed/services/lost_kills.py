"""Kills of what somebody has lost the right to: which there are, and the bare notice of each.

Whoever may have the story is told that it was killed, and nothing else of it; who that is, is
decided by the domain. Whoever lost nothing costs nothing.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Access, Level, Reason, decide
from wirefeed.domain.feeds import KILL_STAYS, AnyFeed, Item, parts_of
from wirefeed.domain.former import Former, Lost, seen
from wirefeed.domain.hearing import reaches
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Story
from wirefeed.domain.views import published_to
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.announcements import Announcements
from wirefeed.services.follower import Follower
from wirefeed.services.memo import Loaded, Memo
from wirefeed.services.threads import Threads
from wirefeed.storage import stories, wire
from wirefeed.storage.database import Database
from wirefeed.storage.wire import Row

#: Kills of the last days that are looked at: more than an agency has.
_MOST = 1_000


class LostKills:
    """Finds kills for those who lost the right to the story."""

    def __init__(
        self,
        database: Database,
        announcements: Announcements,
        threads: Threads,
        follower: Follower,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._threads = threads
        self._clock = clock
        self._recent: Memo[None, tuple[Row, ...]] = Memo(follower, 1, clock)
        follower.heed(self._forget)

    def _forget(self, changes: Sequence[Change] | None) -> None:
        if changes is None or any(change.kind is ChangeKind.KILL for change in changes):
            self._recent.forget()

    async def of(self, former: Collection[Former], entitlement: Entitlement) -> tuple[Lost, ...]:
        """Give the stories killed of late that somebody may have by what it has no more."""
        if not former:
            return ()
        oldest, told = self._clock() - KILL_STAYS, dict[str, Row]()
        for row in await self._recent.fetch(None, self._load):
            if row.at > oldest and any(reaches(one.grant, row.change.before) for one in former):
                told.setdefault(row.change.about, row)
        if not told:
            return ()
        held = await self._database.read(stories.held, told)
        found = []
        for guid, row in told.items():
            story = held.get(guid)
            if story is not None and self._is_lost(story, entitlement):
                found.append(await self._lost(story, row, former, entitlement))
        return tuple(one for one in found if one is not None)

    async def _load(self) -> Loaded[tuple[Row, ...]]:
        return await self._database.read(_kills, self._clock() - KILL_STAYS), None

    def _is_lost(self, story: Story, entitlement: Entitlement) -> bool:
        """Say whether a story was killed, and is shown so to nobody of this entitlement."""
        return story.is_killed and decide(story, entitlement, self._clock()).level is Level.HIDDEN

    async def _lost(
        self, story: Story, kill: Row, former: Collection[Former], entitlement: Entitlement
    ) -> Lost | None:
        announced = await self._announcements.before(kill)
        grants, feeds = seen(announced, kill.at, former)
        if not grants:
            return None
        # What it was called, and when it came, is told as it was to whoever saw it.
        saw = replace(entitlement, grants=entitlement.grants | grants)
        names = await self._database.read(self._threads.names, [story], saw)
        return Lost(
            guid=story.guid,
            thread=names.get(story.thread, story.thread),
            published=published_to(story, decide(story, saw, self._clock())),
            at=kill.at,
            feeds=feeds,
        )

    async def find(self, story: Story, reader: Reader) -> Lost | None:
        """Say whether a reader may have a story that was killed, whenever that was."""
        if not reader.former or not self._is_lost(story, reader.entitlement):
            return None
        kill = await self._announcements.kill(story.guid)
        if kill is None:
            return None
        return await self._lost(story, kill, reader.former, reader.entitlement)

    async def items(
        self, connection: AsyncConnection, feed: AnyFeed, lost: Collection[Lost]
    ) -> list[Item]:
        """Show those that may have been seen in a feed."""
        here = [one for one in lost if not one.feeds.isdisjoint(parts_of(feed))]
        held = await stories.held(connection, [one.guid for one in here])
        return [
            _notice(held[one.guid], one)
            for one in here
            if one.guid in held and held[one.guid].is_killed
        ]

    async def item(self, story_id: str, language: str, reader: Reader) -> Item | None:
        """Show a reader by its id that a story was killed, if it may have seen that here."""
        if not reader.former:
            return None
        story = await self._database.read(stories.find, story_id)
        lost = story and await self.find(story, reader)
        if not story or not lost:
            return None
        here = reader.reads_any(feed for feed in lost.feeds if feed.language == language)
        return _notice(story, lost) if here else None


async def _kills(connection: AsyncConnection, since: int) -> tuple[Row, ...]:
    above = await wire.before(connection, since)
    return tuple(await wire.kills(connection, above, _MOST))


def _notice(story: Story, lost: Lost) -> Item:
    """Show of a story that it was killed, and nothing else."""
    access = Access(
        level=Level.SUMMARY,
        reason=Reason.KILLED,
        published=lost.published,
        thread=lost.thread,
        bare=True,
    )
    return Item(story=story, access=access)
