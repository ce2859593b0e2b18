"""A page of the wire on a slow machine: it ends early, and says so only if there is more."""

import pytest

from tests.support.agency import Agency
from tests.support.others import come
from tests.support.partner import partner
from wirefeed.services import wire_pages
from wirefeed.services.wire_log import _CHUNK


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_pages, "_PATIENCE", -1)


@pytest.mark.usefixtures("slow")
async def test_a_page_that_took_long_and_holds_all_there_is_says_that_no_more_follows(
    agency: Agency,
):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    page = await sport.poll()
    assert page["count"] == 1
    assert not page["more"]


@pytest.mark.usefixtures("slow")
async def test_who_looks_long_for_what_it_hears_of_gets_there_in_several_pages(agency: Agency):
    sport = await partner(agency, "sport")
    sport.filters = {"topics": "sport"}
    await agency.publish("urn:first")
    await come(agency, 0, 2 * _CHUNK)
    await agency.publish("urn:last")
    page = await sport.poll()
    assert (page["count"], page["more"]) == (1, True)
    await sport.catch_up()
    assert [guid for _, guid, _ in sport.heard] == ["urn:first", "urn:last"]
