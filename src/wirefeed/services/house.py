"""What the agency says of itself, in each of its languages: names, notices, addresses. No I/O."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

import msgspec

from wirefeed.config import Settings
from wirefeed.domain.credentials import Lapse
from wirefeed.domain.feeds import Channel, Notice, Wording
from wirefeed.domain.plans import NOTICE
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.views import View
from wirefeed.texts import Texts

_SECOND = 1_000_000


class House:
    """The installation's own words and addresses."""

    def __init__(self, settings: Settings, texts: Mapping[str, Texts]) -> None:
        self._site = settings.site
        self._texts = texts
        self._public_url = settings.public_url
        self.teaser_words = settings.teaser.words
        #: Names everything above that shapes an item's bytes.
        self.digest = hashlib.blake2b(
            msgspec.msgpack.encode((settings.site, self._public_url, self.teaser_words, texts)),
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

    def story_path(self, view: View, language: str) -> str:
        """Give the public address of a story."""
        return f"/{language}/stories/{view.id}/{slug(view.headline)}"

    def subscribe_url(self, language: str) -> str:
        """Give the page that says how to subscribe."""
        return self._site.subscribe_url or self.url(f"/{language}/#subscribe")

    def topic_name(self, feed: Feed, taxonomy: Taxonomy) -> str:
        """Name a feed's selection."""
        if feed.topic:
            return taxonomy[feed.topic].name(feed.language)
        return str(self._texts[feed.language]["latest"])

    def channel(self, feed: Feed, taxonomy: Taxonomy, updated: int, self_url: str) -> Channel:
        """Say what a feed says of itself."""
        words = self._texts[feed.language]["feed"]
        names = {"site": self.name, "topic": self.topic_name(feed, taxonomy)}
        tail = f"topics/{feed.topic}" if feed.topic else "latest"
        return Channel(
            id=self.url(f"/{feed.language}/{tail}"),
            title=words["title"].format(**names),
            description=words["description"].format(**names),
            language=feed.language,
            home_url=self.url(f"/{feed.language}/"),
            self_url=self_url,
            updated=updated,
            site=self.name,
            rights=self.rights,
            contact=self.contact,
        )

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
        """Tell a reader by private address what it should know: an item an event, always the same.

        They are the same for all keys to which it happened at one time, and name none.
        """
        if reader.key is None:
            return ()
        if reader.lapse is not None:
            words = self.lapse_words(reader.lapse, language)
            return (self._notice(reader.lapse, reader.lapsed, words, language),)
        told = []
        if reader.ending is not None:
            words = self._notice_words(
                "ending", language, self.date(reader.ending - _SECOND, language)
            )
            # By its end, so that a renewal to another date is another event.
            told.append(
                self._notice("ending", reader.ending, words, language, reader.ending - NOTICE)
            )
        if reader.shared is not None:
            words = self._notice_words("shared", language)
            told.append(self._notice("shared", reader.shared, words, language))
        return tuple(told)

    def _notice_words(self, kind: str, language: str, date: str = "") -> tuple[str, str]:
        words = self._texts[language]["notices"][kind]
        names = {"site": self.name, "date": date}
        return words["title"].format(**names), words["text"].format(**names)

    def _notice(
        self, kind: str, event: int, words: tuple[str, str], language: str, at: int | None = None
    ) -> Notice:
        title, text = words
        renew = _linked(self._texts[language]["lapsed"]["renew"], self.subscribe_url(language))
        more = "" if kind == "shared" else f"<p>{renew}</p>"
        return Notice(
            guid=f"urn:wirefeed:notice:{kind}:{event}",
            title=title,
            html=f"<p>{escape(text)}</p>{more}",
            url=self.subscribe_url(language),
            at=event if at is None else at,
        )

    def lapse_words(self, lapse: Lapse, language: str) -> tuple[str, str]:
        """Give the title and the text of a lapse."""
        words = self._texts[language]["lapsed"][lapse.value]
        return words["title"].format(site=self.name), words["text"].format(site=self.name)

    def when(self, micros: int, language: str) -> str:
        """Write a time for people, in UTC: the same on every machine."""
        return self._written("date_time", micros, language)

    def date(self, micros: int, language: str) -> str:
        """Write a day for people, in UTC."""
        return self._written("date", micros, language)

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
