"""The ledger: which stretches of the wire somebody has, and since when."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.ledger import MOST, Interval, Stretch, acknowledged, all_joined, joined
from wirefeed.domain.plans import DAY


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


# --- kills that nobody watches any more ----------------------------------------------------------

WEEK = 7 * DAY


def test_a_kill_that_nobody_watches_divides_nothing_and_is_known_to_have_come_by_its_end():
    held = [stretch(1, 9, 10), stretch(10, 19, 30), stretch(20, 29, 50)]
    (one,) = all_joined(held, [stretch(30, 30, 70)], [], settled=25)
    assert one == Interval(first=1, last=30, since=10, late=50)
    # What comes after it has no such kill, and moves its time no more.
    (later,) = all_joined([one], [stretch(31, 40, 90)], [], settled=25)
    assert (later.last, later.had) == (40, 50)


def test_old_kills_are_known_to_the_month_however_long_it_goes_on():
    held: tuple[Interval, ...] = ()
    for day in range(1000):
        at = 10 * day
        held = all_joined(held, [stretch(at, at + 9, day * DAY)], [], settled=at + 9)
    assert len(held) <= 1000 // 30 + 1
    for day in range(1000):
        (one,) = (one for one in held if one.first <= 10 * day <= one.last)
        assert day * DAY <= one.had <= (day + 30) * DAY


def test_of_an_old_kill_that_may_not_have_been_given_nobody_says_that_it_was():
    held: tuple[Interval, ...] = ()
    for at in range(0, 60, 10):
        held = joined(held, stretch(at, at + 3, at), [], settled=30, most=3)
    assert [(one.first, one.last, one.sure) for one in held] == [
        (0, 33, False),
        (40, 43, True),
        (50, 53, True),
    ]
    # Nothing was given of it in between, but there was no kill either.
    beyond = joined(held, stretch(60, 63), [], settled=30, most=3)
    assert [(one.first, one.last, one.sure) for one in beyond] == [
        (0, 43, False),
        (50, 53, True),
        (60, 63, True),
    ]


def test_what_is_in_doubt_does_not_spread_to_what_touches_it():
    doubtful = Interval(first=0, last=9, since=0, sure=False)
    assert joined([doubtful], stretch(10, 19), [], settled=19) == (doubtful, stretch(10, 19))
    assert [one.last for one in joined([doubtful], stretch(10, 19), [], settled=9)] == [19]


_polls = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 12), st.booleans()),
    min_size=1,
    max_size=120,
)


@given(_polls, st.sets(st.integers(0, 2_000), max_size=80), st.integers(1, 8))
def test_however_much_is_given_it_stays_bounded_and_claims_no_kill_that_was_not(polls, kills, most):
    """Days pass, the wire goes on by twelve a day; somebody polls with gaps, and acknowledges."""
    held: tuple[Interval, ...] = ()
    day, at, given, times = 0, 0, set[int](), dict[int, int]()
    for days, gap, length, tells in polls:
        day += days
        at = max(at + gap, 12 * day)
        now, settled = day * DAY, max((k for k in kills if k < 12 * (day - 7)), default=0)
        recent = sorted(k for k in kills if settled < k <= at + length)
        held = joined(held, stretch(at, at + length, now), recent, settled=settled, most=most)
        given |= set(range(at, at + length + 1))
        for kill in kills & given:
            times.setdefault(kill, now)
        if tells:
            held = acknowledged(held, at + length, now, recent)
        at += length + 1
        # No more than is allowed, but for the kills that are watched.
        assert len(held) <= most + len(recent)
        assert [one.first for one in held] == sorted(one.first for one in held)
        assert all(a.last < b.first for a, b in pairwise(held))
        covered = {p for one in held for p in range(one.first, one.last + 1)}
        assert given <= covered
        for kill in kills & covered:
            (one,) = (one for one in held if one.first <= kill <= one.last)
            if kill in recent:
                assert kill in given
                assert (one.sure, one.had) == (True, times[kill])
            elif one.sure:
                assert kill in given
                assert one.had >= times[kill]


def test_a_thousand_kills_polled_without_a_gap_are_a_few_stretches():
    held: tuple[Interval, ...] = ()
    kills = range(100, 100_001, 100)
    # 1,000 positions and so 10 kills a day.
    for last in range(50, 100_001, 50):
        week_ago = last - 7_000
        settled = max(0, week_ago // 100 * 100)
        recent = [kill for kill in kills if settled < kill <= last]
        new = stretch(last - 49, last, last * DAY // 1_000)
        held = joined(held, new, recent, settled=settled)
    assert len(held) <= 70 + MOST


@pytest.mark.parametrize(
    ("shown", "kills", "settled", "held"),
    [
        (None, [8, 12], 0, [(5, 15, True)]),
        ((8, 12), [8, 12], 0, [(5, 15, True)]),
        # A kill that it does not show is not held,
        ((8,), [8, 12], 0, [(5, 11, True), (13, 15, True)]),
        ((), [5, 6, 15], 0, [(7, 14, True)]),
        # one from before it that it does show is,
        ((2, 8), [2, 8, 12], 0, [(2, 2, True), (5, 11, True), (13, 15, True)]),
        # and of those that are so old that nobody knows where they are none is for sure.
        ((), [12], 9, [(5, 9, False), (10, 11, True), (13, 15, True)]),
        ((7,), [12], 9, [(7, 7, True), (5, 9, False), (10, 11, True), (13, 15, True)]),
        ((), [], 20, [(5, 15, False)]),
    ],
)
def test_what_shows_only_some_kills_gives_no_others(shown, kills, settled, held):
    given = Stretch(first=5, last=15, kills=shown).given(70, kills, settled)
    assert [(one.first, one.last, one.sure) for one in given if one.since == 70] == held


def test_a_kill_that_is_shown_late_makes_nothing_around_it_later():
    """Else whoever had what is behind it before that was killed would not have had it."""
    held = (stretch(1, 7, 10), stretch(9, 20, 10))
    assert joined(held, stretch(8, 8, 50), [8]) == (held[0], stretch(8, 8, 50), held[1])
    # Where there are too many, the time of the kill is told apart.
    (_, one) = joined(held, stretch(8, 8, 50), [8], most=2)
    assert (one.first, one.last, one.since, one.had) == (8, 20, 10, 50)
