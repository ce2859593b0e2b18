"""Failures by network: two windows that move, in bounded memory."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.agency import HOUR, MINUTE, SECOND, Clock
from wirefeed.services.guessing import Guesses

HOME, NEIGHBOUR = "203.0.113.0/24", "2001:db8:1:2::/64"


def guesses(clock: Clock, **limits: int) -> Guesses:
    return Guesses(**{"per_minute": 3, "per_hour": 0} | limits, clock=clock)


async def fail(counted: Guesses, times: int, network: str = HOME) -> list[int]:
    return [await counted.failed(network) for _ in range(times)]


async def test_beyond_the_limit_there_is_a_wait():
    assert await fail(guesses(Clock()), 5) == [0, 0, 0, 60, 60]


async def test_whoever_only_asks_how_long_to_wait_is_not_counted():
    clock = Clock()
    counted = guesses(clock)
    assert [counted.waits(HOME) for _ in range(5)] == [0] * 5
    await fail(counted, 3)
    assert (counted.waits(HOME), counted.waits(NEIGHBOUR)) == (60, 0)
    clock.advance(60 * SECOND)
    assert counted.waits(HOME) == 0
    assert Guesses(per_minute=0, per_hour=0, clock=clock).waits(HOME) == 0


async def test_each_network_has_its_own_count():
    counted = guesses(Clock())
    await fail(counted, 5)
    assert await fail(counted, 4, NEIGHBOUR) == [0, 0, 0, 60]


async def test_the_window_moves_with_each_failure_in_it():
    clock = Clock()
    counted = guesses(clock)
    for _ in range(3):
        await fail(counted, 1)
        clock.advance(10 * SECOND)
    assert await fail(counted, 1) == [30]
    clock.advance(30 * SECOND - 1)
    assert await fail(counted, 1) == [1]
    clock.advance(1)
    assert await fail(counted, 2) == [0, 10]


async def test_what_was_told_to_wait_is_not_counted():
    clock = Clock()
    counted = guesses(clock)
    await fail(counted, 3)
    for _ in range(59):
        clock.advance(SECOND)
        assert await fail(counted, 1) != [0]
    clock.advance(SECOND)
    assert await fail(counted, 4) == [0, 0, 0, 60]


async def test_the_hour_has_a_limit_of_its_own_and_asks_for_no_more_than_a_minute():
    clock = Clock()
    counted = guesses(clock, per_hour=5)
    assert await fail(counted, 4) == [0, 0, 0, 60]
    clock.advance(MINUTE)
    assert await fail(counted, 3) == [0, 0, 60]
    clock.advance(HOUR - MINUTE - SECOND)
    assert await fail(counted, 1) == [1]
    clock.advance(SECOND)
    assert await fail(counted, 4) == [0, 0, 0, 60]


@pytest.mark.parametrize("clock", [Clock(), Clock(now=0)])
async def test_a_limit_of_nought_is_none(clock: Clock):
    counted = guesses(clock, per_minute=0)
    assert set(await fail(counted, 1_000)) == {0}
    assert not counted._failures


async def test_a_clock_that_is_set_back_locks_nobody_out():
    clock = Clock()
    counted = guesses(clock)
    await fail(counted, 4)
    clock.advance(-HOUR)
    assert await fail(counted, 4) == [0, 0, 0, 60]


@given(
    st.integers(1, 6),
    st.integers(0, 12),
    st.lists(st.integers(0, 2 * MINUTE // SECOND).map(lambda s: s * SECOND), max_size=60),
)
async def test_no_window_ever_holds_more_than_its_limit(
    per_minute: int, per_hour: int, pauses: list[int]
):
    clock = Clock()
    counted = guesses(clock, per_minute=per_minute, per_hour=per_hour)
    answered: list[int] = []
    for pause in pauses:
        clock.advance(pause)
        limits = [(per_minute, MINUTE), *([(per_hour, HOUR)] if per_hour else [])]
        full = any(sum(clock.now - at < span for at in answered) >= n for n, span in limits)
        wait = await counted.failed(HOME)
        assert (wait > 0) is full
        assert 0 <= wait <= 60
        if not full:
            answered.append(clock.now)


async def test_the_network_that_failed_longest_ago_is_forgotten_first():
    clock = Clock()
    counted = guesses(clock, per_minute=1, networks=2)
    await fail(counted, 1, "a")
    await fail(counted, 1, "b")
    assert await fail(counted, 1, "a") == [60]
    await fail(counted, 1, "c")
    assert await fail(counted, 1, "a") == [60]
    assert await fail(counted, 1, "b") == [0]


async def test_memory_is_bounded_whatever_comes():
    counted = Guesses(per_minute=60, per_hour=600, clock=Clock())
    for n in range(100_000):
        await counted.failed(f"2001:db8:{n >> 16:x}:{n & 0xFFFF:x}::/64")
    assert len(counted._failures) == 4096


async def test_a_network_that_never_stops_costs_5_kilobytes():
    """So that all the networks that are remembered cost 20 MB."""
    clock = Clock()
    counted = Guesses(per_minute=60, per_hour=600, clock=clock)
    told = []
    for _ in range(2_000):
        told += await fail(counted, 1)
        clock.advance(5 * SECOND)
    assert 600 < told.count(0) < 2_000
    assert sys.getsizeof(counted._failures[HOME]) < 5_500
