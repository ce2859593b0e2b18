"""What administrators do by the API: credentials, other administrators, the desk, the audit."""

from typing import Any

import pytest

from tests.support.agency import MINUTE, Agency
from wirefeed.domain.credentials import Scope
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms

ADMIN = "/api/v1/admin"


class Desk:
    """An owner with a token, and what came of each of its calls."""

    def __init__(self, agency: Agency, token: str) -> None:
        self.agency = agency
        self.headers = {"Authorization": f"Bearer {token}"}

    async def __call__(
        self, method: str, path: str, status: int = 200, *, match: str = "", **options: Any
    ) -> dict[str, Any]:
        headers = self.headers | ({"If-Match": match} if match else {})
        if match == "*new":
            headers = self.headers | {"If-None-Match": "*"}
        url = ADMIN + path
        async with self.agency.http.request(method, url, headers=headers, **options) as answer:
            raw = await answer.read()
            assert answer.status == status, raw
            return (dict(await answer.json()) if raw else {}) | {
                "_tag": answer.headers.get("ETag", "")
            }


async def administrator(agency: Agency, name: str = "eva", role: Role = Role.OWNER) -> Desk:
    await agency.services.administrators.add(name, role)
    issued = await agency.services.tokens.issue(Terms(admin=name, days=10))
    return Desk(agency, issued.secret)


@pytest.fixture
async def desk(agency: Agency) -> Desk:
    return await administrator(agency)


@pytest.mark.parametrize(
    ("path", "uses"),
    [
        ("/subscribers/ann/tokens", "/subscriber/en/latest.json"),
        ("/sources/paper/tokens", "/api/v1/stories"),
        ("/admins/eva/tokens", f"{ADMIN}/admins"),
    ],
)
async def test_tokens_are_issued_listed_named_rotated_and_revoked(
    agency: Agency, desk: Desk, path: str, uses: str
):
    await agency.subscriber("ann", "sport")

    async def opens(token: str) -> bool:
        method = "POST" if uses == "/api/v1/stories" else "GET"
        headers = {"Authorization": f"Bearer {token}"}
        async with agency.http.request(method, uses, headers=headers) as answer:
            return answer.status not in {401, 403}

    made = await desk("POST", path, 201, json={"name": "cms", "days": 5})
    assert await opens(made["token"])
    listed = (await desk("GET", path))["tokens"]
    assert made["jti"] in {token["jti"] for token in listed}
    assert all("token" not in token for token in listed)
    one = f"{path}/{made['jti']}"
    assert (await desk("PATCH", one, json={"name": "old"}))["name"] == "old"
    new = await desk("POST", f"{one}/rotate", 201, json={"overlap_seconds": 60})
    assert await opens(made["token"])
    assert await opens(new["token"])
    agency.clock.advance(MINUTE)
    assert not await opens(made["token"])
    # It was issued in place of the other, and stays when that is taken back.
    assert (await desk("POST", f"{one}/revoke"))["revoked"] == [made["jti"]]
    assert await opens(new["token"])
    await desk("POST", f"{one}/rotate", 409, json={})
    revoked = await desk("POST", f"{path}/{new['jti']}/revoke")
    assert revoked["revoked"] == [new["jti"]]
    assert not await opens(new["token"])


async def bound(agency: Agency, **terms: Any) -> tuple[Desk, str]:
    """Give an owner with a narrower token, and its `jti`."""
    issued = await agency.services.tokens.issue(Terms(admin="eva", days=10, **terms))
    return Desk(agency, issued.secret), issued.row.jti


