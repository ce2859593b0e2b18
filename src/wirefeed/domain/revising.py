"""How stories change: what a message, or the clock, makes of the story held. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from wirefeed.domain.errors import Conflict
from wirefeed.domain.standings import NEVER, announced, end_of, ended, inherited
from wirefeed.domain.stories import SECOND, Feed, PubStatus, Revision, Standing, Story
from wirefeed.domain.wire import ChangeKind


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

    Versions only rise and a late or repeated message changes nothing; but a kill wins, also
    one that comes late, and stays unless `reinstate` says otherwise.
    Raises `Conflict` for other content under the version held, and for a killed story.
    """
    if held is None:
        return _new(_settled(sent, None, now), placing, now)
    sent = _settled(sent, held, now)
    version = _number(sent)
    if _is_late_kill(held, sent):
        # Whatever order they come in, a story that was killed ends up killed.
        return _next(held, replace(sent, version=held.version), placing, now, kill=version)
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
            remedy="publish under a new guid",
        )
    return _next(held, sent, placing, now, kill=version)


def _is_late_kill(held: Story, sent: Revision) -> bool:
    """Say whether a kill comes after the version it should have prevented, for the first time."""
    if sent.status is not PubStatus.CANCELED or held.is_killed:
        return False
    return held.kill_version < _number(sent) <= held.version


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
            # A kill counts, however it is dated; anything else came too late.
            kills = sent.status is PubStatus.CANCELED
            return replace(sent, version=held.version - (0 if kills else 1))
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
    if held.is_killed:
        # What a later kill says may be the killed headline, which is no longer known.
        return held.kill_headline
    killed, own = (_letters(text) for text in (held.revision.headline, sent.headline))
    # "KILL: …" before the killed headline, or a part of it, is not a headline of its own.
    repeats = bool(killed) and (killed in own or own in killed)
    if sent.headline and not repeats:
        return sent.headline
    # A kill that names nothing is called as what it kills was, if all who are told knew that.
    return "" if sent.slugline or not _is_known(held) else held.revision.slugline


def _is_known(held: Story) -> bool:
    """Say whether the version held is one that all saw who ever saw the story."""
    own = [s for s in held.stood if not s.inherited]
    open_now = {(s.language, s.topics) for s in own if s.ended is None and not s.early}
    return all(s.ended is None or (s.early and (s.language, s.topics) in open_now) for s in own)


def _letters(text: str) -> str:
    """Leave out what may differ between two spellings of a headline."""
    return "".join(filter(str.isalnum, text.casefold()))


def is_open(revision: Revision, now: int) -> bool:
    """Say whether the embargo, if there is one, is over.

    ninjs `embargoedUntil`: the time "before which all versions of the news item are embargoed".
    """
    return revision.embargoed_until is None or revision.embargoed_until <= now


def _shows(sent: Revision, now: int) -> bool:
    """Say whether anyone is shown a revision: it is usable, and its rights have not ended."""
    return sent.status is PubStatus.USABLE and (sent.expires is None or sent.expires > now)


def _new(sent: Revision, placing: Placing, now: int) -> Revised:
    shown = _shows(sent, now)
    released = now if shown and is_open(sent, now) else None
    published, updated = _first_dates(sent, now)
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
        updated=updated,
        change=_FIRST_CHANGE[sent.status],
        kill_version=_number(sent) if sent.status is PubStatus.CANCELED else -1,
        changed=now,
    )
    return Revised(outcome=Outcome.CREATED, story=story, change=story.change)


def _first_dates(sent: Revision, now: int) -> tuple[int, int]:
    """Say when a story is published and updated that was never shown before."""
    published = min(_first_created(sent), now)
    if _shows(sent, now) and is_open(sent, now):
        published = max(published, sent.embargoed_until or 0)
    return published, max(published, min(sent.version_created or now, now))


