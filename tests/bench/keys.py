"""Many credentials in turn: against one, among a million, and by a process that knows none yet."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from tests.bench import machine
from tests.bench.datasets import Dataset, dataset
from tests.bench.load import Ask, Line, rate
from tests.bench.rows import Row, Sizes, in_turn, median
from tests.bench.subscribers import PLANS

#: Credentials in turn, over so many plans.
_TURN, _OF_PLANS = 1000, 20
#: Asked by a process that has just started.
_FIRST = 300


def figures(sizes: Sizes) -> list[Row]:
    """Measure a thousand in turn, and every one there is but once."""
    with (
        dataset(stories=sizes.few, subscribers=sizes.few) as few,
        dataset(stories=sizes.few, subscribers=sizes.subscribers) as many,
    ):
        return [*_in_turn(many, sizes), _all_once(many, sizes), _first_asks(few, many, sizes)]


def _in_turn(agency: Dataset, sizes: Sizes) -> Iterator[Row]:
    """Ask with a thousand credentials in turn, each known by then, and with one."""
    numbers = [n for n in range(agency.subscribers) if n % PLANS < _OF_PLANS][:_TURN]
    with machine.wirefeed(agency.folder) as server:
        for name, by in (("feed keys", agency.by_key), ("tokens", agency.by_token)):
            asks = [by(number) for number in numbers]
            one = _alike(server.port, asks)
            works = {
                "many": partial(rate, server.port, asks, 200, sizes.seconds),
                "one": partial(rate, server.port, [one], 200, sizes.seconds),
            }
            found = in_turn(sizes.rounds, works)
            yield Row(
                what=f"{len(asks):,} {name} over {_OF_PLANS} plans in turn",
                figure=found["many"],
                unit="answers/s",
                reference=found["one"],
                against="one of them",
                goal="≥ 0.9",
            )


def _alike(port: int, asks: Sequence[Ask]) -> Ask:
    """Make all of them known; give one that is answered as much as they are on average."""
    with Line(port) as line:
        sizes = [len(line.ask(asked).body) for asked in asks]
    average = sum(sizes) / len(sizes)
    return asks[min(range(len(asks)), key=lambda n: abs(sizes[n] - average))]


def _all_once(agency: Dataset, sizes: Sizes) -> Row:
    """Ask with each feed key but once, so that nothing known of one is of use for another."""
    asks = [agency.by_key(number) for number in range(agency.subscribers)]
    share = len(asks) // sizes.rounds
    turns = count()
    with machine.wirefeed(agency.folder) as server:
        one = _alike(server.port, asks[:PLANS])

        def cold() -> float:
            first = next(turns) * share
            return rate(server.port, asks[first : first + share], 200, sizes.seconds)

        hot = partial(rate, server.port, [one], 200, sizes.seconds)
        found = in_turn(sizes.rounds, {"cold": cold, "hot": hot})
    return Row(
        what=f"{agency.subscribers:,} feed keys in uniform turn",
        figure=found["cold"],
        unit="answers/s",
        reference=found["hot"],
        against="one of them, hot",
        goal="≥ 0.2",
    )


def _first_asks(few: Dataset, many: Dataset, sizes: Sizes) -> Row:
    """Ask a process that has just started, with keys it has not seen."""

    def first(agency: Dataset) -> float:
        step = agency.subscribers // _FIRST
        with machine.wirefeed(agency.folder) as server, Line(server.port) as line:
            for number in range(PLANS):
                line.ask(agency.by_key(number))
            asks = [agency.by_key(PLANS + n * step) for n in range(_FIRST - PLANS)]
            return median(line.ask(asked).milliseconds for asked in asks)

    found = in_turn(sizes.rounds, {"many": partial(first, many), "few": partial(first, few)})
    return Row(
        what=f"a feed key first seen, {many.subscribers:,} subscribers",
        figure=found["many"],
        unit="ms",
        reference=found["few"],
        against=f"{few.subscribers:,} subscribers",
        goal="≤ 1.1",
    )
