"""RSS 2.0 out: a story's item, and a feed of items. Pure."""

from collections.abc import Sequence
from typing import Final

from wirefeed.domain.archives import links
from wirefeed.domain.feeds import Channel, Notice, Wording
from wirefeed.domain.views import View
from wirefeed.formats.entries import Entry, entry_of, notice_entry
from wirefeed.formats.feedgen_fixes import RSS_NAMESPACES, Feed, Item, fragment, splice

MEDIA_TYPE: Final = "application/rss+xml; charset=utf-8"
#: Part of every fragment's and document's key: raise it when the same story gives other bytes.
EDITION: Final = 3

_TAIL = b"</channel></rss>"


def item(view: View, wording: Wording) -> bytes:
    """Write a story's item."""
    return _fragment(entry_of(view, wording))


def notice(notice: Notice, language: str) -> bytes:
    """Write an item that is no story."""
    return _fragment(notice_entry(notice, language))


def feed(channel: Channel, items: Sequence[bytes]) -> bytes:
    """Put items into a feed."""
    return splice(feed_of(channel).rss_str(), items, _TAIL)


def feed_of(channel: Channel) -> Feed:
    """Make the feed without its items."""
    return Feed(
        channel,
        namespaces=RSS_NAMESPACES,
        media_type="application/rss+xml",
        links=links(channel.trail, channel.stem, "rss"),
    )


def item_of(entry: Entry) -> Item:
    """Make an item; RSS readers expect one enclosure."""
    return Item(entry, entry.enclosures[:1])


def _fragment(entry: Entry) -> bytes:
    return fragment(item_of(entry).rss_entry(), RSS_NAMESPACES)
