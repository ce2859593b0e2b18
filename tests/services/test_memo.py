"""What is remembered: as long as it holds, and never beyond."""

import asyncio
from collections import Counter
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.agency import START, Agency, Clock
from wirefeed.domain.errors import NotFound
from wirefeed.services.follower import Follower
from wirefeed.services.memo import Memo


class Shelf:
    """Something to load from, and how often that was done."""

    def __init__(self) -> None:
        self.value = "old"
        self.until: int | None = None
        self.loads = 0
        self.open = asyncio.Event()
        self.open.set()
        self.has_begun = asyncio.Event()

    async def load(self) -> tuple[str, int | None]:
        self.loads += 1
        value = self.value
        self.has_begun.set()
        await self.open.wait()
        if value == "missing":
            raise NotFound
        return value, self.until


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
async def memo(agency: Agency, clock: Clock) -> Memo[str, str]:
    return Memo(agency.services.follower, 3, clock)


async def test_it_is_loaded_once_however_many_ask(memo: Memo[str, str]):
    shelf = Shelf()
    found = await asyncio.gather(*(memo.fetch("a", shelf.load) for _ in range(50)))
    assert set(found) == {"old"}
    assert await memo.fetch("a", shelf.load) == memo.get("a") == "old"
    assert shelf.loads == 1


@pytest.mark.parametrize(("before", "after"), [("old", "new"), ("missing", "new")])
async def test_a_load_that_began_before_a_change_is_neither_kept_nor_given(
    memo: Memo[str, str], before, after
):
    shelf = Shelf()
    shelf.value = before
    shelf.open.clear()
    early = asyncio.create_task(memo.fetch("a", shelf.load))
    await shelf.has_begun.wait()
    shelf.value = after
    memo.forget(lambda key, _: key == "a")
    # Whoever comes after the change joins the load that began before it.
    late = asyncio.create_task(memo.fetch("a", shelf.load))
    await asyncio.sleep(0)
    shelf.open.set()
    assert await late == await early == memo.get("a") == after
    assert shelf.loads == 2


async def test_who_goes_away_leaves_the_others_what_was_begun(memo: Memo[str, str]):
    shelf = Shelf()
    shelf.open.clear()
    first = asyncio.create_task(memo.fetch("a", shelf.load))
    await shelf.has_begun.wait()
    second = asyncio.create_task(memo.fetch("a", shelf.load))
    await asyncio.sleep(0)
    first.cancel()
    shelf.open.set()
    assert await second == "old"
    assert shelf.loads == 1


async def test_a_failure_is_told_to_all_and_not_remembered(memo: Memo[str, str]):
    shelf = Shelf()
    shelf.value = "missing"
    for _ in range(2):
        with pytest.raises(NotFound):
            await memo.fetch("a", shelf.load)
    shelf.value = "there"
    assert await memo.fetch("a", shelf.load) == "there"


async def test_the_clock_ends_what_it_changes(memo: Memo[str, str], clock: Clock):
    shelf = Shelf()
    shelf.until = clock.now + 10
    await memo.fetch("a", shelf.load)
    clock.advance(9)
    assert memo.get("a") == "old"
    clock.advance(1)
    assert memo.get("a") is None
    await memo.fetch("a", shelf.load)
    assert shelf.loads == 2


async def test_nothing_is_given_at_once_when_the_lease_is_over(agency: Agency, clock: Clock):
    moments = [0.0]
    services = agency.services
    follower = Follower(
        services.database, services.presence, Counter(), monotonic=lambda: moments[0]
    )
    memo: Memo[str, str] = Memo(follower, 3, clock)
    shelf = Shelf()
    await memo.fetch("a", shelf.load)
    assert memo.get("a") == "old"
    moments[0] += 1
    assert memo.get("a") is None
    assert await memo.fetch("a", shelf.load) == "old"
    assert shelf.loads == 1


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=40))
def test_it_holds_no_more_than_its_bound_and_the_last_asked_for(steps):
    async def live() -> None:
        memo: Memo[str, str] = Memo(_Always(), 3, lambda: START)  # type: ignore[arg-type]
        recent: list[str] = []
        for key, forgets in steps:
            if forgets:
                memo.forget(partial(_is, key))
                recent = [one for one in recent if one != key]
            else:
                await memo.fetch(key, Shelf().load)
                recent = [*(one for one in recent if one != key), key][-3:]
            assert len(memo) == len(recent)
            assert all(memo._held.get(one) for one in recent)

    asyncio.run(live())


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.booleans()), max_size=40)
)
def test_what_is_weighed_is_held_within_its_bound_but_for_the_newest(steps):
    async def live() -> None:
        clock = Clock(START)
        memo: Memo[str, str] = Memo(_Always(), 10, clock, len)  # type: ignore[arg-type]
        for key, weight, dated in steps:
            memo.forget(partial(_is, key))
            shelf = Shelf()
            shelf.value, shelf.until = "x" * weight, clock.now + 3 if dated else None
            assert await memo.fetch(key, shelf.load) == shelf.value
            assert memo.get(key) == shelf.value
            held = [len(value) for value, _ in memo._held.values()]
            assert sum(held) <= max(10, held[-1])
            assert memo._weight == sum(held)
            clock.advance(1)
            for one in "abcdef":
                memo.get(one)

    asyncio.run(live())


def test_a_heavy_one_displaces_the_others_and_is_displaced_by_the_next():
    async def live() -> None:
        memo: Memo[str, str] = Memo(_Always(), 5, lambda: START, len)  # type: ignore[arg-type]
        left = []
        for key, value in (("a", "xx"), ("b", "xxx"), ("c", "x" * 50), ("d", "x"), ("e", "x")):
            shelf = Shelf()
            shelf.value = value
            await memo.fetch(key, shelf.load)
            left.append("".join(one for one in "abcde" if memo.get(one)))
        assert left == ["a", "ab", "c", "d", "de"]

    asyncio.run(live())


def _is(key: str, held: str, _: str) -> bool:
    return held == key


class _Always:
    """A lease that never ends."""

    head = object()

    async def current(self, _: float = 0) -> object:
        return self.head
