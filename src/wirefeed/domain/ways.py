"""Ways: by what a subscriber was given something of the wire, and what comes by each. Pure.

A way is a name: `wire`, `stream` or `webhook`; `feed:`, `archive:` or `hub:` and the end of the
feed's address; each with a fingerprint behind it where no more than a part of that was given; and
`story` and `page` for single stories.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from wirefeed.domain.access import PUBLIC, Grant
from wirefeed.domain.cursors import ALL, Following
from wirefeed.domain.hearing import reaches
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Audience

#: How the way of a feed begins: what follows are its language and its topic.
FEED = "feed:"
#: The same, sent by the WebSub hub;
HUB = "hub:"
#: and the pages behind it, which show no kills but their own.
ARCHIVE = "archive:"
#: The wire: page by page, as a stream, and as it is sent.
WIRE, STREAM, WEBHOOK = "wire", "stream", "webhook"
#: One story, by the API and as a page.
ONE_STORY, STORY_PAGE = "story", "page"
#: Parts of the wire that are told apart, of one subscriber by each of its channels.
MOST_FILTERS = 20
#: What is behind the channel of all beyond: nobody knows what of the wire came that way.
_OTHER = "other"
_FEEDS = (FEED, HUB, ARCHIVE)
_SINGLE = frozenset({ONE_STORY, STORY_PAGE})
_MARK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What of the wire comes by a way: what is asked for, by who may see all or some plans."""

    following: Following = ALL
    #: Those that a token is narrowed to; None: all of its subscriber's.
    plans: frozenset[str] | None = None

    def reaches(self, grants: Iterable[Grant], audiences: Iterable[Audience]) -> list[Grant]:
        """Give those of these grants under which what is announced to these comes through."""
        told = self.following.among(audiences)
        return [grant for grant in grants if self._has(grant) and reaches(grant, told)]

    def _has(self, grant: Grant) -> bool:
        return self.plans is None or grant.plan == PUBLIC or grant.plan in self.plans


EVERYTHING = Filter()


def way_through(channel: str, mark: bytes, plans: Collection[str] | None = None) -> str:
    """Name the way through a filter, by the fingerprint of what is asked for."""
    if mark == ALL.mark and plans is None:
        return channel
    if plans is None:
        return f"{channel}:{mark.hex()}"
    digest = hashlib.sha256(repr(sorted(plans)).encode()).digest()[:_MARK]
    return f"{channel}:{mark.hex()}:{digest.hex()}"


def way_of(address: str, kind: str = FEED) -> str:
    """Name the way of a feed by the end of its address: `en/topics/sport.rss`, in any form."""
    stem, page, _ = address.rpartition(".")[0].partition("/archive/")
    return (ARCHIVE if page else kind) + stem


@lru_cache(maxsize=4096)
def named(channel: str, part: Filter) -> str:
    """Name the way of a channel by which no more than a part of it comes."""
    return way_through(channel, part.following.mark, part.plans)


def channel_of(way: str) -> str:
    """Give a way without the name of its filter."""
    kind, _, rest = way.partition(":")
    return f"{kind}:{rest.partition(':')[0]}" if f"{kind}:" in _FEEDS else kind


def address_of(way: str) -> str:
    """Give the end of a feed's address, by whatever way it is given: `en/topics/sport`; or none."""
    return channel_of(way).partition(":")[2]


def is_filtered(way: str) -> bool:
    """Say whether no more than a part of the wire comes by a way."""
    return channel_of(way) != way


def filter_name(way: str) -> str:
    """Give the name of a way's filter; empty: it has none."""
    return way[len(channel_of(way)) + 1 :]


def beyond(way: str) -> str:
    """Name the way that stands for all whose filters are not kept."""
    return f"{channel_of(way)}:{_OTHER}"


def filter_of(way: str, kept: Mapping[str, Filter]) -> Filter | None:
    """Give what comes by a way; None: nobody knows."""
    return kept.get(filter_name(way)) if is_filtered(way) else EVERYTHING


def is_feed(way: str) -> bool:
    """Say whether it is a feed that shows its kills for a time, whatever came since."""
    return way.startswith((FEED, HUB))


def is_live(way: str) -> bool:
    """Say whether what is new comes by it, unasked for by its name."""
    return not is_single(way) and not way.startswith(ARCHIVE)


def is_single(way: str) -> bool:
    """Say whether one story at a time comes by it."""
    return way in _SINGLE


def leads_to(way: str, feeds: Collection[Feed]) -> bool:
    """Say whether a story that stood in these feeds comes by a way, whatever its filter."""
    address = address_of(way)
    if not address:
        return True
    language, _, stem = address.partition("/")
    if stem == "mine":
        # What a reader has chosen by now is not what it had chosen.
        return any(feed.language == language for feed in feeds)
    topic = "" if stem == "latest" else stem.removeprefix("topics/")
    return Feed(language=language, topic=topic) in feeds
