"""Kills for those who lost the plan they had the story by: they hear of them, and nobody else."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.agency import DAY, HOUR, SECOND, Agency
from tests.support.events import listening
from tests.support.losing import end, kill, narrow, sell
from tests.support.partner import Partner, partner, told
from wirefeed.domain.access import PUBLIC


def changes(entries: Iterable[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [told(entry) for entry in entries]


ENTITLEMENT = ("entitlement", "entitlement", 0)


@pytest.mark.parametrize("way", [sell, end])
async def test_who_had_a_story_by_a_plan_it_lost_hears_of_its_kill(agency: Agency, way):
    gazette = await partner(agency, "sport", "economy")
    await agency.publish("urn:m", topic="economy")
    assert changes(await gazette.catch_up()) == [("publish", "urn:m", 1)]
    await (way(agency, "sport") if way is sell else way(agency, "economy"))
    await agency.publish("urn:later", topic="economy")
    await kill(agency, "urn:m", "urn:later")
    before = gazette.cursor
    lost, told_of = await gazette.catch_up()
    assert told(lost) == ENTITLEMENT
    assert told(told_of) == ("kill", "urn:m", 2)
    # The name, and nothing else of what it may see no more.
    assert told_of == {
        "uri": "urn:m",
        "version": "2",
        "pubStatus": "canceled",
        "wirefeed": {"change": "kill"},
    }
    again = Partner(agency, gazette.token, cursor=before, entries=gazette.entries[:1])
    assert await again.catch_up() == [lost, told_of]
    assert again.cursor == gazette.cursor


async def test_a_story_that_came_after_the_plan_went_is_heard_of_by_nobody_without(agency: Agency):
    gazette = await partner(agency, "sport", "economy")
    await agency.publish("urn:before", topic="economy")
    await kill(agency, "urn:before")
    await gazette.catch_up()
    await sell(agency, "sport")
    await agency.publish("urn:after", topic="economy")
    await kill(agency, "urn:after")
    assert changes(await gazette.catch_up()) == [ENTITLEMENT]


async def test_who_has_a_plan_only_later_had_nothing_by_it_before(agency: Agency):
    gazette = await partner(agency, "sport")
    await agency.publish("urn:m", topic="economy")
    await kill(agency, "urn:m")
    agency.clock.advance(HOUR)
    await sell(agency, "sport", "economy")
    await sell(agency, "sport")
    assert changes(await gazette.catch_up()) == []


async def test_a_plan_that_shrank_was_had_by_whoever_had_it(agency: Agency):
    gazette = await partner(agency, "everything")
    await agency.publish("urn:m", topic="economy")
    await gazette.catch_up()
    await narrow(agency, "everything")
    await agency.publish("urn:later", topic="economy")
    await kill(agency, "urn:m", "urn:later")
    assert changes(await gazette.catch_up()) == [ENTITLEMENT, ("kill", "urn:m", 2)]


async def test_what_the_public_could_see_was_had_by_every_partner(agency: Agency):
    gazette = await partner(agency, "sport")
    await agency.publish("urn:p", topic="politics")
    await gazette.catch_up()
    public = (await agency.services.plans.all())[PUBLIC]
    (grant,) = public.grants
    less = replace(grant, excepted=frozenset({"economy", "politics"}))
    await agency.services.plans.put(replace(public, grants=(less,)))
    await kill(agency, "urn:p")
    assert changes(await gazette.catch_up()) == [ENTITLEMENT, ("kill", "urn:p", 2)]


async def test_a_token_hears_nothing_of_plans_it_was_never_for(agency: Agency):
    await agency.subscriber("gazette", "sport", "economy")
    token = await agency.token("gazette", entitlements=frozenset({"sport"}))
    narrowed = Partner(agency, token)
    await agency.publish("urn:m", topic="economy")
    await narrowed.catch_up()
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    assert changes(await narrowed.catch_up()) == []


async def test_filters_hold_for_what_was_lost(agency: Agency):
    gazette = await partner(agency, "sport", "economy", filters={"topics": "sport"})
    await agency.publish("urn:m", topic="economy")
    await gazette.catch_up()
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    assert changes(await gazette.catch_up()) == [ENTITLEMENT]


async def test_the_kill_of_what_was_lost_is_told_ahead_too(agency: Agency):
    gazette = await partner(agency, "sport", "economy")
    await agency.publish("urn:m", topic="economy")
    await gazette.catch_up()
    await sell(agency, "sport")
    for number in range(3):
        await agency.publish(f"urn:{number}")
    await kill(agency, "urn:m")
    page = await gazette.poll(limit=2)
    assert page["kills"] == [{"change": "kill", "uri": "urn:m", "version": "2"}]


async def test_it_is_heard_by_stream_as_by_page(agency: Agency):
    gazette = await partner(agency, "sport", "economy")
    await agency.publish("urn:m", topic="economy")
    await gazette.catch_up()
    herald = await partner(agency, "sport", name="herald")
    async with (
        listening(agency, gazette.token, gazette.cursor) as listener,
        listening(agency, herald.token) as other,
    ):
        await sell(agency, "sport")
        await kill(agency, "urn:m")
        await agency.publish("urn:s")
        events = [await listener.next() for _ in range(3)]
        alone = await other.next()
    assert [told(event.data) for event in events if event] == [
        ENTITLEMENT,
        ("kill", "urn:m", 2),
        ("publish", "urn:s", 1),
    ]
    assert alone is not None
    assert told(alone.data) == ("publish", "urn:s", 1)
    await gazette.catch_up()
    assert gazette.cursor == listener.last_id


async def test_a_new_beginning_hears_of_it_as_far_as_the_archive_of_then_reached(agency: Agency):
    held = (await agency.services.plans.all())["economy"]
    (grant,) = held.grants
    await agency.services.plans.put(replace(held, grants=(replace(grant, archive_days=30),)))
    gazette = await partner(agency, "sport", "economy")
    await agency.publish("urn:m", topic="economy")
    agency.clock.advance(SECOND)
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    anew = Partner(agency, gazette.token)
    assert changes(await anew.catch_up()) == [("kill", "urn:m", 2)]
    agency.clock.advance(31 * DAY)
    late = Partner(agency, await agency.token("gazette"))
    assert changes(await late.catch_up()) == []
