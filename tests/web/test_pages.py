"""Pages: a story, for everybody and in full; the catalogue; a feed in a browser; one's own."""

import json
import re
from http.cookies import SimpleCookie

import pytest
import pytest_asyncio
from lxml import etree, html

from tests.support.agency import PUBLIC_URL, Agency, running, settings_in
from tests.support.answers import BROWSER, FORMATS, Answer, ask, basic
from wirefeed.domain.stories import story_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_STORE = "private, no-store"
REST = "Paragraph 7 of"
SPORT = f"/en/stories/{story_id('urn:news:sport')}"
KILLED = f"/en/stories/{story_id('urn:news:killed')}"
KILLED_ECONOMY = f"/en/stories/{story_id('urn:news:killed-economy')}"
TYPES = ["application/rss+xml", "application/atom+xml", "application/feed+json"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agency(tmp_path_factory):
    """A story of sport and one of the economy, one killed of each, and subscribers."""
    async with running(settings_in(tmp_path_factory.mktemp("pages"))) as agency:
        await agency.publish(
            "urn:news:sport",
            headline="Cup final & <more>",
            byline="Ann Author",
            slugline="CUP-FINAL",
            located="Izmir",
        )
        await agency.publish("urn:news:economy", "economy")
        for uri, topic in (("urn:news:killed", "sport"), ("urn:news:killed-economy", "economy")):
            await agency.publish(uri, topic)
            await agency.publish(uri, topic, version="2", pubstatus="canceled", headline="")
        await agency.subscriber("ann", "sport")
        await agency.subscriber("bob", "everything")
        yield agency


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def key(agency: Agency) -> str:
    return await agency.feed_key("ann")


def page(answer: Answer) -> html.HtmlElement:
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8", answer.text
    return html.document_fromstring(answer.body)


def article(answer: Answer) -> dict[str, object]:
    (script,) = page(answer).xpath("//script[@type='application/ld+json']")
    return dict(json.loads(script.text))


def hrefs(answer: Answer, rel: str) -> list[str]:
    return [str(href) for href in page(answer).xpath(f"//head/link[@rel='{rel}']/@href")]


# --- a story -------------------------------------------------------------------------------------


async def test_the_public_page_shows_the_teaser_whoever_asks(agency: Agency, key):
    plain = await ask(agency, SPORT)
    assert plain.status == 200
    assert "First paragraph of urn:news:sport" in plain.text
    assert REST not in plain.text
    assert plain.headers["Cache-Control"].startswith("public, max-age=60")
    cookie = {"Cookie": f"wirefeed_key={key.removeprefix('/f/')}"}
    for headers in (await agency.token("bob"), basic(key), cookie, {"Authorization": "x"}):
        asked = await ask(agency, SPORT, headers)
        assert (asked.body, asked.kept) == (plain.body, plain.kept)


async def test_a_storys_address_needs_no_slug_and_has_one_canonical_form(agency: Agency):
    canonical = f"{PUBLIC_URL}{SPORT}/cup-final-more"
    for path in (SPORT, f"{SPORT}/", f"{SPORT}/cup-final-more", f"{SPORT}/another-slug"):
        answer = await ask(agency, path)
        assert answer.status == 200
        assert hrefs(answer, "canonical") == [canonical]


async def test_the_page_tells_machines_what_is_behind_the_paywall(agency: Agency):
    answer = await ask(agency, SPORT)
    told = article(answer)
    assert told["@type"] == "NewsArticle"
    assert told["headline"] == "Cup final & <more>"
    assert told["isAccessibleForFree"] is False
    assert told["hasPart"] == {
        "@type": "WebPageElement",
        "isAccessibleForFree": False,
        "cssSelector": ".paywall",
    }
    assert told["url"] == hrefs(answer, "canonical")[0]
    assert told["author"] == {"@type": "Person", "name": "Ann Author"}
    assert "T12:00:00Z" in str(told["datePublished"])
    assert len(page(answer).find_class("paywall")) == 1


async def test_a_page_runs_no_script_and_what_a_story_says_stays_text(agency: Agency):
    answer = await ask(agency, SPORT)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "<more>" not in answer.text
    assert page(answer).xpath("//h1")[0].text_content() == "Cup final & <more>"


@pytest.mark.parametrize("way", ["token", "basic", "cookie"])
async def test_subscribers_read_it_in_full_at_their_own_address(agency: Agency, key, way):
    headers = {
        "token": await agency.token("ann"),
        "basic": basic(key),
        "cookie": {"Cookie": f"wirefeed_key={key.removeprefix('/f/')}"},
    }[way]
    answer = await ask(agency, f"/subscriber{SPORT}", headers)
    assert answer.status == 200
    assert REST in page(answer).find_class("paywall")[0].text_content()
    assert answer.headers["Cache-Control"] == NO_STORE
    assert answer.headers["Vary"] == "Authorization, Cookie"
    assert answer.headers["Wirefeed-Levels"] == "full=1"
    assert article(answer)["isAccessibleForFree"] is False
    assert hrefs(answer, "canonical") == [f"{PUBLIC_URL}{SPORT}/cup-final-more"]


async def test_a_subscriber_whose_plan_does_not_cover_it_sees_what_the_public_does(
    agency: Agency, key
):
    politics = f"/en/stories/{story_id('urn:news:politics')}"
    await agency.publish("urn:news:politics", "politics")
    answer = await ask(agency, f"/subscriber{politics}", basic(key))
    assert answer.status == 200
    assert REST not in answer.text
    assert "does not cover the topics of this story" in answer.text
    assert answer.headers["Wirefeed-Levels"] == "summary=1; why=topic"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Cookie": "wirefeed_key=x"}, {"Cookie": f"wirefeed_key=wf_feed_{'0' * 36}"}],
)
async def test_without_a_credential_the_subscribers_page_is_closed(agency: Agency, headers):
    answer = await ask(agency, f"/subscriber{SPORT}", headers)
    assert answer.status == 401
    assert b"Cup final" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        f"/en/stories/{story_id('urn:news:economy')}",
        f"/en/stories/{story_id('urn:news:never')}",
        "/en/stories/short",
        f"/tr/stories/{story_id('urn:news:sport')}",
        f"/de/stories/{story_id('urn:news:sport')}",
        f"{SPORT}/Slug",
        SPORT.upper(),
    ],
)
async def test_a_hidden_story_is_not_found_like_one_that_never_was(agency: Agency, path):
    answer, never = await ask(agency, path), await ask(agency, "/en/stories/" + "a" * 16)
    assert answer.status == 404
    assert answer.body == never.body
    assert answer.kept == never.kept


