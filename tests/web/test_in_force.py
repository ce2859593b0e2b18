"""Answers that wait until what was taken away is so everywhere, and those that must not."""

from collections.abc import AsyncIterator
from time import monotonic

import pytest

from tests.support.agency import Agency
from wirefeed.services.follower import LEASE
from wirefeed.storage.presence import Presence


@pytest.fixture
async def other(agency: Agency) -> AsyncIterator[None]:
    """Let another process be there."""
    presence = Presence(agency.settings.database.url)
    presence.enter()
    yield
    presence.leave()


async def taken(agency: Agency) -> None:
    """Take something from somebody, right now."""
    issued = await agency.services.feed_keys.issue("ann")
    await agency.services.feed_keys.revoke(issued.row.id)


async def waits(agency: Agency, path: str, credential: dict[str, str]) -> tuple[int, float]:
    began = monotonic()
    async with agency.http.post(path, headers=credential, json={}) as answer:
        return answer.status, monotonic() - began


async def test_what_a_request_takes_away_is_waited_for(agency: Agency, other):
    await agency.subscriber("ann", "sport")
    owner = await agency.administrator()
    await taken(agency)
    status, took = await waits(agency, "/api/v1/admin/subscribers/ann/suspend", owner)
    assert status < 300
    assert took > LEASE / 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/stories", 401),
        ("/api/v1/admin/subscribers/ann/suspend", 401),
        ("/en/latest.rss", 405),
        ("/nowhere", 404),
    ],
)
async def test_who_is_refused_cannot_tell_that_something_was_taken_from_another(
    agency: Agency, other, path, status
):
    await agency.subscriber("ann", "sport")
    took = []
    for _ in range(3):
        await taken(agency)
        refused, time = await waits(agency, path, {})
        assert refused == status
        took.append(time)
    # One that was held up by something else tells nothing.
    assert min(took) < LEASE / 2
