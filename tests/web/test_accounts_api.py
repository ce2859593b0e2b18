"""Plans, subscribers, explanations and files of accounts by the API."""

import json
from typing import Any

import pytest

from tests.support.agency import DAY, Agency, iso
from tests.web.test_admin_api import Desk, administrator
from wirefeed.domain.roles import Role

FULL = {"topics": ["sport"], "level": "full"}
GOLD: dict[str, Any] = {
    "grants": [FULL, {"topics": ["*"], "except": ["economy"], "delay_seconds": 60}],
    "labels": {"en": "Gold"},
    "prices": {"en": "5 a month"},
    "subscribe_urls": {"en": "https://sold.example"},
    "trial_days": 14,
}


@pytest.fixture
async def desk(agency: Agency) -> Desk:
    return await administrator(agency)


async def audited(agency: Agency, about: str) -> list[str]:
    return [row.verb for row in await agency.services.audit.newest(about=about)]


# --- plans ---------------------------------------------------------------------------------------


async def test_a_plan_is_put_given_changed_and_removed(agency: Agency, desk: Desk):
    made = await desk("PUT", "/plans/gold", 201, match="*new", json=GOLD)
    assert {name: made[name] for name in GOLD if name != "grants"} == {
        name: value for name, value in GOLD.items() if name != "grants"
    }
    assert (made["name"], made["version"], len(made["grants"])) == ("gold", 1, 2)
    held = await desk("GET", "/plans/gold")
    # What is given may be sent back, and changes nothing.
    body = {name: held[name] for name in GOLD}
    again = await desk("PUT", "/plans/gold", match=held["_tag"], json=body)
    assert again["version"] == 1
    changed = await desk("PUT", "/plans/gold", match=held["_tag"], json=GOLD | {"trial_days": 7})
    assert changed["version"] == 2
    assert await audited(agency, "plan:gold") == ["plan.set", "plan.add"]
    versions = (await desk("GET", "/plans/gold/versions"))["versions"]
    assert [(v["version"], v["trial_days"]) for v in versions] == [(2, 7), (1, 14)]
    await desk("DELETE", "/plans/gold", 204, match=(await desk("GET", "/plans/gold"))["_tag"])
    await desk("GET", "/plans/gold", 404)
    assert len((await desk("GET", "/plans/gold/versions"))["versions"]) == 2


async def test_two_administrators_cannot_overwrite_each_others_plan(desk: Desk):
    await desk("PUT", "/plans/gold", 428, json=GOLD)
    for blind in ("", "*"):
        await desk("PUT", "/plans/sport", 428, match=blind, json=GOLD)
        await desk("DELETE", "/plans/sport", 428, match=blind)
    await desk("PUT", "/plans/gold", 201, match="*new", json=GOLD)
    await desk("PUT", "/plans/gold", 412, match="*new", json=GOLD)
    tag = (await desk("GET", "/plans/gold"))["_tag"]
    await desk("PUT", "/plans/gold", match=tag, json=GOLD | {"grants": [FULL]})
    late = await desk("PUT", "/plans/gold", 412, match=tag, json=GOLD)
    assert late["field"] == "If-Match"
    await desk("DELETE", "/plans/gold", 412, match=tag)
    assert (await desk("GET", "/plans/gold"))["grants"][0]["topics"] == ["sport"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "$.grants"),
        ({"grants": [{"topics": ["chess"]}]}, "$.grants[0].topics"),
        ({"grants": [FULL, {"topics": ["*"], "except": ["chess"]}]}, "$.grants[1].except"),
        ({"grants": [{"topics": ["*"], "languages": ["xx"]}]}, "$.grants[0].languages"),
        ({"grants": [{"topics": ["*"], "level": "hidden"}]}, "$.grants[0].level"),
        ({"grants": [{"topics": []}]}, "$.grants[0].topics"),
        ({"grants": []}, "$.grants"),
        ({"grants": [FULL], "labels": {"en": "a\nb"}}, "$.labels"),
        ({"grants": [FULL], "subscribe_urls": {"en": "javascript:x"}}, "$.subscribe_urls"),
        ({"grants": [FULL], "trial_days": 0}, "$.trial_days"),
    ],
)
async def test_a_plan_is_refused_by_its_field(desk: Desk, body: dict[str, Any], field: str):
    refused = await desk("PUT", "/plans/gold", 422, match="*new", json=body)
    assert refused["field"] == field
    assert (await desk("POST", "/plans/gold/preview", 422, json=body))["field"] == field


