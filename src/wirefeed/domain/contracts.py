"""How subscriptions change: what is not named stays, and what is over is kept as history. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wirefeed.domain.errors import NotFound, Unacceptable
from wirefeed.domain.plans import DAY, Plan, Subscriber, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """The end that subscriptions are given; None: none."""

    at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Whether subscriptions are trials, and for how many days; None: as many as the plan says."""

    on: bool = True
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What is to be changed of someone's subscriptions. What is None stays as it is."""

    #: The plans it is to have from now on; none named: those it has.
    plans: tuple[str, ...] = ()
    starts: int | None = None
    until: Until | None = None
    grace_days: int | None = None
    trial: Trial | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return self == Amendment()


def amend(
    held: tuple[Subscription, ...], change: Amendment, plans: Mapping[str, Plan], now: int
) -> tuple[Subscription, ...]:
    """Give subscriptions as they are after a change.

    A plan that is no longer named ends now. One whose subscription is over is subscribed to
    anew, so that the time between stays what it was. Raises `Unacceptable` for a trial of a
    plan that does not say how long it may be tried.
    """
    if change.is_empty:
        return held
    amended = _ended(held, change.plans, now) if change.plans else list(held)
    for plan in change.plans or _current(held, now):
        at = _latest(amended, plan, now)
        last = None if at is None else amended[at]
        is_over = last is not None and not _is_open(last, now)
        if at is None or last is None or (is_over and (change.plans or change.until is not None)):
            grace = 0 if last is None else last.grace_days
            fresh = Subscription(plan=plan, starts=now, grace_days=grace)
            amended.append(_amended(fresh, change, plans))
        else:
            amended[at] = _amended(last, change, plans)
    return tuple(amended)


def _amended(one: Subscription, change: Amendment, plans: Mapping[str, Plan]) -> Subscription:
    starts = one.starts if change.starts is None else change.starts
    ends = one.ends if change.until is None else change.until.at
    trial = one.trial if change.trial is None else change.trial.on
    if change.trial is not None and change.trial.on and change.until is None:
        ends = starts + _trial_days(change.trial, one.plan, plans) * DAY
    grace = one.grace_days if change.grace_days is None else change.grace_days
    return replace(one, starts=starts, ends=ends, trial=trial, grace_days=grace)


def _trial_days(trial: Trial, name: str, plans: Mapping[str, Plan]) -> int:
    plan = plans.get(name)
    days = trial.days or (None if plan is None else plan.trial_days)
    if days is None:
        raise Unacceptable(
            f"the plan {name!r} does not say how long it may be tried",
            field="trial",
            remedy="say for how many days",
        )
    return days


def _ended(held: Iterable[Subscription], plans: Sequence[str], now: int) -> list[Subscription]:
    """End now what is not among these plans; what never began was never there."""
    kept = []
    for one in held:
        if one.plan in plans or not _is_open(one, now):
            kept.append(one)
        elif one.starts < now:
            ends = now if one.ends is None else min(one.ends, now)
            kept.append(replace(one, ends=ends, grace_days=0))
    return kept


def _is_open(one: Subscription, now: int) -> bool:
    """Say whether it counts now, would if it were not suspended, or will."""
    return one.closes is None or now < one.closes


def _current(held: Sequence[Subscription], now: int) -> tuple[str, ...]:
    """Give the plans someone has; when all are over, those that ended last."""
    found = [one for one in held if _is_open(one, now)]
    if not found:
        last = max((one.closes or 0 for one in held), default=0)
        found = [one for one in held if one.closes == last]
    return tuple(dict.fromkeys(one.plan for one in found))


def _latest(held: Sequence[Subscription], plan: str, now: int) -> int | None:
    """Say where the subscription to a plan stands that is meant: the last to begin, if not over."""
    found = [at for at, one in enumerate(held) if one.plan == plan]
    return max(found, key=lambda at: (_is_open(held[at], now), held[at].starts, at), default=None)


def suspend(subscriber: Subscriber, plan: str, now: int, *, suspended: bool) -> Subscriber:
    """Suspend what someone has of one plan, or end that. Raises `NotFound` when it has none."""
    if not any(one.plan == plan and _is_open(one, now) for one in subscriber.subscriptions):
        raise NotFound(
            f"the subscriber {subscriber.id!r} does not have the plan {plan!r}",
            field="plan",
            remedy=f"see `wirefeed subscribers show {subscriber.id}`",
        )
    return replace(
        subscriber,
        subscriptions=tuple(
            replace(one, suspended=suspended) if one.plan == plan and _is_open(one, now) else one
            for one in subscriber.subscriptions
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A subscription as whoever sells it states it: the whole of it, its start perhaps not."""

    plan: str
    #: None: since when it is held, else now.
    starts: int | None = None
    ends: int | None = None
    grace_days: int = 0
    trial: bool = False
    suspended: bool = False


def settle(
    wanted: Iterable[Wanted], held: Iterable[Subscription], now: int
) -> tuple[Subscription, ...]:
    """Make subscriptions of what is stated, so that the same statement gives the same again.

    Where no start is stated, they follow those held of the plan, the last of them.
    """
    stated = list(wanted)
    starts: dict[str, list[int]] = {}
    for old in held:
        starts.setdefault(old.plan, []).append(old.starts)
    for one in stated:
        if one.starts is not None and one.starts in starts.get(one.plan, ()):
            starts[one.plan].remove(one.starts)
    for plan, known in starts.items():
        unstated = sum(one.plan == plan and one.starts is None for one in stated)
        del known[: max(0, len(known) - unstated)]
    return tuple(_settled(one, starts.get(one.plan, []), now) for one in stated)


def check(held: Iterable[Subscription], becomes: Iterable[Subscription]) -> None:
    """Refuse what nobody can mean. Raises `Unacceptable`.

    What is held may be given an end before its start: it ends at once, whenever it began.
    """
    known = Counter(_period(one) for one in held)
    begun = {(one.plan, one.starts) for one in held}
    seen: Counter[tuple[str, int, int | None]] = Counter()
    for number, one in enumerate(becomes):
        ends_first = one.ends is not None and one.ends <= one.starts
        if ends_first and (one.plan, one.starts) not in begun:
            raise Unacceptable(
                "it ends before it starts",
                field=f"$.subscriptions[{number}].ends",
                remedy="give it a later end, or an earlier start",
            )
        seen[_period(one)] += 1
        if seen[_period(one)] > max(1, known[_period(one)]):
            raise Unacceptable(
                f"it is subscribed to {one.plan!r} twice over the same time",
                field=f"$.subscriptions[{number}].plan",
                remedy="state it once",
            )


def _period(one: Subscription) -> tuple[str, int, int | None]:
    return (one.plan, one.starts, one.ends)


def are_same(held: Iterable[Subscription], becomes: Iterable[Subscription]) -> bool:
    """Say whether these are the same subscriptions, in whatever order."""
    return Counter(held) == Counter(becomes)


def _settled(one: Wanted, starts: list[int], now: int) -> Subscription:
    since = one.starts
    if since is None:
        since = starts.pop(0) if starts else now
    return Subscription(
        plan=one.plan,
        starts=since,
        ends=one.ends,
        grace_days=one.grace_days,
        trial=one.trial,
        suspended=one.suspended,
    )
