"""What a failure or a redirect costs in each simulated reader: what it does in the real one."""

import pytest

from tests.readers import programs, services
from tests.readers.canned import ELSEWHERE, FEED, HERE, LATER, OTHER, Stage, item, moves, rss, says
from tests.readers.polling import FeedReader, Silence
from tests.support.agency import DAY, HOUR, MINUTE, SECOND

NEVER = None


# --- what a failure costs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "headers", "wait"),
    [
        # Any 4xx: the address is skipped for 53 hours.
        (programs.NetNewsWire, 401, {}, 53 * HOUR),
        (programs.NetNewsWire, 403, {}, 53 * HOUR),
        (programs.NetNewsWire, 404, {}, 53 * HOUR),
        (programs.NetNewsWire, 410, {}, 53 * HOUR),
        (programs.NetNewsWire, 503, {}, 30 * MINUTE),
        # It reads seconds alone, and waits ten minutes else; its timer is longer.
        (programs.NetNewsWire, 429, {"Retry_After": "7200"}, 2 * HOUR),
        (programs.NetNewsWire, 429, {"Retry_After": LATER}, 30 * MINUTE),
        (programs.Miniflux, 404, {}, HOUR),
        (programs.Miniflux, 429, {"Retry_After": "7200"}, 2 * HOUR),
        (programs.Miniflux, 429, {"Retry_After": LATER}, 18 * HOUR),
        (programs.Miniflux, 429, {"Retry_After": "172800"}, DAY),
        (programs.FreshRSS, 404, {}, 20 * MINUTE),
        (programs.FreshRSS, 410, {}, NEVER),
        (programs.FreshRSS, 429, {"Retry_After": "7200"}, 2 * HOUR),
        (programs.FreshRSS, 429, {"Retry_After": LATER}, 18 * HOUR),
        (programs.Newsboat, 404, {}, HOUR),
        (programs.Newsboat, 410, {}, HOUR),
        (programs.Newsboat, 429, {"Retry_After": "7200"}, HOUR),
        (programs.Liferea, 404, {}, 30 * MINUTE),
        (programs.Liferea, 410, {}, NEVER),
        (programs.Liferea, 401, {}, NEVER),
        (programs.Liferea, 429, {"Retry_After": "7200"}, 30 * MINUTE),
        (programs.TinyTinyRSS, 404, {}, 30 * MINUTE),
        (programs.TinyTinyRSS, 410, {}, 30 * MINUTE),
        (programs.Lemon24Reader, 410, {}, 15 * MINUTE),
        (programs.Lemon24Reader, 429, {"Retry_After": "7200"}, 2 * HOUR),
        (programs.Lemon24Reader, 503, {"Retry_After": LATER}, 18 * HOUR),
        (programs.RSSGuard, 401, {}, NEVER),
        (programs.RSSGuard, 403, {}, NEVER),
        (programs.RSSGuard, 404, {}, 30 * MINUTE),
        (services.Feedbin, 404, {}, 4096 * SECOND),
        (services.Feedbin, 429, {"Retry_After": "7200"}, 2 * HOUR),
        (services.Feedbin, 429, {"Retry_After": "172800"}, 8 * HOUR),
        (services.Feedly, 403, {}, HOUR),
        (services.Feedly, 404, {}, NEVER),
        (services.Feedly, 410, {}, NEVER),
        (services.Overcast, 410, {}, 30 * MINUTE),
    ],
)
async def test_a_failure_costs(stage: Stage, kind: type[FeedReader], status, headers, wait):
    reader = kind()
    feed = reader.add(FEED, stage.now)
    await stage.poll(reader, feed)
    stage.say = says(status, **headers)
    await stage.poll(reader, feed)
    assert stage.wait(reader, feed) == wait
    assert list(feed.entries) == ["one"]


@pytest.mark.parametrize(
    ("kind", "headers", "wait"),
    [
        (programs.NetNewsWire, {"Retry_After": "7200"}, 2 * HOUR),
        (programs.NetNewsWire, {"Retry_After": LATER}, 10 * MINUTE),
        (programs.NetNewsWire, {}, 10 * MINUTE),
        (programs.FreshRSS, {"Retry_After": "7200"}, 2 * HOUR),
        (programs.FreshRSS, {}, 0),
        # Whatever the number is.
        (programs.Liferea, {"Retry_After": "7200"}, 5 * MINUTE),
        (programs.Liferea, {"Retry_After": LATER}, 0),
        (programs.Liferea, {}, 0),
        (programs.Miniflux, {"Retry_After": "7200"}, 0),
        (services.Feedbin, {"Retry_After": "7200"}, 0),
    ],
)
async def test_too_many_requests_freezes_the_other_feeds_of_the_host(
    stage: Stage, kind: type[FeedReader], headers, wait
):
    reader = kind()
    feed, other, away = [reader.add(u, stage.now) for u in (FEED, OTHER, f"{ELSEWHERE}/feed")]
    stage.say = says(429, **headers)
    await stage.poll(reader, feed)
    assert stage.wait(reader, other) == wait
    assert stage.wait(reader, away) == 0


