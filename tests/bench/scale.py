"""What a request and a publish cost among a million, against the same among a thousand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import count

from tests.bench import machine
from tests.bench.datasets import LENGTH, Dataset, dataset
from tests.bench.hot import held
from tests.bench.load import Ask, Line, ask, load
from tests.bench.rows import Row, Sizes, in_turn
from tests.bench.wire_copy import stories
from wirefeed.composition import utc_now

_GOAL = "≤ 1.1"
#: One alone waits for the disk now more and now less: so many in each round, by turns.
_TURN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _House:
    """An agency of a size, being served."""

    agency: Dataset
    server: machine.Server
    messages: Iterator[bytes]


def figures(sizes: Sizes) -> list[Row]:
    """Measure requests and publishes of two agencies in turn."""
    with (
        _house(sizes.few, sizes.few) as few,
        _house(sizes.stories, sizes.subscribers) as many,
    ):
        size = f"{many.agency.stories:,} stories, {many.agency.subscribers:,} subscribers"
        rows = []
        for what, unit, turns, work in _MEASURED:
            found = in_turn(
                sizes.rounds * turns,
                {"many": partial(work, many, sizes), "few": partial(work, few, sizes)},
            )
            rows.append(
                Row(
                    what=f"{what}, {size}",
                    figure=found["many"],
                    unit=unit,
                    reference=found["few"],
                    against=f"{few.agency.stories:,} of each",
                    goal=_GOAL,
                )
            )
        return rows


@contextmanager
def _house(stories_in_it: int, subscribers: int) -> Iterator[_House]:
    with (
        dataset(stories=stories_in_it, subscribers=subscribers) as agency,
        machine.wirefeed(agency.folder) as server,
    ):
        yield _House(agency=agency, server=server, messages=_new())


def _new() -> Iterator[bytes]:
    """Give stories that an agency lent before has not been sent, either."""
    for run in count():
        name = f"scale-{utc_now()}-{run}"
        yield from stories(1000, seed=31, name=name, length=LENGTH)


def _hot(house: _House, sizes: Sizes) -> float:
    """Give the processor time of one that is answered from memory."""
    return _cpu(house, [house.agency.by_key(0)], HTTPStatus.OK, sizes)


def _held(house: _House, sizes: Sizes) -> float:
    """Give the processor time of one that holds what it asks for."""
    asked = house.agency.by_key(0)
    tag = ask(house.server.port, asked).headers["etag"]
    return _cpu(house, [held(asked, tag)], HTTPStatus.NOT_MODIFIED, sizes)


def _cpu(house: _House, asks: Sequence[Ask], status: int, sizes: Sizes) -> float:
    before = house.server.cpu()
    given = load(house.server.port, asks, status, sizes.seconds)
    return (house.server.cpu() - before) / given.answers * 1e6


def _publish(house: _House, _: Sizes) -> float:
    return _timed(house, house.agency.by_key(0))[0]


def _first(house: _House, _: Sizes) -> float:
    return _timed(house, house.agency.by_key(0))[1]


def _narrow(house: _House, _: Sizes) -> float:
    return _timed(house, house.agency.by_key(7))[1]


def _timed(house: _House, asked: Ask) -> tuple[float, float]:
    """Publish, then ask for a feed: how long each takes."""
    # A new one each time: while others are measured an open one is idle for too long.
    with Line(house.server.port) as line:
        published = line.ask(house.agency.post(next(house.messages)))
        assert published.status == HTTPStatus.CREATED, published
        first = line.ask(asked)
        assert first.status == HTTPStatus.OK, first
        return published.milliseconds, first.milliseconds


_Work = Callable[[_House, Sizes], float]
#: What is measured, and how often in each round.
_MEASURED: tuple[tuple[str, str, int, _Work], ...] = (
    ("hot 200", "µs of processor", 1, _hot),
    ("304", "µs of processor", 1, _held),
    ("publish", "ms", _TURN, _publish),
    ("first request after it", "ms", _TURN, _first),
    ("first request after it, narrow plan", "ms", _TURN, _narrow),
)
