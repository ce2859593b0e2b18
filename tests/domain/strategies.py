"""What the domain's properties are drawn from: revisions, stories, grants and entitlements.

Small worlds on purpose: few topics, languages and times, so that drawn things meet.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from wirefeed.domain.access import ALL, PUBLIC, Grant, Level
from wirefeed.domain.media import MediaLinks
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.revising import Placing, expire, is_open, release, revise
from wirefeed.domain.stories import SECOND, MediaItem, PubStatus, Rendition, Revision, Story

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: 2026-03-01T12:00:00Z
NOW = 1_772_366_400 * SECOND

PICTURE = MediaItem(
    kind="picture", renditions=(Rendition(name="web", href="https://media.example/p.jpg"),)
)
LINKS = MediaLinks(base="https://news.example/media", key=bytes(32))


def placing(*topics: str, language: str = "en", thread: str = "s") -> Placing:
    return Placing(language=language, topics=frozenset(topics), thread=thread)


def sent(**fields: Any) -> Revision:
    """Make what a newsroom might send, with whatever the test is about."""
    usual = {"guid": "s", "version": 1, "language": "en", "version_created": NOW - HOUR}
    return Revision(**{**usual, **fields})


def held(*topics: str, now: int = NOW, language: str = "en", **fields: Any) -> Story:
    """Give a story as it is held after its first message."""
    revision = sent(**fields)
    thread = revision.feed_guid or revision.guid
    place = placing(*(topics or ("politics",)), language=language, thread=thread)
    return revise(None, revision, place, now).story


def then(story: Story, *topics: str, now: int, **fields: Any) -> Story:
    """Give the story after the next version of it."""
    place = Placing(
        language=story.language, topics=frozenset(topics) or story.topics, thread=story.thread
    )
    following = replace(story.revision, version=story.version + 1, version_created=now, **fields)
    return revise(story, following, place, now, reinstate=True).story


def grant(*topics: str, plan: str = "gold", **fields: Any) -> Grant:
    return Grant(plan=plan, topics=frozenset(topics or (ALL,)), **{"level": Level.FULL, **fields})


def entitled(*grants: Grant, anonymous: bool = False) -> Entitlement:
    return Entitlement(grants=frozenset(grants), anonymous=anonymous)


_PRIME = 2_654_435_761


def any_of(**options: Sequence[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw one of each; as one number, for drawing each alone takes most of the time."""
    count = math.prod(len(values) for values in options.values())

    def chosen(number: int) -> dict[str, Any]:
        # Small numbers are drawn most: spread them, 0 (the first of each) staying where it is.
        number = number * _PRIME % count
        drawn = {}
        for name, values in options.items():
            number, index = divmod(number, len(values))
            drawn[name] = values[index]
        return drawn

    return st.integers(0, count - 1).map(chosen)


def _sets(*sets: str) -> list[frozenset[str]]:
    return [frozenset(topics.split()) for topics in sets]


#: Times around NOW that meet one another.
MOMENTS = tuple(NOW + n * 10 * MINUTE for n in range(-6, 7))
moments = st.sampled_from(MOMENTS)
#: Football is a kind of sport: a story's topics include the broader ones.
TOPIC_SETS = _sets("politics", "", "sport", "sport football", "politics economy", "economy sport")

revision_fields = any_of(
    status=(*[PubStatus.USABLE] * 8, PubStatus.WITHHELD, PubStatus.CANCELED),
    embargoed_until=(None,) * 2 * len(MOMENTS) + MOMENTS,
    expires=(None,) * 2 * len(MOMENTS) + MOMENTS,
    version_created=MOMENTS,
    first_created=(None, NOW - DAY, NOW, NOW + DAY),
    signals=((), ("correction",)),
    media=((), (PICTURE,)),
    ednote=("", "For editors."),
    summary=("", "A bridge."),
    slugline=("", "BRIDGE"),
    headline=("Bridge opens", "Bridge closes"),
    language=("en-GB", "tr", "de"),
    urgency=(2, 6),
)
placings = any_of(language=("en", "en", "tr", ""), topics=TOPIC_SETS, thread=("s",)).map(
    lambda drawn: Placing(**drawn)
)
grants = any_of(
    plan=(PUBLIC, "silver", "gold"),
    topics=_sets(*[ALL] * 8, "politics", "sport", "football", "economy", "politics sport"),
    languages=_sets(*[ALL] * 8, "en", "de"),
    excepted=_sets(*[""] * 8, "football", "sport", "economy"),
    level=(Level.SUMMARY, Level.FULL),
    delay=(0, 30 * MINUTE),
    media=(False, True),
    early=(False, True),
    notes=(False, True),
).map(lambda drawn: Grant(**drawn))
entitlements = st.builds(
    Entitlement,
    grants=st.frozensets(grants, max_size=3) | st.frozensets(grants, min_size=2, max_size=4),
    anonymous=st.booleans(),
)


def revisions(guid: str = "s", version: int | None = 1) -> st.SearchStrategy[Revision]:
    return revision_fields.map(
        lambda drawn: Revision(guid=guid, version=version, body="<p>It opened.</p>", **drawn)
    )


def _told(steps: Sequence[tuple[Revision, Placing, int]]) -> Story:
    now = NOW - 2 * HOUR
    story: Story | None = None
    for version, (revision, place, pause) in enumerate(steps, 1):
        now += pause % 4 * 10 * MINUTE
        numbered = replace(revision, version=version)
        story = revise(story, numbered, place, now, reinstate=True).story
        if pause >= 4:
            story = fallen_due(story, now)
    assert story is not None
    return story


#: Stories as their newsroom and the clock made them: some versions, some due changes.
stories = st.lists(st.tuples(revisions(), placings, st.integers(0, 7)), min_size=1, max_size=4).map(
    _told
)


def fallen_due(story: Story, now: int) -> Story:
    """Announce what the clock has done, as the server does a moment after it is due."""
    revision = story.revision
    if revision.status is not PubStatus.USABLE:
        return story
    if story.released is None and is_open(revision, now):
        story = release(story, now)
    if revision.expires is not None and revision.expires <= now:
        story = expire(story, now)
    return story
