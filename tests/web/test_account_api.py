"""A partner's own account: what it sees of itself, and its own tokens within its limits."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.agency import DAY, Agency
from wirefeed.domain.credentials import Scope
from wirefeed.domain.plans import Subscription

ACCOUNT = "/api/v1/account"
TOKENS = f"{ACCOUNT}/tokens"


async def call(
    agency: Agency, method: str, path: str, headers: dict[str, str], **options: Any
) -> tuple[int, dict[str, Any]]:
    async with agency.http.request(method, path, headers=headers, **options) as answer:
        assert answer.headers["Cache-Control"] == "private, no-store" or answer.status >= 400
        return answer.status, dict(await answer.json())


@pytest.fixture
async def own(agency: Agency) -> dict[str, str]:
    await agency.subscriber("ann", "sport", ends=agency.clock.now + 20 * DAY)
    return await agency.token("ann", name="first")


async def test_an_account_says_what_it_has_and_until_when(agency: Agency, own):
    status, account = await call(agency, "GET", ACCOUNT, own)
    assert status == 200
    assert (account["id"], account["name"], account["state"]) == ("ann", "Ann", None)
    assert account["expires_at"] == "2026-03-21T12:00:00Z"
    (sport,) = account["subscriptions"]
    assert (sport["plan"], sport["label"], sport["live"]) == ("sport", "Sport in full", True)
    assert account["token"]["name"] == "first"
    assert account["limits"] == {
        "tokens": 50,
        "token_days": 400,
        "wire_days": 400,
        "quota": {"answers": 300_000, "seconds": 60, "left": 300_000, "whole_in": 0},
    }


async def test_every_answer_says_when_the_right_ends_from_thirty_days_before(agency: Agency, own):
    for path in (ACCOUNT, TOKENS):
        async with agency.http.get(path, headers=own) as answer:
            assert answer.headers["Sunset"] == "Sat, 21 Mar 2026 12:00:00 GMT"
    async with agency.http.get(f"{TOKENS}?limit=1", headers=own) as answer:
        assert "next" not in answer.headers.get("Link", "")
    await agency.subscriber("bob", "sport", ends=agency.clock.now + 31 * DAY)
    other = await agency.token("bob", days=40)
    async with agency.http.get(ACCOUNT, headers=other) as answer:
        assert "Sunset" not in answer.headers
    agency.clock.advance(DAY)
    async with agency.http.get(ACCOUNT, headers=other) as answer:
        assert "Sunset" in answer.headers


async def test_a_lapsed_account_says_why_and_makes_nothing(agency: Agency, own):
    agency.clock.advance(21 * DAY)
    status, account = await call(agency, "GET", ACCOUNT, own)
    assert (status, account["state"], account["expires_at"]) == (200, "ended", None)
    status, problem = await call(agency, "POST", TOKENS, own, json={"days": 1})
    assert (status, problem["detail"]) == (403, "the subscription is ended")


async def test_a_suspended_account_has_nothing_live_and_is_told_to_ask(agency: Agency, own):
    await agency.services.accounts.suspend("ann")
    account = (await call(agency, "GET", ACCOUNT, own))[1]
    assert (account["state"], account["subscriptions"][0]["live"]) == ("suspended", False)
    status, problem = await call(agency, "POST", TOKENS, own, json={"days": 1})
    assert (status, problem["remedy"]) == (403, "ask the agency")


async def test_a_partner_issues_names_rotates_and_revokes_its_own_tokens(agency: Agency, own):
    status, made = await call(agency, "POST", TOKENS, own, json={"name": "cms", "days": 10})
    assert status == 201
    mine = {"Authorization": f"Bearer {made['token']}"}
    assert (await call(agency, "GET", ACCOUNT, mine))[0] == 200

    status, named = await call(agency, "PATCH", f"{TOKENS}/{made['jti']}", own, json={"name": "x"})
    assert (status, named["name"]) == (200, "x")
    assert "token" not in named

    rotate = {"overlap_seconds": 60}
    status, new = await call(agency, "POST", f"{TOKENS}/{made['jti']}/rotate", own, json=rotate)
    assert (status, new["name"]) == (201, "x")
    newer = {"Authorization": f"Bearer {new['token']}"}
    for token in (mine, newer):
        assert (await call(agency, "GET", ACCOUNT, token))[0] == 200
    agency.clock.advance(60_000_000)
    assert (await call(agency, "GET", ACCOUNT, mine))[0] == 401
    assert (await call(agency, "GET", ACCOUNT, newer))[0] == 200

    status, gone = await call(agency, "POST", f"{TOKENS}/{new['jti']}/revoke", own)
    assert (status, gone["revoked"]) == (200, [new["jti"]])
    assert (await call(agency, "GET", ACCOUNT, newer))[0] == 401
    status, gone = await call(agency, "POST", f"{TOKENS}/{new['jti']}/revoke", own)
    assert (status, gone["revoked"]) == (200, [])


async def test_a_token_makes_none_that_may_more_than_itself(agency: Agency):
    await agency.subscriber("ann", "sport", "economy")
    own = await agency.token(
        "ann",
        scopes=frozenset({Scope.FEEDS_READ}),
        entitlements=frozenset({"sport"}),
        networks=("127.0.0.0/8",),
    )
    for terms, field in (
        ({"scopes": ["wire:read"]}, "$.scopes"),
        ({"scopes": ["admin:write"]}, "$.scopes"),
        ({"entitlements": ["economy"]}, "$.entitlements"),
        ({"networks": ["0.0.0.0/0"]}, "$.networks"),
        ({"networks": ["127.0.0.1/8"]}, "$.networks"),
        ({"days": 401}, "$.days"),
        ({"entitlements": ["no-such-plan"]}, "$.entitlements"),
    ):
        status, problem = await call(agency, "POST", TOKENS, own, json=terms)
        assert (status, problem["field"]) == (422, field), problem
    status, made = await call(agency, "POST", TOKENS, own, json={})
    assert status == 201
    assert (made["scopes"], made["entitlements"], made["networks"]) == (
        ["feeds:read"],
        ["sport"],
        ["127.0.0.0/8"],
    )


@pytest.mark.parametrize(
    ("method", "tail", "options"),
    [
        ("PATCH", "", {"json": {"name": "mine"}}),
        ("POST", "/rotate", {"json": {}}),
        ("POST", "/revoke", {}),
    ],
)
async def test_a_token_changes_none_that_may_more_than_itself(
    agency: Agency, method: str, tail: str, options: dict[str, Any]
):
    await agency.subscriber("ann", "sport")
    own = await agency.token("ann", scopes=frozenset({Scope.FEEDS_READ}))
    await agency.token("ann", name="wide")
    held = await agency.services.tokens.all("ann")
    # The broader one first: a token that revoked itself could try no more.
    for token in sorted(held, key=lambda token: token.name, reverse=True):
        status, _ = await call(agency, method, f"{TOKENS}/{token.jti}{tail}", own, **options)
        assert (status == 403) == (token.name == "wide")
    (wide,) = [t for t in await agency.services.tokens.all("ann") if t.name == "wide"]
    assert wide in held


async def test_a_token_of_another_subscriber_is_not_there(agency: Agency, own):
    await agency.subscriber("bob", "sport")
    await agency.token("bob")
    (other,) = await agency.services.tokens.all("bob")
    for method, tail, body in (
        ("PATCH", "", {"name": "mine now"}),
        ("POST", "/rotate", {}),
        ("POST", "/revoke", None),
    ):
        options = {} if body is None else {"json": body}
        status, _ = await call(agency, method, f"{TOKENS}/{other.jti}{tail}", own, **options)
        assert status == 404
    listed = (await call(agency, "GET", TOKENS, own))[1]["tokens"]
    assert {token["owner"] for token in listed} == {"subscriber:ann"}
    assert (await agency.services.tokens.get(other.jti)) == other


async def test_there_are_only_so_many_tokens_that_hold(agency: Agency, own):
    for _ in range(49):
        assert (await call(agency, "POST", TOKENS, own, json={"days": 1}))[0] == 201
    status, problem = await call(agency, "POST", TOKENS, own, json={"days": 1})
    assert (status, problem["remedy"]) == (409, "revoke one that is not used")
    agency.clock.advance(2 * DAY)
    assert (await call(agency, "POST", TOKENS, own, json={"days": 1}))[0] == 201


async def test_a_token_bound_to_networks_is_good_from_there_alone(agency: Agency):
    await agency.subscriber("ann", "sport")
    here = await agency.token("ann", networks=("127.0.0.0/8",))
    elsewhere = await agency.token("ann", networks=("192.0.2.0/24", "2001:db8::/32"))
    for path in (ACCOUNT, "/subscriber/en/latest.json"):
        async with agency.http.get(path, headers=here) as answer:
            assert answer.status == 200
        async with agency.http.get(path, headers=elsewhere) as answer:
            assert answer.status == 403
            assert (await answer.json())["field"] == "networks"


async def test_the_account_of_a_renewed_subscriber_ends_when_the_last_part_does(
    agency: Agency, own
):
    ends = agency.clock.now + 20 * DAY
    more = Subscription(plan="sport", starts=ends, ends=ends + 100 * DAY, grace_days=5)
    await agency.services.accounts.change_subscriber(
        "ann", lambda held: replace(held, subscriptions=(*held.subscriptions, more))
    )
    account = (await call(agency, "GET", ACCOUNT, own))[1]
    assert account["expires_at"] == "2026-07-04T12:00:00Z"
