"""Who asks, and what they are told: lapses, ends, and what a key is restricted to."""

from dataclasses import replace

import pytest

from wirefeed.domain.access import Grant
from wirefeed.domain.credentials import FeedKey, Lapse
from wirefeed.domain.feeds import KILL_STAYS
from wirefeed.domain.former import Former, Lost
from wirefeed.domain.plans import DAY, Entitlement, Subscriber, Subscription, endings, sunset
from wirefeed.domain.readers import Reader, lapse, lapse_of, renewable, told
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Audience, Change, ChangeKind

NOW = 1_772_366_400_000_000


def to(plan: str, starts: int, ends: int | None = None, **fields: object) -> Subscription:
    """Give a subscription from and to a day, counted from now."""
    return Subscription(
        plan=plan,
        starts=NOW + starts * DAY,
        ends=None if ends is None else NOW + ends * DAY,
        **fields,  # type: ignore[arg-type]
    )


def who(*subscriptions: Subscription, **fields: object) -> Subscriber:
    return Subscriber(id="acme", subscriptions=subscriptions, changed=7, **fields)  # type: ignore[arg-type]


PAUSED = to("gold", -9, 9, suspended=True, suspended_since=NOW - DAY)


@pytest.mark.parametrize(
    ("subscriber", "expected"),
    [
        (who(to("gold", -9)), None),
        (who(to("gold", -9, 1)), None),
        (who(to("gold", -9, 0)), (Lapse.ENDED, NOW)),
        (who(to("gold", -9, -3)), (Lapse.ENDED, NOW - 3 * DAY)),
        # The days of grace are part of it.
        (who(to("gold", -9, -3, grace_days=4)), None),
        (who(to("gold", -9, -3, grace_days=3)), (Lapse.ENDED, NOW)),
        (who(to("gold", -9, -3), to("silver", -9, -5)), (Lapse.ENDED, NOW - 3 * DAY)),
        (who(to("gold", -9, -3), to("silver", -9)), None),
        (who(to("gold", 2)), (Lapse.NOT_BEGUN, 7)),
        (who(to("gold", -9, -3), to("gold", 2)), (Lapse.ENDED, NOW - 3 * DAY)),
        (who(PAUSED), (Lapse.SUSPENDED, NOW - DAY)),
        (who(PAUSED, to("silver", -1)), None),
        (who(replace(PAUSED, ends=NOW)), (Lapse.ENDED, NOW)),
        (who(to("gold", -9), suspended=True, suspended_since=NOW - 2), (Lapse.SUSPENDED, NOW - 2)),
        (who(), (Lapse.ENDED, 7)),
    ],
)
def test_why_a_subscriber_has_nothing_and_since_when(subscriber, expected):
    assert lapse(subscriber, NOW) == expected


def test_what_became_of_a_key_comes_before_what_became_of_its_subscriber():
    key = FeedKey(id="k", subscriber="acme", name="", tail="", issued=1)
    ended = who(to("gold", -9, -3))
    assert lapse_of(key, ended, NOW) == (Lapse.ENDED, NOW - 3 * DAY)
    for reason in (Lapse.REVOKED, Lapse.ROTATED, Lapse.LEAKED):
        assert lapse_of(replace(key, revoked=5, reason=reason), ended, NOW) == (reason, 5)


