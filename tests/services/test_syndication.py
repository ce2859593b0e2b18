"""What becomes of a story in the feeds: kills, embargoes, delays, rights, topics and threads."""

import gc
import json
import tracemalloc

import pytest
from lxml import etree

from tests.support.agency import (
    DAY,
    HOUR,
    MINUTE,
    PUBLIC_URL,
    SECOND,
    Agency,
    iso,
    running,
    settings_in,
)
from tests.support.answers import FORMATS, ask, look
from wirefeed.config import Feed
from wirefeed.domain.stories import Feed as Selection
from wirefeed.domain.stories import story_id
from wirefeed.formats import ninjs
from wirefeed.services.documents import MOST_BYTES, Document, Format
from wirefeed.services.feed_stories import FeedStories
from wirefeed.services.publishing import Message
from wirefeed.services.windows import weight_of

ATOM = "{http://www.w3.org/2005/Atom}"
DELETED = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"
SPORT = "/en/topics/sport.json"
LATEST = "/en/latest.json"
STORY = "urn:news:story"
REST = "Paragraph 7 of"
OF = "paragraph of"


def page_of(guid: str) -> str:
    return f"/en/stories/{story_id(guid)}"


async def address(agency: Agency, plan: str) -> str:
    """Give a private address of a subscriber with a plan."""
    await agency.subscriber(f"has-{plan}", plan)
    return await agency.feed_key(f"has-{plan}")


async def kill(agency: Agency, guid: str = STORY, version: str = "2", **fields: str) -> None:
    kept = {"slugline": "SLUG-LINE"} | fields
    await agency.publish(guid, version=version, pubstatus="canceled", **kept)


# --- kills ---------------------------------------------------------------------------------------


async def test_a_kill_takes_the_storys_place_under_its_guid_and_tells_nothing_of_it(
    agency: Agency,
):
    await agency.publish(STORY, headline="Secret headline", byline="Ann Author")
    await agency.publish("urn:news:later", "politics")
    everything = await address(agency, "everything")
    await kill(agency, headline="Secret headline")
    for base in ("", everything):
        answer = await ask(agency, f"{base}{LATEST}")
        # It comes first, before what came later.
        assert list(answer.items) == [STORY, "urn:news:later"]
        item = answer.items[STORY]
        assert item["title"] == "KILL: SLUG-LINE"
        assert "withdrawn by the agency" in item["content_html"]
        assert item["_wirefeed"]["status"] == "canceled"
        for form in FORMATS:
            text = (await ask(agency, f"{base}/en/latest.{form}")).text
            for gone in ("Secret headline", "Ann Author", f"{REST} {STORY}", f"First {OF} {STORY}"):
                assert gone not in text


async def test_a_kill_is_a_tombstone_in_atom_and_moves_the_feed_forward(agency: Agency):
    await agency.publish(STORY)
    before = etree.fromstring((await ask(agency, "/en/latest.atom")).body)
    agency.clock.advance(HOUR)
    await kill(agency)
    after = etree.fromstring((await ask(agency, "/en/latest.atom")).body)
    (stone,) = after.findall(DELETED)
    assert stone.get("ref") == STORY
    assert after.findtext(f"{ATOM}entry/{ATOM}id") == STORY
    assert (after.findtext(f"{ATOM}updated") or "") > (before.findtext(f"{ATOM}updated") or "")
    assert not before.findall(DELETED)


async def test_a_kill_re_enters_every_feed_the_story_was_ever_in(agency: Agency):
    await agency.publish(STORY, "sport")
    await agency.publish(STORY, "politics", version="2")
    # Others push it out of every window.
    agency.clock.advance(2 * DAY)
    for n in range(51):
        both = [{"code": "medtop:15000000"}, {"code": "medtop:11000000"}]
        await agency.publish(f"urn:news:{n}", subject=both)
    feeds = [f"/en/{tail}.json" for tail in ("topics/sport", "topics/politics", "latest")]
    for feed in feeds:
        assert STORY not in await look(agency, feed)
    await kill(agency, version="3")
    for feed in feeds:
        assert next(iter(await look(agency, feed))) == STORY
    assert STORY not in await look(agency, "/en/topics/economy.json")
    # It stays for a week, at the top.
    for n in range(51):
        await agency.publish(f"urn:news:{n}", "sport", version="2")
    assert next(iter(await look(agency, SPORT))) == STORY


