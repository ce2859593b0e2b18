"""Killed stories: who may have one, by which way, and who was given its kill."""

from dataclasses import replace

import pytest

from tests.domain.test_ledger import stretch
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.cursors import Following
from wirefeed.domain.killed import Announced, Killed, holder
from wirefeed.domain.ledger import Interval
from wirefeed.domain.stories import Feed
from wirefeed.domain.ways import (
    ONE_STORY,
    Filter,
    beyond,
    filter_name,
    way_of,
    way_through,
)
from wirefeed.domain.wire import Audience

HOUR = 3_600_000_000
NOW = 500_000 * HOUR

SPORT = Audience(language="en", topics=frozenset({"sport"}))
FEEDS = frozenset({Feed(language="en"), Feed(language="en", topic="sport")})
#: Two versions, at 10 and at 20; killed at 30.
KILLED = Killed(
    guid="s",
    headline="",
    position=30,
    at=NOW,
    announced=(
        Announced(position=10, at=NOW - 3 * HOUR, after=frozenset({SPORT})),
        Announced(position=20, at=NOW - 2 * HOUR, after=frozenset({SPORT})),
    ),
    told=frozenset({SPORT}),
    feeds=FEEDS,
)
LATEST, SPORTS = way_of("en/latest.rss"), way_of("en/topics/sport.json")


def grant(*topics: str, level: Level = Level.FULL, **terms) -> Grant:
    return Grant(plan="p", topics=frozenset(topics), level=level, **terms)


@pytest.mark.parametrize(
    ("way", "held", "has_it", "has_kill"),
    [
        (LATEST, [(1, 15)], True, False),
        (LATEST, [(11, 19)], False, False),
        (LATEST, [(11, 29)], True, False),
        (LATEST, [(21, 40)], False, False),
        (LATEST, [(1, 15), (16, 40)], True, True),
        (LATEST, [(1, 30)], True, True),
        (SPORTS, [(1, 15)], True, False),
        ("wire", [(1, 15)], True, False),
        (way_of("en/mine.rss"), [(1, 15)], True, False),
        (way_of("tr/mine.rss"), [(1, 15)], False, False),
        # It never stood there.
        (way_of("en/topics/money.rss"), [(1, 15)], False, False),
        (way_of("tr/latest.rss"), [(1, 15)], False, False),
        (way_of("en/latest/archive/2026-11-20.rss"), [(1, 15)], True, False),
        (ONE_STORY, [(10, 10)], True, False),
        (ONE_STORY, [(20, 20), (30, 30)], True, True),
        (ONE_STORY, [(9, 9), (11, 11), (30, 30)], False, False),
        (LATEST, [], False, False),
    ],
)
def test_who_was_given_a_version_may_have_it(way, held, has_it, has_kill):
    found = holder(KILLED, "ann", [(way, [stretch(*one) for one in held])], {grant("sport")})
    assert (found is not None) is has_it
    assert (found is not None and found.fetched is not None) is has_kill


@pytest.mark.parametrize("way", [LATEST, "wire", way_of("en/latest/archive/2026-11-20.rss")])
def test_no_kill_is_given_by_what_came_after_it(way):
    late = stretch(35, 40, NOW + HOUR)
    found = holder(KILLED, "ann", [(way, [stretch(1, 15), late])], {grant("sport")})
    assert found is not None
    assert found.fetched is None


def test_whoever_was_given_a_story_that_was_brought_back_waits_for_its_kill_no_more():
    back = replace(KILLED, since=(35,))
    given = [(LATEST, [stretch(1, 29), stretch(31, 34, NOW + 1)])]
    for held, has_it in ((given, False), ([*given, ("wire", [stretch(31, 40, NOW + 2)])], True)):
        found = holder(back, "ann", held, {grant("sport")})
        assert found is not None
        assert (found.fetched is not None) is has_it


HALF = HOUR // 2


@pytest.mark.parametrize(
    ("grants", "level"),
    [
        ([grant("sport")], Level.FULL),
        ([grant("sport", level=Level.SUMMARY)], Level.SUMMARY),
        ([grant("sport", level=Level.SUMMARY), grant("sport")], Level.FULL),
        ([grant("money")], None),
        ([], None),
        # Its delay has ended for who has everything up to 25, and not yet at 15.
        ([grant("sport", delay=HALF)], Level.FULL),
        ([grant("sport", delay=HALF + 1)], Level.SUMMARY),
    ],
)
def test_its_level_is_the_most_that_its_plans_showed(grants, level):
    end = Announced(position=25, at=NOW - HALF, after=frozenset({SPORT}), delay=HALF)
    killed = replace(KILLED, announced=(*KILLED.announced, end))
    found = holder(killed, "ann", [("wire", [stretch(1, 25)])], grants)
    assert (found and found.level) == level
    if level is Level.FULL and grants[0].delay:
        early = holder(killed, "ann", [("wire", [stretch(1, 15)])], grants)
        assert early is not None
        assert early.level is Level.SUMMARY


