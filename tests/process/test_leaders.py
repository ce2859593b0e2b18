"""F-18: one who renders what others wait for: it may be slow, and it may be gone."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from tests.process.conftest import Tell
from tests.process.test_serve import fill, story
from tests.support.house import House, command
from tests.support.pollers import Ask, p99, polling
from tests.support.process import PATIENCE
from tests.support.redis_server import RedisServer, redis_server
from tests.support.servers import credentials, servers

#: Seconds that a slow rendering takes, as long as its maker gives signs of life.
SLOW = 0.5
#: Seconds after which it is made all the same, however alive its maker is.
IMPATIENT = 1.0
#: In milliseconds: what a busy machine does by itself to one request of a hundred; who waits
#: for the rendering to end waits longer.
ANY_TIME = 200.0
SPORT, POLITICS = "/en/topics/sport.json", "/en/topics/politics.json"


class Leader:
    """One who says that it renders a document: a process of the agency, as others see it."""

    def __init__(self, redis: RedisServer, document: bytes) -> None:
        self._client = redis.client
        # wf:LOG:parts:NAME
        self._turn = document.replace(b":parts:", b":turn:parts:")

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Give a sign of life every few milliseconds."""
        gone = asyncio.Event()
        self._sign()
        task = asyncio.create_task(self._live(gone))
        try:
            yield
        finally:
            gone.set()
            await task

    async def _live(self, gone: asyncio.Event) -> None:
        while not gone.is_set():
            self._sign()
            with suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), 0.01)

    def _sign(self) -> None:
        self._client.set(self._turn, b"", px=80)


async def written(redis: RedisServer, known: set[bytes]) -> bytes:
    """Wait until another document is in Redis; give its name there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for name in redis.entries("parts"):
                if name not in known:
                    known.add(name)
                    return bytes(name)
            await asyncio.sleep(0.01)  # nothing tells that it was written


async def test_a_slow_rendering_keeps_only_those_waiting_who_want_it_and_not_beyond_its_makers_life(
    house: House, tmp_path_factory: pytest.TempPathFactory, tell: Tell
):
    fill(house, *(f"old-{number}" for number in range(30)))
    known = await credentials(house)
    others = [Ask(path=SPORT), Ask(path=SPORT, conditional=True)]
    with redis_server(tmp_path_factory.mktemp("redis")) as redis:
        async with servers(house, 2, WIREFEED_REDIS__URL=redis.url) as (first, second):
            seen: set[bytes] = set()
            await second.get(SPORT)
            await written(redis, seen)
            for number in range(5):
                body = story(f"{number}", subject=[{"code": "medtop:11000000"}])
                await first.post("/api/v1/stories", known.newsroom, body)
                await first.get(POLITICS)
                leader = Leader(redis, await written(redis, seen))
                redis.flush()
                async with polling([second.house.port], others, rate=300, clients=12) as polls:
                    await asyncio.sleep(SLOW)
                    async with leader.alive():
                        began = time.monotonic()
                        waiting = asyncio.create_task(second.get(POLITICS))
                        await asyncio.sleep(SLOW)
                        waited = not waiting.done()
                        left = time.monotonic()
                    await waiting
                    took = time.monotonic() - left
                if waited:
                    break
                # On a busy machine, where to look takes long, it waits for nobody.
            else:
                pytest.fail("it waits for nobody")
    steady, during = polls.since(0, began), polls.since(began, left)
    tell(
        f"slow rendering: others' p99 {p99(during):.1f} ms, steady {p99(steady):.1f} ms;"
        f" taken over {took * 1000:.0f} ms after its maker was gone"
    )
    assert {heard.status for heard in during} == {200, 304}
    assert p99(during) <= max(3 * p99(steady), ANY_TIME)
    assert took < IMPATIENT - SLOW


async def test_what_a_killed_server_was_rendering_is_rendered_by_the_one_who_waits(
    house: House, tmp_path_factory: pytest.TempPathFactory, tell: Tell
):
    text = "".join(f"<p>Paragraph {n} {'goes on and on ' * 12}.</p>" for n in range(30))
    stories = b"\n".join(story(f"{n}", body_html=text) for n in range(300))
    (house.folder / "stories.jsonl").write_bytes(stories)
    command(house, "import", "stories.jsonl")
    known = await credentials(house)
    with redis_server(tmp_path_factory.mktemp("redis")) as redis:
        slow = {"WIREFEED_REDIS__URL": redis.url, "WIREFEED_FEED__ITEMS": "300"}
        async with servers(house, 2, **slow) as (first, second):
            # Nothing is rendered yet but the public's part, so that both know the stories.
            for server in (first, second):
                await server.get("/en/topics/sport.json")
            for form in ("rss", "atom", "json"):
                path = f"{known.private}/en/topics/sport.{form}"
                redis.flush()
                leading = asyncio.create_task(first.get(path))
                await begun(redis)
                waiting = asyncio.create_task(second.get(path))
                await asyncio.sleep(0)
                first.process.signal(signal.SIGSTOP)
                stopped = time.monotonic()
                if not redis.entries("parts"):
                    break
                # It was too fast.
                first.process.signal(signal.SIGCONT)
                await asyncio.gather(leading, waiting)
            else:
                pytest.fail("it is never caught")
            before = await second.counted("wirefeed_renders_total", what="document")
            first.process.signal(signal.SIGKILL)
            _, body = await waiting
            took = time.monotonic() - stopped
            with pytest.raises(aiohttp.ClientError):
                await leading
            assert await second.counted("wirefeed_renders_total", what="document") <= before + 1
    tell(f"killed while rendering: {len(body)} bytes by the other {took * 1000:.0f} ms later")
    assert body
    assert took < IMPATIENT


async def begun(redis: RedisServer) -> None:
    """Wait until somebody says that it renders."""
    async with asyncio.timeout(PATIENCE):
        while not redis.client.keys("wf:*:turn:parts:*"):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
