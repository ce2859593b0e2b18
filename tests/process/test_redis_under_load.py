"""F-01…F-08: whatever happens to Redis while all kinds of readers poll and stories are published.

Two servers share it, through a proxy that can hurt the line. A third one has none: what it
gives after each publish is what is true, and every answer of the two is held against it.
"""

import asyncio
import gzip
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, product
from pathlib import Path

import brotli
import pytest

from tests.process.conftest import Tell
from tests.process.test_serve import fill, story, take
from tests.support.agency import MEDIA_TOPICS
from tests.support.fault_proxy import FaultProxy, Faults, fault_proxy
from tests.support.house import House
from tests.support.pollers import Ask, Heard, Polls, p99, polling
from tests.support.process import PATIENCE
from tests.support.redis_server import RedisServer, redis_server
from tests.support.servers import (
    Credentials,
    Server,
    beside,
    credentials,
    servers,
    stand_back,
    without_a_core,
)

SECONDS, SECONDS_AT_FULL_SIZE = 1.0, 10.0
RATE = 300
#: Seconds between two publishes: as often as there is time for at all,
OFTEN = 0.3
#: and as they come in the busiest minutes of an agency, fifteen in one.
BUSY = 4.0
#: As long as several of these take to come: how many fall into a time is else what is measured.
SECONDS_OF_WAITING = 6 * BUSY
#: Seconds from the begin of a fault in which it may be felt,
FELT = 0.25
#: for which it is well before each,
WELL = 0.4
#: and in milliseconds, how long 99 of 100 answers may take after that.
LATE = 50.0
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "": bytes,
}
FORMATS = ("rss", "atom", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A topic in a language, in which stories come."""

    language: str
    topic: str

    @property
    def feeds(self) -> tuple[str, str]:
        """Where its stories stand."""
        return f"/{self.language}/topics/{self.topic}.", f"/{self.language}/latest."

    def story(self, name: str, **fields: object) -> bytes:
        subject = [{"code": MEDIA_TOPICS[self.topic]}]
        return story(name, language=self.language, subject=subject, **fields)

    def renews(self, ask: Ask) -> bool:
        """Say whether a story of it changes what is asked for."""
        return any(feed in ask.path for feed in self.feeds)


#: Every story changes whatever anybody asks for,
ONE_BEAT = (Beat(language="en", topic="sport"),)
#: or, as of an agency, two of twelve feeds.
BEATS = tuple(
    Beat(language=language, topic=topic)
    for topic, language in product(MEDIA_TOPICS, ("en", "tr", "ar"))
)

#: Since when it was well, when something began to happen, and when that ended; and of each second
#: of it the milliseconds in which a server had no core.
Times = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The Redis of two servers, and the line to it."""

    server: RedisServer
    line: FaultProxy


# --- what happens to it --------------------------------------------------------------------------

Fault = Callable[[Shared], AbstractAsyncContextManager[None]]


def done(begin: Callable[[RedisServer], None], end: Callable[[RedisServer], None]) -> Fault:
    """Make a fault of something that is done to the server, and undone."""

    @asynccontextmanager
    async def fault(shared: Shared) -> AsyncIterator[None]:
        await asyncio.to_thread(begin, shared.server)
        try:
            yield
        finally:
            await asyncio.to_thread(end, shared.server)

    return fault


def repeated(work: Callable[[Shared], object], seconds: float) -> Fault:
    """Make a fault of something that is done again and again."""

    @asynccontextmanager
    async def fault(shared: Shared) -> AsyncIterator[None]:
        over = asyncio.Event()

        async def go_on() -> None:
            while not over.is_set():
                await asyncio.to_thread(work, shared)
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), seconds)

        task = asyncio.create_task(go_on())
        try:
            yield
        finally:
            over.set()
            await task

    return fault


def bad_line(faults: Faults) -> Fault:
    """Make a fault of what a line does to what comes back on it."""

    @asynccontextmanager
    async def fault(shared: Shared) -> AsyncIterator[None]:
        shared.line.faults = faults
        try:
            yield
        finally:
            shared.line.faults = Faults()

    return fault


@asynccontextmanager
async def resetting(shared: Shared) -> AsyncIterator[None]:
    """Cut every connection, and each new one after some bytes."""
    async with bad_line(Faults(reset_after=40))(shared):
        shared.line.reset()
        yield


