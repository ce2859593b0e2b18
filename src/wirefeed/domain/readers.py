"""Who asks, by which credential, and what they are told of it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from wirefeed.domain.credentials import FeedKey, Lapse, Token
from wirefeed.domain.feeds import KILL_STAYS, Selection
from wirefeed.domain.former import Former, Lost
from wirefeed.domain.hearing import reaches
from wirefeed.domain.plans import (
    DAY,
    NOTICE,
    SUNSET,
    Entitlement,
    Plan,
    Subscriber,
    entitlement,
    sunset,
)
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Change, ChangeKind

#: With these a story is killed, or is so no more.
KILLS = frozenset({ChangeKind.KILL, ChangeKind.REINSTATE})
#: A revoked key answers as lapsed this long, and is then unknown.
REMEMBERED = 90 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who asks, and what they may see now."""

    entitlement: Entitlement
    #: None: the anonymous public.
    subscriber: Subscriber | None = None
    #: What it may have stories by that it has no more,
    former: frozenset[Former] = frozenset()
    #: and those of them that were killed of late, the last one first.
    lost: tuple[Lost, ...] = ()
    #: The credential: at most one of the two.
    key: FeedKey | None = None
    token: Token | None = None
    #: A feed key that lapsed is shown what the public is, and told so.
    lapse: Lapse | None = None
    lapsed: int = 0
    #: When the first of its plans really stops, if that is soon (RFC 8594).
    sunset: int | None = None
    #: When the contract of the first of its plans ends, if its reader is to be told in the feed.
    ending: int | None = None
    #: Since when its key seems to be known to others.
    shared: int | None = None
    #: The plan there is to renew: the first to end soon, or the last that ended.
    renewal: Plan | None = None

    @property
    def subjects(self) -> frozenset[str]:
        """What it hangs on, as the wire names it (`Change.about`)."""
        named = (
            self.subscriber and f"subscriber:{self.subscriber.id}",
            self.key and f"feed-key:{self.key.id}",
            self.token and f"token:{self.token.jti}",
        )
        return frozenset(name for name in named if name)

    @property
    def changed(self) -> int:
        """When what it is shown last changed by who it is."""
        return max(self.entitlement.changed, self.lapsed, self.shared or 0)

    @property
    def narrowed_to(self) -> frozenset[str] | None:
        """The plans that its token is narrowed to; None: it is not."""
        return None if self.token is None else self.token.entitlements

    def until(self, now: int) -> int | None:
        """Say when the clock next changes anything of it."""
        turns = [self.entitlement.until]
        if self.subscriber is not None:
            turns += self.subscriber.turns
            turns += [s.ends - SUNSET for s in self.subscriber.subscriptions if s.ends is not None]
        if self.token is not None:
            turns += [self.token.ends, self.token.ends - SUNSET]
        if self.key is not None and self.key.revoked is not None:
            turns += [self.key.revoked + REMEMBERED]
        turns += [one.at + KILL_STAYS for one in self.lost]
        return min((turn for turn in turns if turn is not None and turn > now), default=None)

    @property
    def is_cast_off(self) -> bool:
        """Whether its key was taken back: whoever holds it may be the reason."""
        return self.key is not None and self.key.revoked is not None

    def may_lose(self, change: Change) -> bool:
        """Say whether a kill, or its end, may be of a story that it has lost the right to."""
        if change.kind is ChangeKind.REINSTATE:
            return any(one.guid == change.about for one in self.lost)
        if not any(reaches(one.grant, change.before) for one in self.former):
            return False
        # By what it has it is told as everybody is.
        return not any(reaches(grant, change.before) for grant in self.entitlement.grants)

    def reads(self, feed: Feed) -> bool:
        """Say whether its credential is for this feed: a key may be restricted to some."""
        return self.key is None or self.key.opens(feed.language, feed.topic)

    def reads_any(self, feeds: Iterable[Feed]) -> bool:
        """Say whether its credential is for what stands in these feeds."""
        return any(self.reads(feed) for feed in feeds)

    def mine(self, language: str) -> Selection:
        """Give what its reader chose, as far as its key opens it."""
        key = self.key
        chosen = (t for t in key.selection if key.opens(language, t)) if key is not None else ()
        return Selection(language=language, topics=frozenset(chosen))


