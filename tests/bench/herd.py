"""Everybody at once: two thousand requests a second for one topic, just after a publish."""

import json
import re
import threading
from http import HTTPStatus

from tests.bench import machine
from tests.bench.datasets import LENGTH, Dataset, dataset
from tests.bench.hot import held
from tests.bench.load import Ask, Line, ask, paced, rate
from tests.bench.rows import Row, Sizes, p99
from tests.bench.subscribers import PLANS
from tests.bench.wire_copy import TOPICS, stories

_PER_SECOND, _SECONDS = 2000, 10
_FORMATS = ("rss", "atom", "json")
_RENDERS = re.compile(rb'^wirefeed_renders_total\{what="document"\} ([0-9.e+]+)$', re.MULTILINE)


def figures(sizes: Sizes) -> list[Row]:
    """Measure how long they wait before a publish and after it, and count what is rendered."""
    with (
        dataset(stories=sizes.few, subscribers=sizes.few) as agency,
        machine.wirefeed(agency.folder) as server,
    ):
        asks, documents = _asks(agency, server)
        # On a machine that is too busy for it they would wait for each other, not for wirefeed.
        most = rate(server.port, asks, HTTPStatus.OK, sizes.seconds)
        per_second = min(_PER_SECOND, round(most / 2))
        steady = p99(paced(server.port, asks, per_second, _SECONDS))
        rendered = _rendered(server)
        publishing = threading.Timer(0.1, _publish, (agency, server))
        publishing.start()
        after = p99(paced(server.port, asks, per_second, _SECONDS))
        publishing.join()
        rows = [
            Row(
                what=f"p99 at {per_second:,}/s on one topic, {_SECONDS} s after a publish",
                figure=after,
                unit="ms",
                reference=steady,
                against="before it",
                goal="≤ 3",
            )
        ]
        if rendered is not None:
            rows.append(
                Row(
                    what="documents rendered meanwhile",
                    figure=(_rendered(server) or 0) - rendered,
                    unit="documents",
                    reference=documents,
                    against="as many as differ",
                    goal="≤ 1",
                )
            )
        return rows


def _asks(agency: Dataset, server: machine.Server) -> tuple[list[Ask], int]:
    """Give requests by each plan in each format, half of them by who holds it, all answered once.

    And how many documents there are among them.
    """
    asks, tags = [], set()
    with Line(server.port) as line:
        for number in range(PLANS):
            for form in _FORMATS:
                asked = agency.by_key(number, f"en/topics/{TOPICS[0]}.{form}")
                tag = line.ask(asked).headers["etag"]
                asks += [asked, held(asked, tag)]
                tags.add(tag)
    return asks, len(tags)


def _publish(agency: Dataset, server: machine.Server) -> None:
    """Send a story in that stands in the topic."""
    sent = stories(1000, seed=41, name="herd", length=LENGTH)
    message = next(raw for raw in sent if json.loads(raw)["keywords"] == [TOPICS[0]])
    assert ask(server.port, agency.post(message)).status == HTTPStatus.CREATED


def _rendered(server: machine.Server) -> float | None:
    """Say how many documents it has rendered, if it tells."""
    told = ask(server.ops, Ask(path="/metrics"))
    if told.status != HTTPStatus.OK:
        return None
    return sum(float(count) for count in _RENDERS.findall(told.body))
