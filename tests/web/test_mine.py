"""The feed `mine`: the topics a reader chose on its page, merged; and keys for some feeds only."""

import json
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
from lxml import etree

from tests.support.agency import (
    DAY,
    HOUR,
    MEDIA_TOPICS,
    MINUTE,
    PUBLIC_URL,
    SECOND,
    Agency,
)
from tests.support.answers import FORMATS, Answer, ask, basic, look
from wirefeed.domain.audit import Verb
from wirefeed.domain.credentials import FeedKey
from wirefeed.domain.stories import story_id

MINE = "/en/mine.json"
BOTH = [{"code": MEDIA_TOPICS[topic]} for topic in ("sport", "economy")]


async def key_of(agency: Agency, base: str) -> FeedKey:
    """Give the row behind a private address."""
    rows = await agency.services.feed_keys.all()
    (row,) = [row for row in rows if row.tail == base[-4:]]
    return row


async def choose(agency: Agency, base: str, *topics: str) -> None:
    row = await key_of(agency, base)
    await agency.services.feed_keys.select(row.id, frozenset(topics))
    # What a person reads is theirs, and rows of the audit stay when they have gone.
    chosen = [e for e in await agency.services.audit.newest() if e.verb is Verb.FEED_KEY_SELECT]
    assert all(entry.detail.keys() == {"count"} for entry in chosen)


async def restricted(agency: Agency, subscriber: str, *feeds: str) -> str:
    """Issue a key for some feeds; gives the base path of its addresses."""
    issued = await agency.services.feed_keys.issue(subscriber, feeds=feeds)
    return f"/f/{issued.secret}"


async def a_reader(agency: Agency, *topics: str) -> str:
    """Publish a story a topic and one of two, and give the address of who chose topics."""
    await agency.publish("urn:news:sport", "sport")
    await agency.publish("urn:news:politics", "politics")
    await agency.publish("urn:news:economy", "economy")
    await agency.publish("urn:news:both", subject=BOTH)
    await agency.subscriber("ann", "everything")
    base = await agency.feed_key("ann")
    await choose(agency, base, *topics)
    agency.clock.advance(SECOND)
    return base


async def test_mine_merges_the_chosen_topics_and_shows_every_story_once(agency: Agency):
    base = await a_reader(agency, "sport", "economy")
    mine = await ask(agency, base + MINE)
    assert list(mine.items) == ["urn:news:both", "urn:news:economy", "urn:news:sport"]
    # Every item is the very one of the other feeds.
    everything = (await ask(agency, f"{base}/en/latest.json")).items
    assert all(everything[guid] == item for guid, item in mine.items.items())
    for form in FORMATS:
        text = (await ask(agency, f"{base}/en/mine.{form}")).text
        assert text.count("Headline of urn:news:both") == 1
        assert "urn:news:politics" not in text


async def test_a_chosen_topic_brings_the_narrower_ones_along(agency: Agency):
    base = await a_reader(agency, "economy")
    await agency.publish("urn:news:stocks", "economy", keywords=["stocks"])
    assert "urn:news:stocks" in await look(agency, base + MINE)
    await choose(agency, base, "economy", "markets")
    both = await look(agency, base + MINE)
    assert list(both) == ["urn:news:stocks", "urn:news:both", "urn:news:economy"]
    await choose(agency, base, "markets")
    assert list(await look(agency, base + MINE)) == ["urn:news:stocks"]


@pytest.mark.parametrize("form", FORMATS)
async def test_where_nothing_is_chosen_the_feed_is_empty_and_says_how_to_choose(
    agency: Agency, form
):
    base = await a_reader(agency)
    answer = await ask(agency, f"{base}/en/mine.{form}")
    assert answer.status == 200
    assert "You have not chosen any topics yet" in answer.text
    assert "urn:news" not in answer.text


async def test_the_feed_says_what_was_chosen_in_its_own_language(agency: Agency):
    base = await a_reader(agency, "sport", "economy")
    english = json.loads((await ask(agency, base + MINE)).body)
    assert english["title"] == "Test Agency: Your topics"
    assert english["description"] == "News from Test Agency: Economy, Sport."
    arabic = json.loads((await ask(agency, f"{base}/ar/mine.json")).body)
    assert "اقتصاد، رياضة" in arabic["description"]
    atom = etree.fromstring((await ask(agency, f"{base}/en/mine.atom")).body)
    assert atom.findtext("{http://www.w3.org/2005/Atom}id") == f"{PUBLIC_URL}/en/mine"


async def test_mine_is_there_at_private_addresses_alone(agency: Agency):
    base = await a_reader(agency, "sport")
    for path, headers in (
        (MINE, {}),
        (f"/subscriber{MINE}", basic(base)),
        (f"/subscriber{MINE}", await agency.token("ann")),
        (f"{base}/de/mine.json", {}),
        (f"{base}/en/mine.xml", {}),
        (f"{base}/en/topics/mine.json", {}),
    ):
        assert (await ask(agency, path, headers)).status == 404, path


async def test_a_kill_is_told_in_mine_and_so_is_a_lapse(agency: Agency):
    base = await a_reader(agency, "sport")
    await agency.publish("urn:news:both", version="2", pubstatus="canceled", subject=BOTH)
    assert await look(agency, base + MINE) == {"urn:news:both": "killed", "urn:news:sport": "full"}
    accounts = agency.services.accounts
    await accounts.change_subscriber("ann", lambda s: replace(s, suspended=True))
    lapsed = (await ask(agency, base + MINE)).levels
    # The public sees what is not of the economy, as summaries; of what it had, a kill is told on.
    assert list(lapsed.values()) == ["notice", "killed", "summary"]
    assert "urn:news:sport" in lapsed