def lapse_of(key: FeedKey, subscriber: Subscriber, now: int) -> tuple[Lapse, int] | None:
    """Say why a known key no longer opens the subscriber's feeds, and since when."""
    if key.revoked is not None:
        return key.reason or Lapse.REVOKED, key.revoked
    return lapse(subscriber, now)


def lapse(subscriber: Subscriber, now: int) -> tuple[Lapse, int] | None:
    """Say why a subscriber has nothing, and since when; None while it has a live subscription."""
    if subscriber.suspended:
        return Lapse.SUSPENDED, subscriber.suspended_since or subscriber.changed
    if subscriber.live(now):
        return None
    paused = [s for s in subscriber.subscriptions if s.suspended and _would_be_live(s.closes, now)]
    if paused:
        return Lapse.SUSPENDED, max(s.suspended_since or subscriber.changed for s in paused)
    closed = [
        s.closes for s in subscriber.subscriptions if s.closes is not None and s.closes <= now
    ]
    if not closed and any(now < s.starts for s in subscriber.subscriptions):
        return Lapse.NOT_BEGUN, subscriber.changed
    return Lapse.ENDED, max(closed, default=subscriber.changed)


def narrowed(subscriber: Subscriber, plans: frozenset[str] | None) -> Subscriber:
    """Give a subscriber as a token sees it that is narrowed to some plans; None: to none."""
    if plans is None:
        return subscriber
    kept = tuple(s for s in subscriber.subscriptions if s.plan in plans)
    return replace(subscriber, subscriptions=kept)


def remedy(why: Lapse) -> str:
    """Say what whoever has nothing can do about it."""
    match why:
        case Lapse.SUSPENDED:
            return "ask the agency"
        case Lapse.NOT_BEGUN:
            return "wait until it begins; the account says when"
        case _:
            return "renew it"


class State(StrEnum):
    """How a subscriber stands, in a word."""

    LIVE = "live"
    NOT_BEGUN = "not-begun"
    SUSPENDED = "suspended"
    ENDED = "ended"


def state(subscriber: Subscriber, now: int) -> tuple[State, int | None]:
    """Say how a subscriber stands, and, unless it has what it subscribed to, since when."""
    lapsed = lapse(subscriber, now)
    return (State.LIVE, None) if lapsed is None else (State(lapsed[0].value), lapsed[1])


def _would_be_live(closes: int | None, now: int) -> bool:
    return closes is None or now < closes


def told(subscriber: Subscriber, now: int) -> tuple[int | None, int | None]:
    """Give what a reader is told of an end: the `sunset` and the `ending` of a `Reader`."""
    soon = sunset(subscriber, now)
    if soon is None:
        return None, None
    last = soon.ends if now < soon.ends else soon.closes
    return last, soon.ends if soon.ends - now <= NOTICE else None


def renewable(subscriber: Subscriber, now: int) -> str | None:
    """Name the plan there is to renew: the first to end soon, or else the last that ended."""
    soon = sunset(subscriber, now)
    if soon is not None:
        return soon.plan
    if subscriber.live(now):
        return None
    ended = [(s.closes, s.plan) for s in subscriber.subscriptions if s.closes and s.closes <= now]
    return max(ended, default=(0, None))[1]


def holder(row: FeedKey, subscriber: Subscriber, plans: Mapping[str, Plan], now: int) -> Reader:
    """Give the reader that a feed key makes of its subscriber, by the plans there are."""
    lapsed = lapse_of(row, subscriber, now)
    if lapsed is not None:
        why, at = lapsed
        public = entitlement(None, plans, now)
        # The end may be dated before what was last seen: dates of feeds never go back.
        public = replace(public, changed=max(public.changed, subscriber.changed))
        # What begins or resumes by the clock ends this, too.
        until = first(*(turn for turn in subscriber.turns if turn > now))
        return Reader(
            entitlement=replace(public, until=until),
            subscriber=subscriber,
            key=row,
            lapse=why,
            lapsed=at,
            renewal=plans.get(renewable(subscriber, now) or ""),
        )
    sunset, ending = told(subscriber, now)
    return Reader(
        entitlement=entitlement(subscriber, plans, now),
        subscriber=subscriber,
        key=row,
        sunset=sunset,
        ending=ending,
        shared=row.flagged,
        renewal=plans.get(renewable(subscriber, now) or ""),
    )


def first(*times: int | None) -> int | None:
    """Give the earliest of some times."""
    return min((time for time in times if time is not None), default=None)
