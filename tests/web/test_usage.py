"""Over HTTP: what is noted of credentials that are used, and of those that are refused."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.security.routes import Route, table
from tests.support.agency import DAY, HOUR, START, Agency, running, settings_in
from tests.support.answers import FORMATS, ask, basic, look
from wirefeed.config import Guessing, Leaks, Server
from wirefeed.domain.credentials import Scope
from wirefeed.domain.stories import story_id
from wirefeed.domain.terms import Terms
from wirefeed.web.request import KEY_COOKIE

MINIFLUX = {"User-Agent": "Mozilla/5.0 (compatible; Miniflux/2.2.9; +https://miniflux.app)"}
#: What is posted there has its own conditions.
BEHIND_KEYS = [route for route in table() if "key" in route.parameters and route.method != "POST"]
STORY = "urn:news:first"
VALUES = {"lang": ["en"], "topic": ["sport"], "format": ["json"], "page": ["2026-02-28"]}


async def seen(agency: Agency) -> list[tuple[str, str, int]]:
    return [
        (one.network, one.client, one.requests)
        for use in await agency.services.usage.keys()
        for one in use.sightings
    ]


# --- use -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", BEHIND_KEYS, ids=lambda route: f"{route.method} {route.template}")
async def test_every_address_with_a_key_notes_where_it_is_used(agency: Agency, route: Route):
    await agency.subscriber("reader", "sport")
    key = (await agency.feed_key("reader")).removeprefix("/f/")
    (path,) = route.paths(VALUES | {"key": [key]})
    await ask(agency, path, MINIFLUX, method=route.method)
    assert await seen(agency) == [("127.0.0.0/24", "Miniflux", 1)]


async def test_a_key_is_noted_by_whichever_way_it_comes(agency: Agency):
    await agency.publish(STORY)
    await agency.subscriber("reader", "sport")
    base = await agency.feed_key("reader")
    await look(agency, "/subscriber/en/latest.json", basic(base))
    cookie = {"Cookie": f"{KEY_COOKIE}={base.removeprefix('/f/')}"}
    page = await ask(agency, f"/subscriber/en/stories/{story_id(STORY)}", cookie)
    assert page.status == 200
    assert sum(requests for _, _, requests in await seen(agency)) == 2
    (use,) = await agency.services.usage.keys("reader")
    assert use.key.last_used == agency.clock.now


async def test_a_key_that_lapsed_is_still_seen(agency: Agency):
    await agency.subscriber("reader", "sport", ends=START - HOUR)
    base = await agency.feed_key("reader")
    await look(agency, f"{base}/en/latest.json", MINIFLUX)
    assert await seen(agency) == [("127.0.0.0/24", "Miniflux", 1)]


async def test_where_proxies_are_listed_it_is_where_they_say(tmp_path: Path):
    server = Server(trusted_proxies=("127.0.0.1/32",))
    async with running(settings_in(tmp_path, server=server)) as agency:
        await agency.subscriber("reader", "sport")
        base = await agency.feed_key("reader")
        await look(agency, f"{base}/en/latest.json", {"X-Forwarded-For": "2001:db8:1:2::3"})
        assert [network for network, _, _ in await seen(agency)] == ["2001:db8:1::/48"]


async def test_tokens_are_noted_whoever_they_are_of(agency: Agency):
    await agency.publish(STORY)
    await agency.subscriber("reader", "sport")
    await look(agency, "/subscriber/en/latest.json", await agency.token("reader"))
    await ask(agency, "/subscriber/en/latest.json", {"Authorization": "Bearer nonsense"})
    await agency.services.usage.flush()
    used = {t.subject: t.last_used for t in await agency.services.tokens.all()}
    assert used == {"reader": agency.clock.now, "source:newsroom": START}


async def test_while_the_database_cannot_be_written_requests_are_answered(agency: Agency):
    await agency.subscriber("reader", "sport")
    base = await agency.feed_key("reader")
    token = await agency.token("reader")
    other = sqlite3.connect(agency.file, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            assert (await ask(agency, f"{base}/en/latest.json", MINIFLUX)).status == 200
            assert (await ask(agency, "/subscriber/en/latest.json", token)).status == 200
        other.execute("ROLLBACK")
    finally:
        other.close()
    await agency.services.usage.flush(all_=True)
    assert await seen(agency) == [("127.0.0.0/24", "Miniflux", 20)]


# --- refusals ------------------------------------------------------------------------------------


async def issue(agency: Agency, **terms: Any) -> tuple[str, dict[str, str]]:
    """Issue a token to the reader; gives its `jti`, and the header that carries it."""
    issued = await agency.services.tokens.issue(Terms(subscriber="reader", **{"days": 30} | terms))
    return issued.row.jti, {"Authorization": f"Bearer {issued.secret}"}


async def refused(agency: Agency) -> dict[str, tuple[str, str, str]]:
    """Give what was refused by token: why, where, and from where."""
    return {
        one.credential: (one.reason, one.route, one.network)
        for one in await agency.services.usage.refusals("reader")
    }


async def test_what_is_refused_is_noted_with_its_reason(agency: Agency):
    await agency.subscriber("reader", "sport", ends=START + 20 * DAY)
    expected = {}

    async def refuse(reason: str, status: int, path: str, route: str, **terms: Any) -> None:
        jti, header = await issue(agency, **terms)
        if reason == "revoked":
            await agency.services.tokens.revoke(jti)
        if reason == "expired":
            agency.clock.advance(2 * DAY)
        if reason == "ended":
            agency.clock.advance(20 * DAY)
        method = "POST" if path.endswith("stories") else "GET"
        assert (await ask(agency, path, header, method=method)).status == status
        expected[jti] = (reason, route, "127.0.0.0/24")

    feed = ("/subscriber/en/latest.json", "/subscriber/{lang}/latest.{format}")
    await refuse("network", 403, *feed, networks=("192.0.2.0/24",))
    await refuse("scope", 403, *feed, scopes=frozenset({Scope.WIRE_READ}))
    await refuse("scope", 403, "/api/v1/stories", "/api/v1/stories")
    await refuse("role", 403, "/api/v1/admin/audit", "/api/v1/admin/audit")
    await refuse("revoked", 401, *feed)
    await refuse("expired", 401, *feed, days=1)
    await refuse("ended", 403, *feed)
    assert await refused(agency) == expected


async def test_what_is_told_to_wait_is_noted_too(tmp_path: Path):
    guessing = Guessing(per_minute=1, per_hour=0)
    async with running(settings_in(tmp_path, guessing=guessing)) as agency:
        await agency.subscriber("reader", "sport")
        jti, header = await issue(agency)
        await agency.services.tokens.revoke(jti)
        statuses = [
            (await ask(agency, "/subscriber/en/latest.json", header)).status for _ in range(3)
        ]
        assert statuses == [401, 429, 429]
        assert len(await agency.services.usage.refusals("reader")) == 3


async def test_of_what_is_nobodys_nothing_is_noted(agency: Agency):
    await agency.subscriber("reader", "sport")
    _, header = await issue(agency)
    forged = {"Authorization": header["Authorization"][:-4] + "AAAA"}
    for headers in ({}, forged, {"Authorization": "Bearer nonsense"}, basic("/f/nonsense")):
        assert (await ask(agency, "/subscriber/en/latest.json", headers)).status == 401
    assert await refused(agency) == {}


# --- shared keys ---------------------------------------------------------------------------------


async def read_by_two(agency: Agency, base: str) -> None:
    await look(agency, f"{base}/en/latest.json", {"User-Agent": "Feedbin - 2 subscribers"})
    await agency.services.usage.flush()


@pytest.mark.parametrize("form", FORMATS)
async def test_the_reader_of_a_shared_key_is_told_in_its_feed(agency: Agency, form: str):
    await agency.publish(STORY)
    await agency.subscriber("reader", "sport")
    base = await agency.feed_key("reader")
    address = f"{base}/en/latest.{form}"
    before = await ask(agency, address)
    agency.clock.advance(HOUR)
    await read_by_two(agency, base)
    told = await ask(agency, address)
    notice = f"urn:wirefeed:notice:shared:{agency.clock.now}"
    assert notice in told.text
    assert told.tag != before.tag
    # An item an event: it stays as it is.
    agency.clock.advance(DAY)
    await read_by_two(agency, base)
    assert (await ask(agency, address)).body == told.body
    (use,) = await agency.services.usage.keys("reader")
    await agency.services.leaks.dismiss(use.key.id)
    assert (await ask(agency, address)).body == before.body


async def test_a_shared_key_may_be_taken_back_at_once(tmp_path: Path):
    async with running(settings_in(tmp_path, leaks=Leaks(policy="rotate"))) as agency:
        await agency.publish(STORY)
        await agency.subscriber("reader", "sport")
        base = await agency.feed_key("reader")
        assert set((await look(agency, f"{base}/en/latest.json")).values()) == {"full"}
        await read_by_two(agency, base)
        answer = await ask(agency, f"{base}/en/latest.json")
        assert sorted(answer.levels.values()) == ["notice", "summary"]
        assert "found in public" in answer.text
