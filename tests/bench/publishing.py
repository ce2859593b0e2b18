"""The first request after a publish: one new story in a feed of fifty."""

import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType
from typing import cast

import uvloop

from tests.bench import machine, references
from tests.bench.datasets import LENGTH, Dataset, dataset, publish
from tests.bench.load import Ask, Line
from tests.bench.rows import Row, Sizes, median, p99
from tests.bench.wire_copy import stories
from tests.support.agency import running, settings_in
from wirefeed.config import Feed
from wirefeed.formats import rss

_ITEMS = 50


def figures(sizes: Sizes) -> list[Row]:
    """Measure how long the first one waits, and count what is rendered for it."""
    with dataset(stories=sizes.few, subscribers=sizes.few) as agency:
        plain = Ask(path=agency.by_key(0).path)
        with machine.wirefeed(agency.folder) as server, Line(server.port) as line:
            feeds = (("uncompressed", plain), ("gzip", agency.by_key(0)))
            took = {
                name: list(_firsts(line, agency, asked, name, sizes.changes))
                for name, asked in feeds
            }
    bodies = list(stories(_ITEMS, seed=2, length=LENGTH))
    feedgen = statistics.median(references.uncached(bodies) for _ in range(sizes.rounds))
    return [
        *(
            Row(
                what=f"first request after a publish, {name}, {kind}",
                figure=of(took[name]),
                unit="ms",
                reference=feedgen,
                against="feedgen, all fifty rendered",
                goal=goal,
            )
            for name, goal in (("uncompressed", "≤ 5 ms"), ("gzip", ""))
            for kind, of in (("median", median), ("p99", p99))
        ),
        uvloop.run(_renders()),
    ]


def _firsts(line: Line, agency: Dataset, asked: Ask, name: str, changes: int) -> Iterator[float]:
    """Publish, and ask at once."""
    line.ask(asked)
    for message in stories(changes, seed=11, name=f"first-{name}", length=LENGTH):
        published = line.ask(agency.post(message))
        assert published.status == 201, published
        first = line.ask(asked)
        assert first.status == 200, first
        yield first.milliseconds


async def _renders() -> Row:
    """Count what is rendered when one story of fifty is new."""
    with tempfile.TemporaryDirectory() as folder, _counting(rss.item) as calls:
        settings = settings_in(Path(folder), feed=Feed(items=_ITEMS, hours=0))
        async with running(settings) as agency:
            await agency.subscriber("bench", "everything")
            path = f"{await agency.feed_key('bench')}/en/latest.rss"
            await publish(agency.services, stories(_ITEMS, seed=2, length=LENGTH))
            rendered = []
            for number in range(2):
                before = len(calls)
                async with agency.http.get(path) as answer:
                    assert answer.status == 200
                    await answer.read()
                rendered.append(float(len(calls) - before))
                late = stories(1, seed=3, name=f"late-{number}", length=LENGTH)
                await publish(agency.services, late)
    return Row(
        what="items rendered for it",
        figure=rendered[1],
        unit="items",
        reference=rendered[0],
        against="by a process that knows none",
        goal="1 item",
    )


@contextmanager
def _counting(function: Callable[..., object]) -> Iterator[list[str]]:
    """Note each call of a function, in whichever thread, without touching it."""
    calls: list[str] = []
    code = cast("FunctionType", function).__code__

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is code:
            calls.append(event)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
