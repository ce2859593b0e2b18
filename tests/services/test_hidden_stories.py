"""What a caller may not see shows in nothing else: not in a page, a feed or what fills it."""

from typing import Any

import msgspec

from tests.support.agency import HOUR, MEDIA_TOPICS, Agency, iso
from wirefeed.domain.stories import story_id
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message

#: More than are read at once.
MANY = 130


async def status(agency: Agency, guid: str, *, prefix: str = "", **headers: str) -> int:
    path = f"{prefix}/en/stories/{story_id(guid)}"
    async with agency.http.get(path, headers=headers) as answer:
        return answer.status


async def page(agency: Agency, guid: str) -> str:
    async with agency.http.get(f"/en/stories/{story_id(guid)}") as answer:
        assert answer.status == 200
        return await answer.text()


async def titles(agency: Agency, path: str) -> list[str]:
    return [item["title"] for item in (await agency.json(path))["items"]]


async def send_many(agency: Agency, version: int, **fields: Any) -> None:
    """Send stories of the economy, which the public does not see."""
    stories = (
        {
            "uri": f"urn:many:{number}",
            "version": str(version),
            "versioncreated": iso(agency.clock.now),
            "language": "en",
            "headline": f"Many {number}",
            "subject": [{"code": MEDIA_TOPICS["economy"]}],
            **fields,
        }
        for number in range(MANY)
    )
    raws = [msgspec.json.encode(story) for story in stories]
    messages = [Message(raw=raw, revision=ninjs.parse(raw)) for raw in raws]
    await agency.services.publishing.accept_all(messages, "newsroom")


async def test_the_page_of_a_hidden_story_does_not_lead_to_the_shown_one_that_replaced_it(
    agency: Agency,
):
    """Else it would say that there was one: whoever reads the new one's thread knows its name."""
    await agency.publish("urn:news:first", "economy")
    await agency.publish("urn:news:second", "sport", evolvedfrom="urn:news:first")
    assert await status(agency, "urn:news:first") == 404
    assert await status(agency, "urn:news:second") == 200
    await agency.subscriber("trader", "economy")
    headers = await agency.token("trader")
    assert await status(agency, "urn:news:first", prefix="/subscriber", **headers) == 200


async def test_the_page_of_a_replaced_story_shows_no_translation_of_it(agency: Agency):
    await agency.publish("urn:news:first")
    await agency.publish("urn:news:second", evolvedfrom="urn:news:first")
    for language in ("tr", "de"):
        await agency.publish(
            f"urn:news:{language}", language=language, evolvedfrom="urn:news:first"
        )
    assert "Headline of urn:news:second" in await page(agency, "urn:news:first")


async def test_a_story_is_not_in_the_feeds_in_which_it_stood_hidden(agency: Agency):
    await agency.publish("urn:news:moved", "economy")
    await agency.publish("urn:news:moved", "sport", version="2")
    assert await titles(agency, "/en/topics/economy.json") == []
    assert await titles(agency, "/en/topics/sport.json") == ["Headline of urn:news:moved"]


async def test_a_restricted_key_does_not_open_a_story_by_where_it_stood_hidden(agency: Agency):
    await agency.publish("urn:news:moved", "economy")
    await agency.publish("urn:news:moved", "sport", version="2")
    await agency.subscriber("ann", "sport")
    statuses = {}
    for feed in ("en/economy", "en/sport"):
        key = await agency.services.feed_keys.issue("ann", feeds=[feed])
        cookie = {"Cookie": f"wirefeed_key={key.secret}"}
        statuses[feed] = await status(agency, "urn:news:moved", prefix="/subscriber", **cookie)
    assert statuses == {"en/economy": 404, "en/sport": 200}


async def test_hidden_kills_take_no_place_of_one_that_is_shown(agency: Agency):
    await agency.publish("urn:news:killed", slugline="Bridge")
    await send_many(agency, 1)
    agency.clock.advance(HOUR)
    await agency.publish("urn:news:killed", version="2", pubstatus="canceled", slugline="Bridge")
    await send_many(agency, 2, pubstatus="canceled")
    agency.clock.advance(26 * HOUR)
    for number in range(51):
        await agency.publish(f"urn:news:{number}")
    shown = await titles(agency, "/en/latest.json")
    assert shown[0] == "KILL: Bridge"
    assert len(shown) == 52


async def test_a_hidden_embargo_that_ends_fills_the_feed_at_its_time(agency: Agency):
    """A window is remembered until then, whoever it was hidden from."""
    end = agency.clock.now + HOUR
    await agency.publish("urn:news:later", embargoed=iso(end))
    assert await titles(agency, "/en/topics/sport.json") == []
    agency.clock.now = end
    assert await titles(agency, "/en/topics/sport.json") == ["Headline of urn:news:later"]
