"""Copy shaped like a real wire's: lengths, bursts and topics as newsrooms send. No real text."""

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

#: Characters of a body: half are below 3.9 kB, nine tenths below 14 kB, 99 of 100 below 64 kB.
#: What is long is very long: two log-normal curves, joined at the ninth tenth.
_MEDIAN, _SPREAD = 3_900, 0.9973
_JOINT, _LONG, _LONG_SPREAD = 1.2816, 14_000, 1.4548
_LONGEST = 140_000
#: What each story stands in, one of them, by a keyword.
TOPICS = tuple(f"topic-{number:02}" for number in range(40))
_URI = "tag:bench.example,2026"
_SENTENCE = (
    "the agency said on Tuesday that a council vote would follow talks between ministers and "
    "unions over the price of power while markets rose and rain spread to the coast"
)
_WORDS = _SENTENCE.split()
_END = datetime(2026, 3, 1, tzinfo=UTC)
#: Mostly minutes apart; now and then a burst within a second.
_GAP_MS = 40_000
_BURSTS = 0.1


def stories(count: int, *, seed: int = 1, name: str = "copy", length: int = 0) -> Iterator[bytes]:
    """Give so many messages in ninjs 1.x, the same for the same seed; all of one length, if any."""
    draw = random.Random(seed)  # noqa: S311 - a data set, not a secret
    at = _END - timedelta(milliseconds=_GAP_MS) * count
    for number in range(count):
        gap = 1 if draw.random() < _BURSTS else draw.expovariate(1 / _GAP_MS)
        at += timedelta(milliseconds=gap)
        yield json.dumps(_story(draw, f"{_URI}:{name}-{number}", at, length)).encode()


def killed(message: bytes) -> bytes:
    """Give the message that kills a story."""
    story = json.loads(message)
    return json.dumps(
        {name: story[name] for name in ("uri", "type", "versioncreated", "language", "keywords")}
        | {"version": "2", "pubstatus": "canceled"}
    ).encode()


def _story(draw: random.Random, uri: str, at: datetime, length: int) -> dict[str, object]:
    length = length or _length(draw)
    story: dict[str, object] = {
        "uri": uri,
        "version": "1",
        "type": "text",
        "versioncreated": at.isoformat(),
        "pubstatus": "usable",
        "urgency": draw.choice((3, 4, 4, 5)),
        "language": "en",
        "slugline": uri.rpartition(":")[2].title(),
        "headline": " ".join(draw.choices(_WORDS, k=9)).capitalize(),
        "body_html": "".join(_paragraphs(draw, length)),
        "keywords": [draw.choice(TOPICS)],
        "byline": "A. Reporter",
    }
    if draw.random() < 0.57:
        story["description_text"] = " ".join(draw.choices(_WORDS, k=25)) + "."
    return story


def _length(draw: random.Random) -> int:
    at = draw.gauss(0, 1)
    if at <= _JOINT:
        return int(_MEDIAN * math.exp(_SPREAD * at))
    return min(int(_LONG * math.exp(_LONG_SPREAD * (at - _JOINT))), _LONGEST)


def _paragraphs(draw: random.Random, length: int) -> Iterator[str]:
    while length > 0:
        paragraph = " ".join(draw.choices(_WORDS, k=draw.randint(15, 60)))
        length -= len(paragraph) + 7
        yield f"<p>{paragraph}.</p>"
