"""Kills over HTTP: by which way somebody has a killed story, and what of the wire came so."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.support.agency import (
    DAY,
    HOUR,
    MINUTE,
    PUBLIC_URL,
    SECOND,
    Agency,
    running,
    settings_in,
)
from tests.support.answers import ask, basic
from tests.support.callbacks import subscriber
from tests.support.hub import subscribe
from tests.support.partner import WIRE, Partner
from tests.support.receivers import receiving
from wirefeed.config import OutboundSettings
from wirefeed.domain.contracts import Wanted, settle
from wirefeed.domain.cursors import Following
from wirefeed.domain.roles import Role
from wirefeed.domain.stories import story_id
from wirefeed.domain.ways import MOST_FILTERS
from wirefeed.services.ledger import Ledger
from wirefeed.storage import received

STORY, OTHER = "urn:news:a", "urn:news:b"
PAGE = f"/subscriber/en/stories/{story_id(STORY)}"


@pytest.fixture
async def desk(agency: Agency) -> dict[str, str]:
    return await agency.administrator(Role.DESK)


@pytest.fixture
async def ann(agency: Agency) -> dict[str, str]:
    """Give the token of one who may have everything."""
    await agency.subscriber("ann", "everything")
    return await agency.token("ann")


@pytest.fixture
async def calling(tmp_path: Path) -> AsyncIterator[Agency]:
    """Run one that may call what is on this machine."""
    settings = settings_in(tmp_path, outbound=OutboundSettings(private_networks=True))
    async with running(settings) as agency:
        yield agency


async def kill(agency: Agency, name: str = STORY) -> None:
    agency.clock.advance(2 * MINUTE)
    await agency.publish(name, version="9", pubstatus="canceled", headline="")


async def ledger(agency: Agency, desk: dict[str, str], name: str = STORY) -> dict[str, Any]:
    return await agency.json(f"/api/v1/admin/kills/{name}", **desk)


async def ways(agency: Agency, desk: dict[str, str], name: str = STORY) -> dict[str, bool]:
    """Say by which ways anybody may have a killed story, and whether its kill came so."""
    told = await ledger(agency, desk, name)
    return {
        f"{one['subscriber']} {way['way'].partition(':')[0]}": way["fetched"] is not None
        for one in told["subscribers"]
        for way in one["ways"]
    }


# --- filters -------------------------------------------------------------------------------------


async def test_what_a_filter_leaves_out_was_not_given(agency: Agency, desk, ann):
    await agency.publish(STORY, "sport")
    await agency.publish(OTHER, "economy")
    partner = Partner(agency, ann, {"topics": "economy"})
    await partner.catch_up()
    assert [guid for _, guid, _ in partner.heard] == [OTHER]
    for name in (STORY, OTHER):
        await kill(agency, name)
    await partner.catch_up()
    assert await ways(agency, desk, STORY) == {}
    assert await ways(agency, desk, OTHER) == {"ann wire": True}
    (way,) = (await ledger(agency, desk, OTHER))["subscribers"][0]["ways"]
    assert (way["topics"], way["languages"]) == (["economy"], [])


async def test_a_kill_that_a_filter_leaves_out_was_not_given(agency: Agency, desk, ann):
    """It has the story by another question, and no kill of it by this one."""
    await agency.publish(STORY, "sport")
    await Partner(agency, ann).catch_up()
    filtered = Partner(agency, ann, {"topics": "economy"})
    await filtered.catch_up()
    await kill(agency)
    await agency.publish(OTHER, "economy")
    await filtered.catch_up()
    assert [kind for kind, _, _ in filtered.heard] == ["publish"]
    assert await ways(agency, desk) == {"ann wire": False}
    whole = Partner(agency, ann)
    await whole.catch_up()
    assert await ways(agency, desk) == {"ann wire": True}


async def test_through_a_filter_a_kill_is_acknowledged_like_any_other(agency: Agency, desk, ann):
    await agency.publish(STORY, "sport")
    partner = Partner(agency, ann, {"topics": "sport", "languages": "en"})
    await partner.catch_up()
    await kill(agency)
    await partner.catch_up()
    agency.clock.advance(SECOND)
    acked = {"json": {"cursor": partner.cursor}, "headers": ann}
    async with agency.http.post(f"{WIRE}/ack", **acked) as answer:
        assert answer.status == 204
    (one,) = (await ledger(agency, desk))["subscribers"]
    assert one["acknowledged"] is not None


async def test_a_token_that_is_narrowed_is_given_no_more_than_it_shows(agency: Agency, desk):
    await agency.subscriber("ann", "sport", "economy")
    narrow = await agency.token("ann", entitlements=frozenset({"sport"}))
    await agency.publish(STORY, "economy")
    await Partner(agency, narrow).catch_up()
    await agency.publish(OTHER, "sport")
    partner = Partner(agency, narrow)
    await partner.catch_up()
    assert [guid for _, guid, _ in partner.heard] == [OTHER]
    await kill(agency)
    await partner.catch_up()
    assert await ways(agency, desk) == {}


async def test_a_feed_by_a_narrowed_token_is_no_more_than_it_shows(agency: Agency, desk):
    await agency.subscriber("ann", "economy", "sport")
    narrow = await agency.token("ann", entitlements=frozenset({"sport"}))
    await agency.publish(STORY, "economy")
    await agency.publish(OTHER, "sport")
    for shown in ({}, {"Sec-Fetch-Dest": "document"}):
        answer = await ask(agency, "/subscriber/en/latest.json", narrow | shown)
        assert (STORY in answer.text, OTHER in answer.text) == (False, True)
    for name in (STORY, OTHER):
        await kill(agency, name)
    await ask(agency, "/subscriber/en/latest.json", narrow)
    assert await ways(agency, desk, STORY) == {}
    assert await ways(agency, desk, OTHER) == {"ann feed": True}


async def test_a_webhook_with_a_filter_was_sent_no_more_than_that(calling: Agency):
    agency, desk = calling, await calling.administrator(Role.DESK)
    await agency.subscriber("ann", "everything")
    async with receiving(agency, "ann", Following(topics=frozenset({"economy"}))) as receiver:
        # Both at once, so that the one is passed over on the way to the other.
        await asyncio.gather(agency.publish(STORY, "sport"), agency.publish(OTHER, "economy"))
        await receiver.got(1)
        for name in (STORY, OTHER):
            await kill(agency, name)
        await receiver.got(2)
        # What was sent is noted before the next one goes.
        await agency.publish("urn:news:c", "economy")
        await receiver.got(3)
    assert await ways(agency, desk, STORY) == {}
    assert await ways(agency, desk, OTHER) == {"ann webhook": True}


async def test_whoever_filters_otherwise_each_time_has_a_bounded_ledger(agency: Agency, desk, ann):
    """What came through the filters beyond may be anything: it has it, and no kill for sure."""
    await agency.publish(STORY, "sport")
    others = [topic.slug for topic in agency.services.taxonomy if topic.slug != "sport"]
    filters = [
        {"topics": ",".join(("sport", *some)), "languages": languages}
        for count in range(len(others) + 1)
        for some in combinations(others, count)
        for languages in ("en", "en,tr", "en,ar", "en,tr,ar")
    ]
    for number, filtered in enumerate(filters[: 3 * MOST_FILTERS]):
        await Partner(agency, ann, filtered).catch_up()
        if number % MOST_FILTERS == 7:
            await agency.services.ledger.flush()
    await agency.services.ledger.flush()
    async with agency.services.database.reading() as connection:
        held = await received.of(connection, "ann")
    assert len(held) == MOST_FILTERS + 1
    assert "wire:other" in held
    await kill(agency)
    last = Partner(agency, ann, filters[3 * MOST_FILTERS])
    await last.catch_up()
    told = (await ledger(agency, desk))["subscribers"]
    assert [one["fetched"] for one in told] == [None]


async def test_head_gives_nothing(agency: Agency, desk, ann):
    await agency.publish(STORY)
    paths = [f"{WIRE}?after=oldest", f"/api/v1/stories/{STORY}", PAGE, "/subscriber/en/latest.rss"]
    for path in paths:
        assert (await ask(agency, path, ann, method="HEAD")).status == 200
    await kill(agency)
    assert (await ledger(agency, desk))["holders"] == 0


async def test_head_gives_no_kill_either(agency: Agency, desk, ann):
    await agency.publish(STORY)
    await Partner(agency, ann).catch_up()
    await kill(agency)
    for path, status in ((f"{WIRE}?after=oldest", 200), (f"/api/v1/stories/{STORY}", 410)):
        assert (await ask(agency, path, ann, method="HEAD")).status == status
    assert await ways(agency, desk) == {"ann wire": False}


# --- single stories ------------------------------------------------------------------------------


async def test_one_story_that_was_asked_for_is_had_until_its_kill_is_seen(
    agency: Agency, desk, ann
):
    for name in ("urn:news:before", STORY, "urn:news:after"):
        await agency.publish(name)
    assert (await ask(agency, f"/api/v1/stories/{STORY}", ann)).status == 200
    await kill(agency)
    await kill(agency, "urn:news:after")
    told = (await ledger(agency, desk))["subscribers"]
    assert [(one["subscriber"], one["level"], one["fetched"]) for one in told] == [
        ("ann", "full", None)
    ]
    # Of those beside it nothing was given.
    assert (await ledger(agency, desk, "urn:news:after"))["holders"] == 0
    assert (await ask(agency, f"/api/v1/stories/{STORY}", ann)).status == 410
    assert await ways(agency, desk) == {"ann story": True}


@pytest.mark.parametrize("by", ["token", "key", "cookie"])
async def test_a_page_that_was_read_is_had_until_its_kill_is_seen(agency: Agency, desk, by):
    await agency.subscriber("ann", "sport")
    key = await agency.feed_key("ann")
    headers = {
        "token": await agency.token("ann"),
        "key": basic(key),
        "cookie": {"Cookie": f"wirefeed_key={key.removeprefix('/f/')}"},
    }[by]
    await agency.publish(STORY)
    assert (await ask(agency, PAGE, headers)).status == 200
    await kill(agency)
    assert await ways(agency, desk) == {"ann page": False}
    assert (await ask(agency, PAGE, headers)).status == 410
    assert await ways(agency, desk) == {"ann page": True}


async def test_the_public_leaves_nothing(agency: Agency, desk):
    await agency.publish(STORY)
    assert (await ask(agency, f"/en/stories/{story_id(STORY)}")).status == 200
    await kill(agency)
    assert (await ledger(agency, desk))["holders"] == 0


async def test_what_is_read_over_and_over_is_noted_once(agency: Agency, ann):
    await agency.publish(STORY)
    for _ in range(3):
        await ask(agency, f"/api/v1/stories/{STORY}", ann)
        await ask(agency, PAGE, ann)
    assert agency.services.ledger.waiting == 2
    await agency.services.ledger.flush()
    await ask(agency, PAGE, ann)
    assert agency.services.ledger.waiting == 0


# --- archives, and feeds in browsers -------------------------------------------------------------


async def test_a_page_of_an_archive_is_had_and_shows_no_kill_but_its_own(agency: Agency, desk):
    await agency.publish(STORY)
    await agency.publish(OTHER)
    agency.clock.advance(DAY)
    await agency.publish("urn:news:c")
    await agency.subscriber("ann", "everything")
    key = await agency.feed_key("ann")
    path = f"{key}/en/latest/archive/2026-03-01.json"
    page = await ask(agency, path)
    assert [item["id"] for item in json.loads(page.body)["items"]] == [OTHER, STORY]
    await kill(agency)
    assert await ways(agency, desk) == {"ann archive": False}
    # The page has lost the story, and does not say why.
    agency.clock.advance(HOUR)
    assert (await ask(agency, path)).status == 200
    assert await ways(agency, desk) == {"ann archive": False}
    # The feed does.
    assert (await ask(agency, f"{key}/en/latest.json")).status == 200
    assert await ways(agency, desk) == {"ann archive": False, "ann feed": True}
    (one,) = (await ledger(agency, desk))["subscribers"]
    assert one["fetched"] is not None


@pytest.mark.parametrize(
    ("path", "way"),
    [("latest.rss", "ann feed"), ("latest/archive/2026-03-01.rss", "ann archive")],
)
async def test_a_feed_in_a_browser_is_noted_as_well(agency: Agency, desk, path, way):
    await agency.publish(STORY)
    agency.clock.advance(DAY)
    await agency.publish(OTHER)
    await agency.subscriber("ann", "everything")
    shown = {"Sec-Fetch-Dest": "document"}
    answer = await ask(agency, f"{await agency.feed_key('ann')}/en/{path}", shown)
    assert f"Headline of {STORY}" in answer.text
    await kill(agency)
    assert await ways(agency, desk) == {way: False}


@pytest.mark.parametrize("how", ["downgraded", "suspended"])
async def test_whoever_has_lost_its_plan_was_given_the_kill_if_its_feed_shows_it(
    agency: Agency, desk, how
):
    await agency.publish(STORY, "economy")
    await agency.subscriber("ann", "economy", "sport")
    latest = await agency.feed_key("ann") + "/en/latest.json"
    assert f"Headline of {STORY}" in (await ask(agency, latest)).text
    agency.clock.advance(DAY)
    accounts = agency.services.accounts
    if how == "suspended":
        await accounts.suspend("ann")
    else:
        await _keep(agency, "ann", "sport")
    await kill(agency)
    agency.clock.advance(MINUTE)
    shown = story_id(STORY) in (await ask(agency, latest)).text
    # What comes later is no kill, either.
    await agency.publish(OTHER, "sport")
    assert OTHER in (await ask(agency, latest)).text
    assert await ways(agency, desk) == {"ann feed": shown}
    agency.clock.advance(HOUR)
    await agency.services.kill_alarms.check()
    assert agency.services.kill_alarms.late == (0 if shown else 1)


async def _keep(agency: Agency, name: str, plan: str) -> None:
    accounts = agency.services.accounts
    held = await accounts.subscriber(name)
    kept = tuple(one for one in held.subscriptions if one.plan == plan)
    await accounts.put_subscriber(replace(held, subscriptions=kept))


async def test_whoever_has_lost_its_plan_was_sent_the_kill_if_a_delivery_shows_it(calling: Agency):
    agency, desk = calling, await calling.administrator(Role.DESK)
    await agency.subscriber("ann", "economy", "sport")
    latest = await agency.feed_key("ann") + "/en/latest.json"
    async with subscriber("/x") as partner:
        await subscribe(agency, partner, f"{PUBLIC_URL}{latest}")
        await agency.publish(STORY, "economy")
        await partner.deliveries(1)
        agency.clock.advance(DAY)
        await _keep(agency, "ann", "sport")
        await kill(agency)
        # What was sent is noted before the next one goes.
        for name in (OTHER, "urn:news:c"):
            await agency.publish(name, "sport")
            while name.encode() not in partner.delivered[-1].body:
                await partner.deliveries(len(partner.delivered) + 1)
        shown = any(story_id(STORY).encode() in one.body for one in partner.delivered[1:])
    assert await ways(agency, desk) == {"ann hub": shown}


async def test_a_killed_story_that_is_brought_back_is_waited_for_by_nobody_who_reads_it(
    agency: Agency, desk
):
    await agency.publish(STORY)
    await agency.subscriber("ann", "everything")
    latest = await agency.feed_key("ann") + "/en/latest.json"
    await ask(agency, latest)
    await kill(agency)
    agency.clock.advance(MINUTE)
    await agency.services.newsdesk.reinstate(STORY)
    assert await ways(agency, desk) == {"ann feed": False}
    await ask(agency, latest)
    assert await ways(agency, desk) == {"ann feed": True}


# --- what was not written down -------------------------------------------------------------------


def end_at_once(agency: Agency) -> None:
    """Lose what a process has noted and not written down, as one does that is killed."""
    empty = Ledger(agency.services.database, clock=agency.clock)
    agency.services.ledger.__dict__.update(empty.__dict__)


@pytest.mark.parametrize("filters", [{}, {"topics": "sport"}])
@pytest.mark.parametrize("how", ["wire", "ack"])
async def test_a_cursor_that_comes_back_shows_what_was_given(
    agency: Agency, desk, ann, filters, how
):
    partner = Partner(agency, ann, filters)
    await partner.catch_up()
    await agency.publish(STORY, "sport")
    for is_killed in (False, True):
        await partner.catch_up()
        end_at_once(agency)
        agency.clock.advance(MINUTE)
        if how == "wire":
            assert await partner.catch_up() == []
        else:
            acked = {"json": {"cursor": partner.cursor}, "headers": ann}
            async with agency.http.post(f"{WIRE}/ack", **acked) as answer:
                assert answer.status == 204
        if not is_killed:
            await agency.services.newsdesk.kill(STORY)
            assert await ways(agency, desk) == {"ann wire": False}
    # What came by a filter that was never written down may be without the kill.
    known = how == "wire" or not filters
    assert await ways(agency, desk) == {"ann wire": known}
    (one,) = (await ledger(agency, desk))["subscribers"]
    assert (one["acknowledged"] is not None) is known


async def test_where_it_is_known_how_a_cursor_was_come_by_it_is_no_way_of_its_own(
    agency: Agency, desk, ann
):
    """Whoever has caught up page by page goes on with the stream."""
    await agency.publish(STORY)
    partner = Partner(agency, ann)
    await partner.catch_up()
    stream = agency.http.get(f"{WIRE}/stream", params={"after": partner.cursor}, headers=ann)
    async with stream as answer:
        assert answer.status == 200
    await kill(agency)
    assert await ways(agency, desk) == {"ann wire": False}


# --- who is gone ---------------------------------------------------------------------------------


async def test_who_is_removed_is_listed_as_gone_with_what_it_has(agency: Agency, desk):
    await agency.publish(STORY)
    for name in ("ann", "bob", "cem"):
        await agency.subscriber(name, "sport")
        await ask(agency, await agency.feed_key(name) + "/en/latest.json")
    await ask(agency, PAGE, await agency.token("cem"))
    await agency.services.accounts.remove_subscriber("ann")
    await kill(agency)
    told = await ledger(agency, desk)
    assert (told["holders"], told["waiting"], told["gone"]) == (3, 2, 1)
    states = {one["subscriber"]: (one["level"], one["gone"]) for one in told["subscribers"]}
    assert states == {
        "bob": ("full", None),
        "cem": ("full", None),
        "ann": ("full", states["ann"][1]),
    }
    assert states["ann"][1] is not None
    # Those who can still be told come first.
    assert list(states) == ["bob", "cem", "ann"]


async def test_who_was_given_it_a_moment_before_it_is_removed_is_listed_too(agency: Agency, desk):
    """What was noted may not be written down yet."""
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    await ask(agency, await agency.feed_key("ann") + "/en/latest.json")
    assert agency.services.ledger.waiting
    await agency.services.accounts.remove_subscriber("ann")
    await kill(agency)
    assert (await ledger(agency, desk))["gone"] == 1


async def test_one_who_is_gone_makes_nobody_late(agency: Agency, desk):
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    await ask(agency, await agency.feed_key("ann") + "/en/latest.json")
    await agency.services.accounts.remove_subscriber("ann")
    await kill(agency)
    agency.clock.advance(HOUR)
    await agency.services.kill_alarms.check()
    assert agency.services.kill_alarms.late == 0
    assert (await ledger(agency, desk))["late"] is False


async def test_nothing_is_kept_of_who_is_gone_but_its_id(agency: Agency):
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    await ask(agency, await agency.feed_key("ann") + "/en/latest.json")
    await agency.services.ledger.flush()
    await agency.services.accounts.remove_subscriber("ann")
    assert b"Ann" not in agency.file.read_bytes()


async def test_after_the_wires_days_nothing_is(agency: Agency):
    await agency.publish(STORY)
    for name in ("ann", "bob"):
        await agency.subscriber(name, "sport")
        await ask(agency, await agency.feed_key(name) + "/en/latest.json")
    await agency.services.ledger.flush()
    await agency.services.accounts.remove_subscriber("ann")
    agency.clock.advance((agency.settings.wire.days + 1) * DAY)
    await agency.services.accounts.remove_subscriber("bob")
    async with agency.services.database.reading() as connection:
        given = await received.given(connection, ["ann", "bob"])
    assert [bool(given[name]) for name in ("ann", "bob")] == [False, True]


async def test_a_subscription_that_is_taken_out_of_the_statement_was_had_all_the_same(
    agency: Agency, desk
):
    await agency.publish(STORY, "economy")
    await agency.subscriber("ann", "economy")
    await agency.subscriber("bob", "economy")
    for name in ("ann", "bob"):
        await ask(agency, await agency.feed_key(name) + "/en/topics/economy.json")
    agency.clock.advance(MINUTE)
    accounts = agency.services.accounts
    # The one is left out, and the other ends before the story came.
    for name, wanted in (
        ("ann", [Wanted(plan="sport")]),
        ("bob", [Wanted(plan="economy", ends=agency.clock.now - HOUR)]),
    ):
        held = await accounts.subscriber(name)
        becomes = settle(wanted, held.subscriptions, agency.clock.now)
        await accounts.put_subscriber(replace(held, subscriptions=becomes))
    await kill(agency)
    told = await ledger(agency, desk)
    assert {one["subscriber"]: one["level"] for one in told["subscribers"]} == {
        "ann": "full",
        "bob": "full",
    }


async def test_what_a_plan_gave_counts_as_it_was_then(agency: Agency, desk):
    await agency.publish(STORY, "economy")
    await agency.subscriber("ann", "economy")
    await ask(agency, await agency.feed_key("ann") + "/en/topics/economy.json")
    agency.clock.advance(MINUTE)
    held = await agency.services.accounts.subscriber("ann")
    over = tuple(replace(one, ends=agency.clock.now) for one in held.subscriptions)
    await agency.services.accounts.put_subscriber(replace(held, subscriptions=over))
    agency.clock.advance(MINUTE)
    await agency.services.plans.remove("economy")
    await kill(agency)
    assert [o["level"] for o in (await ledger(agency, desk))["subscribers"]] == ["full"]