async def test_a_hidden_story_is_there_for_those_it_is_for(agency: Agency):
    path = f"/subscriber/en/stories/{story_id('urn:news:economy')}"
    assert REST in (await ask(agency, path, await agency.token("bob"))).text
    assert (await ask(agency, path, await agency.token("ann"))).status == 404


async def test_a_killed_story_is_gone_for_those_who_could_see_it(agency: Agency):
    for path, headers in (
        (KILLED, {}),
        (f"/subscriber{KILLED}", await agency.token("ann")),
        (f"/subscriber{KILLED_ECONOMY}", await agency.token("bob")),
    ):
        answer = await ask(agency, path, headers)
        assert answer.status == 410
        assert "This story has been withdrawn by the agency" in answer.text
        assert "First paragraph" not in answer.text
        assert "Headline of" not in answer.text
        assert not page(answer).xpath("//script")


async def test_a_killed_story_is_not_found_for_all_others(agency: Agency):
    assert (await ask(agency, KILLED_ECONOMY)).status == 404
    answer = await ask(agency, f"/subscriber{KILLED_ECONOMY}", await agency.token("ann"))
    assert answer.status == 404


# --- the catalogue -------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "language"), [("/", "en"), ("/en/", "en"), ("/tr/", "tr")])
async def test_the_catalogue_lists_the_feeds_of_its_language(agency: Agency, path, language):
    answer = await ask(agency, path)
    assert answer.status == 200
    assert answer.headers["Cache-Control"].startswith("public, max-age=60")
    assert page(answer).get("lang") == language
    assert hrefs(answer, "canonical") == [f"{PUBLIC_URL}/{language}/"]
    links = page(answer).xpath("//head/link[@rel='alternate']")
    listed = ("economy", "markets", "sport", "politics")
    assert [(link.get("type"), link.get("href")) for link in links] == [
        *((kind, f"/{language}/latest.{form}") for kind, form in zip(TYPES, FORMATS, strict=True)),
        *((TYPES[0], f"/{language}/topics/{topic}.rss") for topic in listed),
    ]
    assert all(link.get("title") for link in links)
    assert "desk-only" not in answer.text


async def test_every_address_on_the_catalogue_leads_somewhere(agency: Agency):
    answer = await ask(agency, "/en/")
    for href in {*hrefs(answer, "alternate"), *map(str, page(answer).xpath("//a/@href"))}:
        if href.startswith("/"):
            assert (await ask(agency, href.partition("#")[0])).status in (200, 410), href


async def test_the_catalogue_shows_what_the_public_may_see(agency: Agency):
    text = (await ask(agency, "/en/", await agency.token("bob"))).text
    assert "Cup final" in text
    assert REST not in text
    assert "urn:news:economy" not in text


@pytest.mark.parametrize("path", ["/de/", "/en", "/xx/", "/en/stories/"])
async def test_there_is_no_other_page(agency: Agency, path):
    assert (await ask(agency, path)).status == 404


