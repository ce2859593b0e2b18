"""S-43, S-51, S-52: nothing is sent to who did not ask, and nothing to who may have it no more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.agency import DAY, PUBLIC_URL, Agency, running, settings_in
from tests.support.callbacks import Subscriber, subscriber
from tests.support.hub import ask, held, subscribe, until
from wirefeed.config import HubSettings, OutboundSettings
from wirefeed.services.intents import AT_ONE_HOST
from wirefeed.storage import leases

TOPIC = f"{PUBLIC_URL}/en/latest.rss"
Answer = Callable[[web.Request], web.Response]


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    settings = settings_in(
        tmp_path, outbound=OutboundSettings(private_networks=True), hub=HubSettings(leases=3)
    )
    async with running(settings) as agency:
        yield agency


@pytest.fixture
async def callback() -> AsyncIterator[Subscriber]:
    async with subscriber() as one:
        yield one


def saying(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def say(request: web.Request) -> web.Response:
        return answer(request)

    return say


async def settled(agency: Agency) -> None:
    """Wait until nothing is left to be verified."""
    async with asyncio.timeout(20):
        while True:
            async with agency.services.database.reading() as connection:
                if not await leases.waiting(connection):
                    return
            await asyncio.sleep(0.01)


def challenge(request: web.Request) -> str:
    return request.query["hub.challenge"]


def refusing(status: int) -> Answer:
    """Say what would confirm, and that it does not."""

    def refuse(request: web.Request) -> web.Response:
        headers = {"Location": str(request.url)}
        return web.Response(text=challenge(request), status=status, headers=headers)

    return refuse


WRONG: dict[str, Answer] = {
    "nothing": lambda _: web.Response(),
    "another": lambda _: web.Response(text="A" * 43),
    "its beginning": lambda r: web.Response(text=challenge(r)[:-1]),
    "more": lambda r: web.Response(text=challenge(r) + "\n"),
    "in a page": lambda r: web.Response(text=f"<html>{challenge(r)}</html>"),
    "with a BOM": lambda r: web.Response(body=b"\xef\xbb\xbf" + challenge(r).encode()),
    "in 2 kB": lambda r: web.Response(text=challenge(r) + " " * 2_000),
    "all that was asked": lambda r: web.Response(text=r.rel_url.raw_query_string),
    **{
        f"with {status}": refusing(status)
        for status in (301, 302, 303, 307, 308, 400, 404, 410, 500, 503)
    },
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
async def test_s51_s49_who_does_not_confirm_has_not_asked(
    agency: Agency, callback: Subscriber, answer: Answer
):
    callback.on_verification = saying(answer)

    assert (await ask(agency, callback.url, TOPIC))[0] == 202
    await settled(agency)

    assert await held(agency) == []
    # One request, and no redirect was followed.
    assert len(callback.asked) == 1


async def test_s51_a_challenge_is_good_once(agency: Agency, callback: Subscriber):
    await subscribe(agency, callback, TOPIC)
    old = callback.asked[0].query["hub.challenge"]
    callback.on_verification = saying(lambda _: web.Response(text=old))

    assert (await ask(agency, callback.url, TOPIC, "unsubscribe"))[0] == 202
    await settled(agency)

    assert len(await held(agency)) == 1
    assert callback.asked[1].query["hub.challenge"] != old


async def test_s51_nobody_ends_what_another_callback_has(agency: Agency, callback: Subscriber):
    await subscribe(agency, callback, TOPIC)
    callback.on_verification = saying(lambda _: web.Response(status=404))

    assert (await ask(agency, callback.url, TOPIC, "unsubscribe"))[0] == 202
    await settled(agency)
    await agency.publish("urn:one")

    await callback.deliveries(1)


async def test_s52_one_host_is_asked_once_a_second_and_once_for_each_request(
    agency: Agency, callback: Subscriber
):
    loop, times = asyncio.get_running_loop(), list[float]()

    def note(request: web.Request) -> web.Response:
        times.append(loop.time())
        return web.Response(status=404)

    callback.on_verification = saying(note)
    asked = [await ask(agency, f"{callback.url}?{n}", TOPIC) for n in range(4)]
    await settled(agency)

    assert [status for status, _ in asked] == [202] * 4
    assert len(callback.asked) == 4
    # As it leaves; the first takes longer to arrive.
    assert all(after - before > 0.5 for before, after in pairwise(times))
    assert times[-1] - times[0] > 2.5


async def test_s52_no_more_than_twenty_wait_at_one_host(agency: Agency, callback: Subscriber):
    callback.on_verification = saying(lambda _: web.Response(status=404))

    answers = [await ask(agency, f"{callback.url}?{n}", TOPIC) for n in range(60)]

    refused = [text for status, text in answers if status == 429]
    assert {status for status, _ in answers} == {202, 429}
    # One is asked a second meanwhile.
    assert len(refused) >= 60 - 20 - 15
    assert all(text.startswith("hub.callback: ") for text in refused)


async def test_s52_the_same_again_waits_once(agency: Agency, callback: Subscriber):
    """What is asked anew before it was verified replaces what was asked."""
    entered, released = asyncio.Event(), asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        entered.set()
        await released.wait()
        return web.Response(text=challenge(request))

    callback.on_verification = hold
    await ask(agency, f"{callback.url}?first", TOPIC)
    await entered.wait()
    for seconds in ("3600", "7200", "9000"):
        await ask(agency, callback.url, TOPIC, lease_seconds=seconds)
    async with agency.services.database.reading() as connection:
        assert await leases.waiting(connection) == 2
    released.set()
    await settled(agency)

    assert [one.query["hub.lease_seconds"] for one in callback.asked] == ["864000", "9000"]


async def test_s52_a_subscriber_has_no_more_leases_than_are_granted(
    agency: Agency, callback: Subscriber
):
    key = await agency.feed_key(await agency.subscriber("gazette", "sport"))
    topic = f"{PUBLIC_URL}{key}/en/latest.rss"
    base = callback.url
    for number in range(3):
        callback.url = f"{base}?{number}"
        await subscribe(agency, callback, topic)

    assert (await ask(agency, f"{base}?3", topic))[0] == 202
    asked = await callback.questions(4)

    assert asked[3].query["hub.mode"] == "denied"
    assert asked[3].query["hub.reason"] == "there are 3 leases already"
    callback.url = f"{base}?0"
    await subscribe(agency, callback, topic)


async def test_s52_one_host_has_only_some_of_the_leases_of_the_public(
    agency: Agency, callback: Subscriber
):
    await subscribe(agency, callback, TOPIC)
    (lease,) = await held(agency)
    async with agency.services.database.writing() as connection:
        for number in range(1, AT_ONE_HOST):
            other = replace(lease, id=f"other-{number}", pair=b"%d" % number)
            await leases.grant(connection, other)

    assert (await ask(agency, f"{callback.url}?more", TOPIC))[0] == 202
    asked = await callback.questions(2)

    assert asked[1].query["hub.mode"] == "denied"
    assert asked[1].query["hub.reason"] == f"there are {AT_ONE_HOST} leases already"
    # What is there is renewed, and a subscriber has a right of its own.
    await subscribe(agency, callback, TOPIC, lease_seconds="7200")
    key = await agency.feed_key(await agency.subscriber("gazette", "sport"))
    await subscribe(agency, callback, f"{PUBLIC_URL}{key}/en/latest.rss")
    assert len(await held(agency)) == AT_ONE_HOST + 1


# --- S-43 ----------------------------------------------------------------------------------------


async def lapses(agency: Agency, how: str, key: str) -> None:
    """Take the right to the text away."""
    match how:
        case "revoked":
            (row,) = await agency.services.feed_keys.all("gazette")
            await agency.services.feed_keys.revoke(row.id)
        case "suspended":
            await agency.services.accounts.suspend("gazette")
        case "removed":
            await agency.services.accounts.remove_subscriber("gazette")
        case "ended":
            agency.clock.advance(DAY)
        case _:
            raise AssertionError(how)


@pytest.mark.parametrize("how", ["revoked", "suspended", "removed", "ended"])
async def test_s43_who_lapses_while_it_is_tried_again_is_sent_nothing(
    agency: Agency, callback: Subscriber, how: str
):
    ends = agency.clock.now + DAY
    key = await agency.feed_key(await agency.subscriber("gazette", "sport", ends=ends))
    await subscribe(agency, callback, f"{PUBLIC_URL}{key}/en/latest.json")
    callback.on_delivery = saying(lambda _: web.Response(status=503))
    await agency.publish("urn:one")
    await until(agency, lambda held: held[0].standing.failures == 1)
    callback.on_delivery = None

    await lapses(agency, how, key)
    agency.clock.advance(10 * 60_000_000)
    await until(agency, lambda held: not held)

    assert len(callback.delivered) == 1
    modes = [one.query["hub.mode"] for one in callback.asked]
    # Of who was removed, nothing is known any more: neither its callback.
    assert modes == (["subscribe"] if how == "removed" else ["subscribe", "denied"])


async def test_s43_who_is_downgraded_is_sent_what_it_may_have_then(
    agency: Agency, callback: Subscriber
):
    subscriber_id = await agency.subscriber("gazette", "everything")
    key = await agency.feed_key(subscriber_id)
    await subscribe(agency, callback, f"{PUBLIC_URL}{key}/en/topics/sport.json")
    callback.on_delivery = saying(lambda _: web.Response(status=503))
    await agency.publish("urn:one", body_html="<p>" + "word " * 100 + "the secret end</p>")
    (first,) = await callback.deliveries(1)
    assert b"the secret end" in first.body
    await until(agency, lambda held: held[0].standing.failures == 1)
    callback.on_delivery = None

    await agency.services.accounts.change_subscriber(
        "gazette",
        lambda found: replace(
            found,
            subscriptions=tuple(replace(one, plan="economy") for one in found.subscriptions),
        ),
    )
    agency.clock.advance(10 * 60_000_000)

    sent = (await callback.deliveries(2))[1]
    assert b"urn:one" in sent.body
    assert b"the secret end" not in sent.body


async def test_a_kill_is_sent_at_once_to_who_has_failed(agency: Agency, callback: Subscriber):
    await subscribe(agency, callback, TOPIC)
    callback.on_delivery = saying(lambda _: web.Response(status=503))
    await agency.publish("urn:one")
    await until(agency, lambda held: held[0].standing.failures == 1)
    callback.on_delivery = None

    # The clock stands still: the wait is not over.
    await agency.publish("urn:one", version="2", pubstatus="canceled")

    sent = (await callback.deliveries(2))[1]
    assert b"KILL" in sent.body
    assert b"Headline of urn:one" not in sent.body
