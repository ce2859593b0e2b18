"""Kills in feeds for those who lost the plan they had the story by: a bare notice, and no more."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from tests.support.agency import DAY, HOUR, MEDIA_TOPICS, MINUTE, SECOND, Agency
from tests.support.answers import FORMATS, ask, basic
from tests.support.losing import end, kill, narrow, sell
from wirefeed.domain.credentials import FeedKey
from wirefeed.domain.stories import Feed, story_id

LATEST = "/en/latest.json"
BARE = "KILL: 2026-03-01"
#: What of a story its kill shows to those who still have the plan.
WORDS = {"slugline": "Sluggish", "copyrightholder": "Holder", "byline": "Writer"}

Losing = Callable[[Agency], Awaitable[None]]


async def by_the_shop(agency: Agency) -> None:
    await sell(agency, "sport")


async def by_its_end(agency: Agency) -> None:
    await end(agency, "economy")


async def by_less_in_it(agency: Agency) -> None:
    await narrow(agency, "economy")


async def by_all_that_it_had(agency: Agency) -> None:
    await end(agency, "sport")
    await end(agency, "economy")


async def by_suspension(agency: Agency) -> None:
    await agency.services.accounts.suspend("gazette")
    agency.clock.advance(SECOND)


LOSSES = [by_the_shop, by_its_end, by_less_in_it, by_all_that_it_had, by_suspension]


@pytest.fixture
async def key(agency: Agency) -> str:
    """Give the addresses of a paper that has two plans."""
    await agency.subscriber("gazette", "sport", "economy")
    return await agency.feed_key("gazette")


def told(feed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give what a feed shows, but what it says of a subscription."""
    items = [item for item in feed["items"] if not item["id"].startswith("urn:wirefeed:notice:")]
    return [(item["id"], item["title"]) for item in items]


async def row_of(agency: Agency, base: str) -> FeedKey:
    (row,) = [row for row in await agency.services.feed_keys.all() if row.tail == base[-4:]]
    return row


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_feed_tells_the_kill_of_what_its_reader_had_by_a_plan_it_lost(
    agency: Agency, key: str, lose: Losing
):
    await agency.publish("urn:m", "economy", **WORDS)
    assert told(await agency.json(key + LATEST)) == [("urn:m", "Headline of urn:m")]
    await lose(agency)
    gone = await agency.json(key + LATEST)
    assert told(gone) == []
    await kill(agency, "urn:m")
    assert told(await agency.json(key + LATEST)) == [("urn:m", BARE)]


@pytest.mark.parametrize("form", FORMATS)
async def test_it_is_a_bare_notice(agency: Agency, key: str, form: str):
    await agency.publish("urn:m", "economy", **WORDS)
    await agency.subscriber("herald", "economy")
    other = await agency.feed_key("herald")
    await sell(agency, "sport")
    await agency.publish("urn:m", "economy", version="2", pubstatus="canceled", **WORDS)
    bare = await ask(agency, f"{key}/en/latest.{form}")
    full = await ask(agency, f"{other}/en/latest.{form}")
    assert "Sluggish" in full.text
    for word in (*WORDS.values(), "Headline", "economy", "paragraph"):
        assert word not in bare.text
    assert BARE in bare.text
    assert ("deleted-entry" in bare.text) == (form == "atom")
    assert '"canceled"' in bare.text


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_story_that_came_after_the_plan_went_is_not_told(
    agency: Agency, key: str, lose: Losing
):
    await lose(agency)
    await agency.publish("urn:later", "economy")
    agency.clock.advance(MINUTE)
    before = await ask(agency, key + LATEST)
    await kill(agency, "urn:later")
    agency.clock.advance(MINUTE)
    after = await ask(agency, key + LATEST)
    assert (after.body, after.kept) == (before.body, before.kept)


async def test_nor_is_one_that_was_killed_before_the_plan_began(agency: Agency):
    await agency.subscriber("gazette", "sport")
    key = await agency.feed_key("gazette")
    await agency.publish("urn:m", "economy")
    await kill(agency, "urn:m")
    agency.clock.advance(HOUR)
    await sell(agency, "sport", "economy")
    await sell(agency, "sport")
    assert told(await agency.json(key + LATEST)) == []


async def test_it_stays_for_seven_days_by_the_clock(agency: Agency, key: str):
    await agency.publish("urn:m", "economy")
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    agency.clock.advance(7 * DAY - 2 * SECOND)
    assert told(await agency.json(key + LATEST)) == [("urn:m", BARE)]
    agency.clock.advance(2 * SECOND)
    assert told(await agency.json(key + LATEST)) == []


async def test_it_stands_in_the_feeds_where_the_story_stood(agency: Agency, key: str):
    await agency.publish("urn:m", "economy")
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    assert told(await agency.json(f"{key}/en/topics/economy.json")) == [("urn:m", BARE)]
    assert told(await agency.json(f"{key}/en/topics/sport.json")) == []
    await agency.services.feed_keys.select((await row_of(agency, key)).id, frozenset({"economy"}))
    assert told(await agency.json(f"{key}/en/mine.json")) == [("urn:m", BARE)]
    await agency.services.feed_keys.select((await row_of(agency, key)).id, frozenset({"sport"}))
    assert told(await agency.json(f"{key}/en/mine.json")) == []


