"""Copy shaped like a real wire's: lengths, bursts and topics as newsrooms send. No real text."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

#: Characters of a body: half are below 3.9 kB, nine tenths below 14 kB, 99 of 100 below 64 kB.
_MEDIAN, _SPREAD = 3900, 1.0
_LONGEST = 140_000
_TOPICS = ("04000000", "11000000", "15000000", "13000000", "17000000")
_SENTENCE = (
    "the agency said on Tuesday that a council vote would follow talks between ministers and "
    "unions over the price of power while markets rose and rain spread to the coast"
)
_WORDS = _SENTENCE.split()
_START = datetime(2026, 3, 1, tzinfo=UTC)


def stories(count: int, *, seed: int = 1) -> Iterator[bytes]:
    """Give so many messages in ninjs 1.x, the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - a data set, not a secret
    at = _START
    for number in range(count):
        # Mostly minutes apart; now and then a burst within a second.
        at += timedelta(milliseconds=1 if draw.random() < 0.1 else draw.expovariate(1 / 40_000))
        yield json.dumps(_story(draw, number, at)).encode()


def _story(draw: random.Random, number: int, at: datetime) -> dict[str, object]:
    length = min(int(draw.lognormvariate(0, _SPREAD) * _MEDIAN), _LONGEST)
    story: dict[str, object] = {
        "uri": f"tag:bench.example,2026:{number}",
        "version": "1",
        "type": "text",
        "versioncreated": at.isoformat(),
        "pubstatus": "usable",
        "urgency": draw.choice((3, 4, 4, 5)),
        "language": "en",
        "slugline": f"Bench-{number}",
        "headline": " ".join(draw.choices(_WORDS, k=9)).capitalize(),
        "body_html": "".join(_paragraphs(draw, length)),
        "subject": [{"code": f"medtop:{draw.choice(_TOPICS)}", "rel": "about"}],
        "byline": "A. Reporter",
    }
    if draw.random() < 0.57:
        story["description_text"] = " ".join(draw.choices(_WORDS, k=25)) + "."
    return story


def _paragraphs(draw: random.Random, length: int) -> Iterator[str]:
    while length > 0:
        paragraph = " ".join(draw.choices(_WORDS, k=draw.randint(15, 60)))
        length -= len(paragraph) + 7
        yield f"<p>{paragraph}.</p>"
