"""What a process holds when it has been asked for everything that it keeps."""

from tests.bench import machine
from tests.bench.datasets import dataset
from tests.bench.load import Line
from tests.bench.rows import Row, Sizes
from tests.bench.wire_copy import TOPICS

_FORMATS = ("rss", "atom", "json")
#: Sets of entitlements: as many plans, a subscriber of each.
_ENTITLEMENTS = 10


def figures(sizes: Sizes) -> list[Row]:
    """Ask for each topic in each format by each entitlement, twice."""
    with (
        dataset(stories=sizes.stored, subscribers=sizes.few) as agency,
        machine.wirefeed(agency.folder) as server,
        Line(server.port) as line,
    ):
        line.ask(agency.by_key(0))
        before = server.memory()
        for _ in range(2):
            for topic in TOPICS:
                for form in _FORMATS:
                    for number in range(_ENTITLEMENTS):
                        answer = line.ask(agency.by_key(number, f"en/topics/{topic}.{form}"))
                        assert answer.status == 200, answer
        after = server.memory()
    documents = len(TOPICS) * len(_FORMATS) * _ENTITLEMENTS
    return [
        Row(
            what=f"memory, {sizes.stored:,} stories, {documents:,} documents warm",
            figure=after,
            unit="MB",
            reference=before,
            against="after its first answer",
            goal="≤ 184 MB",
        )
    ]
