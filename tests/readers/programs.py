"""The feed readers that people run themselves, each with the habits read in its source. Pure.

The interval at which each is set to poll is its default; what it makes of headers is its own.
"""

from collections.abc import Sequence
from email.utils import formatdate, parsedate_to_datetime

from tests.readers.documents import Document
from tests.readers.polling import Delta, Feed, FeedReader, Heard, Silence
from tests.support.agency import DAY, HOUR, MINUTE, SECOND

_MEGABYTE = 1_000_000


class NetNewsWire(FeedReader):
    """Leaves a whole host alone on 429, and an address for 53 hours on any other 4xx."""

    name = "NetNewsWire"
    agent = "NetNewsWire (RSS Reader; https://netnewswire.com/)"
    form = "json"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        #: Where redirects led, until the program is started again.
        self.redirects: dict[str, str] = {}

    def address(self, feed: Feed) -> str:
        return self.redirects.get(feed.url, feed.url)

    def validators(self, feed: Feed, now: int) -> dict[str, str]:
        # Publishers send wrong 304s, so it asks without both now and then.
        return {} if now - feed.validated > 8 * DAY else super().validators(feed, now)

    def pause(self, heard: Heard) -> int:
        heeded = min(heard.answer.max_age, 5 * HOUR) if heard.answer.max_age else 9 * MINUTE
        return max(self.timer, heeded)

    def redirected(self, heard: Heard) -> None:
        target = heard.answer.url
        # Hotels and the like redirect to where one signs in.
        if not any(word in target.lower() for word in ("login", "register", "authentic")):
            self.redirects[heard.feed.url] = target

    def failed(self, heard: Heard) -> None:
        if heard.status == 429:
            self.freeze(heard.answer.url, heard.now + (heard.answer.retry_seconds or 10 * MINUTE))
        elif 400 <= heard.status < 500:
            heard.feed.due = heard.now + 53 * HOUR

    def take(self, heard: Heard, document: Document) -> None:
        is_same = heard.answer.digest == heard.feed.digest
        super().take(heard, Document(items=()) if is_same else document)


class Miniflux(FeedReader):
    """Never asks again after three failures in a row, until its owner acts."""

    name = "Miniflux"
    agent = "Mozilla/5.0 (compatible; Miniflux/2.2.12; +https://miniflux.app)"
    form = "json"
    encodings = "br, gzip"
    timer = HOUR

    def refresh(self, feed: Feed, now: int) -> None:
        """Ask again, by its owner's hand."""
        feed.silence, feed.errors, feed.due = None, 0, now

    def pause(self, heard: Heard) -> int:
        if heard.status == 429:
            return min(max(self.timer, heard.answer.retry_after(heard.now) or 0), DAY)
        if heard.document is not None:
            heard.feed.ttl = heard.document.ttl
        heeded = max(heard.feed.ttl, heard.answer.max_age, heard.answer.expires_in(heard.now))
        return min(max(self.timer, heeded), DAY)

    def redirected(self, heard: Heard) -> None:
        if heard.feed.is_new:
            # Subscribing stores where any redirect led, a temporary one too.
            heard.feed.url = heard.answer.url

    def objects(self, heard: Heard) -> bool:
        """Refuse what is too large, and an address that leads to another of its feeds."""
        others = {other.url for other in self.feeds if other is not heard.feed}
        return len(heard.answer.body) > 15 * _MEGABYTE or heard.answer.url in others

    def failed(self, heard: Heard) -> None:
        if heard.feed.errors >= 3:
            heard.feed.silence = Silence.STRIKES

    def take(self, heard: Heard, document: Document) -> None:
        super().take(heard, document)
        if heard.answer.header("expires") == "0":
            heard.feed.etag = heard.feed.modified = ""


class FreshRSS(FeedReader):
    """Mutes a feed on 410, leaves a host alone on 429, and believes a feed that says where it is.

    It believes so where there is a hub; here always, so that nothing depends on having none.
    """

    name = "FreshRSS"
    agent = "FreshRSS/1.27.1 (Linux; https://freshrss.org)"
    encodings = "gzip, deflate, br, zstd"
    timer = 20 * MINUTE

    def pause(self, heard: Heard) -> int:
        return max(self.timer, heard.answer.max_age, heard.answer.expires_in(heard.now))

    def redirected(self, heard: Heard) -> None:
        if heard.is_moved:
            heard.feed.url = heard.answer.url

    def failed(self, heard: Heard) -> None:
        if heard.status == 410:
            heard.feed.silence = Silence.MUTED
        elif heard.status == 429:
            self.freeze(heard.answer.url, heard.now + (heard.answer.retry_after(heard.now) or 0))

    def take(self, heard: Heard, document: Document) -> None:
        super().take(heard, document)
        if document.self_url and document.self_url != heard.feed.url:
            heard.feed.url = document.self_url


