"""Stories in over HTTP: what is answered to each kind of message, and what is kept of it."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.support.agency import DAY, PUBLIC_URL, Agency, running, settings_in
from tests.support.answers import ask, look
from wirefeed.config import Ingest
from wirefeed.domain.stories import story_id
from wirefeed.domain.terms import Terms
from wirefeed.storage import dead_letters, stories
from wirefeed.storage.database import Database
from wirefeed.storage.dead_letters import DeadLetter

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 20_000
ADDRESS = "/api/v1/stories"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agency(tmp_path_factory):
    settings = settings_in(
        tmp_path_factory.mktemp("ingest"), ingest=Ingest(max_bytes=LIMIT, default_language="tr")
    )
    async with running(settings) as agency:
        await agency.publish("urn:news:held", version="5")
        yield agency


def story(guid: str, **fields: Any) -> dict[str, Any]:
    """Give a story with everything but what is None."""
    whole = {
        "uri": guid,
        "version": "1",
        "versioncreated": "2026-03-01T11:00:00Z",
        "language": "en",
        "headline": f"Headline of {guid}",
        "body_html": "<p>Text.</p>",
        "subject": [{"code": "medtop:15000000"}],
    } | fields
    return {name: value for name, value in whole.items() if value is not None}


async def letters(agency: Agency) -> list[DeadLetter]:
    async with agency.services.database.reading() as connection:
        return await dead_letters.listing(connection)


async def post(agency: Agency, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """POST bytes with the newsroom's token; gives the status and what it says."""
    answer = await agency.http.post(
        ADDRESS,
        data=body,
        headers={
            "Authorization": f"Bearer {agency.newsroom}",
            "Content-Type": "application/json",
            **headers,
        },
    )
    return answer.status, json.loads(await answer.read())


async def test_a_new_story_is_created_and_its_address_given(agency: Agency):
    answer = await agency.send(story("urn:news:new"))
    address = f"{PUBLIC_URL}/en/stories/{story_id('urn:news:new')}"
    assert answer.status == 201
    assert answer.headers["Location"] == address
    assert await answer.json() == {
        "outcome": "created",
        "uri": "urn:news:new",
        "version": "1",
        "pubStatus": "usable",
        "topics": ["sport"],
        "url": address,
    }
    assert (await ask(agency, address.removeprefix(PUBLIC_URL))).status == 200
    assert (await look(agency))["urn:news:new"] == "summary"


async def test_a_story_in_a_language_without_feeds_is_taken_and_has_no_address(agency: Agency):
    answer = await agency.send(story("urn:news:dutch", language="nl-NL"))
    assert answer.status == 201
    assert "Location" not in answer.headers
    assert (await answer.json())["url"] is None


async def test_what_a_story_leaves_out_is_filled_in_and_sending_it_again_changes_nothing(
    agency: Agency,
):
    bare = story("urn:news:bare", version=None, versioncreated=None, language=None)
    assert (await agency.send(bare)).status == 201
    agency.clock.advance(DAY)
    again = await (await agency.send(bare)).json()
    assert (again["outcome"], again["version"]) == ("unchanged", "1")
    assert "/tr/stories/" in again["url"]


@pytest.mark.parametrize(
    ("change", "status", "outcome"),
    [
        ({"version": "6", "headline": "Newer"}, 200, "updated"),
        ({"version": "4", "headline": "Older"}, 200, "older"),
        ({"version": "7", "pubstatus": "withheld"}, 200, "updated"),
        ({"version": "8", "signal": [{"code": "sig:correction"}]}, 200, "updated"),
    ],
)
async def test_a_version_of_a_held_story_is_taken_in_its_order(
    agency: Agency, change, status, outcome
):
    answer = await agency.send(story("urn:news:held", **change))
    assert answer.status == status
    assert (await answer.json())["outcome"] == outcome
    assert "Location" not in answer.headers


async def test_the_same_again_is_unchanged_and_other_content_contradicts_it(agency: Agency):
    first = story("urn:news:twice")
    assert (await agency.send(first)).status == 201
    repeat = await agency.send(first)
    assert (repeat.status, (await repeat.json())["outcome"]) == (200, "unchanged")
    other = await agency.send(story("urn:news:twice", headline="Another"))
    problem = await other.json()
    assert other.status == 409
    assert problem["field"] == "version"
    assert problem["remedy"]


async def test_a_kill_is_final(agency: Agency):
    await agency.send(story("urn:news:killed"))
    assert (await agency.send(story("urn:news:killed", version="2", pubstatus="canceled"))).ok
    back = await agency.send(story("urn:news:killed", version="3"))
    assert back.status == 409
    assert (await back.json())["field"] == "pubStatus"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"uri": None}, "uri"),
        ({"headline": 7}, "$.headline"),
        ({"pubstatus": "published"}, "$.pubstatus"),
        ({"pub_status": "canceled"}, "$.pub_status"),
        ({"versioncreated": "yesterday"}, "$.versioncreated"),
        ({"language": "english please"}, "$.language"),
        ({"urgency": 10}, "$.urgency"),
        ({"version": "-1"}, "$.version"),
        ({"subject": {"code": "x"}}, "$.subject"),
        ({"subject": [{"code": "x"}, {"code": []}]}, "$.subject[1].code"),
        ({"embargoed": "2026-02-30"}, "$.embargoed"),
    ],
)
async def test_a_field_that_cannot_be_taken_is_named(agency: Agency, fields, field):
    answer = await agency.send(story("urn:news:wrong", **fields))
    problem = await answer.json()
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["field"].removeprefix("$.") == field.removeprefix("$.")
    assert problem["detail"]
    assert (await letters(agency))[0].field == problem["field"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe{\x00}\x00",
        b'{"uri": "urn:\xff"}',
        b'{"uri": "urn:\\ud800"}',
        b'{"uri": "a", "uri": "b"}',
        b"[" * 5000,
        b'{"uri": ' + b"9" * 5000 + b"}",
        b'{"uri": NaN}',
    ],
)
async def test_what_cannot_be_read_is_refused_and_kept_with_its_reason(agency: Agency, body):
    status, problem = await post(agency, body)
    assert status in (400, 422)
    assert problem["status"] == status
    letter = (await letters(agency))[0]
    assert letter.raw == body
    assert letter.reason
    assert letter.source == "newsroom"


