"""A drill: a test story, its correction and its kill, which one subscriber alone is shown."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import callbacks, hub
from tests.support.agency import (
    DAY,
    HOUR,
    PUBLIC_URL,
    SECOND,
    Agency,
    running,
    settings_in,
)
from tests.support.answers import FORMATS, Answer, ask
from tests.support.partner import partner, told
from wirefeed.config import OutboundSettings
from wirefeed.domain.drills import Stage
from wirefeed.domain.errors import Conflict, NotFound
from wirefeed.domain.ledger import Interval
from wirefeed.domain.stories import story_id
from wirefeed.services.drills import Report
from wirefeed.storage import received

SPORT, LATEST = "/en/topics/sport.json", "/en/latest.json"


@pytest.fixture
async def ann(agency: Agency) -> str:
    """Give the private address of one who reads two feeds."""
    await agency.publish("urn:news:a")
    await agency.subscriber("ann", "sport")
    key = await agency.feed_key("ann")
    for path in (SPORT, LATEST):
        await ask(agency, key + path)
    await agency.services.ledger.flush()
    agency.clock.advance(SECOND)
    return key


async def others(agency: Agency) -> dict[str, Mapping[str, str]]:
    """Give what others may ask for: the public, one with all rights, one with the same."""
    asked: dict[str, Mapping[str, str]] = {}
    for name, plan in (("bob", "everything"), ("cem", "sport")):
        await agency.subscriber(name, plan)
        key = await agency.feed_key(name)
        asked |= {f"{key}/en/{stem}.{form}": {} for stem in STEMS for form in FORMATS}
        token = await agency.token(name)
        asked |= {f"/subscriber/en/{stem}.rss": token for stem in STEMS}
    asked |= {f"/en/{stem}.{form}": {} for stem in STEMS for form in FORMATS}
    return asked | {"/en/": {}}


STEMS = ("latest", "topics/sport", "topics/economy")


async def look(agency: Agency, asked: Mapping[str, Mapping[str, str]]) -> dict[str, Answer]:
    return {path: await ask(agency, path, headers) for path, headers in asked.items()}


def shown(answers: Mapping[str, Answer]) -> dict[str, tuple[object, ...]]:
    return {path: (a.status, a.kept, a.body) for path, a in answers.items()}


async def until_sent(agency: Agency, count: int) -> str:
    """Wait until so many stages were sent; give the guid of the drill's story."""
    async with asyncio.timeout(30):
        while True:
            stories = await agency.services.publishing.listing(limit=1)
            if stories and "drill" in stories[0].guid and stories[0].version >= count:
                return stories[0].guid
            await asyncio.sleep(0.01)


async def drilled(agency: Agency, key: str) -> Report:
    """Hold a drill with a subscriber that fetches what it reads until it is over."""
    drill = asyncio.create_task(agency.services.drills.run("ann", wait=30))
    while not drill.done():
        for path in (SPORT, LATEST):
            await ask(agency, key + path)
        agency.clock.advance(SECOND)
        await agency.services.ledger.flush()
        await asyncio.sleep(0.02)
    return await drill


async def test_what_is_fetched_of_it_is_reported_by_way_and_with_its_time(agency: Agency, ann: str):
    report = await drilled(agency, ann)
    assert report.is_passed
    assert report.ways == ("feed:en/latest", "feed:en/topics/sport")
    assert [(one.stage, one.way) for one in report.came] == [
        (stage, way) for stage in Stage for way in report.ways
    ]
    assert all(one.fetched is not None and one.fetched < 30 for one in report.came)
    agency.clock.advance(8 * DAY)
    # It is over: the subscriber reads what it read before.
    assert list((await ask(agency, ann + SPORT)).items) == ["urn:news:a"]


@pytest.mark.parametrize(
    ("stem", "language"), [("en/latest", "en"), ("tr/latest", "tr"), ("en/topics/sport", "en")]
)
async def test_it_reaches_whoever_has_no_more_than_a_lease_on_a_feed(
    tmp_path: Path, stem: str, language: str
):
    outbound = OutboundSettings(private_networks=True)
    async with (
        running(settings_in(tmp_path, outbound=outbound)) as agency,
        callbacks.subscriber() as callback,
    ):
        await agency.subscriber("ann", "sport")
        key = await agency.feed_key("ann")
        await hub.subscribe(agency, callback, f"{PUBLIC_URL}{key}/{stem}.rss")
        await agency.publish("urn:news:a", language=language)
        await callback.deliveries(1)
        await _uses(agency, f"hub:{stem}")
        drill = asyncio.create_task(agency.services.drills.run("ann", wait=30))
        while not drill.done():
            await agency.services.ledger.flush()
            await asyncio.sleep(0.02)
        report = await drill
    assert (report.language, report.ways, report.left_out) == (language, (f"hub:{stem}",), ())
    assert report.is_passed
    assert [one.acknowledged is not None for one in report.came] == [False, False, True]


