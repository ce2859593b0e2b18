"""What threads are called in feeds: never by a story that is kept from who asks."""

import re
from pathlib import Path

import pytest

from tests.support.agency import DAY, HOUR, Agency, iso, running, settings_in
from tests.support.answers import FORMATS, ask
from tests.support.partner import partner
from wirefeed.config import Feed

#: Made by us, of nothing that an outsider knows.
OURS = re.compile(r"urn:wirefeed:thread:[0-9a-f]{32}")
#: How a first story may be kept from everybody.
KEPT = {
    "under embargo": {"embargoed": "{later}"},
    "of others": {"topic": "economy"},
    "withheld": {"pubstatus": "withheld"},
    "without rights": {"expires": "{before}"},
}


async def ids(agency: Agency, path: str = "/en/latest") -> dict[str, str]:
    """Give the identifiers of a feed's items, by what they are titled."""
    found = (await agency.json(f"{path}.json"))["items"]
    return {item["title"].removeprefix("Headline of "): item["id"] for item in found}


async def first(agency: Agency, guid: str, way: str) -> None:
    times = {"later": iso(agency.clock.now + HOUR), "before": iso(agency.clock.now - HOUR)}
    await agency.publish(guid, **{k: v.format(**times) for k, v in KEPT[way].items()})


@pytest.mark.parametrize("way", KEPT)
@pytest.mark.parametrize("form", FORMATS)
async def test_no_feed_names_a_story_that_is_kept_from_its_reader(agency: Agency, form, way):
    await agency.publish("urn:news:other")
    path = f"/en/latest.{form}"
    held = await ask(agency, path)
    await first(agency, "urn:news:kept", way)
    await agency.publish("urn:news:heir", evolvedfrom="urn:news:kept")
    whole = await ask(agency, path)
    delta = await ask(agency, path, {"A-IM": "feed", "If-None-Match": held.tag})
    assert delta.status == 226
    for answer in (whole, delta):
        assert "urn:news:heir" in answer.text
        assert "urn:news:kept" not in answer.text
        assert len(set(OURS.findall(answer.text))) == 1


async def test_an_item_keeps_its_name_through_all_that_follows(agency: Agency):
    await agency.publish("urn:news:kept", "economy")
    await agency.publish("urn:news:a", evolvedfrom="urn:news:kept")
    (name,) = (await ids(agency)).values()
    assert OURS.fullmatch(name)
    await agency.publish("urn:news:kept", "economy", version="2")
    await agency.publish("urn:news:a", version="2", evolvedfrom="urn:news:kept")
    assert await ids(agency) == {"urn:news:a": name}
    await agency.publish("urn:news:b", evolvedfrom="urn:news:a")
    assert await ids(agency) == {"urn:news:b": name}
    await agency.publish("urn:news:b", version="2", pubstatus="canceled", evolvedfrom="urn:news:a")
    assert list((await ids(agency)).values()) == [name]


async def test_who_may_see_the_first_story_knows_its_thread_by_it(agency: Agency):
    await agency.publish("urn:news:kept", embargoed=iso(agency.clock.now + HOUR))
    await agency.publish("urn:news:a", evolvedfrom="urn:news:kept")
    await agency.publish("urn:news:taken", "economy")
    await agency.publish("urn:news:b", evolvedfrom="urn:news:taken")
    await agency.subscriber("desk", "everything")
    await agency.subscriber("trader", "economy")
    desk = await ids(agency, f"{await agency.feed_key('desk')}/en/latest")
    assert {name: desk[name] for name in ("urn:news:a", "urn:news:b")} == {
        "urn:news:a": "urn:news:kept",
        "urn:news:b": "urn:news:taken",
    }
    trader = await ids(agency, f"{await agency.feed_key('trader')}/en/latest")
    assert trader["urn:news:b"] == "urn:news:taken"
    assert trader["urn:news:a"] == (await ids(agency))["urn:news:a"] != "urn:news:kept"


