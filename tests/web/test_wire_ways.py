"""Must hold: by page and by stream a caller is told the same, whatever became of its rights.

The cursors are compared: in them are place, count and digest of all that was told.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.agency import DAY, SECOND, Agency, Clock, running, settings_in
from tests.support.events import Event, Listener, listening
from tests.support.partner import Partner, partner, told
from wirefeed.domain.plans import Subscription


async def _do(agency: Agency, what: str) -> bool:
    """Publish or kill in a topic, or sell other plans; say whether rights are others."""
    verb, *names = what.split()
    if verb == "sell":
        held = await agency.services.accounts.subscriber("gazette")
        becomes = tuple(Subscription(plan=plan, starts=agency.clock.now - SECOND) for plan in names)
        await agency.services.accounts.put_subscriber(replace(held, subscriptions=becomes))
        agency.clock.advance(SECOND)
        return True
    if verb == "kill":
        await agency.services.newsdesk.kill(names[0])
        agency.clock.advance(SECOND)
    else:
        await agency.publish(what, topic=what.partition("-")[0])
    return False


async def _changes(listener: Listener) -> AsyncIterator[Event]:
    while (event := await listener.next()) is not None:
        if event.id:
            yield event


@pytest.mark.parametrize(
    "story",
    [
        ["economy-1", "sell sport economy", "economy-2"],
        ["sport-1", "economy-1", "sell sport economy", "sport-2", "economy-2"],
        ["economy-1", "economy-2", "sell economy", "sport-1", "sell sport", "economy-3"],
        ["sport-1", "sell economy", "kill sport-1", "economy-1", "sell sport", "kill economy-1"],
        ["economy-1", "sell everything", "kill economy-1", "sell sport"],
        [
            "economy-1",
            "sell late economy",
            "economy-2",
            "sell sport",
            "economy-3",
            "sell everything",
        ],
    ],
)
@pytest.mark.parametrize("beginning", ["", "oldest"])
async def test_stream_and_pages_tell_the_same_whatever_rights_become(
    agency: Agency, story: list[str], beginning: str
):
    pages = await partner(agency, "sport", cursor=beginning)
    await agency.publish("economy-0", topic="economy")
    await pages.catch_up()
    async with listening(agency, pages.token, pages.cursor) as listener:
        events = _changes(listener)
        streamed: list[tuple[str, str, int]] = []
        for what in [*story, "sport-last"]:
            turned = await _do(agency, what)
            told_now = [told(entry) for entry in await pages.catch_up()]
            assert (("entitlement", "entitlement", 0) in told_now) == turned
            streamed += [told((await anext(events)).data) for _ in told_now]
            assert streamed[len(streamed) - len(told_now) :] == told_now
            assert listener.last_id == pages.cursor


async def test_a_stream_reaches_no_further_back_by_new_rights_than_a_page(tmp_path):
    clock = Clock()
    async with running(settings_in(tmp_path), clock) as agency:
        held = (await agency.services.plans.all())["economy"]
        (grant,) = held.grants
        few = replace(grant, archive_days=10)
        await agency.services.plans.put(replace(held, grants=(few,)))
        await agency.publish("sport-old")
        await agency.publish("economy-old", topic="economy")
        clock.advance(20 * DAY)
        await agency.publish("economy-new", topic="economy")
        await agency.subscriber("gazette", "sport")
        pages = Partner(agency, await agency.token("gazette"))
        await pages.catch_up()
        async with listening(agency, pages.token, pages.cursor) as listener:
            events = _changes(listener)
            await _do(agency, "sell sport economy")
            now = [told(entry) for entry in await pages.catch_up()]
            assert now == [("entitlement", "entitlement", 0), ("publish", "economy-new", 1)]
            assert [told((await anext(events)).data) for _ in now] == now
            assert listener.last_id == pages.cursor
