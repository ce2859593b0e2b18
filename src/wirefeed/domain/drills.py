"""Drills: a test story, its correction and its kill, for one subscriber alone. Pure.

It is filed under a topic that no newsroom can name and no plan has, so that only the grant
made for the drill covers it: whatever decides who sees what decides this, too.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.access import ALL, PRIVATE, Grant, Level
from wirefeed.domain.stories import PubStatus, Revision

#: The plan that such a grant is said to be of.
DRILL = "drill"


class Stage(StrEnum):
    """What is sent in a drill, one after the other."""

    STORY = "story"
    CORRECTION = "correction"
    KILL = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """When a stage was fetched by one way, and acknowledged; seconds after it was sent."""

    stage: Stage
    way: str
    fetched: float | None = None
    acknowledged: float | None = None


def own_topic(subscriber: str) -> str:
    """Name the topic that is one subscriber's alone: no topic of a taxonomy is spelt so."""
    return f"{PRIVATE}{subscriber}"


def drill_grant(subscriber: str) -> Grant:
    """Give the grant that covers a drill with a subscriber, and nothing else."""
    return Grant(
        plan=DRILL,
        topics=frozenset({own_topic(subscriber)}),
        languages=frozenset({ALL}),
        level=Level.FULL,
    )


def revision(
    stage: Stage,
    guid: str,
    subscriber: str,
    language: str,
    topics: Collection[str],
    words: Mapping[str, str],
) -> Revision:
    """Write what is sent at a stage; it stands in these topics, for this subscriber alone."""
    number = list(Stage).index(stage) + 1
    return Revision(
        guid=guid,
        version=number,
        status=PubStatus.CANCELED if stage is Stage.KILL else PubStatus.USABLE,
        language=language,
        headline=words[stage],
        slugline=words["slugline"],
        body="" if stage is Stage.KILL else f"<p>{words['text']}</p>",
        signals=("correction",) if stage is Stage.CORRECTION else (),
        filed=frozenset({PRIVATE, own_topic(subscriber), *topics}),
    )