async def _uses(agency: Agency, way: str) -> None:
    """Wait until the ledger knows that a subscriber was given something by a way."""
    async with asyncio.timeout(10):
        while True:
            await agency.services.ledger.flush()
            async with agency.services.database.reading() as connection:
                if way in await received.of(connection, "ann"):
                    return
            await asyncio.sleep(0.01)


async def test_its_kill_is_heard_by_who_asks_after_its_end(agency: Agency):
    gazette = await partner(agency, "sport")
    await agency.publish("urn:news:a")
    await gazette.catch_up()
    await agency.services.ledger.flush()
    report = await agency.services.drills.run("gazette", wait=0)
    assert not report.is_passed
    agency.clock.advance(6 * DAY)
    heard = await gazette.catch_up()
    assert ("kill", report.guid, 3) in map(told, heard)
    assert not any("bodies" in entry for entry in heard)
    agency.clock.advance(2 * DAY)
    again = replace(gazette, cursor="oldest", entries=[], pages=[])
    assert report.guid not in {entry["uri"] for entry in await again.catch_up()}


async def test_there_is_no_drill_with_who_uses_nothing_yet(agency: Agency):
    await agency.subscriber("ann", "sport")
    with pytest.raises(Conflict, match="uses nothing yet"):
        await agency.services.drills.run("ann", wait=0)
    assert await agency.services.publishing.listing(limit=1) == []


async def test_it_is_shown_as_a_test_and_then_as_killed(agency: Agency, ann: str):
    drill = asyncio.create_task(agency.services.drills.run("ann", wait=1))
    guid = await until_sent(agency, 1)
    item = (await ask(agency, ann + SPORT)).items[guid]
    assert item["title"].startswith("TEST – ")
    assert item["_wirefeed"]["topics"] == ["sport"]
    assert (await ask(agency, f"/subscriber/en/stories/{story_id(guid)}")).status == 401
    token = await agency.token("ann")
    page = f"/subscriber/en/stories/{story_id(guid)}"
    assert (await ask(agency, page, token)).status == 200
    await until_sent(agency, 3)
    assert (await ask(agency, page, token)).status == 410
    assert (await ask(agency, ann + SPORT)).levels[guid] == "killed"
    assert not (await drill).is_passed


async def test_nobody_else_ever_sees_a_trace(agency: Agency, ann: str):
    asked = await others(agency)
    # Long enough for what they have to be dated, and below for anything else to be.
    agency.clock.advance(10 * SECOND)
    before = shown(await look(agency, asked))
    drill = asyncio.create_task(agency.services.drills.run("ann", wait=0.6))
    for count in range(1, 4):
        guid = await until_sent(agency, count)
        assert shown(await look(agency, asked)) == before
        for base in ("", "/subscriber"):
            page = f"{base}/en/stories/{story_id(guid)}"
            assert (await ask(agency, page, await agency.token("bob"))).status == 404
    await drill
    agency.clock.advance(10 * SECOND)
    assert shown(await look(agency, asked)) == before
    assert (await agency.services.kills.listing()) == []


async def test_whoever_acknowledges_is_waited_for(agency: Agency):
    await agency.publish("urn:news:a")
    await agency.subscriber("ann", "sport")
    ledger = agency.services.ledger
    ledger.heard("ann", "wire", 1, 1)
    await ledger.flush()
    drill = asyncio.create_task(agency.services.drills.run("ann", wait=30))
    while not drill.done():
        head = (await agency.services.follower.look()).position
        ledger.heard("ann", "wire", 1, head)
        if head > 1 and await _has_kill(agency):
            ledger.acknowledged("ann", "wire", head)
        await ledger.flush()
        await asyncio.sleep(0.02)
    report = await drill
    assert [one.acknowledged is not None for one in report.came] == [False, False, True]


async def _has_kill(agency: Agency) -> bool:
    async with agency.services.database.reading() as connection:
        kills, _ = await received.recent_kills(connection, 0)
        (held,) = (await received.held(connection, [("ann", "wire")])).values()
    return bool(kills) and any(_holds(one, kills[-1]) for one in held)


def _holds(one: Interval, position: int) -> bool:
    return one.first <= position <= one.last


async def test_there_is_no_drill_with_who_is_not_there_or_has_nothing(agency: Agency):
    await agency.subscriber("old", "sport", ends=agency.clock.now - HOUR)
    for name, error in (("nobody", NotFound), ("old", Conflict)):
        with pytest.raises(error):
            await agency.services.drills.run(name, wait=0)


async def test_a_drill_that_nobody_ends_ends_by_itself(agency: Agency, ann: str):
    drill = asyncio.create_task(agency.services.drills.run("ann", wait=600))
    guid = await until_sent(agency, 1)
    assert guid in (await ask(agency, ann + SPORT)).items
    agency.clock.advance(HOUR)
    assert guid not in (await ask(agency, ann + SPORT)).items
    drill.cancel()
    await asyncio.gather(drill, return_exceptions=True)
