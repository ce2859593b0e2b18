"""What a private address gives: a whole plan to any feed reader, and a notice at its end."""

import json
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from tests.support.agency import DAY, HOUR, MINUTE, PUBLIC_URL, SECOND, Agency
from tests.support.answers import FORMATS, ask, basic, look
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.plans import Subscriber, Subscription

ATOM = "{http://www.w3.org/2005/Atom}"
FULL = {"urn:news:sport": "full"}
TEASERS = {"urn:news:sport": "summary"}
REST = "Paragraph 7 of"
#: Longer than the time in which a reader is told of an end.
MONTH = 30 * DAY
TITLES = {
    "en": {
        "ended": "Your subscription has ended",
        "suspended": "Your subscription is suspended",
        "revoked": "This feed address is no longer valid",
    },
    "tr": {"ended": "Aboneliğiniz sona erdi"},
}


async def a_reader(agency: Agency, *plans: str, ends: int | None = None) -> str:
    """Publish a story of sport, and give a private address."""
    await agency.publish("urn:news:sport")
    await agency.subscriber("ann", *(plans or ("sport",)), ends=ends)
    return await agency.feed_key("ann")


async def revoke(agency: Agency) -> None:
    (row,) = await agency.services.feed_keys.all("ann")
    await agency.services.feed_keys.revoke(row.id)


def suspend(subscriber: Subscriber, *, suspended: bool = True) -> Subscriber:
    return replace(subscriber, suspended=suspended)


def renewed(subscriber: Subscriber, *subscriptions: Subscription) -> Subscriber:
    return replace(subscriber, subscriptions=(*subscriber.subscriptions, *subscriptions))


async def notice(agency: Agency, path: str) -> dict[str, Any]:
    """Give the one item of a JSON Feed that is no story; it comes first."""
    items = list((await ask(agency, path)).items.values())
    notices = [item for item in items if item["_wirefeed"].get("notice")]
    assert len(notices) == 1
    assert items[0] is notices[0]
    return notices[0]


async def test_a_private_address_gives_every_feed_in_full(agency: Agency):
    base = await a_reader(agency)
    for form in FORMATS:
        for tail in ("latest", "topics/sport"):
            assert REST in (await ask(agency, f"{base}/en/{tail}.{form}")).text
        for tail in ("tr/latest", "ar/topics/economy", "en/topics/desk-only"):
            assert (await ask(agency, f"{base}/{tail}.{form}")).status == 200
    for tail in ("de/latest.rss", "en/topics/chess.rss", "en/topics/latest.rss", "en/latest.txt"):
        assert (await ask(agency, f"{base}/{tail}")).status == 404


@pytest.mark.parametrize("form", FORMATS)
async def test_no_document_contains_the_key_or_a_self_link_and_the_header_names_the_address(
    agency: Agency, form
):
    base = await a_reader(agency)
    answer = await ask(agency, f"{base}/en/latest.{form}")
    assert b"wf_feed_" not in answer.body
    assert b"/f/" not in answer.body
    if form == "json":
        assert "feed_url" not in json.loads(answer.body)
    else:
        assert etree.fromstring(answer.body).find(f".//{ATOM}link[@rel='self']") is None
    own = f'<{PUBLIC_URL}{base}/en/latest.{form}>; rel="self"'
    assert answer.headers["Link"].startswith(own)
    assert answer.headers["Link"].count(f"<{PUBLIC_URL}{base}/") == 3
    for name, value in answer.headers.items():
        assert name == "Link" or "wf_feed_" not in value


@pytest.mark.parametrize("form", FORMATS)
async def test_keys_of_equal_plans_get_the_same_bytes_and_tag(agency: Agency, form):
    base = await a_reader(agency)
    again = await agency.feed_key("ann")
    agency.clock.advance(HOUR)
    await agency.subscriber("bob", "sport")
    other = await agency.feed_key("bob")
    answers = [await ask(agency, f"{b}/en/latest.{form}") for b in (base, again, other)]
    assert len({(a.body, a.tag) for a in answers}) == 1


async def test_a_private_feed_never_reads_authorization(agency: Agency):
    base = await a_reader(agency, "economy")
    await agency.subscriber("bob", "everything")
    plain = await ask(agency, f"{base}/en/latest.rss")
    for headers in (
        await agency.token("bob"),
        basic(await agency.feed_key("bob")),
        {"Authorization": "Bearer nonsense"},
    ):
        answer = await ask(agency, f"{base}/en/latest.rss", headers)
        assert (answer.status, answer.body, answer.kept) == (200, plain.body, plain.kept)


async def test_a_private_feed_is_kept_by_its_client_alone(agency: Agency):
    base = await a_reader(agency)
    headers = (await ask(agency, f"{base}/en/latest.rss")).headers
    assert headers["Cache-Control"] == "private, max-age=60, stale-if-error=86400"
    assert headers["Vary"] == "Accept-Encoding, A-IM, Sec-Fetch-Dest"
    assert not {"Set-Cookie", "Expires", "Surrogate-Control"} & set(headers)


async def test_an_unknown_or_mistyped_key_is_not_found(agency: Agency):
    base = await a_reader(agency)
    unknown = f"/f/{make_secret(SecretKind.FEED, bytes(32))}"
    mistyped = base[:-1] + ("0" if base[-1] != "0" else "1")
    for wrong in (unknown, mistyped, base[:-1], f"{base}0", base.upper()):
        for tail in ("/en/latest.rss", "/", "/opml"):
            assert (await ask(agency, wrong + tail)).status == 404


# --- when it lapses ------------------------------------------------------------------------------


