"""Plans and subscriptions: what was sold, to whom, and what it comes to for one caller. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from wirefeed.domain.access import ALL, PUBLIC, Grant
from wirefeed.domain.drills import drill_grant
from wirefeed.domain.errors import Unacceptable

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
DAY = 86_400_000_000
#: A subscription that ends this soon says so in every answer (RFC 8594),
SUNSET = 30 * DAY
#: and this soon in the feed itself.
NOTICE = 7 * DAY
#: What no name shows: line ends, what steers a terminal, what turns the direction of text.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: Longer than any contract.
_MOST_DAYS = 36_500
_MOST_TEXT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A set of grants that is sold under a name."""

    name: str
    grants: tuple[Grant, ...]
    #: What it is called, by language.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: What it costs, in words, by language.
    prices: Mapping[str, str] = field(default_factory=dict)
    #: Where it can be subscribed to, by language.
    subscribe_urls: Mapping[str, str] = field(default_factory=dict)
    #: How long it may be tried.
    trial_days: int | None = None
    #: Counts its changes, from 1.
    version: int = 0
    #: When it last changed.
    changed: int = 0

    def __post_init__(self) -> None:
        """Refuse a malformed name, and what cannot be shown or followed."""
        if not NAME.fullmatch(self.name):
            raise Unacceptable(
                f"{self.name!r} is no plan name",
                field="name",
                remedy="use lower-case letters, digits and hyphens, 64 at most",
            )
        for field_name, texts in (("labels", self.labels), ("prices", self.prices)):
            for text in texts.values():
                _check_text(field_name, text)
        for url in self.subscribe_urls.values():
            _check_text("subscribe_urls", url)
            if not url.startswith(("https://", "http://", "mailto:")):
                raise Unacceptable(
                    f"{url!r} is no address",
                    field="subscribe_urls",
                    remedy="start it with https://",
                )
        _check_days("trial_days", self.trial_days, least=1)

    def label(self, language: str) -> str:
        """Give its name for people."""
        return _said_in(language, self.labels) or self.name

    def price(self, language: str) -> str:
        """Say what it costs; empty when that is not said."""
        return _said_in(language, self.prices)

    def subscribe_url(self, language: str) -> str:
        """Say where it can be subscribed to; empty when it has no such place of its own."""
        return _said_in(language, self.subscribe_urls)


def _said_in(language: str, texts: Mapping[str, str]) -> str:
    """Give the text in a language, or in the one that most understand."""
    return texts.get(language) or texts.get("en") or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscriber's right to a plan, over a time."""

    plan: str
    starts: int
    #: Exclusive; None is open-ended.
    ends: int | None = None
    #: It goes on this long after its end, so that a late renewal cuts nobody off.
    grace_days: int = 0
    trial: bool = False
    suspended: bool = False
    suspended_since: int | None = None

    def __post_init__(self) -> None:
        """Refuse a grace that is none."""
        _check_days("grace_days", self.grace_days, least=0)

    @property
    def closes(self) -> int | None:
        """When it stops counting: its end, and the days of grace."""
        return None if self.ends is None else self.ends + self.grace_days * DAY

    def is_live(self, now: int) -> bool:
        """Say whether it counts now."""
        closes = self.closes
        return not self.suspended and self.starts <= now and (closes is None or now < closes)

    @property
    def turns(self) -> tuple[int, ...]:
        """Give the times at which the clock changes what it is worth, or what is said of it."""
        if self.ends is None or self.closes is None:
            return (self.starts,)
        return (self.starts, max(self.starts, self.ends - NOTICE), self.ends, self.closes)


class SubscriberKind(StrEnum):
    """Whether one person or many read with it."""

    ORGANISATION = "organisation"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person or organisation with subscriptions to plans."""

    id: str
    kind: SubscriberKind = SubscriberKind.ORGANISATION
    name: str = ""
    contact: str = ""
    #: For administrators' eyes.
    notes: str = ""
    suspended: bool = False
    suspended_since: int | None = None
    subscriptions: tuple[Subscription, ...] = ()
    #: Until when a drill is held with it; None: none is.
    drilled: int | None = None
    #: When anything of this last changed.
    changed: int = 0

    def __post_init__(self) -> None:
        """Refuse a malformed id: it appears in tokens and logs."""
        if not NAME.fullmatch(self.id):
            raise Unacceptable(
                f"{self.id!r} is no subscriber id",
                field="id",
                remedy="use lower-case letters, digits and hyphens, 64 at most",
            )
        for field_name, text in (("name", self.name), ("contact", self.contact)):
            _check_text(field_name, text)
        # Notes may have lines.
        _check_text("notes", re.sub(r"[\n\t]", "", self.notes))

    def live(self, now: int) -> tuple[Subscription, ...]:
        """Give the subscriptions that count now: none while suspended."""
        if self.suspended:
            return ()
        return tuple(s for s in self.subscriptions if s.is_live(now))

    @property
    def turns(self) -> tuple[int, ...]:
        """Give the times at which the clock changes anything of its subscriptions."""
        drill = () if self.drilled is None else (self.drilled,)
        return (*drill, *(turn for s in self.subscriptions for turn in s.turns))


def _check_text(field_name: str, text: str) -> None:
    if _UNSHOWN.search(text):
        raise Unacceptable("it holds characters that do not show", field=field_name)
    if len(text) > _MOST_TEXT:
        raise Unacceptable(f"it is longer than {_MOST_TEXT} characters", field=field_name)


def _check_days(field_name: str, days: int | None, *, least: int) -> None:
    if days is not None and not least <= days <= _MOST_DAYS:
        raise Unacceptable(f"days are {least} to {_MOST_DAYS}", field=field_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A plan that a subscriber has, and when it will have it no more."""

    plan: str
    #: The end of the contract; days of grace may follow.
    ends: int
    #: When it really stops.
    closes: int


