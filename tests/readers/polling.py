"""A feed reader as a state machine: when it asks, what it sends, what it makes of an answer. Pure.

What all readers do is here; in what each of them differs stands in `programs` and `services`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from random import Random
from typing import ClassVar

from tests.readers.documents import Document, Item, parse
from tests.readers.exchange import Answer, Request, host_of
from tests.support.agency import MINUTE


class Silence(StrEnum):
    """Why a reader no longer asks for a feed, however long one waits."""

    STRIKES = "three strikes"
    MUTED = "muted"
    DISCONTINUED = "discontinued"
    BLOCKED = "blocked"
    ASKING = "asks for a password"
    FAILED = "needs to be added again"


class Delta(Enum):
    """When a reader asks for what is new alone (RFC 3229, `A-IM: feed`)."""

    NEVER = auto()
    WITH_VALIDATORS = auto()
    ALWAYS = auto()


@dataclass(slots=True, kw_only=True, eq=False)
class Feed:
    """A feed as a reader keeps it."""

    #: Where the reader looks for it now.
    url: str
    #: What its owner typed in.
    added: str
    #: When it is asked for next, if nothing else stands in the way.
    due: int
    etag: str = ""
    modified: str = ""
    #: When the validators were noted.
    validated: int = 0
    #: When it was last asked for without them.
    unconditional: int = 0
    ttl: int = 0
    #: Failures in a row.
    errors: int = 0
    silence: Silence | None = None
    digest: bytes = b""
    entries: dict[str, Item] = field(default_factory=dict)
    #: How often each item was shown as new.
    news: Counter[str] = field(default_factory=Counter)
    #: How often each status was heard, 0 for no answer.
    heard: Counter[int] = field(default_factory=Counter)

    @property
    def is_new(self) -> bool:
        """It was never asked for."""
        return not self.heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a reader was answered."""

    feed: Feed
    #: Every answer on the way; the last one ends a chain of redirects.
    chain: Sequence[Answer]
    #: None unless there is a feed in it.
    document: Document | None
    now: int

    @property
    def answer(self) -> Answer:
        return self.chain[-1]

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def is_moved(self) -> bool:
        """The feed is elsewhere for good."""
        hops = self.chain[:-1]
        return bool(hops) and all(hop.status in (301, 308) for hop in hops)


class FeedReader:
    """A reader that polls, remembers validators and tells items apart by their GUID."""

    name: ClassVar[str]
    agent: ClassVar[str]
    #: The form of the feeds it is given here.
    form: ClassVar[str] = "rss"
    encodings: ClassVar[str] = "gzip, deflate"
    #: Whether it sends validators at all.
    conditional: ClassVar[bool] = True
    delta: ClassVar[Delta] = Delta.NEVER
    #: Between two polls, unless something it heeds says otherwise.
    timer: ClassVar[int] = 30 * MINUTE

    def __init__(self, seed: int = 0) -> None:
        self.feeds: list[Feed] = []
        #: Hosts that are left alone, and until when.
        self.frozen: dict[str, int] = {}
        self.random = Random(seed)  # noqa: S311 - a reader's dice guard nothing

    def add(self, url: str, now: int) -> Feed:
        """Subscribe: it is asked for at once."""
        feed = Feed(url=url, added=url, due=now)
        self.feeds.append(feed)
        return feed

    def due(self, feed: Feed) -> int | None:
        """Say when a feed is asked for next; None for never."""
        if feed.silence is not None:
            return None
        return max(feed.due, self.frozen.get(host_of(self.address(feed)), 0))

    def request(self, feed: Feed, now: int) -> Request:
        validators = self.validators(feed, now)
        if not validators:
            feed.unconditional = now
        headers = {"User-Agent": self.agent, "Accept-Encoding": self.encodings, **validators}
        if self.delta is Delta.ALWAYS or (self.delta is Delta.WITH_VALIDATORS and validators):
            headers["A-IM"] = "feed"
        return Request(url=self.address(feed), headers=headers)

    def receive(self, feed: Feed, chain: Sequence[Answer], now: int) -> None:
        """Take what was answered."""
        heard = Heard(feed=feed, chain=chain, document=self._document(chain[-1]), now=now)
        if len(chain) > 1:
            self.redirected(heard)
        well = heard.document is not None or heard.status == 304
        well = well and not self.objects(heard)
        feed.heard[heard.status] += 1
        feed.due = now + self.pause(heard)
        if not well:
            feed.errors += 1
            self.failed(heard)
            return
        feed.errors = 0
        if heard.document is not None:
            self.take(heard, heard.document)

    # --- in what they differ ---------------------------------------------------------------------

    @property
    def slowest(self) -> int:
        """The longest it takes to show what has changed, if nobody did it any harm."""
        return self.timer

    def address(self, feed: Feed) -> str:
        """Say where it asks."""
        return feed.url

    def validators(self, feed: Feed, now: int) -> dict[str, str]:  # noqa: ARG002 - some count days
        """Give the conditions it sends: both, as they were received."""
        both = {"If-None-Match": feed.etag, "If-Modified-Since": feed.modified}
        return {name: value for name, value in both.items() if value and self.conditional}

    def pause(self, heard: Heard) -> int:  # noqa: ARG002 - some heed what they hear
        """Say how long it waits for the next poll."""
        return self.timer

    def redirected(self, heard: Heard) -> None:
        """Make something of having been sent elsewhere: most follow, and keep the address."""

    def objects(self, heard: Heard) -> bool:  # noqa: ARG002 - some have limits
        """Say whether it takes a good answer for a failure."""
        return False

    def failed(self, heard: Heard) -> None:
        """Make something of a failure: most go on."""

    def read(self, body: bytes) -> Document:
        """Read a document. Raises `ValueError` for what is no feed."""
        return parse(body)

    def looks_again(self, feed: Feed, item: Item, now: int) -> bool:  # noqa: ARG002 - most do
        """Say whether it compares an item that it holds with what it is now."""
        return True

    # --- what they share -------------------------------------------------------------------------

    def take(self, heard: Heard, document: Document) -> None:
        """Keep what a document says. What has left it stays."""
        feed, answer = heard.feed, heard.answer
        feed.etag, feed.modified = answer.header("etag"), answer.header("last-modified")
        feed.validated = heard.now
        feed.digest = answer.digest
        for item in document.items:
            held = feed.entries.get(item.guid)
            if held is None:
                feed.news[item.guid] += 1
            elif held == item or not self.looks_again(feed, item, heard.now):
                continue
            feed.entries[item.guid] = item

    def freeze(self, url: str, until: int) -> None:
        """Leave a whole host alone."""
        host = host_of(url)
        self.frozen[host] = max(until, self.frozen.get(host, 0))

    def _document(self, answer: Answer) -> Document | None:
        # RFC 3229 §10.4.1: 226 carries what is new; whoever asked for it adds it.
        if answer.status not in (200, 226):
            return None
        try:
            return self.read(answer.body)
        except ValueError:
            return None
