"""What someone sees, would see, and why, as JSON: for the API and for commands. Pure."""

from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.access import Access, Grant, Level, Reason
from wirefeed.domain.endings import RunningOut
from wirefeed.domain.explaining import Explanation, Offer
from wirefeed.domain.feeds import Item
from wirefeed.domain.prospects import Outlook, Pair, Prospect, Right, Shift
from wirefeed.domain.readers import State
from wirefeed.formats.times import Time, moment

# --- a changed plan ------------------------------------------------------------------------------


class ShiftShape(msgspec.Struct, kw_only=True):
    """A story of which some would have more or less."""

    story: Annotated[str, Meta(description="Its guid.")]
    headline: str
    changed: Time
    before: Annotated[Level, Meta(description="How much is shown of it now.")]
    after: Level
    gained: list[Right]
    lost: list[Right]


class ProspectShape(msgspec.Struct, kw_only=True):
    """What a change means to those who have the same plans."""

    public: Annotated[bool, Meta(description="The anonymous public.")]
    plans: Annotated[list[str], Meta(description="The plans they have besides `public`.")]
    count: Annotated[int, Meta(description="How many subscribers they are.")]
    subscribers: Annotated[list[str], Meta(description="The first of their ids.")]
    gaining: Annotated[int, Meta(description="Of how many stories they would have more.")]
    losing: Annotated[int, Meta(description="Of how many stories they would have less.")]
    gained: Annotated[dict[Right, int], Meta(description="What they would gain, and how often.")]
    lost: dict[Right, int]
    stories: Annotated[list[ShiftShape], Meta(description="The newest of these stories.")]


class OutlookShape(msgspec.Struct, kw_only=True):
    """What a changed plan would do, by the stories that changed within a week."""

    plan: str
    version: Annotated[int, Meta(description="The version it was compared with; 0: none.")]
    prospects: Annotated[list[ProspectShape], Meta(description="The public, then the most.")]
    idle: Annotated[int, Meta(description="How many have or had it, and none of it now.")]
    stories: Annotated[int, Meta(description="How many stories were looked at.")]
    since: Annotated[Time, Meta(description="Since when they changed.")]
    stories_cut: Annotated[bool, Meta(description="More have changed since then.")]
    subscribers_cut: Annotated[bool, Meta(description="More subscribers have it.")]


def outlook_shape(outlook: Outlook) -> OutlookShape:
    """Tell what a change of a plan would do."""
    return OutlookShape(
        plan=outlook.plan,
        version=outlook.version,
        prospects=[_prospect(one) for one in outlook.prospects],
        idle=outlook.idle,
        stories=outlook.stories,
        since=moment(outlook.since),
        stories_cut=outlook.stories_cut,
        subscribers_cut=outlook.subscribers_cut,
    )


def _prospect(one: Prospect) -> ProspectShape:
    return ProspectShape(
        public=one.plans is None,
        plans=sorted(one.plans or ()),
        count=one.count,
        subscribers=list(one.subscribers),
        gaining=one.gaining,
        losing=one.losing,
        gained=dict(one.gained),
        lost=dict(one.lost),
        stories=[_shift(shift) for shift in one.shifts],
    )


def _shift(shift: Shift) -> ShiftShape:
    return ShiftShape(
        story=shift.guid,
        headline=shift.headline,
        changed=moment(shift.changed),
        before=shift.before,
        after=shift.after,
        gained=sorted(shift.gained),
        lost=sorted(shift.lost),
    )


# --- one story -----------------------------------------------------------------------------------


class OfferShape(msgspec.Struct, kw_only=True):
    """What one grant alone would give."""

    plan: str
    grant: Annotated[str, Meta(description="In words.")]
    decides: Annotated[bool, Meta(description="It is the one that decided.")]
    level: Level
    reason: Reason
    delay_seconds: int
    media: bool
    notes: bool
    early: bool
    until: Annotated[Time | None, Meta(description="When the clock changes what it gives.")]


class TurnShape(msgspec.Struct, kw_only=True):
    """What is seen from a time on."""

    at: Time
    level: Level
    reason: Reason
    plan: str | None
    media: bool
    notes: bool
    early: bool


