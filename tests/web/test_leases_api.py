"""Leases of the hub by the API: who is told of what, how that goes, and that it ends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.agency import DAY, PUBLIC_URL, Agency, iso, running, settings_in
from tests.support.callbacks import Subscriber, subscriber
from tests.support.hub import held, subscribe, until
from wirefeed.config import OutboundSettings
from wirefeed.domain.deliveries import Standing
from wirefeed.storage import leases

LIST = "/api/v1/admin/leases"
#: A lease that is granted unless something else is asked for.
USUAL = 10 * DAY


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    settings = settings_in(tmp_path, outbound=OutboundSettings(private_networks=True))
    async with running(settings) as agency:
        await agency.subscriber("gazette", "sport")
        yield agency


@pytest.fixture
async def callback() -> AsyncIterator[Subscriber]:
    async with subscriber("/zq-path") as one:
        yield one


@pytest.fixture
async def address(agency: Agency) -> str:
    """Give the private address of a feed of gazette's."""
    return f"{PUBLIC_URL}{await agency.feed_key('gazette')}/en/topics/sport.json"


@pytest.fixture
async def admin(agency: Agency) -> dict[str, str]:
    return await agency.administrator()


async def listed(agency: Agency, who: dict[str, str], query: str = "") -> dict[str, Any]:
    return await agency.json(f"{LIST}{query}", **who)


async def end(agency: Agency, lease: str, who: dict[str, str]) -> int:
    async with agency.http.delete(f"{LIST}/{lease}", headers=who) as answer:
        return answer.status


def said(at: int) -> str:
    return iso(at).replace("+00:00", "Z")


async def fail(agency: Agency, lease: str) -> None:
    """Let a lease stand as one whose callback does not answer."""
    (one,) = [one for one in await held(agency) if one.id == lease]
    standing = Standing(
        failures=3, since=agency.clock.now, again=agency.clock.now + DAY, reason="timeout"
    )
    async with agency.services.database.writing() as connection:
        await leases.told(connection, [replace(one, standing=standing)])


async def test_a_lease_is_told_of_without_what_is_secret_of_it(
    agency: Agency, admin, callback: Subscriber, address: str
):
    await subscribe(agency, callback, address)
    (lease,) = await held(agency)
    found = await listed(agency, admin)
    (one,) = found["leases"]
    assert one == {
        "id": lease.id,
        "subscriber": "gazette",
        "feed_key": lease.owner.feed_key,
        "token": None,
        "door": "private",
        "feed": "en/topics/sport.json",
        "host": "127.0.0.1",
        "signed": False,
        "created": said(lease.created),
        "verified": said(lease.verified),
        "expires": said(lease.created + USUAL),
        "delivered": None,
        "current": True,
        "failures": 0,
        "failing_since": None,
        "failure": None,
        "next": None,
    }
    # An address that a callback has may be a secret of its subscriber's; so is the feed's.
    assert "zq-path" not in str(found)
    assert "wf_feed_" not in str(found)


async def test_it_says_what_was_told_and_what_failed(
    agency: Agency, admin, callback: Subscriber, address: str
):
    await subscribe(agency, callback, address)
    await agency.publish("urn:news:a")
    await callback.deliveries(1)
    await until(agency, lambda now: all(one.delivered for one in now))
    (one,) = (await listed(agency, admin))["leases"]
    assert one["delivered"] == said((await held(agency))[0].delivered or 0)
    await fail(agency, one["id"])
    (one,) = (await listed(agency, admin))["leases"]
    assert (one["failures"], one["failure"]) == (3, "timeout")
    assert one["failing_since"] == said(agency.clock.now)
    assert one["next"] == said(agency.clock.now + DAY)


async def test_leases_are_listed_in_parts_by_subscriber_and_by_how_they_do(
    agency: Agency, admin, callback: Subscriber, address: str
):
    for form in ("rss", "atom", "json"):
        await subscribe(agency, callback, f"{PUBLIC_URL}/en/latest.{form}")
    await subscribe(agency, callback, address)
    ids = sorted(one.id for one in await held(agency))
    seen: list[str] = []
    part = await listed(agency, admin, "?limit=3")
    while True:
        seen += [one["id"] for one in part["leases"]]
        if part["next"] is None:
            break
        part = await listed(agency, admin, f"?limit=3&after={part['next']}")
    assert seen == ids
    (own,) = (await listed(agency, admin, "?subscriber=gazette"))["leases"]
    assert own["subscriber"] == "gazette"
    assert (await listed(agency, admin, "?subscriber=nobody"))["leases"] == []
    assert (await listed(agency, admin, "?failing=true"))["leases"] == []
    await fail(agency, ids[1])
    (failing,) = (await listed(agency, admin, "?failing=true"))["leases"]
    assert failing["id"] == ids[1]


async def test_a_lease_that_is_ended_is_sent_nothing_more(
    agency: Agency, admin, callback: Subscriber, address: str
):
    await subscribe(agency, callback, address)
    await subscribe(agency, callback, f"{PUBLIC_URL}/en/latest.rss")
    ended, kept = sorted(await held(agency), key=lambda one: one.owner.subscriber is None)
    assert await end(agency, ended.id, admin) == 204
    for number in (1, 2):
        await agency.publish(f"urn:news:{number}")
        sent = await callback.deliveries(number)
        assert all("latest.rss" in one.headers["Link"] for one in sent)
    assert [one.id for one in await held(agency)] == [kept.id]
    assert await end(agency, ended.id, admin) == 404
    assert await end(agency, "0" * 32, admin) == 404


async def test_it_takes_the_right_to_credentials(
    agency: Agency, callback: Subscriber, address: str
):
    await subscribe(agency, callback, address)
    (lease,) = await held(agency)
    partner = await agency.token("gazette")
    assert await end(agency, lease.id, partner) == 403
    async with agency.http.get(LIST, headers=partner) as answer:
        assert answer.status == 403
    assert len(await held(agency)) == 1
