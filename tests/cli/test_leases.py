"""Leases by command: who is told of what, how that goes, and that it ends."""

import asyncio
from dataclasses import replace

import pytest

from tests.cli.conftest import Command
from wirefeed.composition import open_services
from wirefeed.config import Settings
from wirefeed.domain.deliveries import Standing
from wirefeed.domain.leases import PUBLIC, Lease, Owner
from wirefeed.storage import leases

LEASE = Lease(
    id="aaaa",
    pair=b"a",
    callback="https://reader.example/secret-path",
    host="reader.example",
    topic=b"sealed",
    secret=b"sealed",
    owner=Owner(subscriber="reader", feed_key="k1"),
    door="private",
    tail="en/latest.rss",
    created=1_772_366_400_000_000,
    verified=1_772_366_400_000_000,
    expires=1_772_452_800_000_000,
    position=0,
    tag="",
)
FAILING = replace(
    LEASE,
    id="bbbb",
    pair=b"b",
    owner=PUBLIC,
    door="public",
    created=LEASE.created + 1,
    standing=Standing(failures=3, since=LEASE.created, again=LEASE.expires, reason="timeout"),
)


@pytest.fixture(autouse=True)
def _granted(wirefeed: Command) -> None:
    wirefeed("subscribers", "add", "reader", "--name", "R", "--plan", "sport")

    async def grant() -> None:
        async with open_services(Settings()) as services, services.database.writing() as conn:
            for lease in (LEASE, FAILING):
                await leases.grant(conn, lease)

    asyncio.run(grant())


def test_leases_are_listed_without_the_addresses_of_callbacks(wirefeed: Command):
    ran = wirefeed("leases", "list")

    assert [line.split()[0] for line in ran.out.splitlines()] == ["id", "aaaa", "bbbb"]
    assert "reader.example" in ran.out
    assert "timeout, 3 times since 2026-03-01T12:00:00Z" in ran.out
    assert "secret-path" not in ran.out


def test_machines_are_told_what_failed_and_when_it_is_tried_again(wirefeed: Command):
    (one,) = wirefeed("leases", "list", "--failing", "--json").json

    assert one["id"] == "bbbb"
    assert (one["failures"], one["reason"]) == (3, "timeout")
    assert one["again"] == "2026-03-02T12:00:00Z"
    assert (one["signed"], one["subscriber"]) == (True, None)
    assert "secret-path" not in str(one)


def test_those_of_one_subscriber_are_listed_alone(wirefeed: Command):
    assert [one["id"] for one in wirefeed("leases", "list", "reader", "--json").json] == ["aaaa"]


def test_a_lease_that_is_ended_is_gone(wirefeed: Command):
    assert wirefeed("leases", "end", "aaaa").exit == 0

    assert [one["id"] for one in wirefeed("leases", "list", "--json").json] == ["bbbb"]
    again = wirefeed("leases", "end", "aaaa")
    assert again.exit == 1
    assert "there is no such lease" in again.err
