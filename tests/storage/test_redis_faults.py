"""Whatever happens to Redis: no error, no wrong byte, nobody waits long, and it is found again."""

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.fault_proxy import Faults, fault_proxy
from tests.support.process import PATIENCE, running
from tests.support.redis_server import RedisServer, redis_server
from wirefeed.storage.cache import Cache, Turn
from wirefeed.storage.lru import Lru
from wirefeed.storage.redis_cache import RedisCache

KIND, KEY = "document", bytes(16)
#: Seconds that a call may take: some more than in service, since a busy machine is to be in time.
LIMIT = 0.25
#: What is never reached with that; the library left to itself takes 5 seconds, ten times over.
SOON = 1.0

Counts = Counter[tuple[str, ...]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


@pytest.fixture
def counts() -> Counts:
    return Counter()


@asynccontextmanager
async def cache_at(url: str, counts: Counts, limit: float = LIMIT) -> AsyncIterator[RedisCache]:
    cache = RedisCache(url, space="log", secret=bytes(32), seconds=60, counts=counts, limit=LIMIT)
    try:
        yield cache
    finally:
        await cache.close()


async def kept(cache: RedisCache, key: bytes, value: bytes) -> None:
    cache.put(KIND, key, value)
    if cache._writing is not None:
        await cache._writing


async def found(cache: RedisCache) -> bytes:
    """Ask until it is there in time: a busy machine may be late."""
    async with asyncio.timeout(PATIENCE):
        while not isinstance(held := await cache.turn(KIND, KEY), bytes):  # noqa: ASYNC110 - no word
            await asyncio.sleep(0.05)
    return held


async def lost(cache: RedisCache) -> None:
    """Ask until Redis is left alone."""
    for _ in range(3):
        assert not cache._guard.is_open
        begun = time.monotonic()
        assert await cache.get(KIND, KEY) is None
        assert time.monotonic() - begun < SOON
    assert cache._guard.is_open


async def found_again(cache: RedisCache) -> None:
    """Go on asking until Redis is asked as before."""
    async with asyncio.timeout(PATIENCE):
        while not cache._guard._breaker.is_closed:
            probing = cache._guard._probing
            assert probing is not None
            await asyncio.wait({probing})
            await cache.get(KIND, KEY)


Hurt = Callable[[RedisServer], None]


@pytest.mark.parametrize(
    ("hurt", "heal"),
    [(RedisServer.kill, RedisServer.start), (RedisServer.freeze, RedisServer.thaw)],
    ids=["killed", "frozen"],
)
async def test_one_that_is_away_is_left_alone_until_it_is_back(
    server: RedisServer, counts: Counts, hurt: Hurt, heal: Hurt
):
    async with cache_at(server.url, counts) as cache:
        await kept(cache, KEY, b"value")
        hurt(server)

        with capture_logs() as said:
            await lost(cache)
            failed = counts["cache", "redis-failed"]
            for _ in range(1_000):
                assert await cache.get(KIND, KEY) is None
                assert await cache.turn(KIND, KEY) is Turn.UNKNOWN
                cache.put(KIND, KEY, b"value")
            assert (failed, counts["cache", "redis-failed"]) == (3, 3)
            assert counts["cache", "redis-skipped"] == 3_000
            heal(server)
            await found_again(cache)

        assert [line["event"] for line in said] == ["redis lost", "redis back"]
        await kept(cache, KEY, b"value")
        assert await cache.get(KIND, KEY) == b"value"


async def test_one_that_was_never_there_costs_three_tries(counts: Counts):
    async with cache_at("redis://127.0.0.1:1/0", counts) as cache:
        await lost(cache)
        assert await cache.turn(KIND, KEY) is Turn.UNKNOWN

    assert counts == {("cache", "redis-failed"): 3, ("cache", "redis-skipped"): 1}


async def test_one_that_restarts_between_two_calls_is_asked_again(
    server: RedisServer, counts: Counts
):
    async with cache_at(server.url, counts) as cache:
        await kept(cache, KEY, b"value")
        server.restart()

        assert await cache.get(KIND, KEY) is None
        await kept(cache, KEY, b"value")
        assert await cache.get(KIND, KEY) == b"value"

    assert counts["cache", "redis-failed"] <= 1


def full(server: RedisServer) -> None:
    server.client.config_set("maxmemory-policy", "noeviction")
    server.client.config_set("maxmemory", "1")


def read_only(server: RedisServer) -> None:
    # Of one that is not there: it keeps what it has, and takes nothing.
    server.client.replicaof("127.0.0.1", "1")


@pytest.mark.parametrize("hurt", [full, read_only])
async def test_one_that_takes_nothing_is_still_read(
    server: RedisServer, counts: Counts, hurt: Hurt
):
    async with cache_at(server.url, counts) as cache:
        await kept(cache, KEY, b"value")
        hurt(server)

        for number in range(1, 10):
            key = bytes([number]) * 16
            await kept(cache, key, b"lost")
            assert await cache.turn(KIND, key) is Turn.UNKNOWN
            assert await cache.get(KIND, key) is None
            assert await found(cache) == b"value"

        assert not cache._guard.is_open
        assert counts["cache", "redis-failed"] == 9 * 2


async def test_one_that_is_emptied_is_filled_again(server: RedisServer, counts: Counts):
    async with cache_at(server.url, counts) as cache:
        await kept(cache, KEY, b"value")
        server.flush()

        assert await cache.turn(KIND, KEY) is Turn.OURS
        server.flush()
        cache.put(KIND, KEY, b"value", awaited=True)
        await kept(cache, b"x" * 16, b"other")

        assert await cache.turn(KIND, KEY) == b"value"
    assert counts["cache", "redis-failed"] == 0


@pytest.mark.parametrize(
    "said",
    [
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"-ERR max number of clients reached\r\n",
        b"-ERR unknown command\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b":one\r\n",
        b"$-1\r\n",
        b"$5\r\nvalue\r\n",
        b"$-5\r\n",
        b"$99999999999\r\nvalue",
        b"*-1\r\n",
        b"*2\r\n$1\r\na\r\n",
        b"*1\r\n" * 20_000,
        b"$1\r\n\xff\r\n" * 1_000,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\x00",
        b"\r\n",
        b"",
    ],
    ids=lambda said: repr(said[:16]),
)
@pytest.mark.parametrize("closes", [False, True], ids=["stays", "closes"])
async def test_one_that_speaks_nonsense_is_a_miss(counts: Counts, said: bytes, *, closes: bool):
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while await reader.read(65_536):
                writer.write(said)
                await writer.drain()
                if closes:
                    break
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as talker:
        port = talker.sockets[0].getsockname()[1]
        async with cache_at(f"redis://127.0.0.1:{port}/0", counts, limit=0.02) as cache:
            for _ in range(4):
                begun = time.monotonic()
                assert await cache.get(KIND, KEY) is None
                assert await cache.turn(KIND, KEY) in set(Turn)
                await kept(cache, KEY, b"value")
                assert time.monotonic() - begun < 3 * SOON


@pytest.mark.parametrize(
    ("faults", "away"),
    [
        (Faults(delay=0.005), False),
        (Faults(slice=1), False),
        (Faults(delay=1.0), True),
        (Faults(delay=0.01, slice=1), True),
        (Faults(swallow=True), True),
        (Faults(reset_after=0), True),
        (Faults(reset_after=1), True),
        (Faults(reset_after=40), True),
    ],
    ids=repr,
)
async def test_a_bad_line_costs_time_and_no_byte(
    server: RedisServer, counts: Counts, faults: Faults, *, away: bool
):
    async with (
        fault_proxy(server.port) as proxy,
        cache_at(f"redis://127.0.0.1:{proxy.port}/0", counts) as cache,
    ):
        await kept(cache, KEY, b"value" * 20)
        assert await cache.get(KIND, KEY) == b"value" * 20
        proxy.faults = faults
        proxy.reset()

        told = [await cache.get(KIND, KEY) for _ in range(10)]
        assert set(told) <= {b"value" * 20, None}
        # A busy machine may be too slow once; one that is away never answers.
        assert (told.count(None) == 10) == cache._guard.is_open == away

        proxy.faults = Faults()
        await found_again(cache)
        assert await cache.get(KIND, KEY) == b"value" * 20
        assert proxy.open <= 8


async def test_what_waits_to_be_written_goes_in_one_trip(server: RedisServer, counts: Counts):
    count, delay = 100, 0.01
    async with (
        fault_proxy(server.port) as line,
        cache_at(f"redis://127.0.0.1:{line.port}/0", counts) as cache,
    ):
        await kept(cache, KEY, b"connected")
        line.faults = Faults(delay=delay)
        begun = time.monotonic()
        for number in range(count):
            cache.put(KIND, bytes([number]) * 16, b"value")
        await kept(cache, KEY, b"the last")
        took = time.monotonic() - begun
        assert await cache.get(KIND, KEY) == b"the last"
        assert await cache.get(KIND, bytes([count // 2]) * 16) == b"value"
    # One by one they could not be faster than this.
    assert took < count * delay


async def test_what_is_too_much_for_one_trip_goes_in_several(server: RedisServer, counts: Counts):
    large = bytes(300 * 1024)
    async with cache_at(server.url, counts) as cache:
        for number in range(5):
            cache.put(KIND, bytes([number]) * 16, large)
        await kept(cache, KEY, large)
        for number in range(5):
            assert await cache.get(KIND, bytes([number]) * 16) == large


async def test_nobody_waits_for_another_by_a_line_that_is_slow(server: RedisServer, counts: Counts):
    async with (
        fault_proxy(server.port) as proxy,
        cache_at(server.url, counts) as leader,
        cache_at(f"redis://127.0.0.1:{proxy.port}/0", counts) as cache,
    ):
        assert await cache.get(KIND, KEY) is None
        # Of a quarter of a second, more than half.
        proxy.faults = Faults(delay=0.2)

        told = set()
        for _ in range(2):
            assert await leader.turn(KIND, KEY) in {Turn.OURS, Turn.THEIRS}
            told.add(await cache.turn(KIND, KEY))

        assert Turn.THEIRS not in told


async def test_a_stuck_connection_is_thrown_away(server: RedisServer, counts: Counts):
    async with (
        fault_proxy(server.port) as proxy,
        cache_at(f"redis://127.0.0.1:{proxy.port}/0", counts) as cache,
    ):
        await kept(cache, KEY, b"value")
        proxy.faults = Faults(swallow=True)
        assert await cache.get(KIND, KEY) is None
        proxy.faults = Faults()

        # The answer to the first is still to come on the old one, and nobody is to take it.
        assert await cache.get(KIND, b"x" * 16) is None
        assert await cache.get(KIND, KEY) == b"value"
        assert proxy.taken == 2


@pytest.mark.parametrize("user", ["", "wire"])
async def test_a_password_is_used_and_never_said(server: RedisServer, counts: Counts, user: str):
    server.client.acl_setuser(
        "wire", enabled=True, passwords=["+hunter2"], keys=["*"], commands=["+@all"]
    )
    server.client.config_set("requirepass", "hunter2")
    address = f"127.0.0.1:{server.port}/0"

    with capture_logs() as said:
        async with cache_at(f"redis://{user}:hunter2@{address}", counts) as cache:
            await kept(cache, KEY, b"value")
            assert await cache.get(KIND, KEY) == b"value"
        async with cache_at(f"redis://{user}:hunter3@{address}", counts) as cache:
            await lost(cache)

    assert [(line["event"], line["error"]) for line in said] == [
        ("redis lost", "AuthenticationError")
    ]
    assert "hunter" not in repr(said)


def corrupt(server: RedisServer) -> None:
    for entry in server.client.keys("wf:*"):
        server.client.set(entry, b"<rss>forged</rss>", xx=True)


def lead(url: str) -> None:
    """Begin to make what never gets done, as a process of its own."""

    async def never() -> bytes:
        sys.stdout.write("making\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
        return b"never"

    async def begin() -> None:
        async with cache_at(url, Counter()) as shared:
            await Cache(Lru(0), Counter(), shared).fetch(KIND, KEY, never)

    asyncio.run(begin())


async def test_what_a_killed_process_was_making_is_made_by_one_who_waits(
    server: RedisServer, counts: Counts, tmp_path: Path
):
    async def make() -> bytes:
        return b"made here"

    with running(lead, (server.url,), folder=tmp_path) as leader:
        leader.wait_for("making")
        async with cache_at(server.url, counts) as shared:
            # A busy machine may let its turn lapse once, and it has it again at once.
            turns = [await shared.turn(KIND, KEY) for _ in range(10)]
            assert Turn.THEIRS in turns
            leader.signal(signal.SIGKILL)

            # Were it not taken over, it would be made all the same after a second.
            async with asyncio.timeout(0.9):
                found = await Cache(Lru(0), counts, shared).fetch(KIND, KEY, make)

    assert found == b"made here"


async def test_whatever_happens_every_answer_is_right(server: RedisServer, counts: Counts):
    def value(key: bytes) -> bytes:
        return key * 500

    def maker(key: bytes) -> Callable[[], Awaitable[bytes]]:
        async def make() -> bytes:
            await asyncio.sleep(0)
            return value(key)

        return make

    happenings: list[Hurt] = [
        RedisServer.flush, corrupt, RedisServer.restart, RedisServer.freeze, RedisServer.thaw,
        RedisServer.kill, RedisServer.start, full, read_only, RedisServer.restart, corrupt,
    ]  # fmt: skip
    keys = [bytes([number]) * 16 for number in range(10)]
    async with cache_at(server.url, counts) as one, cache_at(server.url, counts) as two:
        # Without memory of their own they have only Redis, and each other.
        caches = [Cache(Lru(0), counts, one), Cache(Lru(0), counts, two)]
        for happens in happenings:
            happens(server)
            for _ in range(3):
                asked = [(cache, key) for cache in caches for key in keys * 3]
                told = await asyncio.gather(*(c.fetch(KIND, key, maker(key)) for c, key in asked))
                assert told == [value(key) for _, key in asked]
                found = await asyncio.gather(*(c.find(KIND, key) for c, key in asked))
                assert {(f, k) for f, (_, k) in zip(found, asked, strict=True) if f} <= {
                    (value(key), key) for key in keys
                }
                cache, key = asked[0]
                cache.keep("gzip", key, b"zipped")
