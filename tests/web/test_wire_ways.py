"""Must hold: by page and by stream a caller is told the same, whatever became of its rights.

The cursors are compared: in them are place, count and digest of all that was told.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from tests.support.agency import (
    DAY,
    MEDIA_TOPICS,
    SECOND,
    Agency,
    Clock,
    running,
    settings_in,
)
from tests.support.events import Event, Listener, listening
from tests.support.partner import Partner, partner, told
from tests.support.reads import reads
from wirefeed.domain.plans import Subscriber, Subscription
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message
from wirefeed.services.wire_streams import AHEAD


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


# --- one right, and each a past of its own --------------------------------------------------------


@pytest.mark.parametrize("fillers", [3, 45])
async def test_by_stream_each_hears_the_kill_of_what_it_had_as_by_pages(
    agency: Agency, fillers: int
):
    """All have one right by then; `fillers` stories come with the kills, in one go."""
    pages = {
        name: await partner(agency, "sport", *past, name=name)
        for name, past in (
            ("gazette", ["economy"]),
            ("courier", ["everything"]),
            ("herald", []),
            ("tribune", ["economy"]),
        )
    }
    await _has_left(agency, "tribune", "sport")
    for topic in ("economy", "sport"):
        await agency.publish(f"{topic}-1", topic=topic)
    for name, one in pages.items():
        await _has_left(agency, name, "sport")
        await one.catch_up()
    kills = [_story(f"{topic}-1", 2, "canceled") for topic in ("economy", "sport")]
    more = [_story(f"sport-new-{number}") for number in range(fillers)]
    async with AsyncExitStack() as stack:
        streams = {
            name: await stack.enter_async_context(listening(agency, one.token, one.cursor))
            for name, one in pages.items()
        }
        await agency.services.publishing.accept_all(
            [more[0], kills[0], *more[1:], kills[1], _story("sport-last")], "newsroom"
        )
        for name, one in pages.items():
            events, ahead = await _up_to(streams[name], "sport-last")
            page = await one.poll(limit=20)
            entries = page["items"] + await one.catch_up()
            assert [told(event.data) for event in events] == [told(entry) for entry in entries]
            assert streams[name].last_id == one.cursor
            killed = {entry["uri"] for entry in entries if told(entry)[0] == "kill"}
            had = {"economy-1"} if name in {"gazette", "courier"} else set()
            assert killed == {*had, "sport-1"}
            assert ahead == (killed if fillers > 20 else set())


async def _has_left(agency: Agency, name: str, *plans: str) -> None:
    """Let a subscriber have no more than these, of the plans that it has."""
    accounts = agency.services.accounts
    held = await accounts.subscriber(name)
    kept = tuple(one for one in held.subscriptions if one.plan in plans)
    await accounts.put_subscriber(replace(held, subscriptions=kept))
    agency.clock.advance(SECOND)


def _story(uri: str, version: int = 1, status: str = "usable") -> Message:
    story = {"uri": uri, "version": str(version), "language": "en", "headline": uri}
    story |= {"pubstatus": status, "body_html": f"<p>{uri}</p>"}
    raw = json.dumps({**story, "subject": [{"code": MEDIA_TOPICS["sport"]}]}).encode()
    return Message(raw=raw, revision=ninjs.parse(raw))


async def _up_to(listener: Listener, last: str) -> tuple[list[Event], set[str]]:
    """Give the changes up to a story, and the kills that were told ahead."""
    events: list[Event] = []
    while not events or events[-1].data.get("uri") != last:
        event = await listener.next()
        assert event is not None
        events.append(event)
    ahead = {event.data["uri"] for event in events if event.name == AHEAD}
    return [event for event in events if event.id], ahead


async def test_streams_are_judged_as_one_whatever_each_of_them_had_before(agency: Agency):
    """Who joined on another day had for another time what their plan was before."""
    tokens = []
    for number in range(8):
        agency.clock.advance(DAY)
        joined = Subscription(plan="sport", starts=agency.clock.now)
        name = f"paper-{number}"
        await agency.services.accounts.add_subscriber(
            Subscriber(id=name, name=name, subscriptions=(joined,))
        )
        tokens.append(await agency.token(name))
    agency.clock.advance(DAY)
    plan = (await agency.services.plans.all())["sport"]
    (grant,) = plan.grants
    await agency.services.plans.put(replace(plan, grants=(replace(grant, archive_days=30),)))
    agency.clock.advance(SECOND)
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(listening(agency, token)) for token in tokens]
        await agency.publish("sport-1")
        for listener in listeners:
            await _up_to(listener, "sport-1")
        # All are at one place by now.
        with reads(agency) as seen:
            await agency.publish("sport-2")
            for listener in listeners:
                await _up_to(listener, "sport-2")
        assert 0 < seen.count("WireStreams.run") < len(listeners)
