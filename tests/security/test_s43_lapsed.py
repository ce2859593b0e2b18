"""S-43: nobody is sent by a right that has ended, whatever was under way when it did."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.agency import PUBLIC_URL, Agency, running, settings_in
from tests.support.callbacks import Seen, Subscriber, subscriber
from tests.support.certificates import certificate
from tests.support.hub import held, subscribe
from tests.support.receivers import at_rest, is_signed
from tests.support.thresholds import Threshold, threshold
from wirefeed.config import OutboundSettings
from wirefeed.domain.access import Level

pytestmark = pytest.mark.asyncio(loop_scope="function")

#: At the end of the story, where no teaser reaches.
TEXT = b"Paragraph 7 of urn:1"
TOPIC = "en/topics/sport.json"


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    settings = settings_in(tmp_path, outbound=OutboundSettings(private_networks=True))
    async with running(settings) as agency:
        await agency.subscriber("gazette", "sport")
        yield agency


@pytest.fixture
async def callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subscriber]:
    file, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with subscriber(tls=context) as one:
        yield one


@pytest.fixture
async def slow(callback: Subscriber) -> AsyncIterator[Threshold]:
    """A way to the callback on which connecting takes as long as it is closed."""
    port = callback.url.rpartition(":")[2].partition("/")[0]
    async with threshold(int(port)) as slow:
        callback.url = callback.url.replace(f":{port}/", f":{slow.port}/")
        yield slow


# --- what ends --------------------------------------------------------------------------------


async def suspend(agency: Agency) -> None:
    await agency.services.accounts.suspend("gazette")


async def downgrade(agency: Agency) -> None:
    await _put(agency, level=Level.SUMMARY)


async def remove_the_topic(agency: Agency) -> None:
    await _put(agency, topics=frozenset({"politics"}))


async def _put(agency: Agency, **changes: object) -> None:
    plan = await agency.services.plans.get("sport")
    (grant,) = plan.grants
    grants = (replace(grant, **changes),)  # type: ignore[arg-type]
    await agency.services.plans.put(replace(plan, grants=grants))


async def kill(agency: Agency) -> None:
    await agency.services.newsdesk.kill("urn:1")


async def withhold(agency: Agency) -> None:
    await agency.services.newsdesk.withhold("urn:1")


End = Callable[[Agency], Awaitable[None]]
ENDS: list[End] = [suspend, downgrade, remove_the_topic, kill, withhold]


async def ended(agency: Agency, end: End) -> None:
    """Return when whoever did this would be told that it is done."""
    await end(agency)
    await agency.services.follower.in_force()


# --- while the connection is made -------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS)
async def test_s43_a_webhook_is_not_sent_what_it_lost_while_it_was_connected_to(
    agency: Agency, callback: Subscriber, slow: Threshold, end: End
):
    await agency.services.callbacks.webhooks.add("gazette", callback.url)
    await agency.publish("urn:1")
    await slow.came(1)

    await ended(agency, end)
    slow.open()

    await at_rest(agency)
    assert not [seen for seen in callback.delivered if TEXT in seen.body]
    assert len(callback.delivered) == SENT[end]


#: What comes in its place: the teaser, or that it went.
SENT: dict[End, int] = {suspend: 0, downgrade: 1, remove_the_topic: 1, kill: 1, withhold: 1}


@pytest.mark.parametrize("end", ENDS)
async def test_s43_a_lease_is_not_sent_what_it_lost_while_it_was_connected_to(
    agency: Agency, callback: Subscriber, slow: Threshold, end: End
):
    slow.open()
    key = await agency.feed_key("gazette")
    await subscribe(agency, callback, f"{PUBLIC_URL}{key}/{TOPIC}")
    slow.close()
    taken = slow.taken
    await agency.publish("urn:1")
    await slow.came(taken + 1)

    await ended(agency, end)
    slow.open()

    await at_rest(agency)
    assert not [seen for seen in callback.delivered if TEXT in seen.body]
    denials = [seen.query for seen in callback.asked if seen.query["hub.mode"] == "denied"]
    assert len(denials) == (end is suspend)
    assert len(await held(agency)) == (end is not suspend)


async def test_s43_nor_what_it_lost_in_another_process(
    agency: Agency, callback: Subscriber, slow: Threshold
):
    await agency.services.callbacks.webhooks.add("gazette", callback.url)
    await agency.publish("urn:1")
    await slow.came(1)

    async with running(agency.settings, agency.clock) as other:
        await ended(other, suspend)
        slow.open()
        await at_rest(agency)
    assert callback.delivered == []


async def test_s43_what_ends_for_others_holds_nobody_up(
    agency: Agency, callback: Subscriber, slow: Threshold
):
    """What was judged again and came to the same is sent over the connection that was made."""
    added = await agency.services.callbacks.webhooks.add("gazette", callback.url)
    await agency.publish("urn:0", "economy")
    await agency.publish("urn:1")
    await slow.came(1)

    await agency.subscriber("herald", "everything")
    await agency.services.accounts.suspend("herald")
    await agency.services.newsdesk.kill("urn:0")
    await agency.services.follower.in_force()
    slow.open()

    (seen,) = await callback.deliveries(1)
    assert TEXT in seen.body
    assert is_signed(seen, added.secret, agency.clock.now)
    assert_whole(seen)
    await at_rest(agency)
    assert slow.taken == 1


def assert_whole(seen: Seen) -> None:
    assert int(seen.headers["Content-Length"]) == len(seen.body)


async def test_s43_a_secret_that_was_replaced_meanwhile_signs_nothing(
    agency: Agency, callback: Subscriber, slow: Threshold
):
    webhooks = agency.services.callbacks.webhooks
    added = await webhooks.add("gazette", callback.url)
    await agency.publish("urn:1")
    await slow.came(1)

    new = await webhooks.rotate(added.row.id, overlap=0)
    slow.open()

    (seen,) = await callback.deliveries(1)
    assert is_signed(seen, new.secret, agency.clock.now)


async def test_s43_one_that_was_removed_meanwhile_is_sent_nothing(
    agency: Agency, callback: Subscriber, slow: Threshold
):
    webhooks = agency.services.callbacks.webhooks
    added = await webhooks.add("gazette", callback.url)
    await agency.publish("urn:1")
    await slow.came(1)

    await webhooks.remove(added.row.id)
    slow.open()

    await at_rest(agency)
    assert callback.delivered == []


# --- while it is sent -------------------------------------------------------------------------

END = b"Its very end."


def long_story() -> str:
    paragraphs = (f"<p>Paragraph {n} of urn:1 {'goes on and on ' * 60}.</p>" for n in range(600))
    return f"{''.join(paragraphs)}<p>{END.decode()}</p>"


@pytest.fixture
async def plain() -> AsyncIterator[tuple[Subscriber, Threshold]]:
    """A callback without TLS, and the way to it: what is sent leaves as far as it is taken."""
    async with subscriber() as one:
        port = one.url.rpartition(":")[2].partition("/")[0]
        async with threshold(int(port)) as slow:
            one.url = one.url.replace(f":{port}/", f":{slow.port}/")
            yield one, slow


@pytest.mark.parametrize("end", [suspend, kill])
async def test_s43_a_webhook_is_cut_off_in_the_middle_of_what_it_lost(
    agency: Agency, plain: tuple[Subscriber, Threshold], end: End
):
    callback, slow = plain
    await agency.services.callbacks.webhooks.add("gazette", callback.url)
    await agency.publish("urn:1", body_html=long_story())
    await slow.came(1)

    await ended(agency, end)
    slow.open()

    await at_rest(agency)
    assert b"webhook-signature" in slow.passed[0]
    assert not [passed for passed in slow.passed if END in passed]
    *_, cut = await agency.services.callbacks.webhooks.log("gazette")
    assert (cut.about, cut.status, cut.reason) == ("urn:1", 0, "cut")
    # That is no failure of whoever is called.
    (held,) = await agency.services.callbacks.webhooks.all("gazette")
    assert held.standing.failures == 0
    assert len(callback.delivered) == SENT[end]


async def test_s43_a_lease_is_cut_off_in_the_middle_of_what_it_lost(
    agency: Agency, plain: tuple[Subscriber, Threshold]
):
    callback, slow = plain
    slow.open()
    key = await agency.feed_key("gazette")
    await subscribe(agency, callback, f"{PUBLIC_URL}{key}/{TOPIC}")
    slow.close()
    taken = slow.taken
    await agency.publish("urn:1", body_html=long_story())
    await slow.came(taken + 1)

    await ended(agency, suspend)
    slow.open()

    await at_rest(agency)
    assert not [passed for passed in slow.passed if END in passed]
    assert callback.asked[-1].query["hub.mode"] == "denied"
    assert await held(agency) == []


async def test_s43_what_ends_for_others_cuts_nobody_off(
    agency: Agency, plain: tuple[Subscriber, Threshold]
):
    callback, slow = plain
    await agency.services.callbacks.webhooks.add("gazette", callback.url)
    await agency.publish("urn:0", "economy")
    await agency.publish("urn:1", body_html=long_story())
    await slow.came(1)

    await agency.subscriber("herald", "everything")
    await agency.services.accounts.suspend("herald")
    await agency.services.newsdesk.kill("urn:0")
    await agency.services.follower.in_force()
    slow.open()

    (seen,) = await callback.deliveries(1)
    assert END in seen.body
    assert_whole(seen)
    await at_rest(agency)
    assert slow.taken == 1
