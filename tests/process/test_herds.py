"""F-18: however many ask just after a publish, a document is rendered once, and nobody waits long.

Three servers share a Redis, so that "two in all" says more than "one in each".
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import pytest

from tests.process.conftest import Tell
from tests.process.test_serve import fill, story
from tests.support.house import House
from tests.support.pollers import Ask, Heard, Polls, p99, polling
from tests.support.redis_server import redis_server
from tests.support.servers import Credentials, Server, credentials, servers, without_a_core

SECONDS, SECONDS_AT_FULL_SIZE = 0.5, 10.0
PUBLISHES = 3
RATE = 2_000
#: What is watched of it may be shorter: 99 of 100 are judged for so many seconds after a publish.
JUDGED = 10.0
#: In milliseconds: what a busy machine does by itself to one request of a hundred.
ANY_TIME = 50.0
CODINGS = ("gzip", "br", "identity")
FEED = "/en/topics/sport"


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


async def failures(servers: Sequence[Server]) -> float:
    """Count how often Redis was not there in time, or not asked for that reason."""
    outcomes = ("redis-failed", "redis-slow", "redis-skipped")
    return sum(
        [
            await one.counted("wirefeed_cache_answers_total", outcome=outcome)
            for one, outcome in product(servers, outcomes)
        ]
    )


async def renders(servers: Sequence[Server]) -> list[float]:
    return [await one.counted("wirefeed_renders_total", what="document") for one in servers]


async def test_after_a_publish_a_document_is_rendered_once_in_a_process_and_twice_in_all(
    house: House, tmp_path_factory: pytest.TempPathFactory, soak: bool, tell: Tell
):
    fill(house, *(f"old-{number}" for number in range(50)))
    known = await credentials(house)
    seconds = SECONDS_AT_FULL_SIZE if soak else SECONDS
    by_name = documents(known)
    everything = [ask for asks in by_name.values() for ask in asks]
    with redis_server(tmp_path_factory.mktemp("redis")) as redis:
        async with servers(house, 3, WIREFEED_REDIS__URL=redis.url) as running:
            one = await stampede(running, known, by_name["key.json"], seconds)
            many = await stampede(running, known, everything, seconds)
    for name, herd, most in (("one document", one, 1), ("all", many, len(by_name))):
        tell(f"herd on {name}: {herd}")
        assert herd.polls.failures == []
        assert herd.polls.unlike == []
        assert {heard.status for heard in herd.polls.heard} == {200, 304}
        assert most <= sum(herd.renders)
        assert max(herd.renders) <= PUBLISHES * most
        # Where a machine is too busy for Redis to answer in time, each makes its own.
        assert sum(herd.renders) <= 2 * PUBLISHES * most + herd.away
        # A machine busy with other things makes one publish slow, or two; a stampede comes with
        # each.
        assert any(after <= max(3 * steady, ANY_TIME) for steady, after, _ in herd.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Herd:
    """What a herd was told, and what was rendered for it by each server."""

    polls: Polls
    renders: Sequence[float]
    #: How often Redis was not there in time.
    away: float
    #: The milliseconds in which 99 of 100 were answered: before a publish, and in `JUDGED`
    #: seconds after it; and those in which a server waited for a core just after it.
    times: Sequence[tuple[float, float, float]]

    def __str__(self) -> str:
        heard = self.polls.heard
        rate = len(heard) / (heard[-1].began - heard[0].began)
        made = "+".join(f"{number:.0f}" for number in self.renders)
        times = ", ".join(
            f"{after:.1f} ({steady:.1f}; {queued:.0f} without a core)"
            for steady, after, queued in self.times
        )
        return (
            f"{rate:.0f} requests/s, {made} renders after {PUBLISHES} publishes"
            f" ({self.away:.0f} times Redis was late),"
            f" p99 after each (and before) {times} ms"
        )


async def stampede(
    running: Sequence[Server], known: Credentials, asks: Sequence[Ask], seconds: float
) -> Herd:
    """Ask for some documents all the time, and publish what changes them."""
    ports = [server.house.port for server in running]
    times = []
    for server, ask in product(running, asks):
        await server.get(ask.path, **ask.headers)
    async with polling(ports, asks, rate=RATE, clients=48) as polls:
        before, away = await renders(running), await failures(running)
        for number in range(PUBLISHES):
            # What was compressed and written for the last one is done when this begins.
            await asyncio.sleep(SECONDS)
            began = time.monotonic()
            await asyncio.sleep(seconds)
            waited, published = without_a_core(running), time.monotonic()
            body = story(f"new-{len(asks)}-{number}")
            await running[0].post("/api/v1/stories", known.newsroom, body)
            await asyncio.sleep(SECONDS)
            waited = without_a_core(running) - waited
            await asyncio.sleep(seconds - SECONDS)
            after = slowest(polls.since(published), seconds)
            times.append((p99(polls.since(began, published)), after, waited))
    made = [b - a for a, b in zip(before, await renders(running), strict=True)]
    away = await failures(running) - away
    return Herd(polls=polls, renders=made, away=away, times=times)


def slowest(heard: Sequence[Heard], seconds: float) -> float:
    """Give the milliseconds in which 99 of 100 are answered in `JUDGED` seconds.

    Of these the first were watched. The slow ones are among them: what comes later is steady.
    """
    took = sorted((one.seconds for one in heard), reverse=True)
    return took[int(len(took) * JUDGED / seconds) // 100] * 1000
