"""A reader's own page: what it holds, its feeds, where its address was used; and what it does."""

import re
from collections.abc import Mapping
from dataclasses import replace
from http.cookies import SimpleCookie
from urllib.parse import unquote

import pytest
from lxml import etree, html

from tests.support.agency import DAY, PUBLIC_URL, START, Agency, running, settings_in
from tests.support.answers import FORMATS, Answer, ask, basic, look
from tests.web.test_mine import choose, key_of, restricted
from wirefeed.config import Site
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.plans import Subscription
from wirefeed.domain.stories import story_id

OURS = {"Sec-Fetch-Site": "same-origin"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECRET = re.compile(r"wf_feed_[0-9A-Za-z]{36}")


async def a_reader(agency: Agency, *plans: str, ends: int | None = None) -> str:
    await agency.publish("urn:news:sport")
    agency.clock.now = START
    await agency.subscriber("ann", *(plans or ("everything",)), ends=ends)
    return await agency.feed_key("ann")


async def post(
    agency: Agency, path: str, body: str = "", headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a form as a browser does from a page of ours, with other headers or fewer."""
    sent = FORM | OURS | dict(headers or {})
    async with agency.http.post(
        path,
        data=body.encode(),
        headers={name: value for name, value in sent.items() if value},
        allow_redirects=False,
    ) as answer:
        return Answer(status=answer.status, headers=answer.headers, body=await answer.read())


def page(answer: Answer) -> html.HtmlElement:
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8", answer.text
    return html.document_fromstring(answer.body)


def text(answer: Answer) -> str:
    """Give what is to be read on a page, in one line."""
    return " ".join(page(answer).find(".//main").text_content().split())


def values(answer: Answer, path: str) -> list[str]:
    return [str(value) for value in page(answer).xpath(path)]


# --- what it shows -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "tr", "tr"),
        ("", "de, ar-EG;q=0.8, en;q=0.5", "ar"),
        ("", "de", "en"),
        ("?lang=ar", "tr", "ar"),
        ("?lang=de", "tr", "tr"),
        ("?lang=%00", "tr", "tr"),
        ('?lang="><script>', "tr", "tr"),
    ],
)
async def test_it_speaks_the_language_of_its_reader(agency: Agency, query, header, language):
    base = await a_reader(agency)
    answer = await ask(agency, f"{base}/{query}", {"Accept-Language": header} if header else {})
    assert page(answer).get("lang") == language
    assert answer.headers["Vary"] == "Accept-Language"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "<script" not in answer.text
    # What a feed reader takes first is everything, in that language.
    assert values(answer, "//head/link[@rel='alternate']/@href")[0] == (
        f"{PUBLIC_URL}{base}/{language}/latest.rss"
    )
    assert values(answer, "//nav//a/@href") == ["?lang=en", "?lang=tr", "?lang=ar"]
    kept = f"?lang={language}" if query else ""
    assert values(answer, "//form/@action") == [f"mine{kept}", f"rotate{kept}"]


@pytest.mark.parametrize(
    ("subscription", "term"),
    [
        ({}, "No end date"),
        ({"ends": 40}, "Until 10 April 2026"),
        ({"ends": 5, "trial": True}, "On trial until 6 March 2026"),
        ({"ends": -1, "grace_days": 3}, "Ended on 28 February 2026; full text until 3 March 2026"),
        ({"ends": -1}, "Ended on 28 February 2026"),
        ({"starts": 2}, "Begins on 3 March 2026"),
        ({"suspended": True}, "Suspended"),
    ],
)
async def test_it_says_what_is_held_and_until_when(agency: Agency, subscription, term):
    base = await a_reader(agency, "sport")
    plan = await agency.services.plans.get("sport")
    priced = replace(plan, prices={"en": "€ 9 a month", "tr": "Ayda 9 €"})
    await agency.services.plans.put(priced)
    days = {name: START + subscription.pop(name) * DAY for name in ("starts", "ends")
            if name in subscription}  # fmt: skip
    held = Subscription(plan="sport", **{"starts": START - 9 * DAY} | days | subscription)
    await agency.services.accounts.change_subscriber(
        "ann", lambda s: replace(s, subscriptions=(held,))
    )
    shown = text(await ask(agency, f"{base}/"))
    assert f"Sport in full€ 9 a month{term}" in shown.replace("\u00a0", " ")
    assert "Ann" in shown
    assert "Ayda 9 €" in text(await ask(agency, f"{base}/?lang=tr"))


async def test_the_link_to_renew_is_the_plans_own_or_the_agencys_or_a_contact(tmp_path, agency):
    base = await a_reader(agency, "sport", ends=START + 5 * DAY)
    assert "To renew, write to us: desk@news.example" in text(await ask(agency, f"{base}/"))
    plan = await agency.services.plans.get("sport")
    urls = {"en": "https://shop.example/en", "tr": "https://shop.example/tr"}
    await agency.services.plans.put(replace(plan, subscribe_urls=urls))
    for query, url in (("", urls["en"]), ("?lang=tr", urls["tr"]), ("?lang=ar", urls["en"])):
        answer = await ask(agency, f"{base}/{query}")
        assert values(answer, "//section[@class='note']//a[@class='action']/@href") == [url]
    (tmp_path / "other").mkdir()
    site = Site(name="Other", languages=("en",), subscribe_url="https://other.example/buy")
    async with running(settings_in(tmp_path / "other", site=site)) as other:
        base = await a_reader(other, "sport", ends=START + 5 * DAY)
        answer = await ask(other, f"{base}/")
        assert "https://other.example/buy" in values(answer, "//section[@class='note']//a/@href")
        # One language is no choice, and the feeds need no heading of it.
        assert values(answer, "//nav") == []
        assert values(answer, "//section[@class='list']/h2/text()")[0] == "Feeds"


async def test_every_feed_is_there_to_copy_and_the_first_to_open_in_readers(agency: Agency):
    base = await a_reader(agency)
    answer = await ask(agency, f"{base}/")
    addresses = values(answer, "//input[@readonly]/@value")
    tails = ["latest", *(f"topics/{t}" for t in ("economy", "markets", "sport", "politics"))]
    assert addresses == [
        f"{PUBLIC_URL}{base}/{lang}/{tail}.rss" for lang in ("en", "tr", "ar") for tail in tails
    ]
    formats = values(answer, "//ul[contains(@class, 'formats')]//a/@href")
    assert len(formats) == 2 * len(addresses)
    links = page(answer).xpath("//a[contains(@rel, 'noreferrer')]")
    # An app and five on the web, for everything in each language.
    assert len(links) == 6 * 3
    for link in links:
        assert link.get("rel") == "noopener noreferrer"
    assert links[0].get("href") == f"feed:{PUBLIC_URL}{base}/en/latest.rss"
    for link in links[1:6]:
        href = link.get("href")
        assert href.startswith("https://")
        # The address is one value in theirs.
        assert href.endswith(
            f"https%3A%2F%2Fnews.example{base.replace('/', '%2F')}%2Fen%2Flatest.rss"
        )
        assert unquote(href).endswith(f"{PUBLIC_URL}{base}/en/latest.rss")
    assert "gets to know your private address" in text(answer)


async def test_no_address_leaves_the_page_by_a_referrer(agency: Agency):
    base = await a_reader(agency)
    answer = await ask(agency, f"{base}/")
    # The origin alone, so that a form can be told from one on another site.
    assert values(answer, "//meta[@name='referrer']/@content") == ["strict-origin"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not [name for name, value in answer.headers.items()
                if name != "Set-Cookie" and "wf_feed_" in value]  # fmt: skip


async def test_it_says_where_the_address_was_used(agency: Agency):
    base = await a_reader(agency)
    for agent, days in (("Feedbin feed-id:1 - 1 subscribers", 1), ("", 1)):
        assert (await ask(agency, f"{base}/en/latest.rss", {"User-Agent": agent})).status == 200
        agency.clock.advance(days * DAY)
    answer = await ask(agency, f"{base}/", {"User-Agent": "Mozilla/5.0 Firefox/140.0"})
    rows = [" ".join(r.text_content().split()) for r in page(answer).xpath("//tbody/tr")]
    assert rows == [
        "Firefox127.0.0.0/243 March 2026",
        "Not named127.0.0.0/242 March 2026",
        "Feedbin127.0.0.0/241 March 2026",
    ]
    other = await agency.feed_key("ann")
    assert "Feedbin127" not in text(await ask(agency, f"{other}/"))


async def test_a_restricted_key_shows_and_lists_what_it_opens(agency: Agency):
    await a_reader(agency)
    base = await restricted(agency, "ann", "en/sport", "en/desk-only", "tr/latest")
    await choose(agency, base, "sport")
    answer = await ask(agency, f"{base}/")
    tails = ["en/mine", "en/topics/sport", "en/topics/desk-only", "tr/latest"]
    expected = [f"{PUBLIC_URL}{base}/{tail}.rss" for tail in tails]
    assert values(answer, "//input[@readonly]/@value") == expected
    alternates = values(answer, "//head/link[@rel='alternate']/@href")
    assert [href for href in alternates if href.endswith(".rss")] == expected
    for href in alternates:
        assert (await ask(agency, href.removeprefix(PUBLIC_URL))).status == 200
    opml = etree.fromstring((await ask(agency, f"{base}/opml")).body)
    assert [o.get("xmlUrl") for o in opml.iter("outline") if o.get("xmlUrl")] == expected
    assert values(answer, "//input[@name='topics']/@value") == ["sport", "desk-only"]


async def test_a_key_whose_feeds_are_not_covered_says_so(agency: Agency):
    await a_reader(agency, "sport")
    base = await restricted(agency, "ann", "en/economy")
    answer = await ask(agency, f"{base}/")
    assert "opens no feed that your subscription covers" in text(answer)
    assert values(answer, "//input[@readonly]") == []


# --- choosing topics -----------------------------------------------------------------------------


async def test_a_reader_chooses_topics_and_finds_them_in_its_feeds(agency: Agency):
    base = await a_reader(agency)
    answer = await ask(agency, f"{base}/")
    topics = ["economy", "markets", "sport", "politics"]
    assert values(answer, "//input[@name='topics']/@value") == topics
    assert values(answer, "//input[@checked]") == []
    assert "/mine." not in answer.text
    saved = await post(agency, f"{base}/mine", "topics=sport&topics=economy")
    assert saved.status == 303
    # Where it leads says nothing of the key.
    assert saved.headers["Location"] == "./#topics"
    assert saved.headers["Cache-Control"] == "private, no-store"
    answer = await ask(agency, f"{base}/")
    assert values(answer, "//input[@checked]/@value") == ["economy", "sport"]
    mine = [f"{PUBLIC_URL}{base}/{lang}/mine.rss" for lang in ("en", "tr", "ar")]
    listed = (
        values(answer, "//input[@readonly]/@value"),
        values(answer, "//head/link[@rel='alternate']/@href"),
        re.findall(r'xmlUrl="([^"]*)"', (await ask(agency, f"{base}/opml")).text),
    )
    for addresses in listed:
        assert set(mine) <= set(addresses)
        assert addresses[0].endswith("/en/latest.rss")
    assert list(await look(agency, f"{base}/en/mine.json")) == ["urn:news:sport"]
    # Nothing ticked is nothing chosen.
    assert (await post(agency, f"{base}/mine?lang=tr")).headers["Location"] == "./?lang=tr#topics"
    assert (await key_of(agency, base)).selection == frozenset()


async def test_a_choice_is_written_down_as_the_readers_own(agency: Agency):
    base = await a_reader(agency)
    await post(agency, f"{base}/mine", "topics=sport")
    (entry,) = await agency.services.audit.newest(limit=1)
    assert (entry.actor, entry.via, entry.verb) == ("subscriber:ann", "page", "feed-key.select")
    assert (await agency.services.audit.verify()).broken is None


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("topics=sport", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("topics=sport", {"Sec-Fetch-Site": "same-site"}, 403),
        ("topics=sport", {"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, 403),
        ("topics=sport", {"Sec-Fetch-Site": "", "Origin": "null"}, 403),
        ("topics=sport", {"Sec-Fetch-Site": "", "Origin": f"{PUBLIC_URL}.evil.example"}, 403),
        ("topics=sport", {"Sec-Fetch-Site": "", "Origin": "http://news.example"}, 403),
        ("topics=sport", {"Content-Type": "text/plain"}, 415),
        ("topics=sport", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ("topics=sport", {"Content-Encoding": "gzip"}, 415),
        ("topics=" + "x" * 70_000, {}, 413),
        ("&".join(["topics=sport"] * 1_001), {}, 400),
        ("topics=é", {}, 400),
        ("topics=chess", {}, 422),
        ("topics=desk-only", {}, 422),
        ("topics=sport&topics=%00", {}, 422),
        ("topics=", {}, 422),
    ],
)
async def test_a_choice_that_is_not_the_readers_or_none_is_refused(
    agency: Agency, body, headers, status
):
    base = await a_reader(agency)
    answer = await post(agency, f"{base}/mine", body, headers)
    assert answer.status == status, answer.text
    assert (await key_of(agency, base)).selection == frozenset()
    assert not SECRET.search(answer.text)


async def test_what_the_plan_does_not_cover_cannot_be_chosen(agency: Agency):
    base = await a_reader(agency, "sport")
    assert values(await ask(agency, f"{base}/"), "//input[@name='topics']/@value") == ["sport"]
    assert (await post(agency, f"{base}/mine", "topics=economy")).status == 422


async def test_where_nothing_is_held_nothing_is_chosen(agency: Agency):
    base = await a_reader(agency, ends=START - DAY)
    answer = await ask(agency, f"{base}/")
    assert values(answer, "//input[@name='topics']") == []
    refused = await post(agency, f"{base}/mine", "topics=sport")
    assert refused.status == 409
    assert "Your subscription has ended" in text(refused)


# --- replacing the address -----------------------------------------------------------------------


async def rotate(agency: Agency, base: str) -> tuple[Answer, str]:
    """Replace an address; gives the answer, and the base path of the new one."""
    answer = await post(agency, f"{base}/rotate")
    assert answer.status == 200, answer.text
    (key,) = set(SECRET.findall(answer.text))
    return answer, f"/f/{key}"


async def test_a_new_address_takes_the_place_of_the_old_one(agency: Agency):
    await a_reader(agency)
    base = await restricted(agency, "ann", "en/sport", "en/politics")
    await choose(agency, base, "sport")
    answer, new = await rotate(agency, base)
    assert new != base
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "It is shown once" in text(answer)
    assert values(answer, "//input/@value") == [f"{PUBLIC_URL}{new}/"]
    own = values(answer, "//main//a/@href")
    assert own == [f"{PUBLIC_URL}{new}/", f"{PUBLIC_URL}{new}/opml"]
    for href in own:
        assert (await ask(agency, href.removeprefix(PUBLIC_URL))).status == 200
    # The new one is for the same feeds, and reads what the old one did.
    assert await look(agency, f"{new}/en/topics/sport.json") == {"urn:news:sport": "full"}
    assert await look(agency, f"{new}/en/mine.json") == {"urn:news:sport": "full"}
    assert (await ask(agency, f"{new}/en/latest.json")).status == 404
    old = (await ask(agency, f"{base}/en/topics/sport.json")).levels
    assert list(old.values()) == ["notice", "summary"]
    # The old one says nothing of the new.
    for tail in ("/", "/opml", "/en/topics/sport.rss"):
        assert new.removeprefix("/f/") not in (await ask(agency, base + tail)).text


async def test_the_browser_is_signed_in_with_the_new_key(agency: Agency):
    base = await a_reader(agency)
    answer, new = await rotate(agency, base)
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["wirefeed_key"]
    assert f"/f/{morsel.value}" == new
    assert morsel["path"] == "/subscriber/"
    assert morsel["httponly"]
    assert morsel["secure"]
    story = f"/subscriber/en/stories/{story_id('urn:news:sport')}"
    read = await ask(agency, story, {"Cookie": f"wirefeed_key={morsel.value}"})
    assert "Paragraph 7 of" in read.text
    # No other header has it: it is in no address that a proxy writes down.
    others = [v for name, v in answer.headers.items() if name != "Set-Cookie"]
    assert not SECRET.search(" ".join(others))
    assert "Location" not in answer.headers


async def test_a_new_address_is_written_down_as_the_readers_own_doing(agency: Agency):
    base = await a_reader(agency)
    old = await key_of(agency, base)
    _, new = await rotate(agency, base)
    row = await key_of(agency, new)
    (entry,) = await agency.services.audit.newest(limit=1)
    assert (entry.actor, entry.via, entry.verb) == ("subscriber:ann", "page", "feed-key.rotate")
    assert entry.about == f"feed-key:{row.id}"
    assert entry.detail["was"] == old.id


async def test_an_address_is_replaced_once(agency: Agency):
    base = await a_reader(agency)
    await rotate(agency, base)
    again = await post(agency, f"{base}/rotate")
    assert again.status == 409
    assert "Your feed address has changed" in text(again)
    assert "Set-Cookie" not in again.headers
    assert len(await agency.services.feed_keys.all("ann")) == 2


@pytest.mark.parametrize("lapse", ["revoked", "ended", "suspended"])
async def test_who_has_no_subscription_may_still_replace_its_address(agency: Agency, lapse):
    """What was taken back is not the reader's to give anew."""
    base = await a_reader(agency, ends=START - DAY if lapse == "ended" else None)
    if lapse == "revoked":
        await agency.services.feed_keys.revoke((await key_of(agency, base)).id)
    if lapse == "suspended":
        await agency.services.accounts.suspend("ann")
    answer = await post(agency, f"{base}/rotate")
    assert answer.status == (409 if lapse == "revoked" else 200)
    assert len(await agency.services.feed_keys.all("ann")) == (1 if lapse == "revoked" else 2)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC_URL},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ],
)
async def test_no_other_site_replaces_an_address(agency: Agency, headers):
    base = await a_reader(agency)
    assert (await post(agency, f"{base}/rotate", headers=headers)).status == 403
    assert await look(agency, f"{base}/en/latest.json") == {"urn:news:sport": "full"}