def endings(subscriber: Subscriber, now: int) -> tuple[Ending, ...]:
    """Say which live plans end, the first to stop first; one that is renewed in time does not."""
    found = []
    for plan in sorted({s.plan for s in subscriber.live(now)}):
        last = _last_of(plan, subscriber, now)
        if last is not None and last.ends is not None and last.closes is not None:
            found.append(Ending(plan=plan, ends=last.ends, closes=last.closes))
    return tuple(sorted(found, key=lambda ending: (ending.closes, ending.plan)))


def _last_of(plan: str, subscriber: Subscriber, now: int) -> Subscription | None:
    """Follow a plan through the subscriptions that join on; None when it has no end."""
    last: Subscription | None = None
    closes = now
    for one in sorted(
        (s for s in subscriber.subscriptions if s.plan == plan and not s.suspended),
        key=lambda s: s.starts,
    ):
        if one.starts > closes:
            break
        if one.closes is None:
            return None
        if one.closes > closes:
            last, closes = one, one.closes
    return last


def sunset(subscriber: Subscriber, now: int, within: int = SUNSET) -> Ending | None:
    """Give the first plan to end, if that is so soon that it should be said (RFC 8594 §3)."""
    for ending in endings(subscriber, now):
        if ending.ends - now <= within:
            return ending
    return None


@dataclass(frozen=True, slots=True)
class Sight:
    """What of an entitlement shapes what is seen: alike for plans that decide alike."""

    grants: frozenset[Grant]
    anonymous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """What one caller may see: the grants of its live plans and of the public one.

    Those of one sight see the same, whoever holds them.
    """

    grants: frozenset[Grant]
    #: It comes with no credential: the reasons shown are those of the public.
    anonymous: bool = False
    #: When a subscription next starts or ends, so that this stops being true.
    until: int | None = None
    #: When the plans and subscriptions behind it last changed.
    changed: int = 0

    @property
    def sight(self) -> Sight:
        """What may be remembered under: equal ones are one object, as far as they are in use."""
        return _sight(self.grants, self.anonymous)

    def subscribes(self, language: str, topics: frozenset[str] | None = None) -> bool:
        """Say whether what was subscribed to covers a topic, given with its broader ones.

        Without topics: anything in the language. Where nothing was subscribed to, it is
        what everybody has.
        """
        own = {grant for grant in self.grants if grant.plan != PUBLIC} or self.grants
        if topics is None:
            return any({ALL, language} & grant.languages for grant in own)
        return any(grant.covers(language, topics) for grant in own)


@lru_cache(maxsize=4096)
def _sight(grants: frozenset[Grant], anonymous: bool) -> Sight:  # noqa: FBT001 - no name to call by
    # Of a plan's name only `public` counts.
    alike = (replace(grant, plan=grant.plan if grant.plan == PUBLIC else "") for grant in grants)
    return _one_sight(frozenset(alike), anonymous)


@lru_cache(maxsize=4096)
def _one_sight(grants: frozenset[Grant], anonymous: bool) -> Sight:  # noqa: FBT001 - as above
    return Sight(grants, anonymous)


def grants_of(names: Iterable[str], plans: Mapping[str, Plan]) -> frozenset[Grant]:
    """Join the grants of plans and of the plan `public`."""
    held = (plans[name] for name in {PUBLIC, *names} if name in plans)
    return frozenset(grant for plan in held for grant in plan.grants)


def in_force_between(versions: Sequence[Plan], since: int, upto: int) -> tuple[Plan, ...]:
    """Give the versions of a plan, the oldest first, that were in force at some time of these.

    What it was before the first that is known is not known: that one stands for it.
    """
    ends = [*(plan.changed for plan in versions[1:]), None]
    return tuple(
        plan
        for number, (plan, end) in enumerate(zip(versions, ends, strict=True))
        if (number == 0 or plan.changed <= upto) and (end is None or end > since)
    )


def entitlement(
    subscriber: Subscriber | None,
    plans: Mapping[str, Plan],
    now: int,
    *,
    narrowed_to: Iterable[str] | None = None,
) -> Entitlement:
    """Join the grants of a subscriber's live plans and of the plan `public`.

    `narrowed_to` (a token's `entitlements`) keeps only the plans named: it can only narrow.
    A plan that does not exist grants nothing.
    """
    names = {PUBLIC}
    changed = [0]
    if subscriber is not None:
        live = {s.plan for s in subscriber.live(now)}
        names |= live if narrowed_to is None else live & set(narrowed_to)
        changed += [subscriber.changed, *(turn for turn in subscriber.turns if turn <= now)]
    held = [plans[name] for name in sorted(names) if name in plans]
    grants = grants_of(names, plans)
    if subscriber is not None and subscriber.live(now) and now < (subscriber.drilled or 0):
        grants |= {drill_grant(subscriber.id)}
    return Entitlement(
        grants=grants,
        anonymous=subscriber is None,
        until=min((t for t in subscriber.turns if t > now), default=None) if subscriber else None,
        changed=max([*changed, *(plan.changed for plan in held)]),
    )
