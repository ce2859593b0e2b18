"""What each simulated reader sends, when it comes again, and what it keeps."""

from collections import Counter

import pytest

from tests.readers import programs, services
from tests.readers.canned import DATED, FEED, LATER, OTHER, Stage, item, rss, says
from tests.readers.polling import FeedReader
from tests.support.agency import DAY, HOUR, MINUTE, SECOND

ALL = (*programs.programs(), *services.services())


def named(kind: type[FeedReader]) -> str:
    return kind.name


# --- what it sends -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL, ids=named)
async def test_validators_and_more(stage: Stage, kind: type[FeedReader]):
    """What a reader sends at first, and once it holds validators."""
    reader = kind(seed=1)
    feed = reader.add(FEED, stage.now)
    await stage.poll(reader, feed, times=2)
    both = {"If-None-Match": 'W/"1"', "If-Modified-Since": DATED}
    none: dict[str, str] = {}
    names = ("If-None-Match", "If-Modified-Since", "A-IM")
    sent = [{n: heard[n] for n in names if n in heard} for _, heard in stage.asked]
    expected = {
        "newsboat": [none, both | {"A-IM": "feed"}],
        "Liferea": [none, both | {"A-IM": "feed"}],
        "NewsBlur": [none, both | {"A-IM": "feed"}],
        "lemon24/reader": [{"A-IM": "feed"}, both | {"A-IM": "feed"}],
        "tt-rss": [none, {"If-Modified-Since": DATED}],
        "feedparser 7": [none, none],
        "Overcast": [none, none],
    }
    assert sent == expected.get(reader.name, [none, both])


@pytest.mark.parametrize(
    ("kind", "encodings"),
    [
        (programs.Miniflux, "br, gzip"),
        (services.Feedbin, "gzip, deflate"),
        (programs.FeedparserScript, "gzip, deflate"),
    ],
)
async def test_codings(stage: Stage, kind: type[FeedReader], encodings):
    reader = kind()
    await stage.poll(reader, reader.add(FEED, stage.now))
    assert stage.asked[0][1]["Accept-Encoding"] == encodings


@pytest.mark.parametrize("kind", services.services(), ids=named)
async def test_a_service_says_how_many_read_a_feed(stage: Stage, kind: type[FeedReader]):
    reader = kind()
    await stage.poll(reader, reader.add(FEED, stage.now))
    assert "1 subscriber" in stage.asked[0][1]["User-Agent"]


@pytest.mark.parametrize(
    ("kind", "every"), [(programs.NetNewsWire, 8 * DAY), (programs.TinyTinyRSS, 12 * HOUR)]
)
async def test_now_and_then_it_asks_without_conditions(stage: Stage, kind: type[FeedReader], every):
    reader = kind()
    feed = reader.add(FEED, stage.now)
    await stage.poll(reader, feed)
    stage.now += every - SECOND
    assert reader.validators(feed, stage.now)
    stage.now += 2 * SECOND
    assert not reader.validators(feed, stage.now)
    await stage.poll(reader, feed)
    assert reader.validators(feed, stage.now)


async def test_newsblur_asks_one_time_in_a_hundred_past_every_cache(stage: Stage):
    reader = services.NewsBlur()
    feed = reader.add(FEED, stage.now)
    await stage.poll(reader, feed)
    asked = [reader.request(feed, stage.now) for _ in range(5_000)]
    bare = [request for request in asked if "If-None-Match" not in request.headers]
    assert 25 <= len(bare) <= 100
    assert all(request.url.startswith(f"{FEED}?_=0.") for request in bare)
    assert all(request.url == FEED for request in asked if request not in bare)


# --- when it comes again -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "headers", "head", "wait"),
    [
        (programs.NetNewsWire, {"Cache_Control": "max-age=60"}, "", 30 * MINUTE),
        (programs.NetNewsWire, {"Cache_Control": "private, max-age=7200"}, "", 2 * HOUR),
        (programs.NetNewsWire, {"Cache_Control": "max-age=86400"}, "", 5 * HOUR),
        (programs.NetNewsWire, {}, "<ttl>600</ttl>", 30 * MINUTE),
        (programs.Miniflux, {"Cache_Control": "max-age=60"}, "", HOUR),
        (programs.Miniflux, {"Cache_Control": "max-age=7200"}, "<ttl>180</ttl>", 3 * HOUR),
        (programs.Miniflux, {"Expires": LATER}, "", 18 * HOUR),
        (programs.Miniflux, {"Cache_Control": "max-age=999999"}, "", DAY),
        (programs.FreshRSS, {"Cache_Control": "max-age=7200"}, "", 2 * HOUR),
        (programs.FreshRSS, {"Expires": LATER}, "", 18 * HOUR),
        (programs.Newsboat, {"Cache_Control": "max-age=86400"}, "<ttl>600</ttl>", HOUR),
        (programs.Liferea, {"Cache_Control": "max-age=7200", "Age": "600"}, "", 110 * MINUTE),
        (programs.Liferea, {}, "<ttl>180</ttl>", 3 * HOUR),
        (programs.Liferea, {}, "<sy:updatePeriod>daily</sy:updatePeriod>", DAY),
        (programs.TinyTinyRSS, {"Cache_Control": "max-age=86400"}, "", 30 * MINUTE),
        (programs.Lemon24Reader, {"Cache_Control": "max-age=7200"}, "", 2 * HOUR),
        (programs.Lemon24Reader, {"Cache_Control": "no-cache, max-age=7200"}, "", 15 * MINUTE),
        (services.Feedbin, {"Cache_Control": "max-age=86400"}, "", 30 * MINUTE),
        (services.Overcast, {"Cache_Control": "max-age=86400"}, "<ttl>600</ttl>", 30 * MINUTE),
    ],
)
async def test_headers_and_channel_slow_it_down(
    stage: Stage, kind: type[FeedReader], headers, head, wait
):
    reader = kind()
    feed = reader.add(FEED, stage.now)
    stage.say = says(body=rss(item("one"), head=head), **headers)
    await stage.poll(reader, feed)
    assert stage.wait(reader, feed) == wait