async def test_a_plan_that_someone_has_is_not_removed(agency: Agency, desk: Desk):
    await agency.subscriber("ann", "sport")
    for name in ("sport", "public"):
        tag = (await desk("GET", f"/plans/{name}"))["_tag"]
        await desk("DELETE", f"/plans/{name}", 409, match=tag)
    await desk("DELETE", "/plans/none", 404, match='"any"')


async def test_plans_are_listed_in_parts(desk: Desk):
    first = await desk("GET", "/plans?limit=3")
    rest = await desk("GET", f"/plans?limit=3&after={first['next']}")
    assert [p["name"] for p in first["plans"] + rest["plans"]] == [
        "economy", "everything", "late", "public", "sport",
    ]  # fmt: skip
    assert rest["next"] is None


async def test_a_preview_says_what_would_be_gained_and_lost(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport")
    await agency.publish("urn:news:economy", "economy")
    await agency.subscriber("ann", "sport")
    found = await desk(
        "POST", "/plans/sport/preview", json={"grants": [{"topics": ["economy"], "level": "full"}]}
    )
    (ann,) = found["prospects"]
    assert (ann["plans"], ann["count"], ann["subscribers"]) == (["sport"], 1, ["ann"])
    assert {s["story"]: (s["before"], s["after"]) for s in ann["stories"]} == {
        "urn:news:economy": ("hidden", "full"),
        "urn:news:sport": ("full", "summary"),
    }
    assert (ann["gaining"], ann["losing"], ann["lost"]["full"]) == (1, 1, 1)
    assert found["stories"] == 2
    assert await audited(agency, "plan:sport") == ["plan.add"]
    public = await desk("POST", "/plans/public/preview", json={"grants": [{"topics": ["sport"]}]})
    assert [p["public"] for p in public["prospects"]] == [True, False]


# --- subscribers ---------------------------------------------------------------------------------

ANN = {
    "kind": "person",
    "name": "Ann",
    "contact": "ann@news.example",
    "notes": "Pays late.",
    "subscriptions": [{"plan": "sport", "ends": "2027-01-01T00:00:00Z", "grace_days": 14}],
}


async def test_a_shop_puts_what_it_sold_as_often_as_it_likes(agency: Agency, desk: Desk):
    made = await desk("PUT", "/subscribers/4711", 201, json=ANN)
    assert made["subscriptions"][0]["starts"] == iso(agency.clock.now).replace("+00:00", "Z")
    held = await desk("GET", "/subscribers/4711")
    agency.clock.advance(DAY)
    again = await desk("PUT", "/subscribers/4711", json=ANN)
    assert {**again, "_tag": ""} == {**held, "_tag": ""}
    assert (await desk("GET", "/subscribers/4711"))["_tag"] == held["_tag"]
    # What is given may be sent back.
    body = {name: held[name] for name in ANN}
    await desk("PUT", "/subscribers/4711", match=held["_tag"], json=body)
    assert await audited(agency, "subscriber:4711") == ["subscriber.add"]

    renewed = [{"plan": "sport", "ends": "2028-01-01T00:00:00Z"}, {"plan": "economy"}]
    changed = await desk("PUT", "/subscribers/4711", json={"subscriptions": renewed})
    assert changed["subscriptions"][0]["starts"] == made["subscriptions"][0]["starts"]
    assert [s["grace_days"] for s in changed["subscriptions"]] == [0, 0]
    # In another order it is the same.
    renewed = changed["subscriptions"][::-1]
    assert (await desk("PUT", "/subscribers/4711", json={"subscriptions": renewed})) == changed
    # It states the whole.
    assert (changed["name"], changed["notes"]) == ("", "")
    assert await audited(agency, "subscriber:4711") == ["subscriber.set", "subscriber.add"]


async def test_what_is_sold_acts_at_once(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport")
    await desk("PUT", "/subscribers/ann", 201, json={"subscriptions": [{"plan": "sport"}]})
    base = await agency.feed_key("ann")
    levels = (await agency.json(f"{base}/en/latest.json"))["items"]
    assert "content_html" in levels[0]
    await desk("POST", "/subscribers/ann/suspend", json={})
    (notice, item) = (await agency.json(f"{base}/en/latest.json"))["items"]
    assert "Paragraph 7" not in json.dumps([notice, item])


async def test_a_condition_on_a_subscriber_is_heeded_when_it_is_sent(desk: Desk):
    await desk("PUT", "/subscribers/ann", 201, match="*new", json=ANN)
    await desk("PUT", "/subscribers/ann", 412, match="*new", json=ANN)
    tag = (await desk("GET", "/subscribers/ann"))["_tag"]
    await desk("PATCH", "/subscribers/ann", match=tag, json={"notes": "x"})
    for method, body in (("PUT", ANN), ("PATCH", {"notes": "y"}), ("DELETE", None)):
        await desk(method, "/subscribers/ann", 412, match=tag, json=body)
    assert (await desk("GET", "/subscribers/ann"))["notes"] == "x"
    for method, body in (("PATCH", {"notes": "y"}), ("DELETE", None)):
        await desk(method, "/subscribers/ann", 428, json=body)
    assert (await desk("PATCH", "/subscribers/ann", match="*", json={}))["name"] == "Ann"
    await desk("DELETE", "/subscribers/ann", 204, match="*")
    await desk("DELETE", "/subscribers/ann", 404, match="*")
    await desk("PATCH", "/subscribers/ann", 404, match="*", json={})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"subscriptions": [{"plan": "sport"}, {"plan": "chess"}]}, "$.subscriptions[1].plan"),
        ({"subscriptions": [{"plan": "sport", "ends": "soon"}]}, "$.subscriptions[0].ends"),
        ({"subscriptions": [{"plan": "sport", "ends": "2027-01-01T00:00:00"}]},
         "$.subscriptions[0].ends"),
        ({"subscriptions": [{"plan": "sport", "starts": "0001-01-01T00:00:00Z"}]},
         "$.subscriptions[0].starts"),
        ({"subscriptions": [{"plan": "sport", "grace_days": -1}]},
         "$.subscriptions[0].grace_days"),
        ({"subscriptions": [{"plan": "sport", "ends": "2001-01-01T00:00:00Z"}]},
         "$.subscriptions[0].ends"),
        ({"subscriptions": [{"plan": "sport"}, {"plan": "sport"}]}, "$.subscriptions[1].plan"),
        ({"subscriptions": [{}]}, "$.subscriptions[0].plan"),
        ({"name": "a\u202eb"}, "$.name"),
        ({"notes": "a\u0000b"}, "$.notes"),
        ({"kind": "firm"}, "$.kind"),
    ],
)  # fmt: skip
async def test_a_subscriber_is_refused_by_its_field(desk: Desk, body: dict[str, Any], field: str):
    assert (await desk("PUT", "/subscribers/ann", 422, json=body))["field"] == field
    await desk("PUT", "/subscribers/ann", 201, json={})
    assert (await desk("PATCH", "/subscribers/ann", 422, match="*", json=body))["field"] == field


