"""The cache: made once for all who ask, whoever goes away and whatever fails."""

import asyncio
from collections import Counter

import pytest

from wirefeed.storage.cache import Cache, Turn
from wirefeed.storage.lru import Lru

KIND, KEY = "document", bytes(16)


class Making:
    """A making that waits until it is told how to end."""

    def __init__(self) -> None:
        self.begun = 0
        self.started = asyncio.Event()
        self.ending: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> bytes:
        self.begun += 1
        self.started.set()
        return await asyncio.shield(self.ending)


class InCommon:
    """What processes hold in common, as a test wants it to be."""

    def __init__(self, *turns: bytes | Turn) -> None:
        #: What is answered in turn; the last one for ever.
        self.turns = list(turns)
        self.asked = 0
        self.signs = asyncio.Semaphore(0)
        self.held: dict[tuple[str, bytes], bytes] = {}
        self.written: list[tuple[bytes | None, bool]] = []

    async def get(self, kind: str, key: bytes) -> bytes | None:
        return self.held.get((kind, key))

    async def turn(self, kind: str, key: bytes) -> bytes | Turn:
        assert (kind, key) == (KIND, KEY)
        self.asked += 1
        return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]

    async def stay(self, kind: str, key: bytes) -> None:
        assert (kind, key) == (KIND, KEY)
        self.signs.release()

    def put(self, kind: str, key: bytes, value: bytes | None, *, awaited: bool = False) -> None:
        assert (kind, key) == (KIND, KEY)
        self.written.append((value, awaited))

    async def close(self) -> None:
        self.turns = []


@pytest.fixture
def counts() -> Counter[tuple[str, ...]]:
    return Counter()


def cache_over(counts: Counter[tuple[str, ...]], shared: InCommon | None = None) -> Cache:
    return Cache(Lru(1 << 20), counts, shared)


async def made(value: bytes = b"made") -> bytes:
    return value


async def unwanted() -> bytes:
    raise AssertionError("it is held, and is made")


async def test_what_was_made_is_held(counts):
    cache = cache_over(counts)
    assert cache.held(KIND, KEY) is None
    assert await cache.find(KIND, KEY) is None

    assert await cache.fetch(KIND, KEY, made) == b"made"

    assert cache.held(KIND, KEY) == b"made"
    assert await cache.find(KIND, KEY) == b"made"
    assert await cache.fetch(KIND, KEY, unwanted) == b"made"
    assert counts == {("cache", "made"): 1, ("cache", "memory"): 3}


async def test_what_is_kept_is_held_under_its_kind_and_key_alone(counts):
    cache = cache_over(counts)

    cache.keep("gzip", KEY, b"1")

    assert cache.held("gzip", KEY) == b"1"
    assert cache.held("br", KEY) is None
    assert cache.held("gzip", b"x" * 16) is None


async def test_it_is_made_once_however_many_ask(counts):
    cache, making = cache_over(counts), Making()
    asking = [asyncio.create_task(cache.fetch(KIND, KEY, making)) for _ in range(100)]
    await making.started.wait()

    making.ending.set_result(b"made")

    assert await asyncio.gather(*asking) == [b"made"] * 100
    assert making.begun == counts["cache", "made"] == 1


async def test_it_says_how_many_wait_for_what_is_being_made(counts):
    cache, making = cache_over(counts), Making()
    assert cache.waiting(KIND, KEY) == 0
    asking = [asyncio.create_task(cache.fetch(KIND, KEY, making)) for _ in range(3)]
    await making.started.wait()
    assert cache.waiting(KIND, KEY) == 3
    assert cache.waiting("gzip", KEY) == 0

    # Who goes away waits no longer, and it is made all the same.
    for gone in asking[:2]:
        gone.cancel()
    await asyncio.gather(*asking[:2], return_exceptions=True)
    assert cache.waiting(KIND, KEY) == 1
    making.ending.set_result(b"made")

    assert await asking[2] == b"made"
    assert cache.waiting(KIND, KEY) == 0


async def test_other_names_are_made_at_the_same_time(counts):
    cache, slow = cache_over(counts), Making()
    waiting = asyncio.create_task(cache.fetch(KIND, KEY, slow))
    await slow.started.wait()

    assert await cache.fetch(KIND, b"x" * 16, made) == b"made"
    assert await cache.fetch("gzip", KEY, made) == b"made"

    slow.ending.set_result(b"slow")
    assert await waiting == b"slow"


async def test_one_who_asked_first_and_goes_away_does_not_end_it(counts):
    cache, making = cache_over(counts), Making()
    first = asyncio.create_task(cache.fetch(KIND, KEY, making))
    await making.started.wait()
    second = asyncio.create_task(cache.fetch(KIND, KEY, making))

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    making.ending.set_result(b"made")

    assert await second == b"made"
    assert making.begun == 1