async def test_it_stands_above_what_came_later(agency: Agency, key: str):
    await agency.publish("urn:m", "economy")
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    await agency.publish("urn:s")
    assert told(await agency.json(key + LATEST)) == [
        ("urn:m", BARE),
        ("urn:s", "Headline of urn:s"),
    ]


async def test_a_subscribers_address_tells_it_by_token_and_by_basic(agency: Agency, key: str):
    token = await agency.token("gazette")
    await agency.publish("urn:m", "economy")
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    for headers in (token, basic(key)):
        feed = await agency.json("/subscriber" + LATEST, **headers)
        assert told(feed) == [("urn:m", BARE)]


async def test_a_token_is_told_nothing_of_plans_it_was_never_for(agency: Agency, key: str):
    narrowed = await agency.token("gazette", entitlements=frozenset({"sport"}))
    await agency.publish("urn:m", "economy")
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    assert told(await agency.json("/subscriber" + LATEST, **narrowed)) == []
    assert (await ask(agency, "/api/v1/stories/urn:m", narrowed)).status == 404


async def test_who_lost_the_same_stories_shares_documents_and_so_does_who_lost_none(
    agency: Agency, key: str
):
    await agency.subscriber("herald", "sport", "economy")
    await agency.subscriber("courier", "sport")
    herald, courier = await agency.feed_key("herald"), await agency.feed_key("courier")
    await agency.publish("urn:m", "economy")
    await sell(agency, "sport")
    await sell(agency, "sport", name="herald")
    await agency.publish("urn:s")
    alike = {(await ask(agency, base + LATEST)).tag for base in (key, herald, courier)}
    assert len(alike) == 1
    await kill(agency, "urn:m")
    rendered = agency.services.counts["renders", "document"]
    tags = [(await ask(agency, base + LATEST)).tag for base in (key, herald, courier)]
    assert tags[0] == tags[1] != tags[2]
    # The one with the kill; the other was there before.
    assert agency.services.counts["renders", "document"] == rendered + 1


async def test_who_sees_the_kill_by_what_it_has_sees_it_once_and_in_full(agency: Agency, key: str):
    both = [{"code": MEDIA_TOPICS[topic]} for topic in ("sport", "economy")]
    await agency.publish("urn:m", subject=both, **WORDS)
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    assert told(await agency.json(key + LATEST)) == [("urn:m", "KILL: Sluggish")]


async def test_a_thread_is_shown_once_by_each_name_that_it_has(agency: Agency, key: str):
    await agency.publish("urn:m", "economy")
    await agency.publish("urn:n", evolvedfrom="urn:m")
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    (old, bare), (new, title) = told(await agency.json(key + LATEST))
    assert (old, bare, title) == ("urn:m", BARE, "Headline of urn:n")
    assert new not in {"urn:m", "urn:n"}
    await sell(agency, "sport", "economy")
    assert told(await agency.json(key + LATEST)) == [("urn:m", "Headline of urn:n")]


async def test_what_is_brought_back_is_told_no_more(agency: Agency, key: str):
    await agency.publish("urn:m", "economy")
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    assert told(await agency.json(key + LATEST)) == [("urn:m", BARE)]
    await agency.services.newsdesk.reinstate("urn:m")
    assert told(await agency.json(key + LATEST)) == []


async def test_a_key_that_was_taken_back_tells_of_what_came_while_it_was_good(
    agency: Agency, key: str
):
    await agency.publish("urn:m", "economy")
    await agency.services.feed_keys.revoke((await row_of(agency, key)).id)
    agency.clock.advance(SECOND)
    await agency.publish("urn:later", "economy")
    await kill(agency, "urn:m", "urn:later")
    assert told(await agency.json(key + LATEST)) == [("urn:m", BARE)]


async def test_its_page_is_gone_and_not_unknown(agency: Agency, key: str):
    token = await agency.token("gazette")
    await agency.publish("urn:m", "economy", **WORDS)
    await sell(agency, "sport")
    await agency.publish("urn:later", "economy")
    await kill(agency, "urn:m", "urn:later")
    # However long ago it was killed.
    agency.clock.advance(20 * DAY)
    statuses = {}
    for name in ("urn:m", "urn:later", "urn:never"):
        page = f"/subscriber/en/stories/{story_id(name)}"
        answers = [await ask(agency, at, token) for at in (page, f"/api/v1/stories/{name}")]
        statuses[name] = [answer.status for answer in answers]
        for word in (*WORDS.values(), "Headline", "economy"):
            assert word not in answers[0].text
    assert statuses == {"urn:m": [410, 410], "urn:later": [404, 404], "urn:never": [404, 404]}


async def test_whoever_looks_at_its_feed_for_it_sees_what_it_sees(agency: Agency, key: str):
    await agency.publish("urn:m", "economy", **WORDS)
    await sell(agency, "sport")
    await kill(agency, "urn:m")
    preview = await agency.services.prospects.feed("gazette", Feed(language="en"))
    assert [headline for headline, _ in preview.pairs] == [BARE]