async def test_nobody_is_everybody(desk: Desk):
    assert (await desk("PUT", "/subscribers/public", 409, json={}))["field"] == "$.id"


async def test_one_plan_is_suspended_and_resumed(agency: Agency, desk: Desk):
    await agency.subscriber("ann", "sport", "economy")
    one = await desk("POST", "/subscribers/ann/suspend", json={"plan": "sport"})
    assert [s["suspended"] for s in one["subscriptions"]] == [True, False]
    assert (await desk("GET", "/subscribers?state=live"))["subscribers"][0]["id"] == "ann"
    none = await desk("POST", "/subscribers/ann/suspend", 404, json={"plan": "late"})
    assert none["field"] == "$.plan"
    await desk("POST", "/subscribers/bob/suspend", 404, json={})
    resumed = await desk("POST", "/subscribers/ann/resume", json={"plan": "sport"})
    assert not any(s["suspended"] for s in resumed["subscriptions"])
    assert await audited(agency, "subscriber:ann") == [
        "subscriber.resume", "subscriber.suspend", "subscriber.add",
    ]  # fmt: skip


async def test_subscribers_are_listed_in_parts_and_by_how_they_stand(agency: Agency, desk: Desk):
    for name in ("eve", "ann", "bob"):
        await agency.subscriber(name, "sport")
    await agency.subscriber("old", "economy", ends=agency.clock.now)
    first = await desk("GET", "/subscribers?plan=sport&limit=2")
    rest = await desk("GET", f"/subscribers?plan=sport&limit=2&after={first['next']}")
    assert [s["id"] for s in first["subscribers"] + rest["subscribers"]] == ["ann", "bob", "eve"]
    ended = await desk("GET", "/subscribers?state=ended")
    assert [(s["id"], s["state"]) for s in ended["subscribers"]] == [("old", "ended")]
    await desk("GET", "/subscribers?state=gone", 400)