async def test_a_message_beyond_the_limit_is_too_large(agency: Agency):
    exact = json.dumps(story("urn:news:large")).encode()
    exact = exact.replace(b"Text.", b"x" * (LIMIT - len(exact) + 5))
    assert len(exact) == LIMIT
    assert (await post(agency, exact))[0] == 201
    status, problem = await post(agency, exact + b" ")
    assert (status, problem["title"]) == (413, "Request Entity Too Large")


async def test_a_message_beyond_the_limit_without_a_length_is_too_large(agency: Agency):
    async def endless():
        for _ in range(LIMIT // 1000 + 2):
            yield b" " * 1000

    answer = await agency.http.post(
        ADDRESS,
        data=endless(),
        headers={
            "Authorization": f"Bearer {agency.newsroom}",
            "Content-Type": "application/json",
        },
    )
    assert answer.status == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "identity, gzip"},
    ],
)
async def test_only_plain_json_is_taken(agency: Agency, headers):
    status, problem = await post(agency, b'{"uri": "urn:news:type"}', **headers)
    assert (status, problem["status"]) == (415, 415)


async def test_a_compressed_story_is_not_taken_whatever_it_unpacks_to(agency: Agency):
    body = gzip.compress(b" " * 10_000_000)
    assert (await post(agency, body, **{"Content-Encoding": "gzip"}))[0] == 415


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", "application/ninjs+json"])
async def test_json_by_its_other_names_is_taken(agency: Agency, kind):
    body = json.dumps(story(f"urn:news:{kind}")).encode()
    assert (await post(agency, body, **{"Content-Type": kind}))[0] == 201


async def test_only_a_newsrooms_token_sends(agency: Agency):
    if not await agency.services.accounts.subscribers():
        await agency.subscriber("ann", "everything")
    before = len(await letters(agency))
    reading = (await agency.token("ann"))["Authorization"]
    body = json.dumps(story("urn:news:forged")).encode()
    assert (await post(agency, body, Authorization=reading))[0] == 403
    for wrong in ("", "Bearer x", "Basic cmVhZGVyOndyb25n"):
        answer = await agency.http.post(
            ADDRESS,
            data=body,
            headers={"Authorization": wrong, "Content-Type": "application/json"},
        )
        assert answer.status == 401
        (challenge,) = answer.headers.getall("WWW-Authenticate")
        assert challenge.startswith("Bearer")
    assert "urn:news:forged" not in await look(agency)
    # What strangers send is not kept either: it would fill the disk.
    assert len(await letters(agency)) == before


async def test_a_revoked_newsroom_is_refused(agency: Agency):
    token = (await agency.services.tokens.issue(Terms(source="closing", days=1))).secret
    body = json.dumps(story("urn:news:closing")).encode()
    assert (await post(agency, body, Authorization=f"Bearer {token}"))[0] == 201
    (row,) = [t for t in await agency.services.tokens.all() if t.source == "closing"]
    await agency.services.tokens.revoke(row.jti)
    assert (await post(agency, body, Authorization=f"Bearer {token}"))[0] == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_stories_are_sent_by_post_alone(agency: Agency, method):
    answer = await ask(agency, ADDRESS, method=method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


async def test_a_hundred_sent_at_once_are_all_durable_each_with_its_own_outcome(
    agency: Agency,
):
    def message(n: int) -> dict[str, Any]:
        wrong: dict[str, Any] = {"versioncreated": "never"} if n % 10 == 7 else {}
        # Two of each ten are one story: the first is new, the other the same again.
        return story(f"urn:news:many:{n - 1 if n % 10 == 3 else n}", **wrong)

    answers = await asyncio.gather(*(agency.send(message(n)) for n in range(100)))
    statuses = [answer.status for answer in answers]
    assert [n for n, status in enumerate(statuses) if status == 422] == list(range(7, 100, 10))
    assert statuses.count(201) == 80
    assert statuses.count(200) == 10
    for n, answer in enumerate(answers):
        if answer.ok:
            assert (await answer.json())["uri"] == message(n)["uri"]
    # Another connection to the same file sees them: they are committed.
    guids = {message(n)["uri"] for n in range(100) if n % 10 != 7}
    other = await Database.open(agency.settings.database.url)
    async with other.reading() as connection:
        assert set(await stories.held(connection, guids)) == guids
    await other.close()


async def test_a_newsroom_that_hangs_up_leaves_the_others_in_peace(agency: Agency):
    async def hang_up() -> None:
        timeout = aiohttp.ClientTimeout(total=0.001)
        body = json.dumps(story("urn:news:gone")).encode()
        headers = {
            "Authorization": f"Bearer {agency.newsroom}",
            "Content-Type": "application/json",
        }
        with pytest.raises((TimeoutError, aiohttp.ClientError)):
            await agency.http.post(ADDRESS, data=body, headers=headers, timeout=timeout)

    await asyncio.gather(*(hang_up() for _ in range(5)))
    assert (await agency.send(story("urn:news:after"))).status == 201