class ExplanationShape(msgspec.Struct, kw_only=True):
    """What someone sees of a story, why, and when that changes by itself."""

    story: Annotated[str, Meta(description="Its guid.")]
    subscriber: Annotated[str, Meta(description="Its id, or `public`.")]
    subscription: Annotated[
        State | None, Meta(description="How the subscriber stands; null: it is the public.")
    ]
    since: Annotated[Time | None, Meta(description="Since when it has nothing of its own.")]
    level: Level
    reason: Reason
    plan: Annotated[str | None, Meta(description="The plan that decided.")]
    grant: Annotated[str | None, Meta(description="Its grant, in words.")]
    topics: Annotated[list[str], Meta(description="Where the story stands.")]
    media: bool
    notes: bool
    early: bool
    until: Annotated[Time | None, Meta(description="When that changes by itself.")]
    offers: Annotated[
        list[OfferShape], Meta(description="Every grant that bears on the story, the best first.")
    ]
    turns: Annotated[list[TurnShape], Meta(description="What it will be, from when on.")]


def explanation_shape(subscriber: str, found: Explanation) -> ExplanationShape:
    """Tell what someone sees of a story, and why."""
    access = found.access
    return ExplanationShape(
        story=found.story.guid,
        subscriber=subscriber,
        subscription=found.state,
        since=None if found.since is None else moment(found.since),
        level=access.level,
        reason=access.reason,
        plan=access.grant.plan if access.grant else None,
        grant=in_words(access.grant) if access.grant else None,
        topics=sorted(found.story.topics),
        media=access.media,
        notes=access.notes,
        early=access.early,
        until=moment(found.turns[0].at) if found.turns else None,
        offers=[_offer(offer) for offer in found.offers],
        turns=[
            TurnShape(
                at=moment(turn.at),
                level=turn.access.level,
                reason=turn.access.reason,
                plan=turn.access.grant.plan if turn.access.grant else None,
                media=turn.access.media,
                notes=turn.access.notes,
                early=turn.access.early,
            )
            for turn in found.turns
        ],
    )


def _offer(offer: Offer) -> OfferShape:
    access = offer.access
    return OfferShape(
        plan=offer.grant.plan,
        grant=in_words(offer.grant),
        decides=offer.decides,
        level=access.level,
        reason=access.reason,
        delay_seconds=offer.grant.delay // 1_000_000,
        media=access.media,
        notes=access.notes,
        early=access.early,
        until=None if access.until is None else moment(access.until),
    )


def in_words(grant: Grant) -> str:
    """Say which stories a grant is for, and how much of them it gives."""
    excepted = f" except {', '.join(sorted(grant.excepted))}" if grant.excepted else ""
    topics = ", ".join(sorted(grant.topics))
    return f"{grant.level} of {topics}{excepted} in {', '.join(sorted(grant.languages))}"


# --- one feed ------------------------------------------------------------------------------------


class SeenShape(msgspec.Struct, kw_only=True):
    """How much of a story stands in a feed."""

    story: Annotated[str, Meta(description="Its guid: the newest of the thread to be seen.")]
    level: Level
    reason: Reason
    media: bool
    notes: bool
    early: bool


class PairShape(msgspec.Struct, kw_only=True):
    """A thread in the subscriber's feed and in the public one."""

    headline: str
    own: Annotated[SeenShape | None, Meta(description="null: it does not stand there.")]
    public: SeenShape | None


def pair_shape(headline: str, pair: Pair) -> PairShape:
    """Tell how a thread stands in two feeds."""
    return PairShape(headline=headline, own=_seen(pair.own), public=_seen(pair.public))


def _seen(item: Item | None) -> SeenShape | None:
    if item is None:
        return None
    access: Access = item.access
    return SeenShape(
        story=item.story.guid,
        level=access.level,
        reason=access.reason,
        media=access.media,
        notes=access.notes,
        early=access.early,
    )


# --- what runs out -------------------------------------------------------------------------------


class EndingShape(msgspec.Struct, kw_only=True):
    """A subscription that ends, or a token that expires."""

    subscriber: str
    plan: Annotated[str | None, Meta(description="null: it is a token.")]
    token: Annotated[str | None, Meta(description="Its `jti`; null: it is a subscription.")]
    name: Annotated[str, Meta(description="What the token is called.")]
    ends: Time
    closes: Annotated[Time, Meta(description="After the days of grace.")]
    within_days: Annotated[
        int | None, Meta(description="It ends within so many days: 1, 7 or 30; null: later.")
    ]


def ending_shape(one: RunningOut, now: int) -> EndingShape:
    """Tell of something that runs out."""
    return EndingShape(
        subscriber=one.subscriber,
        plan=one.plan or None,
        token=one.token or None,
        name=one.name,
        ends=moment(one.ends),
        closes=moment(one.closes),
        within_days=one.step(now),
    )
