"""Former rights: which grants somebody had once, and whether a story may have come by them."""

from dataclasses import replace

import pytest

from wirefeed.domain.access import ALL, Grant
from wirefeed.domain.former import Former, Term, cut, former, left, may_have, seen, terms
from wirefeed.domain.plans import DAY, Plan, Subscriber, Subscription
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Audience

NOW = 20_000 * DAY
SPORT = frozenset({Audience(language="en", topics=frozenset({"sport"}))})
MONEY = frozenset({Audience(language="en", topics=frozenset({"money"}))})
NOBODY: frozenset[Audience] = frozenset()


def grant(*topics: str, plan: str = "p") -> Grant:
    return Grant(plan=plan, topics=frozenset(topics))


def subscriber(*subscriptions: Subscription, **fields) -> Subscriber:
    return Subscriber(id="gazette", subscriptions=subscriptions, **fields)


def day(number: int) -> int:
    return NOW + number * DAY


OPEN = Subscription(plan="p", starts=day(-10))


@pytest.mark.parametrize(
    ("who", "until"),
    [
        (subscriber(OPEN), NOW),
        (subscriber(replace(OPEN, ends=day(-3))), day(-3)),
        (subscriber(replace(OPEN, ends=day(-3), grace_days=2)), day(-1)),
        (subscriber(replace(OPEN, ends=day(5))), NOW),
        (subscriber(replace(OPEN, suspended=True, suspended_since=day(-4))), day(-4)),
        (subscriber(OPEN, suspended=True, suspended_since=day(-5)), day(-5)),
        (subscriber(replace(OPEN, starts=day(1))), None),
        (subscriber(replace(OPEN, ends=day(-11))), None),
    ],
)
def test_a_plan_was_had_while_its_subscription_counted(who, until):
    had = () if until is None else (Term(plan="p", since=day(-10), until=until),)
    assert terms(who, NOW) == had


@pytest.mark.parametrize(
    ("becomes", "is_kept"),
    [
        ((OPEN,), False),
        ((replace(OPEN, ends=NOW),), False),
        ((replace(OPEN, starts=day(-12)),), False),
        ((), True),
        ((replace(OPEN, plan="q"),), True),
        # Of the days before its new start nothing else would tell.
        ((replace(OPEN, starts=day(-1)),), True),
        ((replace(OPEN, ends=day(-2)),), True),
    ],
)
def test_what_no_subscription_says_any_more_is_kept(becomes, is_kept):
    kept = left(subscriber(OPEN), subscriber(*becomes), NOW)
    assert kept == ((Term(plan="p", since=day(-10), until=NOW),) if is_kept else ())


def versions(*changed: tuple[int, Grant], plan: str = "p") -> dict[str, list[Plan]]:
    return {
        plan: [
            Plan(name=plan, grants=(one,), version=number, changed=at)
            for number, (at, one) in enumerate(changed, 1)
        ]
    }


def test_each_grant_was_had_for_as_long_as_both_plan_and_version_were():
    was = versions((day(-20), grant("sport")), (day(-6), grant("money")), (day(-2), grant("arts")))
    had = former([Term(plan="p", since=day(-10), until=day(-4))], was, [], NOW)
    assert had == {
        Former(grant=grant("sport"), since=day(-10), until=day(-6)),
        Former(grant=grant("money"), since=day(-6), until=day(-4)),
    }


def test_what_is_had_now_is_not_former_nor_what_a_token_was_never_for():
    was = versions((day(-20), grant("sport")))
    term = Term(plan="p", since=day(-10), until=day(-4))
    assert former([term], was, [grant("sport")], NOW) == frozenset()
    assert former([term], was, [], NOW, narrowed_to={"q"}) == frozenset()
    assert former([term], was, [], NOW, narrowed_to={"p"}) != frozenset()


def test_what_the_public_could_see_was_had_by_all():
    public = grant(ALL, plan="public")
    was = versions((day(-20), public), (day(-6), grant("arts", plan="public")), plan="public")
    had = former([], was, [grant("arts", plan="public")], NOW)
    assert had == {Former(grant=public, since=day(-20), until=day(-6))}


@pytest.mark.parametrize(
    ("announced", "may"),
    [
        # Published while it was had, before, and after.
        ([(day(-8), SPORT)], True),
        ([(day(-12), SPORT)], True),
        ([(day(-4), SPORT)], False),
        ([(day(-8), MONEY)], False),
        # It had gone before the plan came, or moved there after the plan went.
        ([(day(-14), SPORT), (day(-11), NOBODY)], False),
        ([(day(-14), SPORT), (day(-9), NOBODY)], True),
        ([(day(-8), MONEY), (day(-4), SPORT)], False),
        ([(day(-8), MONEY), (day(-6), SPORT)], True),
        ([], False),
    ],
)
def test_a_story_may_be_had_that_was_announced_while_the_grant_was(announced, may):
    had = Former(grant=grant("sport"), since=day(-10), until=day(-5))
    assert may_have(announced, NOW, [had]) is may


def test_a_story_that_was_killed_before_the_grant_came_was_not_had():
    had = Former(grant=grant("sport"), since=day(-10), until=day(-5))
    assert not may_have([(day(-20), SPORT)], day(-15), [had])


def test_it_was_seen_where_it_stood_while_the_grant_was_had():
    had = Former(grant=grant("sport", "money"), since=day(-10), until=day(-5))
    other = Former(grant=grant("arts"), since=day(-10), until=day(-5))
    moved = [(day(-8), SPORT), (day(-4), MONEY)]
    by, places = seen(moved, NOW, [had, other])
    assert by == {had.grant}
    assert places == {Feed(language="en", topic=topic) for topic in ("", "sport")}
    assert seen(moved, NOW, [other]) == (frozenset(), frozenset())


def test_what_was_had_ends_when_its_key_does():
    had = [Term(plan="p", since=day(-10), until=NOW), Term(plan="q", since=day(-3), until=NOW)]
    assert cut(had, day(-3)) == (Term(plan="p", since=day(-10), until=day(-3)),)
