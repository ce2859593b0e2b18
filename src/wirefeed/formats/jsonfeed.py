"""JSON Feed 1.1 out: a story's item, and a feed of items. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from wirefeed.domain.archives import links
from wirefeed.domain.feeds import Channel, Notice, Wording
from wirefeed.domain.views import View
from wirefeed.formats.entries import TOPICS, Entry, Mark, entry_of, notice_entry
from wirefeed.formats.writing import clean, rfc3339

MEDIA_TYPE: Final = "application/feed+json; charset=utf-8"
#: Part of every fragment's and document's key: raise it when the same story gives other bytes.
EDITION: Final = 3

_VERSION = "https://jsonfeed.org/version/1.1"


class _Author(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    url: str = ""


class _Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    url: str
    mime_type: str
    title: str = ""
    size_in_bytes: int | None = None
    duration_in_seconds: int | None = None


class _Extension(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The machine-readable mark (JSON Feed 1.1, Extensions)."""

    notice: bool = False
    level: str = ""
    reason: str = ""
    representation_type: str = ""
    status: str = ""
    version: int = 0
    correction: bool = False
    embargoed_until: str = ""
    topics: tuple[str, ...] = ()
    rights: str = ""
    ednote: str = ""
    usage_terms: str = ""


class _Item(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"wirefeed": "_wirefeed"}
):
    id: str
    url: str = ""
    title: str
    #: A teaser's is its summary and the notice: JSON Feed requires a content.
    content_html: str
    summary: str = ""
    image: str = ""
    date_published: str
    date_modified: str
    authors: tuple[_Author, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    attachments: tuple[_Attachment, ...] = ()
    wirefeed: _Extension


class _Hub(msgspec.Struct, frozen=True):
    """JSON Feed 1.1, hubs: where real-time notifications can be had, and by which protocol."""

    type: str
    url: str


class _FeedExtension(msgspec.Struct, frozen=True, omit_defaults=True):
    updated: str
    rights: str = ""
    #: Of a page of the archive: that it is one, and where the feed and the page after it are.
    archive: bool = False
    current: str = ""
    next_archive: str = ""


class _Feed(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"wirefeed": "_wirefeed"}
):
    version: str
    title: str
    home_page_url: str
    feed_url: str = ""
    next_url: str = ""
    description: str = ""
    authors: tuple[_Author, ...]
    language: str = ""
    hubs: tuple[_Hub, ...] = ()
    wirefeed: _FeedExtension
    items: Sequence[_Item | msgspec.Raw]


def item(view: View, wording: Wording) -> bytes:
    """Write a story's item."""
    return encode(item_of(entry_of(view, wording)))


def notice(notice: Notice, language: str) -> bytes:
    """Write an item that is no story."""
    return encode(item_of(notice_entry(notice, language)))


def feed(channel: Channel, items: Sequence[bytes]) -> bytes:
    """Put items into a feed."""
    return encode(feed_of(channel, [msgspec.Raw(one) for one in items]))


def encode(part: _Feed | _Item) -> bytes:
    """Write a feed or an item."""
    # The encoder leaves up to half of its buffer unused behind what it wrote, and what is rendered
    # is kept for long; a copy is as long as its bytes.
    return bytes(memoryview(msgspec.json.encode(part)))


def feed_of(channel: Channel, items: Sequence[_Item | msgspec.Raw]) -> _Feed:
    """Make the feed."""
    hrefs = {link.rel: link.href for link in links(channel.trail, channel.stem, "json")}
    return _Feed(
        version=_VERSION,
        title=clean(channel.title),
        home_page_url=clean(channel.home_url),
        feed_url=clean(channel.self_url),
        # JSON Feed 1.1: where the items before these are; so it is the archive's `prev-archive`.
        next_url=hrefs.get("prev-archive", ""),
        description=clean(channel.description),
        authors=(_Author(name=clean(channel.site), url=_contact(channel.contact)),),
        language=channel.language,
        hubs=(_Hub(type="WebSub", url=clean(channel.hub_url)),) if channel.hub_url else (),
        wirefeed=_FeedExtension(
            updated=rfc3339(channel.updated),
            rights=clean(channel.rights),
            archive=bool(channel.trail.page),
            current=hrefs.get("current", ""),
            next_archive=hrefs.get("next-archive", ""),
        ),
        items=items,
    )


def item_of(entry: Entry) -> _Item:
    """Make an item."""
    return _Item(
        id=entry.id,
        url=entry.url,
        title=entry.title,
        content_html=entry.content or entry.summary,
        summary=entry.summary_text,
        image=entry.image,
        date_published=rfc3339(entry.published),
        date_modified=rfc3339(entry.updated),
        authors=(_Author(name=entry.author),) if entry.author else (),
        tags=tuple(dict.fromkeys(category.label for category in entry.categories)),
        language=entry.language,
        attachments=tuple(
            _Attachment(
                url=enclosure.url,
                mime_type=enclosure.media_type,
                title=enclosure.title,
                size_in_bytes=enclosure.size,
                duration_in_seconds=enclosure.duration,
            )
            for enclosure in entry.enclosures
        ),
        wirefeed=_extension(entry, entry.mark) if entry.mark else _Extension(notice=True),
    )


def _extension(entry: Entry, mark: Mark) -> _Extension:
    return _Extension(
        level=mark.level,
        reason=mark.reason,
        representation_type=mark.representation_type,
        status=mark.status,
        version=mark.version,
        correction=mark.correction,
        embargoed_until=mark.embargoed_until,
        topics=tuple(c.term for c in entry.categories if c.scheme == TOPICS),
        rights=entry.rights,
        ednote=entry.ednote,
        usage_terms=entry.usage_terms,
    )


def _contact(contact: str) -> str:
    if contact.startswith(("https://", "http://", "mailto:")):
        return clean(contact)
    return f"mailto:{clean(contact)}" if "@" in contact else ""
