"""Redis holds what processes share, and is believed nothing: what is wrong with it is a miss."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.support.process import PATIENCE
from tests.support.redis_server import RedisServer, redis_server
from wirefeed.storage.cache import Cache, Turn
from wirefeed.storage.lru import Lru
from wirefeed.storage.redis_cache import RedisCache

SECRET = bytes(range(32))
KIND, KEY, OTHER = "document", bytes(16), b"x" * 16

Counts = Counter[tuple[str, ...]]
Process = Callable[..., RedisCache]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    running.flush()
    return running


@pytest.fixture
def counts() -> Counts:
    return Counter()


@pytest.fixture
async def process(server: RedisServer, counts: Counts) -> AsyncIterator[Process]:
    """Give caches as other processes have them, over one Redis; see that each ends clean."""

    async with AsyncExitStack() as stack:

        def another(**changed: object) -> RedisCache:
            settings = {
                "space": "log",
                "secret": SECRET,
                "seconds": 60,
                "counts": counts,
                # What is to be answered here is, also on a busy machine.
                "limit": PATIENCE,
            }
            cache = RedisCache(server.url, **{**settings, **changed})  # type: ignore[arg-type]
            stack.push_async_callback(cache.close)
            return cache

        yield another
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def written(cache: RedisCache) -> None:
    """Wait until nothing waits to be written."""
    if cache._writing is not None:
        await cache._writing


async def kept(cache: RedisCache, kind: str, key: bytes, value: bytes) -> None:
    cache.put(kind, key, value)
    await written(cache)


def name(server: RedisServer, kind: str, key: bytes) -> str:
    (found,) = server.client.keys(f"wf:*:{kind}:{key.hex()}")
    assert isinstance(found, bytes)
    return found.decode()


@pytest.mark.parametrize(
    "value", [b"", b"x", bytes(range(256)), b"$5\r\nhello\r\n", bytes(2_000_000)], ids=len
)
async def test_what_one_process_wrote_another_reads(process: Process, value: bytes):
    await kept(process(), KIND, KEY, value)

    assert await process().get(KIND, KEY) == value
    assert await process().get("gzip", KEY) is None
    assert await process().get(KIND, OTHER) is None


async def test_it_is_kept_for_its_time(server: RedisServer, process: Process):
    await kept(process(seconds=60), KIND, KEY, b"value")

    assert 30_000 < server.client.pttl(name(server, KIND, KEY)) <= 60_000


async def test_another_log_has_names_of_its_own(process: Process, counts: Counts):
    await kept(process(), KIND, KEY, b"value")

    assert await process(space="restored").get(KIND, KEY) is None
    assert counts == Counter()


async def test_bytes_under_a_seal_of_somebody_else_are_a_miss(process: Process, counts: Counts):
    await kept(process(secret=b"theirs" * 4), KIND, KEY, b"value")

    assert await process().get(KIND, KEY) is None
    assert counts == {("cache", "forged"): 1}


async def test_an_entry_under_the_name_of_another_is_a_miss(
    server: RedisServer, process: Process, counts: Counts
):
    await kept(process(), KIND, KEY, b"full text")
    await kept(process(), KIND, OTHER, b"summary")
    server.client.copy(name(server, KIND, KEY), name(server, KIND, OTHER), replace=True)

    assert await process().get(KIND, OTHER) is None
    assert await process().turn(KIND, OTHER) is Turn.OURS
    assert counts == {("cache", "forged"): 2}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[1:],
        lambda sealed: sealed + b"\n",
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda sealed: sealed[16:],
        lambda _: b"",
        lambda _: b"<rss/>",
    ],
)
async def test_what_is_not_as_it_was_written_is_a_miss(
    server: RedisServer, process: Process, counts: Counts, spoil: Callable[[bytes], bytes]
):
    await kept(process(), KIND, KEY, b"value")
    entry = name(server, KIND, KEY)
    sealed = server.client.get(entry)
    assert isinstance(sealed, bytes)
    server.client.set(entry, spoil(sealed))

    assert await process().get(KIND, KEY) is None
    assert counts == {("cache", "forged"): 1}


async def test_a_value_of_another_type_is_a_miss_and_redis_is_still_asked(
    server: RedisServer, process: Process, counts: Counts
):
    cache = process()
    await kept(cache, KIND, KEY, b"value")
    await kept(cache, KIND, OTHER, b"other")
    entry = name(server, KIND, KEY)
    server.client.delete(entry)
    server.client.rpush(entry, b"value")

    for _ in range(5):
        assert await cache.get(KIND, KEY) is None
        assert await cache.turn(KIND, KEY) is Turn.UNKNOWN

    assert await cache.get(KIND, OTHER) == b"other"
    assert counts["cache", "redis-failed"] == 10


async def test_the_first_who_asks_has_the_turn_and_the_others_wait(process: Process):
    first, second = process(), process()

    assert await first.turn(KIND, KEY) is Turn.OURS
    assert await second.turn(KIND, KEY) is Turn.THEIRS
    assert await second.turn(KIND, OTHER) is Turn.OURS
    assert await second.turn("gzip", KEY) is Turn.OURS


async def test_a_turn_ends_with_the_value(process: Process):
    first, second = process(), process()
    assert await first.turn(KIND, KEY) is Turn.OURS

    first.put(KIND, KEY, b"value", awaited=True)
    await written(first)

    assert await second.turn(KIND, KEY) == b"value"


async def test_a_turn_of_one_who_failed_is_the_next_ones_at_once(
    server: RedisServer, process: Process
):
    first, second = process(), process()
    assert await first.turn(KIND, KEY) is Turn.OURS

    first.put(KIND, KEY, None, awaited=True)
    await written(first)

    assert server.client.keys() == []
    assert await second.turn(KIND, KEY) is Turn.OURS


async def test_a_turn_is_over_soon_after_the_last_sign_of_life(
    server: RedisServer, process: Process
):
    first = process()
    assert await first.turn(KIND, KEY) is Turn.OURS
    (turn,) = server.client.keys()
    server.client.pexpire(turn, 60_000)

    await first.stay(KIND, KEY)

    assert server.client.pttl(turn) <= 100


async def test_one_process_makes_it_and_the_others_have_it(process: Process, counts: Counts):
    """A machine that stands still for a moment may cost one more, so one round of five will do."""
    made = []
    for number in range(5):
        key = bytes([number]) * 16
        ending = asyncio.Event()

        async def make(key: bytes = key, ending: asyncio.Event = ending) -> bytes:
            made.append(key)
            ending.set()
            await asyncio.sleep(0)
            return key

        caches = [Cache(Lru(0), counts, process()) for _ in range(3)]
        told = await asyncio.gather(*(c.fetch(KIND, key, make) for c in caches for _ in range(20)))
        assert told == [key] * 60
        assert 1 <= made.count(key) <= len(caches)

    assert 1 in Counter(made).values()


async def test_one_who_is_gone_is_taken_over_from(process: Process, counts: Counts):
    gone, here = process(), Cache(Lru(0), counts, process())
    assert await gone.turn(KIND, KEY) is Turn.OURS

    async def make() -> bytes:
        return b"made here"

    # Were it not taken over, it would be made all the same after a second.
    async with asyncio.timeout(0.9):
        assert await here.fetch(KIND, KEY, make) == b"made here"


async def test_callers_that_go_away_cost_nobody_a_connection(process: Process):
    cache = process()
    for key in (KEY, OTHER):
        await kept(cache, KIND, key, key * 5_000)

    for _ in range(20):
        going = [asyncio.create_task(cache.get(KIND, key)) for key in (KEY, OTHER) * 10]
        await asyncio.sleep(0)
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        for key in (KEY, OTHER):
            # Skipped while what was left is still under way, but never another's.
            assert await cache.get(KIND, key) in {key * 5_000, None}

    assert await cache.get(KIND, KEY) == KEY * 5_000


async def test_a_crowd_is_answered_or_told_to_do_without(
    server: RedisServer, process: Process, counts: Counts
):
    cache = process()
    await kept(cache, KIND, KEY, b"value")

    told = await asyncio.gather(*(cache.get(KIND, KEY) for _ in range(1_000)))

    assert set(told) <= {b"value", None}
    assert told.count(b"value") == counts["cache", "redis"] > 0
    missed = counts["cache", "redis-skipped"] + counts["cache", "redis-failed"]
    assert told.count(None) == missed
    # One of them is the test's own.
    assert server.client.info("clients")["connected_clients"] <= 8 + 1


async def test_what_is_too_large_or_too_much_is_not_written(
    server: RedisServer, process: Process, counts: Counts
):
    cache = process()

    cache.put(KIND, KEY, bytes(9_000_000))
    assert cache._writing is None
    for number in range(20):
        cache.put(KIND, bytes([number]) * 16, bytes(4_000_000))
        assert cache._waiting <= 32 * 1024 * 1024
    skipped = counts["cache", "redis-skipped"]
    await cache.close()

    assert skipped == 1 + 20 - 8
    assert server.client.keys() == []