@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        ([to("gold", -9)], []),
        ([to("gold", -9, 3)], [("gold", 3, 3)]),
        ([to("gold", -9, 3, grace_days=5)], [("gold", 3, 8)]),
        # It goes on without a gap, so that it does not end then.
        ([to("gold", -9, 3), to("gold", 3, 40)], [("gold", 40, 40)]),
        ([to("gold", -9, 3, grace_days=5), to("gold", 6, 40)], [("gold", 40, 40)]),
        ([to("gold", -9, 3), to("gold", 4, 40)], [("gold", 3, 3)]),
        ([to("gold", -9, 3), to("gold", 2)], []),
        ([to("gold", -9, 3), to("gold", 2, suspended=True)], [("gold", 3, 3)]),
        ([to("gold", -9, 30), to("gold", -9, 3)], [("gold", 30, 30)]),
        ([to("gold", -9, 30), to("silver", -9, 3)], [("silver", 3, 3), ("gold", 30, 30)]),
        ([to("gold", 1, 3)], []),
        ([to("gold", -9, -3)], []),
    ],
)
def test_which_plans_end_and_when(subscriptions, expected):
    found = [
        (e.plan, (e.ends - NOW) // DAY, (e.closes - NOW) // DAY)
        for e in endings(who(*subscriptions), NOW)
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("subscription", "says_sunset", "says_ending"),
    [
        (to("gold", -9, 31), None, None),
        (to("gold", -9, 30), 30, None),
        (to("gold", -9, 8), 8, None),
        (to("gold", -9, 7), 7, 7),
        (to("gold", -9, 1), 1, 1),
        # In the days of grace it really stops when they are over.
        (to("gold", -9, -1, grace_days=3), 2, -1),
        (to("gold", -9), None, None),
    ],
)
def test_what_is_said_of_an_end_that_comes_near(subscription, says_sunset, says_ending):
    def day(count: int | None) -> int | None:
        return None if count is None else NOW + count * DAY

    assert told(who(subscription), NOW) == (day(says_sunset), day(says_ending))


def test_a_suspended_subscriber_is_told_of_no_end():
    assert sunset(who(to("gold", -9, 3), suspended=True), NOW) is None


@pytest.mark.parametrize(
    ("subscriber", "plan"),
    [
        (who(to("gold", -9)), None),
        (who(to("gold", -9, 31)), None),
        (who(to("gold", -9, 30)), "gold"),
        (who(to("gold", -9, 20), to("silver", -9, 10)), "silver"),
        (who(to("gold", -9, -1, grace_days=5)), "gold"),
        (who(to("gold", -9, 20), to("gold", 20)), None),
        # Nothing is left: what went last.
        (who(to("gold", -9, -3), to("silver", -9, -2)), "silver"),
        (who(to("gold", -9, -3, grace_days=2), to("silver", -9, -2)), "gold"),
        (who(to("gold", -9, -3), to("silver", 5)), "gold"),
        (who(to("gold", 5)), None),
        (who(), None),
        (who(to("gold", -9), suspended=True), None),
    ],
)
def test_which_plan_there_is_to_renew(subscriber, plan):
    assert renewable(subscriber, NOW) == plan


@pytest.mark.parametrize("reason", [None, *(Lapse.REVOKED, Lapse.ROTATED, Lapse.LEAKED)])
def test_a_key_that_was_taken_back_is_cast_off(reason):
    key = FeedKey(id="k", subscriber="acme", name="", tail="", issued=1)
    held = replace(key, revoked=None if reason is None else NOW, reason=reason)
    nothing = Entitlement(grants=frozenset())
    assert Reader(entitlement=nothing, key=held).is_cast_off is (reason is not None)
    assert not Reader(entitlement=nothing, lapse=Lapse.ENDED).is_cast_off


@pytest.mark.parametrize(
    ("feeds", "opened"),
    [
        ((), {"en/latest", "en/sport", "tr/sport"}),
        (("en/sport",), {"en/sport"}),
        (("en/latest", "tr/sport"), {"en/latest", "tr/sport"}),
    ],
)
def test_a_key_opens_the_feeds_it_is_restricted_to(feeds, opened):
    key = FeedKey(id="k", subscriber="a", name="", tail="", issued=1, feeds=frozenset(feeds))
    reader = Reader(entitlement=Entitlement(grants=frozenset()), key=key)
    asked = {
        "en/latest": Feed(language="en"),
        "en/sport": Feed(language="en", topic="sport"),
        "tr/sport": Feed(language="tr", topic="sport"),
    }
    assert {name for name, feed in asked.items() if reader.reads(feed)} == opened


def has(*topics: str) -> Grant:
    return Grant(plan="p", topics=frozenset(topics))


def change(kind: ChangeKind, *topics: str) -> Change:
    told = frozenset({Audience(language="en", topics=frozenset(topics))})
    return Change(kind=kind, about="urn:m", before=told)


LOST = Lost(guid="urn:m", thread="urn:m", published=0, at=NOW, feeds=frozenset())
LOSER = Reader(
    entitlement=Entitlement(grants=frozenset({has("sport")})),
    former=frozenset({Former(grant=has("money", "arts"), since=0, until=NOW)}),
)


@pytest.mark.parametrize(
    ("what", "concerns"),
    [
        (change(ChangeKind.KILL, "money"), True),
        (change(ChangeKind.KILL, "politics"), False),
        # It is told of this one as everybody is who has the plan.
        (change(ChangeKind.KILL, "money", "sport"), False),
        (change(ChangeKind.REINSTATE, "money"), False),
    ],
)
def test_a_kill_concerns_who_lost_the_right_to_the_story_and_nobody_else(what, concerns):
    assert LOSER.may_lose(what) is concerns
    assert not replace(LOSER, former=frozenset()).may_lose(what)


def test_a_kill_is_told_for_a_time_or_until_it_is_taken_back():
    loser = replace(LOSER, lost=(LOST,))
    assert loser.may_lose(change(ChangeKind.REINSTATE, "money"))
    assert loser.until(NOW) == NOW + KILL_STAYS
    assert loser.until(NOW + KILL_STAYS) is None
