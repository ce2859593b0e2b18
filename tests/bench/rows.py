"""A figure beside its reference: measured in turn, told as a table and as JSON."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    figure: float
    unit: str
    #: What the same run measured of something else, or of the same at another size.
    reference: float | None = None
    #: What that was.
    against: str = ""
    #: What is asked of the ratio, or of the figure.
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        return self.figure / self.reference if self.reference else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large a run is."""

    rounds: int
    #: Of load, in each round.
    seconds: float
    #: Of the large data set; the small one has a thousand of each.
    stories: int
    subscribers: int
    #: Held while memory is measured.
    stored: int
    #: Sent in for the import.
    imported: int
    #: Publishes, revocations and kills that are timed.
    changes: int
    few: int = 1000


def in_turn(rounds: int, works: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Do each work in each round; give the medians.

    Who comes first in a round finds colder caches, so they take turns at that, too.
    """
    order = list(works)
    taken: dict[str, list[float]] = {name: [] for name in order}
    for turn in range(rounds):
        for name in order if turn % 2 else reversed(order):
            taken[name].append(works[name]())
    return {name: statistics.median(figures) for name, figures in taken.items()}


def median(figures: Iterable[float]) -> float:
    return statistics.median(figures)


def p99(figures: Iterable[float]) -> float:
    """Give the value that one in a hundred is above; of fewer, the largest."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def table(rows: Sequence[Row]) -> str:
    """Write the table for people."""
    width = max(len(f"{row.what}, {row.unit}") for row in rows)
    lines = [f"{'':{width}}  {'figure':>11}  {'reference':>11}  {'ratio':>6}  goal      against"]
    for row in rows:
        what = f"{row.what}, {row.unit}"
        reference = _number(row.reference)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(
            f"{what:{width}}  {_number(row.figure):>11}  {reference:>11}  {ratio:>6}"
            f"  {row.goal:<8}  {row.against}".rstrip()
        )
    return "\n".join(lines)


def _number(figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"
