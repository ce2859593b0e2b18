"""The polite limit: a bucket for each client, in bounded memory."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.agency import HOUR, MINUTE, SECOND, START
from wirefeed.domain.errors import Overdrawn
from wirefeed.services.quotas import Left, Quotas


def taken(quotas: Quotas, times: int, now: int = START, client: str = "ann") -> int:
    """Ask so many times; give how many were answered."""
    answered = 0
    for _ in range(times):
        try:
            quotas.spend(client, now)
        except Overdrawn:
            continue
        answered += 1
    return answered


def wait(quotas: Quotas, now: int = START) -> int:
    with pytest.raises(Overdrawn) as refused:
        quotas.spend("ann", now)
    return refused.value.wait


def test_a_minutes_answers_may_be_taken_at_once_and_no_more():
    assert taken(Quotas(60), 100) == 60


def test_a_bucket_fills_all_the_time():
    quotas = Quotas(60)
    taken(quotas, 60)
    assert taken(quotas, 5, START + SECOND - 1) == 0
    assert taken(quotas, 5, START + SECOND) == 1
    assert taken(quotas, 5, START + 4 * SECOND) == 3
    assert taken(quotas, 100, START + HOUR) == 60


def test_whoever_waits_as_long_as_told_is_answered():
    quotas = Quotas(7)
    taken(quotas, 7)
    # 60 s / 7 = 8.57 s
    assert wait(quotas) == 9
    assert taken(quotas, 2, START + 9 * SECOND) == 1


def test_a_wait_is_a_second_at_the_least():
    quotas = Quotas(300_000)
    taken(quotas, 300_000)
    assert wait(quotas) == 1


def test_it_is_said_what_the_quota_is():
    quotas = Quotas(7)
    taken(quotas, 7)
    with pytest.raises(Overdrawn, match="If-None-Match") as refused:
        quotas.spend("ann", START)
    assert (refused.value.quota, refused.value.window) == (7, 60)


def test_what_is_refused_is_not_counted():
    quotas = Quotas(60)
    taken(quotas, 10_000)
    assert taken(quotas, 5, START + SECOND) == 1


def test_each_client_has_its_own_bucket():
    quotas = Quotas(3)
    assert [taken(quotas, 5, client=c) for c in ("ann", "bob", "ann")] == [3, 3, 0]


def test_a_limit_of_none_counts_nobody():
    quotas = Quotas(0)
    assert taken(quotas, 1000) == 1000
    assert len(quotas) == 0


def test_a_clock_that_is_set_back_locks_nobody_out():
    quotas = Quotas(60)
    taken(quotas, 60)
    assert taken(quotas, 1, START - HOUR) == 1


def test_who_asked_last_is_remembered_within_a_bound():
    quotas = Quotas(1, clients=3)
    for client in ("ann", "bob", "cem"):
        assert taken(quotas, 1, client=client) == 1
    assert taken(quotas, 1, START + MINUTE, client="ann") == 1
    assert taken(quotas, 1, START + MINUTE, client="dee") == 1
    assert len(quotas) == 3
    # Bob was forgotten, ann was not.
    assert taken(quotas, 1, START + MINUTE, client="ann") == 0
    assert taken(quotas, 1, START + MINUTE, client="bob") == 1


@given(
    per_minute=st.integers(1, 2000),
    gaps=st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=60),
)
def test_it_gives_what_a_bucket_gives_that_is_written_down_by_the_book(
    per_minute: int, gaps: list[int]
):
    quotas = Quotas(per_minute)
    now, level = START, Fraction(per_minute)
    for gap in gaps:
        now += gap
        level = min(Fraction(per_minute), level + Fraction(gap * per_minute, MINUTE))
        answered = min(40, int(level))
        assert taken(quotas, 40, now) == answered
        level -= answered


def test_what_is_left_is_told_and_costs_nothing():
    quotas = Quotas(2)
    whole = quotas.left("a", START)
    assert whole == Left(quota=2, window=60, answers=2, whole_in=0)
    quotas.spend("a", START)
    assert quotas.left("a", START) == quotas.left("a", START)
    assert quotas.left("a", START) == Left(quota=2, window=60, answers=1, whole_in=30)
    quotas.spend("a", START)
    assert quotas.left("a", START) == Left(quota=2, window=60, answers=0, whole_in=60)
    assert quotas.left("a", START + 60_000_000) == whole
    assert quotas.left("b", START) == whole


def test_without_a_limit_nothing_is_left_to_tell():
    assert Quotas(0).left("a", START) is None