# --- validators ----------------------------------------------------------------------------------


async def held(agency: Agency, base: str, **headers: str) -> Answer:
    return await ask(agency, base + MINE, headers)


async def test_another_choice_is_another_document_and_the_same_one_is_held(agency: Agency):
    base = await a_reader(agency, "sport")
    first = await held(agency, base)
    assert (await held(agency, base, **{"If-None-Match": first.tag})).status == 304
    agency.clock.advance(HOUR)
    await choose(agency, base, "politics")
    assert (await held(agency, base, **{"If-None-Match": first.tag})).status == 200
    await choose(agency, base, "sport")
    assert (await held(agency, base, **{"If-None-Match": first.tag})).status == 304


async def test_a_client_that_knows_dates_alone_sees_every_choice(agency: Agency):
    """The stories of the new choice may all be older than those of the one before."""
    base = await a_reader(agency, "sport", "politics")
    agency.clock.advance(HOUR)
    seen = (await held(agency, base)).headers["Last-Modified"]
    for topics in (["politics"], [], ["economy", "politics"]):
        await choose(agency, base, *topics)
        agency.clock.advance(MINUTE)
        changed = await held(agency, base, **{"If-Modified-Since": seen})
        assert changed.status == 200, topics
        seen = changed.headers["Last-Modified"]
        agency.clock.advance(HOUR)
        assert (await held(agency, base, **{"If-Modified-Since": seen})).status == 304


async def test_those_who_chose_the_same_share_a_document_and_not_its_date(agency: Agency):
    base = await a_reader(agency, "sport")
    agency.clock.advance(MINUTE)
    ann = await held(agency, base)
    agency.clock.advance(HOUR)
    other = await agency.feed_key("ann")
    await choose(agency, other, "sport")
    agency.clock.advance(MINUTE)
    again, second = await held(agency, base), await held(agency, other)
    assert (second.body, second.tag) == (ann.body, ann.tag)
    assert again.headers["Last-Modified"] == ann.headers["Last-Modified"]
    dates = [parsedate_to_datetime(a.headers["Last-Modified"]) for a in (ann, second)]
    assert dates[0] < dates[1]
    assert b"/f/" not in second.body


# --- a key for some feeds ------------------------------------------------------------------------


async def test_a_restricted_key_opens_its_feeds_and_there_are_no_others(agency: Agency):
    await a_reader(agency)
    base = await restricted(agency, "ann", "en/sport", "tr/latest")
    for form in FORMATS:
        for tail, status in (
            ("en/topics/sport", 200),
            ("tr/latest", 200),
            ("en/latest", 404),
            ("en/topics/economy", 404),
            ("en/topics/markets", 404),
            ("tr/topics/sport", 404),
            ("ar/latest", 404),
        ):
            answer = await ask(agency, f"{base}/{tail}.{form}")
            assert answer.status == status, tail
            same = await ask(agency, f"/subscriber/{tail}.{form}", basic(base))
            assert same.status == status, tail
    no = await ask(agency, f"{base}/en/topics/chess.json")
    closed = await ask(agency, f"{base}/en/latest.json")
    assert (closed.body, closed.kept) == (no.body, no.kept)


async def test_mine_of_a_restricted_key_merges_what_it_opens(agency: Agency):
    await a_reader(agency)
    base = await restricted(agency, "ann", "en/sport", "en/politics")
    await choose(agency, base, "sport", "economy", "politics")
    found = await look(agency, base + MINE)
    assert list(found) == ["urn:news:both", "urn:news:politics", "urn:news:sport"]
    assert await look(agency, f"{base}/tr/mine.json") == {}
    text = (await ask(agency, base + MINE)).text
    assert "News from Test Agency: Sport, Politics." in text


async def test_a_restricted_key_reads_the_stories_of_its_feeds_in_full(agency: Agency):
    await a_reader(agency)
    base = await restricted(agency, "ann", "en/sport")
    cookie = {"Cookie": f"wirefeed_key={base.removeprefix('/f/')}"}
    for headers in (basic(base), cookie):
        for name, status in (("sport", 200), ("both", 200), ("economy", 404), ("politics", 404)):
            path = f"/subscriber/en/stories/{story_id(f'urn:news:{name}')}"
            assert (await ask(agency, path, headers)).status == status, name
    whole = basic(await agency.feed_key("ann"))
    path = f"/subscriber/en/stories/{story_id('urn:news:economy')}"
    assert (await ask(agency, path, whole)).status == 200


async def test_a_story_that_left_the_feed_of_a_restricted_key_is_told_where_it_stood(
    agency: Agency,
):
    """What its feed links to can be read."""
    await a_reader(agency)
    base = await restricted(agency, "ann", "en/sport")
    await agency.publish("urn:news:sport", "politics", version="2")
    feed = await look(agency, f"{base}/en/topics/sport.json")
    assert "urn:news:sport" in feed
    path = f"/subscriber/en/stories/{story_id('urn:news:sport')}"
    assert (await ask(agency, path, basic(base))).status == 200


async def test_a_restricted_key_that_lapsed_stays_restricted(agency: Agency):
    await a_reader(agency)
    base = await restricted(agency, "ann", "en/sport")
    row = await key_of(agency, base)
    await agency.services.feed_keys.revoke(row.id)
    agency.clock.advance(DAY)
    assert (await ask(agency, f"{base}/en/topics/sport.json")).status == 200
    assert (await ask(agency, f"{base}/en/latest.json")).status == 404
