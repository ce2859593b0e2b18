"""Addresses of feeds: which feed each names, in which form. A table, made once; no rules here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.feeds import AnyFeed
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.services.documents import Format


class Door(StrEnum):
    """How a reader comes to a feed; each door has addresses of its own for the same feeds."""

    PUBLIC = "/"
    SUBSCRIBER = "/subscriber/"
    PRIVATE = "/f/"

    @property
    def area(self) -> str:
        """What operators are told of it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the end of an address names."""

    language: str
    #: Empty for everything in the language; None for what the reader chose.
    topic: str | None
    form: Format

    def feed(self, reader: Reader) -> AnyFeed:
        """Give the feed, which may hang on who asks."""
        if self.topic is None:
            return reader.mine(self.language)
        return Feed(language=self.language, topic=self.topic)


def tails(languages: Iterable[str], topics: Iterable[str]) -> Mapping[str, Named]:
    """Give everything there is, by the end of its address."""
    slugs = tuple(topics)
    return dict(tail for language in languages for tail in _tails(language, slugs))


def _tails(language: str, topics: Iterable[str]) -> Iterator[tuple[str, Named]]:
    stems = {"latest": "", "mine": None} | {f"topics/{topic}": topic for topic in topics}
    for stem, topic in stems.items():
        for form in Format:
            yield f"{language}/{stem}.{form}", Named(language=language, topic=topic, form=form)
