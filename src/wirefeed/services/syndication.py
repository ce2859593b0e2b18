"""The feed or page a reader may have: choose the stories, let the domain decide, name the result.

What was chosen is remembered until the wire or the clock changes it; how it is rendered is for
`documents.py`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import ALL, Access, Level, Reason, decide, stands_in
from wirefeed.domain.errors import Gone, NotFound
from wirefeed.domain.feeds import AnyFeed, Gathering, Item, Notice, Selection, Shape, Window
from wirefeed.domain.plans import Entitlement, Sight
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed, Story
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.views import View
from wirefeed.domain.wire import Change, concerned, is_of_story
from wirefeed.formats.coding import Coding
from wirefeed.services.documents import Document, Documents, Draft, Format
from wirefeed.services.follower import Follower
from wirefeed.services.house import House
from wirefeed.services.memo import Loaded, Memo
from wirefeed.services.readers import PUBLIC_GRACE
from wirefeed.storage import stories, wire
from wirefeed.storage.database import Database

_CHUNK = 100
#: That are remembered by name; their bytes are in the cache, which is bounded in bytes.
_DOCUMENTS = 4096
#: A window holds its stories: enough for all formats of what is asked for in one moment.
_WINDOWS = 8
#: Of a feed in which the caller may see hardly anything, this much is looked through.
_MOST_READ = 5_000
#: By what a document is found: whatever shapes it but the stories.
_Asked: TypeAlias = tuple[AnyFeed, Format, Sight, str, tuple[Notice, ...]]


class Syndication:
    """The way out."""

    def __init__(
        self,
        database: Database,
        taxonomy: Taxonomy,
        house: House,
        documents: Documents,
        follower: Follower,
        *,
        shape: Shape,
        grace: float,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._house = house
        self._documents = documents
        self._shape = shape
        self._follower = follower
        self._grace = grace
        self._clock = clock
        self._memo: Memo[_Asked, Document] = Memo(follower, _DOCUMENTS, clock)
        #: What was asked for by who had it already, and so was not rendered.
        self._outlines: Memo[_Asked, Document] = Memo(follower, _DOCUMENTS, clock)
        self._windows: Memo[tuple[AnyFeed, Sight], Window] = Memo(follower, _WINDOWS, clock)
        follower.heed(self._forget)

    def _forget(self, changes: Sequence[Change] | None) -> None:
        """Choose and name anew once any story has changed; what is in it may have its bytes yet.

        A change of access is another sight, with documents of its own, except of the topics.
        """
        if changes is None or concerned(changes) is None or any(map(is_of_story, changes)):
            self._memo.forget()
            self._outlines.forget()
            self._windows.forget()

    def check(self, feed: AnyFeed, reader: Reader) -> None:
        """Refuse a feed that there is not, at least for this reader.

        Every topic in every language is a feed. What a key is not for is not there for it.
        """
        if feed.language not in self._house.languages:
            raise NotFound
        if isinstance(feed, Selection):
            return
        if (feed.topic and feed.topic not in self._taxonomy) or not reader.reads(feed):
            raise NotFound

    async def document(
        self, feed: AnyFeed, form: Format, reader: Reader, *, self_url: str
    ) -> Document:
        """Give a feed as this reader may have it. Raises `NotFound`."""
        self.check(feed, reader)
        asked = self._asked(feed, form, reader, self_url)

        async def load() -> Loaded[Document]:
            draft = await self._draft(feed, form, reader, self_url)
            return await self._documents.document(draft, why_of), draft.window.until

        return await self._memo.fetch(asked, load, self._patience(reader))

    async def known(
        self,
        tags: Collection[str],
        feed: AnyFeed,
        form: Format,
        reader: Reader,
        *,
        self_url: str,
    ) -> Document | None:
        """Give a feed that is remembered, or that has one of these tags, rendered or not.

        Raises `NotFound`.
        """
        self.check(feed, reader)
        asked, patience = self._asked(feed, form, reader, self_url), self._patience(reader)
        document = await self._memo.find(asked, patience)
        if document is not None or not tags:
            return document

        async def load() -> Loaded[Document]:
            draft = await self._draft(feed, form, reader, self_url)
            return self._documents.outline(draft, why_of), draft.window.until

        outline = await self._outlines.fetch(asked, load, patience)
        return outline if outline.tag in tags else None

    def held(
        self,
        feed: AnyFeed,
        form: Format,
        reader: Reader,
        *,
        self_url: str,
        tags: Collection[str] = (),
    ) -> Document | None:
        """Give the same without waiting for anything, if it is known for sure."""
        if isinstance(feed, Feed) and not reader.reads(feed):
            return None
        asked = self._asked(feed, form, reader, self_url)
        document = self._memo.get(asked)
        if document is None and tags:
            outline = self._outlines.get(asked)
            return outline if outline is not None and outline.tag in tags else None
        return document

    def _asked(self, feed: AnyFeed, form: Format, reader: Reader, self_url: str) -> _Asked:
        notices = self._house.notices(reader, feed.language)
        return feed, form, reader.entitlement.sight, self_url, notices

    def _patience(self, reader: Reader) -> float:
        """Say how long what was true counts while the database is out of reach."""
        return PUBLIC_GRACE if reader.entitlement.anonymous else self._grace

    async def _draft(self, feed: AnyFeed, form: Format, reader: Reader, self_url: str) -> Draft:
        window = await self.window(feed, reader)
        return self._documents.draft(
            form,
            self._house.channel(feed, self._taxonomy, window.updated, self_url),
            window,
            self._house.notices(reader, feed.language),
            self._house.wording(feed.language, self._taxonomy),
        )

    async def catch_up(self, reader: Reader) -> None:
        """Look whether there is anything newer, if the database is not out of reach."""
        await self._follower.newest(self._patience(reader))

    def held_body(self, document: Document, coding: Coding) -> bytes | None:
        """Give the bytes of a document without waiting, if this process has them."""
        return self._documents.held(document, coding)

    def knows(self, tag: str) -> bool:
        """Say whether this process knows a document of this tag, present or past."""
        return self._documents.knows(tag)

    async def body(
        self,
        document: Document,
        coding: Coding,
        feed: AnyFeed,
        reader: Reader,
        *,
        self_url: str,
    ) -> bytes:
        """Give the bytes of a document that was given to this reader. Raises `Moved`."""
        draft = partial(self._draft, feed, document.form, reader, self_url)
        return await self._documents.body(document, coding, draft)

    async def delta(
        self,
        tags: Collection[str],
        feed: AnyFeed,
        form: Format,
        reader: Reader,
        *,
        self_url: str,
    ) -> tuple[str, bytes] | None:
        """Give the tag of a feed, and what is new in it since the reader had one of these."""
        draft = await self._draft(feed, form, reader, self_url)
        body = await self._documents.delta(draft, tags)
        return None if body is None else (draft.name.hex(), body)

    async def window(self, feed: AnyFeed, reader: Reader) -> Window:
        """Choose the stories of a feed for this reader."""
        entitlement = reader.entitlement

        async def load() -> Loaded[Window]:
            window = await self._gather(feed, entitlement, self._clock())
            return window, window.until

        asked = (feed, entitlement.sight)
        return await self._windows.fetch(asked, load, self._patience(reader))

    def views(self, items: Iterable[Item]) -> list[View]:
        """Show stories of a window."""
        return [self.view(item) for item in items]

    def view(self, item: Item) -> View:
        """Show one story."""
        return self._documents.view(item)

    async def story(self, story_id: str, language: str, reader: Reader) -> View:
        """Show one story by its id.

        Raises `Gone` for one withdrawn from this reader's sight, and `NotFound` alike for
        one that was never in it and one that never was.
        """
        async with self._database.reading() as connection:
            story = await stories.find(connection, story_id)
            if story is None or not self._is_known(story, language, reader.entitlement):
                raise NotFound
            heir = await self._newest(connection, story, language, reader.entitlement)
        access = decide(heir, reader.entitlement, self._clock())
        if access.level is Level.HIDDEN:
            raise NotFound
        if not any(
            reader.reads(feed)
            for feed in heir.feeds
            if stands_in(heir, {feed}, reader.entitlement, access)
        ):
            raise NotFound
        shown = self.view(Item(story=heir, access=access))
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

    async def _gather(self, feed: AnyFeed, entitlement: Entitlement, now: int) -> Window:
        feeds = self._sources(feed, entitlement)
        wanted = _parts_of(feed)

        def judge(story: Story) -> Access:
            access = decide(story, entitlement, now)
            if stands_in(story, wanted, entitlement, access):
                return access
            # It is in this feed's range for others, who saw it here.
            return Access(level=Level.HIDDEN, reason=Reason.NOT_COVERED, until=access.until)

        gathering = Gathering(judge, self._shape)
        if not feeds:
            return gathering.window()
        async with self._database.reading() as connection:
            head = await wire.head(connection)
            await self._fill(connection, gathering, feeds)
            # All of them: hidden ones must not take the place of those that are shown.
            kills = await stories.kills(connection, feeds, gathering.kills_since, _MOST_READ)
            for story in kills:
                gathering.offer(story)
        return replace(gathering.window(), head=head.position)

    async def _fill(
        self, connection: AsyncConnection, gathering: Gathering, feeds: Collection[Feed]
    ) -> None:
        before: int | None = None
        # Most often this is all: one more than the window needs shows that it is full.
        size, read = self._shape.items + 1, 0
        while read < _MOST_READ:
            chunk = await stories.newest(connection, feeds, before, size)
            for story in chunk:
                if gathering.is_full(story):
                    return
                gathering.offer(story)
            if len(chunk) < size:
                return
            before, read, size = chunk[-1].position, read + size, _CHUNK

    def _sources(self, feed: AnyFeed, entitlement: Entitlement) -> frozenset[Feed]:
        """Say which feeds to read, so that a narrow plan does not read what it may not see."""
        grants = [g for g in entitlement.grants if {ALL, feed.language} & g.languages]
        granted = frozenset(topic for grant in grants for topic in grant.topics)
        if not granted:
            return frozenset()
        if isinstance(feed, Selection):
            # A topic's stories stand in the broader ones, too: what is narrower comes with them.
            return _parts_of(replace(feed, topics=self._taxonomy.widest(feed.topics)))
        above = self._taxonomy.broader(feed.topic) if feed.topic else frozenset()
        if ALL in granted or granted & above:
            return frozenset({feed})
        if not feed.topic:
            return frozenset(Feed(language=feed.language, topic=topic) for topic in granted)
        return frozenset({feed})


def _parts_of(feed: AnyFeed) -> frozenset[Feed]:
    if isinstance(feed, Feed):
        return frozenset({feed})
    return frozenset(Feed(language=feed.language, topic=topic) for topic in feed.topics)


class KilledStory(Gone):
    """It was withdrawn."""

    def __init__(self, shown: View) -> None:
        super().__init__()
        self.view = shown


#: Why an item is not full, for the header that tells machines.
_WHY = {Reason.NOT_COVERED: "topic", Reason.DELAYED: "delay"}


def why(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """Say why items are not full."""
    return tuple(sorted({_WHY[reason] for reason in reasons if reason in _WHY}))


def why_of(items: Iterable[Item]) -> tuple[str, ...]:
    """Say why these are not full."""
    return why(item.access.reason for item in items)