async def test_a_kill_is_told_to_those_who_could_see_the_story_and_to_nobody_else(agency: Agency):
    await agency.publish(STORY, "economy")
    economy, sport = await address(agency, "economy"), await address(agency, "sport")
    await agency.publish(STORY, "economy", version="2", pubstatus="canceled")
    assert await look(agency, f"{economy}{LATEST}") == {STORY: "killed"}
    for base in ("", sport):
        for form in FORMATS:
            assert STORY not in (await ask(agency, f"{base}/en/latest.{form}")).text
    assert (await ask(agency, page_of(STORY))).status == 404


async def test_a_kill_of_what_was_never_shown_is_told_to_nobody(agency: Agency):
    await agency.publish(STORY, pubstatus="canceled")
    assert await look(agency) == {}
    assert (await ask(agency, page_of(STORY))).status == 404


# --- withheld, corrected, reinstated -------------------------------------------------------------


async def test_a_withheld_story_is_nowhere_until_it_is_usable_again(agency: Agency):
    await agency.publish(STORY)
    everything = await address(agency, "everything")
    await agency.publish(STORY, version="2", pubstatus="withheld")
    for base in ("", everything):
        assert await look(agency, f"{base}{LATEST}") == {}
    assert (await ask(agency, page_of(STORY))).status == 404
    await agency.publish(STORY, version="3")
    assert await look(agency) == {STORY: "summary"}
    assert (await ask(agency, page_of(STORY))).status == 200


async def test_a_correction_is_marked_and_comes_first(agency: Agency):
    await agency.publish(STORY)
    await agency.publish("urn:news:later")
    await agency.publish(
        STORY, version="2", headline="Corrected", signal=[{"code": "sig:correction"}]
    )
    items = (await ask(agency, LATEST)).items
    assert list(items) == [STORY, "urn:news:later"]
    assert items[STORY]["title"] == "Corrected"
    assert items[STORY]["_wirefeed"]["correction"] is True
    assert items[STORY]["date_published"] < items[STORY]["date_modified"]
    assert "corrects an earlier one" in (await ask(agency, page_of(STORY))).text


# --- embargoes -----------------------------------------------------------------------------------


async def test_under_an_embargo_only_early_readers_see_it_and_flagged(agency: Agency):
    await agency.publish("urn:news:other")
    early, late = await address(agency, "everything"), await address(agency, "sport")
    agency.clock.advance(MINUTE)
    before = {base: await ask(agency, f"{base}/en/latest.rss") for base in ("", late)}
    await agency.publish(STORY, embargoed=iso(agency.clock.now + HOUR))
    agency.clock.advance(SECOND)
    for base, held in before.items():
        # No item, no count, no validator tells that there is something.
        now = await ask(agency, f"{base}/en/latest.rss")
        assert now.body == held.body
        assert now.kept == held.kept
    assert (await ask(agency, page_of(STORY))).status == 404
    item = (await ask(agency, f"{early}{LATEST}")).items[STORY]
    assert item["_wirefeed"]["level"] == "full"
    assert item["_wirefeed"]["embargoedUntil"] == "2026-03-01T13:01:01Z"
    assert "not for publication before" in item["content_html"]


@pytest.mark.parametrize("announced", [True, False])
async def test_an_embargo_ends_on_time_for_everybody_announced_or_not(agency: Agency, announced):
    late = await address(agency, "sport")
    await agency.publish(STORY, embargoed=iso(agency.clock.now + HOUR))
    await agency.publish("urn:news:later")
    agency.clock.advance(HOUR - 2 * SECOND - 1)
    assert await look(agency) == {"urn:news:later": "summary"}
    agency.clock.advance(1)
    if announced:
        await agency.services.publishing.announce_due()
    levels = await look(agency, f"{late}{LATEST}")
    assert levels == {STORY: "full", "urn:news:later": "full"}
    assert (await ask(agency, page_of(STORY))).status == 200


async def test_a_released_story_is_a_new_change_published_at_its_release(agency: Agency):
    await agency.publish(STORY, embargoed="2026-03-01T13:00:00Z")
    await agency.publish("urn:news:later")
    held = await ask(agency, LATEST)
    agency.clock.advance(HOUR)
    await agency.services.publishing.announce_due()
    answer = await ask(agency, LATEST, {"If-None-Match": held.tag})
    assert list(answer.items) == [STORY, "urn:news:later"]
    assert answer.items[STORY]["date_published"] == "2026-03-01T13:00:00Z"
    assert "embargoedUntil" not in answer.items[STORY]["_wirefeed"]
    story = await agency.services.publishing.find(STORY)
    assert story.position > (await agency.services.publishing.find("urn:news:later")).position


