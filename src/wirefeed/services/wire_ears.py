"""What one caller hears of the wire, by what it is entitled to, asks for, and when it began."""

from dataclasses import dataclass, replace
from functools import lru_cache

from wirefeed.domain.access import Grant
from wirefeed.domain.cursors import Following, reaching
from wirefeed.domain.former import Former
from wirefeed.domain.hearing import found, heard, other_topics, reaches
from wirefeed.domain.plans import Sight
from wirefeed.domain.wire import Audience, Change, ChangeKind
from wirefeed.storage.wire import Row


@dataclass(frozen=True, slots=True)
class Ears:
    """What somebody hears, by what it is entitled to, what it asks for, and when it began."""

    sight: Sight
    grants: frozenset[Grant]
    following: Following
    began: int
    #: Those with feeds: what is in no feed is on no wire.
    languages: frozenset[str]
    #: What it was entitled to before: see `WirePages.hear`.
    former: frozenset[Former] = frozenset()

    def hear(self, row: Row) -> ChangeKind | None:
        """Say as what it hears of a change by what it may see now; None: it does not."""
        change, grants = row.change, self.sight.grants
        if change.kind is ChangeKind.ACCESS:
            return ChangeKind.ACCESS if self._has_other_topics(row) else None
        if row.at < self.began:
            if change.kind is ChangeKind.REFILE:
                return self._finds(row)
            grants = reaching(self.grants, self.began, row.at)
        return _heard(
            change.kind,
            self._told(change.before),
            self._told(change.after),
            change.delay,
            grants,
            self.following,
        )

    def _has_other_topics(self, row: Row) -> bool:
        """Say whether its topics hold other stories from here on than when it began."""
        change, asked = self.following.of(row.change), self.following.topics
        return row.at >= self.began and other_topics(change, self.sight.grants, asked)

    def _finds(self, row: Row) -> ChangeKind | None:
        """Say as what it hears, having begun later, that a story was filed anew."""
        change = row.change
        told = replace(change, before=self._told(change.before), after=self._told(change.after))
        # An archive reaches back to stories, not to what became of their topics.
        grants = reaching(self.grants, self.began, row.at - change.delay)
        return found(self.following.of(told), grants)

    def had(self, kill: Row) -> frozenset[Former]:
        """Give the rights it has lost by which it may have a killed story, in some version."""
        before = self.asked(kill.change.before)
        return frozenset(
            one
            for one in self.former
            if reaches(one.grant, before)
            and (kill.at >= self.began or reaching(frozenset({one.grant}), self.began, kill.at))
        )

    def asked(self, audiences: frozenset[Audience]) -> frozenset[Audience]:
        """Give those audiences that concern what it asks for."""
        return frozenset(filter(self.following.has, self._told(audiences)))

    def _told(self, audiences: frozenset[Audience]) -> frozenset[Audience]:
        if all(audience.language in self.languages for audience in audiences):
            return audiences
        return frozenset(one for one in audiences if one.language in self.languages)


@lru_cache(maxsize=16_384)
def _heard(
    kind: ChangeKind,
    before: frozenset[Audience],
    after: frozenset[Audience],
    delay: int,
    grants: frozenset[Grant],
    following: Following,
) -> ChangeKind | None:
    change = Change(kind=kind, about="", before=before, after=after, delay=delay)
    return heard(following.of(change), grants)
