"""What the tests of storage keep: stories with a say in where they stand, and drawn ones."""

import asyncio
import threading
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.stories import (
    Concept,
    Feed,
    MediaItem,
    PubStatus,
    Rendition,
    Revision,
    Standing,
    Story,
)
from wirefeed.domain.wire import Change, ChangeKind, Head
from wirefeed.storage import wire

SPORT = Feed(language="en", topic="sport")
ARTS = Feed(language="en", topic="arts")
LATEST = Feed(language="en")


def story(
    guid: str = "urn:newsml:example.com:2026:1",
    *topics: str,
    position: int = 1,
    status: PubStatus = PubStatus.USABLE,
    language: str = "en",
    evolved_from: str | None = None,
    **fields: Any,
) -> Story:
    """Give a story that stands in these topics."""
    standing = Standing(language=language, topics=frozenset(topics or ("sport",)))
    revision = Revision(
        guid=guid, version=1, status=status, language=language, evolved_from=evolved_from
    )
    usual = {
        "version": 1,
        "language": language,
        "topics": standing.topics,
        "stood": frozenset({standing}),
        "feeds": standing.feeds,
        "thread": guid,
        "released": 1,
        "published": 1,
        "updated": 1,
        "change": ChangeKind.PUBLISH,
        "changed": position,
        "position": position,
    }
    return Story(revision=revision, **{**usual, **fields})


def moved(held: Story, position: int, **fields: Any) -> Story:
    """Give the story after a change at a position."""
    return replace(held, position=position, changed=position, **fields)


def changes(count: int, about: str = "plan:x") -> list[Change]:
    return [Change(kind=ChangeKind.ACCESS, about=about) for _ in range(count)]


async def announce(conn: AsyncConnection, count: int, about: str = "plan:x") -> Head:
    return await wire.append(conn, changes(count, about), now=1)


def guids(stories: Collection[Story]) -> list[str]:
    return [story.guid for story in stories]


# --- drawn from all that a field may hold --------------------------------------------------------

numbers = st.integers(-(2**62), 2**62)
words = st.text(max_size=8)
floats = st.floats(allow_nan=False, allow_infinity=False)
concepts = st.lists(st.builds(Concept, code=words, name=words), max_size=2).map(tuple)
word_lists = st.lists(words, max_size=2).map(tuple)
renditions = st.builds(
    Rendition,
    name=words,
    href=words,
    media_type=words,
    width=st.none() | numbers,
    height=st.none() | numbers,
    size=st.none() | numbers,
    duration=st.none() | floats,
)
media = st.builds(
    MediaItem,
    kind=words,
    headline=words,
    caption=words,
    alt_text=words,
    credit=words,
    renditions=st.lists(renditions, max_size=2).map(tuple),
)
revisions = st.builds(
    Revision,
    guid=words,
    version=st.none() | numbers,
    status=st.sampled_from(PubStatus),
    kind=words,
    language=words,
    headline=words,
    slugline=words,
    byline=words,
    located=words,
    summary=words,
    body=st.text(),
    urgency=st.none() | numbers,
    subjects=concepts,
    places=concepts,
    services=concepts,
    genres=concepts,
    keywords=word_lists,
    media=st.lists(media, max_size=2).map(tuple),
    copyright_holder=words,
    copyright_notice=words,
    ednote=words,
    usage_terms=words,
    signals=word_lists,
    first_created=st.none() | numbers,
    version_created=st.none() | numbers,
    embargoed_until=st.none() | numbers,
    expires=st.none() | numbers,
    evolved_from=st.none() | words,
    feed_guid=st.none() | words,
    filed=st.frozensets(words, max_size=3),
)
standings = st.builds(
    Standing,
    language=words,
    topics=st.frozensets(words, max_size=3),
    early=st.booleans(),
)
stories = st.builds(
    Story,
    revision=revisions,
    version=numbers,
    language=words,
    topics=st.frozensets(words, max_size=3),
    stood=st.frozensets(standings, max_size=3),
    feeds=st.frozensets(st.builds(Feed, language=words, topic=words), max_size=3),
    thread=words,
    released=st.none() | numbers,
    published=numbers,
    updated=numbers,
    change=st.sampled_from(ChangeKind),
    changed=numbers,
    position=numbers,
    superseded=st.booleans(),
    kill_headline=words,
    kill_version=st.integers(-1, 10**18),
)


class Slow:
    """A transaction that takes as long as it is told to, in a thread of its own."""

    def __init__(self, changes: int = 0) -> None:
        self._changes = changes
        self._begun, self.go = threading.Event(), threading.Event()

    async def __call__(self, conn: AsyncConnection) -> None:
        if self._changes:
            await announce(conn, self._changes)
        self._begun.set()
        self.go.wait()

    async def begun(self) -> None:
        await asyncio.to_thread(self._begun.wait)
