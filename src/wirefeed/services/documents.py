"""Feeds as bytes: named by their parts before they are rendered, and each rendered once.

What a document shows was decided before: here are only views, words and bytes.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from types import ModuleType

import msgspec

from wirefeed.domain.access import Level, Reason
from wirefeed.domain.archives import Asked, feed_of
from wirefeed.domain.errors import Conflict
from wirefeed.domain.feeds import (
    MOST,
    Channel,
    Item,
    Notice,
    Selection,
    Trail,
    Window,
    Wording,
    count_levels,
    stretch,
)
from wirefeed.domain.readers import Reader
from wirefeed.domain.views import View, published_to, thread_to
from wirefeed.formats import atom, jsonfeed, rss
from wirefeed.formats.coding import Coding
from wirefeed.services.compressing import Compressor
from wirefeed.services.house import House
from wirefeed.storage.cache import Cache
from wirefeed.storage.lru import Lru

#: Of a document's items; some readers cut a larger feed off in the middle.
MOST_BYTES = 2_000_000
#: Bytes of the name of a part, or of a document.
_NAME = 16
#: Of what a client says it holds, so much is looked for.
_MOST_TAGS = 2
#: Items rendered in one go, of up to a millisecond each: others want an answer meanwhile.
_AT_ONCE = 3
#: What the cache holds of a document: its bytes, and the names of its parts, the notices first.
_BODY, _PARTS = "document", "parts"


_NO_TRAIL = Trail()


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
class Draft:
    """A document before it is rendered: its name follows from what is in it."""

    form: Format
    channel: Channel
    notices: tuple[Notice, ...]
    window: Window
    wording: Wording
    #: By which its notices and items are known.
    parts: tuple[bytes, ...]
    name: bytes
    #: Names the pages beside it, if no more than so many items are shown.
    trail: Callable[[int], Trail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A rendered feed with its validators; its bytes are in the cache, under its name."""

    form: Format
    name: bytes
    #: The opaque part of its entity tag.
    tag: str
    #: The newest change of the window.
    changed: int
    #: Items by level.
    levels: Mapping[Level, int]
    #: Why items are not full: `topic`, `delay`.
    why: tuple[str, ...] = ()
    #: When the clock next makes another one of it.
    until: int | None = None
    trail: Trail = _NO_TRAIL
    #: Whether it was rendered for whoever asked first.
    rendered: bool = False
    #: The stretch of the wire that is told by it.
    first: int = 0
    last: int = 0

    def modified(self, feed: Asked, reader: Reader) -> int:
        """Say when what this reader is given last changed: the window, or the reader's rights."""
        if isinstance(feed_of(feed), Selection) and reader.key is not None:
            # Those who chose the same share a document; when they chose it is their own.
            return max(self.changed, reader.changed, reader.key.selected)
        return max(self.changed, reader.changed)


class Moved(Conflict):
    """What was to be rendered again would be another document by now."""


