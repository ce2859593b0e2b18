"""The hub tests 100 to 106 of websub.rocks, and what else WebSub asks of a hub."""

import asyncio
import json
import re

import pytest
from aiohttp import web

from tests.support.agency import PUBLIC_URL, Agency
from tests.support.callbacks import Seen, Subscriber
from tests.support.hub import ask, held, subscribe, until
from tests.support.losing import kill, sell
from wirefeed.storage import leases

RSS, ATOM, JSON = (f"{PUBLIC_URL}/en/latest.{form}" for form in ("rss", "atom", "json"))
LINK = re.compile(r'<([^>]*)>; rel="([^"]*)"')


async def as_fetched(agency: Agency, topic: str, **headers: str) -> tuple[bytes, str]:
    path = topic.removeprefix(PUBLIC_URL)
    async with agency.http.get(path, headers={"Accept-Encoding": "identity", **headers}) as answer:
        return await answer.read(), answer.headers["Content-Type"]


async def check(agency: Agency, sent: Seen, topic: str, **headers: str) -> None:
    """Check a delivery as websub.rocks does, and to the byte."""
    body, content_type = await as_fetched(agency, topic, **headers)
    assert sent.body == body != b""
    assert sent.headers["Content-Type"] == content_type
    assert "Content-Encoding" not in sent.headers
    assert LINK.findall(sent.headers["Link"]) == [(f"{PUBLIC_URL}/hub", "hub"), (topic, "self")]


@pytest.mark.parametrize("topic", [RSS, ATOM, JSON])
async def test_100_typical_105_plain_106_json(agency: Agency, callback: Subscriber, topic: str):
    await agency.publish("urn:before")
    await subscribe(agency, callback, topic)

    (question,) = callback.asked
    assert question.query.keys() == {
        "hub.mode",
        "hub.topic",
        "hub.challenge",
        "hub.lease_seconds",
    }
    assert question.query["hub.mode"] == "subscribe"
    assert question.query["hub.topic"] == topic
    assert question.query["hub.lease_seconds"] == "864000"
    # 256 bits of base64url.
    assert len(question.query["hub.challenge"]) >= 43

    await agency.publish("urn:after")

    (sent,) = await callback.deliveries(1)
    await check(agency, sent, topic)
    assert "X-Hub-Signature" not in sent.headers


async def test_102_parameters_that_are_not_websubs_are_ignored(
    agency: Agency, callback: Subscriber
):
    status, _ = await ask(agency, callback.url, RSS, foo="bar", lease_seconds="7200")

    assert status == 202
    (question,) = await callback.questions(1)
    assert question.query["hub.lease_seconds"] == "7200"


async def test_103_one_who_subscribes_twice_is_told_once(agency: Agency, callback: Subscriber):
    await subscribe(agency, callback, RSS)
    await subscribe(agency, callback, RSS, lease_seconds="7200")
    (lease,) = await held(agency)
    assert lease.expires - lease.verified == 7200 * 1_000_000

    await agency.publish("urn:one")
    await callback.deliveries(1)
    await until(agency, lambda held: held[0].delivered is not None)
    await agency.publish("urn:two")
    await callback.deliveries(2)

    assert [b"urn:two" in sent.body for sent in callback.delivered] == [False, True]


async def test_104_who_unsubscribes_is_asked_and_then_told_nothing(
    agency: Agency, callback: Subscriber
):
    await subscribe(agency, callback, RSS)
    assert (await ask(agency, callback.url, RSS, "unsubscribe"))[0] == 202
    await until(agency, lambda held: not held)

    _, question = callback.asked
    assert question.query["hub.mode"] == "unsubscribe"
    assert "hub.lease_seconds" not in question.query

    other = f"{PUBLIC_URL}/en/latest.json"
    await subscribe(agency, callback, other)
    await agency.publish("urn:one")
    (sent,) = await callback.deliveries(1)
    assert LINK.findall(sent.headers["Link"])[1] == (other, "self")


