"""The wire, page by page: what a partner hears, in which order, and what it is shown of it."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import event

from tests.formats.ninjs_schema import SCHEMA
from tests.support.agency import (
    DAY,
    HOUR,
    MEDIA_TOPICS,
    MINUTE,
    SECOND,
    Agency,
    Clock,
    iso,
    running,
    settings_in,
)
from tests.support.events import STREAM
from tests.support.partner import WIRE, Partner, partner, told
from tests.support.reads import reads
from wirefeed.domain.credentials import Scope
from wirefeed.domain.plans import Subscription
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message
from wirefeed.services.wire_log import _CHUNK

VALID = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


async def test_a_partner_hears_of_every_change_once_and_in_order(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await agency.publish("urn:b")
    await agency.publish("urn:a", version="2", headline="Another")
    heard = await sport.catch_up(limit=2)
    assert [told(entry) for entry in heard] == [
        ("publish", "urn:a", 1),
        ("publish", "urn:b", 1),
        ("update", "urn:a", 2),
    ]
    assert await sport.catch_up() == []
    for entry in heard:
        VALID.validate(entry)


async def test_nothing_new_is_the_same_cursor(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await sport.catch_up()
    cursor = sport.cursor
    # For others.
    await agency.publish("urn:m", topic="economy")
    await agency.subscriber("herald", "economy")
    page = await sport.poll()
    assert (page["items"], page["next"], page["more"]) == ([], cursor, False)


async def test_a_page_may_be_asked_for_again(agency: Agency):
    sport = await partner(agency, "sport")
    for uri in ("urn:a", "urn:b", "urn:c"):
        await agency.publish(uri)
    first = await sport.poll(limit=1)
    again = [await _page(sport, after=first["next"], limit="1") for _ in range(2)]
    assert again[0] == again[1]
    assert again[0]["items"][0]["uri"] == "urn:b"


async def test_an_update_says_what_is_other_and_the_version_before_has_no_text(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a", body_html="<p>One and all of it.</p>")
    await agency.publish("urn:a", version="2", body_html="<p>Two and all of it.</p>")
    before, after = await sport.catch_up()
    assert before["wirefeed"]["superseded"] is True
    assert "bodies" not in before
    assert "headlines" not in before
    assert after["bodies"][0]["value"] == "<p>Two and all of it.</p>"
    assert after["wirefeed"]["changed"] == ["summary", "body"]
    assert after["wirefeed"]["material"] is True


async def test_of_a_teaser_it_is_said_what_changed_in_the_teaser(agency: Agency):
    reader = await partner(agency, "economy")
    await agency.publish("urn:a", description_text="Short.", body_html="<p>One.</p>")
    await agency.publish("urn:a", version="2", description_text="Short.", body_html="<p>Two.</p>")
    entry = (await reader.catch_up())[-1]
    assert entry["wirefeed"]["level"] == "summary"
    assert entry["wirefeed"]["representationType"] == "incomplete"
    assert (entry["wirefeed"]["changed"], entry["wirefeed"]["material"]) == ([], False)
    assert "bodies" not in entry


async def test_a_killed_story_has_no_text_anywhere_on_the_wire(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a", headline="Libel", slugline="SLUG", body_html="<p>Libel.</p>")
    await agency.publish("urn:a", version="2", pubstatus="canceled", headline="Libel")
    publish, kill = await sport.catch_up()
    assert [publish["pubStatus"], kill["pubStatus"]] == ["canceled", "canceled"]
    assert kill["headlines"][0]["value"] == "KILL: SLUG"
    assert b"Libel" not in json.dumps([publish, kill]).encode()


async def test_a_kill_among_a_backlog_is_told_ahead_and_again_in_its_place(agency: Agency):
    sport = await partner(agency, "sport")
    for number in range(4):
        await agency.publish(f"urn:{number}")
    await agency.publish("urn:1", version="2", pubstatus="canceled")
    page = await sport.poll(limit=2)
    assert page["kills"] == [{"change": "kill", "uri": "urn:1", "version": "2"}]
    await sport.catch_up()
    assert sport.heard[-1] == ("kill", "urn:1", 2)
    assert "kills" not in sport.pages[-1]


async def test_a_kill_of_what_is_for_others_is_not_told_ahead(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await agency.publish("urn:b")
    await agency.publish("urn:m", topic="economy")
    await agency.publish("urn:m", topic="economy", version="2", pubstatus="canceled")
    assert "kills" not in await sport.poll(limit=1)


async def test_a_story_under_embargo_is_for_those_who_see_it_early(agency: Agency):
    sport, early = await partner(agency, "sport"), await partner(agency, "everything", name="desk")
    await agency.publish("urn:a", embargoed=iso(agency.clock.now + HOUR))
    (flagged,) = await early.catch_up()
    assert flagged["wirefeed"]["embargoed"] is True
    assert flagged["embargoedUntil"]
    assert await sport.catch_up() == []
    agency.clock.advance(HOUR)
    await agency.services.publishing.announce_due()
    for caller, kind in ((sport, "publish"), (early, "release")):
        (entry,) = await caller.catch_up()
        assert told(entry) == (kind, "urn:a", 1)
        assert "embargoedUntil" not in entry
        assert entry["bodies"]


async def test_the_end_of_a_delay_is_a_change_for_who_waits_for_it(agency: Agency):
    late, sport = await partner(agency, "late"), await partner(agency, "sport", name="desk")
    await agency.publish("urn:a")
    (teaser,) = await late.catch_up()
    assert teaser["wirefeed"]["reason"] == "delayed"
    await sport.catch_up()
    agency.clock.advance(30 * MINUTE)
    await agency.services.publishing.announce_due()
    (entry,) = await late.catch_up()
    assert told(entry) == ("release", "urn:a", 1)
    assert entry["bodies"]
    assert await sport.catch_up() == []


async def test_of_a_story_that_moved_away_no_more_is_heard_than_its_kill(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await agency.publish("urn:a", topic="economy", version="2", headline="Moved")
    await agency.publish("urn:a", topic="economy", version="3", headline="Moved")
    publish, gone = await sport.catch_up()
    assert told(gone) == ("withhold", "urn:a", 2)
    assert gone["pubStatus"] == "withheld"
    assert gone["wirefeed"] == {"change": "withhold"}
    assert "bodies" not in publish
    await agency.publish("urn:a", topic="economy", version="4", pubstatus="canceled")
    (kill,) = await sport.catch_up()
    assert (told(kill), kill["wirefeed"]["topics"]) == (("kill", "urn:a", 4), ["sport"])


async def test_the_end_of_what_is_followed_is_heard_whatever_follows_elsewhere(agency: Agency):
    filters = {"topics": "sport"}
    sport = await partner(agency, "sport", "economy", filters=filters)
    await agency.publish("urn:a")
    await sport.catch_up()
    await agency.publish("urn:a", topic="economy", version="2")
    await agency.publish("urn:a", topic="economy", version="3")
    (gone,) = await sport.catch_up()
    assert (told(gone), gone["pubStatus"]) == (("withhold", "urn:a", 2), "withheld")
    # Of the third nothing is heard: with this mark the text would be kept.
    assert "superseded" not in gone["wirefeed"]
    await agency.publish("urn:a", version="4")
    (back,) = await sport.catch_up()
    assert back["bodies"]


async def test_who_has_the_whole_is_told_how_urgent_it_is_and_what_it_is_about(agency: Agency):
    sport, other = await partner(agency, "sport"), await partner(agency, "economy", name="other")
    subject = {"code": MEDIA_TOPICS["sport"], "name": "Sport"}
    genre = {"code": "genre:Actuality", "name": "Actuality"}
    await agency.publish("urn:a", urgency=3, subject=[subject], genre=[genre])
    (whole,), (teaser,) = await sport.catch_up(), await other.catch_up()
    told = {"urgency", "subjects", "genres"}
    assert {name: whole[name] for name in told} == {
        "urgency": 3,
        "subjects": [{"name": "Sport", "uri": MEDIA_TOPICS["sport"]}],
        "genres": [{"name": "Actuality", "uri": "genre:Actuality"}],
    }
    assert told.isdisjoint(teaser)
    VALID.validate(whole)
    await agency.publish("urn:a", version="2", urgency=1, subject=[subject], genre=[genre])
    (whole,), (teaser,) = await sport.catch_up(), await other.catch_up()
    assert whole["wirefeed"]["changed"] == ["urgency"]
    assert teaser["wirefeed"]["changed"] == []


async def test_a_thread_does_not_name_a_story_that_is_kept_from_its_caller(agency: Agency):
    sport, early = await partner(agency, "sport"), await partner(agency, "everything", name="desk")
    await agency.publish("urn:kept", embargoed=iso(agency.clock.now + HOUR))
    await agency.publish("urn:elsewhere", topic="economy")
    await agency.publish("urn:open")
    heirs = {f"{first}:heir": first for first in ("urn:kept", "urn:elsewhere", "urn:open")}
    for heir, first in heirs.items():
        await agency.publish(heir, evolvedfrom=first)
    await agency.publish("urn:hushed", topic="economy")
    await agency.publish("urn:given", evolvedfrom="urn:hushed", altids={"feed": "urn:hushed"})
    # It never came: that must not tell the two others from it.
    await agency.publish("urn:lost:heir", evolvedfrom="urn:lost")
    heard = await sport.catch_up()
    called = _threads(heard)
    ours = [called.pop(f"urn:{name}:heir") for name in ("kept", "elsewhere", "lost")]
    assert all(name.startswith("urn:wirefeed:thread:") for name in ours)
    assert len(set(ours)) == 3
    assert called == {
        "urn:open": "urn:open",
        "urn:open:heir": "urn:open",
        # By this name its newsroom has everybody call it.
        "urn:given": "urn:hushed",
    }
    assert all(one["altIds"][0]["value"] == one["wirefeed"]["thread"] for one in heard)
    known = _threads(await early.catch_up())
    assert {heir: known[heir] for heir in heirs} == heirs
    story = await agency.json("/api/v1/stories/urn:kept:heir", **sport.token)
    assert story["wirefeed"]["thread"] == ours[0]


def _threads(heard: list[dict[str, Any]]) -> dict[str, str]:
    return {one["uri"]: one["wirefeed"]["thread"] for one in heard}


async def test_a_story_written_from_one_that_is_kept_is_published_to_its_caller(agency: Agency):
    sport, desk = await partner(agency, "sport"), await partner(agency, "everything", name="desk")
    await agency.publish("urn:elsewhere", topic="economy")
    await agency.publish("urn:open")
    await agency.publish("urn:heir", evolvedfrom="urn:elsewhere")
    await agency.publish("urn:open:heir", evolvedfrom="urn:open")
    assert [told(entry) for entry in await sport.catch_up()] == [
        ("publish", "urn:open", 1),
        ("publish", "urn:heir", 1),
        ("update", "urn:open:heir", 1),
    ]
    assert [one["wirefeed"]["change"] for one in await desk.catch_up()][2:] == ["update", "update"]


async def test_a_story_replaced_by_one_out_of_sight_is_taken_back(agency: Agency):
    sport, desk = await partner(agency, "sport"), await partner(agency, "everything", name="desk")
    await agency.publish("urn:s")
    for one in (sport, desk):
        await one.catch_up()
    await agency.publish("urn:m", topic="economy", evolvedfrom="urn:s")
    (gone,) = await sport.catch_up()
    assert gone == {
        "uri": "urn:s",
        "version": "1",
        "pubStatus": "withheld",
        "altIds": [{"role": "feed", "value": "urn:s"}],
        "wirefeed": {"change": "withhold", "thread": "urn:s"},
    }
    assert [told(entry) for entry in await desk.catch_up()] == [("update", "urn:m", 1)]
    anew = Partner(agency, sport.token)
    assert [told(entry) for entry in await anew.catch_up()] == [
        ("publish", "urn:s", 1),
        ("withhold", "urn:s", 1),
    ]
    assert "bodies" not in anew.entries[0]
    for who, status in ((sport, 410), (desk, 200)):
        async with agency.http.get("/api/v1/stories/urn:s", headers=who.token) as answer:
            assert answer.status == status


async def test_a_story_that_nobody_saw_before_is_published(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a", expires=iso(agency.clock.now - HOUR))
    await agency.publish("urn:a", version="2")
    heard = await sport.catch_up()
    assert [told(entry) for entry in heard] == [("publish", "urn:a", 2)]


# --- where it begins ------------------------------------------------------------------------------


async def test_without_a_cursor_the_wire_begins_now(agency: Agency):
    await agency.publish("urn:a")
    sport = await partner(agency, "sport", cursor="")
    assert await sport.catch_up() == []
    await agency.publish("urn:b")
    assert [told(entry) for entry in await sport.catch_up()] == [("publish", "urn:b", 1)]


async def test_it_may_begin_at_a_time(agency: Agency):
    await agency.publish("urn:a")
    agency.clock.advance(MINUTE)
    since = iso(agency.clock.now)
    await agency.publish("urn:b")
    sport = await partner(agency, "sport", cursor="")
    page = await sport.poll(since=since)
    assert [entry["uri"] for entry in page["items"]] == ["urn:b"]
    assert await sport.catch_up() == []


async def test_a_backfill_reaches_as_far_as_the_archive_of_each_plan(agency: Agency):
    sport = await partner(agency, "sport")
    plans = agency.services.plans
    await agency.publish("urn:first")
    await sport.catch_up()
    await agency.publish("urn:old")
    agency.clock.advance(40 * DAY)
    await agency.publish("urn:new")
    for name in ("sport", "public"):
        plan = await plans.get(name)
        grants = tuple(replace(grant, archive_days=30) for grant in plan.grants)
        await plans.put(replace(plan, grants=grants))
    sport.token = await agency.token("gazette")
    again = Partner(agency, sport.token)
    assert {entry["uri"] for entry in await again.catch_up()} == {"urn:new"}
    # Whoever began before goes on with what it is owed, and is told that there is less to begin at.
    owed = [entry["uri"] for entry in await sport.catch_up()]
    assert owed == ["entitlement", "urn:old", "urn:new"]


# --- filters --------------------------------------------------------------------------------------


async def test_filters_are_part_of_the_cursor(agency: Agency):
    mixed = await partner(agency, "sport", "economy", filters={"topics": "economy"})
    await agency.publish("urn:a")
    await agency.publish("urn:m", topic="economy")
    assert [told(entry) for entry in await mixed.catch_up()] == [("publish", "urn:m", 1)]
    answer = await _ask(mixed, after=mixed.cursor, topics="sport")
    assert answer["status"] == 400
    assert answer["field"] == "after"
    assert "after=oldest" in answer["remedy"]


async def test_a_story_in_another_language_is_not_asked_for(agency: Agency):
    turkish = await partner(agency, "sport", filters={"languages": "tr"})
    await agency.publish("urn:a")
    await agency.publish("urn:t", language="tr")
    assert [entry["uri"] for entry in await turkish.catch_up()] == ["urn:t"]


@pytest.mark.parametrize("said", ["en", "EN", "en-GB", "EN-gb-oed", "en,En-US"])
async def test_a_language_is_asked_for_as_a_story_is_in_it(agency: Agency, said: str):
    english = await partner(agency, "sport", filters={"languages": said})
    await agency.publish("urn:a", language="en-AU")
    await agency.publish("urn:t", language="tr")
    assert [entry["uri"] for entry in await english.catch_up()] == ["urn:a"]
    # It is the same wire, however it was asked for.
    again = Partner(agency, english.token, filters={"languages": "en"})
    await again.catch_up()
    assert again.cursor == english.cursor


async def test_the_languages_there_are_is_what_a_partner_is_told_of_another(agency: Agency):
    sport = await partner(agency, "sport")
    assert (await _ask(sport, languages="xx"))["remedy"] == "use en, tr, ar"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"topics": "no-such"}, "topics"),
        ({"topics": "sport,"}, "topics"),
        ({"languages": "%%"}, "languages"),
        ({"languages": "xx"}, "languages"),
        ({"languages": "en,x-en"}, "languages"),
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"wait": "61"}, "wait"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-03-01T00:00:00Z", "after": "oldest"}, "since"),
        ({"after": "AAAA"}, "after"),
        ({"after": "x" * 300}, "after"),
        ({"limt": "5"}, "limt"),
    ],
)
async def test_what_cannot_be_taken_is_named(agency: Agency, query: dict[str, str], field: str):
    sport = await partner(agency, "sport")
    answer = await _ask(sport, **query)
    assert (answer["status"], answer["field"]) in [(400, field), (410, field)]


async def test_a_cursor_is_its_subscribers_alone(agency: Agency):
    sport, other = await partner(agency, "sport"), await partner(agency, "sport", name="herald")
    await agency.publish("urn:a")
    await sport.catch_up()
    assert (await _ask(other, after=sport.cursor))["status"] == 400


async def test_a_cursor_older_than_what_is_kept_says_where_to_restart(agency: Agency):
    sport = await partner(agency, "sport", filters={"topics": "sport"})
    await agency.publish("urn:a")
    await sport.catch_up()
    agency.clock.advance(402 * DAY)
    agency.newsroom = ""
    await agency.publish("urn:b")
    sport.token = await agency.token("gazette")
    answer = await _ask(sport, after=sport.cursor)
    assert (answer["status"], answer["field"]) == (410, "after")
    restart = await agency.json(answer["restart"], **sport.token)
    assert [entry["uri"] for entry in restart["items"]] == ["urn:b"]


# --- waiting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["page", "stream", "ack", "reconcile"])
async def test_a_cursor_that_another_process_has_just_given_is_taken(tmp_path: Path, way: str):
    settings, clock = settings_in(tmp_path), Clock()
    async with running(settings, clock) as first, running(settings, clock) as second:
        sport = await partner(first, "sport", "economy")
        await sport.catch_up()
        for number in range(4):
            # Whoever publishes is answered when the second has seen it; who waits, before.
            waiting = asyncio.create_task(sport.poll(wait=60))
            await _held_up(first)
            publishing = asyncio.create_task(first.publish(f"urn:{number}"))
            await waiting
            assert await _status(second, way, sport) in {200, 204}
            await publishing


async def _status(agency: Agency, way: str, caller: Partner) -> int:
    """Send a cursor by one of the ways there are; gives the status of the answer."""
    cursor, headers = caller.cursor, dict(caller.token)
    match way:
        case "ack":
            asked = agency.http.post(f"{WIRE}/ack", json={"cursor": cursor}, headers=headers)
        case "reconcile":
            query = {"after": "oldest", "until": cursor}
            asked = agency.http.get(f"{WIRE}/reconcile", params=query, headers=headers)
        case "stream":
            asked = agency.http.get(STREAM, headers=headers | {"Last-Event-ID": cursor})
        case _:
            asked = agency.http.get(WIRE, params={"after": cursor}, headers=headers)
    async with asked as answer:
        return answer.status


async def test_a_request_is_held_until_something_comes(agency: Agency):
    sport = await partner(agency, "sport")
    await sport.catch_up()
    waiting = asyncio.create_task(sport.poll(wait=30))
    await _held_up(agency)
    await agency.publish("urn:m", topic="economy")
    await _held_up(agency)
    assert not waiting.done()
    await agency.publish("urn:a")
    async with asyncio.timeout(5):
        page = await waiting
    assert [entry["uri"] for entry in page["items"]] == ["urn:a"]


async def test_who_waits_is_answered_when_the_time_is_over(agency: Agency):
    sport = await partner(agency, "sport")
    page = await sport.poll(wait=1)
    assert page["items"] == []


async def test_who_waits_learns_that_its_token_was_revoked(agency: Agency):
    sport = await partner(agency, "sport")
    await sport.catch_up()
    waiting = asyncio.create_task(_ask(sport, after=sport.cursor, wait="30"))
    await _held_up(agency)
    (token,) = await agency.services.tokens.all("gazette")
    await agency.services.tokens.revoke(token.jti)
    async with asyncio.timeout(5):
        assert (await waiting)["status"] == 401


# --- who may --------------------------------------------------------------------------------------


async def test_a_token_needs_the_scope_and_a_live_subscription(agency: Agency):
    await agency.subscriber("gazette", "sport", ends=agency.clock.now + HOUR)
    without = await agency.token("gazette", scopes=frozenset({Scope.FEEDS_READ}))
    assert (await _ask(Partner(agency, without)))["status"] == 403
    assert (await _ask(Partner(agency, {})))["status"] == 401
    good = Partner(agency, await agency.token("gazette"))
    await good.poll()
    agency.clock.advance(HOUR)
    answer = await _ask(good)
    assert answer["status"] == 403
    assert answer["remedy"] == "renew it"


async def test_an_answer_says_what_is_left(agency: Agency):
    sport = await partner(agency, "sport")
    async with agency.http.get(WIRE, headers=sport.token) as empty:
        assert empty.headers["RateLimit-Policy"] == '"answers";q=300000;w=60'
        assert empty.headers["RateLimit"] == '"answers";r=300000;t=0'
        assert empty.headers["Cache-Control"] == "private, no-store"
    await agency.publish("urn:a")
    query = {"after": "oldest"}
    async with agency.http.get(WIRE, params=query, headers=sport.token) as answer:
        assert answer.headers["RateLimit"] == '"answers";r=299999;t=1'


# --- rights that change ---------------------------------------------------------------------------


async def test_a_change_of_rights_is_told_between_two_pages(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await sport.catch_up()
    held = await agency.services.accounts.subscriber("gazette")
    more = Subscription(plan="economy", starts=agency.clock.now)
    await agency.services.accounts.put_subscriber(
        replace(held, subscriptions=(*held.subscriptions, more))
    )
    await agency.publish("urn:m", topic="economy")
    change, story = await sport.catch_up()
    assert told(change) == ("entitlement", "entitlement", 0)
    assert change["wirefeed"]["backfill"] == f"{WIRE}?after=oldest"
    assert told(story) == ("publish", "urn:m", 1)
    assert await sport.catch_up() == []


# --- proof ----------------------------------------------------------------------------------------


async def test_reconciling_gives_the_total_and_digest_a_partner_has(agency: Agency):
    sport = await partner(agency, "sport", cursor="")
    await sport.poll()
    began = sport.cursor
    for number in range(5):
        await agency.publish(f"urn:{number}")
    await sport.catch_up()
    proof = await _reconcile(sport, after=began, until=sport.cursor, limit="3")
    assert proof["more"] is True
    rest = await _reconcile(sport, after=proof["next"], until=sport.cursor, limit="3")
    listed = [*proof["items"], *rest["items"]]
    assert [(one["change"], one["uri"], int(one["version"])) for one in listed] == sport.heard
    assert rest["agrees"] is True
    assert (rest["total"], rest["digest"]) == (5, sport.pages[-1]["digest"])
    await agency.publish("urn:later")
    unchanged = await _reconcile(sport, after=began, until=sport.cursor)
    assert (unchanged["agrees"], unchanged["count"]) == (True, 5)


async def test_reconciling_shows_that_another_beginning_is_another_wire(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await agency.publish("urn:b")
    await sport.poll(limit=1)
    later = sport.cursor
    await sport.catch_up()
    other = Partner(agency, sport.token)
    await other.catch_up()
    assert (await _reconcile(sport, after="oldest", until=other.cursor))["agrees"] is True
    agency.clock.advance(SECOND)
    partial = await _reconcile(sport, after=later, until=other.cursor)
    assert [one["uri"] for one in partial["items"]] == ["urn:b"]


async def test_a_proof_begins_where_what_its_caller_may_see_last_became_another(agency: Agency):
    sport = await partner(agency, "sport", cursor="")
    await sport.poll()
    began = sport.cursor
    await agency.publish("urn:a")
    await agency.publish("urn:before", topic="economy")
    await sport.catch_up()
    await _sell(agency, "sport", "economy")
    await agency.publish("urn:b")
    await sport.catch_up()
    await _sell(agency, "sport")
    await agency.publish("urn:c")
    await agency.publish("urn:after", topic="economy")
    await sport.catch_up()
    for query in ({}, {"after": began}, {"after": "oldest"}):
        proof = await _reconcile(sport, until=sport.cursor, **query)
        assert proof["agrees"] is True
        assert [(one["change"], one["uri"]) for one in proof["items"]] == [("publish", "urn:c")]
        assert (proof["total"], proof["digest"]) == (6, sport.pages[-1]["digest"])
        # It may be gone on from, as from any other.
        later = Partner(agency, sport.token, cursor=proof["from"], entries=sport.entries[:5])
        assert [told(entry) for entry in await later.catch_up()] == [("publish", "urn:c", 1)]
        assert later.cursor == sport.cursor


async def test_nothing_is_proven_of_rights_that_are_others_by_now(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await sport.catch_up()
    await _sell(agency, "sport", "economy")
    proof = await _reconcile(sport, until=sport.cursor)
    assert [one["change"] for one in proof["items"]] == ["entitlement"]
    assert "agrees" not in proof
    assert proof["from"] == sport.cursor
    await sport.catch_up()
    assert (await _reconcile(sport, until=sport.cursor))["agrees"] is True


async def test_a_drill_leaves_its_partner_a_proof(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await sport.catch_up()
    await sport.poll()
    await agency.services.ledger.flush()
    running_drill = asyncio.create_task(agency.services.drills.run("gazette", wait=0.5))
    while not running_drill.done():
        await sport.poll(wait=1)
    await sport.catch_up()
    changes = [change for change, _, _ in sport.heard]
    assert changes[:3] == ["publish", "entitlement", "publish"]
    assert (await _reconcile(sport, until=sport.cursor))["agrees"] is True


async def test_an_archive_is_proven_as_it_was_when_its_reader_began(agency: Agency):
    await _keep(agency, 30)
    await agency.publish("urn:a")
    agency.clock.advance(20 * DAY)
    sport = await partner(agency, "sport")
    await sport.catch_up()
    assert sport.heard == [("publish", "urn:a", 1)]
    agency.clock.advance(20 * DAY)
    sport = Partner(agency, await agency.token("gazette"), cursor=sport.cursor)
    for query in ({}, {"after": "oldest"}):
        proof = await _reconcile(sport, until=sport.cursor, **query)
        assert (proof["agrees"], proof["count"]) == (True, 1)


@pytest.mark.parametrize(("days", "others"), [(90, 30), (30, 90)])
async def test_an_archive_of_another_length_is_told_and_leaves_a_proof(
    agency: Agency, days: int, others: int
):
    await _keep(agency, days)
    for number in range(6):
        await agency.publish(f"urn:{number}")
        agency.clock.advance(10 * DAY)
    sport = await partner(agency, "sport")
    await sport.catch_up()
    assert (len(sport.heard) == 6) is (days == 90)
    await _keep(agency, others)
    assert [told(entry) for entry in await sport.catch_up()] == [("entitlement", "entitlement", 0)]
    await agency.publish("urn:new")
    await sport.catch_up()
    proof = await _reconcile(sport, until=sport.cursor)
    assert (proof["agrees"], proof["total"]) == (True, len(sport.entries))


async def _keep(agency: Agency, days: int) -> None:
    """Let the archives of sport reach so far back."""
    for name in ("sport", "public"):
        held = (await agency.services.plans.all())[name]
        grants = tuple(replace(grant, archive_days=days) for grant in held.grants)
        await agency.services.plans.put(replace(held, grants=grants))


async def _sell(agency: Agency, *plans: str) -> None:
    held = await agency.services.accounts.subscriber("gazette")
    now = agency.clock.now
    becomes = tuple(Subscription(plan=plan, starts=now) for plan in plans)
    await agency.services.accounts.put_subscriber(replace(held, subscriptions=becomes))
    agency.clock.advance(SECOND)


async def test_a_cursor_is_acknowledged(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await sport.catch_up()
    for cursor, status in ((sport.cursor, 204), ("AAAA", 422), ("", 422)):
        answer = await agency.http.post(f"{WIRE}/ack", json={"cursor": cursor}, headers=sport.token)
        assert answer.status in (status, 410 if cursor == "AAAA" else status)


# --- one story ------------------------------------------------------------------------------------


async def test_one_story_is_given_by_guid_or_id_as_its_caller_may_see_it(agency: Agency):
    sport, other = await partner(agency, "sport"), await partner(agency, "economy", name="herald")
    await agency.publish("urn:a")
    whole = await agency.json("/api/v1/stories/urn:a", **sport.token)
    VALID.validate(whole)
    assert whole["bodies"]
    assert "change" not in whole["wirefeed"]
    by_id = await agency.json(f"/api/v1/stories/{whole['wirefeed']['id']}", **sport.token)
    assert by_id == whole
    teaser = await agency.json("/api/v1/stories/urn:a", **other.token)
    assert "bodies" not in teaser
    await agency.publish("urn:m", topic="economy")
    for name in ("urn:m", "urn:never"):
        async with agency.http.get(f"/api/v1/stories/{name}", headers=sport.token) as answer:
            assert answer.status == 404
    await agency.publish("urn:a", version="2", pubstatus="canceled")
    async with agency.http.get("/api/v1/stories/urn:a", headers=sport.token) as answer:
        assert answer.status == 410
        assert "restart" not in await answer.json()


async def _held_up(agency: Agency) -> None:
    """Return when a request waits for the wire."""
    async with asyncio.timeout(5):
        # Nobody tells that somebody waits.
        while not agency.services.wire.log.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def _page(caller: Partner, **query: str) -> dict[str, Any]:
    async with caller.agency.http.get(WIRE, params=query, headers=caller.token) as answer:
        assert answer.status == 200
        return dict(json.loads(await answer.read()))


async def _ask(caller: Partner, **query: str) -> dict[str, Any]:
    query = caller.filters | query
    async with caller.agency.http.get(WIRE, params=query, headers=caller.token) as answer:
        return dict(json.loads(await answer.read())) | {"status": answer.status}


async def _reconcile(caller: Partner, **query: str) -> dict[str, Any]:
    path = f"{WIRE}/reconcile"
    async with caller.agency.http.get(path, params=query, headers=caller.token) as answer:
        assert answer.status == 200, await answer.text()
        return dict(json.loads(await answer.read()))


# --- bursts ---------------------------------------------------------------------------------------


async def test_a_thousand_stories_of_one_moment_are_each_heard_once(agency: Agency):
    sport = await partner(agency, "sport")
    for group in range(10):
        raws = [_story(f"urn:{group}:{number}") for number in range(100)]
        messages = [Message(raw=raw, revision=ninjs.parse(raw)) for raw in raws]
        await agency.services.publishing.accept_all(messages, "newsroom")
    heard = await sport.catch_up(limit=137)
    assert [entry["uri"] for entry in heard] == [
        f"urn:{group}:{number}" for group in range(10) for number in range(100)
    ]


async def test_who_hears_nothing_new_asks_nothing_of_the_database(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:a")
    await sport.catch_up()
    await agency.publish("urn:m", topic="economy")
    await sport.catch_up()
    with reads(agency) as seen:
        for _ in range(5):
            assert (await sport.poll())["items"] == []
    assert [reader for reader in seen if not reader.startswith(BESIDE)] == []


def _story(uri: str) -> bytes:
    story = {"uri": uri, "version": "1", "language": "en", "headline": uri, "body_html": "<p>A</p>"}
    return json.dumps({**story, "subject": [{"code": MEDIA_TOPICS["sport"]}]}).encode()


#: What reads without being asked: for embargoes that end, callbacks, the ledger, figures.
BESIDE = ("announce", "Delivery.", "KillAlarms.", "Ledger.", "Metrics.", "Usage.")


async def test_rights_that_end_while_a_page_is_found_are_not_those_it_is_given_by(agency: Agency):
    ends = agency.clock.now + HOUR
    await agency.subscriber("gazette", "sport", ends=ends)
    sport = Partner(agency, await agency.token("gazette"))
    await sport.catch_up()
    await agency.publish("urn:a")

    def overtake(*execution: Any) -> None:
        # Of all that is read, this alone is the page's: changes, so many at once.
        if "FROM wire" in execution[2] and _CHUNK in execution[3]:
            agency.clock.now = ends

    engine = agency.services.database._in_one_go._reading._engine
    event.listen(engine, "before_cursor_execute", overtake)
    answer = await _ask(sport, after=sport.cursor)
    assert agency.clock.now == ends
    assert (answer["status"], "items" in answer) == (403, False)


async def test_what_is_in_no_feed_is_on_no_wire(agency: Agency):
    whole = await partner(agency, "everything")
    await agency.publish("urn:de", language="de")
    assert await whole.catch_up() == []
    async with agency.http.get("/api/v1/stories/urn:de", headers=whole.token) as answer:
        assert answer.status == 404