def fill_up(server: RedisServer) -> None:
    server.client.config_set("maxmemory-policy", "noeviction")
    server.client.config_set("maxmemory", "1")


def make_room(server: RedisServer) -> None:
    server.client.config_set("maxmemory", "0")


def take_nothing(server: RedisServer) -> None:
    # Of one that is not there: it keeps what it has.
    server.client.replicaof("127.0.0.1", "1")


def take_again(server: RedisServer) -> None:
    server.client.replicaof("NO", "ONE")


class Spoiling:
    """Exchanges entries with each other, cuts some short, and changes a bit of the others."""

    def __init__(self) -> None:
        self._spoilt: set[bytes] = set()

    def __call__(self, shared: Shared) -> None:
        self.spoil(shared.server)

    def spoil(self, server: RedisServer) -> None:
        new = [name for name in server.entries() if name not in self._spoilt]
        values = [server.client.get(name) for name in new]
        for place, (name, value) in enumerate(zip(new, values, strict=True)):
            if isinstance(value, bytes):
                wrong = (values[place - 1], value[:-1], bytes([*value[:-1], value[-1] ^ 1]))
                server.client.set(name, wrong[place % 3] or b"", xx=True)
        self._spoilt.update(new)


HAPPENINGS: Mapping[str, Fault] = {
    "killed": done(RedisServer.kill, RedisServer.start),
    "frozen": done(RedisServer.freeze, RedisServer.thaw),
    "flushed": repeated(lambda shared: shared.server.flush(), 1.0),
    "full": done(fill_up, make_room),
    "read-only": done(take_nothing, take_again),
    "corrupted": repeated(Spoiling(), 0.002),
    "5 ms": bad_line(Faults(delay=0.005)),
    "50 ms": bad_line(Faults(delay=0.05)),
    "500 ms": bad_line(Faults(delay=0.5)),
    "1-byte slices": bad_line(Faults(slice=1)),
    "resetting": resetting,
}


# --- what is true --------------------------------------------------------------------------------


@dataclass(slots=True)
class Truth:
    """Every document there was, by its path and tag, as a server without Redis gives it."""

    server: Server
    asks: Sequence[Ask]
    #: The bytes, and the last publish after which it was learnt that this is so.
    documents: dict[tuple[str, str], tuple[bytes, int]] = field(default_factory=dict)
    published: int = 0
    #: Kills that have returned: when, the first publish that shows it, and where.
    kills: list[tuple[float, int, Beat]] = field(default_factory=list)

    async def learn(self, beat: Beat | None = None) -> None:
        """Ask for everything, or for what a story of a beat has changed, as it is now."""
        for ask in self.asks:
            if beat is None or beat.renews(ask):
                tag, body = await self.server.get(ask.path, **ask.headers)
                self.documents[ask.path, tag] = body, self.published

    def wrong(self, polls: Polls) -> list[str]:
        """Say which answers were never true, and which were no longer."""
        never = [
            f"{path} {tag} {coding}: {len(body)} bytes that were never true"
            for (path, tag, coding), body in polls.bodies.items()
            if CODINGS[coding](body) != self.documents.get((path, tag), (b"",))[0]
        ]
        return never + [
            f"{heard.ask.path} {heard.tag}: from before a kill that had returned"
            for heard in polls.heard
            if heard.status in {200, 304} and self._is_late(heard)
        ]

    def _is_late(self, heard: Heard) -> bool:
        _, newest = self.documents.get((heard.ask.path, heard.tag), (b"", -1))
        return any(
            newest < number
            for returned, number, beat in self.kills
            if returned < heard.began and beat.renews(heard.ask)
        )


async def publish(truth: Truth, token: str, load: "Load", over: asyncio.Event) -> None:
    """Publish a story, and now and then kill one; learn what is true after each.

    By the server that is asked for what is true: it sees what it wrote itself at once.
    """
    for number in count(1):
        if over.is_set():
            return
        is_kill = number % 5 == 0
        # One that is there: its number is no multiple of five.
        named = number - 2 if is_kill else number
        beat = load.beats[named % len(load.beats)]
        end = {"version": "2", "pubstatus": "canceled"} if is_kill else {}
        await truth.server.post("/api/v1/stories", token, beat.story(f"new-{named}", **end))
        returned = time.monotonic()
        truth.published = number
        await truth.learn(beat)
        if is_kill:
            truth.kills.append((returned, number, beat))
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), load.pause)


