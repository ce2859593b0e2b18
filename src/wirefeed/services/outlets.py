"""Where readers have their stories from, put together: feeds, media, the wire. No rules here."""

from collections.abc import Mapping
from dataclasses import dataclass

from wirefeed.domain.feeds import Shape
from wirefeed.services.addresses import Named, named
from wirefeed.services.compressing import Compressor
from wirefeed.services.documents import Documents
from wirefeed.services.means import Means, derived
from wirefeed.services.media import Media
from wirefeed.services.story_pages import StoryPages
from wirefeed.services.syndication import Syndication
from wirefeed.services.windows import Windows
from wirefeed.services.wire_cursors import WireCursors
from wirefeed.services.wire_entries import WireEntries
from wirefeed.services.wire_pages import WirePages
from wirefeed.services.wire_stories import WireStories

_HOUR = 3_600_000_000


@dataclass(frozen=True, kw_only=True)
class Outlets:
    """Where stories are had from by whoever asks."""

    compressor: Compressor
    syndication: Syndication
    #: Every feed there is, by the end of its address.
    named: Mapping[str, Named]
    story_pages: StoryPages
    media: Media
    wire: WirePages


def outlets(means: Means, master: bytes) -> Outlets:
    """Put them together."""
    database, house, compressor = means.database, means.house, Compressor()
    return Outlets(
        compressor=compressor,
        syndication=_syndication(means, compressor, master),
        named=named(house.languages, (topic.slug for topic in means.taxonomy), house.url),
        story_pages=StoryPages(database, house, means.threads, means.lost, clock=means.clock),
        media=Media(database, house.media, clock=means.clock),
        wire=_wire(means, master),
    )


def _syndication(means: Means, compressor: Compressor, master: bytes) -> Syndication:
    settings = means.settings
    documents = Documents(
        means.house,
        means.cache,
        means.memory,
        compressor,
        secret=derived(master, b"documents"),
        counts=means.counts,
    )
    windows = Windows(
        means.database,
        means.taxonomy,
        means.threads,
        means.lost,
        shape=Shape(items=settings.feed.items, span=settings.feed.hours * _HOUR),
        key=derived(master, b"archives"),
        clock=means.clock,
    )
    return Syndication(
        means.taxonomy,
        means.house,
        documents,
        windows,
        means.follower,
        grace=settings.database.authority_grace,
        clock=means.clock,
    )


def _wire(means: Means, master: bytes) -> WirePages:
    entries = WireEntries(
        means.database,
        means.log,
        means.lost,
        means.house,
        WireStories(means.database, means.threads),
        means.memory,
        counts=means.counts,
        clock=means.clock,
    )
    return WirePages(
        means.log,
        WireCursors(derived(master, b"wire"), means.database.log_id),
        entries,
        means.ledger,
        languages=means.house.languages,
        days=means.settings.wire.days,
        clock=means.clock,
    )
