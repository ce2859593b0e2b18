"""What administrators see of use and leaks by the API, and partners of their own refusals."""

from typing import Any

import aiohttp

from tests.support.agency import MINUTE, START, Agency
from wirefeed.domain.audit import Verb
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms

FEEDBIN = "Feedbin feed-id:1 - 3 subscribers"


async def call(
    agency: Agency, path: str, headers: dict[str, str], method: str = "GET"
) -> tuple[int, dict[str, Any]]:
    async with agency.http.request(method, path, headers=headers) as answer:
        assert isinstance(answer, aiohttp.ClientResponse)
        return answer.status, dict(await answer.json())


async def share(agency: Agency, name: str) -> str:
    """Let a service read a key for three; gives the key's id."""
    agency.clock.advance(MINUTE)
    key = (await agency.services.feed_keys.issue(name)).row
    agency.services.usage.saw_key(key, "203.0.113.7", FEEDBIN)
    agency.services.usage.saw_key(key, "198.51.100.9", "curl/8")
    await agency.services.usage.flush()
    return key.id


async def test_flags_are_listed_in_parts_and_dismissed(agency: Agency):
    await agency.subscriber("reader", "sport")
    sales = await agency.administrator(Role.SALES)
    keys = [await share(agency, "reader") for _ in range(5)]
    found, path = [], "/api/v1/admin/flags?limit=2"
    while path:
        _, part = await call(agency, path, sales)
        found += part["flags"]
        path = f"/api/v1/admin/flags?limit=2&after={part['next']}" if part["next"] else ""
    assert [flag["feed_key"]["id"] for flag in found] == keys[::-1]
    assert {(flag["reason"], flag["count"], flag["dismissed"]) for flag in found} == {
        ("readers", 3, None)
    }
    for _ in range(2):
        path = f"/api/v1/admin/feed-keys/{keys[0]}/dismiss"
        status, key = await call(agency, path, sales, "POST")
        assert (status, key["id"], key["flagged"]) == (200, keys[0], None)
    _, standing = await call(agency, "/api/v1/admin/flags", sales)
    assert [flag["feed_key"]["id"] for flag in standing["flags"]] == keys[:0:-1]
    _, every = await call(agency, "/api/v1/admin/flags?dismissed=true", sales)
    assert len(every["flags"]) == 5
    rows = await agency.services.audit.newest(about=f"feed-key:{keys[0]}")
    assert [(row.verb, row.actor) for row in rows[:2]] == [
        (Verb.FEED_KEY_DISMISS, "admin:sales"),
        (Verb.FEED_KEY_FLAG, "system"),
    ]
    path = "/api/v1/admin/feed-keys/000000000000/dismiss"
    assert (await call(agency, path, sales, "POST"))[0] == 404


async def test_a_subscribers_use_is_told_in_one_answer(agency: Agency):
    await agency.subscriber("reader", "sport")
    await agency.subscriber("other", "sport")
    await share(agency, "other")
    auditor = await agency.administrator(Role.AUDITOR)
    key = await share(agency, "reader")
    token = await agency.token("reader", networks=("192.0.2.0/24",))
    assert (await call(agency, "/subscriber/en/latest.json", token))[0] == 403
    status, use = await call(agency, "/api/v1/admin/subscribers/reader/usage", auditor)
    assert status == 200
    (one,) = use["feed_keys"]
    assert one["feed_key"]["id"] == key
    assert one["feed_key"]["last_used"] == "2026-03-01T12:02:00Z"
    assert {(seen["client"], seen["readers"]) for seen in one["sightings"]} == {
        ("Feedbin", 3),
        ("curl", 1),
    }
    assert [flag["reason"] for flag in one["flags"]] == ["readers"]
    assert [token["last_used"] for token in use["tokens"]] == [None]
    assert use["refusals"] == [
        {
            "at": "2026-03-01T12:02:00Z",
            "credential": use["tokens"][0]["jti"],
            "reason": "network",
            "route": "/subscriber/{lang}/latest.{format}",
            "network": "127.0.0.0/24",
        }
    ]
    assert (await call(agency, "/api/v1/admin/subscribers/nobody/usage", auditor))[0] == 404


async def test_a_partner_sees_its_own_refusals_and_no_others(agency: Agency):
    await agency.subscriber("reader", "sport", ends=START + MINUTE)
    await agency.subscriber("other", "sport")
    issue = agency.services.tokens.issue
    gone = await issue(Terms(subscriber="other", days=1))
    await agency.services.tokens.revoke(gone.row.jti)
    await call(agency, "/subscriber/en/latest.json", {"Authorization": f"Bearer {gone.secret}"})
    token = await agency.token("reader")
    agency.clock.advance(2 * MINUTE)
    for _ in range(60):
        assert (await call(agency, "/subscriber/en/latest.json", token))[0] == 403
    status, answer = await call(agency, "/api/v1/account/refusals", token)
    assert status == 200
    assert {one["reason"] for one in answer["refusals"]} == {"ended"}
    assert len(answer["refusals"]) == 50
