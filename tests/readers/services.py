"""The readers in the cloud: one fetch for all their users, who are told in the User-Agent. Pure."""

from collections.abc import Sequence

from tests.readers.documents import Document, Item, parse
from tests.readers.exchange import Request
from tests.readers.polling import Delta, Feed, FeedReader, Heard, Silence
from tests.support.agency import DAY, HOUR, MINUTE, SECOND

_MEGABYTE = 1_000_000


class Feedbin(FeedReader):
    """Stays away for up to 77 hours after failures, and reads 10 MB and 300 items of a feed."""

    name = "Feedbin"
    agent = "Feedbin feed-id:1 - 1 subscribers"
    #: Longer than this since a redirect was last met, and counting begins again.
    memory = 72 * HOUR

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        #: When all items of a feed are compared again.
        self._compares: dict[Feed, int] = {}
        #: How often a permanent redirect led from a feed to an address, and when last.
        self._hits: dict[tuple[Feed, str], tuple[int, int]] = {}

    @property
    def slowest(self) -> int:
        # Items that are a day old wait to be compared, and then for a document to compare:
        # after a 304 there is none.
        return DAY + 4 * HOUR

    def read(self, body: bytes) -> Document:
        # It cuts without a word; what the cut leaves of the XML is read as far as it goes.
        document = parse(body[: 10 * _MEGABYTE], lenient=len(body) > 10 * _MEGABYTE)
        return Document(items=document.items[:300], self_url=document.self_url)

    def looks_again(self, feed: Feed, item: Item, now: int) -> bool:
        """Compare items of the last day at each fetch, older ones every 12 to 24 hours."""
        if item.published is not None and now - item.published < DAY:
            return True
        return self._compares.get(feed, 0) <= now

    def take(self, heard: Heard, document: Document) -> None:
        super().take(heard, document)
        if self._compares.get(heard.feed, 0) <= heard.now:
            self._compares[heard.feed] = heard.now + self.random.randint(12 * HOUR, DAY)

    def failed(self, heard: Heard) -> None:
        told = heard.answer.retry_after(heard.now)
        if told is not None:
            heard.feed.due = max(heard.feed.due, heard.now + min(told, 8 * HOUR))
        else:
            # 8⁴ seconds are 68 minutes, 23⁴ are 77 hours.
            heard.feed.due = heard.now + min(max(heard.feed.errors, 8), 23) ** 4 * SECOND

    def redirected(self, heard: Heard) -> None:
        if not heard.is_moved:
            return
        key = (heard.feed, heard.answer.url)
        count, last = self._hits.get(key, (0, heard.now))
        count = 1 if heard.now - last > self.memory else count + 1
        self._hits[key] = (count, heard.now)
        if count > 576:
            heard.feed.url = heard.answer.url


class NewsBlur(FeedReader):
    """Asks one time in a hundred without conditions, at an address that no cache holds."""

    name = "NewsBlur"
    agent = "NewsBlur Feed Fetcher - 1 subscriber - https://www.newsblur.com/site/1/agency"
    #: It looks for JSON only where the address says so.
    form = "json"
    delta = Delta.WITH_VALIDATORS
    timer = HOUR

    def request(self, feed: Feed, now: int) -> Request:
        usual = super().request(feed, now)
        if self.random.randrange(100):
            return usual
        bare = {n: v for n, v in usual.headers.items() if n in ("User-Agent", "Accept-Encoding")}
        return Request(url=f"{usual.url}?_={self.random.random()}", headers=bare)


class Inoreader(FeedReader):
    """Asks each half to whole hour, and once a day when nobody has read a feed for a month."""

    name = "Inoreader"
    agent = "Mozilla/5.0 (compatible; inoreader.com; 1 subscribers)"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.is_idle = False

    @property
    def slowest(self) -> int:
        return HOUR

    def pause(self, heard: Heard) -> int:  # noqa: ARG002 - whatever it hears
        return DAY if self.is_idle else self.random.randint(30 * MINUTE, HOUR)


class Feedly(FeedReader):
    """Takes a 404 or 410 for a wish to be left alone."""

    name = "Feedly"
    agent = "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 1 subscribers)"
    form = "atom"
    timer = HOUR

    def failed(self, heard: Heard) -> None:
        if heard.status in (404, 410):
            heard.feed.silence = Silence.BLOCKED


class Overcast(FeedReader):
    """Heeds no header, since publishers send 304 for hours; comes again within half an hour."""

    name = "Overcast"
    agent = "Overcast/1.0 Podcast Sync (1 subscribers; feed-id=1; +http://overcast.fm/)"
    conditional = False


def services() -> Sequence[type[FeedReader]]:
    return (Feedbin, NewsBlur, Inoreader, Feedly, Overcast)