@pytest.mark.parametrize("owner", ["eva", "tom"])
async def test_an_administrators_token_makes_none_that_may_more(
    agency: Agency, desk: Desk, owner: str
):
    await agency.services.administrators.add("tom", Role.OWNER)
    here = ("127.0.0.0/8",)
    narrow, jti = await bound(agency, networks=here, scopes=frozenset({Scope.ADMIN_WRITE}))
    path = f"/admins/{owner}/tokens"
    made = await narrow("POST", path, 201, json={})
    assert (made["scopes"], made["networks"]) == (["admin:write"], list(here))
    problem = await narrow("POST", path, 422, json={"networks": ["0.0.0.0/0"]})
    assert problem["field"] == "$.networks"
    problem = await narrow("POST", path, 422, json={"scopes": ["admin:read"]})
    assert problem["field"] == "$.scopes"
    broad = await desk("POST", path, 201, json={})
    await narrow("POST", f"{path}/{broad['jti']}/rotate", 403, json={})
    new = await narrow("POST", f"{path}/{made['jti']}/rotate", 201, json={})
    gone = (await desk("POST", f"/admins/eva/tokens/{jti}/revoke"))["revoked"]
    assert set(gone) == {jti, made["jti"], new["jti"]}


async def test_a_token_is_found_under_its_own_owner_alone(agency: Agency, desk: Desk):
    await agency.subscriber("ann", "sport")
    made = await desk("POST", "/subscribers/ann/tokens", 201, json={})
    for path in ("/subscribers/bob/tokens", "/sources/ann/tokens", "/admins/eva/tokens"):
        await desk("POST", f"{path}/{made['jti']}/revoke", 404)
    await desk("POST", "/subscribers/nobody/tokens", 404, json={})