async def test_a_subscribers_feed_is_shown_beside_the_public_one(agency: Agency, desk: Desk):
    await agency.publish("urn:news:economy", "economy")
    await agency.subscriber("ann", "economy")
    found = await desk("GET", "/subscribers/ann/preview?topic=economy")
    (thread,) = found["threads"]
    assert (found["feed"], thread["headline"]) == ("en/economy", "Headline of urn:news:economy")
    assert (thread["own"]["level"], thread["public"]) == ("full", None)
    await desk("GET", "/subscribers/ann/preview?language=xx", 404)
    await desk("GET", "/subscribers/bob/preview", 404)


# --- why, and until when -------------------------------------------------------------------------


async def test_what_someone_sees_is_explained(agency: Agency, desk: Desk):
    await agency.publish("urn:news:sport")
    await agency.subscriber("ann", "late", ends=agency.clock.now + DAY)
    told = await desk("GET", "/explain?subscriber=ann&guid=urn:news:sport")
    assert (told["level"], told["reason"], told["plan"]) == ("summary", "delayed", "late")
    assert [(o["plan"], o["level"], o["decides"]) for o in told["offers"]] == [
        ("late", "summary", True), ("public", "summary", False),
    ]  # fmt: skip
    assert [(t["level"], t["plan"]) for t in told["turns"]] == [
        ("full", "late"), ("summary", "public"),
    ]  # fmt: skip
    assert told["until"] == told["turns"][0]["at"]
    public = await desk("GET", "/explain?subscriber=public&guid=urn:news:sport")
    assert (public["subscription"], public["turns"]) == (None, [])
    await desk("GET", "/explain?subscriber=bob&guid=urn:news:sport", 404)
    await desk("GET", "/explain?subscriber=ann&guid=none", 404)
    await desk("GET", "/explain?subscriber=ann", 400)


async def test_what_runs_out_is_listed(agency: Agency, desk: Desk):
    await agency.subscriber("ann", "sport", ends=agency.clock.now + 5 * DAY)
    found = (await desk("GET", "/ending"))["ending"]
    assert [(e["subscriber"], e["plan"], e["within_days"]) for e in found] == [("ann", "sport", 7)]
    assert (await desk("GET", "/ending?days=1"))["ending"] == []
    await agency.subscriber("bob", "sport", ends=agency.clock.now + 6 * DAY)
    first = await desk("GET", "/ending?limit=1")
    assert first["ending"] == found
    rest = await desk("GET", f"/ending?limit=1&after={first['next']}")
    assert ([e["subscriber"] for e in rest["ending"]], rest["next"]) == (["bob"], None)


async def test_topics_are_listed(desk: Desk):
    topics = (await desk("GET", "/topics"))["topics"]
    assert [(t["slug"], t["broader"]) for t in topics][:2] == [
        ("economy", None), ("markets", "economy"),
    ]  # fmt: skip


# --- in bulk -------------------------------------------------------------------------------------

TABLE = "id,name,plan\nann,=Ann,sport\nbob,Bob,sport\nbob,,economy\n"
CSV = {"Content-Type": "text/csv"}


async def fetch(desk: Desk, path: str) -> tuple[str, str]:
    async with desk.agency.http.get(f"/api/v1/admin{path}", headers=desk.headers) as answer:
        assert answer.status == 200
        return await answer.text(), answer.headers.get("Link", "")


