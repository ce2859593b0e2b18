"""What the agency says of itself, in each of its languages: names, notices, addresses. No I/O."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape

import msgspec

from wirefeed.config import Settings
from wirefeed.domain.access import Access
from wirefeed.domain.credentials import Lapse
from wirefeed.domain.feeds import AnyFeed, Channel, Notice, Selection, Trail, Wording
from wirefeed.domain.media import MediaLinks
from wirefeed.domain.plans import NOTICE
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Story
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.views import View, view
from wirefeed.texts import Texts

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that a reader should know of its own rights."""

    kind: str
    #: The time that makes it one event.
    event: int
    #: Since when it is told.
    at: int
    title: str
    text: str
    #: What may be done: renew, to have it `again` or `still`; `ask`; empty for nothing.
    renewal: str


#: A key that was taken back comes back by no renewal.
_RENEWAL = {Lapse.ENDED: "again", Lapse.SUSPENDED: "again", Lapse.NOT_BEGUN: ""}


class House:
    """The installation's own words and addresses."""

    def __init__(self, settings: Settings, texts: Mapping[str, Texts], media_key: bytes) -> None:
        self._site = settings.site
        self._texts = texts
        self._public_url = settings.public_url
        self._public_hub = settings.hub.url
        self.teaser_words = settings.teaser.words
        self.media = MediaLinks(base=self.url("/media"), key=media_key)
        #: Names everything above that shapes an item's bytes.
        self.digest = hashlib.blake2b(
            msgspec.msgpack.encode(
                (settings.site, self._public_url, self.teaser_words, texts, media_key)
            ),
            digest_size=16,
        ).digest()
        self._wordings: dict[str, Wording] = {}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages with feeds and pages, the default one first."""
        return self._site.languages

    @property
    def name(self) -> str:
        """The agency's name."""
        return self._site.name

    @property
    def tagline(self) -> str:
        """The line below the name."""
        return self._site.tagline

    @property
    def rights(self) -> str:
        """The copyright line."""
        return self._site.rights

    @property
    def contact(self) -> str:
        """Where to write to."""
        return self._site.contact

    @property
    def is_secure(self) -> bool:
        """Whether it is reached over TLS."""
        return self._public_url.startswith("https://")

    def texts(self, language: str) -> Texts:
        """Give the words of a language."""
        return self._texts[language]

    def url(self, path: str) -> str:
        """Make an absolute address; never from what a request says of its host."""
        return f"{self._public_url}{path}"

    @property
    def hub_url(self) -> str:
        """The address of our own hub, the only one that serves private feeds."""
        return self.url("/hub")

    def hub_of(self, *, public: bool) -> str:
        """Give the hub that a feed names; only what is public may be another's."""
        return (self._public_hub if public else "") or self.hub_url

    def view(self, story: Story, access: Access) -> View:
        """Show a story as an access allows, in our words and under our addresses."""
        return view(story, access, words=self.teaser_words, links=self.media)

    def story_path(self, view: View, language: str) -> str:
        """Give the public address of a story."""
        return f"/{language}/stories/{view.id}/{slug(view.headline)}"

    def subscribe_url(self, language: str) -> str:
        """Give the page that says how to subscribe."""
        return self._site.subscribe_url or self.url(f"/{language}/#subscribe")

    def renew_url(self, reader: Reader, language: str) -> str:
        """Give the page where a reader renews what it has, if there is one."""
        own = reader.renewal.subscribe_url(language) if reader.renewal else ""
        return own or self._site.subscribe_url

    def topic_name(self, feed: AnyFeed, taxonomy: Taxonomy) -> str:
        """Name a feed's selection."""
        words = self._texts[feed.language]
        if isinstance(feed, Selection):
            return str(words["mine"])
        return taxonomy[feed.topic].name(feed.language) if feed.topic else str(words["latest"])

    def channel(
        self,
        feed: AnyFeed,
        taxonomy: Taxonomy,
        updated: int,
        self_url: str,
        trail: Trail | None = None,
    ) -> Channel:
        """Say what a feed says of itself, or a page of its archive."""
        trail = trail or Trail()
        is_public = self_url.startswith(self.url(f"/{feed.language}/"))
        words = self._texts[feed.language]["feed"]
        title = words["title"].format(site=self.name, topic=self.topic_name(feed, taxonomy))
        return Channel(
            id=self.url(f"/{feed.language}/{feed_tail(feed)}"),
            title=title,
            description=self._description(feed, taxonomy),
            language=feed.language,
            home_url=self.url(f"/{feed.language}/"),
            self_url=self_url,
            # A page of an archive is not what a hub tells of.
            hub_url="" if trail.page else self.hub_of(public=is_public),
            updated=updated,
            site=self.name,
            rights=self.rights,
            contact=self.contact,
            stem=_stem(feed, self_url, trail),
            trail=trail,
        )

    def _description(self, feed: AnyFeed, taxonomy: Taxonomy) -> str:
        words = self._texts[feed.language]
        topics = self.topic_name(feed, taxonomy)
        if isinstance(feed, Selection):
            chosen = [t.name(feed.language) for t in taxonomy if t.slug in feed.topics]
            if not chosen:
                return str(words["feed"]["nothing_chosen"]).format(site=self.name)
            topics = str(words["list"]).join(chosen)
        return str(words["feed"]["description"]).format(site=self.name, topic=topics)

    def wording(self, language: str, taxonomy: Taxonomy) -> Wording:
        """Give what items of a language say beside their story."""
        if language not in self._wordings:
            words = self._texts[language]["feed"]
            self._wordings[language] = Wording(
                teaser_notice=_linked(words["notice"], self.subscribe_url(language)),
                killed_notice=words["killed_notice"],
                embargo_notice=words["embargo_notice"],
                story_url=self.url(f"/{language}/stories/{{id}}"),
                topics=tuple(
                    (topic.slug, topic.name(language)) for topic in taxonomy if topic.listed
                ),
                subscribe_url=self.subscribe_url(language),
            )
        return self._wordings[language]

    def notices(self, reader: Reader, language: str) -> tuple[Notice, ...]:
        """Tell a reader by private address what it should know, as items of its feeds.

        They are the same for all keys to which it happened at one time, and name none.
        """
        if not (told := self.told(reader, language)):
            return ()
        url = self.renew_url(reader, language)
        return tuple(self._notice(one, url, language) for one in told)

    def _notice(self, told: Told, url: str, language: str) -> Notice:
        words = self._texts[language]["renewal"]
        url = (url if told.renewal != "ask" else "") or self.subscribe_url(language)
        more = f"<p>{_linked(words[told.renewal]['at'], url)}</p>" if told.renewal else ""
        return Notice(
            guid=f"urn:wirefeed:notice:{told.kind}:{told.event}",
            title=told.title,
            html=f"<p>{escape(told.text)}</p>{more}",
            url=url,
            at=told.at,
        )

    def told(self, reader: Reader, language: str) -> tuple[Told, ...]:
        """Say what a reader by private address should know: an event each, always the same."""
        if reader.key is None:
            return ()
        if reader.lapse is not None:
            words = self._texts[language]["lapsed"][reader.lapse.value]
            return (
                self._told(
                    reader.lapse, reader.lapsed, words, renewal=_RENEWAL.get(reader.lapse, "ask")
                ),
            )
        told = []
        if reader.ending is not None:
            told.append(self._ending(reader.ending, reader.sunset or reader.ending, language))
        if reader.shared is not None:
            words = self._texts[language]["notices"]["shared"]
            told.append(self._told("shared", reader.shared, words))
        return tuple(told)

    def _ending(self, ends: int, closes: int, language: str) -> Told:
        """Tell of an end, named by its time: after a renewal, the next is another event."""
        # In its days of grace a contract has ended, and what it gave goes on.
        kind, at = ("grace", ends) if ends < closes else ("ending", ends - NOTICE)
        words = self._texts[language]["notices"][kind]
        days = {"date": self.last_day(ends, language), "closes": self.last_day(closes, language)}
        return replace(self._told(kind, ends, words, renewal="still", **days), at=at)

    def _told(
        self, kind: str, event: int, words: Mapping[str, str], *, renewal: str = "", **days: str
    ) -> Told:
        return Told(
            kind=kind,
            event=event,
            at=event,
            title=words["title"].format(site=self.name, **days),
            text=words["text"].format(site=self.name, **days),
            renewal=renewal,
        )

    def when(self, micros: int, language: str) -> str:
        """Write a time for people, in UTC: the same on every machine."""
        return self._written("date_time", micros, language)

    def date(self, micros: int, language: str) -> str:
        """Write a day for people, in UTC."""
        return self._written("date", micros, language)

    def last_day(self, end: int, language: str) -> str:
        """Write the last day of what ends at a time: it is no longer there at that time."""
        return self.date(end - _SECOND, language)

    def _written(self, form: str, micros: int, language: str) -> str:
        words = self._texts[language]
        at = datetime.fromtimestamp(micros // _SECOND, tz=UTC)
        return str(words[form]).format(
            day=at.day,
            month=words["months"][at.month - 1],
            year=at.year,
            hour=f"{at.hour:02}",
            minute=f"{at.minute:02}",
        )


def feed_tail(feed: AnyFeed) -> str:
    """Give the end of a feed's addresses, without its format."""
    if isinstance(feed, Selection):
        return "mine"
    return f"topics/{feed.topic}" if feed.topic else "latest"


def _stem(feed: AnyFeed, self_url: str, trail: Trail) -> str:
    """Give the feed's address without its format, from where a document of it stands."""
    if self_url:
        own = self_url.rpartition(".")[0]
        return own.removesuffix(f"/archive/{trail.page}") if trail.page else own
    name = feed_tail(feed).rpartition("/")[2]
    # RFC 3986 §5: a page stands two levels below its feed.
    return f"../../{name}" if trail.page else name


def iso(micros: int) -> str:
    """Write a time in RFC 3339, in UTC and whole seconds."""
    at = datetime.fromtimestamp(micros // _SECOND, tz=UTC)
    return at.isoformat().replace("+00:00", "Z")


def slug(headline: str) -> str:
    """Give the decorative end of a story's address: what of its headline is plain ASCII."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in headline.lower()).split()
    return "-".join(words[:8])[:64] or "story"


def _linked(template: str, url: str) -> str:
    """Fill an address into a sentence as a link. The sentence is ours; it holds no markup."""
    link = f'<a href="{escape(url)}">{escape(url)}</a>'
    before, _, after = template.partition("{url}")
    return f"{escape(before)}{link}{escape(after)}"
