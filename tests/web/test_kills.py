"""Kills over HTTP: who may have a killed story, who was given its kill, and who is told."""

from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.agency import DAY, HOUR, MINUTE, SECOND, START, Agency, iso
from tests.support.answers import ask
from wirefeed.domain.roles import Role
from wirefeed.domain.stories import story_id

STORY = "urn:news:a"
SPORT, LATEST = "/en/topics/sport.json", "/en/latest.json"


@pytest.fixture
async def desk(agency: Agency) -> dict[str, str]:
    return await agency.administrator(Role.DESK)


async def ledger(agency: Agency, desk: Mapping[str, str], name: str = STORY) -> dict[str, Any]:
    return await agency.json(f"/api/v1/admin/kills/{name}", **desk)


async def kill(agency: Agency, name: str = STORY) -> int:
    """Kill the story; give when."""
    now = agency.clock.now
    await agency.publish(name, version="9", pubstatus="canceled", headline="")
    return now


def states(told: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    """Give how much each may have, and whether it was given the kill, in their order."""
    return {
        one["subscriber"]: (one["level"], one["fetched"] is not None) for one in told["subscribers"]
    }


async def test_who_was_given_the_story_is_listed_until_and_after_it_is_given_the_kill(
    agency: Agency, desk: dict[str, str]
):
    await agency.publish(STORY)
    keys: dict[str, str] = {}
    for name, plan in (("ann", "sport"), ("bob", "economy"), ("cem", "sport"), ("dan", "sport")):
        await agency.subscriber(name, plan)
        keys[name] = await agency.feed_key(name)
    fetched = agency.clock.now
    for name in ("ann", "bob", "cem"):
        assert (await ask(agency, keys[name] + SPORT)).status == 200
    agency.clock.advance(MINUTE)
    # Dan comes too late to have had it.
    await kill(agency)
    assert (await ask(agency, keys["dan"] + SPORT)).status == 200
    told = await ledger(agency, desk)
    assert (told["holders"], told["waiting"], told["late"]) == (3, 3, False)
    assert states(told) == {
        "ann": ("full", False),
        "bob": ("summary", False),
        "cem": ("full", False),
    }
    assert told["subscribers"][0]["since"] == _told(fetched)
    agency.clock.advance(MINUTE)
    given = agency.clock.now
    await ask(agency, keys["ann"] + SPORT)
    agency.clock.advance(HOUR)
    await agency.publish("urn:news:later")
    await ask(agency, keys["ann"] + SPORT)
    told = await ledger(agency, desk)
    # Those who wait come first.
    assert list(states(told)) == ["bob", "cem", "ann"]
    (ann,) = (one for one in told["subscribers"] if one["subscriber"] == "ann")
    assert ann["fetched"] == _told(given)
    assert ann["acknowledged"] is None
    assert [way["way"] for way in ann["ways"]] == ["feed:en/topics/sport"]
    assert (told["holders"], told["waiting"], told["late"]) == (3, 2, True)


def _told(micros: int) -> str:
    return iso(micros).replace("+00:00", "Z")


async def test_from_memory_or_not_a_reader_is_noted(agency: Agency, desk: dict[str, str]):
    await agency.publish(STORY)
    for name in ("ann", "bob", "cem"):
        await agency.subscriber(name, "sport")
        # The second and third are answered from memory.
        await ask(agency, await agency.feed_key(name) + SPORT)
    token = await agency.token("cem")
    await ask(agency, "/subscriber" + LATEST, token)
    await kill(agency)
    told = await ledger(agency, desk)
    ways = {one["subscriber"]: [w["way"] for w in one["ways"]] for one in told["subscribers"]}
    assert ways == {
        "ann": ["feed:en/topics/sport"],
        "bob": ["feed:en/topics/sport"],
        "cem": ["feed:en/latest", "feed:en/topics/sport"],
    }


async def test_what_gives_no_text_is_not_noted(agency: Agency, desk: dict[str, str]):
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    await agency.subscriber("bob", "sport")
    await ask(agency, await agency.feed_key("ann") + SPORT)
    bob = await agency.feed_key("bob")
    assert (await ask(agency, bob + SPORT, method="HEAD")).status == 200
    await kill(agency)
    assert list(states(await ledger(agency, desk))) == ["ann"]


async def test_whoever_names_the_tag_of_a_document_has_it(agency: Agency, desk: dict[str, str]):
    """The process that gave it that may have ended before it wrote that down."""
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    await agency.subscriber("bob", "sport")
    keys = {name: await agency.feed_key(name) + SPORT for name in ("ann", "bob")}
    found = []
    for is_killed in (False, True):
        tag = {"If-None-Match": (await ask(agency, keys["ann"])).tag}
        for method in ("HEAD", "GET", "GET"):
            assert (await ask(agency, keys["bob"], tag, method=method)).status == 304
        if not is_killed:
            await kill(agency)
        told = await ledger(agency, desk)
        found.append((told["holders"], told["waiting"]))
    assert found == [(2, 2), (2, 0)]


async def test_a_delta_is_noted(agency: Agency, desk: dict[str, str]):
    await agency.publish("urn:news:before")
    await agency.subscriber("ann", "sport")
    path = await agency.feed_key("ann") + SPORT
    tag = (await ask(agency, path)).tag
    await agency.publish(STORY)
    delta = await ask(agency, path, {"If-None-Match": tag, "A-IM": "feed"})
    assert (delta.status, list(delta.items)) == (226, [STORY])
    await kill(agency)
    assert states(await ledger(agency, desk)) == {"ann": ("full", False)}


async def test_who_has_left_by_then_is_asked_for_all_the_same(agency: Agency, desk: dict[str, str]):
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport", ends=START + HOUR)
    key = await agency.feed_key("ann")
    await ask(agency, key + SPORT)
    agency.clock.now = START + 2 * HOUR
    await kill(agency)
    assert states(await ledger(agency, desk)) == {"ann": ("full", False)}
    # A lapsed address goes on as the public feed, which has the kill.
    await ask(agency, key + SPORT)
    assert states(await ledger(agency, desk)) == {"ann": ("full", True)}


async def test_a_story_under_embargo_was_only_had_by_those_who_are_early(
    agency: Agency, desk: dict[str, str]
):
    await agency.publish(STORY, embargoed=iso(START + DAY))
    for name, plan in (("ann", "sport"), ("bob", "everything")):
        await agency.subscriber(name, plan)
        await ask(agency, await agency.feed_key(name) + SPORT)
    await kill(agency)
    assert list(states(await ledger(agency, desk))) == ["bob"]


async def test_a_killed_story_that_nobody_has_waits_for_nobody(
    agency: Agency, desk: dict[str, str]
):
    await agency.publish(STORY)
    await kill(agency)
    told = await ledger(agency, desk, story_id(STORY))
    assert (told["guid"], told["holders"], told["subscribers"]) == (STORY, 0, [])


async def test_what_was_not_killed_has_no_ledger(agency: Agency, desk: dict[str, str]):
    await agency.publish(STORY)
    for name in (STORY, "urn:news:none"):
        assert (await ask(agency, f"/api/v1/admin/kills/{name}", desk)).status == 404


async def test_what_the_wire_gave_and_was_told_is_in_the_ledger(
    agency: Agency, desk: dict[str, str]
):
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    wire = agency.services.ledger
    head = (await agency.services.follower.look()).position
    wire.heard("ann", "wire", 1, head)
    await kill(agency)
    wire.heard("ann", "wire", head + 1, head + 1)
    wire.acknowledged("ann", "wire", head)
    (ann,) = (await ledger(agency, desk))["subscribers"]
    assert (ann["fetched"], ann["acknowledged"]) == (_told(agency.clock.now), None)
    agency.clock.advance(SECOND)
    wire.acknowledged("ann", "wire", head + 1)
    (ann,) = (await ledger(agency, desk))["subscribers"]
    assert ann["acknowledged"] == _told(agency.clock.now)


async def test_kills_are_listed_and_operators_are_told_once_of_who_is_late(
    agency: Agency, desk: dict[str, str]
):
    for name in (STORY, "urn:news:b"):
        await agency.publish(name)
    await agency.subscriber("ann", "sport")
    key = await agency.feed_key("ann")
    await ask(agency, key + SPORT)
    await kill(agency)
    await kill(agency, "urn:news:b")
    kills = agency.services.kill_alarms
    with capture_logs() as logs:
        await kills.check()
        assert (logs, kills.late) == ([], 0)
        agency.clock.advance(15 * MINUTE)
        await kills.check()
        await kills.check()
    assert kills.late == 2
    warned = [log for log in logs if log["log_level"] == "warning"]
    assert sorted(log["story"] for log in warned) == [STORY, "urn:news:b"]
    assert {log["waiting"] for log in warned} == {1}
    listed = (await agency.json("/api/v1/admin/kills", **desk))["kills"]
    assert [(one["guid"], one["waiting"], one["late"]) for one in listed] == [
        ("urn:news:b", 1, True),
        (STORY, 1, True),
    ]
    await ask(agency, key + SPORT)
    await kills.check()
    assert kills.late == 0
    listed = (await agency.json("/api/v1/admin/kills", **desk))["kills"]
    assert [(one["waiting"], one["late"]) for one in listed] == [(0, False), (0, False)]
