"""F-18: however many ask just after a publish, a document is rendered once, and nobody waits long.

Three servers share a Redis, so that "two in all" says more than "one in each".
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count, product

import pytest

from tests.process.conftest import Tell
from tests.process.test_serve import fill, story
from tests.support.house import House
from tests.support.pollers import Ask, Polls, p99, polling
from tests.support.redis_server import redis_server
from tests.support.servers import Credentials, Server, credentials, servers

SECONDS, SECONDS_AT_FULL_SIZE = 1.5, 10.0
RATE = 2_000
#: In milliseconds: what a busy machine does by itself to one request of a hundred.
ANY_TIME = 50.0
CODINGS = ("gzip", "br", "identity")
FEED = "/en/topics/sport"


@asynccontextmanager
async def herd(
    house: House, servers: Sequence[Server], asks: Sequence[Ask]
) -> AsyncIterator[Polls]:
    ports = [server.house.port for server in servers]
    async with polling(ports, asks, rate=RATE, clients=48) as polls:
        yield polls


def asks_for(path: str, **headers: str) -> list[Ask]:
    return [
        Ask(path=path, headers={"Accept-Encoding": coding, **headers}, conditional=conditional)
        for conditional in (False, True)
        for coding in CODINGS
    ]


def documents(known: Credentials) -> dict[str, list[Ask]]:
    """Give what to ask for, by document: the three ways in have one of their own each."""
    return {
        f"{door}.{form}": asks_for(f"{path}{FEED}.{form}", **headers)
        for form in ("rss", "atom", "json")
        for door, path, headers in (
            ("public", "", {}),
            ("key", known.private, {}),
            ("token", "/subscriber", dict(known.bearer)),
        )
    }


async def renders(servers: Sequence[Server]) -> list[float]:
    return [await one.counted("wirefeed_renders_total", what="document") for one in servers]


async def test_after_a_publish_a_document_is_rendered_once_in_a_process_and_twice_in_all(
    house: House, tmp_path_factory: pytest.TempPathFactory, soak: bool, tell: Tell
):
    fill(house, *(f"old-{number}" for number in range(50)))
    known = await credentials(house)
    seconds = SECONDS_AT_FULL_SIZE if soak else SECONDS
    by_name = documents(known)
    rounds = {"key.json": 1, "all": len(by_name)}
    number = count()
    with redis_server(tmp_path_factory.mktemp("redis")) as redis:
        async with servers(house, 3, WIREFEED_REDIS__URL=redis.url) as running:
            for name, most in rounds.items():
                asks = by_name.get(name) or [ask for asks in by_name.values() for ask in asks]
                for server, ask in product(running, asks):
                    await server.get(ask.path, **ask.headers)
                async with herd(house, running, asks) as polls:
                    await asyncio.sleep(seconds)
                    before = await renders(running)
                    published = time.monotonic()
                    await running[0].post(
                        "/api/v1/stories", known.newsroom, story(f"new-{next(number)}")
                    )
                    await asyncio.sleep(seconds)
                made = [b - a for a, b in zip(before, await renders(running), strict=True)]
                steady, after = polls.since(0, published), polls.since(published)
                tell(
                    f"herd on {name}: {len(after) / seconds:.0f} requests/s, renders {made},"
                    f" p99 {p99(after):.1f} ms, steady {p99(steady):.1f} ms"
                )
                assert polls.failures == []
                assert polls.unlike == []
                assert {heard.status for heard in polls.heard} == {200, 304}
                assert 1 <= max(made) <= most
                assert sum(made) <= 2 * most
                assert p99(after) <= max(3 * p99(steady), ANY_TIME)
