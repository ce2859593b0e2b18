"""Why someone sees what it sees: every grant that bears on it, and every change to come."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import DAY, HOUR, NOW, grant, grants, held, moments, stories
from tests.domain.test_plans import subscribers
from wirefeed.domain.access import PUBLIC, Level, Reason, decide
from wirefeed.domain.explaining import explain
from wirefeed.domain.plans import Plan, Subscriber, Subscription, entitlement
from wirefeed.domain.readers import State
from wirefeed.domain.stories import PubStatus

OPEN = grant(plan=PUBLIC, level=Level.SUMMARY)
GOLD = grant("politics", media=True)
LATE = grant("politics", plan="late", delay=2 * HOUR)
EARLY = grant("politics", plan="early", early=True)
PLANS = {
    g.plan: Plan(name=g.plan, grants=(g, grant("sport", plan=g.plan)))
    for g in (OPEN, GOLD, LATE, EARLY)
}
STORY = held("politics", now=NOW - HOUR)
SOON = held("politics", now=NOW - HOUR, embargoed_until=NOW + HOUR)


def having(*plans, ends=None, grace_days=0):
    return Subscriber(
        id="a",
        subscriptions=tuple(
            Subscription(plan=plan, starts=NOW - DAY, ends=ends, grace_days=grace_days)
            for plan in plans
        ),
    )


@pytest.mark.parametrize(
    ("story", "who", "offers", "turns"),
    [
        (STORY, None, [(PUBLIC, "summary", True)], []),
        (STORY, having("gold"), [("gold", "full", True), (PUBLIC, "summary", False)], []),
        (
            STORY,
            having("late"),
            # Until its time a delayed grant gives the summary; the story is a subscriber's.
            [("late", "summary", True), (PUBLIC, "summary", False)],
            [(NOW + HOUR, "full", Reason.GRANTED)],
        ),
        (
            STORY,
            having("gold", "late"),
            [("gold", "full", True), ("late", "summary", False), (PUBLIC, "summary", False)],
            # Media come with one of two grants alike: the one that decides stays.
            [],
        ),
        (
            STORY,
            having("gold", ends=NOW + 3 * DAY, grace_days=2),
            [("gold", "full", True), (PUBLIC, "summary", False)],
            [(NOW + 5 * DAY, "summary", Reason.NOT_COVERED)],
        ),
        (
            SOON,
            having("early"),
            [("early", "full", True), (PUBLIC, "hidden", False)],
            # No longer before its time.
            [(NOW + HOUR, "full", Reason.GRANTED)],
        ),
        (
            SOON,
            having("late"),
            # Under embargo all grants without `early` give as little.
            [(PUBLIC, "hidden", True), ("late", "hidden", False)],
            [
                (NOW + HOUR, "summary", Reason.DELAYED),
                (NOW + 3 * HOUR, "full", Reason.GRANTED),
            ],
        ),
        (
            held("politics", now=NOW - HOUR, expires=NOW + HOUR),
            having("gold"),
            [("gold", "full", True), (PUBLIC, "summary", False)],
            [(NOW + HOUR, "hidden", Reason.EXPIRED)],
        ),
        (held("arts"), having("gold"), [(PUBLIC, "summary", True)], []),
    ],
)
def test_every_grant_that_bears_on_a_story_and_every_change(story, who, offers, turns):
    found = explain(story, who, PLANS, NOW)
    assert [(o.grant.plan, o.access.level, o.decides) for o in found.offers] == offers
    assert [(t.at, t.access.level, t.access.reason) for t in found.turns] == turns


def test_without_a_grant_there_is_nothing_to_name():
    found = explain(STORY, None, {}, NOW)
    assert (found.access.level, found.offers, found.turns) == (Level.HIDDEN, (), ())


def test_a_kill_is_explained_to_those_who_saw_the_story():
    killed = held("politics", status=PubStatus.CANCELED)
    assert explain(killed, having("gold"), PLANS, NOW).offers == ()
    stood = replace(killed, stood=STORY.stood)
    found = explain(stood, having("gold"), PLANS, NOW)
    assert found.access.reason is Reason.KILLED
    assert {offer.grant.plan for offer in found.offers} == {"gold", PUBLIC}


@pytest.mark.parametrize(
    ("who", "state", "since"),
    [
        (None, None, None),
        (having("gold"), State.LIVE, None),
        (having("gold", ends=NOW - HOUR), State.ENDED, NOW - HOUR),
        (replace(having("gold"), suspended=True, suspended_since=7), State.SUSPENDED, 7),
    ],
)
def test_how_the_subscriber_stands(who, state, since):
    found = explain(STORY, who, PLANS, NOW)
    assert (found.state, found.since) == (state, since)


def test_of_a_long_row_of_subscriptions_only_the_first_turns_are_told():
    row = tuple(
        Subscription(plan="gold", starts=NOW + n * DAY, ends=NOW + n * DAY + HOUR)
        for n in range(1, 200)
    )
    found = explain(STORY, Subscriber(id="a", subscriptions=row), PLANS, NOW)
    assert 10 < len(found.turns) < 200
    assert [t.at for t in found.turns] == sorted(t.at for t in found.turns)


catalogues = st.lists(grants, max_size=4).map(
    lambda drawn: {g.plan: Plan(name=g.plan, grants=(g,)) for g in drawn}
)


@given(stories, st.none() | subscribers, catalogues, moments, moments)
def test_an_explanation_holds_until_it_says(story, who, plans, now, later):
    found = explain(story, who, plans, now)

    def seen(at):
        access = decide(story, entitlement(who, plans, at), at)
        return access.level, access.reason, access.media, access.notes, access.early, access.grant

    told = [found.access, *(turn.access for turn in found.turns)]
    expected = [(a.level, a.reason, a.media, a.notes, a.early, a.grant) for a in told]
    if later >= now:
        passed = sum(turn.at <= later for turn in found.turns)
        assert seen(later) == expected[passed]
    assert sum(offer.decides for offer in found.offers) == (found.access.grant is not None)
