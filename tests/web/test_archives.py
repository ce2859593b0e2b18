"""Archives over HTTP (RFC 5005): who was away walks back, and holds everything."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agency import (
    DAY,
    HOUR,
    MEDIA_TOPICS,
    PUBLIC_URL,
    SECOND,
    Agency,
    iso,
    running,
    settings_in,
)
from tests.support.archivist import Archivist
from wirefeed.config import Feed
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.plans import Plan
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message

FORMATS = ("rss", "atom", "json")
formats = pytest.mark.parametrize("form", FORMATS)
#: The day on which the stories of these tests begin, and the one after.
FIRST, SECOND_DAY = "2026-03-01", "2026-03-02"


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Agency]:
    """Run an agency whose windows, and so whose pages, are short."""
    async with running(settings_in(tmp_path, feed=Feed(items=3, hours=0))) as agency:
        yield agency


async def days(agency: Agency, count: int = 7, each: int = 4, topic: str = "sport") -> list[str]:
    """Publish for some days; the clock stands at noon of the day after."""
    guids: list[str] = []
    for _ in range(count):
        for _ in range(each):
            guid = f"urn:news:{agency.clock.now // SECOND}"
            await agency.publish(guid, topic)
            guids.append(guid)
        agency.clock.advance(DAY - each * SECOND)
    return guids


async def kill(agency: Agency, guid: str, version: str = "2") -> None:
    await agency.publish(guid, version=version, pubstatus="canceled", slugline="ENDED")


async def status(agency: Agency, path: str, **headers: str) -> int:
    async with agency.http.get(path, headers=headers) as answer:
        await answer.read()
        return answer.status


async def archive_of(agency: Agency, name: str, *grants: Grant) -> dict[str, str]:
    """Sell a plan to a subscriber; gives the header that carries its token."""
    await agency.services.plans.put(Plan(name=name, grants=grants))
    await agency.subscriber(name, name)
    return await agency.token(name)


def everything(days: int | None, level: Level = Level.FULL) -> Grant:
    return Grant(plan="x", topics=frozenset({"*"}), level=level, archive_days=days)


# --- the walk -------------------------------------------------------------------------------------


@formats
async def test_a_reader_that_was_away_for_a_week_walks_back_and_holds_everything(small, form):
    guids = await days(small)
    reader = Archivist(small, f"/en/latest.{form}")
    read = await reader.visit()
    assert set(reader.held) == set(guids)
    pages = [guid for document in read[1:] for guid in document.entries]
    assert len(pages) == len(set(pages))
    # Every day has a page of its own, at the least.
    assert {f"2026-03-0{n}" for n in range(1, 7)} <= {d.url[19:29] for d in read[1:]}
    assert not (await reader.read(read[-1].url)).prev


@formats
async def test_who_has_walked_back_once_reads_only_what_is_new(small, form):
    await days(small)
    reader = Archivist(small, f"/en/latest.{form}")
    before = await reader.visit()
    guids = await days(small, 2)
    again = await reader.visit()
    assert set(guids) <= set(reader.held)
    assert 1 < len(again) <= 10 < len(before) + len(again)
    assert not {d.url for d in again[1:]} & {d.url for d in before}


async def test_stories_that_change_under_the_walk_are_held_as_they_are_now(small):
    guids = await days(small)
    reader = Archivist(small, "/en/latest.json")

    async def between(step: int) -> None:
        """Change the oldest that were not read yet, the newest, and some that were."""
        if step % 2:
            await kill(small, guids[step])
        else:
            await small.publish(guids[-step], version="2", headline=f"Newer {step}")

    read = await reader.visit(between)
    await reader.visit()
    assert set(reader.held) == set(guids)
    killed = {guids[step] for step in range(1, len(read) + 1, 2)}
    assert killed == {g for g, e in reader.held.items() if e["_wirefeed"]["status"] == "canceled"}
    newer = {guids[-step] for step in range(2, len(read) + 1, 2)} - killed
    assert newer == {g for g, e in reader.held.items() if e["title"].startswith("Newer")}


async def test_pages_lead_forth_as_they_lead_back(small):
    await days(small)
    reader = Archivist(small, "/en/latest.atom")
    back = await reader.visit()
    at, forth = back[-1], [back[-1].url]
    while at.next:
        at = await reader.read(at.next)
        forth.append(at.url)
    assert forth == [document.url for document in back[:0:-1]]
    assert {document.current for document in back[1:]} == {"/en/latest.atom"}
    assert back[0].current == back[0].next == ""


async def test_headers_lead_where_documents_do(small):
    await days(small, 3)
    for form in FORMATS:
        for document in await Archivist(small, f"/en/topics/sport.{form}").visit():
            said = {"prev-archive": document.prev, "next-archive": document.next}
            if "/archive/" in document.url:
                said["current"] = document.current
            told = {rel: url for rel, url in document.told.items() if rel in said}
            assert told == {rel: url for rel, url in said.items() if url}
            assert document.told["self"] == document.url


async def test_a_burst_of_one_moment_is_held_whole(small):
    """More than any window shows, and nothing after it."""
    stories = [
        {
            "uri": f"urn:burst:{number}",
            "version": "1",
            "language": "en",
            "versioncreated": iso(small.clock.now),
            "headline": f"Burst {number}",
            "subject": [{"code": MEDIA_TOPICS["sport"]}],
        }
        for number in range(330)
    ]
    raws = [json.dumps(story).encode() for story in stories]
    messages = [Message(raw=raw, revision=ninjs.parse(raw)) for raw in raws]
    for at in range(0, 330, 100):
        await small.services.publishing.accept_all(messages[at : at + 100], "newsroom")
    reader = Archivist(small, "/en/latest.json")
    read = await reader.visit()
    assert len(reader.held) == 330
    # Where there is no other cut, pages end by their size.
    assert {len(document.entries) for document in read[1:-1]} == {12}
    small.clock.advance(2 * DAY)
    await small.publish("urn:news:later")
    await reader.visit()
    assert len(reader.held) == 331


@formats
async def test_what_a_document_has_no_room_for_is_behind_it(small, form):
    """Some readers cut a feed off that is too large; so we do, and lead on from there."""
    long = "".join(f"<p>{'word ' * 2000}{n}</p>" for n in range(60))
    for number in range(9):
        await small.publish(f"urn:long:{number}", body_html=long)
    headers = await archive_of(small, "long", everything(None))
    reader = Archivist(small, f"/subscriber/en/latest.{form}", headers)
    await reader.visit()
    assert len(reader.held) == 9


# --- doors ----------------------------------------------------------------------------------------


@formats
async def test_every_door_and_every_feed_has_an_archive(small, form):
    guids = await days(small, 3)
    await small.subscriber("ann", "sport")
    token, base = await small.token("ann"), await small.feed_key("ann")
    (key,) = await small.services.feed_keys.all("ann")
    await small.services.feed_keys.select(key.id, frozenset({"sport"}))
    for path, headers in (
        (f"/en/topics/sport.{form}", {}),
        (f"/subscriber/en/latest.{form}", token),
        (f"/subscriber/en/topics/sport.{form}", token),
        (f"{base}/en/latest.{form}", {}),
        (f"{base}/en/topics/sport.{form}", {}),
        (f"{base}/en/mine.{form}", {}),
    ):
        reader = Archivist(small, path, headers)
        read = await reader.visit()
        assert set(reader.held) == set(guids), path
        assert len(read) > 3
        stem = path.removesuffix(f".{form}")
        assert all(document.url.startswith(f"{stem}/archive/") for document in read[1:])


@formats
async def test_no_page_names_the_key_it_was_asked_with(small, form):
    await days(small, 3)
    await small.subscriber("ann", "sport")
    base = await small.feed_key("ann")
    for document in await Archivist(small, f"{base}/en/latest.{form}").visit():
        async with small.http.get(document.url) as answer:
            body = await answer.text()
        assert base not in body
        assert "wf_feed_" not in body
        # Many keys share it.
        other = await small.feed_key("ann")
        async with small.http.get(document.url.replace(base, other)) as answer:
            assert await answer.text() == body


async def test_an_archive_shows_each_caller_what_it_may_see(small):
    guids = await days(small, 3)
    await days(small, 1, topic="economy")
    public = Archivist(small, "/en/latest.json")
    await public.visit()
    assert {e["_wirefeed"]["level"] for e in public.held.values()} == {"summary"}
    assert set(public.held) == set(guids)
    await small.subscriber("ann", "sport", "economy")
    headers = await small.token("ann")
    reader = Archivist(small, "/subscriber/en/latest.json", headers)
    *_, last = await reader.visit()
    assert {e["_wirefeed"]["level"] for e in reader.held.values()} == {"full"}
    assert len(reader.held) == 16
    async with small.http.get(last.url, headers=headers) as answer:
        assert answer.headers["Wirefeed-Levels"] == f"full={len(last.entries)}"
        assert answer.headers["Cache-Control"].startswith("private, ")


async def test_a_key_that_lapsed_walks_the_public_archive(small):
    guids = await days(small, 3)
    await small.subscriber("ann", "sport", ends=small.clock.now - HOUR)
    base = await small.feed_key("ann")
    reader = Archivist(small, f"{base}/en/latest.json")
    *_, last = await reader.visit()
    assert {e["_wirefeed"].get("level") for e in last.entries.values()} == {"summary"}
    assert set(guids) < set(reader.held)


async def test_what_a_key_is_not_for_has_no_archive_either(small):
    await days(small, 2)
    await small.subscriber("ann", "everything")
    issued = await small.services.feed_keys.issue("ann", feeds=["en/sport"])
    base = f"/f/{issued.secret}/en"
    assert await status(small, f"{base}/topics/sport/archive/{FIRST}.rss") == 200
    assert await status(small, f"{base}/latest/archive/{FIRST}.rss") == 404
    assert await status(small, f"{base}/topics/politics/archive/{FIRST}.rss") == 404


# --- kills ----------------------------------------------------------------------------------------


@formats
async def test_a_kill_takes_a_story_off_its_page_which_keeps_its_address(small, form):
    guids = await days(small, 3)
    reader = Archivist(small, f"/en/latest.{form}")
    read = await reader.visit()
    (page,) = [d for d in read[1:] if guids[0] in d.entries]
    async with small.http.get(page.url) as answer:
        held = answer.headers
    small.clock.advance(HOUR)
    await kill(small, guids[0])
    for condition in (
        {"If-None-Match": held["ETag"]},
        {"If-Modified-Since": held["Last-Modified"]},
    ):
        async with small.http.get(page.url, headers=condition) as answer:
            assert answer.status == 200
            assert guids[0] not in await answer.text()
    await reader.visit()
    assert reader.held[guids[0]]["title"] == "KILL: ENDED"
    # It stays where the day of the kill is, when the window has gone on.
    small.clock.advance(DAY)
    await days(small, 9)
    late = Archivist(small, f"/en/latest.{form}")
    pages = (await late.visit())[1:]
    assert late.held[guids[0]]["title"] == "KILL: ENDED"
    assert any(guids[0] in document.entries for document in pages)


async def test_a_page_that_all_stories_have_left_leads_on(small):
    guids = await days(small, 3, each=1)
    small.clock.advance(HOUR)
    await days(small, 1)
    await small.publish(guids[1], version="2")
    page = await Archivist(small, "/en/latest.json").read(f"/en/latest/archive/{SECOND_DAY}.json")
    assert page.entries == {}
    assert page.prev == f"/en/latest/archive/{FIRST}.json"
    assert page.next


async def test_the_kill_of_a_replaced_story_takes_nothing_from_who_has_what_replaced_it(small):
    """They have one identifier, and what replaced it changed too long ago for the window."""
    await small.publish("urn:news:first")
    await small.publish("urn:news:second", evolvedfrom="urn:news:first")
    await days(small, 2)
    await kill(small, "urn:news:first")
    reader = Archivist(small, "/en/latest.json")
    await reader.visit()
    assert reader.held["urn:news:first"]["title"] == "Headline of urn:news:second"


# --- validators -----------------------------------------------------------------------------------


@formats
async def test_a_page_that_did_not_change_is_not_sent_again(small, form):
    guids = await days(small, 4)
    path = f"/en/latest/archive/{SECOND_DAY}.{form}"
    async with small.http.get(path) as answer:
        first, headers = await answer.read(), answer.headers
    feed = f"/en/latest.{form}"
    async with small.http.get(feed) as answer:
        for name in ("Cache-Control", "Vary", "Content-Type", "Content-Security-Policy"):
            assert headers[name] == answer.headers[name]
    # What comes later changes nothing on it.
    await days(small, 2)
    async with small.http.get(path, headers={"If-None-Match": headers["ETag"]}) as answer:
        assert answer.status == 304
        assert answer.headers["ETag"] == headers["ETag"]
        assert await answer.read() == b""
    await small.publish(guids[0], version="2")
    async with small.http.get(path) as answer:
        assert await answer.read() == first
    async with small.http.head(path) as answer:
        assert answer.status == 200
    async with small.http.get(path, headers={"Accept-Encoding": "br"}) as answer:
        assert answer.headers["Content-Encoding"] == "br"
        assert await answer.read() == first


async def test_its_date_never_goes_back_whatever_leaves_a_page(small):
    guids = await days(small, 3)
    path, before = f"/en/latest/archive/{SECOND_DAY}.json", ""
    for guid in reversed(guids[4:8]):
        await small.publish(guid, version="2")
        small.clock.advance(10 * SECOND)
        async with small.http.get(path, headers={"If-Modified-Since": before}) as answer:
            assert answer.status == 200
            assert guid not in await answer.text()
            before = answer.headers["Last-Modified"]
    async with small.http.get(path, headers={"If-Modified-Since": before}) as answer:
        assert answer.status == 304


# --- how far back ---------------------------------------------------------------------------------


async def test_the_chain_ends_where_the_plans_archive_does(small):
    """Seven days of stories; it is noon of the eighth."""
    guids = await days(small)
    headers = await archive_of(small, "short", everything(2), everything(None, Level.SUMMARY))
    reader = Archivist(small, "/subscriber/en/latest.json", headers)
    await reader.visit()
    level = {guid: entry["_wirefeed"]["level"] for guid, entry in reader.held.items()}
    assert level == {guid: "full" if n >= 20 else "summary" for n, guid in enumerate(guids)}


async def test_beyond_the_archive_is_nothing_and_no_link_leads_there(small):
    guids = await days(small)
    await small.services.plans.put(Plan(name="public", grants=(everything(2, Level.SUMMARY),)))
    reader = Archivist(small, "/en/latest.json")
    *_, last = await reader.visit()
    assert set(reader.held) == set(guids[-8:])
    assert not last.prev
    inside, outside = (f"/en/latest/archive/2026-03-0{day}.json" for day in (6, 5))
    assert await status(small, inside) == 200
    assert await status(small, outside) == 410
    # A day later, the day is over.
    small.clock.advance(DAY)
    assert await status(small, inside) == 410
    *_, last = await Archivist(small, "/en/latest.json").visit()
    assert not last.prev


async def test_without_an_archive_there_is_no_link_and_no_page(small):
    await days(small, 2)
    await days(small, 1, each=9)
    await small.services.plans.put(Plan(name="public", grants=(everything(0, Level.SUMMARY),)))
    read = await Archivist(small, "/en/latest.json").visit()
    assert len(read) == 1
    assert await status(small, f"/en/latest/archive/{FIRST}.json") == 404


@pytest.mark.parametrize(
    "name",
    [
        # It is not over yet, or has not come.
        "2026-03-02",
        "2026-03-03",
        "9999-12-31",
        # There is no such day, or time.
        "2026-02-30",
        "2026-02-28-250000000000-0123456789",
        # Nobody was given these.
        "2026-03-01-120000000000-0123456789",
        "2026-03-01-1",
        "2026-3-1",
        "1",
    ],
)
async def test_what_no_address_of_ours_says_is_not_there(small, name):
    await days(small, 1)
    assert small.clock.now // DAY * DAY < small.clock.now
    assert await status(small, f"/en/latest/archive/{name}.json") == 404


async def test_pages_are_there_whether_or_not_there_is_anything_on_them(small):
    await days(small, 1)
    for name in ("2026-02-28", "2001-01-01"):
        page = await Archivist(small, "").read(f"/tr/topics/markets/archive/{name}.json")
        assert (page.entries, page.prev, page.next) == ({}, "", "")
    assert await status(small, f"/en/topics/none/archive/{FIRST}.json") == 404
    assert await status(small, f"/de/latest/archive/{FIRST}.json") == 404
    assert await status(small, f"/subscriber/en/latest/archive/{FIRST}.json") == 401


# --- for people -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Archive: 2\u00a0March\u00a02026"), ("tr", "Arşiv: "), ("ar", "الأرشيف: ")],
)
async def test_a_page_explains_itself_to_a_browser(small, language, said):
    for _ in range(3):
        await small.publish(f"urn:news:{language}:{small.clock.now}", language=language)
        small.clock.advance(DAY)
    await days(small, 1)
    path = f"/{language}/latest/archive/{SECOND_DAY}.rss"
    async with small.http.get(path, headers={"Sec-Fetch-Dest": "document"}) as answer:
        assert answer.status == 200
        text = await answer.text()
    assert said in text
    # What is to be copied is the feed.
    assert f'value="{PUBLIC_URL}/{language}/latest.rss"' in text
    assert f'href="/{language}/latest/archive/{FIRST}.rss"' in text
    assert f'href="/{language}/latest.rss"' in text
