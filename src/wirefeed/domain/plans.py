"""Plans and subscriptions: what was sold, to whom, and what it comes to for one caller. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wirefeed.domain.access import ALL, PUBLIC, Grant
from wirefeed.domain.errors import Unacceptable

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
#: What no name shows: line ends, what steers a terminal, what turns the direction of text.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A set of grants that is sold under a name."""

    name: str
    grants: tuple[Grant, ...]
    #: What it is called, by language.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: When it last changed.
    changed: int = 0

    def __post_init__(self) -> None:
        """Refuse a malformed name."""
        if not NAME.fullmatch(self.name):
            raise Unacceptable(
                f"{self.name!r} is no plan name",
                field="name",
                remedy="use lower-case letters, digits and hyphens, 64 at most",
            )

    def label(self, language: str) -> str:
        """Give its name for people."""
        return self.labels.get(language) or self.labels.get("en") or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscriber's right to a plan, over a time."""

    plan: str
    starts: int
    #: Exclusive; None is open-ended.
    ends: int | None = None

    def is_live(self, now: int) -> bool:
        """Say whether it runs now."""
        return self.starts <= now and (self.ends is None or now < self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person or organisation with subscriptions to plans."""

    id: str
    name: str = ""
    contact: str = ""
    suspended: bool = False
    subscriptions: tuple[Subscription, ...] = ()
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
            if _UNSHOWN.search(text):
                raise Unacceptable("it holds characters that do not show", field=field_name)

    def live(self, now: int) -> tuple[Subscription, ...]:
        """Give the subscriptions that count now: none while suspended."""
        if self.suspended:
            return ()
        return tuple(s for s in self.subscriptions if s.is_live(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """What one caller may see: the grants of its live plans and of the public one.

    Equal entitlements see the same, whoever holds them.
    """

    grants: frozenset[Grant]
    #: It comes with no credential: the reasons shown are those of the public.
    anonymous: bool = False
    #: When a subscription next starts or ends, so that this stops being true.
    until: int | None = None
    #: When the plans and subscriptions behind it last changed.
    changed: int = 0

    def subscribes(self, language: str, topics: frozenset[str] | None = None) -> bool:
        """Say whether what was subscribed to covers a topic, given with its broader ones.

        Without topics: anything in the language. Where nothing was subscribed to, it is
        what everybody has.
        """
        own = {grant for grant in self.grants if grant.plan != PUBLIC} or self.grants
        if topics is None:
            return any({ALL, language} & grant.languages for grant in own)
        return any(grant.covers(language, topics) for grant in own)


class Lapse(StrEnum):
    """Why a credential that is known no longer gives what it gave."""

    ENDED = "ended"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who asks, and what they may see now."""

    entitlement: Entitlement
    #: None: the anonymous public.
    subscriber: Subscriber | None = None
    #: A feed key that lapsed is shown what the public is, and told so.
    lapse: Lapse | None = None
    lapsed: int = 0


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
        changed += [subscriber.changed, *_turns(subscriber, now, past=True)]
    held = [plans[name] for name in sorted(names) if name in plans]
    return Entitlement(
        grants=frozenset(grant for plan in held for grant in plan.grants),
        anonymous=subscriber is None,
        until=min(_turns(subscriber, now, past=False), default=None) if subscriber else None,
        changed=max([*changed, *(plan.changed for plan in held)]),
    )


def _turns(subscriber: Subscriber, now: int, *, past: bool) -> list[int]:
    turns = (t for s in subscriber.subscriptions for t in (s.starts, s.ends) if t is not None)
    return [t for t in turns if (t <= now) is past]
