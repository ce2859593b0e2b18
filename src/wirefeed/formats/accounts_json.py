"""Plans and subscribers as JSON: one set of words for the API, for files and for commands. Pure.

What a body or a file leaves out of the shapes called changes stays as it is.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.contracts import Wanted
from wirefeed.domain.plans import Plan, Subscriber, SubscriberKind, Subscription
from wirefeed.formats.times import Time, micros, moment

_SECOND = 1_000_000
_TEN_YEARS = 315_360_000
_Slug = Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,63}|\*)$")]
_Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
_Language = Annotated[str, Meta(pattern=r"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}|\*)$")]
_Tag = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$")]
_Words = Annotated[str, Meta(min_length=1, max_length=2_000)]
_Grace = Annotated[
    int, Meta(ge=0, le=36_500, description="It goes on for so many days after its end.")
]


class GrantShape(
    msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"excepted": "except"}
):
    """Topics × languages → how much of their stories is shown."""

    topics: Annotated[
        list[_Slug],
        Meta(min_length=1, max_length=1_000, description="Narrower ones included; `*`: all."),
    ]
    excepted: Annotated[
        list[_Name], Meta(max_length=1_000, description="Taken away again; that wins.")
    ] = []
    languages: Annotated[
        list[_Language], Meta(min_length=1, max_length=200, description="`*`: all.")
    ] = msgspec.field(default_factory=lambda: [ALL])
    level: Literal["summary", "full"] = "summary"
    delay_seconds: Annotated[
        int, Meta(ge=0, le=_TEN_YEARS, description="Full text comes this long after a release.")
    ] = 0
    media: Annotated[bool, Meta(description="Pictures, film and sound of full stories.")] = False
    early: Annotated[bool, Meta(description="Stories under embargo, flagged.")] = False
    notes: Annotated[bool, Meta(description="What is for editors, of full stories.")] = False
    archive_days: Annotated[
        Annotated[int, Meta(ge=0, le=36_500)] | None,
        Meta(description="How far archives reach back; null: all the way."),
    ] = None


_Labels = Annotated[
    dict[_Tag, _Words], Meta(max_length=200, description="What it is called, by language.")
]
_Prices = Annotated[
    dict[_Tag, _Words], Meta(max_length=200, description="What it costs, in words, by language.")
]
_Urls = Annotated[
    dict[_Tag, _Words], Meta(max_length=200, description="Where to subscribe, by language.")
]
_TrialDays = Annotated[
    Annotated[int, Meta(ge=1, le=36_500)] | None,
    Meta(description="How long it may be tried; null: not at all."),
]
_Grants = Annotated[list[GrantShape], Meta(max_length=200)]


class PlanShape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All that a plan is."""

    # Without any it would take everything from all who have it.
    grants: Annotated[list[GrantShape], Meta(min_length=1, max_length=200)]
    labels: _Labels = {}
    prices: _Prices = {}
    subscribe_urls: _Urls = {}
    trial_days: _TrialDays = None


class PlanEntry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A plan among others; what it leaves out stays as it is."""

    name: _Name
    grants: _Grants | UnsetType = UNSET
    labels: _Labels | UnsetType = UNSET
    prices: _Prices | UnsetType = UNSET
    subscribe_urls: _Urls | UnsetType = UNSET
    trial_days: _TrialDays | UnsetType = UNSET


class SubscriptionShape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A right to a plan, over a time."""

    plan: _Name
    starts: Annotated[
        Time | None, Meta(description="null: since when it is held of this plan, else now.")
    ] = None
    ends: Annotated[Time | None, Meta(description="Exclusive; null: until further notice.")] = None
    grace_days: _Grace = 0
    trial: bool = False
    suspended: Annotated[bool, Meta(description="It does not count for now.")] = False


_Kind = SubscriberKind
_PersonName = Annotated[str, Meta(max_length=2_000, description="What it is called.")]
_Contact = Annotated[str, Meta(max_length=2_000, description="Whom to write to.")]
_Notes = Annotated[str, Meta(max_length=2_000, description="For administrators' eyes.")]
_Suspended = Annotated[bool, Meta(description="None of its subscriptions counts for now.")]
_Subscriptions = Annotated[
    list[SubscriptionShape],
    Meta(max_length=200, description="Several at once; what they grant is joined."),
]


