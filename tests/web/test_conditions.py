"""Dates as validators, where several processes answer: what bears a time may be known later."""

from bisect import bisect_right
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from wirefeed.services.follower import LEASE
from wirefeed.web.conditions import Conditions, Validators

SECOND = 1_000_000
#: How long a change may wait to be written, and be written and not be known to a process.
WRITES, LEARNS = 5 * SECOND, round(LEASE * SECOND)
START = 1_000 * SECOND


class Asked(NamedTuple):
    """When a process is asked, and how long ago it looked at the wire."""

    after: int
    looked: int


changes = st.lists(
    st.tuples(st.integers(0, 3 * SECOND), st.integers(0, WRITES)), min_size=1, max_size=6
)
asked = st.builds(Asked, st.integers(0, 12 * SECOND), st.integers(0, LEARNS))


@given(changes=changes, first=asked, again=asked)
def test_by_a_date_nobody_keeps_what_has_changed_or_is_given_what_was_before(changes, first, again):
    times, written = [], []
    at = done = START
    for after, waits in changes:
        # One after another, in the order of their times.
        at += after
        done = max(done, at + waits)
        times.append(at)
        written.append(done)

    def document(now: int, looked: int) -> tuple[int, Validators]:
        """Give how many changes a process knows of, and what it says of the document."""
        known = bisect_right(written, now - looked)
        return known, Validators("", times[known - 1] if known else START - SECOND, now)

    now = START + first.after
    seen, given_then = document(now, first.looked)
    client = Conditions(since=given_then.last_modified)
    known, at_hand = document(now + again.after, again.looked)

    if client.hold(at_hand):
        assert known <= seen
    elif not client.is_ahead(at_hand):
        assert known >= seen


def test_a_date_is_held_once_all_know_what_bears_it():
    known = Validators("", START, START + 20 * SECOND)
    held = Conditions(since=known.last_modified)

    assert held.hold(known)
    assert not held.is_ahead(known)
