"""The rule of the house: how much of a story a caller may see now, and why.

Pure. Everything fails closed: without a grant there is no text.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.standings import NEVER
from wirefeed.domain.stories import Feed, PubStatus, Standing, Story

#: In a grant, stands for every topic or every language.
ALL = "*"
#: Among a story's topics: it is for nobody but those whose grant names a topic that begins so.
PRIVATE = "~"
#: The plan of everybody, the anonymous public included.
PUBLIC = "public"


class Level(StrEnum):
    """How much of a story is shown."""

    HIDDEN = "hidden"
    SUMMARY = "summary"
    FULL = "full"

    @property
    def rank(self) -> int:
        """Order the levels, the closed one lowest."""
        return _RANKS[self]


_RANKS = {Level.HIDDEN: 0, Level.SUMMARY: 1, Level.FULL: 2}


class Reason(StrEnum):
    """Why a level is what it is. The first four are shown in feeds."""

    PUBLIC = "public"
    GRANTED = "granted"
    DELAYED = "delayed"
    NOT_COVERED = "not-covered"
    EMBARGOED = "embargoed"
    EXPIRED = "expired"
    WITHHELD = "withheld"
    KILLED = "killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Topics × languages → how much of their stories a plan shows."""

    plan: str
    topics: frozenset[str]
    languages: frozenset[str] = frozenset({ALL})
    #: Topics taken away, their narrower ones included; taking away wins.
    excepted: frozenset[str] = frozenset()
    level: Level = Level.SUMMARY
    #: Full text comes this long after the story's first release, in microseconds.
    delay: int = 0
    media: bool = False
    #: Sees stories under embargo, flagged.
    early: bool = False
    #: Sees what is for editors: ednote, usage terms, signals.
    notes: bool = False
    archive_days: int | None = None

    def __post_init__(self) -> None:
        """Refuse a grant that cannot mean anything."""
        if not self.topics or not self.languages:
            raise Unacceptable("a grant names its topics and languages, or '*'", field="topics")
        if self.level is Level.HIDDEN:
            raise Unacceptable("a grant's level is summary or full", field="level")
        if ALL in self.excepted:
            raise Unacceptable("a grant without any topic left grants nothing", field="except")
        if self.delay < 0:
            raise Unacceptable("a delay is not negative", field="delay")

    def has(self, topic: str) -> bool:
        """Say whether a topic is among those granted."""
        return (ALL in self.topics or topic in self.topics) and topic not in self.excepted

    def covers(self, language: str, topics: frozenset[str]) -> bool:
        """Say whether it selects stories of this language and these topics."""
        if not (ALL in self.languages or language in self.languages):
            return False
        if topics & self.excepted:
            return False
        named = topics & self.topics
        if PRIVATE in topics:
            # Not by having all topics, nor by another topic that it stands in.
            return any(topic.startswith(PRIVATE) for topic in named)
        return ALL in self.topics or bool(named)


class Entitled(Protocol):
    """What `decide` needs to know of a caller."""

    @property
    def grants(self) -> frozenset[Grant]:
        """The grants of all its live plans."""

    @property
    def anonymous(self) -> bool:
        """Whether it came without a credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How much of one story one caller may see, why, and until when."""

    level: Level
    reason: Reason
    media: bool = False
    notes: bool = False
    #: Seen before its embargo ends.
    early: bool = False
    #: The grant that decided; None when none covers the story.
    grant: Grant | None = None
    #: When the clock changes this decision.
    until: int | None = None
    #: When the clock last changed it.
    since: int | None = None
    #: When it went out of this caller's sight: a change it may know of, whatever came after.
    #: None for what is shown, and what never was.
    gone: int | None = None
    #: Of a killed story: the topics in which this caller may have seen it.
    topics: frozenset[str] = frozenset()
    #: When the story it replaced was published, if this caller saw that and it was earlier.
    published: int | None = None
    #: What its thread is called instead, to a caller that may not know it by its GUID.
    thread: str | None = None
    #: Of a killed story: its caller may see no more than that it was killed, and of when it was.
    bare: bool = False


