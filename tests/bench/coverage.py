"""What share of a wire a poller never sees: `python tests/bench/coverage.py STORIES.jsonl`.

Replays the stories in the order and at the times they were sent, polls `latest` at each
interval, and counts those that were in no window a poller was given.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from wirefeed.domain.access import Access, Level, Reason
from wirefeed.domain.feeds import Gathering, Shape
from wirefeed.domain.revising import Placing, revise
from wirefeed.domain.stories import Story
from wirefeed.formats import ninjs
from wirefeed.formats.json_input import messages

MINUTE = 60_000_000
INTERVALS = (30, 60, 120, 480)
#: The rules for a window that are compared; the last is the default.
RULES = {"50 items alone": Shape(items=50, span=0), "default": Shape()}
_EVERYBODY = Access(level=Level.SUMMARY, reason=Reason.PUBLIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """The share of stories that a poller of an interval never sees, by rule."""

    minutes: int
    shares: dict[str, float]


def replayed(raw: Iterable[tuple[int, bytes]]) -> list[Story]:
    """Give the stories as the wire would hold them, the first sent first."""
    revisions = [ninjs.parse(message) for _, message in raw]
    sent = [(r.version_created, n, r) for n, r in enumerate(revisions) if r.version_created]
    return [
        revise(
            None,
            revision,
            Placing(language="en", topics=frozenset(), thread=revision.guid),
            at,
        ).story
        for at, _, revision in sorted(sent)
    ]


def window(stories: Sequence[Story], shape: Shape) -> set[str]:
    """Give what a poller is given when these stories have been sent."""
    gathering = Gathering(lambda _: _EVERYBODY, shape)
    for story in reversed(stories):
        if gathering.is_full(story):
            break
        gathering.offer(story)
    return {item.story.guid for item in gathering.window().items}


def missed(stories: Sequence[Story], minutes: int, shape: Shape) -> float:
    """Give the share of stories in no window of a poller, who comes once more after the last."""
    seen: set[str] = set()
    interval = minutes * MINUTE
    at, sent = stories[0].changed, 0
    while True:
        before = sent
        while sent < len(stories) and stories[sent].changed <= at:
            sent += 1
        if sent > before:
            seen |= window(stories[:sent], shape)
        if sent == len(stories):
            return 1 - len(seen) / len(stories)
        at += interval


def table(path: Path) -> list[Missed]:
    """Compute the table from a file of ninjs stories."""
    with path.open("rb") as file:
        stories = replayed(messages(file))
    assert all(a.changed <= b.changed for a, b in pairwise(stories))
    return [
        Missed(
            minutes=minutes,
            shares={rule: missed(stories, minutes, shape) for rule, shape in RULES.items()},
        )
        for minutes in INTERVALS
    ]


def written(rows: Sequence[Missed]) -> str:
    """Write the table for people."""
    head = "share of the wire that pollers never see\n  every     " + "".join(
        f"{rule:>18}" for rule in RULES
    )
    lines = [
        f"  {row.minutes:>4} min  " + "".join(f"{share:>18.1%}" for share in row.shares.values())
        for row in rows
    ]
    return "\n".join([head, *lines])


if __name__ == "__main__":
    print(written(table(Path(sys.argv[1]))))
