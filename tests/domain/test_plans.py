"""Plans and subscriptions: what they come to for one caller."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import DAY, NOW, grant, grants
from wirefeed.domain.access import PUBLIC, Level
from wirefeed.domain.credentials import Lapse
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import (
    Entitlement,
    Plan,
    Subscriber,
    Subscription,
    entitlement,
    in_force_between,
)
from wirefeed.domain.readers import Reader, lapse, told

OPEN = Plan(name=PUBLIC, grants=(grant(plan=PUBLIC, level=Level.SUMMARY),), changed=1)
GOLD = Plan(name="gold", grants=(grant("politics"), grant("sport", media=True)), changed=2)
SILVER = Plan(name="silver", grants=(grant("economy", plan="silver"),), changed=3)
PLANS = {plan.name: plan for plan in (OPEN, GOLD, SILVER)}


def subscriber(*subscriptions: Subscription, **fields) -> Subscriber:
    return Subscriber(id="ajans", subscriptions=subscriptions, **fields)


def to(plan: str, starts: int = 0, ends: int | None = None) -> Subscription:
    return Subscription(plan=plan, starts=starts, ends=ends)


def names(held: Entitlement) -> set[str]:
    return {g.plan for g in held.grants}


@pytest.mark.parametrize(
    ("who", "narrowed_to", "plans"),
    [
        (None, None, {PUBLIC}),
        (None, ["gold"], {PUBLIC}),
        (subscriber(), None, {PUBLIC}),
        (subscriber(to("gold")), None, {PUBLIC, "gold"}),
        (subscriber(to("gold"), to("silver"), to("gold")), None, {PUBLIC, "gold", "silver"}),
        (subscriber(to("gold"), suspended=True), None, {PUBLIC}),
        # A plan that does not exist grants nothing.
        (subscriber(to("bronze")), None, {PUBLIC}),
        # The start counts, the end does not.
        (subscriber(to("gold", NOW)), None, {PUBLIC, "gold"}),
        (subscriber(to("gold", NOW + 1)), None, {PUBLIC}),
        (subscriber(to("gold", 0, NOW)), None, {PUBLIC}),
        (subscriber(to("gold", 0, NOW + 1)), None, {PUBLIC, "gold"}),
        (subscriber(to("gold", 0, NOW), to("gold", NOW)), None, {PUBLIC, "gold"}),
        # Narrowing keeps what it names, of what there is.
        (subscriber(to("gold"), to("silver")), ["gold"], {PUBLIC, "gold"}),
        (subscriber(to("gold")), ["silver"], {PUBLIC}),
        (subscriber(to("gold")), [], {PUBLIC}),
        (subscriber(to("gold")), ["gold", "gold", "bronze"], {PUBLIC, "gold"}),
        (subscriber(to("gold"), suspended=True), ["gold"], {PUBLIC}),
    ],
)
def test_an_entitlement_joins_the_live_plans_and_the_public_one(who, narrowed_to, plans):
    held = entitlement(who, PLANS, NOW, narrowed_to=narrowed_to)
    assert names(held) == plans
    assert held.grants == {g for name in plans for g in PLANS[name].grants}
    assert held.anonymous is (who is None)


def test_without_a_public_plan_the_public_may_see_nothing():
    assert entitlement(None, {"gold": GOLD}, NOW).grants == frozenset()


@pytest.mark.parametrize(
    ("who", "until", "changed"),
    [
        (None, None, 1),
        (subscriber(), None, 1),
        (subscriber(changed=9), None, 9),
        (subscriber(to("gold")), None, 2),
        (subscriber(to("gold", NOW - DAY)), None, NOW - DAY),
        (subscriber(to("gold", NOW)), None, NOW),
        (subscriber(to("gold", 5, NOW)), None, NOW),
        # A week before an end its reader is told, so that what it is given changes then, too.
        (subscriber(to("gold", 5, NOW + 8 * DAY)), NOW + DAY, 5),
        (subscriber(to("gold", 5, NOW + 7 * DAY)), NOW + 7 * DAY, NOW),
        (subscriber(to("gold", 5, NOW + 1)), NOW + 1, NOW + 1 - 7 * DAY),
        (subscriber(replace(to("gold", 5, NOW), grace_days=2)), NOW + 2 * DAY, NOW),
        (
            subscriber(to("gold", NOW + 3, NOW + 9), to("silver", NOW - 4, NOW + 7)),
            NOW + 3,
            NOW - 4,
        ),
        (subscriber(to("bronze", 7)), None, 7),
    ],
)
def test_an_entitlement_says_until_when_it_holds_and_since_when(who, until, changed):
    held = entitlement(who, PLANS, NOW)
    assert (held.until, held.changed) == (until, changed)


def test_live_subscriptions():
    running, over = to("gold", 0, NOW + 1), to("silver", 0, NOW)
    assert subscriber(running, over).live(NOW) == (running,)
    assert subscriber(running, suspended=True).live(NOW) == ()


def test_a_reader_without_subscriber_is_the_anonymous_public():
    reader = Reader(entitlement=entitlement(None, PLANS, NOW))
    assert (reader.subscriber, reader.lapse, reader.lapsed) == (None, None, 0)
    assert replace(reader, lapse=Lapse.ENDED).lapse == "ended"


@pytest.mark.parametrize("name", ["", "Gold", "a b", "-a", "a" * 65, "gold\n", "gül", "source:a"])
def test_a_name_that_would_not_be_safe_in_tokens_and_logs_is_refused(name):
    with pytest.raises(Unacceptable) as caught:
        Plan(name=name, grants=())
    assert caught.value.field == "name"
    with pytest.raises(Unacceptable) as caught:
        Subscriber(id=name)
    assert caught.value.field == "id"


@pytest.mark.parametrize(
    ("labels", "language", "label"),
    [
        ({"en": "Gold", "tr": "Altın"}, "tr", "Altın"),
        ({"en": "Gold", "tr": "Altın"}, "ar", "Gold"),
        ({"tr": "Altın"}, "ar", "gold"),
    ],
)
def test_the_label_of_a_plan(labels, language, label):
    assert replace(GOLD, labels=labels).label(language) == label


# --- properties -----------------------------------------------------------------------------------

plan_names = st.sampled_from((PUBLIC, "gold", "silver", "bronze"))
#: Around now, and around the days that count: the week before an end, and days of grace.
times = st.builds(
    lambda days, micros: NOW + days * DAY + micros,
    st.sampled_from((0, 0, 0, 1, -1, 7, -7)),
    st.integers(-2, 2),
)
subscriptions = st.builds(
    Subscription,
    plan=plan_names,
    starts=times,
    ends=st.none() | times,
    grace_days=st.sampled_from((0, 0, 1, 7)),
    suspended=st.booleans(),
)
subscribers = st.builds(
    Subscriber,
    id=st.just("ajans"),
    suspended=st.booleans(),
    changed=times,
    subscriptions=st.lists(subscriptions, max_size=4).map(tuple),
)
catalogues = st.dictionaries(plan_names, st.lists(grants, max_size=2).map(tuple), max_size=4).map(
    lambda drawn: {name: Plan(name=name, grants=held) for name, held in drawn.items()}
)


@given(subscribers, catalogues, times, st.frozensets(plan_names))
def test_a_token_can_only_narrow(who, plans, now, named):
    whole = entitlement(who, plans, now)
    part = entitlement(who, plans, now, narrowed_to=named)
    assert part.grants <= whole.grants
    assert part.grants >= entitlement(None, plans, now).grants
    everything = entitlement(who, plans, now, narrowed_to={*plans, "more"})
    assert everything.grants == whole.grants


@given(subscribers, catalogues, times, times)
def test_an_entitlement_stays_the_same_until_it_says(who, plans, now, later):
    held = entitlement(who, plans, now)
    if now <= later and (held.until is None or later < held.until):
        assert entitlement(who, plans, later) == held


@given(subscribers, times, times)
def test_what_a_reader_is_told_stays_the_same_until_the_entitlement_says(who, now, later):
    """So that no document outlives a notice, or the time for one."""
    until = entitlement(who, {}, now).until
    if now <= later and (until is None or later < until):
        assert lapse(who, later) == lapse(who, now)
        assert told(who, later)[1] == told(who, now)[1]


@given(subscribers, catalogues, times, times)
def test_the_change_of_an_entitlement_never_goes_back(who, plans, now, later):
    first, second = sorted((now, later))
    assert entitlement(who, plans, first).changed <= entitlement(who, plans, second).changed


@given(subscribers, catalogues, times)
def test_suspended_is_to_have_what_the_public_has(who, plans, now):
    held = entitlement(replace(who, suspended=True), plans, now)
    assert held.grants == entitlement(None, plans, now).grants


@pytest.mark.parametrize(
    ("grants", "language", "topics", "subscribes"),
    [
        ([grant("sport")], "en", {"sport"}, True),
        ([grant("sport")], "en", {"sport", "football"}, True),  # a narrower topic
        ([grant("sport")], "en", {"politics"}, False),
        ([grant("sport")], "en", None, True),
        ([grant("sport", languages=frozenset({"tr"}))], "en", None, False),
        ([grant("*", excepted=frozenset({"sport"}))], "en", {"sport"}, False),
        # What everybody has is no subscription, unless there is none.
        ([grant("sport"), grant("*", plan="public")], "en", {"politics"}, False),
        ([grant("*", plan="public")], "en", {"politics"}, True),
    ],
)
def test_what_was_subscribed_to(grants, language, topics, subscribes):
    holder = Entitlement(grants=frozenset(grants))
    assert holder.subscribes(language, topics and frozenset(topics)) is subscribes


def test_what_a_plan_says_of_itself_is_in_the_language_or_in_english_or_not_said():
    plan = replace(
        GOLD,
        labels={"tr": "Altın"},
        prices={"en": "90 a year", "tr": "Yılda 90"},
        subscribe_urls={"en": "https://news.example/gold"},
    )
    assert [plan.label(language) for language in ("tr", "ar")] == ["Altın", "gold"]
    assert [plan.price(language) for language in ("tr", "ar")] == ["Yılda 90", "90 a year"]
    assert plan.subscribe_url("tr") == "https://news.example/gold"
    assert (GOLD.price("en"), GOLD.subscribe_url("en")) == ("", "")


@pytest.mark.parametrize(
    ("since", "upto", "versions"),
    [
        # What it was before it is known is taken to be what it was then.
        (0, 5, [1]),
        (0, 10, [1]),
        (11, 19, [1]),
        (11, 20, [1, 2]),
        (20, 25, [2]),
        (25, 40, [2, 3]),
        (30, 99, [3]),
    ],
)
def test_a_plan_counts_by_its_versions_of_that_time(since, upto, versions):
    known = [Plan(name="p", grants=(), version=n, changed=10 * n) for n in (1, 2, 3)]
    assert [plan.version for plan in in_force_between(known, since, upto)] == versions
