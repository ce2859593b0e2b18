"""How soon a change is seen, and that nobody sees the old once it is said to be done."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus

from tests.bench import machine
from tests.bench.datasets import LENGTH, Dataset, dataset
from tests.bench.load import Answer, Ask, Line
from tests.bench.rows import Row, Sizes, median, p99
from tests.bench.wire_copy import killed, stories

_WORKERS = 4
#: A process that does not see a change by then never will.
_PATIENCE = 10
#: Between two looks, so that the looks themselves are no load.
_PAUSE = 0.002


def figures(sizes: Sizes) -> list[Row]:
    """Measure publish → visible, and revoke and kill → returned, with several processes."""
    with dataset(stories=sizes.few, subscribers=sizes.few) as agency, _workers(agency) as lines:
        return [
            *_visible(agency, lines, sizes.changes),
            *_revoked(agency, lines, sizes.changes),
            *_killed(agency, lines, sizes.changes),
        ]


@contextmanager
def _workers(agency: Dataset) -> Iterator[Sequence[Line]]:
    """Run processes over one database; give a connection to each."""
    with ExitStack() as stack:
        servers = [stack.enter_context(machine.wirefeed(agency.folder)) for _ in range(_WORKERS)]
        yield [stack.enter_context(Line(server.port)) for server in servers]


def _visible(agency: Dataset, lines: Sequence[Line], changes: int) -> list[Row]:
    """Publish by one process; see how soon it and another show the story."""
    writer, other, *_ = lines
    at_once, elsewhere = 0, []
    for message in stories(changes, seed=21, name="visible", length=LENGTH):
        feed, name = _feed(agency), _name(message)
        # Both have what they give at hand, as if others had just asked.
        for line in (writer, other):
            line.ask(feed)
        assert writer.ask(agency.post(message)).status == HTTPStatus.CREATED
        began = time.perf_counter()
        at_once += name in writer.ask(feed).body
        _until(partial(_shows, other, feed, name))
        elsewhere.append((time.perf_counter() - began) * 1000)
    unit = f"of {changes}"
    return [
        Row(what="publish → in the same process's next answer", figure=at_once, unit=unit),
        Row(
            what="publish → visible by another process, median",
            figure=median(elsewhere),
            unit="ms",
        ),
        Row(
            what="publish → visible by another process, p99",
            figure=p99(elsewhere),
            unit="ms",
            goal="≤ 500 ms",
        ),
    ]


def _revoked(agency: Dataset, lines: Sequence[Line], changes: int) -> list[Row]:
    """Revoke keys by one process, and ask all of them as soon as it has returned."""
    took, wrong = [], 0
    # The first is asked for other things, too.
    for number in range(1, changes + 1):
        asked = agency.by_key(number)
        assert all(_is_full(line.ask(asked)) for line in lines)
        answer = lines[0].ask(agency.revoke_key(number))
        assert answer.status == HTTPStatus.OK, answer
        took.append(answer.milliseconds)
        wrong += sum(_is_full(line.ask(asked)) for line in lines)
    return _returned("revoke", took, wrong)


def _killed(agency: Dataset, lines: Sequence[Line], changes: int) -> list[Row]:
    """Kill stories by one process, and ask all of them as soon as it has returned."""
    took, wrong = [], 0
    for message in stories(changes, seed=23, name="killed", length=LENGTH):
        feed, words = _feed(agency), _words(message)
        assert lines[0].ask(agency.post(message)).status == HTTPStatus.CREATED
        for line in lines:
            _until(partial(_shows, line, feed, words))
        answer = lines[0].ask(agency.post(killed(message)))
        assert answer.status == HTTPStatus.OK, answer
        took.append(answer.milliseconds)
        wrong += sum(_shows(line, feed, words) for line in lines)
    return _returned("kill", took, wrong)


def _returned(what: str, took: Sequence[float], wrong: int) -> list[Row]:
    among = f"with {_WORKERS} processes"
    return [
        Row(what=f"{what} → returned, {among}, median", figure=median(took), unit="ms"),
        Row(
            what=f"{what} → returned, {among}, p99",
            figure=p99(took),
            unit="ms",
            goal="≤ 600 ms",
        ),
        Row(
            what=f"{what}: answers that did not know it after that",
            figure=wrong,
            unit=f"of {len(took) * _WORKERS}",
            goal="0",
        ),
    ]


def _feed(agency: Dataset) -> Ask:
    """Ask for everything, uncompressed, so that words can be found in it."""
    return Ask(path=agency.by_key(0, "en/latest.json").path)


def _name(message: bytes) -> bytes:
    return str(json.loads(message)["uri"]).encode()


def _words(message: bytes) -> bytes:
    """Give words of the story that no other has."""
    body = str(json.loads(message)["body_html"])
    return body.removeprefix("<p>")[:120].encode()


def _is_full(answer: Answer) -> bool:
    return "full=" in answer.headers["wirefeed-levels"]


def _shows(line: Line, feed: Ask, words: bytes) -> bool:
    return words in line.ask(feed).body


def _until(holds: Callable[[], bool]) -> None:
    """Ask until it is so."""
    latest = time.perf_counter() + _PATIENCE
    while not holds():
        assert time.perf_counter() < latest
        time.sleep(_PAUSE)
