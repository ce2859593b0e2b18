"""Addresses of feeds: which feed each names, in which form. A table, made once; no rules here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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

    #: As it stands there, from the language on.
    tail: str
    language: str
    form: Format
    #: None for what the reader chose.
    standing: Feed | None
    #: What its documents say of their own address; nothing where many share them.
    self_urls: Mapping[Door, str]
    #: The page of the feed's archive; empty for the feed.
    page: str = ""

    def feed(self, reader: Reader) -> AnyFeed:
        """Give the feed, which may hang on who asks."""
        return self.standing or reader.mine(self.language)

    @property
    def stem(self) -> str:
        """The end of the feed's address, without its format."""
        own = self.tail.rpartition(".")[0]
        return own.removesuffix(f"/archive/{self.page}") if self.page else own

    def archived(self, page: str) -> "Named":
        """Give what a page of this feed's archive is named by."""

        def beneath(address: str) -> str:
            stem = address.removesuffix(f".{self.form}")
            return f"{stem}/archive/{page}.{self.form}" if address else ""

        self_urls = {door: beneath(url) for door, url in self.self_urls.items()}
        return replace(self, tail=beneath(self.tail), page=page, self_urls=self_urls)


def named(
    languages: Iterable[str], topics: Iterable[str], url: Callable[[str], str]
) -> Mapping[str, Named]:
    """Give everything there is, by the end of its address; `url` makes whole addresses."""
    slugs = tuple(topics)
    every = (one for language in languages for one in _of(language, slugs, url))
    return {one.tail: one for one in every}


def _of(language: str, topics: Iterable[str], url: Callable[[str], str]) -> Iterator[Named]:
    feeds: dict[str, Feed | None] = {
        "latest": Feed(language=language),
        "mine": None,
        **{f"topics/{topic}": Feed(language=language, topic=topic) for topic in topics},
    }
    for stem, feed in feeds.items():
        for form in Format:
            tail = f"{language}/{stem}.{form}"
            yield Named(
                tail=tail,
                language=language,
                form=form,
                standing=feed,
                self_urls={
                    Door.PUBLIC: url(f"{Door.PUBLIC}{tail}"),
                    Door.SUBSCRIBER: url(f"{Door.SUBSCRIBER}{tail}"),
                    Door.PRIVATE: "",
                },
            )
