"""A story pushed to a thousand leases: how long it takes of one core, against posting alone."""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import uvloop
from aiohttp import web

from tests.bench.rows import Row, Sizes, median
from tests.support.agency import DAY, PUBLIC_URL, Agency, running, settings_in
from tests.support.process import free_ports
from wirefeed.config import OutboundSettings
from wirefeed.domain.leases import PUBLIC, Lease
from wirefeed.storage import leases

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

LEASES = 1_000
TOPIC = f"{PUBLIC_URL}/en/topics/sport.json"
_SPAWN = multiprocessing.get_context("spawn")
#: Requests of the reference that are under way at one time: as many as of ours.
_AT_ONCE = 256


def figures(sizes: Sizes) -> list[Row]:
    """Measure a push to all, by processor time: what receives it works, too."""
    with _receiver() as (port, received):
        ours, bare, wall = uvloop.run(_pushes(sizes.rounds, port, received))
    return [
        Row(
            what=f"a story pushed to {LEASES:,} leases, of one core",
            figure=ours,
            unit="s",
            reference=bare,
            against="aiohttp's client posting it as often",
            goal="≤ 5 s",
        ),
        Row(what="the same by the clock, receiver beside it", figure=wall, unit="s"),
    ]


async def _pushes(
    rounds: int, port: int, received: "Synchronized[int]"
) -> tuple[float, float, float]:
    ours, bare, walls = [], [], []
    async with _agency(port) as agency:
        for number in range(rounds):

            async def push(number: int = number) -> None:
                await agency.publish(f"urn:pushed:{number}")
                await _until(received, LEASES)

            cpu, wall = await _timed(received, push)
            ours.append(cpu)
            walls.append(wall)
            async with agency.http.get(TOPIC.removeprefix(PUBLIC_URL)) as answer:
                body = await answer.read()
            cpu, _ = await _timed(received, partial(_post, port, body))
            bare.append(cpu)
    return median(ours), median(bare), median(walls)


async def _timed(
    received: "Synchronized[int]", work: Callable[[], Awaitable[None]]
) -> tuple[float, float]:
    received.value = 0
    cpu, wall = time.process_time(), time.monotonic()
    await work()
    return time.process_time() - cpu, time.monotonic() - wall


async def _until(received: "Synchronized[int]", number: int) -> None:
    while received.value < number:  # noqa: ASYNC110 - it counts in another process
        await asyncio.sleep(0.005)


@asynccontextmanager
async def _agency(port: int) -> AsyncIterator[Agency]:
    """Run an agency with a thousand leases, each at a host of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_in(Path(folder), outbound=OutboundSettings(private_networks=True))
        async with running(settings) as agency:
            for number in range(50):
                await agency.publish(f"urn:before:{number}")
            async with agency.services.database.writing() as connection:
                for number in range(LEASES):
                    await leases.grant(connection, _lease(agency, _url(port, number)))
            yield agency


def _lease(agency: Agency, callback: str) -> Lease:
    """Make a lease as the hub grants it; to ask for a thousand takes longer than to push."""
    topics, now = agency.services.callbacks.topics, agency.clock.now
    pair = topics.pair(TOPIC, callback)
    return Lease(
        id=pair.hex(),
        pair=pair,
        callback=callback,
        host=callback.split("/")[2].partition(":")[0],
        topic=topics.seal(TOPIC.encode(), pair),
        secret=topics.seal(b"s" * 20, pair),
        owner=PUBLIC,
        door="public",
        tail="en/topics/sport.json",
        created=now,
        verified=now,
        expires=now + DAY,
        position=agency.services.follower.position or 0,
        tag="",
    )


async def _post(port: int, body: bytes) -> None:
    """Post to as many, and do nothing else."""
    turn = asyncio.Semaphore(_AT_ONCE)
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:

        async def one(number: int) -> None:
            async with turn, http.post(_url(port, number), data=body) as answer:
                assert answer.status == 200

        await asyncio.gather(*(one(number) for number in range(LEASES)))


def _url(port: int, number: int) -> str:
    return f"http://127.0.{1 + number // 250}.{1 + number % 250}:{port}/{number}"


@contextmanager
def _receiver() -> Iterator[tuple[int, "Synchronized[int]"]]:
    """Run what takes deliveries as a process of its own."""
    received: Synchronized[int] = _SPAWN.Value("i", 0)
    ready = _SPAWN.Event()
    port = free_ports(1)
    process = _SPAWN.Process(target=_receive, args=(port, received, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(30)
        yield port, received
    finally:
        process.kill()
        process.join()


def _receive(port: int, received: "Synchronized[int]", ready: object) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return web.Response(text=request.query["hub.challenge"])
        await request.read()
        received.value += 1
        return web.Response()

    async def main() -> None:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        # All of 127/8 is this machine's.
        await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104
        ready.set()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    uvloop.run(main())