class Documents:
    """Makes documents of windows, and keeps what it made."""

    def __init__(
        self,
        house: House,
        cache: Cache,
        fragments: Lru,
        compressor: Compressor,
        *,
        secret: bytes,
        counts: Counter[tuple[str, ...]],
    ) -> None:
        self._house = house
        self._cache = cache
        self._fragments = fragments
        self._compressor = compressor
        self._secret = secret
        self._counts = counts
        self._wordings: dict[str, bytes] = {}

    # --- before rendering -----------------------------------------------------------------------

    def draft(
        self,
        form: Format,
        channel: Channel,
        window: Window,
        notices: tuple[Notice, ...],
        wording: Wording,
        trail: Callable[[int], Trail] = lambda _: _NO_TRAIL,
    ) -> Draft:
        """Say what a document will be."""
        module = form.module
        shape = (form, module.EDITION, self._house.digest, self._wording(channel.language, wording))
        parts = (
            *(self._digest(form, module.EDITION, channel.language, notice) for notice in notices),
            *(self._item(shape, item) for item in window.items),
        )
        return Draft(
            form=form,
            channel=channel,
            notices=notices,
            window=window,
            wording=wording,
            parts=parts,
            # Where it goes on if there is no room for all hangs on what is in the archive.
            name=self._digest(form, module.EDITION, channel, notices, parts, window.reached),
            trail=trail,
        )

    def _wording(self, language: str, wording: Wording) -> bytes:
        if language not in self._wordings:
            self._wordings[language] = self._digest(wording)
        return self._wordings[language]

    def _item(self, shape: tuple[object, ...], item: Item) -> bytes:
        """Name an item by everything that shapes its bytes, and by nothing else."""
        story, access = item.story, item.access
        return self._digest(
            shape,
            story.guid,
            story.version,
            thread_to(story, access),
            published_to(story, access),
            story.updated,
            sorted(access.topics if access.reason is Reason.KILLED else story.topics),
            access.level,
            access.reason,
            access.media,
            access.notes,
            access.early,
            access.bare,
        )

    def _digest(self, *parts: object) -> bytes:
        """Make a MAC over the parts; their encoding keeps them apart, whatever they contain."""
        encoded = msgspec.msgpack.encode(parts)
        return hashlib.blake2b(encoded, key=self._secret, digest_size=_NAME).digest()

    # --- rendering ------------------------------------------------------------------------------

    def view(self, item: Item) -> View:
        """Show one story."""
        return self._house.view(item.story, item.access)

    async def document(
        self, draft: Draft, why: Callable[[Sequence[Item]], tuple[str, ...]]
    ) -> Document:
        """Give a document, rendered unless somebody has it."""
        rendered = False

        async def make() -> bytes:
            nonlocal rendered
            rendered = True
            return (await self._render(draft))[1]

        parts = await self._cache.fetch(_PARTS, draft.name, make)
        shown = len(parts) // _NAME - len(draft.notices)
        return replace(self.outline(draft, why, shown), rendered=rendered)

    def outline(
        self, draft: Draft, why: Callable[[Sequence[Item]], tuple[str, ...]], shown: int = MOST
    ) -> Document:
        """Say what a document is known by, rendered or not, with so many items."""
        items = draft.window.items[:shown]
        trail = draft.trail(len(items))
        first, last = stretch(items, draft.window.head, is_page=bool(trail.page))
        return Document(
            form=draft.form,
            name=draft.name,
            tag=draft.name.hex(),
            changed=draft.window.changed,
            levels=count_levels(items),
            why=why(items),
            until=draft.window.until,
            trail=trail,
            first=first,
            last=last,
        )

    def held(self, document: Document, coding: Coding) -> bytes | None:
        """Give the bytes of a document without waiting, if this process has them."""
        return self._cache.held(_kind(coding), document.name)

    def knows(self, tag: str) -> bool:
        """Say whether this process knows a document of this tag, present or past."""
        name = _name(tag)
        return name is not None and self._cache.held(_PARTS, name) is not None

    async def body(
        self, document: Document, coding: Coding, draft: Callable[[], Awaitable[Draft]]
    ) -> bytes:
        """Give the bytes of a document, rendered again by its draft if they are no longer there.

        Raises `Moved` if the draft has become another one.
        """

        async def again() -> bytes:
            now = await draft()
            if now.name != document.name:
                raise Moved("the feed has changed meanwhile")
            body, parts = await self._render(now)
            self._cache.keep(_PARTS, now.name, parts)
            return body

        plain = partial(self._cache.fetch, _BODY, document.name, again)
        if coding is Coding.IDENTITY:
            return await plain()

        waiting = partial(self._cache.waiting, _kind(coding), document.name)

        async def squeeze() -> bytes:
            return await self._compressor.compress(await plain(), coding, waiting)

        return await self._cache.fetch(_kind(coding), document.name, squeeze)

    async def delta(self, draft: Draft, tags: Collection[str]) -> bytes | None:
        """Give the document with no more than what is new since one of these (RFC 3229).

        None where that is unknown, or where so much is new that something may be missing
        between them.
        """
        names = [name for name in map(_name, tags) if name is not None]
        # What this process knows comes first; nobody is to wait for many looks elsewhere.
        names.sort(key=lambda name: self._cache.held(_PARTS, name) is None)
        for name in names[:_MOST_TAGS]:
            held = await self._cache.find(_PARTS, name)
            known = set(_split(held)) if held is not None else set()
            if not known.isdisjoint(draft.parts):
                return await self._new(draft, known)
        return None

    async def _new(self, draft: Draft, known: Collection[bytes]) -> bytes:
        parts = await self._rendered(draft)
        new = [part for name, part in zip(draft.parts, parts, strict=False) if name not in known]
        return bytes(draft.form.module.feed(_channel(draft, len(parts)), new))

    async def _render(self, draft: Draft) -> tuple[bytes, bytes]:
        """Render a document; give its bytes and the names of its parts."""
        self._counts["renders", "document"] += 1
        parts = await self._rendered(draft)
        body = bytes(draft.form.module.feed(_channel(draft, len(parts)), parts))
        names = b"".join(draft.parts[: len(parts)])
        # Kept before the parts are: whoever finds these elsewhere is to find the body, too.
        self._cache.keep(_BODY, draft.name, body)
        return body, names

    async def _rendered(self, draft: Draft) -> list[bytes]:
        """Render notices and items, the newest first, as many as aggregators read of a feed."""
        language = draft.channel.language
        parts = [bytes(draft.form.module.notice(one, language)) for one in draft.notices]
        first, size, made = len(parts), 0, 0
        for item, name in zip(draft.window.items, draft.parts[first:], strict=True):
            part = self._fragments.get(name)
            if part is None:
                part = bytes(draft.form.module.item(self.view(item), draft.wording))
                self._fragments.put(name, part)
                self._counts["renders", "item"] += 1
                made += 1
                if made % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            size += len(part)
            if len(parts) > first and size > MOST_BYTES:
                break
            parts.append(part)
        return parts


def _channel(draft: Draft, parts: int) -> Channel:
    """Say what a document says of itself with so many parts: what it leaves out is behind it."""
    return replace(draft.channel, trail=draft.trail(parts - len(draft.notices)))


def _kind(coding: Coding) -> str:
    return _BODY if coding is Coding.IDENTITY else coding


def _name(tag: str) -> bytes | None:
    try:
        name = bytes.fromhex(tag)
    except ValueError:
        return None
    return name if len(name) == _NAME else None


def _split(parts: bytes) -> list[bytes]:
    return [parts[at : at + _NAME] for at in range(0, len(parts), _NAME)]