def decide(story: Story, caller: Entitled, now: int) -> Access:
    """Say how much of a story this caller may see now, and why."""
    access = _decided(story, caller, now)
    if access.level is Level.HIDDEN or not any(s.inherited for s in story.stood):
        return access
    dates = [s.published for s in _seen(story, caller) if s.published is not None]
    first = min(dates, default=story.published)
    return replace(access, published=first) if first < story.published else access


def stands_in(story: Story, feeds: Collection[Feed], caller: Entitled, access: Access) -> bool:
    """Say whether this caller may find a story in one of these feeds, or once may have.

    That it stood elsewhere, for others, is not for this caller to know.
    """
    if access.level is not Level.HIDDEN and access.reason is not Reason.KILLED:
        topics = story.topics | {""}
        if any(f.language == story.language and f.topic in topics for f in feeds):
            return True
    return any(feed in s.feeds for s in _seen(story, caller) for feed in feeds)


def _decided(story: Story, caller: Entitled, now: int) -> Access:
    if story.is_killed:
        return _withdrawn(story, caller, Level.SUMMARY, Reason.KILLED)
    if story.revision.status is PubStatus.WITHHELD:
        return _withdrawn(story, caller, Level.HIDDEN, Reason.WITHHELD)
    language, topics = _language(story), story.topics
    covering = [grant for grant in caller.grants if grant.covers(language, topics)]
    if not covering:
        # It may have moved out of what the caller's plans cover.
        return _unseen(story, caller)
    expires = story.revision.expires
    if expires is not None and expires <= now:
        return _withdrawn(story, caller, Level.HIDDEN, Reason.EXPIRED, since=expires)
    best = _best([_under(grant, story, caller, now) for grant in covering], expires)
    if best.level is Level.HIDDEN:
        # It, or what it replaced, may have been shown before it came under this embargo.
        return replace(best, gone=_gone(story, caller))
    return best


def _withdrawn(
    story: Story, caller: Entitled, level: Level, reason: Reason, *, since: int | None = None
) -> Access:
    """Tell of a story's end whoever may have seen it, and nobody else."""
    witnesses = _witnesses(story, caller)
    if not witnesses:
        return _unseen(story, caller)
    return Access(
        level=level,
        reason=reason,
        grant=min(witnesses, key=lambda g: repr(_identity(g))),
        since=since,
        gone=_gone(story, caller) if level is Level.HIDDEN else None,
        topics=_topics_seen(story, witnesses) if reason is Reason.KILLED else frozenset(),
    )


def was_shown(story: Story, caller: Entitled) -> bool:
    """Say whether this caller may have seen a story itself, in whichever version.

    It goes by how the story was announced, not by the clock, and so is the same until the next
    change on the wire.
    """
    return bool(_witnesses(story, caller))


def _witnesses(story: Story, caller: Entitled) -> list[Grant]:
    """Give the grants under which the story, or a version of it before, was shown."""
    return [
        g for g in caller.grants if any(_saw(g, s, story) for s in story.stood if not s.inherited)
    ]


def _unseen(story: Story, caller: Entitled) -> Access:
    """Show nothing; say when it went, if the caller saw it or what it replaced."""
    return Access(level=Level.HIDDEN, reason=Reason.NOT_COVERED, gone=_gone(story, caller))


def _gone(story: Story, caller: Entitled) -> int | None:
    """Say when the last went of what this caller saw; None when it saw nothing."""
    # However it stands now is hidden: by its rights having ended, if no message did it.
    now_ended = story.changed if story.revision.expires is None else story.revision.expires
    ends = (now_ended if s.ended is None else s.ended for s in _seen(story, caller))
    return max((end for end in ends if end != NEVER), default=None)


def _seen(story: Story, caller: Entitled) -> list[Standing]:
    """Give the ways in which this caller may have seen a story, or one that it replaced."""
    return [s for s in story.stood if any(_saw(g, s, story) for g in caller.grants)]