async def test_the_one_stylesheet_is_small(agency: Agency):
    answer = await ask(agency, "/static/wirefeed.css")
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert len(answer.body) <= 14_000


# --- a feed in a browser -------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("where", ["public", "private", "subscriber"])
async def test_a_browser_that_opens_a_feed_gets_a_page_with_its_address(
    agency: Agency, key, where, form
):
    prefix = {"public": "", "private": key, "subscriber": "/subscriber"}[where]
    credential = basic(key) if where == "subscriber" else {}
    path = f"{prefix}/en/topics/sport.{form}"
    answer = await ask(agency, path, BROWSER | credential)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == NO_STORE
    assert "Sec-Fetch-Dest" in answer.headers["Vary"]
    assert ("Wirefeed-Levels" in answer.headers) is (where == "subscriber")
    assert "ETag" not in answer.headers
    assert PUBLIC_URL + path in page(answer).xpath("//input/@value")
    assert "Cup final" in answer.text
    assert REST not in answer.text
    # A page is never said to be held because a feed is.
    tag = (await ask(agency, path, credential)).tag
    assert (await ask(agency, path, BROWSER | credential | {"If-None-Match": tag})).status == 200


@pytest.mark.parametrize("dest", ["empty", "iframe", "", "Document"])
async def test_anything_else_gets_the_feed(agency: Agency, dest):
    headers = {"Sec-Fetch-Dest": dest, "Accept": "text/html"}
    answer = await ask(agency, "/en/latest.rss", headers)
    assert answer.headers["Content-Type"] == "application/rss+xml; charset=utf-8"


async def test_a_browser_is_told_of_an_error_by_a_page(agency: Agency):
    for path in ("/tr/latest.xml", "/tr/topics/chess.rss", "/tr/stories/" + "a" * 16):
        answer = await ask(agency, path, BROWSER)
        assert answer.status == 404
        assert page(answer).get("lang") == "tr"
        assert answer.headers["Cache-Control"] == "no-store"


# --- one's own page ------------------------------------------------------------------------------


async def test_the_page_of_a_key_names_the_rss_of_everything_first(agency: Agency, key):
    answer = await ask(agency, f"{key}/")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == NO_STORE
    addresses = hrefs(answer, "alternate")
    assert addresses[0] == f"{PUBLIC_URL}{key}/en/latest.rss"
    # In three languages and formats: everything, and the topic the plan covers.
    assert len(addresses) == len(set(addresses)) == 3 * 3 * 2
    for address in addresses:
        assert (await ask(agency, address.removeprefix(PUBLIC_URL))).status == 200
    text = page(answer).text_content()
    assert "Ann" in text
    assert "Sport in full" in text


async def test_the_page_of_a_key_signs_its_browser_in_for_stories_alone(agency: Agency, key):
    answer = await ask(agency, f"{key}/")
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["wirefeed_key"]
    assert f"/f/{morsel.value}" == key
    assert morsel["path"] == "/subscriber/"
    assert morsel["httponly"]
    assert morsel["secure"]
    assert morsel["samesite"] == "Lax"
    read = await ask(agency, f"/subscriber{SPORT}", {"Cookie": f"wirefeed_key={morsel.value}"})
    assert REST in read.text


async def test_opml_lists_every_feed_the_plan_covers_once(agency: Agency, key):
    answer = await ask(agency, f"{key}/opml")
    assert answer.headers["Content-Type"] == "text/x-opml; charset=utf-8"
    assert answer.headers["Cache-Control"] == NO_STORE
    addresses = [o.get("xmlUrl") for o in etree.fromstring(answer.body).iter("outline")]
    feeds = [address for address in addresses if address]
    assert len(feeds) == len(set(feeds)) == 3 * 2
    assert all(feed.startswith(f"{PUBLIC_URL}{key}/") for feed in feeds)
    for feed in feeds:
        assert (await ask(agency, feed.removeprefix(PUBLIC_URL))).status == 200


async def test_the_page_of_a_revoked_key_names_nobody(agency: Agency):
    """Whoever holds it now may be the reason it was revoked."""
    await agency.subscriber("carol", "sport")
    key = await agency.feed_key("carol")
    (row,) = await agency.services.feed_keys.all("carol")
    await agency.services.feed_keys.revoke(row.id)
    answer = await ask(agency, f"{key}/")
    assert answer.status == 200
    assert "This feed address is no longer valid" in answer.text
    assert "Carol" not in answer.text
    assert "Sport in full" not in answer.text
    assert "Set-Cookie" not in answer.headers


async def test_no_page_holds_a_script_or_an_inline_style(agency: Agency, key):
    for path in ("/en/", SPORT, KILLED, f"{key}/", "/en/latest.rss", "/en/none"):
        text = (await ask(agency, path, BROWSER)).text
        assert not re.search(r"<script(?! type=\"application/ld\+json\")", text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", text), path