class Newsboat(FeedReader):
    """Minds nothing; writes the date anew, in seconds."""

    name = "newsboat"
    agent = "Newsboat/2.38 (Linux x86_64)"
    form = "atom"
    encodings = "gzip, deflate, br, zstd"
    delta = Delta.WITH_VALIDATORS
    timer = HOUR

    def validators(self, feed: Feed, now: int) -> dict[str, str]:
        sent = super().validators(feed, now)
        if feed.modified:
            moment = parsedate_to_datetime(feed.modified).timestamp()
            sent["If-Modified-Since"] = formatdate(moment, usegmt=True)
        return sent


class Liferea(FeedReader):
    """Discontinues a feed on 410, asks its owner for a password on 401."""

    name = "Liferea"
    agent = "Liferea/1.16.0 (Linux; https://lzone.de/liferea/)"
    form = "atom"
    delta = Delta.WITH_VALIDATORS

    def pause(self, heard: Heard) -> int:
        if heard.document is not None:
            heard.feed.ttl = max(heard.document.ttl, heard.document.period)
        age = heard.answer.header("age")
        fresh = heard.answer.max_age - (int(age) * SECOND if age.isdigit() else 0)
        return max(self.timer, fresh, heard.feed.ttl)

    def redirected(self, heard: Heard) -> None:
        if heard.is_moved:
            heard.feed.url = heard.answer.url

    def failed(self, heard: Heard) -> None:
        if heard.status == 410:
            heard.feed.silence = Silence.DISCONTINUED
        elif heard.status == 401:
            heard.feed.silence = Silence.ASKING
        elif heard.status == 429 and heard.answer.retry_seconds:
            # Whatever is said in seconds becomes five minutes; a date, or nothing, none.
            self.freeze(heard.answer.url, heard.now + 300 * SECOND)


class TinyTinyRSS(FeedReader):
    """Sends `If-Modified-Since` alone, and every twelve hours nothing."""

    name = "tt-rss"
    agent = "Tiny Tiny RSS/25 (https://tt-rss.org/)"
    encodings = "gzip, deflate, br, zstd"

    def validators(self, feed: Feed, now: int) -> dict[str, str]:
        if now - feed.unconditional >= 12 * HOUR or not feed.modified:
            return {}
        return {"If-Modified-Since": feed.modified}

    def objects(self, heard: Heard) -> bool:
        return len(heard.answer.body) > 16 * _MEGABYTE

    def failed(self, heard: Heard) -> None:
        if heard.status == 429:
            heard.feed.due = heard.now + self.random.randint(HOUR, 2 * HOUR)


class Lemon24Reader(FeedReader):
    """Has no shortest interval of its own, and heeds `Retry-After` on 429 and 503."""

    name = "lemon24/reader"
    agent = "python-reader/3.26 (+https://github.com/lemon24/reader)"
    form = "atom"
    delta = Delta.ALWAYS
    #: As often as its owner's cron starts it.
    timer = 15 * MINUTE

    def pause(self, heard: Heard) -> int:
        if heard.status in (429, 503):
            return max(self.timer, heard.answer.retry_after(heard.now) or 0)
        if "no-cache" in heard.answer.header("cache-control"):
            return max(self.timer, heard.answer.expires_in(heard.now))
        return max(self.timer, heard.answer.max_age, heard.answer.expires_in(heard.now))


class FeedparserScript(FeedReader):
    """A script over feedparser 7, which sends no validators."""

    name = "feedparser 7"
    agent = "feedparser/7.0 +https://github.com/kurtmckee/feedparser/"
    conditional = False
    timer = HOUR


class RSSGuard(FeedReader):
    """After one 401 or 403 a feed has to be added again."""

    name = "RSS Guard"
    agent = "RSS Guard/4.8.4"
    form = "json"

    def failed(self, heard: Heard) -> None:
        if heard.status in (401, 403):
            heard.feed.silence = Silence.FAILED


def programs() -> Sequence[type[FeedReader]]:
    return (
        NetNewsWire, Miniflux, FreshRSS, Newsboat, Liferea, TinyTinyRSS, Lemon24Reader,
        FeedparserScript, RSSGuard,
    )  # fmt: skip
