"""How subscriptions change: what is not named stays, and what is over is kept."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.domain.strategies import DAY, NOW
from tests.domain.test_plans import subscriptions
from wirefeed.domain.contracts import (
    Amendment,
    Trial,
    Until,
    Wanted,
    amend,
    are_same,
    check,
    settle,
    suspend,
)
from wirefeed.domain.errors import NotFound, Unacceptable
from wirefeed.domain.plans import Plan, Subscriber, Subscription

SOON, LATER = NOW + 10 * DAY, NOW + 300 * DAY
PLANS = {
    "gold": Plan(name="gold", grants=(), trial_days=14),
    "sport": Plan(name="sport", grants=()),
}
GOLD = Subscription(plan="gold", starts=NOW - DAY, ends=SOON, grace_days=5, trial=True)
SPORT = Subscription(plan="sport", starts=NOW - DAY)
OVER = replace(SPORT, ends=NOW - 1)
AHEAD = replace(SPORT, starts=NOW + DAY)


def new(plan, **fields):
    return Subscription(plan=plan, starts=NOW, **fields)


@pytest.mark.parametrize(
    ("held", "change", "becomes"),
    [
        # Nothing is named: nothing changes.
        ([GOLD], Amendment(), [GOLD]),
        # Plans that are named are subscribed to; all else of them stays.
        ([], Amendment(plans=("gold", "sport")), [new("gold"), new("sport")]),
        ([GOLD], Amendment(plans=("gold",)), [GOLD]),
        ([GOLD], Amendment(plans=("gold", "sport")), [GOLD, new("sport")]),
        # One that is no longer named ends now, and is kept; one to come never was.
        (
            [GOLD],
            Amendment(plans=("sport",)),
            [replace(GOLD, ends=NOW, grace_days=0), new("sport")],
        ),
        ([SPORT], Amendment(plans=("gold",)), [replace(SPORT, ends=NOW), new("gold")]),
        ([AHEAD], Amendment(plans=("gold",)), [new("gold")]),
        ([OVER], Amendment(plans=("gold",)), [OVER, new("gold")]),
        # In its days of grace it ended already.
        (
            [replace(GOLD, ends=NOW - DAY)],
            Amendment(plans=("sport",)),
            [replace(GOLD, ends=NOW - DAY, grace_days=0), new("sport")],
        ),
        # Each field alone.
        ([GOLD], Amendment(until=Until(at=LATER)), [replace(GOLD, ends=LATER)]),
        ([GOLD], Amendment(until=Until(at=None)), [replace(GOLD, ends=None)]),
        ([GOLD], Amendment(starts=5), [replace(GOLD, starts=5)]),
        ([GOLD], Amendment(grace_days=0), [replace(GOLD, grace_days=0)]),
        ([GOLD], Amendment(trial=Trial(on=False)), [replace(GOLD, trial=False)]),
        ([GOLD, SPORT], Amendment(grace_days=1), [replace(s, grace_days=1) for s in (GOLD, SPORT)]),
        ([GOLD, OVER], Amendment(grace_days=1), [replace(GOLD, grace_days=1), OVER]),
        # A trial ends by itself, unless its end is said.
        ([SPORT], Amendment(trial=Trial(days=3)), [replace(SPORT, trial=True, ends=NOW + 2 * DAY)]),
        (
            [],
            Amendment(plans=("gold",), trial=Trial()),
            [new("gold", trial=True, ends=NOW + 14 * DAY)],
        ),
        (
            [],
            Amendment(plans=("sport",), trial=Trial(days=3), until=Until(at=SOON)),
            [new("sport", trial=True, ends=SOON)],
        ),
        # What is over is renewed by a subscription of its own, with the same grace.
        ([OVER], Amendment(until=Until(at=LATER)), [OVER, new("sport", ends=LATER)]),
        ([OVER], Amendment(plans=("sport",)), [OVER, new("sport")]),
        (
            [replace(OVER, grace_days=0, ends=5), replace(GOLD, ends=NOW - 6 * DAY)],
            Amendment(until=Until(at=LATER)),
            [
                replace(OVER, grace_days=0, ends=5),
                replace(GOLD, ends=NOW - 6 * DAY),
                new("gold", ends=LATER, grace_days=5),
            ],
        ),
        # Late grace takes back the end of what was cut off.
        ([OVER], Amendment(grace_days=9), [replace(OVER, grace_days=9)]),
        # Of several of one plan the last is meant.
        ([SPORT, AHEAD], Amendment(until=Until(at=LATER)), [SPORT, replace(AHEAD, ends=LATER)]),
    ],
)
def test_an_amendment(held, change, becomes):
    assert amend(tuple(held), change, PLANS, NOW) == tuple(becomes)


def test_a_plan_that_cannot_be_tried_is_refused():
    with pytest.raises(Unacceptable, match="'sport'") as caught:
        amend((), Amendment(plans=("sport",), trial=Trial()), PLANS, NOW)
    assert caught.value.field == "trial"


amendments = st.builds(
    Amendment,
    plans=st.lists(st.sampled_from(["gold", "silver"]), max_size=2, unique=True).map(tuple),
    starts=st.none() | st.just(NOW),
    until=st.none() | st.builds(Until, at=st.none() | st.just(SOON)),
    grace_days=st.none() | st.integers(0, 2),
    trial=st.none() | st.builds(Trial, on=st.booleans(), days=st.integers(1, 3)),
)
held_lists = st.lists(subscriptions, max_size=4).map(tuple)


@given(held_lists, amendments)
def test_what_was_over_is_over_and_who_is_told_has_what_was_named(held, change):
    becomes = amend(held, change, {}, NOW)
    if change.plans:
        live = {s.plan for s in becomes if s.closes is None or s.closes > NOW}
        assert live <= {*change.plans}
    # Nobody gets by a change what it does not name.
    known = {s.plan for s in held} | {*change.plans}
    assert {s.plan for s in becomes} <= known
    if change.until is not None or change.plans:
        over = [s for s in held if s.closes is not None and s.closes <= NOW]
        assert all(s in becomes for s in over)


@given(held_lists, amendments)
def test_said_again_it_changes_nothing(held, change):
    running = [s.plan for s in held if s.closes is None or s.closes > NOW]
    # Of two at once the one that begins last is meant; which that is may be what is changed.
    assume(len(running) == len({*running}))
    once = amend(held, change, {}, NOW)
    assert amend(once, change, {}, NOW) == once


# --- suspended ----------------------------------------------------------------------------------


def test_one_plan_is_suspended_and_resumed():
    held = Subscriber(id="a", subscriptions=(GOLD, SPORT, replace(GOLD, ends=NOW - 6 * DAY)))
    paused = suspend(held, "gold", NOW, suspended=True)
    assert [s.suspended for s in paused.subscriptions] == [True, False, False]
    assert suspend(paused, "gold", NOW, suspended=False) == held


@pytest.mark.parametrize("plan", ["silver", "sport"])
def test_what_nobody_has_is_not_suspended(plan):
    with pytest.raises(NotFound, match=plan):
        suspend(Subscriber(id="a", subscriptions=(GOLD, OVER)), plan, NOW, suspended=True)


# --- stated as a whole ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "held", "starts"),
    [
        ([Wanted(plan="gold")], [], [NOW]),
        ([Wanted(plan="gold", starts=5)], [], [5]),
        ([Wanted(plan="gold")], [GOLD], [GOLD.starts]),
        ([Wanted(plan="gold")], [replace(GOLD, starts=1, ends=2), GOLD], [GOLD.starts]),
        ([Wanted(plan="gold", starts=1), Wanted(plan="gold")], [replace(GOLD, starts=1)], [1, NOW]),
        ([Wanted(plan="gold"), Wanted(plan="sport")], [SPORT], [NOW, SPORT.starts]),
        ([], [GOLD], []),
    ],
)
def test_where_no_start_is_stated_the_held_one_stays(wanted, held, starts):
    assert [s.starts for s in settle(wanted, held, NOW)] == starts


def test_all_else_is_as_stated():
    stated = Wanted(plan="gold", starts=1, ends=2, grace_days=3, trial=True, suspended=True)
    assert settle([stated], [GOLD], NOW) == (
        Subscription(plan="gold", starts=1, ends=2, grace_days=3, trial=True, suspended=True),
    )


wanteds = st.lists(
    st.builds(
        Wanted,
        plan=st.sampled_from(["gold", "silver"]),
        starts=st.none() | st.sampled_from([NOW - 1, NOW, NOW + 1]),
        ends=st.none() | st.just(SOON),
    ),
    max_size=4,
)


@given(wanteds, held_lists, st.integers(0, 3))
def test_the_same_statement_gives_the_same_again(wanted, held, later):
    once = settle(wanted, held, NOW)
    assert settle(wanted, once, NOW + later) == once


# --- what nobody can mean ------------------------------------------------------------------------

BACK = replace(GOLD, ends=GOLD.starts - DAY)


@pytest.mark.parametrize(
    ("held", "becomes", "field"),
    [
        ([], [SPORT, BACK], "$.subscriptions[1].ends"),
        ([], [replace(GOLD, ends=GOLD.starts)], "$.subscriptions[0].ends"),
        # Another start is another subscription.
        ([replace(GOLD, starts=1)], [BACK], "$.subscriptions[0].ends"),
        ([], [SPORT, SPORT], "$.subscriptions[1].plan"),
        ([SPORT], [SPORT, replace(SPORT, trial=True)], "$.subscriptions[1].plan"),
        ([SPORT, SPORT], [SPORT] * 3, "$.subscriptions[2].plan"),
    ],
)
def test_what_nobody_can_mean_is_refused_by_its_field(held, becomes, field):
    with pytest.raises(Unacceptable) as caught:
        check(held, becomes)
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("held", "becomes"),
    [
        ([GOLD], [BACK]),
        ([BACK], [BACK]),
        ([SPORT, SPORT], [SPORT, SPORT]),
        ([], [SPORT, replace(SPORT, starts=SPORT.starts + DAY), GOLD]),
    ],
)
def test_what_is_held_may_end_before_its_start_and_stay_as_it_is(held, becomes):
    check(held, becomes)


def test_in_another_order_they_are_the_same():
    assert are_same([GOLD, SPORT], [SPORT, GOLD])
    assert not are_same([GOLD, SPORT], [SPORT, SPORT, GOLD])
    assert not are_same([GOLD], [replace(GOLD, suspended=True)])
