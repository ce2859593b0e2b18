"""The feed a reader may have, or a page behind it: refused or chosen by the domain, and named.

What was chosen is remembered until the wire or the clock changes it; how it is rendered is for
`documents.py`.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from wirefeed.domain import archives
from wirefeed.domain.access import ALL
from wirefeed.domain.archives import Archived, Asked, Page, day_of, feed_of
from wirefeed.domain.errors import Gone, NotFound
from wirefeed.domain.feeds import AnyFeed, Bound, Item, Notice, Trail, Window, why_of
from wirefeed.domain.former import Lost
from wirefeed.domain.plans import Sight
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.views import View
from wirefeed.formats.coding import Coding
from wirefeed.services.documents import Document, Documents, Draft, Format, Moved
from wirefeed.services.follower import Follower
from wirefeed.services.house import House
from wirefeed.services.memo import Loaded, Memo
from wirefeed.services.readers import PUBLIC_GRACE
from wirefeed.services.windows import Windows, weight_of

#: That are remembered by name; their bytes are in the cache, which is bounded in bytes.
_DOCUMENTS = 4096
#: Of pages behind feeds, the same: few are asked for twice.
_PAGES = 512
#: A window holds its stories, and they are large: so many bytes, enough for all formats of what is
#: asked for in one moment.
_WINDOWS = 3 * 1024 * 1024
#: By what a document is found: whatever shapes it but the stories.
_Name: TypeAlias = tuple[Asked, Format, Sight, str, tuple[Notice, ...], tuple[Lost, ...]]


class _Remembered:
    """What was chosen and named, until the wire or the clock changes it."""

    def __init__(self, follower: Follower, limit: int, clock: Callable[[], int]) -> None:
        self.documents: Memo[_Name, Document] = Memo(follower, limit, clock)
        #: What was asked for by who had it already, and so was not rendered.
        self.outlines: Memo[_Name, Document] = Memo(follower, limit, clock)
        self.windows: Memo[tuple[Asked, Sight, tuple[Lost, ...]], Window] = Memo(
            follower, _WINDOWS, clock, weight_of
        )

    def drop(self, name: _Name) -> None:
        """Forget one document."""
        self.documents.drop(name)
        self.outlines.drop(name)

    def forget(self, feeds: frozenset[Feed] | None) -> None:
        """Forget what some feeds are; None: all."""
        for memo in (self.documents, self.outlines, self.windows):
            if feeds is None:
                memo.forget()
            else:
                memo.forget(lambda key, _: _is_of(key[0], feeds))


def _is_of(asked: Asked, feeds: frozenset[Feed]) -> bool:
    feed = feed_of(asked)
    if isinstance(feed, Feed):
        return feed in feeds
    return any(one.language == feed.language and one.topic in feed.topics for one in feeds)


class Syndication:
    """The way out."""

    def __init__(
        self,
        taxonomy: Taxonomy,
        house: House,
        documents: Documents,
        windows: Windows,
        follower: Follower,
        *,
        grace: float,
        clock: Callable[[], int],
    ) -> None:
        self._taxonomy = taxonomy
        self._house = house
        self._documents = documents
        self._reading = windows
        self._follower = follower
        self._grace = grace
        self._clock = clock
        self._feeds = _Remembered(follower, _DOCUMENTS, clock)
        #: Whoever walks through all of an archive takes no feed's place.
        self._pages = _Remembered(follower, _PAGES, clock)
        follower.heed_feeds(self._forget)

    def _forget(self, feeds: frozenset[Feed] | None) -> None:
        """Choose and name these anew; what is in them may have its bytes yet.

        A change of access is another sight, with documents of its own, except of the topics.
        """
        if feeds is None or feeds:
            self._feeds.forget(feeds)
            self._pages.forget(feeds)

    def _remembered(self, asked: Asked) -> "_Remembered":
        return self._pages if isinstance(asked, Archived) else self._feeds

    def check(self, asked: Asked, reader: Reader) -> None:
        """Refuse a feed that there is not, at least for this reader.

        Every topic in every language is a feed. What a key is not for is not there for it.
        """
        feed = feed_of(asked)
        if feed.language not in self._house.languages:
            raise NotFound
        if isinstance(feed, Feed) and not (self._is_there(feed) and reader.reads(feed)):
            raise NotFound
        if isinstance(asked, Archived):
            self._check_page(asked, reader)

    def _is_there(self, feed: Feed) -> bool:
        return not feed.topic or feed.topic in self._taxonomy

    def _check_page(self, asked: Archived, reader: Reader) -> None:
        """Refuse a page that is not in the reader's archive, or not over yet.

        Whether there is anything on it says nothing: a page that all stories have left since
        its address was given out goes on being there, so that whoever walks back gets further.
        """
        page, today = asked.page, day_of(self._clock())
        if page.day > today or (page.day == today and page.at is None):
            raise NotFound
        granted = reader.entitlement.grants
        grants = [g for g in granted if {ALL, asked.language} & g.languages]
        if not archives.reaching(grants, page.day, today):
            if archives.has_end(grants):
                raise Gone("this archive does not reach so far back")
            raise NotFound

    async def document(
        self, feed: Asked, form: Format, reader: Reader, *, self_url: str
    ) -> Document:
        """Give a feed as this reader may have it. Raises `NotFound`."""
        self.check(feed, reader)
        asked = self._asked(feed, form, reader, self_url)
        load = partial(self._load, feed, form, reader, self_url, rendered=True)
        return await self._remembered(feed).documents.fetch(asked, load, self._patience(reader))

    async def known(
        self,
        tags: Collection[str],
        feed: Asked,
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
        remembered = self._remembered(feed)
        document = await remembered.documents.find(asked, patience)
        if document is not None or not tags:
            return document
        load = partial(self._load, feed, form, reader, self_url, rendered=False)
        outline = await remembered.outlines.fetch(asked, load, patience)
        return outline if outline.tag in tags else None

    async def _load(
        self, feed: Asked, form: Format, reader: Reader, self_url: str, *, rendered: bool
    ) -> Loaded[Document]:
        """Say what a document is, and how long it is that: rendered, or by its outline alone."""
        draft, documents = await self._draft(feed, form, reader, self_url), self._documents
        if rendered:
            document = await documents.document(draft, why_of)
        else:
            document = documents.outline(draft, why_of)
        return document, document.until

    def held(
        self,
        feed: Asked,
        form: Format,
        reader: Reader,
        *,
        self_url: str,
    ) -> Document | None:
        """Give the same without waiting for anything, if it is known for sure."""
        if isinstance(feed, Feed) and not reader.reads(feed):
            return None
        asked = self._asked(feed, form, reader, self_url)
        return self._remembered(feed).documents.get(asked)

    def outlined(
        self,
        tags: Collection[str],
        feed: Asked,
        form: Format,
        reader: Reader,
        *,
        self_url: str,
    ) -> Document | None:
        """Give what has one of these tags, rendered or not, if that is known for sure."""
        if not tags or (isinstance(feed, Feed) and not reader.reads(feed)):
            return None
        asked = self._asked(feed, form, reader, self_url)
        outline = self._remembered(feed).outlines.get(asked)
        return outline if outline is not None and outline.tag in tags else None

    def _asked(self, feed: Asked, form: Format, reader: Reader, self_url: str) -> _Name:
        notices = self._house.notices(reader, feed.language)
        return feed, form, reader.entitlement.sight, self_url, notices, reader.lost

    def _patience(self, reader: Reader) -> float:
        """Say how long what was true counts while the database is out of reach."""
        return PUBLIC_GRACE if reader.entitlement.anonymous else self._grace

    async def _draft(self, feed: Asked, form: Format, reader: Reader, self_url: str) -> Draft:
        window = await self.window(feed, reader)
        trail = partial(self.trail, feed, window)
        return self._documents.draft(
            form,
            self._house.channel(
                feed_of(feed), self._taxonomy, window.updated, self_url, trail(len(window.items))
            ),
            window,
            # What is told of a subscription is told once, in the feed.
            () if isinstance(feed, Archived) else self._house.notices(reader, feed.language),
            self._house.wording(feed.language, self._taxonomy),
            trail,
        )

    def trail(self, asked: Asked, window: Window, shown: int) -> Trail:
        """Name the pages beside a document that shows so many items."""
        is_page = isinstance(asked, Archived)
        return Trail(
            page=str(asked.page) if isinstance(asked, Archived) else "",
            older=self._named(self._reading.cuts.behind_part(window, shown, is_page=is_page)),
            newer=self._named(window.newer),
        )

    def _named(self, bound: Bound | None) -> str:
        return "" if bound is None else str(archives.page_at(bound, self._reading.key))

    def archived(self, feed: AnyFeed, name: str) -> Archived:
        """Read what the address of a page names. Raises `NotFound`."""
        page = Page.read(name)
        if page is None:
            raise NotFound
        return Archived(feed=feed, page=page)

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
        feed: Asked,
        reader: Reader,
        *,
        self_url: str,
    ) -> bytes:
        """Give the bytes of a document that was given to this reader. Raises `Moved`."""
        draft = partial(self._draft, feed, document.form, reader, self_url)
        try:
            return await self._documents.body(document, coding, draft)
        except Moved:
            # Whoever asks again is not to be given the same.
            self._remembered(feed).drop(self._asked(feed, document.form, reader, self_url))
            raise

    async def delta(
        self,
        tags: Collection[str],
        feed: Asked,
        form: Format,
        reader: Reader,
        *,
        self_url: str,
    ) -> tuple[str, bytes] | None:
        """Give the tag of a feed, and what is new in it since the reader had one of these."""
        draft = await self._draft(feed, form, reader, self_url)
        body = await self._documents.delta(draft, tags)
        return None if body is None else (draft.name.hex(), body)

    async def window(self, asked: Asked, reader: Reader) -> Window:
        """Choose the stories of a feed for this reader, or of a page behind it."""
        entitlement = reader.entitlement

        async def load() -> Loaded[Window]:
            if isinstance(asked, Archived):
                window = await self._reading.page(asked, entitlement)
                # What leaves a page goes to the top of the feed, or out of sight there.
                now = await self.window(asked.feed, reader)
                window = replace(window, changed=max(window.changed, now.changed))
            else:
                window = await self._reading.window(asked, entitlement, reader.lost)
            return window, window.until

        named = (asked, entitlement.sight, reader.lost)
        return await self._remembered(asked).windows.fetch(named, load, self._patience(reader))

    def views(self, items: Iterable[Item]) -> list[View]:
        """Show stories of a window."""
        return [self.view(item) for item in items]

    def view(self, item: Item) -> View:
        """Show one story."""
        return self._documents.view(item)