# --- what the clock changes without a word on the wire --------------------------------------------


async def test_a_delayed_reader_gets_the_summary_then_the_full_text_when_its_time_comes(
    agency: Agency,
):
    base = await address(agency, "late")
    await agency.publish(STORY)
    path = f"{base}{LATEST}"
    token = await agency.token("has-late")
    first = await ask(agency, path)
    assert first.items[STORY]["_wirefeed"]["reason"] == "delayed"
    told = await ask(agency, "/subscriber/en/latest.json", token)
    assert told.headers["Wirefeed-Levels"] == "summary=1; why=delay"
    agency.clock.advance(30 * MINUTE - SECOND - 1)
    assert (await ask(agency, path)).levels == {STORY: "summary"}
    agency.clock.advance(1)
    # Nothing happened on the wire: what was remembered must know that it is over.
    assert (await ask(agency, path, {"If-None-Match": first.tag})).levels == {STORY: "full"}
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert (await ask(agency, path, since)).status == 200
    told = await ask(agency, "/subscriber/en/latest.json", token)
    assert told.headers["Wirefeed-Levels"] == "full=1"


async def test_an_update_does_not_begin_the_delay_anew(agency: Agency):
    base = await address(agency, "late")
    await agency.publish(STORY)
    agency.clock.advance(HOUR)
    await agency.publish(STORY, version="2")
    assert await look(agency, f"{base}{LATEST}") == {STORY: "full"}


@pytest.mark.parametrize("announced", [True, False])
async def test_when_its_rights_end_nothing_of_a_story_is_shown(agency: Agency, announced):
    everything = await address(agency, "everything")
    await agency.publish(STORY, expires=iso(agency.clock.now + HOUR))
    paths = [f"{base}/en/latest.{form}" for base in ("", everything) for form in FORMATS]
    held = {path: await ask(agency, path) for path in paths}
    agency.clock.advance(HOUR - SECOND)
    if announced:
        await agency.services.publishing.announce_due()
    agency.clock.advance(SECOND)
    for path in paths:
        answer = await ask(agency, path, {"If-None-Match": held[path].tag})
        assert answer.status == 200
        assert STORY not in answer.text
    assert (await ask(agency, page_of(STORY))).status == 404


async def test_a_subscription_that_begins_later_begins_without_a_word_on_the_wire(agency: Agency):
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport", ends=agency.clock.now + HOUR)
    base = await agency.feed_key("ann")
    assert (await look(agency, f"{base}{LATEST}"))[STORY] == "full"
    agency.clock.advance(HOUR - 1)
    assert (await look(agency, f"{base}{LATEST}"))[STORY] == "full"
    agency.clock.advance(1)
    assert (await look(agency, f"{base}{LATEST}"))[STORY] == "summary"


# --- topics --------------------------------------------------------------------------------------


async def test_a_story_that_moves_says_so_where_it_stood(agency: Agency):
    await agency.publish(STORY, "sport")
    sport = await address(agency, "sport")
    assert await look(agency, f"{sport}{SPORT}") == {STORY: "full"}
    await agency.publish(STORY, "politics", version="2")
    for feed in (SPORT, "/en/topics/politics.json"):
        item = (await ask(agency, feed)).items[STORY]
        assert item["tags"] == ["Politics"]
    assert await look(agency, f"{sport}{SPORT}") == {STORY: "summary"}


async def test_a_story_that_moves_out_of_sight_leaves(agency: Agency):
    await agency.publish(STORY, "sport")
    held = await ask(agency, SPORT)
    await agency.publish(STORY, "economy", version="2")
    assert (await ask(agency, SPORT, {"If-None-Match": held.tag})).levels == {}
    assert (await ask(agency, page_of(STORY))).status == 404


async def test_a_story_stands_in_the_broader_topic_too(agency: Agency):
    await agency.publish(STORY, "economy", subject=[], keywords=["Stocks"])
    economy = await address(agency, "economy")
    for topic in ("markets", "economy"):
        assert await look(agency, f"{economy}/en/topics/{topic}.json") == {STORY: "full"}
    # What the public plan takes away, it takes away with all that is narrower.
    assert await look(agency, "/en/topics/markets.json") == {}


