"""Stories: what a newsroom sends, and what is held of it.

Pure. Times are integer microseconds since 1970, UTC.
The words are those of IPTC ninjs and NewsML-G2.
"""

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.wire import ChangeKind

SECOND = 1_000_000


class PubStatus(StrEnum):
    """Whether a story may be used (ninjs `pubStatus`, NewsML-G2 `pubStatus`)."""

    USABLE = "usable"
    WITHHELD = "withheld"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """A controlled or named thing a story is about, at or of: subject, place, genre, service."""

    code: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One technical form of a picture, film or sound."""

    name: str
    href: str
    media_type: str = ""
    width: int | None = None
    height: int | None = None
    #: Bytes.
    size: int | None = None
    #: Seconds.
    duration: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaItem:
    """A picture, film, sound or graphic that belongs to a story."""

    #: picture | video | audio | graphic
    kind: str
    headline: str = ""
    caption: str = ""
    alt_text: str = ""
    credit: str = ""
    renditions: tuple[Rendition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One version of a story as its newsroom sent it, its HTML sanitised.

    `version` and `version_created` are None when the message has none; `revise` settles them.
    """

    guid: str
    version: int | None = None
    status: PubStatus = PubStatus.USABLE
    #: text | picture | video | audio | graphic | composite | event …
    kind: str = "text"
    #: BCP 47.
    language: str = ""
    headline: str = ""
    slugline: str = ""
    byline: str = ""
    located: str = ""
    #: Clean HTML or plain text; empty when the newsroom gave none.
    summary: str = ""
    #: Clean HTML.
    body: str = ""
    urgency: int | None = None
    subjects: tuple[Concept, ...] = ()
    places: tuple[Concept, ...] = ()
    services: tuple[Concept, ...] = ()
    genres: tuple[Concept, ...] = ()
    keywords: tuple[str, ...] = ()
    media: tuple[MediaItem, ...] = ()
    copyright_holder: str = ""
    copyright_notice: str = ""
    #: For editors only: shown to grants with `notes`.
    ednote: str = ""
    usage_terms: str = ""
    #: IPTC signals, e.g. `correction`, `update`, `cwarn`; for editors only.
    signals: tuple[str, ...] = ()
    first_created: int | None = None
    version_created: int | None = None
    embargoed_until: int | None = None
    #: The end of rights: from then on nothing of the story is shown.
    expires: int | None = None
    #: The guid of the story this one was written from.
    evolved_from: str | None = None
    #: ninjs `altIds` of role `feed`: the GUID the newsroom wants feeds to show.
    feed_guid: str | None = None
    #: The topics it stands in, whatever the taxonomy says; of our own making alone.
    filed: frozenset[str] = frozenset()

    @property
    def is_correction(self) -> bool:
        """Whether the newsroom signalled a correction (NewsML-G2 `sig:correction`)."""
        return "correction" in self.signals


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Feed:
    """A topic in a language; without a topic, everything in the language."""

    language: str
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a story was once announced: who was entitled to this may have seen it."""

    #: The language of its feeds; empty when no feed is made in the story's language.
    language: str
    topics: frozenset[str]
    #: It was under embargo: only grants with `early` saw it.
    early: bool = False
    #: So stood the story it replaced: who saw that one may notice its going, and no more.
    inherited: bool = False
    #: When it no longer stood so; None while it does, 0 if it would have and never did.
    ended: int | None = None
    #: Of an inherited one: when the story it replaced was published.
    published: int | None = None

    @property
    def feeds(self) -> frozenset[Feed]:
        """The feeds it stood in."""
        if not self.language:
            return frozenset()
        return frozenset(Feed(language=self.language, topic=t) for t in self.topics | {""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A story as held: its newest version and what was announced of it."""

    revision: Revision
    version: int
    #: The language of the feeds it stands in; empty when there is none.
    language: str
    topics: frozenset[str]
    #: Every way it was announced, so that a kill reaches whoever may have seen it.
    stood: frozenset[Standing]
    #: Every feed it or a story it replaced ever stood in; a change re-enters all of them.
    feeds: frozenset[Feed]
    #: The feed GUID of its thread.
    thread: str
    #: When it was first shown to anyone without `early`; None before.
    released: int | None
    #: What feeds say: a released story's is its release. Who saw a story that this one replaced
    #: is told of that one's instead.
    published: int
    updated: int
    #: The last announced change, and where it stands on the wire; storage sets the position.
    change: ChangeKind
    changed: int
    position: int = 0
    #: A newer member of the thread stands in its place.
    superseded: bool = False
    #: What a kill's notice is called: the headline it brought, unless that repeats the killed
    #: story's; else the slugline of the killed story. Empty when the kill has a slugline itself.
    kill_headline: str = ""
    #: The highest version that killed it: the same kill coming again is no new one. -1: none did.
    kill_version: int = -1

    @property
    def guid(self) -> str:
        """The newsroom's identifier of the story, the same for all its versions."""
        return self.revision.guid

    @property
    def id(self) -> str:
        """The story's name in addresses: says nothing of its guid, nor of how many there are."""
        return story_id(self.guid)

    @property
    def own_language(self) -> str:
        """The language it is matched by where no feed is made in it: the first part of its tag."""
        return self.revision.language.partition("-")[0].lower()

    @property
    def is_killed(self) -> bool:
        """Whether the newsroom withdrew it for good."""
        return self.revision.status is PubStatus.CANCELED


def story_id(guid: str) -> str:
    """Give 16 characters of base32 of the guid's SHA-256."""
    digest = hashlib.sha256(guid.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()
