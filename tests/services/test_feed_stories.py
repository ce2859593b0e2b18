"""The newest stories of feeds: read once while nothing changes, and never of another state."""

import pytest

from tests.security.guarded import statements
from tests.support.agency import Agency
from wirefeed.domain.stories import Feed
from wirefeed.services import feed_stories
from wirefeed.services.feed_stories import FeedStories
from wirefeed.storage import wire

SPORT = frozenset({Feed(language="en", topic="sport")})


async def ask(agency: Agency, held: FeedStories, at: int | None = None) -> list[str]:
    """Ask for the newest, as one who looks at the wire as it is, or as it was."""
    async with agency.services.database.reading() as connection:
        head = (await wire.head(connection)).position if at is None else at
        found = await held.newest(connection, head, SPORT, None, 10)
    return [story.guid for story in found]


async def head_of(agency: Agency) -> int:
    return (await agency.services.follower.look()).position


async def test_they_are_read_once_until_something_changes(agency: Agency):
    held = FeedStories()
    await agency.publish("urn:a")
    assert await ask(agency, held) == ["urn:a"]
    with statements(agency, "placements") as said:
        assert await ask(agency, held) == ["urn:a"]
    assert said == []
    await agency.publish("urn:b")
    assert await ask(agency, held) == ["urn:b", "urn:a"]


async def test_what_was_read_of_an_older_state_takes_no_place(agency: Agency):
    held = FeedStories()
    await agency.publish("urn:a")
    older = await head_of(agency)
    await agency.publish("urn:b")
    assert await ask(agency, held) == ["urn:b", "urn:a"]
    newer = held._held
    # A transaction that began before reads for itself, and keeps nothing.
    with statements(agency, "placements") as said:
        await ask(agency, held, at=older)
    assert said
    assert held._held is newer


async def test_no_more_is_kept_than_there_is_room_for(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed_stories, "_BYTES", 100)
    held = FeedStories()
    await agency.publish("urn:a")
    assert await ask(agency, held) == ["urn:a"]
    assert held._held[1] == {}