async def test_what_all_went_away_from_is_held_when_it_is_made(counts):
    cache, making = cache_over(counts), Making()
    only = asyncio.create_task(cache.fetch(KIND, KEY, making))
    await making.started.wait()
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only

    making.ending.set_result(b"made")

    assert await cache.fetch(KIND, KEY, unwanted) == b"made"


async def test_a_failure_is_told_to_all_who_wait_and_to_nobody_after(counts):
    cache, making = cache_over(counts), Making()
    asking = [asyncio.create_task(cache.fetch(KIND, KEY, making)) for _ in range(3)]
    await making.started.wait()

    making.ending.set_exception(LookupError("gone"))

    told = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(error) for error in told] == [LookupError] * 3
    assert await cache.fetch(KIND, KEY, made) == b"made"
    assert counts == {("cache", "made"): 1}


async def test_whoever_waits_for_a_making_that_was_ended_makes_it(counts):
    cache, making = cache_over(counts), Making()
    asking = [asyncio.create_task(cache.fetch(KIND, KEY, making))]
    await making.started.wait()
    asking.append(asyncio.create_task(cache.fetch(KIND, KEY, made)))
    await asyncio.sleep(0)

    making.ending.cancel()

    told = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(told[0], asyncio.CancelledError)
    assert told[1] == b"made"


async def test_what_is_held_in_common_is_not_made(counts):
    shared = InCommon(b"shared")
    shared.held[KIND, KEY] = b"shared"

    assert await cache_over(counts, shared).find(KIND, KEY) == b"shared"
    assert await cache_over(counts, shared).fetch(KIND, KEY, unwanted) == b"shared"


async def test_what_came_from_the_others_is_held_here(counts):
    shared = InCommon(b"shared")
    cache = cache_over(counts, shared)

    assert await cache.fetch(KIND, KEY, unwanted) == b"shared"
    assert await cache.fetch(KIND, KEY, unwanted) == b"shared"

    assert shared.asked == 1
    assert shared.written == []
    assert cache.held(KIND, KEY) == b"shared"


async def test_whose_turn_it_is_makes_it_for_those_who_wait(counts):
    shared = InCommon(Turn.OURS)

    assert await cache_over(counts, shared).fetch(KIND, KEY, made) == b"made"

    assert shared.written == [(b"made", True)]


async def test_while_it_makes_it_gives_signs_of_life_and_none_after(counts):
    shared = InCommon(Turn.OURS)
    cache, making = cache_over(counts, shared), Making()
    asking = asyncio.create_task(cache.fetch(KIND, KEY, making))

    for _ in range(3):
        await shared.signs.acquire()
    making.ending.set_result(b"made")
    await asking
    beats = tuple(cache._beats)
    await asyncio.gather(*beats)

    assert len(beats) <= 1
    assert not cache._beats


async def test_who_fails_ends_its_turn_at_once(counts):
    shared = InCommon(Turn.OURS)
    cache, making = cache_over(counts, shared), Making()
    making.ending.set_exception(LookupError("gone"))

    with pytest.raises(LookupError):
        await cache.fetch(KIND, KEY, making)

    assert shared.written == [(None, True)]


async def test_it_waits_while_another_makes_it(counts):
    shared = InCommon(*[Turn.THEIRS] * 3, b"theirs")

    assert await cache_over(counts, shared).fetch(KIND, KEY, unwanted) == b"theirs"

    assert shared.asked == 4


async def test_it_takes_over_from_one_who_is_gone(counts):
    shared = InCommon(*[Turn.THEIRS] * 3, Turn.OURS)

    assert await cache_over(counts, shared).fetch(KIND, KEY, made) == b"made"

    assert shared.written == [(b"made", True)]


async def test_it_does_not_wait_for_ever_for_one_who_lives_and_does_not_end(counts):
    shared = InCommon(Turn.THEIRS)

    assert await cache_over(counts, shared).fetch(KIND, KEY, made) == b"made"

    # It was not its turn, so there is none to end.
    assert shared.written == [(b"made", False)]


async def test_it_is_made_at_once_when_nobody_can_say_whose_turn_it_is(counts):
    shared = InCommon(Turn.UNKNOWN)

    assert await cache_over(counts, shared).fetch(KIND, KEY, made) == b"made"

    assert shared.asked == 1
    assert shared.written == [(b"made", False)]


async def test_its_end_is_the_end_of_what_is_being_made(counts):
    shared = InCommon(Turn.OURS)
    cache, making = cache_over(counts, shared), Making()
    asking = asyncio.create_task(cache.fetch(KIND, KEY, making))
    await making.started.wait()
    making_task = cache._making[b"document:" + KEY]

    asking.cancel()
    await cache.close()

    assert making_task.cancelled()
    assert not cache._making
    assert not cache._beats
