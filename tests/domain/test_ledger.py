"""The ledger: which stretches of the wire somebody has, and what that says of a kill."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.access import Grant, Level
from wirefeed.domain.feeds import KILL_STAYS
from wirefeed.domain.ledger import (
    Announced,
    Interval,
    Killed,
    acknowledged,
    holder,
    joined,
    way_of,
)
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Audience

HOUR = 3_600_000_000
NOW = 500_000 * HOUR


def stretch(first: int, last: int, since: int = 0, told: int | None = None) -> Interval:
    return Interval(first=first, last=last, since=since, acknowledged=told)


@pytest.mark.parametrize(
    ("held", "new", "kills", "then"),
    [
        ([], (5, 9), [], [(5, 9)]),
        ([(1, 4)], (5, 9), [], [(1, 9)]),
        ([(1, 6)], (5, 9), [], [(1, 9)]),
        ([(1, 9)], (5, 7), [], [(1, 9)]),
        ([(5, 9)], (1, 4), [], [(1, 9)]),
        ([(1, 3)], (5, 9), [], [(1, 3), (5, 9)]),
        ([(1, 3), (5, 9)], (4, 4), [], [(1, 9)]),
        ([(1, 3), (6, 9)], (2, 20), [], [(1, 20)]),
        # A kill begins a stretch of its own.
        ([(1, 6)], (5, 9), [8], [(1, 6), (7, 9)]),
        ([(1, 6)], (5, 9), [6], [(1, 9)]),
        ([(1, 6), (7, 9)], (8, 12), [8], [(1, 6), (7, 12)]),
    ],
)
def test_what_touches_is_one_stretch(held, new, kills, then):
    found = joined([stretch(*one) for one in held], stretch(*new), kills)
    assert [(one.first, one.last) for one in found] == then


def test_too_many_are_joined_from_the_oldest_but_never_over_a_kill():
    held: tuple[Interval, ...] = ()
    for at in range(0, 60, 10):
        held = joined(held, stretch(at, at + 3, at), [15], most=3)
    assert [(one.first, one.last) for one in held] == [(0, 13), (20, 43), (50, 53)]


_adds = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), min_size=1, max_size=20)


@given(_adds, st.sets(st.integers(0, 72), max_size=6))
def test_stretches_hold_what_was_given_and_when_each_kill_was(adds, kills):
    in_order, got = sorted(kills), set[int]()
    held: tuple[Interval, ...] = ()
    times: dict[int, int] = {}
    for now, (first, length) in enumerate(adds):
        new = stretch(first, first + length, now)
        held = joined(held, new, in_order)
        given = range(first, first + length + 1)
        got |= set(given)
        for kill in kills & set(given):
            times.setdefault(kill, now)
    covered = [at for one in held for at in range(one.first, one.last + 1)]
    assert covered == sorted(got)
    for kill, time in times.items():
        (one,) = (one for one in held if one.first <= kill <= one.last)
        assert one.since == time


def test_a_kill_is_acknowledged_by_a_position_at_it_or_beyond():
    held = [stretch(1, 6), stretch(7, 12)]
    assert acknowledged(held, 7, 99, [8]) == tuple(held)
    (before, told) = acknowledged(held, 8, 99, [8])
    assert (before.acknowledged, told.acknowledged) == (None, 99)
    # It was acknowledged once, and that is when.
    assert acknowledged([before, told], 12, 100, [8]) == (before, told)


# --- a kill --------------------------------------------------------------------------------------

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
        (LATEST, [], False, False),
    ],
)
def test_who_was_given_a_version_may_have_it(way, held, has_it, has_kill):
    found = holder(KILLED, "ann", [(way, [stretch(*one) for one in held])], {grant("sport")})
    assert (found is not None) is has_it
    assert (found is not None and found.fetched is not None) is has_kill


@pytest.mark.parametrize(
    ("days", "way", "has_kill"), [(1, LATEST, True), (8, LATEST, False), (1, "wire", False)]
)
def test_a_feed_shows_a_kill_for_a_week_though_it_goes_no_further_back(days, way, has_kill):
    late = stretch(35, 40, NOW + days * KILL_STAYS // 7)
    found = holder(KILLED, "ann", [(way, [stretch(1, 15), late])], {grant("sport")})
    assert found is not None
    assert (found.fetched is not None) is has_kill


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