def _topics_seen(story: Story, witnesses: Iterable[Grant]) -> frozenset[str]:
    """Give the topics in which a story was seen under these grants, and that they have."""
    own = [s for s in story.stood if not s.inherited]
    return frozenset(
        topic
        for grant in witnesses
        for standing in own
        if _saw(grant, standing, story)
        for topic in standing.topics
        if grant.has(topic)
    )


def _saw(grant: Grant, standing: Standing, story: Story) -> bool:
    language = standing.language
    if not language and not story.language:
        language = story.own_language
    return grant.covers(language, standing.topics) and (grant.early or not standing.early)


def _under(grant: Grant, story: Story, caller: Entitled, now: int) -> Access:
    embargo = story.revision.embargoed_until
    early = embargo is not None and now < embargo
    if early and not grant.early:
        return Access(level=Level.HIDDEN, reason=Reason.EMBARGOED, grant=grant, until=embargo)
    until = embargo if early else None
    # An embargo may be over before its release is announced.
    appeared = embargo if story.released is None and not early else None
    delayed = grant.level is Level.FULL and grant.delay > 0
    full_from = _first_release(story) + grant.delay
    if delayed and now < full_from:
        return Access(
            level=Level.SUMMARY,
            reason=Reason.DELAYED,
            early=early,
            grant=grant,
            until=full_from if until is None else min(until, full_from),
            since=appeared,
        )
    return Access(
        level=grant.level,
        reason=_reason(grant, caller),
        # A picture is part of the full story; a summary shows none.
        media=grant.media and grant.level is Level.FULL,
        notes=grant.notes and grant.level is Level.FULL,
        early=early,
        grant=grant,
        until=until,
        since=full_from if delayed else appeared,
    )


def _first_release(story: Story) -> int:
    """Give the time delays count from; not announced yet, it is the end of the embargo."""
    times = (story.released, story.revision.embargoed_until, story.changed)
    return next(time for time in times if time is not None)


def _reason(grant: Grant, caller: Entitled) -> Reason:
    if caller.anonymous:
        return Reason.PUBLIC
    if grant.level is Level.SUMMARY and grant.plan == PUBLIC:
        return Reason.NOT_COVERED
    return Reason.GRANTED


def _best(offers: list[Access], expires: int | None) -> Access:
    if len(offers) == 1 and expires is None:
        return offers[0]
    most = max(map(_worth, offers))
    equals = [offer for offer in offers if _worth(offer) == most]
    best = max(equals, key=merit) if len(equals) > 1 else equals[0]
    rivals = [offer for offer in offers if offer.level is best.level]
    untils = [offer.until for offer in offers if offer.until is not None]
    if expires is not None:
        untils.append(expires)
    return Access(
        level=best.level,
        reason=best.reason,
        media=any(offer.media for offer in rivals),
        notes=any(offer.notes for offer in rivals),
        early=best.early,
        grant=best.grant,
        until=min(untils, default=None),
        since=min((o.since for o in rivals if o.since is not None), default=None)
        if all(o.since is not None for o in rivals)
        else None,
    )


def merit(offer: Access) -> tuple[int, bool, bool, str]:
    """Order offers: the highest level, then one that says more than `not covered`; then by name."""
    return *_worth(offer), repr(_identity(offer.grant))


def _worth(offer: Access) -> tuple[int, bool, bool]:
    return _RANKS[offer.level], offer.reason is not Reason.NOT_COVERED, offer.media


def _identity(grant: Grant | None) -> tuple[object, ...]:
    return (
        ()
        if grant is None
        else (
            grant.plan,
            sorted(grant.topics),
            sorted(grant.languages),
            sorted(grant.excepted),
            grant.level.value,
            grant.delay,
            grant.media,
            grant.early,
            grant.notes,
            grant.archive_days or 0,
        )
    )


def _language(story: Story) -> str:
    """Give the feed language; a story in a language without feeds is matched by its own tag."""
    return story.language or story.own_language


def next_change(stories: Iterable[Story], caller: Entitled, now: int) -> int | None:
    """Say when the clock next changes what this caller sees of these stories."""
    untils = (decide(story, caller, now).until for story in stories)
    return min((until for until in untils if until is not None), default=None)