async def test_h5_what_is_not_verified_changes_nothing(agency: Agency, callback: Subscriber):
    await subscribe(agency, callback, RSS)
    before = await held(agency)

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=404)

    callback.on_verification = refuse
    for mode in ("subscribe", "unsubscribe"):
        assert (await ask(agency, callback.url, RSS, mode, lease_seconds="7200"))[0] == 202
        await callback.questions(2 if mode == "subscribe" else 3)
        await no_intent_is_left(agency)

    assert await held(agency) == before


async def no_intent_is_left(agency: Agency) -> None:
    async with asyncio.timeout(10):
        while True:
            async with agency.services.database.reading() as connection:
                if not await leases.waiting(connection):
                    return
            await asyncio.sleep(0.01)


async def test_h10_h26_the_query_of_a_callback_is_kept(agency: Agency, callback: Subscriber):
    callback.url += "?token=a%2Fb&hub.mode=mine"
    await subscribe(agency, callback, RSS)
    await agency.publish("urn:one")
    await callback.deliveries(1)

    assert callback.asked[0].raw_query.startswith("token=a%2Fb&hub.mode=mine&hub.mode=subscribe&")
    assert callback.delivered[0].raw_query == "token=a%2Fb&hub.mode=mine"


async def test_h14_the_answer_says_nothing_of_what_is_found_out_later(
    agency: Agency, callback: Subscriber
):
    key = await agency.feed_key(await agency.subscriber("gazette", "sport"))
    topics = [RSS, f"{PUBLIC_URL}/en/none.rss", f"{PUBLIC_URL}{key}/en/latest.rss"]
    unknown = f"{key[:-4]}aaaa"
    topics.append(f"{PUBLIC_URL}{unknown}/en/latest.rss")

    answers = {await ask(agency, f"{callback.url}{n}", topic) for n, topic in enumerate(topics)}

    assert len(answers) == 1
    questions = await callback.questions(4)
    told = {one.query["hub.topic"]: one.query for one in questions}
    assert [told[topic]["hub.mode"] for topic in topics] == [
        "subscribe",
        "denied",
        "subscribe",
        "denied",
    ]
    assert told[topics[1]]["hub.reason"] == "there is no such feed"


async def test_h18_h19_who_lapses_is_told_so_and_nothing_else(agency: Agency, callback: Subscriber):
    day = 86_400_000_000
    ends = agency.clock.now + day
    key = await agency.feed_key(await agency.subscriber("gazette", "sport", ends=ends))
    topic = f"{PUBLIC_URL}{key}/en/topics/sport.json"
    await subscribe(agency, callback, topic)
    await agency.publish("urn:one")
    (sent,) = await callback.deliveries(1)
    await check(agency, sent, topic)

    agency.clock.now = ends
    # Nothing happens on the wire: the clock alone ends it.
    _, denial = await callback.questions(2)

    assert denial.query == {
        "hub.mode": "denied",
        "hub.topic": topic,
        "hub.reason": "the subscription is ended",
    }
    await until(agency, lambda held: not held)
    assert len(callback.delivered) == 1


async def test_h22_a_lease_ends_when_it_was_said_to(agency: Agency, callback: Subscriber):
    await subscribe(agency, callback, RSS, lease_seconds="3600")
    await subscribe(agency, callback, JSON, lease_seconds="7200")
    agency.clock.advance(3_600_000_000)

    await agency.publish("urn:one")

    (sent,) = await callback.deliveries(1)
    assert sent.headers["Content-Type"].startswith("application/feed+json")
    await until(agency, lambda held: len(held) == 1)


async def answering(status: int, **headers: str) -> web.Response:
    return web.Response(status=status, headers=headers)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 500, 503])
async def test_h27_h29_whatever_is_no_2xx_has_failed_and_is_tried_again(
    agency: Agency, callback: Subscriber, status: int
):
    await subscribe(agency, callback, RSS)
    callback.on_delivery = lambda _: answering(status, Location=callback.url + "/other")

    await agency.publish("urn:one")
    await until(agency, lambda held: held[0].standing.failures == 1)
    callback.on_delivery = None
    agency.clock.advance(120_000_000)

    sent = await callback.deliveries(2)
    assert [one.path for one in sent] == ["/callback", "/callback"]
    assert sent[0].body == sent[1].body
    await until(agency, lambda held: held[0].standing.failures == 0)


