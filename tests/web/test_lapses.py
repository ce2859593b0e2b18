"""Why a private address lapses: each kind in its own words, on its page and in its feeds."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.agency import DAY, HOUR, MINUTE, SECOND, Agency
from tests.support.answers import FORMATS, ask, basic, look
from wirefeed.domain.credentials import FeedKey, Lapse
from wirefeed.domain.plans import Subscription
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.storage import account_tables as tables
from wirefeed.storage import wire

REST = "Paragraph 7 of"
#: What happens to a reader, and what it is told of it.
Happening = Callable[[Agency, FeedKey], Awaitable[object]]


async def rotate(agency: Agency, key: FeedKey) -> None:
    await agency.services.feed_keys.rotate(key.id)


async def leak(agency: Agency, key: FeedKey) -> None:
    await agency.services.feed_keys.revoke(key.id, reason=Lapse.LEAKED)


async def revoke(agency: Agency, key: FeedKey) -> None:
    await agency.services.feed_keys.revoke(key.id)


async def suspend(agency: Agency, key: FeedKey) -> None:
    await agency.services.accounts.suspend(key.subscriber)


async def end(agency: Agency, key: FeedKey) -> None:
    await subscribe(agency, key, ends=agency.clock.now)


async def put_off(agency: Agency, key: FeedKey) -> None:
    await subscribe(agency, key, starts=agency.clock.now + 5 * DAY, ends=None)


async def subscribe(agency: Agency, key: FeedKey, **fields: Any) -> None:
    await agency.services.accounts.change_subscriber(
        key.subscriber,
        lambda s: replace(s, subscriptions=tuple(replace(o, **fields) for o in s.subscriptions)),
    )


KINDS: dict[str, tuple[Happening, str]] = {
    "rotated": (rotate, "Your feed address has changed"),
    "leaked": (leak, "This feed address was found in public"),
    "revoked": (revoke, "This feed address is no longer valid"),
    "suspended": (suspend, "Your subscription is suspended"),
    "ended": (end, "Your subscription has ended"),
    "not-begun": (put_off, "Your subscription has not begun yet"),
}
CAST_OFF = {"rotated", "leaked", "revoked"}


async def a_reader(agency: Agency) -> tuple[str, FeedKey]:
    """Publish a story, and give a private address that reads it in full, with its row."""
    await agency.publish("urn:news:sport")
    await agency.subscriber("ann", "sport")
    issued = await agency.services.feed_keys.issue("ann")
    agency.clock.advance(HOUR)
    return f"/f/{issued.secret}", issued.row


async def notice(agency: Agency, path: str) -> dict[str, Any]:
    items = (await ask(agency, path)).items.values()
    (told,) = [item for item in items if item["_wirefeed"].get("notice")]
    return told


@pytest.mark.parametrize("kind", KINDS)
async def test_each_lapse_is_told_in_feeds_and_on_the_page_and_ends_the_full_text(
    agency: Agency, kind
):
    happens, title = KINDS[kind]
    base, key = await a_reader(agency)
    held = await ask(agency, f"{base}/en/latest.json")
    assert held.levels == {"urn:news:sport": "full"}
    await happens(agency, key)
    agency.clock.advance(SECOND)
    told = await notice(agency, f"{base}/en/latest.json")
    assert told["title"] == title
    assert kind in told["id"]
    page = await ask(agency, f"{base}/")
    assert title in page.text
    for form in FORMATS:
        for tail in ("en/latest", "en/topics/sport", "en/mine"):
            answer = await ask(agency, f"{base}/{tail}.{form}")
            assert answer.status == 200
            assert REST not in answer.text
    # With what it held it is told, too; a date is enough.
    known = {"If-Modified-Since": held.headers["Last-Modified"]}
    assert (await ask(agency, f"{base}/en/latest.json", known)).status == 200
    password = await ask(agency, "/subscriber/en/latest.json", basic(base))
    assert password.headers["Wirefeed-Levels"].endswith(kind)
    # The event is told once: it stays the same for as long as it lasts.
    agency.clock.advance(2 * DAY)
    await agency.publish("urn:news:later")
    assert await notice(agency, f"{base}/en/latest.json") == told


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_that_was_taken_back_shows_nothing_of_its_owner(agency: Agency, kind):
    """Whoever holds it now may be the reason it was taken back."""
    happens, _ = KINDS[kind]
    base, key = await a_reader(agency)
    await agency.services.feed_keys.select(key.id, frozenset({"sport"}))
    await happens(agency, key)
    page = await ask(agency, f"{base}/")
    shows = kind not in CAST_OFF
    for word in ("Ann", "Sport in full", "<form", "Where this address was used", "/opml"):
        # Nothing is chosen while there is nothing to choose from; an address is replaced.
        assert (word in page.text) is shows, word
    assert ("Set-Cookie" in page.headers) is shows


async def test_what_has_not_begun_begins_at_its_time(agency: Agency):
    base, key = await a_reader(agency)
    begins = agency.clock.now + 5 * DAY
    await put_off(agency, key)
    agency.clock.advance(MINUTE)
    path = f"{base}/en/latest.json"
    before = await ask(agency, path)
    assert "How to renew" not in (await ask(agency, f"{base}/")).text
    agency.clock.now = begins - SECOND
    known = {"If-Modified-Since": before.headers["Last-Modified"]}
    assert (await ask(agency, path, known)).status == 304
    agency.clock.now = begins
    assert (await ask(agency, path, known)).levels == {"urn:news:sport": "full"}


async def test_a_renewal_never_brings_a_key_back_that_was_taken(agency: Agency):
    base, key = await a_reader(agency)
    await leak(agency, key)
    more = Subscription(plan="everything", starts=agency.clock.now)
    await agency.services.accounts.change_subscriber(
        "ann", lambda s: replace(s, subscriptions=(*s.subscriptions, more))
    )
    assert (await look(agency, f"{base}/en/latest.json"))["urn:news:sport"] == "summary"


async def test_a_reader_is_told_that_others_seem_to_know_its_address(agency: Agency):
    base, key = await a_reader(agency)
    path = f"{base}/en/latest.json"
    held = await ask(agency, path)
    at = agency.clock.now
    async with agency.services.database.writing() as connection:
        mine = tables.feed_keys.c.id == key.id
        await connection.execute(update(tables.feed_keys).where(mine).values(flagged=at))
        change = Change(kind=ChangeKind.ACCESS, about=f"feed-key:{key.id}")
        await wire.append(connection, [change], at)
    agency.clock.advance(SECOND)
    known = {"If-Modified-Since": held.headers["Last-Modified"]}
    told = await ask(agency, path, known)
    assert list(told.levels.values()) == ["notice", "full"]
    (item,) = [i for i in told.items.values() if i["_wirefeed"].get("notice")]
    assert item["title"] == "Others seem to use your feed address"
    assert item["id"].endswith(f":shared:{at}")
    page = await ask(agency, f"{base}/")
    assert item["title"] in page.text
    assert 'href="#replace"' in page.text
    # A new address is known to nobody else.
    new = f"/f/{(await agency.services.feed_keys.rotate(key.id)).secret}"
    assert await look(agency, f"{new}/en/latest.json") == {"urn:news:sport": "full"}