async def test_what_was_seen_may_be_named_whatever_became_of_it(agency: Agency):
    for name in ("withheld", "killed", "replaced"):
        await agency.publish(f"urn:news:{name}")
        await agency.publish(f"urn:news:{name}:heir", evolvedfrom=f"urn:news:{name}")
    await agency.publish("urn:news:withheld", version="2", pubstatus="withheld")
    await agency.publish("urn:news:killed", version="2", pubstatus="canceled")
    named = await ids(agency)
    for name in ("withheld", "killed", "replaced"):
        assert named[f"urn:news:{name}:heir"] == f"urn:news:{name}"


async def test_one_that_never_came_is_named_no_more_than_one_that_is_kept(agency: Agency):
    await agency.publish("urn:news:a", evolvedfrom="urn:news:first")
    before = await ids(agency)
    assert OURS.fullmatch(before["urn:news:a"])
    await agency.publish("urn:news:first", "economy")
    assert await ids(agency) == before


async def test_a_thread_is_called_by_its_first_story_once_that_is_to_be_seen(agency: Agency):
    """As if they had come in order: so it is called the same wherever both are."""
    end = agency.clock.now + HOUR
    await agency.publish("urn:news:kept", embargoed=iso(end))
    await agency.publish("urn:news:a", evolvedfrom="urn:news:kept")
    assert OURS.fullmatch((await ids(agency))["urn:news:a"])
    agency.clock.now = end
    await agency.services.publishing.announce_due()
    assert await ids(agency) == {"urn:news:a": "urn:news:kept"}


async def test_a_name_that_its_newsroom_gave_is_for_whoever_is_shown_the_story_it_came_with(
    agency: Agency,
):
    await agency.publish("urn:news:a", altids={"feed": "urn:feed:a"})
    await agency.publish("urn:news:a:heir", evolvedfrom="urn:news:a")
    await agency.publish("urn:news:kept", "economy", altids={"feed": "urn:feed:kept"})
    await agency.publish("urn:news:b", evolvedfrom="urn:news:kept")
    named = await ids(agency)
    assert named["urn:news:a:heir"] == "urn:feed:a"
    assert OURS.fullmatch(named["urn:news:b"])


async def test_pages_behind_a_feed_call_a_thread_as_it_does(tmp_path: Path):
    async with running(settings_in(tmp_path, feed=Feed(items=3, hours=0))) as agency:
        await agency.publish("urn:news:kept", "economy")
        await agency.publish("urn:news:heir", evolvedfrom="urn:news:kept")
        name = (await ids(agency))["urn:news:heir"]
        agency.clock.advance(DAY)
        for number in range(4):
            await agency.publish(f"urn:news:{number}")
        assert "urn:news:heir" not in await ids(agency)
        assert (await ids(agency, "/en/latest/archive/2026-03-01"))["urn:news:heir"] == name


async def test_the_wire_calls_a_thread_as_feeds_do(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:news:kept", "economy")
    await agency.publish("urn:news:a", evolvedfrom="urn:news:kept")
    (name,) = (await ids(agency)).values()
    await agency.publish("urn:news:b", evolvedfrom="urn:news:a")
    heard = await sport.catch_up()
    assert [one["wirefeed"]["thread"] for one in heard] == [name, name]
    assert [one["altIds"] for one in heard] == [[{"role": "feed", "value": name}]] * 2
    story = await agency.json("/api/v1/stories/urn:news:b", **sport.token)
    assert story["wirefeed"]["thread"] == name


@pytest.mark.parametrize("form", FORMATS)
async def test_a_translation_is_called_anew_in_its_own_feed_when_what_it_is_made_from_comes(
    agency: Agency, form: str
):
    """Nothing changes in its language but what its thread is called."""
    await agency.publish("urn:news:tr", language="tr", evolvedfrom="urn:news:en")
    path = f"/tr/latest.{form}"
    before = await ask(agency, path)
    assert OURS.search(before.text)
    await agency.publish("urn:news:en")
    after = await ask(agency, path)
    assert "urn:news:en" in after.text
    assert not OURS.search(after.text)
    assert after.tag != before.tag
    await agency.publish("urn:news:en", version="2", pubstatus="canceled")
    assert "urn:news:en" in (await ask(agency, path)).text