# --- threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("late_ancestor", [False, True])
async def test_an_update_under_a_new_guid_takes_its_ancestors_place(agency: Agency, late_ancestor):
    async def second() -> None:
        await agency.publish("urn:news:second", "politics", evolvedfrom="urn:news:first")

    if late_ancestor:
        await second()
    await agency.publish("urn:news:first", "sport")
    if not late_ancestor:
        await second()
    for feed in (SPORT, "/en/topics/politics.json", LATEST):
        items = (await ask(agency, feed)).items
        # One item, under the thread's GUID, with the newest text and address.
        assert list(items) == ["urn:news:first"]
        assert items["urn:news:first"]["title"] == "Headline of urn:news:second"
        assert story_id("urn:news:second") in items["urn:news:first"]["url"]
    answer = await ask(agency, page_of("urn:news:first"))
    assert answer.status == 200
    assert "Headline of urn:news:second" in answer.text


async def test_the_newsroom_may_give_a_thread_its_guid(agency: Agency):
    await agency.publish("urn:news:first", altids={"feed": "tag:news.example,2026:1"})
    await agency.publish("urn:news:second", evolvedfrom="urn:news:first")
    assert await look(agency) == {"tag:news.example,2026:1": "summary"}


async def test_a_kill_of_the_newest_ends_the_thread_wherever_it_stood(agency: Agency):
    await agency.publish("urn:news:first", "sport")
    await agency.publish("urn:news:second", "politics", evolvedfrom="urn:news:first")
    await kill(agency, "urn:news:second", evolvedfrom="urn:news:first")
    for feed in (SPORT, "/en/topics/politics.json", LATEST):
        assert await look(agency, feed) == {"urn:news:first": "killed"}
    for guid in ("urn:news:first", "urn:news:second"):
        assert (await ask(agency, page_of(guid))).status == 410


async def test_what_replaced_a_story_out_of_sight_is_not_told_of(agency: Agency):
    """The old version is no longer for anybody; what became of the new one is no business here."""
    await agency.publish("urn:news:first", "sport")
    await agency.publish("urn:news:second", "economy", evolvedfrom="urn:news:first")
    assert await look(agency) == {}
    await agency.publish(
        "urn:news:second",
        "economy",
        version="2",
        pubstatus="canceled",
        evolvedfrom="urn:news:first",
        slugline="SECRET-SLUG",
    )
    assert await look(agency) == {}
    for guid in ("urn:news:first", "urn:news:second"):
        assert (await ask(agency, page_of(guid))).status == 404


# --- windows -------------------------------------------------------------------------------------


async def test_a_window_holds_the_newest_by_change_and_no_more_than_it_should(tmp_path):
    settings = settings_in(tmp_path, feed=Feed(items=3, hours=1))
    async with running(settings) as agency:
        for n in range(5):
            await agency.publish(f"urn:news:{n}", versioncreated=f"20{20 - n}-01-01T00:00:00Z")
        # All within the hour: dates of their own do not count.
        assert list(await look(agency)) == [f"urn:news:{n}" for n in (4, 3, 2, 1, 0)]
        agency.clock.advance(2 * HOUR)
        await agency.publish("urn:news:5")
        assert list(await look(agency)) == [f"urn:news:{n}" for n in (5, 4, 3)]
        await agency.publish("urn:news:0", version="2")
        assert list(await look(agency)) == [f"urn:news:{n}" for n in (0, 5, 4)]


async def test_hidden_stories_take_no_place_in_a_window(tmp_path):
    async with running(settings_in(tmp_path, feed=Feed(items=2, hours=0))) as agency:
        for n in range(2):
            await agency.publish(f"urn:news:{n}")
        await agency.services.publishing.accept_all([hidden(n) for n in range(120)], "newsroom")
        assert list(await look(agency)) == ["urn:news:1", "urn:news:0"]
        economy = await address(agency, "economy")
        assert len(await look(agency, f"{economy}{LATEST}")) == 2


def hidden(n: int) -> Message:
    """Give a message that is hidden from the public."""
    subject = [{"code": "medtop:04000000"}]
    raw = json.dumps({"uri": f"urn:hidden:{n}", "language": "en", "subject": subject}).encode()
    return Message(raw=raw, revision=ninjs.parse(raw))


