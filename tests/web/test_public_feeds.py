"""What everybody gets: a portion of the stories, as summaries, and the same whoever asks."""

import json

import pytest
import pytest_asyncio
from lxml import etree

from tests.support.agency import PUBLIC_URL, Agency, running, settings_in
from tests.support.answers import FORMATS, ask, basic, look

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOPICS = ("economy", "markets", "sport", "politics", "desk-only")
MEDIA_TYPES = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}
ATOM = "{http://www.w3.org/2005/Atom}"
WF = "{urn:wirefeed:feed:1}"
HOST = "media.example"
#: In every body after the teaser.
REST = "Paragraph 7 of"
NOTICES = {
    "en": "This is a summary. The full story is for subscribers",
    "tr": "Bu bir özettir. Haberin tam metni abonelere açıktır",
    "ar": "هذا ملخّص. النص الكامل للخبر متاح للمشتركين",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agency(tmp_path_factory):
    """Stories in three languages; a picture, one in two topics, one closed to the public."""
    async with running(settings_in(tmp_path_factory.mktemp("public"))) as agency:
        await agency.publish("urn:news:economy", "economy", slugline="ECONOMY-SECRET")
        await agency.publish("urn:news:politics", "politics")
        await agency.publish(
            "urn:news:both",
            subject=[{"code": "medtop:15000000"}, {"code": "medtop:11000000"}],
            byline="Ann Author",
            ednote="EDNOTE-SECRET",
            keywords=["keyword-of-both"],
            associations={
                "lead": {
                    "type": "picture",
                    "headline": "A picture",
                    "renditions": {
                        "web": {"href": f"https://{HOST}/1.jpg", "mimetype": "image/jpeg"}
                    },
                }
            },
        )
        await agency.publish("urn:news:turkish", language="tr")
        await agency.publish("urn:news:arabic", language="ar")
        await agency.publish("urn:news:dutch", language="nl")
        yield agency


async def every_feed(prefix: str = "") -> list[str]:
    return [
        f"{prefix}/{language}/{tail}.{form}"
        for language in ("en", "tr", "ar")
        for tail in ("latest", *(f"topics/{topic}" for topic in TOPICS))
        for form in FORMATS
    ]


async def test_every_topic_in_every_language_is_a_feed_also_an_empty_one(agency: Agency):
    for path in await every_feed():
        answer = await ask(agency, path)
        form = path.rpartition(".")[2]
        assert answer.status == 200, path
        assert answer.headers["Content-Type"] == f"{MEDIA_TYPES[form]}; charset=utf-8"
        assert answer.headers["ETag"].startswith('W/"')
        assert "Last-Modified" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/de/latest.rss",
        "/en-gb/latest.rss",
        "/EN/latest.rss",
        "/en/latest.xml",
        "/en/latest",
        "/en/latest.rss/",
        "/en//latest.rss",
        "/en/topics/chess.rss",
        "/en/topics/latest.rss",
        "/en/topics/Sport.rss",
        "/en/topics/-sport.rss",
        "/en/topics/spor%74.rss",
        "/en/latest.rss%3Fx",
        "/en/latest.rss;x=1",
        "/en/topics/.rss",
        f"/en/topics/{'s' * 65}.rss",
        "/de/topics/sport.atom",
        "/latest.rss",
    ],
)
async def test_there_is_no_other_feed(agency: Agency, path):
    answer = await ask(agency, path)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body)["status"] == 404


async def test_the_public_gets_its_portion_as_summaries(agency: Agency):
    assert await look(agency) == {"urn:news:both": "summary", "urn:news:politics": "summary"}
    assert await look(agency, "/en/topics/economy.json") == {}


@pytest.mark.parametrize("form", FORMATS)
async def test_nothing_of_a_hidden_story_nor_of_what_is_for_subscribers_is_in_any_byte(
    agency: Agency, form
):
    for path in await every_feed():
        if not path.endswith(form):
            continue
        text = (await ask(agency, path)).text
        for secret in (
            REST,
            "ECONOMY-SECRET",
            "urn:news:economy",
            "EDNOTE-SECRET",
            HOST,
            "/media/",
        ):
            assert secret not in text, path
        assert "keyword-of-both" not in text


async def test_a_story_in_two_topics_is_in_both_feeds_under_one_guid(agency: Agency):
    sport = (await ask(agency, "/en/topics/sport.json")).items
    politics = (await ask(agency, "/en/topics/politics.json")).items
    assert list(sport) == ["urn:news:both"]
    assert list(politics) == ["urn:news:both", "urn:news:politics"]
    assert sport["urn:news:both"] == politics["urn:news:both"]


@pytest.mark.parametrize("language", ["en", "tr", "ar"])
async def test_a_teaser_says_in_its_language_that_there_is_more_and_how_to_get_it(
    agency: Agency, language
):
    for item in (await ask(agency, f"/{language}/latest.json")).items.values():
        html = item["content_html"]
        assert "First paragraph" in html
        assert NOTICES[language] in html
        assert f'href="{PUBLIC_URL}/{language}/#subscribe"' in html
        assert NOTICES[language] not in item["summary"]
        mark = item["_wirefeed"]
        assert mark["representationType"] == "incomplete"
        assert (mark["level"], mark["reason"]) == ("summary", "public")


@pytest.mark.parametrize("form", ["rss", "atom"])
async def test_a_teaser_is_marked_in_xml_and_has_no_content_of_its_own(agency: Agency, form):
    root = etree.fromstring((await ask(agency, f"/en/latest.{form}")).body)
    marks = root.findall(f".//{WF}access")
    assert [(m.get("level"), m.get("reason")) for m in marks] == [("summary", "public")] * 2
    assert root.find(".//{http://purl.org/rss/1.0/modules/content/}encoded") is None
    assert root.find(f".//{ATOM}entry/{ATOM}content") is None
    assert root.find(".//enclosure") is None


