"""`make bench`: how fast it is, each figure beside its reference in the same run.

Prints a table and JSON. Nothing here passes or fails: machines differ, ratios tell.
Server on one core, load from another where there are two; medians of rounds taken in turn.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from aiohttp import web

from tests.bench import accounts
from tests.bench.wire_copy import stories
from tests.support.agency import Agency, running, settings_in
from wirefeed.config import Feed, Server, Settings
from wirefeed.domain.errors import Invalid
from wirefeed.formats import ninjs
from wirefeed.services.publishing import GROUP, Message
from wirefeed.web.app import make_app
from wirefeed.web.server import Runner, serve

_CONNECTIONS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load in a round")
    parser.add_argument("--subscribers", type=int, default=1_000_000, help="against a thousand")
    asked = parser.parse_args()
    figures = [
        *uvloop.run(accounts.figures(asked.subscribers, 1000, 5 * asked.rounds)),
        *uvloop.run(_imports(asked.stories)),
        *uvloop.run(_posts()),
        *_feeds(asked.rounds, asked.seconds),
    ]
    width = max(len(row["what"]) for row in figures)
    print(f"{'':{width}}  {'figure':>12}  {'reference':>12}  ratio")
    for row in figures:
        reference = row.get("reference")
        ratio = f"{row['figure'] / reference:5.2f}" if reference else ""
        shown = f"{reference:12,.0f}" if reference else " " * 12
        print(f"{row['what']:{width}}  {row['figure']:12,.1f}  {shown}  {ratio}")
    print(json.dumps(figures))


async def _imports(count: int) -> list[dict[str, Any]]:
    """Import a wire, durably, against writing the same bytes to SQLite and nothing else."""
    messages = list(stories(count))
    with tempfile.TemporaryDirectory() as folder:
        async with running(settings_in(Path(folder))) as agency:
            began = time.perf_counter()
            for start in range(0, count, GROUP):
                group = [_message(raw) for raw in messages[start : start + GROUP]]
                await agency.services.publishing.accept_all(group, "bench")
            rate = count / (time.perf_counter() - began)
        plain = count / _plain_inserts(Path(folder) / "plain.db", messages)
    return [{"what": "import, stories/s", "figure": rate, "reference": plain}]


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


def _message(raw: bytes) -> Message:
    try:
        return Message(raw=raw, revision=ninjs.parse(raw))
    except Invalid as error:
        return Message(raw=raw, error=error)


async def _posts(rate: int = 50, seconds: int = 5) -> list[dict[str, Any]]:
    """Post durably at a steady rate."""
    took: list[float] = []

    async def post(agency: Agency, raw: bytes, after: float) -> None:
        await asyncio.sleep(after)
        began = time.perf_counter()
        answer = await agency.send(json.loads(raw))
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 201

    with tempfile.TemporaryDirectory() as folder:
        async with running(settings_in(Path(folder))) as agency:
            first, *messages = stories(rate * seconds + 1, seed=3)
            await post(agency, first, 0)
            took.clear()
            await asyncio.gather(*(post(agency, m, n / rate) for n, m in enumerate(messages)))
    cuts = statistics.quantiles(took, n=100)
    return [
        {"what": f"durable POST at {rate}/s, p50 ms", "figure": cuts[49]},
        {"what": f"durable POST at {rate}/s, p99 ms", "figure": cuts[98]},
    ]


def _feeds(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Ask for one public feed of 50 stories, against a bare handler giving the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        settings = settings_in(Path(folder), feed=Feed(items=50, hours=0), server=Server(port=port))
        uvloop.run(_fill(settings))
        url = f"http://127.0.0.1:{port}/en/latest.rss"
        wirefeed = _spawn(_serve_wirefeed, settings)
        body, tag = uvloop.run(_fetch(url))
        bare_port = _free_port()
        bare = _spawn(_serve_bare, (bare_port, body, tag))
        bare_url = f"http://127.0.0.1:{bare_port}/en/latest.rss"
        uvloop.run(_fetch(bare_url))
        rates: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for kind, headers in (("200", {}), ("304", {"If-None-Match": tag})):
                for name, address in (("wirefeed", url), ("bare", bare_url)):
                    rate = uvloop.run(_load(address, headers, int(kind), seconds))
                    rates.setdefault((kind, name), []).append(rate)
        for process in (wirefeed, bare):
            process.terminate()
            process.join()
    return [
        {
            "what": f"hot feed of 50, {kind}, requests/s",
            "figure": statistics.median(rates[kind, "wirefeed"]),
            "reference": statistics.median(rates[kind, "bare"]),
        }
        for kind in ("200", "304")
    ]


async def _fill(settings: Settings) -> None:
    async with running(settings) as agency:
        messages = [_message(raw) for raw in stories(200, seed=5)]
        await agency.services.publishing.accept_all(messages, "bench")


def _spawn(target: Callable[[Any], Awaitable[None]], argument: object) -> multiprocessing.Process:
    process = multiprocessing.Process(target=_on_one_core, args=(target, argument), daemon=True)
    process.start()
    return process


def _on_one_core(target: Callable[[Any], Awaitable[None]], argument: object) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    uvloop.run(target(argument))  # type: ignore[arg-type]


async def _serve_wirefeed(settings: Settings) -> None:
    await serve(make_app(settings), settings.server, lambda: None)


async def _serve_bare(argument: tuple[int, bytes, str]) -> None:
    port, body, tag = argument

    async def handler(request: web.Request) -> web.Response:
        headers = {"ETag": tag, "Content-Type": "application/rss+xml; charset=utf-8"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_get("/{lang}/{feed}.{format}", handler)
    runner = Runner(app, drain=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def _fetch(url: str) -> tuple[bytes, str]:
    """Fetch it as soon as the server is up."""
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            try:
                async with http.get(url) as answer:
                    return await answer.read(), answer.headers["ETag"]
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
    message = f"no answer from {url}"
    raise TimeoutError(message)


async def _load(url: str, headers: dict[str, str], status: int, seconds: float) -> float:
    """Ask again and again over some connections; give answers a second."""
    done = 0
    end = time.perf_counter() + seconds

    async def ask(http: aiohttp.ClientSession) -> None:
        nonlocal done
        while time.perf_counter() < end:
            async with http.get(url, headers=headers) as answer:
                await answer.read()
                assert answer.status == status
                done += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        await asyncio.gather(*(ask(http) for _ in range(_CONNECTIONS)))
    return done / seconds


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
