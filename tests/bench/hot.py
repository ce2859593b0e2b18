"""One feed asked for again and again: its bytes from memory, or that they are held already."""

import statistics
import tempfile
from functools import partial
from pathlib import Path

from tests.bench import machine, references
from tests.bench.datasets import LENGTH, dataset
from tests.bench.load import Answer, Ask, ask, rate
from tests.bench.rows import Row, Sizes, in_turn
from tests.bench.wire_copy import stories
from tests.support.redis_server import redis_server

_PUBLIC = Ask(path="/en/latest.rss", headers=(("Accept-Encoding", "gzip"),))
_ITEMS = 50


def figures(sizes: Sizes) -> list[Row]:
    """Measure a private and a public feed of fifty stories, in full and as held."""
    with (
        dataset(stories=sizes.few, subscribers=sizes.few) as agency,
        machine.wirefeed(agency.folder) as server,
    ):
        rows = []
        for name, asked in (("private", agency.by_key(0)), ("public", _PUBLIC)):
            answer = ask(server.port, asked)
            what = f"hot {name} feed, {len(answer.body) / 1000:.0f} kB"
            if "content-encoding" not in answer.headers:
                what += " uncompressed"
            rows += _beside_others(server, asked, answer, what, sizes)
        return rows


def held(asked: Ask, tag: str) -> Ask:
    """Ask the same as one who holds it."""
    return Ask(path=asked.path, headers=(*asked.headers, ("If-None-Match", tag)))


def _beside_others(
    server: machine.Server, asked: Ask, answer: Answer, what: str, sizes: Sizes
) -> list[Row]:
    path = "/f/key/en/latest.rss"
    with (
        references.bare(answer) as bare,
        references.nginx(answer, path) as nginx,
        tempfile.TemporaryDirectory() as folder,
        redis_server(Path(folder)) as redis,
    ):
        plain = Ask(path=path)
        machine.keep_with_servers(redis.client.info()["process_id"])
        tag = ask(nginx.port, plain).headers["etag"]
        rates = {
            "200": partial(rate, server.port, [asked], 200, sizes.seconds),
            "bare 200": partial(rate, bare.port, [plain], 200, sizes.seconds),
            "nginx 200": partial(rate, nginx.port, [plain], 200, sizes.seconds),
            "redis": partial(references.redis_gets, redis.port, answer.body, sizes.seconds),
            "304": _not_modified(server, asked, answer.headers["etag"], sizes),
            "bare 304": _not_modified(bare, plain, answer.headers["etag"], sizes),
            "nginx 304": _not_modified(nginx, plain, tag, sizes),
        }
        found = in_turn(sizes.rounds, rates)
    bodies = list(stories(_ITEMS, seed=2, length=LENGTH))
    found["feedgen"] = 1000 / statistics.median(
        references.uncached(bodies) for _ in range(sizes.rounds)
    )
    return [
        Row(
            what=f"{what}, {status}",
            figure=found[status],
            unit="answers/s",
            reference=found[against],
            against=told,
            goal=goal,
        )
        for status, against, told, goal in _COMPARED
    ]


def _not_modified(server: machine.Server, asked: Ask, tag: str, sizes: Sizes) -> "partial[float]":
    return partial(rate, server.port, [held(asked, tag)], 304, sizes.seconds)


_COMPARED = (
    ("200", "bare 200", "bare aiohttp handler, same bytes", "≥ 0.85"),
    ("304", "bare 304", "bare aiohttp handler", "≥ 0.85"),
    ("200", "nginx 200", "nginx, same bytes from disk", ""),
    ("304", "nginx 304", "nginx from disk", ""),
    ("200", "redis", "GET of the same bytes from Redis", ""),
    ("200", "feedgen", "feedgen, rendered for each request", ""),
)