@pytest.mark.parametrize(
    ("form", "item", "guid", "dates"),
    [
        ("rss", "channel/item", "guid", ("pubDate", f"{ATOM}updated")),
        ("atom", f"{ATOM}entry", f"{ATOM}id", (f"{ATOM}published", f"{ATOM}updated")),
    ],
)
async def test_the_newest_change_comes_first_and_every_item_is_dated(
    agency: Agency, form, item, guid, dates
):
    items = etree.fromstring((await ask(agency, f"/en/latest.{form}")).body).findall(item)
    assert [one.findtext(guid) for one in items] == ["urn:news:both", "urn:news:politics"]
    assert all(one.findtext(date) for one in items for date in dates)


async def test_the_newest_change_comes_first_in_json_too(agency: Agency):
    items = (await ask(agency, "/en/latest.json")).items
    assert list(items) == ["urn:news:both", "urn:news:politics"]
    for item in items.values():
        assert item["date_published"] <= item["date_modified"]


GARBAGE = [
    {"Authorization": "Bearer nonsense"},
    {"Authorization": "Basic !!"},
    {"Authorization": ""},
    {"Authorization": "Bearer " + "x" * 5000},
    {"Cookie": "wirefeed_key=nonsense"},
]


@pytest.mark.parametrize("form", FORMATS)
async def test_a_public_feed_is_the_same_with_good_credentials_bad_ones_and_none(
    agency: Agency, form
):
    if not await agency.services.accounts.subscribers():
        await agency.subscriber("ann", "everything")
    key = await agency.feed_key("ann")
    path = f"/en/topics/sport.{form}"
    plain = await ask(agency, path)
    cookie = {"Cookie": f"wirefeed_key={key.removeprefix('/f/')}"}
    for headers in (await agency.token("ann"), basic(key), cookie, *GARBAGE):
        answer = await ask(agency, path, headers)
        assert answer.body == plain.body
        assert answer.kept == plain.kept


@pytest.mark.parametrize(
    "query", ["?", "?plan=everything", "?access_token=x&key=y", "?_=17", "?%20"]
)
async def test_what_a_query_says_is_ignored(agency: Agency, query):
    plain = await ask(agency, "/en/latest.rss")
    asked = await ask(agency, f"/en/latest.rss{query}")
    assert (asked.body, asked.kept) == (plain.body, plain.kept)


@pytest.mark.parametrize(
    ("form", "own"),
    [
        ("rss", f".//channel/{ATOM}link[@rel='self']"),
        ("atom", f"{ATOM}link[@rel='self']"),
    ],
)
async def test_a_public_feed_names_its_own_address_in_its_body(agency: Agency, form, own):
    root = etree.fromstring((await ask(agency, f"/en/topics/sport.{form}")).body)
    links = root.findall(own)
    assert [link.get("href") for link in links] == [f"{PUBLIC_URL}/en/topics/sport.{form}"]


async def test_a_json_feed_names_its_own_address(agency: Agency):
    feed = await agency.json("/en/topics/sport.json")
    assert feed["feed_url"] == f"{PUBLIC_URL}/en/topics/sport.json"
    assert feed["home_page_url"] == f"{PUBLIC_URL}/en/"


@pytest.mark.parametrize("form", FORMATS)
async def test_link_headers_name_feed_hub_and_other_formats_whatever_the_host_header_says(
    agency: Agency, form
):
    answer = await ask(agency, f"/en/latest.{form}", {"Host": "evil.example"})
    links = answer.headers["Link"].split(", ")
    assert links[0] == f'<{PUBLIC_URL}/en/latest.{form}>; rel="self"; type="{MEDIA_TYPES[form]}"'
    assert links[1] == f'<{PUBLIC_URL}/hub>; rel="hub"'
    assert set(links[2:]) == {
        f'<{PUBLIC_URL}/en/latest.{other}>; rel="alternate"; type="{MEDIA_TYPES[other]}"'
        for other in FORMATS
        if other != form
    }
    assert b"evil.example" not in answer.body


@pytest.mark.parametrize("form", FORMATS)
async def test_a_public_feed_may_be_kept_by_anyone_for_a_minute_and_through_an_outage(
    agency: Agency, form
):
    headers = (await ask(agency, f"/en/latest.{form}")).headers
    assert headers["Cache-Control"] == (
        "public, max-age=60, s-maxage=10, stale-while-revalidate=30, stale-if-error=86400"
    )
    assert headers["Vary"] == "Accept-Encoding, A-IM, Sec-Fetch-Dest"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not {"Expires", "Pragma", "Set-Cookie", "Surrogate-Control"} & set(headers)


@pytest.mark.parametrize("form", FORMATS)
async def test_head_is_answered_like_get_without_a_body(agency: Agency, form):
    plain = {"Accept-Encoding": "identity"}
    get = await ask(agency, f"/en/latest.{form}", plain)
    head = await ask(agency, f"/en/latest.{form}", plain, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.kept == get.kept
    assert head.headers["Content-Length"] == str(len(get.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_feed_takes_no_other_method(agency: Agency, method):
    answer = await ask(agency, "/en/latest.rss", method=method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert json.loads(answer.body)["title"] == "Method Not Allowed"


async def test_stories_in_a_language_without_feeds_are_in_none(agency: Agency):
    for path in await every_feed():
        assert b"urn:news:dutch" not in (await ask(agency, path)).body
