"""Atom (RFC 4287) out: a story's entry, and a feed of entries. Pure."""

from collections.abc import Sequence
from typing import Final

from lxml import etree

from wirefeed.domain.archives import links
from wirefeed.domain.feeds import Channel, Notice, Wording
from wirefeed.domain.views import View
from wirefeed.formats.entries import Entry, entry_of, notice_entry
from wirefeed.formats.feedgen_fixes import (
    ATOM_NAMESPACES,
    Feed,
    Item,
    fragment,
    splice,
    tombstone,
)

MEDIA_TYPE: Final = "application/atom+xml; charset=utf-8"
#: Part of every fragment's and document's key: raise it when the same story gives other bytes.
EDITION: Final = 3

_TAIL = b"</feed>"
_TOMBSTONE = b"<at:deleted-entry "


def item(view: View, wording: Wording) -> bytes:
    """Write a story's entry; a killed one's follows its tombstone."""
    entry = entry_of(view, wording)
    return _tombstone(entry) + _fragment(entry) if view.is_killed else _fragment(entry)


def notice(notice: Notice, language: str) -> bytes:
    """Write an entry that is no story."""
    return _fragment(notice_entry(notice, language))


def feed(channel: Channel, items: Sequence[bytes]) -> bytes:
    """Put entries into a feed."""
    parted = [_parted(one) for one in items]
    stones = (stone for stone, _ in parted)
    entries = (entry for _, entry in parted)
    # RFC 4287 §4.1.1: whatever is no entry stands before the entries.
    return splice(feed_of(channel).atom_str(), (*stones, *entries), _TAIL)


def feed_of(channel: Channel, tombstones: Sequence[etree._Element] = ()) -> Feed:
    """Make the feed without its entries."""
    return Feed(
        channel,
        namespaces=ATOM_NAMESPACES,
        media_type="application/atom+xml",
        links=links(channel.trail, channel.stem, "atom"),
        tombstones=tombstones,
    )


def item_of(entry: Entry) -> Item:
    """Make an entry."""
    return Item(entry, entry.enclosures)


def _fragment(entry: Entry) -> bytes:
    return fragment(item_of(entry).atom_entry(), ATOM_NAMESPACES)


def _tombstone(entry: Entry) -> bytes:
    return fragment(tombstone(entry), ATOM_NAMESPACES)


def _parted(item: bytes) -> tuple[bytes, bytes]:
    """Take a tombstone off the entry it came with; its one tag holds no bare `>`."""
    if not item.startswith(_TOMBSTONE):
        return b"", item
    end = item.index(b"/>") + 2
    return item[:end], item[end:]
