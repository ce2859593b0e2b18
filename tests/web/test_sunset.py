"""Before an end: the header `Sunset` for 30 days, and a notice in the feed for the last 7."""

from dataclasses import replace
from datetime import datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import pytest

from tests.support.agency import DAY, HOUR, SECOND, START, Agency, running, settings_in
from tests.support.answers import BROWSER, FORMATS, Answer, ask, basic
from wirefeed.config import Site
from wirefeed.domain.plans import Subscription
from wirefeed.domain.stories import story_id

SPORT = f"/en/stories/{story_id('urn:news:sport')}"
RENEW = "https://shop.example/sport?from=feed"


def http_date(micros: int) -> str:
    return formatdate(micros // SECOND, usegmt=True)


async def a_reader(agency: Agency, days: float, **fields: Any) -> str:
    """Publish a story, and give the address of a reader whose subscription ends in some days."""
    await agency.publish("urn:news:sport")
    agency.clock.now = START
    await agency.subscriber("ann", "sport", ends=START + round(days * DAY))
    if fields:
        await change(agency, **fields)
    return await agency.feed_key("ann")


async def change(agency: Agency, **fields: Any) -> None:
    """Change the subscription."""
    await agency.services.accounts.change_subscriber(
        "ann",
        lambda s: replace(s, subscriptions=tuple(replace(o, **fields) for o in s.subscriptions)),
    )


async def sell(agency: Agency, **urls: str) -> None:
    """Say where the plan can be subscribed to, by language."""
    plan = await agency.services.plans.get("sport")
    await agency.services.plans.put(replace(plan, subscribe_urls=urls))


def modified(answer: Answer) -> datetime:
    return parsedate_to_datetime(answer.headers["Last-Modified"])


def link(answer: Answer) -> str | None:
    """Give the target of the link `sunset`."""
    links = answer.headers.get("Link", "").split(", ")
    found = [one.partition(">")[0][1:] for one in links if one.endswith('; rel="sunset"')]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize(
    ("days", "fields", "expected"),
    [
        (31, {}, None),
        (30, {}, 30),
        (7, {}, 7),
        (1, {}, 1),
        (0.25, {}, 0.25),
        # In the days of grace it is their end.
        (-2, {"grace_days": 5}, 3),
        # After it there is nothing more to end.
        (-2, {"grace_days": 2}, None),
    ],
)
async def test_from_thirty_days_before_an_end_every_answer_says_when(
    agency: Agency, days, fields, expected
):
    base = await a_reader(agency, days, **fields)
    date = None if expected is None else http_date(START + round(expected * DAY))
    own = [f"{base}/en/latest.{form}" for form in FORMATS]
    own += [f"{base}/en/topics/sport.rss", f"{base}/en/mine.rss", f"{base}/", f"{base}/opml"]
    for path in own:
        assert (await ask(agency, path)).headers.get("Sunset") == date, path
    feed = await ask(agency, own[0])
    held = await ask(agency, own[0], {"If-None-Match": feed.tag})
    assert (held.status, held.headers.get("Sunset")) == (304, date)
    for path in ("/subscriber/en/latest.rss", f"/subscriber{SPORT}"):
        assert (await ask(agency, path, basic(base))).headers.get("Sunset") == date, path
    assert (await ask(agency, own[0], BROWSER)).headers.get("Sunset") == date
    for path in ("/en/latest.rss", SPORT, "/en/"):
        assert "Sunset" not in (await ask(agency, path)).headers


async def test_a_token_says_its_own_end_if_that_comes_first(agency: Agency):
    await a_reader(agency, 20)
    for days, expected in ((40, 20), (20, 20), (5, 5)):
        token = await agency.token("ann", days=days)
        answer = await ask(agency, "/subscriber/en/latest.rss", token)
        assert answer.headers["Sunset"] == http_date(START + expected * DAY)


async def test_a_renewal_in_time_takes_it_back(agency: Agency):
    base = await a_reader(agency, 5)
    assert "Sunset" in (await ask(agency, f"{base}/en/latest.rss")).headers
    more = Subscription(plan="sport", starts=START + 5 * DAY, ends=START + 400 * DAY)
    await agency.services.accounts.change_subscriber(
        "ann", lambda s: replace(s, subscriptions=(*s.subscriptions, more))
    )
    assert "Sunset" not in (await ask(agency, f"{base}/en/latest.rss")).headers


async def test_the_link_leads_to_where_the_plan_is_renewed(agency: Agency):
    base = await a_reader(agency, 20)
    feed = f"{base}/ar/latest.rss"
    # Nobody has said where.
    assert link(await ask(agency, feed)) is None
    await sell(agency, en=RENEW, tr="https://shop.example/spor‹ı>", ar="mailto:desk@news.example")
    for path, expected in (
        (feed, "mailto:desk@news.example"),
        (f"{base}/en/latest.rss", RENEW),
        (f"{base}/tr/latest.rss", "https://shop.example/spor%E2%80%B9%C4%B1%3E"),
        (f"{base}/", RENEW),
        (f"{base}/opml", RENEW),
    ):
        assert link(await ask(agency, path)) == expected, path
    answer = await ask(agency, f"{base}/en/latest.rss")
    assert answer.headers["Link"].startswith("<")
    # Its own, its hub, two other formats, and where to renew.
    assert answer.headers["Link"].count("rel=") == 5


async def test_the_agencys_own_page_is_where_a_plan_has_none(tmp_path):
    site = Site(name="Test Agency", languages=("en",), subscribe_url="https://news.example/buy")
    async with running(settings_in(tmp_path, site=site)) as agency:
        base = await a_reader(agency, 20)
        path = f"{base}/en/latest.rss"
        assert link(await ask(agency, path)) == "https://news.example/buy"
        await sell(agency, en=RENEW)
        assert link(await ask(agency, path)) == RENEW
        # The public is told of no end.
        assert link(await ask(agency, "/en/latest.rss")) is None


# --- the notice in the feed ----------------------------------------------------------------------


async def notices(agency: Agency, base: str, language: str = "en") -> list[dict[str, Any]]:
    items = (await ask(agency, f"{base}/{language}/latest.json")).items.values()
    told = [item for item in items if item["_wirefeed"].get("notice")]
    # A date is not broken at the end of a line.
    return [item | {"title": item["title"].replace("\u00a0", " ")} for item in told]


async def test_seven_days_before_an_end_one_item_says_so_and_stays_the_same(agency: Agency):
    base = await a_reader(agency, 20)
    agency.clock.now = START + 13 * DAY - SECOND
    assert await notices(agency, base) == []
    agency.clock.now = START + 13 * DAY
    (told,) = await notices(agency, base)
    assert told["title"] == "Your subscription ends on 21 March 2026"
    assert told["date_published"] == told["date_modified"] == "2026-03-14T12:00:00Z"
    for form in FORMATS:
        text = (await ask(agency, f"{base}/en/latest.{form}")).text
        assert told["title"] in text.replace("\u00a0", " ")
    for days in (1, 3, 6.9):
        agency.clock.now = START + 13 * DAY + round(days * DAY)
        await agency.publish(f"urn:news:{days}")
        assert await notices(agency, base) == [told]
    (turkish,) = await notices(agency, base, "tr")
    assert (turkish["id"], turkish["title"]) == (
        told["id"],
        "Aboneliğiniz 21 Mart 2026 tarihinde bitiyor",
    )
    # At the end itself another item takes its place.
    agency.clock.now = START + 20 * DAY
    (ended,) = await notices(agency, base)
    assert ended["id"] != told["id"]
    assert ended["title"] == "Your subscription has ended"


async def test_the_item_goes_on_renewal_and_another_end_is_another_item(agency: Agency):
    base = await a_reader(agency, 3)
    (first,) = await notices(agency, base)
    await change(agency, ends=START + 90 * DAY)
    assert await notices(agency, base) == []
    agency.clock.now = START + 85 * DAY
    (second,) = await notices(agency, base)
    assert second["id"] != first["id"]


async def test_in_its_days_of_grace_a_reader_is_told_how_long_they_are(agency: Agency):
    base = await a_reader(agency, 3, grace_days=4)
    (before,) = await notices(agency, base)
    agency.clock.now = START + 3 * DAY
    (after,) = await notices(agency, base)
    assert after["id"] != before["id"]
    assert after["title"] == "Your subscription ended on 4 March 2026"
    assert "until 8\u00a0March\u00a02026" in after["content_html"]
    assert after["date_published"] == "2026-03-04T12:00:00Z"
    agency.clock.now = START + 7 * DAY - SECOND
    assert await notices(agency, base) == [after]
    agency.clock.now = START + 7 * DAY
    (ended,) = await notices(agency, base)
    assert ended["title"] == "Your subscription has ended"


async def test_the_item_links_to_where_the_plan_is_renewed(agency: Agency):
    base = await a_reader(agency, 3)
    assert "https://news.example/en/#subscribe" in (await notices(agency, base))[0]["content_html"]
    await sell(agency, en=RENEW)
    (told,) = await notices(agency, base)
    assert told["url"] == RENEW
    agency.clock.now = START + 4 * DAY
    (ended,) = await notices(agency, base)
    assert ended["url"] == RENEW


@pytest.mark.parametrize("known", ["date", "tag", "nothing"])
@pytest.mark.parametrize("fields", [{}, {"grace_days": 4}])
async def test_no_document_outlives_its_time_whatever_its_client_holds(
    agency: Agency, known, fields
):
    """Each turn is seen by the next request, without anything else having happened."""
    base = await a_reader(agency, 20, **fields)
    path = f"{base}/en/latest.json"
    turns = [13, 20, 24] if fields else [13, 20]
    agency.clock.advance(HOUR)
    seen = await ask(agency, path)
    for day in turns:
        headers = {
            "date": {"If-Modified-Since": seen.headers["Last-Modified"]},
            "tag": {"If-None-Match": seen.tag},
            "nothing": {},
        }[known]
        agency.clock.now = START + day * DAY - SECOND
        before = await ask(agency, path, headers)
        assert before.status == (200 if known == "nothing" else 304), day
        agency.clock.now = START + day * DAY + 10 * SECOND
        after = await ask(agency, path, headers)
        assert after.status == 200, day
        assert after.tag != seen.tag
        assert modified(after) > modified(seen)
        seen = after
    assert seen.levels["urn:news:sport"] == "summary"
