"""One story as a reader may have it by its address: which version, or that it is gone."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Level, decide, stands_in
from wirefeed.domain.errors import Gone, NotFound
from wirefeed.domain.feeds import Item
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed, Story
from wirefeed.domain.views import View
from wirefeed.services.house import House
from wirefeed.services.lost_kills import LostKills
from wirefeed.services.threads import Threads
from wirefeed.storage import stories
from wirefeed.storage.database import Database


class KilledStory(Gone):
    """It was withdrawn."""

    def __init__(self, shown: View) -> None:
        super().__init__()
        self.view = shown


class StoryPages:
    """Finds the story of an address, as whoever asks may see it now."""

    def __init__(
        self,
        database: Database,
        house: House,
        threads: Threads,
        lost: LostKills,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._house = house
        self._threads = threads
        self._lost = lost
        self._clock = clock

    async def page(
        self, story_id: str, language: str, reader: Reader, given: Callable[[int], None]
    ) -> View:
        """Show one story by its id; say since which position it stands so.

        Raises `Gone` for one withdrawn from this reader's sight, and `NotFound` alike for
        one that was never in it and one that never was.
        """
        try:
            return await self._story(story_id, language, reader, given)
        except NotFound:
            item = await self._lost.item(story_id, language, reader)
            if item is None:
                raise
            given(item.story.position)
            raise KilledStory(self._view(item)) from None

    async def _story(
        self, story_id: str, language: str, reader: Reader, given: Callable[[int], None]
    ) -> View:
        async with self._database.reading() as connection:
            story = await stories.find(connection, story_id)
            if story is None or not self._is_known(story, language, reader.entitlement):
                raise NotFound
            heir = await self._newest(connection, story, language, reader.entitlement)
            names = await self._threads.names(connection, [heir], reader.entitlement)
        access = decide(heir, reader.entitlement, self._clock())
        if access.level is Level.HIDDEN:
            raise NotFound
        if not any(
            reader.reads(feed)
            for feed in heir.feeds
            if stands_in(heir, {feed}, reader.entitlement, access)
        ):
            raise NotFound
        given(heir.position)
        access = replace(access, thread=names.get(heir.thread))
        shown = self._view(Item(story=heir, access=access))
        if shown.is_killed:
            raise KilledStory(shown)
        return shown

    def _is_known(self, story: Story, language: str, entitlement: Entitlement) -> bool:
        """Say whether this caller ever saw a story on a page of this language.

        Else its address would say that it is there, also where it leads to a newer one.
        """
        access = decide(story, entitlement, self._clock())
        was_shown = access.level is not Level.HIDDEN or access.gone is not None
        return was_shown and stands_in(story, {Feed(language=language)}, entitlement, access)

    def _is_shown(self, story: Story, language: str, entitlement: Entitlement) -> bool:
        access = decide(story, entitlement, self._clock())
        visible = access.level is not Level.HIDDEN
        return visible and stands_in(story, {Feed(language=language)}, entitlement, access)

    async def _newest(
        self, connection: AsyncConnection, story: Story, language: str, entitlement: Entitlement
    ) -> Story:
        """Follow a superseded story to the newest of its thread that this caller may see.

        A translation is of the thread, and no newer version.
        """
        if not story.superseded:
            return story
        members = await stories.by_thread(connection, {story.thread})
        visible = [
            member
            for member in members.values()
            if not member.superseded and self._is_shown(member, language, entitlement)
        ]
        if visible:
            return max(visible, key=lambda member: member.position)
        if story.is_killed:
            return story
        # What replaced it is not for this caller; it is no longer for anybody.
        raise NotFound

    def _view(self, item: Item) -> View:
        return self._house.view(item.story, item.access)