async def test_a_private_address_is_made_restricted_rotated_and_revoked(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport")
    await agency.subscriber("ann", "sport")
    made = await desk(
        "POST", "/subscribers/ann/feed-keys", 201, json={"name": "phone", "feeds": ["en/sport"]}
    )
    base = made["url"].removeprefix("https://news.example")
    assert (await agency.json(f"{base}en/topics/sport.json"))["items"]
    assert (await desk("GET", f"/feed-keys/{made['id']}"))["feeds"] == ["en/sport"]
    problem = await desk("POST", "/subscribers/ann/feed-keys", 422, json={"feeds": ["en/chess"]})
    assert (problem["field"], problem["remedy"]) == ("$.feeds", "write en/latest or en/TOPIC")

    new = await desk("POST", f"/feed-keys/{made['id']}/rotate", 201)
    assert (new["name"], new["feeds"]) == ("phone", ["en/sport"])
    await desk("POST", f"/feed-keys/{made['id']}/rotate", 409)
    old, taken = (
        await desk("GET", f"/feed-keys/{made['id']}"),
        await desk("POST", f"/feed-keys/{new['id']}/revoke"),
    )
    assert (old["reason"], taken["reason"]) == ("rotated", "revoked")
    listed = (await desk("GET", "/subscribers/ann/feed-keys"))["feed_keys"]
    assert {key["id"] for key in listed} == {made["id"], new["id"]}
    assert "wf_feed_" not in str(listed)


async def test_two_owners_cannot_overwrite_each_other(desk: Desk):
    made = await desk("PUT", "/admins/tom", 201, match="*new", json={"role": "desk"})
    assert made["role"] == "desk"
    held = await desk("GET", "/admins/tom")
    problem = await desk("PUT", "/admins/tom", 428, json={"role": "sales"})
    assert "If-None-Match: *" in problem["remedy"]
    await desk("PUT", "/admins/tom", match=held["_tag"], json={"role": "sales"})
    await desk("PUT", "/admins/tom", 412, match=held["_tag"], json={"role": "owner"})
    await desk("DELETE", "/admins/tom", 412, match=held["_tag"])
    await desk("DELETE", "/admins/tom", 428)
    await desk("DELETE", "/admins/tom", 204, match=(await desk("GET", "/admins/tom"))["_tag"])
    await desk("GET", "/admins/tom", 404)


async def test_the_last_owner_stays_one(desk: Desk):
    await desk("DELETE", "/admins/eva", 409, match="*")
    await desk("PUT", "/admins/tom", 201, match="*new", json={"role": "desk"})
    held = await desk("GET", "/admins/eva")
    await desk("PUT", "/admins/eva", 409, match=held["_tag"], json={"role": "desk"})
    await desk("DELETE", "/admins/eva", 409, match="*")


async def test_another_role_acts_on_the_next_request(agency: Agency, desk: Desk):
    tom = await administrator(agency, "tom", Role.SALES)
    await tom("GET", "/stories")
    await tom("GET", "/audit", 403)
    held = await desk("GET", "/admins/tom")
    await desk("PUT", "/admins/tom", match=held["_tag"], json={"role": "auditor"})
    await tom("GET", "/audit")
    await desk("DELETE", "/admins/tom", 204, match="*")
    await tom("GET", "/audit", 401)


async def test_the_desk_sees_and_kills_stories(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport")
    assert [s["guid"] for s in (await desk("GET", "/stories"))["stories"]] == ["urn:news:sport"]
    assert (await desk("GET", "/stories?topic=economy"))["stories"] == []
    whole = await desk("GET", "/story?guid=urn:news:sport")
    assert "First paragraph" in whole["body"]
    killed = await desk("POST", "/stories/kill", json={"guid": whole["id"]})
    assert (killed["status"], killed["change"]) == ("canceled", "kill")
    again = await desk("POST", "/stories/kill", json={"guid": whole["id"]})
    assert again["version"] == killed["version"]
    async with agency.http.get(f"/en/stories/{whole['id']}") as page:
        assert page.status == 410
    await desk("GET", "/story?guid=urn:news:none", 404)


async def test_the_desk_withholds_and_reinstates_stories(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport")
    whole = await desk("GET", "/story?guid=urn:news:sport")
    named = {"guid": whole["id"]}
    page = f"/en/stories/{whole['id']}"
    withheld = await desk("POST", "/stories/withhold", json=named)
    assert (withheld["status"], withheld["change"]) == ("withheld", "withhold")
    assert (await agency.http.get(page)).status == 404
    assert (await desk("POST", "/stories/withhold", json=named))["version"] == 2
    await desk("POST", "/stories/reinstate", json=named)
    await desk("POST", "/stories/kill", json=named)
    assert (await agency.http.get(page)).status == 410
    await desk("POST", "/stories/withhold", 409, json=named)
    back = await desk("POST", "/stories/reinstate", json=named)
    assert (back["status"], back["change"], back["version"]) == ("usable", "reinstate", 5)
    answer = await agency.http.get(page)
    assert answer.status == 200
    assert "First paragraph" in await answer.text()


async def test_a_story_of_which_no_text_is_kept_is_not_reinstated(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport", pubstatus="withheld")
    refused = await desk("POST", "/stories/reinstate", 409, json={"guid": "urn:news:sport"})
    assert "no text" in refused["title"] + refused.get("detail", "")


async def test_what_was_refused_is_listed_with_its_reason(agency: Agency, desk: Desk):
    await agency.send({"uri": ""})
    (letter,) = (await desk("GET", "/refused"))["refused"]
    assert letter["source"] == "newsroom"
    assert letter["reason"]


async def test_the_topics_are_applied(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport")
    assert (await desk("POST", "/topics/apply"))["moved"] == 0


async def test_the_audit_is_read_in_parts_and_verified(agency: Agency, desk: Desk):
    await agency.subscriber("ann", "sport")
    await desk("POST", "/subscribers/ann/tokens", 201, json={})
    await agency.publish("urn:news:sport")
    await desk("POST", "/stories/kill", json={"guid": "urn:news:sport"})
    rows: list[dict[str, Any]] = []
    query = "?limit=2"
    while query:
        part = await desk("GET", f"/audit{query}")
        rows += part["rows"]
        query = f"?limit=2&after={part['next']}" if part["next"] else ""
    assert [row["row"] for row in rows] == list(range(len(rows), 0, -1))
    done = [(row["actor"], row["via"], row["verb"]) for row in rows]
    assert ("admin:eva", "api", "story.kill") in done
    assert ("admin:eva", "api", "token.issue") in done
    assert ("system", "system", "subscriber.add") in done
    about = await desk("GET", "/audit?about=subscriber:ann")
    assert [row["verb"] for row in about["rows"]] == ["subscriber.add"]
    verdict = await desk("GET", "/audit/verdict")
    assert (verdict["holds"], verdict["good"], verdict["broken"]) == (True, len(rows), None)
