"""Stories in: many at once, and one after the other at a steady rate; each durable."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import aiohttp
import uvloop

from tests.bench import machine
from tests.bench.datasets import Dataset, dataset, publish
from tests.bench.load import Ask
from tests.bench.rows import Row, Sizes, median, p99
from tests.bench.wire_copy import stories
from tests.support.agency import settings_in
from wirefeed.composition import open_services
from wirefeed.services.publishing import GROUP

_RATE, _SECONDS = 50, 5


def figures(sizes: Sizes) -> list[Row]:
    """Measure the import and the POST."""
    with (
        dataset(stories=sizes.few, subscribers=sizes.few) as agency,
        machine.wirefeed(agency.folder) as server,
    ):
        posts = uvloop.run(_posts(agency, server.port))
    what = f"durable POST at {_RATE}/s"
    return [
        uvloop.run(_import(sizes.imported)),
        Row(what=f"{what}, median", figure=median(posts), unit="ms"),
        Row(what=f"{what}, p99", figure=p99(posts), unit="ms", goal="≤ 25 ms"),
    ]


async def _import(count: int) -> Row:
    """Import a wire, durably, against writing the same bytes to SQLite and nothing else."""
    messages = list(stories(count))
    with tempfile.TemporaryDirectory() as folder:
        async with open_services(settings_in(Path(folder))) as services:
            began = time.perf_counter()
            await publish(services, iter(messages))
            rate = count / (time.perf_counter() - began)
        plain = count / _plain_inserts(Path(folder) / "plain.db", messages)
    return Row(
        what="import",
        figure=rate,
        unit="stories/s",
        reference=plain,
        against="the same bytes into SQLite alone",
        goal="≥ 2,000",
    )


def _plain_inserts(path: Path, messages: Sequence[bytes]) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA synchronous=FULL; CREATE TABLE t (n INTEGER, raw BLOB)")
    began = time.perf_counter()
    for start in range(0, len(messages), GROUP):
        connection.execute("BEGIN IMMEDIATE")
        rows = enumerate(messages[start : start + GROUP], start)
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - began


async def _posts(agency: Dataset, port: int) -> list[float]:
    """Post at a steady rate, whether or not the ones before have been answered."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:

        async def post(asked: Ask, after: float) -> float:
            await asyncio.sleep(after)
            began = time.perf_counter()
            headers = dict(asked.headers)
            async with http.post(asked.path, data=asked.body, headers=headers) as answer:
                await answer.read()
                assert answer.status == HTTPStatus.CREATED
            return (time.perf_counter() - began) * 1000

        asks = [agency.post(raw) for raw in stories(_RATE * _SECONDS + 1, seed=3, name="post")]
        await post(asks.pop(), 0)
        return await asyncio.gather(*(post(asked, n / _RATE) for n, asked in enumerate(asks)))