async def test_an_answer_is_made_once_and_remembered(agency: Agency):
    await agency.publish(STORY)
    services = agency.services
    reader = await services.readers.public()

    async def made() -> Document:
        return await services.syndication.document(
            Selection(language="en"), Format.RSS, reader, self_url=""
        )

    first = await made()
    assert await made() is first
    await agency.publish("urn:news:later")
    assert await made() is not first


async def test_a_feed_of_long_stories_ends_before_it_is_too_large(agency: Agency):
    """Some readers cut a larger feed off, in the middle of whatever stands there."""
    long = "".join(f"<p>{'word ' * 2000}{n}</p>" for n in range(14))
    for number in range(20):
        await agency.publish(f"urn:long:{number}", body_html=long)
    await agency.subscriber("reads-all", "everything")
    headers = await agency.token("reads-all")
    for form in ("rss", "atom", "json"):
        path = f"/subscriber/en/latest.{form}"
        async with agency.http.get(path, headers=headers) as answer:
            body = await answer.read()
            told = answer.headers["Wirefeed-Levels"]
        assert len(body) < MOST_BYTES * 1.01
        assert told == "full=14"
        assert b"urn:long:19" in body
        assert b"urn:long:5" not in body


async def test_a_translation_stands_beside_what_it_was_made_from(agency: Agency):
    await agency.publish("urn:news:en", language="en")
    await agency.publish("urn:news:tr", language="tr", evolvedfrom="urn:news:en")
    for language, guid in (("en", "urn:news:en"), ("tr", "urn:news:tr")):
        (item,) = (await agency.json(f"/{language}/topics/sport.json"))["items"]
        assert item["url"].endswith(f"/{language}/stories/{story_id(guid)}")
        async with agency.http.get(f"/{language}/stories/{story_id(guid)}") as page:
            assert page.status == 200


async def test_a_story_that_changes_its_language_is_found_where_its_feeds_say(agency: Agency):
    await agency.publish("urn:news:both", language="tr")
    await agency.publish("urn:news:both", language="en", version="2")
    for language in ("tr", "en"):
        (item,) = (await agency.json(f"/{language}/topics/sport.json"))["items"]
        async with agency.http.get(item["url"].removeprefix(PUBLIC_URL)) as page:
            assert page.status == 200


async def test_the_kill_of_a_replaced_story_reaches_who_lost_sight_of_it(agency: Agency):
    """The update went to another topic: who saw only the first version hears of its end."""
    await agency.publish("urn:news:first", slugline="First")
    await agency.publish("urn:news:second", "economy", evolvedfrom="urn:news:first")
    await agency.publish("urn:news:first", version="2", pubstatus="canceled", slugline="First")
    (item,) = (await agency.json("/en/topics/sport.json"))["items"]
    assert (item["id"], item["title"]) == ("urn:news:first", "KILL: First")
    async with agency.http.get(f"/en/stories/{story_id('urn:news:first')}") as page:
        assert page.status == 410
    await agency.subscriber("trader", "economy")
    headers = await agency.token("trader")
    seen = await agency.json("/subscriber/en/topics/economy.json", **headers)
    assert [i["title"] for i in seen["items"]] == ["Headline of urn:news:second"]


async def test_a_message_without_language_keeps_the_storys_own(agency: Agency):
    await agency.publish("urn:news:tr", language="tr")
    await agency.send({"uri": "urn:news:tr", "version": "2", "headline": "Yeni"})
    (item,) = (await agency.json("/tr/latest.json"))["items"]
    assert (item["title"], item["language"]) == ("Yeni", "tr")
    assert (await agency.json("/en/latest.json"))["items"] == []


@pytest.mark.parametrize("paragraphs", [40, 400])
async def test_a_window_weighs_about_what_it_takes(agency: Agency, paragraphs: int):
    body = f"<p>{'The quay was opened on Monday. ' * 8}</p>" * paragraphs
    for number in range(20):
        await agency.publish(f"{STORY}:{number}", body_html=body)
    services = agency.services
    reader, feed = await services.readers.public(), Selection(language="en")
    await services.syndication.window(feed, reader)
    services.syndication._feeds.windows.forget()
    # Others that were chosen from the same stories would have shared them.
    services.syndication._reading._stories = FeedStories()
    gc.collect()
    tracemalloc.start()
    try:
        window = await services.syndication.window(feed, reader)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(window.items) == 20
    assert weight_of(window) == pytest.approx(taken, rel=0.3)
