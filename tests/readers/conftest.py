"""What the tests of readers stand on, and what they tell: after how long each had recovered."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet

import pytest

from tests.readers.canned import Stage, staged
from tests.support.agency import MINUTE

NOBODY: AbstractSet[str] = frozenset()


class Table:
    """Readers down, transitions across, and after how long."""

    def __init__(self) -> None:
        self._columns: dict[str, dict[str, int]] = {}
        self._by_hand: set[tuple[str, str]] = set()

    def note(
        self, transition: str, after: Mapping[str, int], by_hand: AbstractSet[str] = NOBODY
    ) -> None:
        """Note a transition, in microseconds by reader; of several alike, the slowest.

        And whose owner had to lend a hand.
        """
        column = self._columns.setdefault(transition, {})
        for reader, micros in after.items():
            column[reader] = max(micros, column.get(reader, 0))
        self._by_hand |= {(transition, reader) for reader in by_hand}

    def __str__(self) -> str:
        readers = list(dict.fromkeys(name for column in self._columns.values() for name in column))
        lines = [["recovered after", *self._columns]]
        lines += [
            [name, *(self._cell(column, name) for column in self._columns)] for name in readers
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rows = [
            " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        if self._by_hand:
            rows.append("a click: it had given up, and asks again once its owner says so")
        return "\n".join(rows)

    def _cell(self, transition: str, reader: str) -> str:
        micros = self._columns[transition].get(reader)
        if micros is None:
            return ""
        return "a click" if (transition, reader) in self._by_hand else duration(micros)

    def __bool__(self) -> bool:
        return bool(self._columns)


def duration(micros: int) -> str:
    hours, minutes = divmod(round(micros / MINUTE), 60)
    return f"{hours}:{minutes:02} h" if hours else f"{minutes} min"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Give a server that says what it is told to say."""
    async with staged() as stage:
        yield stage


@pytest.fixture(scope="module")
def table(tell: Callable[[str], None]) -> Iterator[Table]:
    """Collect what the tests of a module found, and show it after the last of them."""
    table = Table()
    yield table
    if table:
        tell(f"\n{table}\n")
