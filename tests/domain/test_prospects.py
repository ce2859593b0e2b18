"""What a changed plan would do: exactly the differences between what `decide` says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    PICTURE,
    entitled,
    entitlements,
    grant,
    held,
    moments,
    stories,
)
from wirefeed.domain.access import PUBLIC, Level, decide
from wirefeed.domain.feeds import Item, Window
from wirefeed.domain.plans import Plan, Subscriber, Subscription
from wirefeed.domain.prospects import Gathering, Right, Weighing, beside, rights, shift
from wirefeed.domain.stories import PubStatus

OPEN = grant(plan=PUBLIC, level=Level.SUMMARY)
GOLD = grant("politics")
STORY = held("politics", now=NOW - HOUR, media=(PICTURE,))
SOON = held("politics", now=NOW - HOUR, embargoed_until=NOW + HOUR)
SUMMARY, FULL, AT_ONCE = Right.SUMMARY, Right.FULL, Right.AT_ONCE


@pytest.mark.parametrize(
    ("story", "grants", "has"),
    [
        (STORY, [], set()),
        (STORY, [grant("sport")], set()),
        (STORY, [OPEN], {SUMMARY}),
        (STORY, [OPEN, GOLD], {SUMMARY, FULL, AT_ONCE}),
        (STORY, [replace(GOLD, media=True)], {SUMMARY, FULL, AT_ONCE, Right.MEDIA}),
        (STORY, [replace(GOLD, notes=True)], {SUMMARY, FULL, AT_ONCE, Right.NOTES}),
        (STORY, [replace(GOLD, delay=2 * HOUR)], {SUMMARY}),
        # Full by now, and not when it came out.
        (STORY, [replace(GOLD, delay=HOUR)], {SUMMARY, FULL}),
        (STORY, [replace(GOLD, delay=HOUR), grant()], {SUMMARY, FULL, AT_ONCE}),
        (SOON, [GOLD], set()),
        (SOON, [replace(GOLD, early=True)], {SUMMARY, FULL, AT_ONCE, Right.EARLY}),
        (SOON, [replace(GOLD, early=True, delay=HOUR)], {SUMMARY, Right.EARLY}),
    ],
)
def test_what_a_caller_may_have_of_a_story(story, grants, has):
    access, found = rights(story, entitled(*grants), NOW)
    assert access == decide(story, entitled(*grants), NOW)
    assert found == has


def test_a_story_whose_embargo_is_over_came_out_then():
    story = held("politics", now=NOW - DAY, embargoed_until=NOW - HOUR)
    _, prompt = rights(story, entitled(GOLD), NOW)
    _, late = rights(story, entitled(replace(GOLD, delay=MINUTE)), NOW)
    assert prompt - late == {AT_ONCE}


@pytest.mark.parametrize(
    ("before", "after", "gained", "lost"),
    [
        ([OPEN], [OPEN], None, None),
        ([OPEN], [OPEN, GOLD], {FULL, AT_ONCE}, set()),
        ([OPEN, GOLD], [OPEN], set(), {FULL, AT_ONCE}),
        ([], [GOLD], {SUMMARY, FULL, AT_ONCE}, set()),
        ([OPEN], [], set(), {SUMMARY}),
        ([GOLD], [replace(GOLD, delay=MINUTE)], set(), {AT_ONCE}),
        ([GOLD], [replace(GOLD, media=True, delay=MINUTE)], {Right.MEDIA}, {AT_ONCE}),
        # Another grant gives the same: nothing changes for them.
        ([GOLD, grant()], [grant()], None, None),
        ([GOLD], [grant("sport", "politics", plan="silver")], None, None),
    ],
)
def test_what_a_change_gives_and_takes(before, after, gained, lost):
    found = shift(STORY, entitled(*before), entitled(*after), NOW)
    assert (found and found.gained, found and found.lost) == (gained, lost)


@pytest.mark.parametrize(
    "story",
    [replace(STORY, superseded=True), held("politics", status=PubStatus.CANCELED)],
)
def test_what_is_shown_to_nobody_is_neither_gained_nor_lost(story):
    assert shift(story, entitled(), entitled(GOLD), NOW) is None


@given(stories, entitlements, entitlements, moments)
def test_gain_and_loss_are_the_differences_that_decide_makes(story, before, after, now):
    was, will_be = decide(story, before, now), decide(story, after, now)
    found = shift(story, before, after, now)
    if found is None:
        gone = story.is_killed or story.superseded
        assert gone or _told(was) == _told(will_be)
        return
    assert (found.before, found.after) == (was.level, will_be.level)
    assert found.gained or found.lost
    assert not found.gained & found.lost
    for right, held_before, held_after in zip(
        (SUMMARY, FULL, Right.MEDIA, Right.NOTES, Right.EARLY), _told(was), _told(will_be),
        strict=True,
    ):  # fmt: skip
        assert (right in found.gained) is (held_after and not held_before)
        assert (right in found.lost) is (held_before and not held_after)


def _told(access):
    shown = access.level is not Level.HIDDEN
    return (shown, access.level is Level.FULL, access.media, access.notes, access.early and shown)


@given(stories, entitlements, entitlements, moments)
def test_the_change_back_gives_what_the_change_took(story, before, after, now):
    there, back = shift(story, before, after, now), shift(story, after, before, now)
    assert (there is None) is (back is None)
    if there and back:
        assert (there.gained, there.lost) == (back.lost, back.gained)


# --- who is concerned ----------------------------------------------------------------------------

PLANS = {
    PUBLIC: Plan(name=PUBLIC, grants=(OPEN,)),
    "gold": Plan(name="gold", grants=(GOLD,)),
    "sport": Plan(name="sport", grants=(grant("sport", plan="sport"),)),
}


def having(name, *plans, **fields):
    subscriptions = tuple(Subscription(plan=plan, starts=0) for plan in plans)
    return Subscriber(id=name, subscriptions=subscriptions, **fields)


MANY = [
    having("ann", "gold"),
    having("bob", "gold"),
    having("eve", "gold", "sport"),
    having("ida", "gold", suspended=True),
    Subscriber(id="old", subscriptions=(Subscription(plan="gold", starts=0, ends=NOW),)),
]


def weigh(gathering, new, *told):
    changed = {**PLANS, new.name: new}
    weighings = gathering.weigh(PLANS, changed, NOW, listed=1)
    for weighing in weighings:
        weighing.take(told)
    return [weighing.prospect() for weighing in weighings]


def test_those_who_have_the_same_are_looked_at_once():
    gathering = Gathering("gold", named=1, most=10)
    gathering.take(MANY, NOW, everybody=False)
    other = replace(STORY, revision=replace(STORY.revision, guid="t"))
    prospects = weigh(gathering, replace(PLANS["gold"], grants=()), STORY, other)
    assert [(p.plans, p.count, p.subscribers) for p in prospects] == [
        ({"gold"}, 2, ("ann",)),
        ({"gold", "sport"}, 1, ("eve",)),
    ]
    assert gathering.idle == 2
    first = prospects[0]
    assert (first.gaining, first.losing, first.gained) == (0, 2, {})
    assert first.lost == {FULL: 2, AT_ONCE: 2}
    (listed,) = first.shifts
    assert (listed.guid, listed.before, listed.after) == ("s", Level.FULL, Level.SUMMARY)


def test_the_public_plan_concerns_everybody_and_the_public_comes_first():
    gathering = Gathering(PUBLIC, named=9, most=10)
    gathering.public()
    gathering.take(MANY, NOW, everybody=True)
    prospects = weigh(gathering, Plan(name=PUBLIC, grants=()), STORY)
    # Whoever has nothing of its own loses what the public loses; gold has it anyhow.
    assert [(p.plans, p.count, p.losing) for p in prospects] == [
        (None, 0, 1),
        (frozenset(), 2, 1),
        ({"gold"}, 2, 0),
        ({"gold", "sport"}, 1, 0),
    ]
    assert prospects[0].shifts[0].before is Level.SUMMARY


@given(st.lists(stories, max_size=6), entitlements, entitlements, moments)
def test_stories_weighed_together_come_out_as_each_alone(told, before, after, now):
    numbered = [
        replace(story, revision=replace(story.revision, guid=f"g{n}"))
        for n, story in enumerate(told)
    ]
    weighing = Weighing(before, after, now, listed=9, who=(None, 0, ()))
    weighing.take(numbered)
    alone = [shift(story, before, after, now) for story in numbered]
    assert weighing.prospect().shifts == tuple(found for found in alone if found)


def test_a_gathering_is_bounded_and_says_so():
    gathering = Gathering("gold", named=9, most=1)
    gathering.take(MANY, NOW, everybody=False)
    assert gathering.is_cut
    assert [p.plans for p in weigh(gathering, PLANS["gold"])] == [{"gold"}]


def test_a_plan_that_stays_the_same_changes_nothing():
    gathering = Gathering("gold", named=9, most=9)
    gathering.take(MANY, NOW, everybody=False)
    prospects = weigh(gathering, replace(PLANS["gold"], labels={"en": "Gold"}), STORY)
    assert [(p.gaining, p.losing, p.shifts) for p in prospects] == [(0, 0, ())] * 2


# --- beside the public ---------------------------------------------------------------------------


def window(*items):
    return Window(items=tuple(items), changed=0, updated=0, until=None)


def test_a_feed_is_laid_beside_the_public_one_thread_by_thread():
    own, public = entitled(OPEN, GOLD), entitled(OPEN, anonymous=True)
    newer = held("politics", guid="s2", feed_guid="s")
    hidden = held("sport", guid="u")

    def item(story, caller):
        return Item(story=story, access=decide(story, caller, NOW))

    both = beside(
        window(item(hidden, own), item(newer, own)),
        window(item(STORY, public), item(held("arts", guid="v"), public)),
    )
    assert [
        (pair.own and pair.own.story.guid, pair.public and pair.public.story.guid) for pair in both
    ] == [("u", None), ("s2", "s"), (None, "v")]


@given(st.lists(st.integers(0, 3), unique=True), st.lists(st.integers(0, 3), unique=True))
def test_each_thread_stands_there_once(own, public):
    def feed(numbers):
        stories = [held("politics", guid=f"g{n}") for n in numbers]
        return window(*(Item(story=s, access=decide(s, entitled(OPEN), NOW)) for s in stories))

    pairs = beside(feed(own), feed(public))
    assert [p.own.story.guid for p in pairs if p.own] == [f"g{n}" for n in own]
    assert {p.public.story.guid for p in pairs if p.public} == {f"g{n}" for n in public}
    assert len(pairs) == len({*own, *public})