@pytest.mark.parametrize("lapse", ["ended", "suspended", "revoked"])
async def test_a_lapsed_key_gives_the_public_rendering_and_one_notice_and_keeps_doing_so(
    agency: Agency, lapse
):
    base = await a_reader(agency, ends=agency.clock.now + MONTH if lapse == "ended" else None)
    path = f"{base}/en/latest.json"
    assert await look(agency, path) == FULL
    agency.clock.advance(MONTH)
    if lapse == "suspended":
        await agency.services.accounts.change_subscriber("ann", suspend)
    if lapse == "revoked":
        await revoke(agency)

    told = await notice(agency, path)
    assert told["title"] == TITLES["en"][lapse]
    assert "subscribe" in told["content_html"]
    assert told["date_published"] == told["date_modified"]
    lapsed = await ask(agency, path)
    teaser = (await ask(agency, "/en/latest.json")).items["urn:news:sport"]
    assert lapsed.items["urn:news:sport"] == teaser
    assert REST not in lapsed.text

    agency.clock.advance(20 * DAY)
    await agency.publish("urn:news:later", "politics")
    assert await notice(agency, path) == told
    assert list(await look(agency, path)) == [told["id"], "urn:news:later", "urn:news:sport"]
    for form in FORMATS:
        assert (await ask(agency, f"{base}/en/latest.{form}")).status == 200


async def test_the_notice_is_in_the_language_of_the_feed(agency: Agency):
    base = await a_reader(agency, ends=agency.clock.now + HOUR)
    agency.clock.advance(HOUR)
    english, turkish = [await notice(agency, f"{base}/{lang}/latest.json") for lang in ("en", "tr")]
    assert turkish["title"] == TITLES["tr"]["ended"]
    assert english["id"] == turkish["id"]


async def test_the_notice_names_neither_the_subscriber_nor_the_key(agency: Agency):
    ends = agency.clock.now + HOUR
    base = await a_reader(agency, ends=ends)
    await agency.subscriber("bob", "economy", ends=ends)
    other = await agency.feed_key("bob")
    agency.clock.advance(HOUR)
    for form in FORMATS:
        one, two = [await ask(agency, f"{b}/en/latest.{form}") for b in (base, other)]
        assert (one.body, one.tag) == (two.body, two.tag)
        assert b"Ann" not in one.body


@pytest.mark.parametrize("lapse", ["ended", "suspended"])
async def test_renewing_restores_the_same_address(agency: Agency, lapse):
    base = await a_reader(agency, ends=agency.clock.now + MONTH if lapse == "ended" else None)
    path = f"{base}/en/latest.json"
    held = (await ask(agency, path)).tag
    agency.clock.advance(MONTH)
    accounts = agency.services.accounts
    if lapse == "suspended":
        await accounts.change_subscriber("ann", suspend)
    assert (await ask(agency, path, {"If-None-Match": held})).status == 200
    lapsed = (await ask(agency, path)).tag
    agency.clock.advance(MINUTE)
    if lapse == "ended":
        more = Subscription(plan="sport", starts=agency.clock.now)
        await accounts.change_subscriber("ann", lambda s: renewed(s, more))
    else:
        await accounts.change_subscriber("ann", lambda s: suspend(s, suspended=False))
    restored = await ask(agency, path, {"If-None-Match": lapsed})
    assert restored.levels == FULL
    assert restored.tag == held


async def test_a_revoked_key_is_unknown_after_ninety_days(agency: Agency):
    base = await a_reader(agency)
    await revoke(agency)
    agency.clock.advance(90 * DAY - SECOND)
    assert (await ask(agency, f"{base}/en/latest.rss")).status == 200
    agency.clock.advance(SECOND)
    for tail in ("/en/latest.rss", "/", "/opml"):
        assert (await ask(agency, base + tail)).status == 404
    assert (await ask(agency, "/subscriber/en/latest.rss", basic(base))).status == 401


async def test_another_key_of_the_same_subscriber_lives_on(agency: Agency):
    base = await a_reader(agency)
    await revoke(agency)
    assert await look(agency, f"{await agency.feed_key('ann')}/en/latest.json") == FULL
    assert (await look(agency, f"{base}/en/latest.json"))["urn:news:sport"] == "summary"


@pytest.mark.parametrize("lapse", ["ended", "suspended", "revoked"])
async def test_basic_lapses_as_the_address_does(agency: Agency, lapse):
    base = await a_reader(agency, ends=agency.clock.now + MONTH if lapse == "ended" else None)
    agency.clock.advance(MONTH)
    if lapse == "suspended":
        await agency.services.accounts.change_subscriber("ann", suspend)
    if lapse == "revoked":
        await revoke(agency)
    mine = await ask(agency, f"{base}/en/latest.json")
    answer = await ask(agency, "/subscriber/en/latest.json", basic(base))
    assert answer.items == mine.items
    assert answer.headers["Wirefeed-Levels"].startswith("summary=1; why=")


async def test_a_lapsed_private_feed_is_told_in_every_format_once(agency: Agency):
    base = await a_reader(agency)
    await revoke(agency)
    title = TITLES["en"]["revoked"]
    rss = etree.fromstring((await ask(agency, f"{base}/en/topics/economy.rss")).body)
    assert [i.findtext("title") for i in rss.iter("item")] == [title]
    atom = etree.fromstring((await ask(agency, f"{base}/en/topics/economy.atom")).body)
    assert [e.findtext(f"{ATOM}title") for e in atom.iter(f"{ATOM}entry")] == [title]


async def test_revoking_a_key_twice_leaves_the_notice_as_it_was(agency: Agency):
    base = await a_reader(agency)
    await revoke(agency)
    told = await notice(agency, f"{base}/en/latest.json")
    agency.clock.advance(DAY)
    (row,) = await agency.services.feed_keys.all("ann")
    await agency.services.feed_keys.revoke(row.id)
    assert await notice(agency, f"{base}/en/latest.json") == told
