"""Webhooks: each change its subscriber hears of, signed, in order, until it is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import update

from tests.support.agency import DAY, HOUR, Agency, iso, running, settings_in
from tests.support.callbacks import subscriber
from tests.support.receivers import Receiver, at_rest, is_signed, receiving
from wirefeed.config import OutboundSettings
from wirefeed.domain.cursors import Following
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.plans import Subscription
from wirefeed.domain.terms import Terms
from wirefeed.domain.webhooks import MOST, Disabled, Webhook
from wirefeed.outbound.pace import AT_ONCE
from wirefeed.services.webhooks import Webhooks
from wirefeed.storage import webhook_tables as tables


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    settings = settings_in(tmp_path, outbound=OutboundSettings(private_networks=True))
    async with running(settings) as agency:
        await agency.subscriber("gazette", "sport")
        yield agency


@pytest.fixture
async def receiver(agency: Agency) -> AsyncIterator[Receiver]:
    async with receiving(agency, "gazette") as receiver:
        yield receiver


@pytest.fixture
def webhooks(agency: Agency) -> Webhooks:
    return agency.services.callbacks.webhooks


async def kill(agency: Agency, uri: str, version: str = "9") -> None:
    await agency.publish(uri, version=version, pubstatus="canceled")


async def settled(webhooks: Webhooks, receiver: Receiver, calls: int) -> Webhook:
    """Wait until so many calls are in the log; give the webhook as it then is."""
    async with asyncio.timeout(10):
        while len(await webhooks.log("gazette")) < calls:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)
    return await webhooks.get(receiver.webhook.id)


async def test_a_story_is_sent_as_the_subscriber_may_see_it(agency: Agency, receiver: Receiver):
    await agency.publish("urn:1")
    (said,) = await receiver.got(1)
    assert (said["uri"], said["version"]) == ("urn:1", "1")
    assert said["wirefeed"]["change"] == "publish"
    assert said["wirefeed"]["level"] == "full"
    assert "Paragraph 7 of urn:1" in said["bodies"][0]["value"]


async def test_it_is_signed_and_says_which_change_it_is(agency: Agency, receiver: Receiver):
    await agency.publish("urn:1")
    (seen,) = await receiver.at.deliveries(1)
    assert receiver.secret.startswith("whsec_")
    assert is_signed(seen, receiver.secret, agency.clock.now)
    assert not is_signed(seen, f"whsec_{'A' * 44}", agency.clock.now)
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["webhook-id"].startswith("msg_")


async def test_changes_come_in_order_and_one_at_a_time(agency: Agency, receiver: Receiver):
    at_once = most = 0

    async def slow(_: web.Request) -> web.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return web.Response(status=204)

    receiver.at.on_delivery = slow
    for number in range(60):
        await agency.publish(f"urn:{number}")
    await receiver.got(60)
    assert receiver.changes == [("publish", f"urn:{n}") for n in range(60)]
    assert len(set(receiver.ids)) == 60
    assert most == 1


async def test_what_is_not_taken_comes_again_under_the_same_id_and_nothing_before_it(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    receiver.answers(500, 302, 204)
    await agency.publish("urn:1")
    await receiver.got(1)
    await agency.publish("urn:2")
    held = await settled(webhooks, receiver, 1)
    assert (held.standing.failures, held.standing.reason, held.status) == (1, "status", 500)
    for calls in (2, 3):
        agency.clock.advance(6 * HOUR)
        agency.services.callbacks.delivery.wake()
        held = await settled(webhooks, receiver, calls)
    await receiver.got(4)
    assert receiver.changes == [*[("publish", "urn:1")] * 3, ("publish", "urn:2")]
    assert len(set(receiver.ids)) == 2
    held = await settled(webhooks, receiver, 4)
    assert (held.standing.failures, held.status) == (0, 204)


async def test_the_end_of_what_is_followed_is_sent_whatever_waits_behind_it(agency: Agency):
    await agency.subscriber("herald", "everything")
    async with receiving(agency, "herald", Following(topics=frozenset({"sport"}))) as receiver:
        await agency.publish("urn:1")
        await receiver.got(1)
        receiver.answers(500, 204)
        await agency.publish("urn:2")
        await receiver.got(2)
        await agency.publish("urn:1", "economy", version="2")
        await agency.publish("urn:1", "economy", version="3")
        agency.clock.advance(HOUR)
        agency.services.callbacks.delivery.wake()
        said = await receiver.got(4)
    assert receiver.changes[2:] == [("publish", "urn:2"), ("withhold", "urn:1")]
    assert (said[-1]["version"], said[-1]["pubStatus"]) == ("2", "withheld")


async def test_of_what_waits_only_the_newest_version_is_sent(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    receiver.answers(500, 204)
    await agency.publish("urn:first")
    await settled(webhooks, receiver, 1)
    for version in ("1", "2", "3"):
        await agency.publish("urn:1", version=version, headline=f"Headline {version}")
        await agency.publish(f"urn:other {version}")
    agency.clock.advance(HOUR)
    agency.services.callbacks.delivery.wake()
    said = await receiver.got(6)
    assert receiver.changes[2:] == [
        ("publish", "urn:other 1"),
        ("publish", "urn:other 2"),
        ("update", "urn:1"),
        ("publish", "urn:other 3"),
    ]
    assert said[4]["version"] == "3"
    assert said[4]["headlines"][0]["value"] == "Headline 3"


async def test_a_kill_goes_before_all_that_waits_and_once(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    receiver.answers(500)
    await agency.publish("urn:first")
    await settled(webhooks, receiver, 1)
    for name in ("a", "b", "c"):
        await agency.publish(f"urn:{name}")
    await kill(agency, "urn:b")
    # It does not wait for the hour after which the rest is tried again.
    said = await receiver.got(2)
    assert receiver.changes[1] == ("kill", "urn:b")
    assert "Paragraph" not in str(said[1])
    await agency.publish("urn:d")
    receiver.answers(204)
    agency.clock.advance(HOUR)
    agency.services.callbacks.delivery.wake()
    await receiver.got(7)
    assert receiver.changes[2:] == [
        ("kill", "urn:b"),
        ("publish", "urn:first"),
        ("publish", "urn:a"),
        ("publish", "urn:c"),
        ("publish", "urn:d"),
    ]
    await agency.publish("urn:e")
    await receiver.got(8)
    assert receiver.changes[7] == ("publish", "urn:e")


async def test_whoever_took_a_kill_is_known_to_have_it(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    await agency.publish("urn:1")
    await receiver.got(1)
    await settled(webhooks, receiver, 1)
    receiver.answers(500, 204)
    await kill(agency, "urn:1")
    await settled(webhooks, receiver, 2)
    kills = agency.services.kills
    assert ((found := await kills.show("urn:1")).holders, found.waiting) == (1, 1)
    agency.clock.advance(HOUR)
    agency.services.callbacks.delivery.wake()
    await settled(webhooks, receiver, 3)
    assert ((found := await kills.show("urn:1")).holders, found.waiting) == (1, 0)


async def test_one_that_stalls_or_fails_holds_up_nobody(agency: Agency):
    stalled = asyncio.Event()

    async def stall(_: web.Request) -> web.Response:
        await stalled.wait()
        return web.Response()

    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=500)

    webhooks = agency.services.callbacks.webhooks
    async with AsyncExitStack() as running:
        fine = []
        for number in range(24):
            at = await running.enter_async_context(subscriber(host=f"127.0.1.{number + 1}"))
            at.on_delivery = (None, stall, fail)[number % 3]
            await webhooks.add("gazette", at.url)
            fine += [at] if number % 3 == 0 else []
        for number in range(10):
            await agency.publish(f"urn:{number}")
        for at in fine:
            await at.deliveries(10)
        stalled.set()
        failing = [one.standing.failures for one in await webhooks.all("gazette")]
        assert failing.count(1) >= 8


async def test_who_is_suspended_before_it_is_sent_is_sent_nothing(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    receiver.answers(500, 204)
    await agency.publish("urn:1")
    await settled(webhooks, receiver, 1)
    accounts = agency.services.accounts
    await accounts.suspend("gazette")
    await kill(agency, "urn:1")
    await agency.publish("urn:2")
    agency.clock.advance(HOUR)
    async with receiving(agency, await agency.subscriber("other", "sport")) as other:
        await agency.publish("urn:3")
        # Whoever still has something is told, so the wire has been looked at.
        await other.got(1)
    held = await webhooks.get(receiver.webhook.id)
    assert held.place.paused_until > agency.clock.now
    assert len(receiver.at.delivered) == 1

    await accounts.suspend("gazette", suspended=False)
    await receiver.got(4)
    assert receiver.changes[1:] == [("kill", "urn:1"), ("publish", "urn:2"), ("publish", "urn:3")]


async def test_who_has_nothing_is_let_be_until_that_changes(agency: Agency, receiver: Receiver):
    await agency.services.accounts.suspend("gazette")
    await at_rest(agency)
    await agency.publish("urn:1")
    await at_rest(agency)
    await agency.services.accounts.suspend("gazette", suspended=False)
    await receiver.got(1)


async def test_whose_subscription_ends_by_the_clock_is_sent_nothing_from_then_on(agency: Agency):
    ends = agency.clock.now + HOUR
    await agency.subscriber("trial", "sport", ends=ends)
    async with receiving(agency, "trial") as trial, receiving(agency, "gazette") as other:
        await agency.publish("urn:1")
        await trial.got(1)
        agency.clock.now = ends
        await agency.publish("urn:2")
        await other.got(2)
        assert trial.changes == [("publish", "urn:1")]


async def test_what_is_not_covered_is_not_sent_and_what_leaves_is_withheld(
    agency: Agency, receiver: Receiver
):
    await agency.publish("urn:sport")
    await agency.publish("urn:economy", "economy")
    await receiver.got(1)
    await agency.publish("urn:sport", "economy", version="2", headline="Secret now")
    said = await receiver.got(2)
    assert receiver.changes == [("publish", "urn:sport"), ("withhold", "urn:sport")]
    assert "Secret" not in str(said)


async def test_a_webhook_may_want_less(agency: Agency):
    await agency.subscriber("all", "everything")
    wanted = Following(topics=frozenset({"economy"}), languages=frozenset({"tr"}))
    async with receiving(agency, "all", wanted) as receiver:
        await agency.publish("urn:1", "economy")
        await agency.publish("urn:2", "sport", language="tr")
        await agency.publish("urn:3", "economy", language="tr")
        await receiver.got(1)
        await agency.publish("urn:3", "sport", language="tr", version="2")
        await receiver.got(2)
        assert receiver.changes == [("publish", "urn:3"), ("withhold", "urn:3")]


async def test_an_embargo_is_kept_and_its_end_is_told(agency: Agency, receiver: Receiver):
    release = agency.clock.now + HOUR
    await agency.subscriber("early", "everything")
    async with receiving(agency, "early") as early:
        await agency.publish("urn:1", embargoed=iso(release))
        (said,) = await early.got(1)
        assert said["wirefeed"]["embargoed"] is True
        await agency.publish("urn:2")
        await receiver.got(1)
        agency.clock.now = release
        await early.got(3)
        await receiver.got(2)
    assert early.changes[1:] == [("publish", "urn:2"), ("release", "urn:1")]
    # Who knew of no embargo hears of none.
    assert receiver.changes == [("publish", "urn:2"), ("publish", "urn:1")]


async def test_that_something_else_may_be_seen_is_told_before_it_is(
    agency: Agency, receiver: Receiver
):
    await agency.publish("urn:1")
    await receiver.got(1)
    held = await agency.services.accounts.subscriber("gazette")
    more = Subscription(plan="economy", starts=agency.clock.now)
    await agency.services.accounts.put_subscriber(
        replace(held, subscriptions=(*held.subscriptions, more))
    )
    await agency.publish("urn:2", "economy")
    said = await receiver.got(3)
    assert receiver.changes[1:] == [("entitlement", "entitlement"), ("publish", "urn:2")]
    assert said[1]["wirefeed"]["backfill"]


async def add_plan(agency: Agency, *plans: str) -> None:
    held = await agency.services.accounts.subscriber("gazette")
    wanted = tuple(Subscription(plan=plan, starts=agency.clock.now) for plan in ("sport", *plans))
    await agency.services.accounts.put_subscriber(replace(held, subscriptions=wanted))


async def test_that_it_changed_has_one_id_however_often_it_is_sent(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    await agency.publish("urn:1")
    await receiver.got(1)
    await settled(webhooks, receiver, 1)
    receiver.answers(500, 204)
    await add_plan(agency, "economy")
    await settled(webhooks, receiver, 2)
    # What comes meanwhile goes ahead of it, or waits for it.
    await agency.publish("urn:2", "economy")
    await kill(agency, "urn:1")
    await receiver.got(3)
    agency.clock.advance(HOUR)
    agency.services.callbacks.delivery.wake()
    await receiver.got(5)
    # It changes back, and once more: that is other news.
    for number, plans in enumerate([(), ("economy",)]):
        await add_plan(agency, *plans)
        await receiver.got(6 + number)

    told = [(change, id_) for (change, _), id_ in zip(receiver.changes, receiver.ids, strict=True)]
    assert [change for change, _ in told] == [
        *("publish", "entitlement", "kill", "entitlement", "publish"),
        *("entitlement", "entitlement"),
    ]
    ids = [id_ for change, id_ in told if change == "entitlement"]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_who_lost_a_plan_hears_of_the_kill_of_what_it_was_sent_by_it_and_of_no_other(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    await agency.publish("urn:sport")
    await receiver.got(1)
    await add_plan(agency, "economy")
    await agency.publish("urn:had", "economy")
    await receiver.got(3)
    await settled(webhooks, receiver, 3)
    agency.clock.advance(HOUR)
    await add_plan(agency)
    await receiver.got(4)
    await settled(webhooks, receiver, 4)
    agency.clock.advance(HOUR)
    await agency.publish("urn:later", "economy")
    receiver.answers(500, 204)
    await agency.publish("urn:waits")
    await settled(webhooks, receiver, 5)

    await agency.services.newsdesk.kill("urn:had")
    said = await receiver.got(7)
    await agency.services.newsdesk.kill("urn:later")
    await at_rest(agency)

    assert receiver.changes[4:] == [
        ("publish", "urn:waits"),
        ("kill", "urn:had"),
        ("publish", "urn:waits"),
    ]
    # The name, and nothing else of what it may see no more.
    assert said[5] == {
        "uri": "urn:had",
        "version": "2",
        "pubStatus": "canceled",
        "wirefeed": {"change": "kill"},
    }
    await settled(webhooks, receiver, 7)
    assert (await agency.services.kills.show("urn:had")).waiting == 0
    assert len(receiver.at.delivered) == 7


# --- secrets -------------------------------------------------------------------------------------


async def test_two_secrets_sign_until_the_overlap_is_over(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    new = (await webhooks.rotate(receiver.webhook.id, overlap=HOUR)).secret
    assert new != receiver.secret
    await agency.publish("urn:1")
    await receiver.got(1)
    agency.clock.advance(HOUR)
    await agency.publish("urn:2")
    first, second = await receiver.at.deliveries(2)
    now = agency.clock.now
    assert first.headers["webhook-signature"].count(" ") == 1
    assert is_signed(first, new, now - HOUR)
    assert is_signed(first, receiver.secret, now - HOUR)
    assert is_signed(second, new, now)
    assert not is_signed(second, receiver.secret, now)


async def test_secrets_are_rotated_under_load_and_nothing_comes_unsigned(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    held, believed = receiver.secret, []

    async def verify(_: web.Request) -> web.Response:
        # By the one secret that the partner has installed so far.
        believed.append(is_signed(receiver.at.delivered[-1], held, agency.clock.now))
        return web.Response(status=204)

    receiver.at.on_delivery = verify
    for number in range(40):
        await agency.publish(f"urn:{number}")
        if number % 10 == 5:
            new = await webhooks.rotate(receiver.webhook.id, overlap=HOUR)
            await agency.publish(f"urn:{number} between")
            held = new.secret
    await agency.publish("urn:last")
    # The last one comes when the one before was answered.
    await receiver.got(45)
    assert believed[:44] == [True] * 44


async def test_a_rotation_without_overlap_ends_the_old_secret_at_once(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    new = (await webhooks.rotate(receiver.webhook.id, overlap=0)).secret
    await agency.publish("urn:1")
    (seen,) = await receiver.at.deliveries(1)
    assert is_signed(seen, new, agency.clock.now)
    assert not is_signed(seen, receiver.secret, agency.clock.now)


async def test_no_secret_is_in_the_database(agency: Agency, receiver: Receiver, webhooks: Webhooks):
    await webhooks.rotate(receiver.webhook.id)
    secret = receiver.secret.removeprefix("whsec_")
    content = agency.file.read_bytes()
    assert receiver.webhook.id.encode() in content
    assert secret.encode() not in content


# --- the end of one ------------------------------------------------------------------------------


async def test_a_410_is_the_end_of_it(agency: Agency, receiver: Receiver, webhooks: Webhooks):
    receiver.answers(410)
    await agency.publish("urn:1")
    held = await settled(webhooks, receiver, 1)
    assert (held.disabled, held.reason) == (agency.clock.now, Disabled.GONE)
    await agency.publish("urn:2")
    await kill(agency, "urn:1")
    async with receiving(agency, "gazette") as other:
        await agency.publish("urn:3")
        await other.got(1)
    assert len(receiver.at.delivered) == 1
    with pytest.raises(Conflict, match="410"):
        await webhooks.replay(receiver.webhook.id, agency.clock.now - DAY)


async def test_one_that_is_removed_is_sent_nothing(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    await agency.publish("urn:1")
    await receiver.got(1)
    await webhooks.remove(receiver.webhook.id)
    async with receiving(agency, "gazette") as other:
        await agency.publish("urn:2")
        await other.got(1)
    assert len(receiver.at.delivered) == 1
    with pytest.raises(NotFound):
        await webhooks.get(receiver.webhook.id)
    # What was sent is known all the same.
    assert [one.about for one in await webhooks.log("gazette")][-1] == "urn:1"


async def test_a_stolen_token_leaves_no_webhook_behind(agency: Agency, webhooks: Webhooks):
    issued = await agency.services.tokens.issue(Terms(subscriber="gazette", days=9))
    jti = issued.row.jti
    own = await webhooks.add("gazette", "https://thief.example/", token=jti)
    kept = await webhooks.add("gazette", "https://gazette.example/")
    await agency.services.tokens.revoke(jti, derived=False)
    assert len(await webhooks.all("gazette")) == 2
    await agency.services.tokens.revoke(jti)
    assert [one.id for one in await webhooks.all("gazette")] == [kept.row.id]
    assert own.row.id != kept.row.id


# --- sent once more ------------------------------------------------------------------------------


async def test_what_an_attempt_sent_is_sent_once_more_as_it_now_is(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    await agency.publish("urn:1")
    await agency.publish("urn:2")
    await receiver.got(2)
    await settled(webhooks, receiver, 2)
    _, first = await webhooks.log("gazette")
    assert (first.about, first.status, first.reason) == ("urn:1", 200, "")
    await webhooks.repeat(receiver.webhook.id, first.id)
    await receiver.got(3)
    assert receiver.changes[2] == ("publish", "urn:1")
    assert receiver.ids[2] == receiver.ids[0]
    # A newer version says all of it.
    await agency.publish("urn:1", version="2")
    await receiver.got(4)
    await webhooks.repeat(receiver.webhook.id, first.id)
    await agency.publish("urn:3")
    await receiver.got(5)
    assert receiver.changes[3:] == [("update", "urn:1"), ("publish", "urn:3")]


async def test_what_was_announced_since_a_time_is_sent_once_more_in_order(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    await agency.publish("urn:1")
    await agency.publish("urn:2")
    since = agency.clock.now
    await agency.publish("urn:3")
    await receiver.got(3)
    await kill(agency, "urn:2")
    await receiver.got(4)
    await settled(webhooks, receiver, 4)
    await webhooks.replay(receiver.webhook.id, since)
    await receiver.got(6)
    assert receiver.changes[4:] == [("kill", "urn:2"), ("publish", "urn:3")]
    assert set(receiver.ids[4:]) == set(receiver.ids[2:4])


async def test_what_came_before_a_webhook_is_of_the_archive(agency: Agency, webhooks: Webhooks):
    await agency.publish("urn:old")
    agency.clock.advance(10 * DAY)
    await agency.publish("urn:new")
    await reaching_back(agency, 5)
    async with receiving(agency, "gazette") as receiver:
        await webhooks.replay(receiver.webhook.id, 0)
        await receiver.got(1)
        await agency.publish("urn:now")
        await receiver.got(2)
        assert receiver.changes == [("publish", "urn:new"), ("publish", "urn:now")]


async def test_a_kill_that_came_in_a_long_lapse_is_sent_first_however_far_archives_reach(
    agency: Agency, webhooks: Webhooks
):
    await reaching_back(agency, 7)
    async with receiving(agency, "gazette") as receiver:
        await agency.publish("urn:1")
        await receiver.got(1)
        await settled(webhooks, receiver, 1)
        await agency.services.accounts.suspend("gazette")
        await at_rest(agency)
        agency.clock.advance(DAY)
        await agency.publish("urn:old")
        await kill(agency, "urn:1")
        agency.clock.advance(8 * DAY)
        await agency.services.accounts.suspend("gazette", suspended=False)
        await agency.publish("urn:new")
        await receiver.got(3)
    assert receiver.changes == [("publish", "urn:1"), ("kill", "urn:1"), ("publish", "urn:new")]
    assert (await agency.services.kills.show("urn:1")).waiting == 0


async def reaching_back(agency: Agency, days: int) -> None:
    """Let the archives of sport reach so far."""
    for name in ("sport", "public"):
        plan = await agency.services.plans.get(name)
        grants = tuple(replace(grant, archive_days=days) for grant in plan.grants)
        await agency.services.plans.put(replace(plan, grants=grants))


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "ftp://gazette.example/",
        "https://gazette.example:22/",
        "https://user:pass@gazette.example/",
        "https://169.254.169.254/",
        "gazette.example",
    ],
)
async def test_an_address_that_is_not_called_from_here_is_refused(tmp_path: Path, url: str):
    async with running(settings_in(tmp_path)) as agency:
        await agency.subscriber("gazette", "sport")
        with pytest.raises(Unacceptable) as refused:
            await agency.services.callbacks.webhooks.add("gazette", url)
        assert refused.value.field == "url"
        assert refused.value.remedy
        assert await agency.services.callbacks.webhooks.all() == []


async def test_nobody_has_more_than_so_many(agency: Agency, webhooks: Webhooks):
    for number in range(MOST):
        await webhooks.add("gazette", f"https://gazette.example/{number}")
    with pytest.raises(Conflict, match="remove one"):
        await webhooks.add("gazette", "https://gazette.example/more")


async def test_what_is_anothers_is_not_there(agency: Agency, webhooks: Webhooks):
    await agency.subscriber("other", "sport")
    own = (await webhooks.add("gazette", "https://gazette.example/")).row
    for work in (
        webhooks.get(own.id, of="other"),
        webhooks.rotate(own.id, of="other"),
        webhooks.remove(own.id, of="other"),
        webhooks.replay(own.id, 0, of="other"),
        webhooks.repeat(own.id, 1, of="other"),
        webhooks.repeat(own.id, 1),
        webhooks.log("nobody"),
    ):
        with pytest.raises(NotFound):
            await work
    assert (await webhooks.get(own.id)).secret == own.secret


async def test_one_whose_secret_does_not_open_waits_like_any_that_fails(
    agency: Agency, receiver: Receiver, webhooks: Webhooks
):
    """As after a restore beside another master key: it is seen to fail, and keeps nobody busy."""
    async with agency.services.database.writing() as connection:
        await connection.execute(update(tables.webhooks).values(secret=b"another key's"))
    await agency.services.accounts.suspend("gazette", suspended=False)

    await agency.publish("urn:1")

    held = await settled(webhooks, receiver, 1)
    (attempt,) = await webhooks.log("gazette")
    assert (attempt.status, attempt.reason) == (0, "secret")
    assert (held.standing.failures, held.standing.reason) == (1, "secret")
    assert held.standing.again > agency.clock()
    assert receiver.at.delivered == []


async def test_a_kill_is_sent_while_everything_else_waits_for_its_turn(
    agency: Agency, receiver: Receiver
):
    await agency.publish("urn:1")
    await receiver.got(1)
    begun = agency.services.outbound.calls._pace._begun
    for _ in range(AT_ONCE):
        await begun.acquire()
    await kill(agency, "urn:1")
    said = await receiver.got(2)
    assert said[-1]["wirefeed"]["change"] == "kill"
    await agency.publish("urn:2")
    assert begun.locked()
    for _ in range(AT_ONCE):
        begun.release()
    assert (await receiver.got(3))[-1]["uri"] == "urn:2"
