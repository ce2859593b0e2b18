"""S-45: no document holds the key it came by, and what it shows beside text are links of ours."""

import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest
import pytest_asyncio

from tests.security import raw
from tests.security.guarded import statements
from tests.security.oracle import Log
from tests.support.agency import DAY, MINUTE, PUBLIC_URL, Agency, iso, running, settings_in
from tests.support.answers import FORMATS, ask, basic
from tests.support.pictures import links_in, picture
from wirefeed.config import Guessing
from wirefeed.domain.media import Circle
from wirefeed.domain.stories import story_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

PER_MINUTE = 5
QUAY, SHIP, INLINE = (f"https://pictures.example/{name}.jpg" for name in ("quay", "ship", "text"))
LATER = "urn:test:later"
#: What a reader fetches by itself, of XML and of the HTML in it.
FETCHED = re.compile(
    r"(?:<media:content|<enclosure|&lt;img|<img|<link[^>]* rel=.enclosure.)[^>]*?(https?:[^\"]+)"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agency(log: Log, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Agency]:
    """Three stories that show the same pictures, one of them under embargo."""
    guessing = Guessing(per_minute=PER_MINUTE, per_hour=0)
    async with running(settings_in(tmp_path_factory.mktemp("s45"), guessing=guessing)) as agency:
        shown: dict[str, Any] = {
            "associations": {"a": picture(QUAY, SHIP)},
            "body_html": f'<p>Look: <img src="{INLINE}" alt="the quay"></p>',
        }
        for uri in ("urn:test:one", "urn:test:two"):
            await agency.publish(uri, **shown)
        await agency.publish(LATER, embargoed=iso(agency.clock.now + 30 * DAY), **shown)
        for name, plan in (("anna", "sport"), ("bert", "sport"), ("early", "everything")):
            await agency.subscriber(name, plan)
        agency.clock.advance(DAY)
        yield agency


async def links(agency: Agency, name: str) -> list[str]:
    base = await agency.feed_key(name)
    return links_in((await ask(agency, f"{base}/en/latest.rss")).text)


@pytest.mark.parametrize("form", FORMATS)
async def test_s45_no_document_at_a_private_address_holds_its_key(agency: Agency, form: str):
    base = await agency.feed_key("anna")
    for tail in ("latest", "topics/sport", "latest/archive/2026-03-01"):
        answer = await ask(agency, f"{base}/en/{tail}.{form}")
        assert answer.status == 200
        assert "urn:test:one" in answer.text
        assert base.removeprefix("/f/") not in answer.text
        assert "/f/" not in answer.text
        for link in links_in(answer.text):
            assert base.removeprefix("/f/") not in (await ask(agency, link)).headers["Location"]


@pytest.mark.parametrize("form", FORMATS)
async def test_s45_every_picture_is_a_link_and_says_nothing_of_who_was_given_it(
    agency: Agency, form: str
):
    anna, bert = [await agency.feed_key(name) for name in ("anna", "bert")]
    private, of_another, by_password, by_token = [
        (await ask(agency, path, headers)).text
        for path, headers in (
            (f"{anna}/en/latest.{form}", {}),
            (f"{bert}/en/latest.{form}", {}),
            (f"/subscriber/en/latest.{form}", basic(anna)),
            (f"/subscriber/en/latest.{form}", await agency.token("anna")),
        )
    ]
    assert private == of_another
    # JSON Feed has of each picture the largest form, and one for pages.
    assert len(links_in(private)) == (4 if form == "json" else 6)
    assert links_in(private) == links_in(by_password) == links_in(by_token)
    for text in (private, by_password, by_token):
        assert "pictures.example" not in text
        fetched = FETCHED.findall(text)
        assert len(fetched) >= (0 if form == "json" else 8)
        assert not [one for one in fetched if not one.startswith(f"{PUBLIC_URL}/media/")]


async def test_s45_a_link_opens_one_file_of_one_story_and_no_other(agency: Agency):
    """Every part of each link that was given out, with every part of each other."""
    given = await links(agency, "early")
    parts = [link.split("/")[2:] for link in given]
    columns = [list(dict.fromkeys(column)) for column in zip(*parts, strict=True)]
    assert [len(column) for column in columns] == [3, 9, 3]
    asked = ["/".join(("/media", *mixed)) for mixed in product(*columns)]
    answers = await raw.converse(agency.port, [raw.get(path) for path in asked])
    opened = {
        path: answer.header("location")
        for path, answer in zip(asked, answers, strict=True)
        # Guesses, each of them: those beyond the limit are told to wait.
        if answer.check().status not in {404, 429}
    }
    assert sorted(opened) == sorted(given)
    assert set(opened.values()) == {QUAY, SHIP, INLINE}


async def test_s45_a_link_is_bound_to_those_it_was_made_for(agency: Agency):
    """Whoever sees the story before its embargo ends; who is shown it later has other links."""
    early = [link for link in await links(agency, "early") if story_id(LATER) in link]
    assert len(early) == 3
    made = agency.services.house.media
    for href in (QUAY, SHIP, INLINE):
        ahead, later = [
            made.link(story_id(LATER), circle, href).removeprefix(PUBLIC_URL)
            for circle in (Circle.EARLY, Circle.MEDIA)
        ]
        assert ahead in early
        assert (await ask(agency, ahead)).status == 302
        assert (await ask(agency, later)).status == 404


async def test_s45_made_up_signatures_are_guesses_and_cost_no_look(agency: Agency):
    agency.clock.advance(MINUTE)
    good = (await links(agency, "anna"))[0]
    _, _, story, _, file = good.split("/")
    wrong = [f"/media/{story}/{n:032x}/{file}" for n in range(PER_MINUTE + 2)]
    with statements(agency, "stories") as looks:
        answers = [await raw.ask(agency.port, raw.get(path)) for path in wrong]
    assert [answer.status for answer in answers] == [404] * PER_MINUTE + [429] * 2
    assert looks == []
    assert int(answers[-1].header("retry-after")) <= 60
    # What holds is answered whatever its neighbours do.
    with statements(agency, "stories") as looks:
        assert (await raw.ask(agency.port, raw.get(good))).status == 302
    assert len(looks) == 1
    agency.clock.advance(MINUTE)
    assert (await raw.ask(agency.port, raw.get(wrong[0]))).status == 404