async def test_tt_rss_waits_an_hour_or_two_whatever_it_is_told(stage: Stage):
    reader = programs.TinyTinyRSS()
    feed = reader.add(FEED, stage.now)
    stage.say = says(429, Retry_After="10")
    await stage.poll(reader, feed)
    assert HOUR <= (stage.wait(reader, feed) or 0) <= 2 * HOUR


@pytest.mark.parametrize("status", [404, 410, 429, 503, None])
async def test_miniflux_never_asks_again_after_three_failures(stage: Stage, status):
    reader = programs.Miniflux()
    feed = reader.add(FEED, stage.now)
    await stage.poll(reader, feed)
    good, stage.say = stage.say, says(status or 200)
    if status is None:
        with stage.network.refusing(HERE):
            await stage.poll(reader, feed, times=3)
    else:
        await stage.poll(reader, feed, times=3)
    assert feed.silence is Silence.STRIKES
    assert stage.wait(reader, feed) is NEVER
    stage.say = good
    reader.refresh(feed, stage.now)
    await stage.poll(reader, feed)
    assert stage.wait(reader, feed) == HOUR


async def test_miniflux_counts_failures_in_a_row(stage: Stage):
    reader = programs.Miniflux()
    feed = reader.add(FEED, stage.now)
    good = stage.say
    for _ in range(3):
        stage.say = says(500)
        await stage.poll(reader, feed, times=2)
        stage.say = good
        await stage.poll(reader, feed)
    assert feed.silence is None


async def test_feedbin_stays_away_for_longer_each_time_up_to_77_hours(stage: Stage):
    reader = services.Feedbin()
    feed = reader.add(FEED, stage.now)
    waits = []
    stage.say = says(500)
    for _ in range(25):
        await stage.poll(reader, feed)
        waits.append((stage.wait(reader, feed) or 0) // MINUTE)
    assert waits[:8] == [68] * 8
    assert waits[8] == 109
    assert waits[-3:] == [4664] * 3
    stage.say = says()
    await stage.poll(reader, feed)
    assert stage.wait(reader, feed) == 30 * MINUTE


# --- where it looks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "url"),
    [
        (programs.Miniflux, 302, f"{HERE}/moved"),
        (programs.Miniflux, 301, f"{HERE}/moved"),
        (programs.FreshRSS, 301, f"{HERE}/moved"),
        (programs.FreshRSS, 308, f"{HERE}/moved"),
        (programs.FreshRSS, 302, FEED),
        (programs.Liferea, 301, f"{HERE}/moved"),
        (programs.Liferea, 307, FEED),
        (programs.Newsboat, 301, FEED),
        (programs.TinyTinyRSS, 301, FEED),
        (services.Feedbin, 301, FEED),
    ],
)
async def test_a_redirect_at_subscribing_rewrites_the_address(
    stage: Stage, kind: type[FeedReader], status, url
):
    reader = kind()
    feed = reader.add(FEED, stage.now)
    stage.say = moves(status, "/moved")
    await stage.poll(reader, feed)
    assert feed.url == url
    assert list(feed.entries) == ["one"]


async def test_miniflux_keeps_the_address_later_and_refuses_one_it_has(stage: Stage):
    reader = programs.Miniflux()
    feed, other = reader.add(FEED, stage.now), reader.add(OTHER, stage.now)
    await stage.poll(reader, feed)
    await stage.poll(reader, other)
    stage.say = moves(302, "/moved")
    await stage.poll(reader, feed)
    assert (feed.url, feed.errors) == (FEED, 0)
    stage.say = moves(302, "/other")
    await stage.poll(reader, feed)
    assert feed.errors == 1


async def test_netnewswire_remembers_redirects_until_it_is_started_again(stage: Stage):
    reader = programs.NetNewsWire()
    feed = reader.add(FEED, stage.now)
    for target in ("/login", "/moved"):
        stage.say = moves(302, target)
        await stage.poll(reader, feed)
        await stage.poll(reader, feed)
    asked = [path for path, _ in stage.asked]
    assert asked == ["/feed", "/login", "/feed", "/login", "/feed", "/moved", "/moved"]
    reader.redirects.clear()
    assert reader.address(feed) == FEED


async def test_feedbin_adopts_a_permanent_redirect_after_576_fetches(stage: Stage):
    reader = services.Feedbin()
    feed = reader.add(FEED, stage.now)
    stage.say = moves(301, "/moved")
    await stage.poll(reader, feed, times=400)
    stage.now += 73 * HOUR
    await stage.poll(reader, feed, times=576)
    assert feed.url == FEED
    await stage.poll(reader, feed)
    assert feed.url == f"{HERE}/moved"


async def test_freshrss_believes_a_feed_that_says_where_it_is(stage: Stage):
    reader = programs.FreshRSS()
    feed = reader.add(FEED, stage.now)
    stage.say = says(body=rss(item("one"), self_url=f"{HERE}/public"))
    await stage.poll(reader, feed)
    assert feed.url == f"{HERE}/public"
