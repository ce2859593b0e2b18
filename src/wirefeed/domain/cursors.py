"""Where a partner is on the wire: what it heard last, how much so far, and a digest of all of it.

Pure. Whoever reads the wire twice from one place hears the same, so two who hold the same count
and digest have heard the same. What is not for a partner moves nothing here.
"""

import hashlib
import struct
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, replace
from typing import Final

from wirefeed.domain.access import Grant
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.languages import look_up
from wirefeed.domain.plans import DAY, Sight
from wirefeed.domain.wire import Audience, Change

#: The digest of nothing.
NOTHING: Final = bytes(32)
#: An entry that is no story's: what its reader is entitled to is no longer what it was.
ENTITLEMENT: Final = "entitlement"
#: Bytes of a fingerprint.
_MARK = 8
#: Position, count, digest, when it began, the day it was given, its sight, its filters. Of one
#: length, whatever it holds: also a length tells something.
_LAYOUT: Final = struct.Struct(f">QQ32sQI{_MARK}s{_MARK}sQQ32s")
#: Without where its rights became what they are: of earlier releases.
_EARLIER: Final = struct.Struct(f">QQ32sQI{_MARK}s{_MARK}s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What of its wire a partner asks for: topics and languages; without any, all."""

    topics: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    @property
    def mark(self) -> bytes:
        """Its fingerprint."""
        return _mark(sorted(self.topics), sorted(self.languages))

    def of(self, change: Change) -> Change:
        """Give a change as far as it concerns what is asked for.

        A story that moves out of it so is withheld, as one that moves out of a plan is.
        """
        if not self.topics and not self.languages:
            return change
        before, after = self.among(change.before), self.among(change.after)
        return replace(change, before=before, after=after)

    def among(self, audiences: Iterable[Audience]) -> frozenset[Audience]:
        """Give those of these of which it asks for what is announced to them."""
        return frozenset(filter(self.has, audiences))

    def has(self, audience: Audience) -> bool:
        """Say whether what is announced to some is among what is asked for."""
        return (not self.languages or audience.language in self.languages) and (
            not self.topics or not self.topics.isdisjoint(audience.topics)
        )


def there_are(wanted: Following, topics: Container[str], languages: Collection[str]) -> Following:
    """Give what is wanted in the languages of feeds: `en-GB` is in those of `en`.

    Raises `Unacceptable` for what there are no feeds of: nothing would ever come of it.
    """
    for topic in sorted(wanted.topics):
        if topic not in topics:
            remedy = "see `wirefeed topics list`"
            raise Unacceptable(f"there is no topic {topic!r}", field="topics", remedy=remedy)
    spoken = {tag: look_up(tag, languages) for tag in sorted(wanted.languages)}
    for tag, language in spoken.items():
        if not language:
            remedy = f"use {', '.join(languages)}"
            raise Unacceptable(f"there are no feeds in {tag!r}", field="languages", remedy=remedy)
    return replace(wanted, languages=frozenset(spoken.values()))


#: All that a partner may have.
ALL: Final = Following()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one partner is on the wire."""

    #: Of the last change it heard; at first, where it began.
    position: int
    #: When it began: from there back, each grant reaches as far as its archive.
    began: int
    #: The day up to which it has read, counted from 1970.
    day: int
    #: Fingerprints of what it was entitled to, and of what it asked for.
    sight: bytes
    following: bytes
    #: How many changes it has heard,
    count: int = 0
    #: and all of them in one number.
    digest: bytes = NOTHING
    #: The same three of where it began, or of where it was last told that its rights are others:
    #: what it heard from there on, it would hear again by those that it has.
    base: int = 0
    base_count: int = 0
    base_digest: bytes = NOTHING

    @property
    def start(self) -> "Place":
        """Give the place from which on it can be proven that nothing was missed."""
        return replace(self, position=self.base, count=self.base_count, digest=self.base_digest)

    def turned(self, sight: bytes) -> "Place":
        """Give the place behind the entry that says that its rights are others."""
        behind = self.after(ENTITLEMENT, 0, ENTITLEMENT)
        return replace(
            behind,
            sight=sight,
            base=self.position,
            base_count=behind.count,
            base_digest=behind.digest,
        )

    def after(self, kind: str, version: int, guid: str, position: int | None = None) -> "Place":
        """Give the place behind one more change; without a position, one that is no story's."""
        return replace(
            self,
            position=self.position if position is None else position,
            count=self.count + 1,
            digest=chained(self.digest, kind, version, guid),
        )

    def pack(self) -> bytes:
        """Write it down."""
        return _LAYOUT.pack(
            self.position,
            self.count,
            self.digest,
            self.began,
            self.day,
            self.sight,
            self.following,
            self.base,
            self.base_count,
            self.base_digest,
        )

    @classmethod
    def unpack(cls, raw: bytes) -> "Place":
        """Read what was written down. Raises `ValueError` for anything else."""
        layout = _EARLIER if len(raw) == _EARLIER.size else _LAYOUT
        try:
            position, count, digest, began, day, sight, following, *base = layout.unpack(raw)
        except struct.error as error:
            raise ValueError("this is no place on a wire") from error
        at, base_count, base_digest = base or (position, count, digest)
        return cls(
            position=position,
            count=count,
            digest=digest,
            began=began,
            day=day,
            sight=sight,
            following=following,
            base=at,
            base_count=base_count,
            base_digest=base_digest,
        )


def chained(digest: bytes, kind: str, version: int, guid: str) -> bytes:
    """Add a change to a digest, as partners do, too: by what stands in its entry."""
    return hashlib.sha256(digest + f"\n{kind} {version} {guid}".encode()).digest()


def sight_mark(sight: Sight) -> bytes:
    """Give the fingerprint of what somebody is entitled to."""
    return _mark(sorted(map(_terms, sight.grants)), sight.anonymous)


def _terms(grant: Grant) -> list[object]:
    return [
        grant.plan,
        sorted(grant.topics),
        sorted(grant.languages),
        sorted(grant.excepted),
        grant.level.value,
        grant.delay,
        grant.media,
        grant.early,
        grant.notes,
        # How far back it reached decides what is told again. Of one without end it says nothing:
        # so the marks of those are as earlier releases made them.
        *(() if grant.archive_days is None else (grant.archive_days,)),
    ]


def _mark(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()[:_MARK]


def reaching(grants: frozenset[Grant], began: int, at: int) -> frozenset[Grant]:
    """Give the grants under which a change of some time is heard by who began at another.

    What came since is heard under all of them, however late it is asked for.
    """
    if at >= began:
        return grants
    return frozenset(
        grant
        for grant in grants
        if grant.archive_days is None or at >= began - grant.archive_days * DAY
    )


def reach(grants: frozenset[Grant], began: int) -> int:
    """Say how far back in time any of these reaches."""
    days = [grant.archive_days for grant in grants]
    if not days:
        return began
    return began - max(0 if one is None else one for one in days) * DAY if None not in days else 0
