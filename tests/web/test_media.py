"""Pictures over HTTP: wherever a story is shown its pictures are links, and each is asked of."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.agency import DAY, HOUR, Agency, iso
from tests.support.answers import FORMATS, Answer, ask
from tests.support.pictures import links_in, picture
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.plans import Plan
from wirefeed.domain.stories import story_id

HOST = "media.example"
QUAY, SHIP, INLINE = (f"https://{HOST}/{name}.jpg" for name in ("quay", "ship", "in-text"))
STORY = "urn:news:quay"
BODY = f'<p>The quay is open.</p><p>Look: <img src="{INLINE}" alt="the quay"></p>'


async def publish(agency: Agency, *pictures: str, **fields: Any) -> None:
    """Send the story, with these pictures and one in its text."""
    associations = {f"a{n}": picture(href) for n, href in enumerate(pictures or (QUAY,))}
    await agency.publish(STORY, **{"associations": associations, "body_html": BODY} | fields)


async def a_reader(agency: Agency, plan: str = "sport") -> str:
    """Give the private address of a reader who is shown pictures."""
    await agency.subscriber(plan, plan)
    return await agency.feed_key(plan)


async def links(agency: Agency, base: str) -> dict[str, str]:
    """Give the links of a feed, by the end of where they lead."""
    found = links_in((await ask(agency, f"{base}/en/latest.json")).text)
    led = [(await ask(agency, link)).headers.get("Location", link) for link in found]
    return dict(zip(led, found, strict=True))


async def status(agency: Agency, link: str) -> int:
    return (await ask(agency, link)).status


def alike(one: Answer, other: Answer) -> bool:
    return (one.status, one.kept, one.body) == (other.status, other.kept, other.body)


# --- where they stand -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
async def test_a_feed_holds_a_link_in_the_place_of_every_address(agency: Agency, form: str):
    await publish(agency, QUAY, SHIP)
    base = await a_reader(agency)
    feed = (await ask(agency, f"{base}/en/latest.{form}")).text
    found = links_in(feed)
    assert HOST not in feed
    assert {(await ask(agency, link)).headers["Location"] for link in found} == {
        QUAY,
        SHIP,
        INLINE,
    }
    quay, ship = [(await links(agency, base))[href] for href in (QUAY, SHIP)]
    told = {
        "rss": [f'<media:content url="[^"]*{quay}"', f'<enclosure url="[^"]*{quay}"'],
        "atom": [f'rel="enclosure"[^>]*href="[^"]*{ship}"|href="[^"]*{ship}"[^>]*rel="enclosure"'],
        "json": [f'"image":"[^"]*{quay}"', f'"url":"[^"]*{ship}","mime_type":"image/jpeg"'],
    }[form]
    # The lead picture is in the text, too: not every reader knows the rest.
    for pattern in (*told, f"img src=[^ ]*{quay}"):
        assert re.search(pattern, feed), pattern
    assert quay.endswith(".jpg")


async def test_pages_the_wire_and_a_story_of_the_api_hold_the_same_links(agency: Agency):
    await publish(agency)
    base = await a_reader(agency)
    token = await agency.token("sport")
    feed = set((await links(agency, base)).values())
    assert len(feed) == 2
    for path in (
        f"/subscriber/en/stories/{story_id(STORY)}",
        "/subscriber/en/latest.rss",
        f"/subscriber/en/latest/archive/{iso(agency.clock.now)[:10]}.atom",
        "/api/v1/wire?after=oldest",
        f"/api/v1/stories/{story_id(STORY)}",
    ):
        if "archive" in path:
            agency.clock.advance(DAY)
        answer = await ask(agency, path, token)
        assert answer.status == 200, path
        assert HOST not in answer.text, path
        assert set(links_in(answer.text)) == feed, path


async def test_who_is_shown_no_pictures_is_given_no_link(agency: Agency):
    await publish(agency)
    base = await a_reader(agency, "late")
    agency.clock.advance(HOUR)
    for path in (f"{base}/en/latest.json", "/en/latest.json", f"/en/stories/{story_id(STORY)}"):
        text = (await ask(agency, path)).text
        assert "The quay is open" in text
        assert "/media/" not in text
        assert HOST not in text


async def test_where_the_public_is_shown_pictures_it_has_links_too(agency: Agency):
    grant = Grant(plan="public", topics=frozenset({ALL}), level=Level.FULL, media=True)
    await agency.services.plans.put(Plan(name="public", grants=(grant,)))
    await publish(agency)
    feed, page = [
        (await ask(agency, path)).text
        for path in ("/en/latest.json", f"/en/stories/{story_id(STORY)}")
    ]
    assert links_in(feed)
    assert set(links_in(feed)) == set(links_in(page))
    assert HOST not in feed + page
    assert {await status(agency, link) for link in links_in(feed)} == {302}


async def test_a_correction_that_changes_a_picture_says_so_on_the_wire(agency: Agency):
    await publish(agency)
    await a_reader(agency)
    token = await agency.token("sport")
    first = await ask(agency, "/api/v1/wire?after=oldest", token)
    await publish(agency, SHIP, version="2")
    after = json.loads(first.body)["next"]
    second = json.loads((await ask(agency, f"/api/v1/wire?after={after}", token)).body)
    assert [one["wirefeed"]["changed"] for one in second["items"]] == [["media"]]


# --- what it answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_link_leads_on_and_nothing_keeps_or_tells_where_it_was_met(
    agency: Agency, method: str
):
    await publish(agency)
    link = (await links(agency, await a_reader(agency)))[QUAY]
    answer = await ask(agency, link, method=method)
    assert (answer.status, answer.headers["Location"], answer.body) == (302, QUAY, b"")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers
    # Whatever else is sent along, and whatever is asked for, changes nothing.
    odd = {"Authorization": "Bearer x", "Cookie": "wirefeed_key=x", "Range": "bytes=0-1"}
    assert alike(await ask(agency, f"{link}?sig=x", odd, method=method), answer)


@pytest.mark.parametrize(
    ("href", "location"),
    [
        ("https://media.example/a%20b.jpg?x=%2F+1&y=a%3Db#z", None),
        ("https://media.example/a b.jpg", "https://media.example/a%20b.jpg"),
        ("https://media.example/İş.jpg?ş", "https://media.example/%C4%B0%C5%9F.jpg?%C5%9F"),
        ('https://media.example/"<x>|`{}^.jpg', None),
        ("http://[2001:db8::1]:8080/a.jpg", None),
    ],
)
async def test_it_leads_to_the_address_as_it_was_sent(
    agency: Agency, href: str, location: str | None
):
    await publish(agency, href, body_html="<p>No picture here.</p>")
    base = await a_reader(agency)
    (link,) = links_in((await ask(agency, f"{base}/en/latest.rss")).text)
    assert (await ask(agency, link)).headers["Location"] == (location or href)


async def test_what_is_no_link_of_ours_is_answered_as_what_never_was(agency: Agency):
    await publish(agency, QUAY, SHIP)
    await agency.publish("urn:news:other", associations={"a": picture(QUAY)})
    base = await a_reader(agency)
    mine, *others = links_in((await ask(agency, f"{base}/en/latest.json")).text)
    _, _, story, signature, file = mine.split("/")
    absent = await ask(agency, f"/media/{story_id('none')}/{'0' * 32}/{'a' * 16}.jpg")
    assert absent.status == 404
    wrong = [f"/media/{story}/{'0' * 32}/{file}", f"/media/{story}/{signature}/{'a' * 16}.jpg"]
    wrong += [f"/media/{story}/{signature}/{file.partition('.')[0]}", f"{mine[:-3]}png"]
    for other in others:
        _, _, its_story, its_signature, its_file = other.split("/")
        wrong.append(f"/media/{story}/{its_signature}/{file}")
        if its_file != file:
            wrong.append(f"/media/{story}/{signature}/{its_file}")
        if its_story != story:
            wrong.append(f"/media/{its_story}/{signature}/{file}")
    malformed = [mine.upper(), f"{mine}/", mine[:-5], f"/media/{story}", "/media/", f"{mine}%2e"]
    for path in wrong + malformed:
        assert alike(await ask(agency, path), absent), path


# --- for as long as ------------------------------------------------------------------------------


async def test_a_kill_takes_the_pictures_with_it_for_the_next_request(agency: Agency):
    await publish(agency)
    held = await links(agency, await a_reader(agency))
    await publish(agency, version="2", pubstatus="canceled")
    for link in held.values():
        answer = await ask(agency, link)
        assert answer.status == 410
        assert "Location" not in answer.headers
        assert HOST not in answer.text
        assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("verb", ["withhold", "kill"])
async def test_what_the_desk_takes_back_is_gone_and_comes_back_when_it_is_reinstated(
    agency: Agency, verb: str
):
    await publish(agency)
    held = await links(agency, await a_reader(agency))
    desk = agency.services.newsdesk
    await (desk.withhold(STORY) if verb == "withhold" else desk.kill(STORY))
    assert {await status(agency, link) for link in held.values()} == {410}
    await desk.reinstate(STORY)
    assert {(await ask(agency, link)).headers["Location"] for link in held.values()} == set(held)


async def test_a_correction_takes_a_picture_out_and_leaves_the_others(agency: Agency):
    await publish(agency, QUAY, SHIP)
    held = await links(agency, await a_reader(agency))
    await publish(agency, SHIP, version="2")
    told = {href: await status(agency, link) for href, link in held.items()}
    assert told == {QUAY: 410, SHIP: 302, INLINE: 302}
    assert (await ask(agency, held[SHIP])).headers["Location"] == SHIP
    await publish(agency, QUAY, version="3", body_html="<p>Without a picture.</p>")
    told = {href: await status(agency, link) for href, link in held.items()}
    assert told == {QUAY: 302, SHIP: 410, INLINE: 410}


async def test_a_story_that_another_replaces_takes_its_pictures_with_it(agency: Agency):
    await publish(agency)
    base = await a_reader(agency)
    held = await links(agency, base)
    await agency.publish(
        "urn:news:next", evolvedfrom=STORY, associations={"a": picture(QUAY)}, body_html=BODY
    )
    assert {await status(agency, link) for link in held.values()} == {410}
    assert {await status(agency, link) for link in (await links(agency, base)).values()} == {302}


async def test_before_an_embargo_ends_only_the_links_of_who_sees_it_early_lead_on(agency: Agency):
    base, late = await a_reader(agency, "everything"), await a_reader(agency)
    await publish(agency, embargoed=iso(agency.clock.now + HOUR))
    early = await links(agency, base)
    assert len(early) == 2
    assert await links(agency, late) == {}
    agency.clock.advance(HOUR)
    await agency.services.publishing.announce_due()
    released = await links(agency, late)
    assert released.keys() == early.keys()
    assert set(released.values()).isdisjoint(early.values())
    assert {await status(agency, link) for link in early.values()} == {302}
    # A later version is under embargo again.
    await publish(agency, version="2", embargoed=iso(agency.clock.now + HOUR))
    absent = await ask(agency, f"/media/{story_id('none')}/{'0' * 32}/{'a' * 16}.jpg")
    for link in released.values():
        assert alike(await ask(agency, link), absent)
    assert {await status(agency, link) for link in early.values()} == {302}


async def test_the_end_of_rights_is_the_end_of_the_pictures(agency: Agency):
    await publish(agency, expires=iso(agency.clock.now + HOUR))
    held = await links(agency, await a_reader(agency))
    assert {await status(agency, link) for link in held.values()} == {302}
    agency.clock.advance(HOUR)
    assert {await status(agency, link) for link in held.values()} == {410}
    await agency.services.publishing.announce_due()
    assert {await status(agency, link) for link in held.values()} == {410}


async def _revoke(agency: Agency) -> None:
    (row,) = await agency.services.feed_keys.all("sport")
    await agency.services.feed_keys.revoke(row.id)


async def _suspend(agency: Agency) -> None:
    await agency.services.accounts.suspend("sport")


async def _end(agency: Agency) -> None:
    held = await agency.services.accounts.subscriber("sport")
    ended = tuple(replace(one, ends=agency.clock.now) for one in held.subscriptions)
    await agency.services.accounts.put_subscriber(replace(held, subscriptions=ended))


@pytest.mark.parametrize("lose", [_revoke, _suspend, _end])
async def test_whoever_has_lost_a_right_has_the_links_it_was_given_and_is_given_no_more(
    agency: Agency, lose: Callable[[Agency], Awaitable[None]]
):
    """As with the text itself: what was given is not taken back, unless it is from everybody."""
    await publish(agency)
    base = await a_reader(agency)
    held = await links(agency, base)
    await lose(agency)
    assert await links(agency, base) == {}
    assert {await status(agency, link) for link in held.values()} == {302}
