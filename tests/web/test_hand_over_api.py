"""One-time links by the API: the seam for a shop, a CRM or an identity provider."""

from typing import Any

import pytest

from tests.support.agency import DAY, PUBLIC_URL, Agency
from tests.support.answers import ask, look
from tests.web.test_admin_api import Desk, administrator
from wirefeed.domain.roles import Role

STORY = "urn:news:sport"
LIST = "/subscribers/ann/hand-overs"


@pytest.fixture
async def shop(agency: Agency) -> Desk:
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    return await administrator(agency, "shop", Role.SALES)


async def test_a_shop_sells_and_its_customer_reads(agency: Agency, shop: Desk):
    made = await shop("POST", LIST, 201, json={"gives": "feed-key", "feed_key": {"name": "phone"}})
    assert {name for name in made if name != "_tag"} == {
        "id", "subscriber", "gives", "state", "issued", "expires", "opened", "withdrawn", "url"
    }  # fmt: skip
    assert (made["gives"], made["state"], made["opened"]) == ("feed-key", "waiting", None)
    assert made["expires"] == "2026-03-08T12:00:01Z"
    assert made["url"].startswith(f"{PUBLIC_URL}/h/wf_hand_")
    told = await shop("GET", f"{LIST}/{made['id']}")
    assert told == {name: value for name, value in made.items() if name != "url"}

    agency.clock.advance(DAY)
    answer = await ask(agency, made["url"].removeprefix(PUBLIC_URL), method="POST")
    key = answer.text.partition("/f/")[2].partition("/")[0]
    assert await look(agency, f"/f/{key}/en/latest.json") == {STORY: "full"}

    told = await shop("GET", f"{LIST}/{made['id']}")
    assert (told["state"], told["opened"]) == ("opened", "2026-03-02T12:00:01Z")
    listed = await shop("GET", LIST)
    assert listed["hand_overs"] == [{n: v for n, v in told.items() if n != "_tag"}]
    assert key not in str(listed)
    problem = await shop("POST", f"{LIST}/{made['id']}/withdraw", 409)
    assert problem["remedy"] == "revoke what it gave"


async def test_links_are_listed_a_part_at_a_time_and_withdrawn(agency: Agency, shop: Desk):
    for gives in ("token", "sign-in", "feed-key"):
        await shop("POST", LIST, 201, json={"gives": gives})
    first = await shop("GET", f"{LIST}?limit=2")
    rest = await shop("GET", f"{LIST}?limit=2&after={first['next']}")
    rows = [*first["hand_overs"], *rest["hand_overs"]]
    assert {row["gives"] for row in rows} == {"token", "sign-in", "feed-key"}
    assert rest["next"] is None
    for _ in range(2):
        gone = await shop("POST", f"{LIST}/{rows[0]['id']}/withdraw")
        assert gone["state"] == "withdrawn"
    await shop("GET", f"/subscribers/bob/hand-overs/{rows[0]['id']}", 404)
    await shop("POST", f"/subscribers/bob/hand-overs/{rows[1]['id']}/withdraw", 404)
    audited = [e for e in await agency.services.audit.newest() if e.verb.startswith("hand-over")]
    assert [(e.verb, e.actor) for e in audited] == [
        ("hand-over.withdraw", "admin:shop"),
        *[("hand-over.issue", "admin:shop")] * 3,
    ]


async def test_a_lost_address_is_answered(agency: Agency, shop: Desk):
    lost = await agency.services.feed_keys.issue("ann", "phone")
    body = {"gives": "feed-key", "feed_key": {"replaces": lost.row.id}}
    made = await shop("POST", LIST, 201, json=body)
    await ask(agency, made["url"].removeprefix(PUBLIC_URL), method="POST")
    assert (await agency.services.feed_keys.get(lost.row.id)).reason == "rotated"
    problem = await shop("POST", LIST, 422, json=body)
    assert problem["field"] == "$.feed_key.replaces"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "$.gives"),
        ({"gives": "everything"}, 422, "$.gives"),
        ({"gives": "token", "days": 31}, 422, "$.days"),
        ({"gives": "token", "feed_key": {}}, 422, "$.feed_key"),
        ({"gives": "feed-key", "token": {}}, 422, "$.token"),
        ({"gives": "sign-in", "token": {}}, 422, "$.token"),
        ({"gives": "token", "token": {"days": 401}}, 422, "$.token.days"),
        ({"gives": "token", "token": {"scopes": ["stories:write"]}}, 422, "$.token.scopes"),
        ({"gives": "token", "token": {"networks": ["x"]}}, 422, "$.token.networks"),
        ({"gives": "token", "token": {"entitlements": ["none"]}}, 422, "$.token.entitlements"),
        ({"gives": "feed-key", "feed_key": {"feeds": ["en/chess"]}}, 422, "$.feed_key.feeds"),
        (
            {"gives": "feed-key", "feed_key": {"replaces": "0" * 12, "name": "x"}},
            422,
            "$.feed_key.replaces",
        ),
        ({"gives": "feed-key", "subscriber": "bob"}, 422, "$.subscriber"),
    ],
)
async def test_what_cannot_be_given_is_named(
    agency: Agency, shop: Desk, body: dict[str, Any], status: int, field: str
):
    problem = await shop("POST", LIST, status, json=body)
    assert problem["field"] == field
    assert (await shop("GET", LIST))["hand_overs"] == []


async def test_a_link_is_for_a_subscriber_that_there_is(shop: Desk):
    await shop("POST", "/subscribers/nobody/hand-overs", 404, json={"gives": "sign-in"})
    await shop("GET", f"{LIST}/{'0' * 12}", 404)
