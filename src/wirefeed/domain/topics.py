"""Topics: a tree of named selections of stories, and which of them a story stands in. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.stories import Revision

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_CODE = re.compile(
    r"(?:(?:medtop|mediatopic|subj|subjectcode|iptc-subject-code):"
    r"|https?://cv\.iptc\.org/newscodes/(?:mediatopic|subjectcode)/)?([0-9]{8})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A named selection of stories; whatever its narrower topics take, it takes too."""

    slug: str
    #: Display names by language.
    names: Mapping[str, str]
    broader: str | None = None
    #: IPTC Media Topic codes (`medtop:20000180`); their narrower concepts are taken too.
    media_topics: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()
    #: An unlisted topic serves to define plans; the catalogue does not show it.
    listed: bool = True

    def name(self, language: str) -> str:
        """Give the name in this language, else in English, else any, else the slug."""
        return (
            self.names.get(language)
            or self.names.get("en")
            or next(iter(self.names.values()), self.slug)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTopics:
    """The IPTC Media Topics hierarchy: each concept's broader one, and older codes for it."""

    broader: Mapping[str, str] = field(default_factory=dict)
    #: IPTC Subject Codes (the vocabulary before Media Topics) → Media Topic.
    subject_codes: Mapping[str, str] = field(default_factory=dict)

    def concept(self, code: str) -> str | None:
        """Give the Media Topic a code, QCode or concept URI names; None if it is no IPTC code."""
        match = _CODE.fullmatch(code.strip())
        if not match:
            return None
        medtop = f"medtop:{match[1]}"
        if "subj" not in code and medtop in self.broader:
            return medtop
        # A Subject Code without a successor of its own is its broader one: 2, 3 and 3 digits.
        older = (match[1], f"{match[1][:5]}000", f"{match[1][:2]}000000")
        return next((self.subject_codes[c] for c in older if c in self.subject_codes), medtop)

    def lineage(self, code: str) -> Iterator[str]:
        """Yield the concept a code names and all its broader ones."""
        concept = self.concept(code)
        seen: set[str] = set()
        while concept and concept not in seen:
            seen.add(concept)
            yield concept
            concept = self.broader.get(concept)


def fold(text: str) -> str:
    """Fold case and composition so that names match across spellings, Turkish İ and ı included."""
    # Composed again after folding, so that it does not matter how a letter with marks was sent.
    folded = unicodedata.normalize("NFD", text).strip().casefold()
    return unicodedata.normalize("NFC", folded.replace("i\u0307", "i").replace("ı", "i"))


class Taxonomy:
    """The topic tree of an installation.

    Raises `Unacceptable`, naming the topic, when a slug is malformed or given twice,
    a broader topic is missing, or topics are broader than themselves.
    """

    def __init__(self, topics: Iterable[Topic], media_topics: MediaTopics | None = None) -> None:
        self._media_topics = media_topics or MediaTopics()
        self._topics: dict[str, Topic] = {}
        for topic in topics:
            self._add(topic)
        self._lineage = {slug: tuple(self._climb(slug)) for slug in self._topics}
        self._takers = self._index()

    def __iter__(self) -> Iterator[Topic]:
        """Iterate over the topics, each below its broader one, as the file orders them."""
        return (self._topics[slug] for slug in self._walk(None))

    def __contains__(self, slug: object) -> bool:
        return slug in self._topics

    def __getitem__(self, slug: str) -> Topic:
        return self._topics[slug]

    def depth(self, slug: str) -> int:
        """Say how many broader topics stand above this one."""
        return len(self._lineage[slug]) - 1

    def narrower(self, slug: str) -> frozenset[str]:
        """Give the topic and everything narrower."""
        return frozenset(s for s, line in self._lineage.items() if slug in line)

    def broader(self, slug: str) -> frozenset[str]:
        """Give the topic and everything broader."""
        return frozenset(self._lineage[slug])

    def widest(self, slugs: Iterable[str]) -> frozenset[str]:
        """Give those of these topics that hold the stories of all: none narrower than another."""
        known = frozenset(slug for slug in slugs if slug in self)
        return frozenset(slug for slug in known if not (self.broader(slug) - {slug}) & known)

    def resolve(self, revision: Revision) -> frozenset[str]:
        """Say in which topics a story stands, the broader ones included."""
        found: set[str] = set()
        for subject in revision.subjects:
            for concept in self._media_topics.lineage(subject.code):
                found |= self._takers.get(("media_topic", concept), set())
        for kind, values in (
            ("place", (v for p in revision.places for v in (p.code, p.name))),
            ("service", (v for s in revision.services for v in (s.code, s.name))),
            ("genre", (v for g in revision.genres for v in (g.code, g.name))),
            ("keyword", revision.keywords),
        ):
            for value in values:
                found |= self._takers.get((kind, fold(value)), set())
        return frozenset(line for slug in found for line in self._lineage[slug])

    def _add(self, topic: Topic) -> None:
        if not SLUG.fullmatch(topic.slug):
            message = "a topic's slug is lower-case letters, digits and hyphens, 64 at most"
            raise Unacceptable(message, field=f"topics.{topic.slug}")
        if topic.slug in self._topics or topic.slug == "latest":
            raise Unacceptable("this slug is taken", field=f"topics.{topic.slug}")
        self._topics[topic.slug] = topic

    def _climb(self, slug: str) -> Iterator[str]:
        seen: set[str] = set()
        at: str | None = slug
        while at is not None:
            if at not in self._topics:
                raise Unacceptable(f"no topic {at!r} to be narrower than", field=f"topics.{slug}")
            if at in seen:
                raise Unacceptable("the topic is broader than itself", field=f"topics.{slug}")
            seen.add(at)
            yield at
            at = self._topics[at].broader

    def _walk(self, parent: str | None) -> Iterator[str]:
        for slug, topic in self._topics.items():
            if topic.broader == parent:
                yield slug
                yield from self._walk(slug)

    def _index(self) -> dict[tuple[str, str], set[str]]:
        takers: dict[tuple[str, str], set[str]] = {}
        for topic in self._topics.values():
            for code in topic.media_topics:
                concept = self._media_topics.concept(code)
                if concept is None:
                    message = f"{code!r} is no Media Topic code"
                    raise Unacceptable(message, field=f"topics.{topic.slug}.media_topics")
                takers.setdefault(("media_topic", concept), set()).add(topic.slug)
            for kind, values in (
                ("place", topic.places),
                ("service", topic.services),
                ("genre", topic.genres),
                ("keyword", topic.keywords),
            ):
                for value in values:
                    if not fold(value):
                        raise Unacceptable(f"an empty {kind}", field=f"topics.{topic.slug}.{kind}s")
                    takers.setdefault((kind, fold(value)), set()).add(topic.slug)
        return takers
