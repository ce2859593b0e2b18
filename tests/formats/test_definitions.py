"""The file of plans that an empty database starts with."""

import pytest

from wirefeed.domain.access import Level
from wirefeed.domain.errors import Unacceptable
from wirefeed.formats.definitions import parse_plans

GOLD = """
[[plans]]
name = "gold"
labels = { en = "Gold", tr = "Altın" }
prices = { en = "€ 9 a month" }
subscribe_urls = { en = "https://sold.example" }
trial_days = 14
[[plans.grants]]
topics = ["sport"]
level = "full"
delay = "30m"
[[plans.grants]]
topics = ["*"]
except = ["economy"]
"""


def test_a_plan_is_read_with_its_grants_and_the_terms_it_is_sold_on():
    (plan,) = parse_plans(GOLD)
    assert (plan.label("tr"), plan.prices, plan.trial_days) == ("Altın", {"en": "€ 9 a month"}, 14)
    assert plan.subscribe_urls == {"en": "https://sold.example"}
    first, second = plan.grants
    assert (first.level, first.delay) == (Level.FULL, 1_800_000_000)
    assert second.topics == frozenset({"*"})
    assert second.excepted == frozenset({"economy"})


@pytest.mark.parametrize(
    ("was", "becomes", "field"),
    [
        ("trial_days = 14", "trial_days = 0", "trial_days"),
        ("https://sold", "sold", "subscribe_urls"),
        ('delay = "30m"', 'delay = "soon"', "delay"),
        ("[[plans.grants]]\ntopics", "[[plans.grants]]\nthemes", "plans[0].grants[0]"),
    ],
)
def test_a_plan_is_refused_by_its_field(was: str, becomes: str, field: str):
    with pytest.raises(Unacceptable) as caught:
        parse_plans(GOLD.replace(was, becomes, 1))
    assert caught.value.field == field