async def test_a_page_without_tls_is_known_by_its_origin(agency: Agency):
    base = await a_reader(agency)
    ours = {"Sec-Fetch-Site": "", "Origin": PUBLIC_URL}
    assert (await post(agency, f"{base}/rotate", headers=ours)).status == 200


async def test_looking_replaces_nothing(agency: Agency):
    base = await a_reader(agency)
    for path in (f"{base}/rotate", f"{base}/mine"):
        for method in ("GET", "HEAD"):
            assert (await ask(agency, path, OURS, method=method)).status == 405
    assert len(await agency.services.feed_keys.all("ann")) == 1


@pytest.mark.parametrize("what", ["rotate", "mine"])
async def test_what_is_done_at_an_unknown_address_is_not_found(agency: Agency, what):
    await a_reader(agency)
    unknown = f"/f/{make_secret(SecretKind.FEED, bytes(32))}"
    never = await ask(agency, "/f/none/")
    for headers in (OURS, {"Sec-Fetch-Site": "cross-site"}):
        answer = await post(agency, f"{unknown}/{what}", headers=headers)
        assert answer.status == 404
        assert answer.body == never.body


# --- a feed in a browser -------------------------------------------------------------------------


async def test_a_private_feed_in_a_browser_leads_to_the_page_and_a_public_one_does_not(
    agency: Agency,
):
    base = await a_reader(agency)
    browser = {"Sec-Fetch-Dest": "document"}
    for tail in ("latest", "topics/sport", "mine"):
        for form in FORMATS:
            answer = await ask(agency, f"{base}/en/{tail}.{form}", browser)
            assert f"{PUBLIC_URL}{base}/" in values(answer, "//section[@class='note']//a/@href")
    for path, headers in (
        ("/en/latest.rss", browser),
        ("/subscriber/en/latest.rss", browser | basic(base)),
    ):
        assert "/f/" not in (await ask(agency, path, headers)).text