async def test_inoreader_comes_once_a_day_when_nobody_reads(stage: Stage):
    reader = services.Inoreader()
    feed = reader.add(FEED, stage.now)
    for _ in range(20):
        await stage.poll(reader, feed)
        assert 30 * MINUTE <= (stage.wait(reader, feed) or 0) <= HOUR
    reader.is_idle = True
    await stage.poll(reader, feed)
    assert stage.wait(reader, feed) == DAY


# --- what it keeps -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL, ids=named)
async def test_an_item_is_known_by_its_guid(stage: Stage, kind: type[FeedReader]):
    """It is replaced in place, stays when it leaves the feed, and is new once."""
    reader = kind()
    feed = reader.add(FEED, stage.now)
    for say in (
        says(body=rss(item("one"), item("two"))),
        says(304),
        says(body=rss(item("one", "longer text"))),
        # RFC 3229: what is new alone.
        says(226, body=rss(item("three"))),
    ):
        stage.say = say
        await stage.poll(reader, feed)
    assert {guid: held.text for guid, held in feed.entries.items()} == {
        "one": "longer text",
        "two": "text",
        "three": "text",
    }
    assert feed.news == Counter(["one", "two", "three"])


@pytest.mark.parametrize("kind", ALL, ids=named)
async def test_a_notice_under_another_name_is_new_again(stage: Stage, kind: type[FeedReader]):
    reader = kind()
    feed = reader.add(FEED, stage.now)
    for number in range(3):
        stage.say = says(body=rss(item(f"notice:{number}"), item("one")))
        await stage.poll(reader, feed)
    assert len(feed.news) == 4


async def test_miniflux_forgets_validators_when_a_feed_expires_at_once(stage: Stage):
    reader = programs.Miniflux()
    feed = reader.add(FEED, stage.now)
    stage.say = says(Expires="0")
    await stage.poll(reader, feed)
    assert not reader.validators(feed, stage.now)


async def test_feedbin_compares_old_items_once_or_twice_a_day(stage: Stage):
    reader = services.Feedbin()
    feed = reader.add(FEED, stage.now)
    stage.say = says(body=rss(item("dated"), item("undated", published="")))
    await stage.poll(reader, feed)

    async def texts(wait: int, text: str) -> list[str]:
        stage.now += wait
        items = item("dated", text), item("undated", text, published="")
        stage.say = says(body=rss(*items))
        await stage.poll(reader, feed)
        return [held.text for held in feed.entries.values()]

    assert await texts(HOUR, "a") == ["a", "text"]
    assert await texts(24 * HOUR, "b") == ["b", "b"]
    assert await texts(HOUR, "c") == ["b", "b"]
    assert await texts(24 * HOUR, "d") == ["d", "d"]


async def test_feedbin_reads_300_items_and_10_mb(stage: Stage):
    reader = services.Feedbin()
    many, large = reader.add(FEED, stage.now), reader.add(OTHER, stage.now)
    stage.say = says(body=rss(*(item(str(number)) for number in range(400))))
    await stage.poll(reader, many)
    assert len(many.entries) == 300
    stage.say = says(body=rss(*(item(str(n), "x" * 100_000) for n in range(120))))
    await stage.poll(reader, large)
    assert 90 <= len(large.entries) < 120
    assert large.errors == 0


@pytest.mark.parametrize(
    ("kind", "megabytes"), [(programs.Miniflux, 15), (programs.TinyTinyRSS, 16)]
)
async def test_too_large_a_feed_is_a_failure(stage: Stage, kind: type[FeedReader], megabytes):
    reader = kind()
    feed = reader.add(FEED, stage.now)
    stage.say = says(body=rss(item("one", "x" * megabytes * 1_000_000)))
    await stage.poll(reader, feed)
    assert (feed.errors, feed.entries) == (1, {})


async def test_what_is_no_feed_is_a_failure(stage: Stage):
    reader = programs.Miniflux()
    feed = reader.add(FEED, stage.now)
    for number, body in enumerate((b"<html><body/></html>", b"", b"{}"), start=1):
        stage.say = says(body=body)
        await stage.poll(reader, feed)
        assert feed.errors == number
