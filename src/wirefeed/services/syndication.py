"""The feed or page a reader may have: choose the stories, let the domain decide, render, join.

A document is named by its parts before it is rendered, so that its validator is known
without rendering, and a story is rendered once for all who see the same of it.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import ModuleType

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import ALL, Access, Level, Reason, decide, stands_in
from wirefeed.domain.errors import Gone, NotFound
from wirefeed.domain.feeds import (
    AnyFeed,
    Channel,
    Gathering,
    Item,
    Notice,
    Selection,
    Shape,
    Window,
    Wording,
    count_levels,
)
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed, Story
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.views import View, published_to, view
from wirefeed.domain.wire import Head
from wirefeed.formats import atom, jsonfeed, rss
from wirefeed.services.follower import Memo
from wirefeed.services.house import House
from wirefeed.storage import stories
from wirefeed.storage.database import Database
from wirefeed.storage.lru import Lru

_CHUNK = 100
_DOCUMENTS = 64
_WINDOWS = 32
#: Of a feed in which the caller may see hardly anything, this much is looked through.
_MOST_READ = 5_000
#: Of a document's items; some readers cut a larger feed off in the middle.
MOST_BYTES = 2_000_000


class Format(StrEnum):
    """The forms a feed comes in, as addresses spell them."""

    RSS = "rss"
    ATOM = "atom"
    JSON = "json"

    @property
    def module(self) -> ModuleType:
        """The renderer."""
        return {"rss": rss, "atom": atom, "json": jsonfeed}[self.value]

    @property
    def media_type(self) -> str:
        """The content type of its documents."""
        return str(self.module.MEDIA_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A rendered feed with its validators."""

    body: bytes
    #: The opaque part of its entity tag.
    tag: str
    #: The newest change of the window or of the entitlement.
    modified: int
    media_type: str
    #: Items by level.
    levels: Mapping[Level, int]
    #: Why items are not full: `topic`, `delay`.
    why: tuple[str, ...] = ()


class Syndication:
    """The way out."""

    def __init__(
        self,
        database: Database,
        taxonomy: Taxonomy,
        house: House,
        *,
        shape: Shape,
        secret: bytes,
        cache: Lru,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._house = house
        self._shape = shape
        self._secret = secret
        self._cache = cache
        self._clock = clock
        self._memo: Memo[Document] = Memo(_DOCUMENTS)
        self._windows: Memo[Window] = Memo(_WINDOWS)

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
        self, feed: AnyFeed, form: Format, reader: Reader, head: Head, *, self_url: str
    ) -> Document:
        """Give a feed as this reader may have it. Raises `NotFound`."""
        self.check(feed, reader)
        notices = self._house.notices(reader, feed.language)
        key = (feed, form, reader.entitlement, self_url, notices)
        made = self._memo.get(key, head, self._clock())
        if made is None:
            window = await self.window(feed, reader, head)
            made = self._render(feed, form, reader, window, notices, self_url)
            self._memo.put(key, made, head, _earliest(window.until, reader.entitlement.until))
        if isinstance(feed, Selection) and reader.key is not None:
            # Those who chose the same share a document; when they chose it is their own.
            return replace(made, modified=max(made.modified, reader.key.selected))
        return made

    async def window(self, feed: AnyFeed, reader: Reader, head: Head) -> Window:
        """Choose the stories of a feed for this reader."""
        now = self._clock()
        key = (feed, reader.entitlement)
        window = self._windows.get(key, head, now)
        if window is None:
            window = await self._gather(feed, reader.entitlement, now)
            until = _earliest(window.until, reader.entitlement.until)
            self._windows.put(key, window, head, until)
        return window

    def views(self, items: Iterable[Item]) -> list[View]:
        """Show stories of a window."""
        return [self.view(item) for item in items]

    def view(self, item: Item) -> View:
        """Show one story."""
        return view(item.story, item.access, words=self._house.teaser_words)

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
            await self._fill(connection, gathering, feeds)
            # All of them: hidden ones must not take the place of those that are shown.
            kills = await stories.kills(connection, feeds, gathering.kills_since, _MOST_READ)
            for story in kills:
                gathering.offer(story)
        return gathering.window()

    async def _fill(
        self, connection: AsyncConnection, gathering: Gathering, feeds: Collection[Feed]
    ) -> None:
        before: int | None = None
        for _ in range(_MOST_READ // _CHUNK):
            chunk = await stories.newest(connection, feeds, before, _CHUNK)
            for story in chunk:
                if gathering.is_full(story):
                    return
                gathering.offer(story)
            if len(chunk) < _CHUNK:
                return
            before = chunk[-1].position

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

    def _render(
        self,
        feed: AnyFeed,
        form: Format,
        reader: Reader,
        window: Window,
        notices: tuple[Notice, ...],
        self_url: str,
    ) -> Document:
        channel = self._house.channel(feed, self._taxonomy, window.updated, self_url)
        wording = self._house.wording(feed.language, self._taxonomy)
        keys = [self._key(form, item, wording) for item in window.items]
        parts = self._parts(form, window, wording, keys)
        shown = window.items[: len(parts)]
        told = [form.module.notice(notice, feed.language) for notice in notices]
        return Document(
            body=form.module.feed(channel, [*told, *parts]),
            tag=self._tag(form, channel, keys, notices).hex(),
            modified=max(
                window.changed, reader.entitlement.changed, reader.lapsed, reader.shared or 0
            ),
            media_type=form.media_type,
            levels=count_levels(shown),
            why=why(item.access.reason for item in shown),
        )

    def _parts(
        self, form: Format, window: Window, wording: Wording, keys: Sequence[bytes]
    ) -> list[bytes]:
        """Render the items, the newest first, as many as aggregators read of a feed."""
        parts: list[bytes] = []
        size = 0
        for item, key in zip(window.items, keys, strict=True):
            part = self._fragment(form, item, wording, key)
            size += len(part)
            if parts and size > MOST_BYTES:
                break
            parts.append(part)
        return parts

    def _fragment(self, form: Format, item: Item, wording: Wording, key: bytes) -> bytes:
        held = self._cache.get(key)
        if held is None:
            held = bytes(form.module.item(self.view(item), wording))
            self._cache.put(key, held)
        return held

    def _key(self, form: Format, item: Item, wording: Wording) -> bytes:
        """Name a fragment by everything that shapes its bytes, and by nothing else."""
        story, access = item.story, item.access
        return self._digest(
            form,
            form.module.EDITION,
            self._house.digest,
            wording,
            story.guid,
            story.version,
            story.thread,
            published_to(story, access),
            story.updated,
            sorted(access.topics if access.reason is Reason.KILLED else story.topics),
            access.level,
            access.reason,
            access.media,
            access.notes,
            access.early,
        )

    def _tag(
        self, form: Format, channel: Channel, keys: Sequence[bytes], notices: tuple[Notice, ...]
    ) -> bytes:
        return self._digest(form, form.module.EDITION, channel, notices, keys)

    def _digest(self, *parts: object) -> bytes:
        """Make a MAC over the parts; their encoding keeps them apart, whatever they contain."""
        encoded = msgspec.msgpack.encode(parts)
        return hashlib.blake2b(encoded, key=self._secret, digest_size=16).digest()


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


def _earliest(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)
