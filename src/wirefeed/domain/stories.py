"""Stories: what a newsroom sends, what is held of it, and how one becomes the other.

Pure. Times are integer microseconds since 1970, UTC.
The words are those of IPTC ninjs and NewsML-G2.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from wirefeed.domain.errors import Conflict
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
    #: What feeds say: a released story's is its release.
    published: int
    updated: int
    #: The last announced change, and where it stands on the wire; storage sets the position.
    change: ChangeKind
    changed: int
    position: int = 0
    #: A newer member of the thread stands in its place.
    superseded: bool = False
    #: The headline a kill brought of its own; empty when it repeats the killed story's.
    kill_headline: str = ""

    @property
    def guid(self) -> str:
        """The newsroom's identifier of the story, the same for all its versions."""
        return self.revision.guid

    @property
    def id(self) -> str:
        """The story's name in addresses: says nothing of its guid, nor of how many there are."""
        return story_id(self.guid)

    @property
    def is_killed(self) -> bool:
        """Whether the newsroom withdrew it for good."""
        return self.revision.status is PubStatus.CANCELED


def story_id(guid: str) -> str:
    """Give 16 characters of base32 of the guid's SHA-256."""
    digest = hashlib.sha256(guid.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


class Outcome(StrEnum):
    """What became of a message."""

    CREATED = "created"
    UPDATED = "updated"
    #: The same version with the same content: a repeat.
    UNCHANGED = "unchanged"
    #: A version older than the one held: late, and without effect.
    OLDER = "older"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """What a message came to: the story as it is now held, and the change to announce, if any."""

    outcome: Outcome
    story: Story
    change: ChangeKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Where a revision belongs: decided by the taxonomy, the languages and the thread."""

    #: The language of the feeds it goes to; empty when there is none.
    language: str
    topics: frozenset[str]
    thread: str

    def standing(self, *, early: bool) -> Standing:
        """Announce a revision placed like this."""
        return Standing(language=self.language, topics=self.topics, early=early)


def revise(
    held: Story | None, sent: Revision, placing: Placing, now: int, *, reinstate: bool = False
) -> Revised:
    """Decide what a message changes.

    Versions only rise, a late or repeated message changes nothing, and a kill stays
    unless `reinstate` says otherwise.
    Raises `Conflict` for other content under the version held, and for a killed story.
    """
    if held is None:
        return _new(_settled(sent, None, now), placing, now)
    sent = _settled(sent, held, now)
    version = _number(sent)
    if version < held.version:
        return Revised(outcome=Outcome.OLDER, story=held)
    if version == held.version:
        if sent != held.revision:
            raise Conflict(
                f"version {version} of {sent.guid} is held with other content",
                field="version",
                remedy="send the change as a higher version",
            )
        return Revised(outcome=Outcome.UNCHANGED, story=held)
    if held.is_killed and sent.status is not PubStatus.CANCELED and not reinstate:
        raise Conflict(
            f"{sent.guid} was killed; a kill is final",
            field="pubStatus",
            remedy="reinstate the story first, or publish under a new guid",
        )
    return _next(held, sent, placing, now)


def _settled(sent: Revision, held: Story | None, now: int) -> Revision:
    """Fill in what a message may leave out, so that sending it again is sending the same.

    Without a version, it is the version held if it says the same, else the next one
    (an older one if it is dated before); without a date, it is dated on arrival.
    """
    created = sent.version_created
    if held is None:
        return replace(
            sent, version=_number(sent), version_created=now if created is None else created
        )
    repeat = replace(
        sent,
        version=held.version,
        version_created=held.revision.version_created if created is None else created,
    )
    if sent.version is None:
        held_created = held.revision.version_created or 0
        if repeat == held.revision:
            return repeat
        if created is not None and created < held_created:
            return replace(sent, version=held.version - 1)
        return replace(
            sent,
            version=held.version + 1,
            version_created=now if created is None else created,
        )
    if created is None:
        return repeat if sent.version == held.version else replace(sent, version_created=now)
    return sent


def _number(sent: Revision) -> int:
    # Some newsrooms count from 0.
    return 1 if sent.version is None else sent.version


def _kill_headline(held: Story, sent: Revision) -> str:
    if sent.status is not PubStatus.CANCELED:
        return ""
    killed, own = (" ".join(h.casefold().split()) for h in (held.revision.headline, sent.headline))
    # "KILL: …" before the killed headline is not a headline of its own.
    repeats = bool(killed) and killed in own and not held.kill_headline
    return "" if repeats else sent.headline


def is_open(revision: Revision, now: int) -> bool:
    """Say whether the embargo, if there is one, is over.

    ninjs `embargoedUntil`: the time "before which all versions of the news item are embargoed".
    """
    return revision.embargoed_until is None or revision.embargoed_until <= now


def _new(sent: Revision, placing: Placing, now: int) -> Revised:
    shown = sent.status is PubStatus.USABLE
    released = now if shown and is_open(sent, now) else None
    first = min(_first_created(sent), now)
    embargo_over = released is not None and sent.embargoed_until is not None
    published = max(first, sent.embargoed_until or 0) if embargo_over else first
    # What was never shown stood nowhere, so its kill tells nobody that it was.
    stood = frozenset({placing.standing(early=released is None)}) if shown else frozenset()
    story = Story(
        revision=sent,
        version=_number(sent),
        language=placing.language,
        topics=placing.topics,
        stood=stood,
        feeds=_feeds(stood),
        thread=placing.thread,
        released=released,
        published=published,
        updated=max(published, min(sent.version_created or now, now)),
        change=_FIRST_CHANGE[sent.status],
        changed=now,
    )
    return Revised(outcome=Outcome.CREATED, story=story, change=story.change)


def _feeds(stood: Iterable[Standing]) -> frozenset[Feed]:
    return frozenset(feed for standing in stood for feed in standing.feeds)


_FIRST_CHANGE = {
    PubStatus.USABLE: ChangeKind.PUBLISH,
    PubStatus.WITHHELD: ChangeKind.WITHHOLD,
    PubStatus.CANCELED: ChangeKind.KILL,
}


def _first_created(sent: Revision) -> int:
    return sent.first_created if sent.first_created is not None else sent.version_created or 0


def _next(held: Story, sent: Revision, placing: Placing, now: int) -> Revised:
    shown = sent.status is PubStatus.USABLE
    opened = shown and is_open(sent, now)
    change = _change(held, sent, opened=opened)
    first_release = opened and held.released is None
    published = held.published
    if first_release:
        # A released story is published when it is released, not when it was written.
        published = now if held.stood else max(held.published, sent.embargoed_until or 0)
    stood = held.stood | _unannounced(held, now)
    if shown:
        stood |= {placing.standing(early=not opened)}
    story = replace(
        held,
        revision=sent,
        version=_number(sent),
        language=placing.language if shown else held.language,
        topics=placing.topics if shown else held.topics,
        stood=stood,
        feeds=held.feeds | _feeds(stood),
        thread=placing.thread,
        released=now if first_release else held.released,
        published=published,
        updated=max(min(sent.version_created or now, now), held.updated + SECOND, published),
        change=change,
        changed=max(now, held.changed),
        kill_headline=_kill_headline(held, sent),
    )
    return Revised(outcome=Outcome.UPDATED, story=story, change=change)


def _unannounced(held: Story, now: int) -> frozenset[Standing]:
    """Say how a story stood whose embargo the clock had ended, its release not yet announced."""
    usable = held.revision.status is PubStatus.USABLE
    if not usable or held.released is not None or not is_open(held.revision, now):
        return frozenset()
    return frozenset({Standing(language=held.language, topics=held.topics)})


def _change(held: Story, sent: Revision, *, opened: bool) -> ChangeKind:
    was = held.revision.status
    if sent.status is PubStatus.CANCELED:
        return ChangeKind.KILL
    if sent.status is PubStatus.WITHHELD:
        return ChangeKind.WITHHOLD
    if was is not PubStatus.USABLE:
        return ChangeKind.REINSTATE if held.stood else ChangeKind.PUBLISH
    if opened and held.released is None:
        return ChangeKind.RELEASE
    return ChangeKind.CORRECTION if sent.is_correction else ChangeKind.UPDATE


def release(held: Story, at: int) -> Story:
    """End an embargo: the story appears as a new change, published at its first release."""
    first = held.released is None
    opened = Standing(language=held.language, topics=held.topics)
    return replace(
        held,
        stood=held.stood | {opened},
        released=at if first else held.released,
        published=at if first else held.published,
        updated=max(at, held.updated),
        change=ChangeKind.RELEASE,
        changed=max(at, held.changed),
    )


def expire(held: Story, at: int) -> Story:
    """End the rights in a story: nothing of it is shown from now on."""
    return replace(
        held, change=ChangeKind.EXPIRE, updated=max(at, held.updated), changed=max(at, held.changed)
    )


def replaced(held: Story, predecessor: Story) -> Story:
    """Let a story stand where the one it was written from stood, and as of its publication."""
    return replace(
        held,
        feeds=held.feeds | predecessor.feeds,
        published=min(held.published, predecessor.published),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A story's links within its thread."""

    guid: str
    evolved_from: str | None = None
    feed_guid: str | None = None


def thread_guid(members: Iterable[Member]) -> str:
    """Give the one feed GUID of a thread, the same in whatever order its stories came.

    The GUID the newsroom gave (the first by name, should it give several), else that of
    the story all others evolved from, even when that story has not arrived.
    """
    members = tuple(members)
    given = min((m.feed_guid for m in members if m.feed_guid), default=None)
    if given:
        return given
    parents = {m.guid: m.evolved_from for m in members}
    roots = {m.guid for m in members if not m.evolved_from}
    roots |= {p for p in parents.values() if p and p not in parents}
    # Stories that name each other in a ring have no first one.
    return min(roots or parents)