# --- all of it at once ---------------------------------------------------------------------------


def everybody(known: Credentials, beats: Iterable[Beat]) -> list[Ask]:
    """Ask for every feed in which stories of these beats stand by everybody, once."""
    doors: Sequence[tuple[str, Mapping[str, str]]]
    doors = (("", {}), (known.private, {}), ("/subscriber", dict(known.bearer)))
    feeds = sorted({feed for beat in beats for feed in beat.feeds})
    return [
        Ask(path=path + feed + form, headers=headers)
        for feed, form, (path, headers) in product(feeds, FORMATS, doors)
    ]


def mixed(asks: Iterable[Ask]) -> list[Ask]:
    """Ask in every coding, with and without a validator, in an order that is always the same."""
    ways = [
        replace(ask, headers={**ask.headers, "Accept-Encoding": coding or "identity"},
                conditional=conditional)
        for ask in asks
        for coding in CODINGS
        for conditional in (False, True)
    ]  # fmt: skip
    random.Random(0).shuffle(ways)  # noqa: S311 - guards nothing
    return ways


async def shares(running: Sequence[Server]) -> None:
    """Wait until servers use their Redis, all of them: what is made is kept there, or found."""
    for server in running:
        async with asyncio.timeout(PATIENCE):
            used, skipped = await use_of(server)
            while True:
                await asyncio.sleep(0.1)  # nothing tells that it is found again
                now = await use_of(server)
                if now[1] == skipped and now[0] > used:
                    break
                if now[1] != skipped:
                    used, skipped = now


async def use_of(server: Server) -> tuple[float, float]:
    count_of = partial(server.counted, "wirefeed_cache_answers_total")
    made, found = await count_of(outcome="made"), await count_of(outcome="redis")
    away = await count_of(outcome="redis-skipped") + await count_of(outcome="redis-failed")
    return made + found, away


async def test_whatever_happens_to_redis_nobody_is_refused_or_misled(
    house: House, tmp_path_factory: pytest.TempPathFactory, soak: bool, tell: Tell
):
    # So often that there is always something new, and nothing is ever made in peace.
    load = Load(pause=OFTEN, well=WELL, seconds=SECONDS_AT_FULL_SIZE if soak else SECONDS)
    folder = tmp_path_factory.mktemp("redis")
    polls, truth, _ = await under_load(house, folder, load, HAPPENINGS, tell)
    check(polls, truth)
    assert truth.kills