def test_a_story_under_embargo_was_only_for_those_who_are_early():
    secret = replace(KILLED.announced[0], after=frozenset({replace(SPORT, early=True)}))
    killed = replace(KILLED, announced=(secret,))
    given = [("wire", [stretch(1, 15)])]
    assert holder(killed, "ann", given, {grant("sport")}) is None
    assert holder(killed, "ann", given, {grant("sport", early=True)}) is not None


def test_whoever_has_the_kill_by_one_way_has_it():
    given = [(LATEST, [stretch(1, 15, 5)]), ("wire", [stretch(1, 29, 7), stretch(30, 30, NOW + 9)])]
    found = holder(KILLED, "ann", given, {grant("sport")})
    assert found is not None
    assert found.fetched == NOW + 9
    assert [(way.name, way.fetched) for way in found.ways] == [(LATEST, None), ("wire", NOW + 9)]
    # It cannot have had it before it was there.
    assert found.since == KILLED.announced[0].at


# --- filters -------------------------------------------------------------------------------------


def filtered(*topics: str, languages: tuple[str, ...] = (), plans=None) -> tuple[str, Filter]:
    following = Following(topics=frozenset(topics), languages=frozenset(languages))
    return way_through("wire", following.mark, plans), Filter(following=following, plans=plans)


@pytest.mark.parametrize(
    ("asked", "has_it"),
    [
        (filtered(), True),
        (filtered("sport"), True),
        (filtered("sport", "money"), True),
        (filtered("money"), False),
        (filtered(languages=("en",)), True),
        (filtered("sport", languages=("tr",)), False),
        (filtered(plans=frozenset({"p"})), True),
        (filtered(plans=frozenset({"other"})), False),
    ],
)
def test_what_was_outside_of_a_filter_was_neither_given_nor_is_its_kill(asked, has_it):
    way, part = asked
    kept = {filter_name(way): part}
    given = [(way, [stretch(1, 29), stretch(30, 30, NOW)])]
    found = holder(KILLED, "ann", given, {grant("sport")}, filters=kept)
    assert (found is not None) is has_it
    # It has the story otherwise, and then the kill as well if it came through the filter.
    besides = [*given, (LATEST, [stretch(1, 15)])]
    found = holder(KILLED, "ann", besides, {grant("sport")}, filters=kept)
    assert found is not None
    assert (found.fetched is not None) is has_it


def test_a_kill_that_went_elsewhere_since_is_not_given_through_the_filter():
    """It moved out of what is followed, and was withheld there."""
    way, part = filtered("sport")
    killed = replace(KILLED, told=frozenset({replace(SPORT, topics=frozenset({"money"}))}))
    given = [(way, [stretch(1, 29), stretch(30, 30, NOW)])]
    grants = {grant("sport"), grant("money")}
    found = holder(killed, "ann", given, grants, filters={filter_name(way): part})
    assert found is not None
    assert found.fetched is None


def test_through_a_filter_that_is_not_kept_any_story_may_have_come_and_no_kill_is_sure_to_have():
    way = beyond(filtered("money")[0])
    given = [(way, [stretch(1, 29), stretch(30, 30, NOW)])]
    found = holder(KILLED, "ann", given, {grant("sport")})
    assert found is not None
    assert (found.fetched, found.ways[0].filter) == (None, None)


def test_two_filters_have_two_names_and_the_same_one_has_one():
    names = {filtered("a", "b")[0], filtered("b", "a")[0], filtered("a")[0], filtered()[0]}
    assert len(names) == 3
    assert "wire" in names
    narrowed = {filtered("a", plans=frozenset({n}))[0] for n in ("p", "q")}
    assert len(narrowed | names) == 5


# --- in doubt, gone, too late --------------------------------------------------------------------


def test_a_kill_in_a_stretch_that_is_in_doubt_was_not_given():
    doubtful = Interval(first=1, last=40, since=0, sure=False)
    found = holder(KILLED, "ann", [("wire", [doubtful])], {grant("sport")})
    assert found is not None
    assert found.fetched is None


def test_what_was_given_when_the_story_was_gone_had_no_version_of_it():
    """A backfill goes over the places where its versions were."""
    late = stretch(1, 40, NOW + HOUR)
    assert holder(KILLED, "ann", [("wire", [late])], {grant("sport")}) is None
    # The clock of another process may be off by a little.
    assert holder(KILLED, "ann", [("wire", [stretch(1, 40, NOW + 1)])], {grant("sport")})


def test_who_is_gone_waits_for_nothing_and_has_it_all_the_same():
    given = [("wire", [stretch(1, 15)])]
    gone = holder(KILLED, "ann", given, {grant("sport")}, gone=NOW)
    there = holder(KILLED, "ann", given, {grant("sport")})
    assert gone is not None
    assert there is not None
    assert (gone.waits, gone.gone, there.waits) == (False, NOW, True)


def test_one_story_asked_for_may_have_been_full_once_its_delay_was_over():
    end = Announced(position=25, at=NOW - HALF, after=frozenset({SPORT}), delay=HALF)
    killed = replace(KILLED, announced=(*KILLED.announced, end))
    for way, level in ((ONE_STORY, Level.FULL), ("wire", Level.SUMMARY)):
        found = holder(killed, "ann", [(way, [stretch(10, 10)])], {grant("sport", delay=HALF)})
        assert found is not None
        assert found.level is level