async def test_whoever_took_a_kill_is_known_to_have_it_and_nobody_before(
    agency: Agency, callback: Subscriber
):
    key = await agency.feed_key(await agency.subscriber("gazette", "sport"))
    await subscribe(agency, callback, f"{PUBLIC_URL}{key}/en/topics/sport.json")
    await agency.publish("urn:one")
    await until(agency, lambda held: held[0].delivered is not None)
    callback.on_delivery = lambda _: answering(503)
    await agency.publish("urn:one", version="2", pubstatus="canceled")
    await until(agency, lambda held: held[0].standing.failures == 1)
    kills = agency.services.kills
    assert ((found := await kills.show("urn:one")).holders, found.waiting) == (1, 1)

    callback.on_delivery = None
    agency.clock.advance(120_000_000)
    await until(agency, lambda held: held[0].standing.failures == 0)

    assert ((found := await kills.show("urn:one")).holders, found.waiting) == (1, 0)


async def test_a_lease_is_sent_the_kill_of_what_its_owner_had_by_a_plan_it_lost(
    agency: Agency, callback: Subscriber
):
    await agency.subscriber("gazette", "sport", "economy")
    topic = f"{PUBLIC_URL}{await agency.feed_key('gazette')}/en/latest.json"
    await subscribe(agency, callback, topic)
    await agency.publish("urn:m", "economy")
    await callback.deliveries(1)
    await sell(agency, "sport")
    await callback.deliveries(2)
    await kill(agency, "urn:m")
    sent = (await callback.deliveries(3))[-1]
    await check(agency, sent, topic)
    assert [item["title"] for item in json.loads(sent.body)["items"]] == ["KILL: 2026-03-01"]


async def test_h27_a_410_ends_the_lease(agency: Agency, callback: Subscriber):
    await subscribe(agency, callback, RSS)
    callback.on_delivery = lambda _: answering(410)

    await agency.publish("urn:one")

    await until(agency, lambda held: not held)


async def test_what_was_superseded_while_a_callback_was_away_is_not_sent(
    agency: Agency, callback: Subscriber
):
    await subscribe(agency, callback, RSS)
    callback.on_delivery = lambda _: answering(503)
    await agency.publish("urn:one")
    await until(agency, lambda held: held[0].standing.failures == 1)
    callback.on_delivery = None
    for version in ("2", "3", "4"):
        await agency.publish("urn:one", version=version, headline=f"Version {version}")
    agency.clock.advance(120_000_000)

    _, sent = await callback.deliveries(2)
    assert b"Version 4" in sent.body
    await until(agency, lambda held: held[0].standing.failures == 0)
    assert len(callback.delivered) == 2


async def test_nothing_is_sent_where_nothing_changed_for_who_is_told(
    agency: Agency, callback: Subscriber
):
    await subscribe(agency, callback, f"{PUBLIC_URL}/en/topics/sport.rss")
    # The public has nothing of the economy.
    await agency.publish("urn:hidden", "economy")
    await until(agency, lambda held: held[0].position == agency.services.follower.position)
    await agency.publish("urn:shown", "sport")

    (sent,) = await callback.deliveries(1)
    assert b"urn:shown" in sent.body


async def test_a_token_opens_a_subscribers_feed_and_is_judged_by_its_row(
    agency: Agency, callback: Subscriber
):
    token = await agency.token(await agency.subscriber("gazette", "sport"))
    topic = f"{PUBLIC_URL}/subscriber/en/topics/sport.atom"
    assert (await ask(agency, callback.url, topic))[0] == 401
    await subscribe(agency, callback, topic, headers=token)
    await agency.publish("urn:one")
    (sent,) = await callback.deliveries(1)
    await check(agency, sent, topic, **token)

    (row,) = await agency.services.tokens.all("gazette")
    await agency.services.tokens.revoke(row.jti)
    _, denial = await callback.questions(2)

    assert denial.query["hub.mode"] == "denied"
    await until(agency, lambda held: not held)
