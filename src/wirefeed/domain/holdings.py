"""What a subscriber holds, plan by plan, as it is told to the subscriber itself. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.plans import Subscriber, Subscription, endings


class State(StrEnum):
    """How it stands with a plan."""

    #: It has no end.
    OPEN = "open"
    CURRENT = "current"
    TRIAL = "trial"
    #: Its contract has ended, and its days of grace have not.
    GRACE = "grace"
    COMING = "coming"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A plan of a subscriber, all its subscriptions to it taken together."""

    plan: str
    state: State
    #: From when, where that is still to come.
    begins: int | None = None
    #: The end of the contract, and when it really stops.
    ends: int | None = None
    closes: int | None = None


def holdings(subscriber: Subscriber, now: int) -> tuple[Holding, ...]:
    """Say what a subscriber holds; what has ended, only where nothing else is left."""
    plans = sorted({s.plan for s in subscriber.subscriptions})
    held = [_holding(subscriber, plan, now) for plan in plans]
    lasting = [one for one in held if one.state is not State.ENDED]
    return tuple(sorted(lasting or held, key=_place))


def _place(one: Holding) -> tuple[int, str]:
    return list(State).index(one.state), one.plan


def _holding(subscriber: Subscriber, plan: str, now: int) -> Holding:
    own = [s for s in subscriber.subscriptions if s.plan == plan]
    lasting = [s for s in own if s.closes is None or now < s.closes]
    if any(s.plan == plan for s in subscriber.live(now)):
        return _live(subscriber, plan, lasting, now)
    coming = [s for s in lasting if now < s.starts and not s.suspended]
    if any(s.starts <= now for s in lasting) or (lasting and not coming):
        return Holding(plan=plan, state=State.SUSPENDED)
    if coming:
        return Holding(plan=plan, state=State.COMING, begins=min(s.starts for s in coming))
    last = max(own, key=lambda s: s.closes or 0)
    return Holding(plan=plan, state=State.ENDED, ends=last.ends, closes=last.closes)


def _live(subscriber: Subscriber, plan: str, lasting: Iterable[Subscription], now: int) -> Holding:
    end = next((e for e in endings(subscriber, now) if e.plan == plan), None)
    if end is None:
        return Holding(plan=plan, state=State.OPEN)
    state = State.TRIAL if all(s.trial for s in lasting) else State.CURRENT
    if end.ends <= now:
        state = State.GRACE
    return Holding(plan=plan, state=state, ends=end.ends, closes=end.closes)