class SubscriberShape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All that a subscriber is."""

    kind: _Kind = SubscriberKind.ORGANISATION
    name: _PersonName = ""
    contact: _Contact = ""
    notes: _Notes = ""
    suspended: _Suspended = False
    subscriptions: _Subscriptions = []


class SubscriberChanges(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a subscriber; what it leaves out stays as it is."""

    kind: _Kind | UnsetType = UNSET
    name: _PersonName | UnsetType = UNSET
    contact: _Contact | UnsetType = UNSET
    notes: _Notes | UnsetType = UNSET
    suspended: _Suspended | UnsetType = UNSET
    subscriptions: _Subscriptions | UnsetType = UNSET


class SubscriberEntry(SubscriberChanges, kw_only=True):
    """A subscriber among others; what it leaves out stays as it is."""

    id: Annotated[_Name, Meta(description="Your own number for it will do.")]


# --- out -----------------------------------------------------------------------------------------


def grant_shape(grant: Grant) -> GrantShape:
    """Tell of a grant."""
    return GrantShape(
        topics=sorted(grant.topics),
        excepted=sorted(grant.excepted),
        languages=sorted(grant.languages),
        level="full" if grant.level is Level.FULL else "summary",
        delay_seconds=grant.delay // _SECOND,
        media=grant.media,
        early=grant.early,
        notes=grant.notes,
        archive_days=grant.archive_days,
    )


def plan_shape(plan: Plan) -> dict[str, Any]:
    """Tell of a plan; gives the fields of a `PlanShape`."""
    return {
        "grants": [grant_shape(grant) for grant in plan.grants],
        "labels": dict(plan.labels),
        "prices": dict(plan.prices),
        "subscribe_urls": dict(plan.subscribe_urls),
        "trial_days": plan.trial_days,
    }


def subscription_shape(one: Subscription) -> SubscriptionShape:
    """Tell of a subscription."""
    return SubscriptionShape(
        plan=one.plan,
        starts=moment(one.starts),
        ends=None if one.ends is None else moment(one.ends),
        grace_days=one.grace_days,
        trial=one.trial,
        suspended=one.suspended,
    )


def subscriber_shape(subscriber: Subscriber) -> dict[str, Any]:
    """Tell of a subscriber; gives the fields of a `SubscriberShape`."""
    return {
        "kind": subscriber.kind,
        "name": subscriber.name,
        "contact": subscriber.contact,
        "notes": subscriber.notes,
        "suspended": subscriber.suspended,
        "subscriptions": [subscription_shape(one) for one in subscriber.subscriptions],
    }


# --- in ------------------------------------------------------------------------------------------


def grants(plan: str, shapes: Iterable[GrantShape]) -> tuple[Grant, ...]:
    """Make grants of a plan; their schema leaves nothing to refuse."""
    return tuple(
        Grant(
            plan=plan,
            topics=frozenset(shape.topics),
            languages=frozenset(shape.languages),
            excepted=frozenset(shape.excepted),
            level=Level(shape.level),
            delay=shape.delay_seconds * _SECOND,
            media=shape.media,
            early=shape.early,
            notes=shape.notes,
            archive_days=shape.archive_days,
        )
        for shape in shapes
    )


def wanted(shapes: Iterable[SubscriptionShape], at: str = "$.subscriptions") -> tuple[Wanted, ...]:
    """Make subscriptions of what is stated of them. Raises `Unacceptable`, naming the field."""
    return tuple(
        Wanted(
            plan=shape.plan,
            starts=None if shape.starts is None else micros(shape.starts, f"{at}[{n}].starts"),
            ends=None if shape.ends is None else micros(shape.ends, f"{at}[{n}].ends"),
            grace_days=shape.grace_days,
            trial=shape.trial,
            suspended=shape.suspended,
        )
        for n, shape in enumerate(shapes)
    )


def plan_given(name: str, shape: PlanShape | PlanEntry) -> dict[str, Any]:
    """Give what a shape states of a plan, as the domain calls it."""
    stated = _stated(shape, "name")
    if "grants" in stated:
        stated["grants"] = grants(name, stated["grants"])
    return stated


def subscriber_given(shape: SubscriberShape | SubscriberChanges) -> dict[str, Any]:
    """Give what a shape states of a subscriber, as the domain calls it. Raises `Unacceptable`."""
    stated = _stated(shape, "id")
    if "subscriptions" in stated:
        stated["subscriptions"] = wanted(stated["subscriptions"])
    return stated


def _stated(shape: msgspec.Struct, apart: str) -> dict[str, Any]:
    fields = msgspec.structs.asdict(shape)
    return {name: value for name, value in fields.items() if value is not UNSET and name != apart}
