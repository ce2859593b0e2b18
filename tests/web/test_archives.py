"""Archives over HTTP (RFC 5005): who was away walks back, and holds everything."""

import pytest

from tests.support.agency import DAY, HOUR, SECOND, Agency, running, settings_in
from tests.support.archivist import Archivist
from wirefeed.config import Feed

FORMATS = ("rss", "atom", "json")
SMALL = Feed(items=3, hours=0)


@pytest.fixture
async def small(tmp_path):
    """An agency whose windows, and so whose pages, are short."""
    async with running(settings_in(tmp_path, feed=SMALL)) as agency:
        yield agency


async def a_week(agency: Agency, each_day: int = 4) -> list[str]:
    guids = []
    for day in range(7):
        for number in range(each_day):
            guid = f"urn:news:{day}-{number}"
            await agency.publish(guid)
            guids.append(guid)
            agency.clock.advance(HOUR)
        agency.clock.advance(DAY - each_day * (HOUR + SECOND))
    return guids


@pytest.mark.parametrize("form", FORMATS)
async def test_a_reader_that_was_away_for_a_week_walks_back_and_holds_everything(small, form):
    guids = await a_week(small)
    reader = Archivist(small, f"/en/latest.{form}")
    read = await reader.visit()
    assert set(reader.held) == set(guids)
    pages = [guid for document in read[1:] for guid in document.entries]
    assert len(pages) == len(set(pages))
    assert all("/en/latest/archive/2026-03-0" in document.url for document in read[1:])