def _feeds(stood: Iterable[Standing]) -> frozenset[Feed]:
    return frozenset(feed for standing in stood for feed in standing.feeds)


_FIRST_CHANGE = {
    PubStatus.USABLE: ChangeKind.PUBLISH,
    PubStatus.WITHHELD: ChangeKind.WITHHOLD,
    PubStatus.CANCELED: ChangeKind.KILL,
}


def _first_created(sent: Revision) -> int:
    return sent.first_created if sent.first_created is not None else sent.version_created or 0


def _next(held: Story, sent: Revision, placing: Placing, now: int, *, kill: int) -> Revised:
    shown = _shows(sent, now)
    opened = shown and is_open(sent, now)
    change = _change(held, sent, opened=opened)
    published, updated = _dates(held, sent, now)
    stood = ended(_unannounced(held, now), end_of(held, now))
    if shown:
        stood = announced(stood, placing.standing(early=not opened), now)
    story = replace(
        held,
        revision=sent,
        version=_number(sent),
        language=placing.language if shown else held.language,
        topics=placing.topics if shown else held.topics,
        stood=stood,
        feeds=held.feeds | _feeds(stood),
        thread=placing.thread,
        released=now if opened and held.released is None else held.released,
        published=published,
        updated=updated,
        change=change,
        changed=max(now, held.changed),
        kill_headline=_kill_headline(held, sent),
        kill_version=max(held.kill_version, kill if change is ChangeKind.KILL else -1),
    )
    return Revised(outcome=Outcome.UPDATED, story=story, change=change)


def _dates(held: Story, sent: Revision, now: int) -> tuple[int, int]:
    """Say when a story is published and updated, with this version."""
    if not held.stood:
        # What was never shown has left no date.
        return _first_dates(sent, now)
    published = held.published
    if _shows(sent, now) and is_open(sent, now) and held.released is None:
        # A released story is published when it is released, not when it was written.
        published = now
    updated = max(min(sent.version_created or now, now), held.updated + SECOND, published)
    return published, updated


def _unannounced(held: Story, now: int) -> frozenset[Standing]:
    """Say how a story stood whose embargo the clock may have ended without announcing it."""
    waits = held.released is None and any(s.early and s.ended is None for s in held.stood)
    if not waits or not is_open(held.revision, now) or not opens(held.revision):
        return held.stood
    return announced(held.stood, Standing(language=held.language, topics=held.topics), now)


def opens(revision: Revision) -> bool:
    """Say whether a revision is ever shown to everybody: its rights may end before its embargo."""
    embargo, expires = revision.embargoed_until, revision.expires
    return embargo is None or expires is None or embargo < expires


def _change(held: Story, sent: Revision, *, opened: bool) -> ChangeKind:
    was = held.revision.status
    if sent.status is PubStatus.CANCELED:
        return ChangeKind.KILL
    if sent.status is PubStatus.WITHHELD:
        return ChangeKind.WITHHOLD
    if was is not PubStatus.USABLE:
        return ChangeKind.REINSTATE if held.stood else ChangeKind.PUBLISH
    if all(standing.inherited for standing in held.stood):
        # Nobody saw what came before: its rights had ended when it came.
        return ChangeKind.PUBLISH
    if opened and held.released is None:
        return ChangeKind.RELEASE
    return ChangeKind.CORRECTION if sent.is_correction else ChangeKind.UPDATE


def release(held: Story, at: int) -> Story:
    """End an embargo: the story appears as a new change, published at its first release."""
    first = held.released is None
    opened = Standing(language=held.language, topics=held.topics)
    return replace(
        held,
        stood=announced(held.stood, opened, at),
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


def replaced(held: Story, predecessor: Story, *, shown: bool = True) -> Story:
    """Let a story stand where the one it was written from stood, or would have if not `shown`."""
    return replace(
        held,
        stood=inherited(held.stood, predecessor, held.changed if shown else NEVER),
        feeds=held.feeds | predecessor.feeds,
    )