async def test_whatever_happens_to_redis_nobody_is_kept_waiting(
    house: House, tmp_path_factory: pytest.TempPathFactory, soak: bool, tell: Tell
):
    # Each publish makes eighteen documents new, in three codings, in three servers. At three a
    # second two cores do nothing else: how long one waits then says nothing of Redis. Nor if all
    # of them are asked for at once: who asks for what was never made waits until it is.
    # It is well as long as a publish takes to come, so that both times have theirs.
    load = Load(pause=BUSY, well=BUSY, seconds=SECONDS_OF_WAITING, beats=BEATS)
    faults = HAPPENINGS
    if not soak:
        # Those that hang rather than say no.
        load = Load(pause=SECONDS, well=SECONDS, seconds=SECONDS, beats=BEATS)
        faults = {name: HAPPENINGS[name] for name in ("killed", "frozen", "500 ms", "resetting")}
    folder = tmp_path_factory.mktemp("redis")
    polls, truth, times = await under_load(house, folder, load, faults, tell)
    check(polls, truth)
    check_times(polls, times, each=soak)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How often a story comes and where, and how long it is well and is not."""

    pause: float
    well: float
    seconds: float
    beats: Sequence[Beat] = ONE_BEAT


async def under_load(
    house: House, folder: Path, load: Load, faults: Mapping[str, Fault], tell: Tell
) -> tuple[Polls, Truth, Mapping[str, Times]]:
    """Let all of these faults happen while everybody asks, and stories are published."""
    old = product(load.beats, range(30))
    take(house, (beat.story(f"{beat.topic}-{beat.language}-{number}") for beat, number in old))
    known = await credentials(house)
    asks = everybody(known, load.beats)
    small = {"WIREFEED_FEED__ITEMS": "30", "WIREFEED_FEED__HOURS": "0"}
    with redis_server(folder) as redis:
        async with (
            fault_proxy(redis.port) as line,
            servers(house, 1, **small) as (alone,),
            servers(
                beside(house), 2, WIREFEED_REDIS__URL=f"redis://127.0.0.1:{line.port}/0", **small
            ) as running,
        ):
            stand_back(alone)
            truth = Truth(alone, asks)
            await truth.learn()
            # What was never rendered before takes longer than any fault.
            for server, ask in product(running, asks):
                await server.get(ask.path, **ask.headers)
            ports = [server.house.port for server in running]
            over = asyncio.Event()
            async with (
                asyncio.TaskGroup() as group,
                polling(ports, mixed(asks), rate=RATE, clients=30) as polls,
            ):
                group.create_task(publish(truth, known.newsroom, load, over))
                try:
                    times = await happen(Shared(server=redis, line=line), running, load, faults)
                finally:
                    over.set()
    tell(
        f"Redis hurt while a story comes each {load.pause} s: {figures(polls, times)}"
        " (milliseconds without a core of each second)"
    )
    return polls, truth, times


async def test_what_is_wrong_in_redis_is_given_to_nobody(
    house: House, tmp_path_factory: pytest.TempPathFactory
):
    fill(house, *(f"old-{number}" for number in range(30)))
    asks = everybody(await credentials(house), ONE_BEAT)
    with redis_server(tmp_path_factory.mktemp("redis")) as redis:
        async with servers(house, 1, WIREFEED_REDIS__URL=redis.url) as (first,):
            held = [(ask, await first.get(ask.path, **ask.headers)) for ask in asks]
            await written(redis, len(asks))
        Spoiling().spoil(redis)
        async with servers(house, 1, WIREFEED_REDIS__URL=redis.url) as (second,):
            for ask, answer in held:
                assert await second.get(ask.path, **ask.headers) == answer
            outcome = partial(second.counted, "wirefeed_cache_answers_total")
            assert await outcome(outcome="redis") == 0
            assert await outcome(outcome="forged") > 0


async def written(redis: RedisServer, documents: int) -> None:
    """Wait until so many are in Redis."""
    async with asyncio.timeout(PATIENCE):
        while len(redis.entries("parts")) < documents:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def happen(
    shared: Shared, running: Sequence[Server], load: Load, faults: Mapping[str, Fault]
) -> Mapping[str, Times]:
    """Let one thing after the other happen, each to a Redis in use; say when."""
    times = {}
    for name, fault in faults.items():
        await shares(running)
        well = time.monotonic()
        await asyncio.sleep(load.well)
        began, waited = time.monotonic(), without_a_core(running)
        async with fault(shared):
            await asyncio.sleep(load.seconds)
            ended = time.monotonic()
            waited = (without_a_core(running) - waited) / (ended - began)
            times[name] = well, began, ended, waited
    await shares(running)
    return times


def check(polls: Polls, truth: Truth) -> None:
    assert polls.failures == []
    assert polls.unlike == []
    answers = Counter(heard.status for heard in polls.heard)
    assert answers.keys() == {200, 304}, answers
    assert truth.wrong(polls)[:3] == []


def during(polls: Polls, times: Mapping[str, Times]) -> dict[str, list[Heard]]:
    return {name: polls.since(began + FELT, end) for name, (_, began, end, _) in times.items()}


def calm(polls: Polls, times: Mapping[str, Times]) -> float:
    """Give the milliseconds in which 99 of 100 are answered while nothing happens."""
    return p99(heard for well, began, _, _ in times.values() for heard in polls.since(well, began))


def figures(polls: Polls, times: Mapping[str, Times]) -> str:
    each = ", ".join(
        f"{name} {p99(heard):.0f} ({times[name][3]:.0f})"
        for name, heard in during(polls, times).items()
    )
    return (
        f"{len(polls.heard)} answers, {len(polls.failures)} failed;"
        f" p99 {calm(polls, times):.0f} ms while it is well; {each}"
    )


def check_times(polls: Polls, times: Mapping[str, Times], *, each: bool) -> None:
    """Hold what takes longest against what may.

    What a server waited for a core is not its own time. In a second there are too few requests
    for one fault to be judged by itself, and it is compared with what takes longest while nothing
    happens.
    """
    found = during(polls, times)
    if each:
        for name, heard in found.items():
            assert p99(heard) <= LATE + times[name][3], name
    else:
        late = max(LATE, 3 * calm(polls, times))
        waited = max(waited for *_, waited in times.values())
        assert p99(heard for some in found.values() for heard in some) <= late + waited
