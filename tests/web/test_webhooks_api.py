"""Webhooks by the API: an administrator's for anybody, a partner's for itself and no more."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.agency import Agency, iso, running, settings_in
from tests.support.callbacks import subscriber
from tests.support.receivers import is_signed
from wirefeed.config import OutboundSettings

ADMIN, OWN = "/api/v1/admin", "/api/v1/account"
URL = "https://gazette.example/in"


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    settings = settings_in(tmp_path, outbound=OutboundSettings(private_networks=True))
    async with running(settings) as agency:
        await agency.subscriber("gazette", "sport")
        yield agency


async def call(
    agency: Agency, method: str, path: str, who: Mapping[str, str], body: Any = None
) -> tuple[int, Any]:
    async with agency.http.request(method, path, json=body, headers=who) as answer:
        return answer.status, await answer.json() if answer.content_length else None


@pytest.mark.parametrize("by", ["administrator", "partner"])
async def test_a_webhook_from_its_first_day_to_its_last(agency: Agency, by: str):
    if by == "partner":
        who = await agency.token("gazette")
        listing, one, log = f"{OWN}/webhooks", f"{OWN}/webhooks", f"{OWN}/webhook-attempts"
    else:
        who = await agency.administrator()
        gazette = f"{ADMIN}/subscribers/gazette"
        listing, one, log = (
            f"{gazette}/webhooks",
            f"{ADMIN}/webhooks",
            f"{gazette}/webhook-attempts",
        )
    async with subscriber() as receiver:
        asked = {"url": receiver.url, "topics": ["sport"], "languages": ["en"]}
        status, added = await call(agency, "POST", listing, who, asked)
        assert status == 201
        assert (added["url"], added["topics"]) == (receiver.url, ["sport"])
        one = f"{one}/{added['id']}"
        secret = added.pop("secret")

        await agency.publish("urn:1")
        (seen,) = await receiver.deliveries(1)
        assert is_signed(seen, secret, agency.clock.now)
        status, told = await call(agency, "POST", f"{one}/replay", who, {"since": iso(0)})
        assert status == 202
        await receiver.deliveries(2)

        status, rotated = await call(agency, "POST", f"{one}/rotate", who, {"overlap_seconds": 60})
        assert (status, rotated["rotates_until"] is None) == (201, False)
        assert rotated["secret"] not in {secret, ""}

    status, told = await call(agency, "GET", listing, who)
    assert [webhook["id"] for webhook in told["webhooks"]] == [added["id"]]
    assert "secret" not in told["webhooks"][0]
    status, told = await call(agency, "GET", one, who)
    assert (status, told["id"]) == (200, added["id"])
    status, told = await call(agency, "GET", f"{log}?limit=1", who)
    assert [(a["guid"], a["change"], a["status"]) for a in told["attempts"]] == [
        ("urn:1", "publish", 200)
    ]
    status, rest = await call(agency, "GET", f"{log}?after={told['next']}", who)
    assert [a["id"] < told["attempts"][0]["id"] for a in rest["attempts"]] == [True]
    assert await call(agency, "DELETE", one, who) == (204, None)
    assert (await call(agency, "GET", one, who))[0] == 404
    assert (await call(agency, "DELETE", one, who))[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "ftp://gazette.example/"}, "$.url"),
        ({"url": "https://169.254.169.254/"}, "$.url"),
        ({"url": URL, "topics": ["No Topic"]}, "$.topics"),
        ({"url": URL, "topics": ["golf"]}, "$.topics"),
        ({"url": URL, "languages": ["english"]}, "$.languages"),
        ({"url": URL, "languages": ["fr"]}, "$.languages"),
    ],
)
async def test_what_is_refused_names_the_field_and_the_fix(agency: Agency, body, field):
    who = await agency.token("gazette")
    status, problem = await call(agency, "POST", f"{OWN}/webhooks", who, body)
    assert (status, problem["field"]) == (422, field)
    assert problem["remedy"]


async def test_one_of_the_two_says_what_is_sent_once_more(agency: Agency):
    who = await agency.token("gazette")
    _, added = await call(agency, "POST", f"{OWN}/webhooks", who, {"url": URL})
    one = f"{OWN}/webhooks/{added['id']}/replay"
    for body in ({}, {"since": iso(0), "attempt": 1}):
        assert (await call(agency, "POST", one, who, body))[0] == 422
    status, problem = await call(agency, "POST", one, who, {"attempt": 1})
    assert (status, problem["field"]) == (422, "$.attempt")


async def test_a_partner_sees_and_changes_nobody_elses(agency: Agency):
    await agency.subscriber("other", "sport")
    own, other = await agency.token("gazette"), await agency.token("other")
    _, added = await call(agency, "POST", f"{OWN}/webhooks", own, {"url": URL})
    one = f"{OWN}/webhooks/{added['id']}"
    for method, path, body in (
        ("GET", one, None),
        ("POST", f"{one}/rotate", {}),
        ("POST", f"{one}/replay", {"since": iso(0)}),
        ("DELETE", one, None),
    ):
        assert (await call(agency, method, path, other, body))[0] == 404, method
    assert (await call(agency, "GET", f"{OWN}/webhooks", other))[1]["webhooks"] == []
    assert (await call(agency, "GET", one, own))[0] == 200


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"scopes": frozenset({"feeds:read"})}, "scope"),
        ({"entitlements": frozenset({"sport"})}, "entitlements"),
    ],
)
async def test_who_may_read_less_has_no_more_sent_by_webhook(agency: Agency, terms, field):
    who = await agency.token("gazette", **terms)
    status, problem = await call(agency, "POST", f"{OWN}/webhooks", who, {"url": URL})
    assert (status, problem["field"]) == (403, field)


async def test_who_has_nothing_adds_nothing(agency: Agency):
    who = await agency.token("gazette")
    await agency.services.accounts.suspend("gazette")
    status, _ = await call(agency, "POST", f"{OWN}/webhooks", who, {"url": URL})
    assert status == 403


async def test_a_narrowed_token_reads_nothing_of_what_webhooks_are_sent(agency: Agency):
    whole = await agency.token("gazette")
    _, made = await call(agency, "POST", f"{OWN}/webhooks", whole, {"url": URL})
    narrow = await agency.token("gazette", entitlements=frozenset({"sport"}))
    one = f"{OWN}/webhooks/{made['id']}"
    for method, path in (
        ("GET", f"{OWN}/webhooks"),
        ("GET", f"{OWN}/webhook-attempts"),
        ("GET", one),
        ("DELETE", one),
    ):
        status, problem = await call(agency, method, path, narrow, None)
        assert (status, problem["field"]) == (403, "entitlements"), method
    assert (await call(agency, "GET", one, whole))[0] == 200