async def send(desk: Desk, path: str, table: str, status: int = 200) -> dict[str, Any]:
    headers = desk.headers | CSV
    url = f"/api/v1/admin{path}"
    async with desk.agency.http.put(url, data=table.encode(), headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return dict(await answer.json())


async def test_a_table_of_subscribers_comes_in_and_goes_out(agency: Agency, desk: Desk):
    would = await send(desk, "/subscribers.csv?dry_run=true", TABLE)
    assert (would["added"], would["written"], would["dry_run"]) == (2, False, True)
    assert await agency.services.accounts.subscribers() == []
    assert [e["place"] for e in would["entries"]] == ["line 2", "line 3"]
    done = await send(desk, "/subscribers.csv", TABLE)
    assert (done["added"], done["written"]) == (2, True)
    out, link = await fetch(desk, "/subscribers.csv")
    assert (out.count("\n"), link) == (4, "")
    assert ",'=Ann," in out
    again = await send(desk, "/subscribers.csv", out)
    assert (again["unchanged"], again["entries"]) == (2, [])
    assert await audited(agency, "subscriber:bob") == ["subscriber.add"]


async def test_a_long_table_goes_out_in_parts(agency: Agency, desk: Desk):
    await send(desk, "/subscribers.csv", TABLE)
    first, link = await fetch(desk, "/subscribers.csv?limit=1")
    assert link.endswith('>; rel="next"')
    rest, last = await fetch(desk, link.split("admin", 1)[1].split(">")[0])
    assert ("ann" in first, "bob" in first, "ann" in rest, "bob" in rest, last) == (
        True, False, False, True, "",
    )  # fmt: skip
    part = await desk("GET", "/subscribers.json?limit=1")
    whole = await desk("GET", f"/subscribers.json?after={part['next']}")
    assert [s["id"] for s in part["subscribers"] + whole["subscribers"]] == ["ann", "bob"]


async def test_a_table_with_a_bad_row_is_refused_whole_by_line_and_column(
    agency: Agency, desk: Desk
):
    bad = TABLE + "eve,E,chess\nBad Id,B,sport\n"
    refused = await send(desk, "/subscribers.csv", bad, 422)
    assert refused["field"] == "line 5: subscriptions[0].plan"
    assert "and 1 more are refused; nothing was kept" in refused["detail"]
    listed = await send(desk, "/subscribers.csv?dry_run=true", bad)
    assert [(e["place"], e["effect"], e["field"]) for e in listed["entries"]] == [
        ("line 2", "added", ""),
        ("line 3", "added", ""),
        ("line 5", "refused", "$.subscriptions[0].plan"),
        ("line 6", "refused", "id"),
    ]
    assert await agency.services.accounts.subscribers() == []
    rest = await send(desk, "/subscribers.csv?skip_bad=true", bad)
    assert (rest["added"], rest["refused"], rest["written"]) == (2, 2, True)
    whole = await send(desk, "/subscribers.csv", "nothing\n", 400)
    assert whole["field"] == "line 1"


async def test_files_of_json_come_in_and_go_out(agency: Agency, desk: Desk):
    body = {"subscribers": [{"id": "ann", "subscriptions": [{"plan": "sport"}]}]}
    assert (await desk("PUT", "/subscribers.json", json=body))["added"] == 1
    held = await desk("GET", "/subscribers.json")
    again = {name: held[name] for name in ("subscribers", "next")}
    assert (await desk("PUT", "/subscribers.json", json=again))["unchanged"] == 1
    changed = {"subscribers": [{"id": "ann", "notes": "x"}]}
    assert (await desk("PUT", "/subscribers.json", json=changed))["changed"] == 1
    (ann,) = await agency.services.accounts.subscribers()
    assert (ann.notes, len(ann.subscriptions)) == ("x", 1)
    bad = {"subscribers": [{"id": "ann"}, {"id": "eve", "subscriptions": [{"plan": "chess"}]}]}
    refused = await desk("PUT", "/subscribers.json", 422, json=bad)
    assert refused["field"] == "$.subscribers[1].subscriptions[0].plan"


async def test_plans_go_out_and_come_in(agency: Agency, desk: Desk):
    table, _ = await fetch(desk, "/plans.csv")
    assert (await send(desk, "/plans.csv", table))["unchanged"] == 5
    held = await desk("GET", "/plans.json")
    body = {"plans": held["plans"]}
    assert (await desk("PUT", "/plans.json", json=body))["unchanged"] == 5
    new = {"plans": [{"name": "gold", "grants": [FULL]}, {"name": "sport", "trial_days": 3}]}
    done = await desk("PUT", "/plans.json", json=new)
    assert (done["added"], done["changed"]) == (1, 1)
    assert (await desk("GET", "/plans/sport"))["version"] == 2
    bad = await desk("PUT", "/plans.json", 422, json={"plans": [{"name": "silver"}]})
    assert bad["field"] == "$.plans[0].grants"


async def test_exports_hold_no_secret(agency: Agency, desk: Desk):
    await agency.subscriber("ann", "sport")
    base, token = await agency.feed_key("ann"), await agency.token("ann")
    for path in ("/subscribers.csv", "/subscribers.json"):
        out, _ = await fetch(desk, path)
        assert "ann" in out
        assert base.removeprefix("/f/") not in out
        assert token["Authorization"].removeprefix("Bearer ") not in out


async def test_who_may_not_see_subscribers_exports_none(agency: Agency):
    newsdesk = await administrator(agency, "tom", Role.DESK)
    for path in ("/subscribers.csv", "/subscribers.json", "/subscribers", "/ending", "/plans.csv"):
        await newsdesk("GET", path, 403)
    auditor = await administrator(agency, "uma", Role.AUDITOR)
    await auditor("GET", "/subscribers.json")
    await auditor("PUT", "/subscribers.json", 403, json={"subscribers": []})
