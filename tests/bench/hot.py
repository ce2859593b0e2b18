"""One feed asked for again and again: its bytes from memory, or that they are held already."""

import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
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
_Work = Callable[[], float]


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
    found = _measured(server, asked, answer, sizes)
    found["feedgen"] = 1000 / statistics.median(
        references.uncached(list(stories(_ITEMS, seed=2, length=LENGTH)))
        for _ in range(sizes.rounds)
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
        if against in found
    ]


def _measured(server: machine.Server, asked: Ask, answer: Answer, sizes: Sizes) -> dict[str, float]:
    """Ask wirefeed, and what gives the same bytes by other means, in turn."""
    path = "/f/key/en/latest.rss"
    with ExitStack() as stack:
        bare = stack.enter_context(references.bare(answer))
        works = {
            **_both("", server, asked, sizes),
            **_both("bare ", bare, Ask(path=path), sizes),
        }
        if references.nginx_program():
            nginx = stack.enter_context(references.nginx(answer, path))
            works |= _both("nginx ", nginx, Ask(path=path), sizes)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        redis = stack.enter_context(redis_server(Path(folder)))
        machine.keep_with_servers(redis.client.info()["process_id"])
        gets = partial(references.redis_gets, redis.port, answer.body, sizes.seconds)
        return in_turn(sizes.rounds, {**works, "redis": gets})


def _both(name: str, server: machine.Server, asked: Ask, sizes: Sizes) -> dict[str, _Work]:
    """Ask in full, and as one who holds it."""
    holding = held(asked, ask(server.port, asked).headers["etag"])
    return {
        f"{name}200": partial(rate, server.port, [asked], 200, sizes.seconds),
        f"{name}304": partial(rate, server.port, [holding], 304, sizes.seconds),
    }


_COMPARED = (
    ("200", "bare 200", "bare aiohttp handler, same bytes", "≥ 0.85"),
    ("304", "bare 304", "bare aiohttp handler", "≥ 0.85"),
    ("200", "nginx 200", "nginx, same bytes from disk", ""),
    ("304", "nginx 304", "nginx from disk", ""),
    ("200", "redis", "GET of the same bytes from Redis", ""),
    ("200", "feedgen", "feedgen, rendered for each request", ""),
)
