"""The pages of one-time links: what they say before and after, in whose language."""

import re
import shlex
from dataclasses import replace

import pytest
from lxml import html

from tests.support.agency import DAY, PUBLIC_URL, Agency
from tests.support.answers import Answer, ask, look
from wirefeed.domain.credentials import Scope
from wirefeed.domain.handovers import KeyTerms, Promise, SignIn
from wirefeed.domain.stories import story_id
from wirefeed.domain.terms import Terms

STORY = "urn:news:sport"
REST = "Paragraph 7 of"
TOKEN = Terms(subscriber="ann", days=30)


@pytest.fixture(autouse=True)
async def ann(agency: Agency) -> None:
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")


async def link(agency: Agency, promise: Promise) -> str:
    return f"/h/{(await agency.services.handovers.issue('ann', promise)).secret}"


async def press(agency: Agency, path: str, **headers: str) -> Answer:
    return await ask(agency, path, headers, method="POST")


def page(answer: Answer) -> html.HtmlElement:
    return html.document_fromstring(answer.body)


def text(answer: Answer) -> str:
    return " ".join(page(answer).text_content().split())


def copied(answer: Answer) -> list[str]:
    """Give what stands in the fields to be copied."""
    return [str(value) for value in page(answer).xpath("//main//input/@value")]


# --- what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("promise", "name", "button"),
    [
        (TOKEN, "A token", "Show the token"),
        (KeyTerms(), "A private address", "Show the address"),
        (SignIn(), "Signing in with this browser", "Sign in"),
    ],
)
async def test_a_link_says_what_it_gives_until_when_and_opens_by_one_button(
    agency: Agency, promise, name, button
):
    answer = await ask(agency, await link(agency, promise))
    assert answer.status == 200
    (form,) = page(answer).xpath("//form")
    # Sent to its own address, whatever that is called in front of a proxy.
    assert dict(form.attrib) == {"method": "post"}
    assert [b.text_content() for b in form.xpath(".//button")] == [button]
    assert form.xpath(".//input") == []
    assert name in text(answer)
    assert "8 March 2026, 12:00 UTC" in text(answer)
    assert page(answer).xpath("//meta[@name='robots']/@content") == ["noindex, nofollow"]


async def test_a_private_address_is_shown_with_its_page_and_its_opml(agency: Agency):
    answer = await press(agency, await link(agency, KeyTerms()))
    (own,) = copied(answer)
    assert own.startswith(f"{PUBLIC_URL}/f/wf_feed_")
    assert page(answer).xpath("//main//a/@href") == [own, f"{own}opml"]
    path = own.removeprefix(PUBLIC_URL)
    assert (await ask(agency, path)).status == 200
    assert (await ask(agency, f"{path}opml")).status == 200
    assert await look(agency, f"{path}en/latest.json") == {STORY: "full"}


async def test_a_token_is_shown_with_a_line_to_try_it(agency: Agency):
    answer = await press(agency, await link(agency, TOKEN))
    token, command = copied(answer)
    assert "Valid until" in text(answer)
    curl, option, header, url = shlex.split(command)
    assert (curl, option, header) == ("curl", "--header", f"Authorization: Bearer {token}")
    path = url.removeprefix(PUBLIC_URL)
    assert await look(agency, path, {"Authorization": f"Bearer {token}"}) == {STORY: "full"}


async def test_a_token_that_reads_no_feeds_has_no_such_line(agency: Agency):
    wire = replace(TOKEN, scopes=frozenset({Scope.WIRE_READ}))
    answer = await press(agency, await link(agency, wire))
    assert len(copied(answer)) == 1


async def test_signing_in_leads_to_the_own_page_and_opens_stories_in_full(agency: Agency):
    answer = await press(agency, await link(agency, SignIn()))
    assert answer.status == 303
    assert answer.body == b""
    own = await ask(agency, answer.headers["Location"])
    assert "Sport in full" in text(own)
    cookie = own.headers["Set-Cookie"].partition(";")[0]
    story = f"/subscriber/en/stories/{story_id(STORY)}"
    assert REST in (await ask(agency, story, {"Cookie": cookie})).text
    (row,) = await agency.services.feed_keys.all("ann")
    assert row.name == "browser"
    await agency.services.feed_keys.revoke(row.id)
    assert REST not in (await ask(agency, story, {"Cookie": cookie})).text


@pytest.mark.parametrize(
    ("promise", "told"),
    [(TOKEN, "the token is refused"), (KeyTerms(), "carries what is public")],
)
async def test_who_has_nothing_now_is_told_that_it_works_later(agency: Agency, promise, told):
    path = await link(agency, promise)
    await agency.services.accounts.suspend("ann")
    answer = await press(agency, path)
    assert answer.status == 200
    assert "Your subscription is suspended" in text(answer)
    assert told in text(answer)
    assert copied(answer) != []


async def test_what_can_no_longer_be_given_is_said_and_the_link_is_not_used_up(agency: Agency):
    key = await agency.services.feed_keys.issue("ann")
    path = await link(agency, KeyTerms(replaces=key.row.id))
    await agency.services.feed_keys.revoke(key.row.id)
    answer = await press(agency, path)
    assert answer.status == 409
    assert "cannot be opened as things stand" in text(answer)
    assert "desk@news.example" in text(answer)
    assert (await ask(agency, path)).status == 200


@pytest.mark.parametrize("end", ["opened", "expired", "withdrawn"])
async def test_a_link_that_is_over_says_why_when_and_whom_to_ask(agency: Agency, end):
    issued = await agency.services.handovers.issue("ann", KeyTerms())
    if end == "opened":
        await agency.services.handovers.open(issued.secret)
    if end == "withdrawn":
        await agency.services.handovers.withdraw(issued.row.id)
    agency.clock.advance(7 * DAY)
    answer = await ask(agency, f"/h/{issued.secret}")
    assert answer.status == 410
    assert re.search(rf"This link has (been )?{end}", text(answer))
    day = "8 March" if end == "expired" else "1 March"
    assert f"{day} 2026" in text(answer)
    assert "desk@news.example" in text(answer)
    assert page(answer).xpath("//form") == []


# --- in which language ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepts", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("ar", "ar"),
        ("AR-eg", "ar"),
        ("tr-TR,tr;q=0.9,en;q=0.8", "tr"),
        ("de-DE, de;q=0.9, tr;q=0.5, en;q=0.4", "tr"),
        ("en;q=0.4, ar;q=0.41", "ar"),
        ("en ; q=0.4 , ar ; q=1.000", "ar"),
        ("tr;q=0, ar;q=0.001", "ar"),
        ("tr;q=0", "en"),
        ("zh-Hant-TW", "en"),
        ("tr;q=x, tr;q=-1, tr;q=", "tr"),
        ("tr;q=\u0661", "en"),
        ("," * 7_000 + "ar", "en"),
        ("tr" + "-x" * 4_000, "tr"),
        ("\xff\xfe;;;=", "en"),
    ],
)
async def test_it_speaks_the_language_that_the_browser_prefers(agency: Agency, accepts, language):
    headers = {} if accepts is None else {"Accept-Language": accepts}
    path = await link(agency, KeyTerms())
    for answer in (await ask(agency, path, headers), await press(agency, path, **headers)):
        assert page(answer).get("lang") == language
        assert page(answer).get("dir") == ("rtl" if language == "ar" else "ltr")
        assert answer.headers["Vary"] == "Accept-Language"
