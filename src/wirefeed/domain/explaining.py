"""Why someone sees what it sees of a story: which grant gives what, and when that changes. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wirefeed.domain.access import Access, Grant, decide, merit
from wirefeed.domain.plans import Entitlement, Plan, Subscriber, entitlement
from wirefeed.domain.readers import State, state
from wirefeed.domain.stories import Story

#: Of the times to come at which the clock touches anything, this many are looked at.
_MOST_TURNS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one grant alone would give."""

    grant: Grant
    access: Access
    #: It is the one that decided.
    decides: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is seen from a time on."""

    at: int
    access: Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What someone sees of a story now, why, and what the clock makes of it."""

    story: Story
    access: Access
    #: Every grant that bears on the story, the one that gives most first.
    offers: tuple[Offer, ...]
    #: What will change by itself, in the order it does.
    turns: tuple[Turn, ...]
    #: How the subscriber stands, and since when; None: it is the public.
    state: State | None
    since: int | None


def explain(
    story: Story, subscriber: Subscriber | None, plans: Mapping[str, Plan], now: int
) -> Explanation:
    """Explain what a subscriber sees of a story; None: the anonymous public."""
    holder = entitlement(subscriber, plans, now)
    access = decide(story, holder, now)
    standing = None if subscriber is None else state(subscriber, now)
    return Explanation(
        story=story,
        access=access,
        offers=_offers(story, holder, access, now),
        turns=tuple(_turns(story, subscriber, plans, now)),
        state=None if standing is None else standing[0],
        since=None if standing is None else standing[1],
    )


def _offers(story: Story, holder: Entitlement, access: Access, now: int) -> tuple[Offer, ...]:
    offers = []
    for grant in holder.grants:
        alone = Entitlement(grants=frozenset({grant}), anonymous=holder.anonymous)
        given = decide(story, alone, now)
        if given.grant is not None:
            offers.append(Offer(grant=grant, access=given, decides=grant == access.grant))
    return tuple(
        sorted(offers, key=lambda offer: (offer.decides, merit(offer.access)), reverse=True)
    )


def _turns(
    story: Story, subscriber: Subscriber | None, plans: Mapping[str, Plan], now: int
) -> Iterator[Turn]:
    """Follow the clock from one time at which anything may change to the next."""
    at: int | None = now
    seen: Access | None = None
    for _ in range(_MOST_TURNS):
        if at is None:
            return
        holder = entitlement(subscriber, plans, at)
        access = decide(story, holder, at)
        if seen is not None and _shown(access) != _shown(seen):
            yield Turn(at=at, access=access)
        seen = access
        ahead = [time for time in (access.until, holder.until) if time is not None and time > at]
        at = min(ahead, default=None)


def _shown(access: Access) -> tuple[object, ...]:
    return (
        access.level,
        access.reason,
        access.media,
        access.notes,
        access.early,
        access.grant,
    )
