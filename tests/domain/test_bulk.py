"""Entries of files: what they state, and that nothing stands there twice."""

from dataclasses import replace

import pytest

from tests.domain.strategies import NOW, grant
from wirefeed.domain.bulk import Draft, Effect, Tally, Verdict, plan_from, subscriber_from
from wirefeed.domain.contracts import Wanted
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import Plan, Subscriber, Subscription

ANN = Subscriber(
    id="ann", name="Ann", notes="n", subscriptions=(Subscription(plan="gold", starts=1),)
)
GOLD = Plan(name="gold", grants=(grant(),), labels={"en": "Gold"}, version=3)


def draft(who, /, **given):
    return Draft(place="line 2", name=who, given=given)


@pytest.mark.parametrize(
    ("given", "held", "becomes"),
    [
        ({}, None, Subscriber(id="ann")),
        ({}, ANN, ANN),
        ({"name": "A."}, ANN, replace(ANN, name="A.")),
        (
            {"subscriptions": (Wanted(plan="gold", ends=9),)},
            ANN,
            Subscriber(
                id="ann",
                name="Ann",
                notes="n",
                subscriptions=(Subscription(plan="gold", starts=1, ends=9),),
            ),
        ),
        ({"subscriptions": ()}, ANN, replace(ANN, subscriptions=())),
    ],
)
def test_what_a_draft_of_a_subscriber_does_not_state_stays(given, held, becomes):
    assert subscriber_from(draft("ann", **given), held, NOW) == becomes


def test_what_a_draft_of_a_plan_does_not_state_stays():
    assert plan_from(draft("gold", trial_days=3), GOLD) == Plan(
        name="gold", grants=GOLD.grants, labels={"en": "Gold"}, version=3, trial_days=3
    )
    assert plan_from(draft("new", grants=(grant(),)), None) == Plan(name="new", grants=(grant(),))
    with pytest.raises(Unacceptable) as caught:
        plan_from(draft("new", trial_days=3), None)
    assert caught.value.field == "grants"


def test_a_name_stands_in_a_file_once():
    tally = Tally()
    first = tally.first([draft("a"), draft("b"), Draft(place="line 4", error=Unacceptable("x"))])
    again = tally.first([draft("a"), draft("c")])
    assert [d.error is None for d in (*first, *again)] == [True, True, False, False, True]
    assert "'a'" in str(again[0].error)


def test_a_tally_counts():
    tally = Tally()
    tally.add(Verdict(place="", name=n, effect=Effect.ADDED) for n in "ab")
    tally.add([Verdict(place="", name="c", effect=Effect.REFUSED)])
    assert tally.counts == {Effect.ADDED: 2, Effect.REFUSED: 1}
