"""What works in the background of every process: done once, or added up, among several."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.support.agency import HOUR, START, Agency, iso
from wirefeed.composition import Services, open_services
from wirefeed.domain.wire import ChangeKind
from wirefeed.storage import usage, wire

HALF_AN_HOUR = HOUR // 2
#: As many serve one database.
PROCESSES = 4


@pytest.fixture
async def several(agency: Agency) -> AsyncIterator[list[Services]]:
    """Open what each process opens for itself: its own connections, its own memory."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_services(agency.settings, agency.clock))
            for _ in range(PROCESSES)
        ]


async def test_what_falls_due_is_announced_once(agency: Agency, several: list[Services]):
    names = [f"urn:news:{number}" for number in range(20)]
    for name in names:
        await agency.publish(name, embargoed=iso(START + HOUR))
    agency.clock.advance(2 * HOUR)

    await asyncio.gather(*(one.publishing.announce_due() for one in several))

    async with agency.services.database.reading() as connection:
        rows = await wire.since(connection, 0, 1000)
    released = [
        (row.change.about, row.change.delay)
        for row in rows
        if row.change.kind is ChangeKind.RELEASE
    ]
    # The embargo, and then the delay that one of the plans has.
    assert sorted(released) == sorted(
        (name, delay) for name in names for delay in (0, HALF_AN_HOUR)
    )


async def test_uses_add_up(agency: Agency, several: list[Services]):
    await agency.subscriber("reader")
    key = (await agency.services.feed_keys.issue("reader")).row
    for number, one in enumerate(several, start=1):
        for _ in range(number):
            one.usage.saw_key(key, "203.0.113.7", "curl/8.5.0")

    await asyncio.gather(*(one.usage.flush() for one in several))

    async with agency.services.database.reading() as connection:
        (sighting,) = await usage.sightings(connection, [key.id])
    assert sighting.requests == 1 + 2 + 3 + 4
