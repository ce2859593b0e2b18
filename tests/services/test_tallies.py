"""What is counted and not yet written: nothing is lost, nothing counted twice, all is bounded."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.agency import MINUTE, SECOND
from wirefeed.domain.sightings import Refused
from wirefeed.services.tallies import Latest, Tallies, Tally

REFUSED = Refused(subscriber="a", at=1, credential="t", reason="r", route="/", network="n")


def tallies(room: int = 100, each: int = 100) -> Tallies:
    return Tallies(room, each=each)


def test_uses_are_added_up_until_they_are_written_down():
    counted = tallies()
    for now in (5, 7, 9):
        counted.note(("k",), now, readers=now)
    assert counted.due(9) == [(("k",), Tally(first=5, last=9, requests=3, readers=9))]


def test_what_was_written_down_rests_for_a_minute():
    counted = tallies()
    counted.note(("k",), 0)
    counted.written(counted.due(0), 0)
    assert counted.due(0) == []
    counted.note(("k",), SECOND)
    assert counted.due(MINUTE - 1) == []
    assert [tally.requests for _, tally in counted.due(MINUTE - 1, all_=True)] == [1]
    ((_, tally),) = counted.due(MINUTE)
    assert (tally.first, tally.last, tally.requests) == (SECOND, SECOND, 1)


def test_what_comes_while_it_is_written_down_is_kept():
    counted = tallies()
    counted.note(("k",), 0)
    due = counted.due(0)
    counted.note(("k",), 1)
    counted.written(due, 1)
    ((_, tally),) = counted.due(MINUTE + 1)
    assert tally.requests == 1


def test_a_clock_that_is_set_back_makes_nothing_wait():
    counted = tallies()
    counted.note(("k",), 9 * MINUTE)
    counted.written(counted.due(9 * MINUTE), 9 * MINUTE)
    counted.note(("k",), 5 * MINUTE)
    assert len(counted.due(5 * MINUTE)) == 1


def test_what_is_out_of_use_is_forgotten_and_nothing_else():
    counted = tallies()
    for name in ("waits", "rests", "old"):
        counted.note((name,), 0)
    counted.written([one for one in counted.due(0) if one[0] != ("waits",)], 0)
    counted.note(("rests",), 1)
    counted.written(counted.due(1, all_=True)[1:], MINUTE)
    counted.forget(MINUTE)
    assert set(counted._held) == {("waits",), ("rests",)}
    assert set(counted._of) == {"waits", "rests"}


def test_one_that_is_seen_everywhere_leaves_room_for_others():
    counted = tallies(room=10, each=3)
    for n in range(8):
        counted.note(("k", str(n)), n)
    counted.note(("other", "1"), 9)
    assert len(counted) == 4
    assert counted.dropped == 5


@given(st.integers(0, 5), st.integers(1, 3), st.lists(st.tuples(*[st.sampled_from("abcd")] * 2)))
def test_there_are_never_more_than_there_is_room_for(room, each, uses):
    counted = tallies(room, each)
    for now, use in enumerate(uses):
        counted.note(use, now)
    assert len(counted) <= room
    assert all(number <= each for number in counted._of.values())
    assert sum(t.requests for _, t in counted.due(0)) + counted.dropped == len(uses)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["write", "fail", "forget"]),
            st.integers(0, 90).map(lambda seconds: seconds * SECOND),
        )
    )
)
def test_every_use_is_written_down_once_and_each_at_most_once_a_minute(doings):
    counted, now, uses, written = tallies(), 0, 0, 0
    last: dict[object, int] = {}
    for doing in doings:
        match doing:
            case int():
                now += doing
            case "write":
                due = counted.due(now)
                counted.written(due, now)
                for what, tally in due:
                    assert now - last.get(what, -MINUTE) >= MINUTE
                    last[what] = now
                    written += tally.requests
            case "fail":
                counted.due(now)
            case "forget":
                counted.forget(now)
            case name:
                counted.note((name,), now)
                uses += 1
    assert written + sum(t.requests for _, t in counted.due(now, all_=True)) == uses


# --- refusals ------------------------------------------------------------------------------------


def test_the_last_refusals_of_each_are_kept_in_their_order():
    kept = Latest(10, each=2)
    for at in range(3):
        kept.note(replace(REFUSED, at=at))
        kept.note(replace(REFUSED, at=at, subscriber="b"))
    assert [(one.subscriber, one.at) for _, one in kept.due()] == [
        ("a", 1),
        ("b", 1),
        ("a", 2),
        ("b", 2),
    ]


def test_refusals_that_come_while_others_are_written_down_are_kept():
    kept = Latest(10, each=2)
    for at in range(2):
        kept.note(replace(REFUSED, at=at))
    due = kept.due()
    kept.note(replace(REFUSED, at=2))
    kept.written(due)
    assert [one.at for _, one in kept.due()] == [2]
    kept.written(kept.due())
    assert kept._held == {}


@pytest.mark.parametrize("subscribers", [1, 1_000])
def test_refusals_are_bounded(subscribers: int):
    kept = Latest(100, each=5)
    for n in range(10_000):
        kept.note(replace(REFUSED, subscriber=str(n % subscribers)))
    assert len(kept.due()) == 5 * min(subscribers, 100)
    assert (kept.dropped > 0) is (subscribers > 100)
