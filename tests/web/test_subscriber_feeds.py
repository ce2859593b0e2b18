"""What a machine gets with a token, and a person with HTTP Basic."""

import json

import pytest
import pytest_asyncio
from lxml import etree

from tests.support.agency import DAY, MINUTE, PUBLIC_URL, Agency, running, settings_in
from tests.support.answers import FORMATS, ask, basic, look
from wirefeed.domain.credentials import Scope
from wirefeed.domain.plans import Subscriber, Subscription
from wirefeed.domain.terms import Terms

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATEST = "/subscriber/en/latest.json"
ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
MEDIA = "{http://search.yahoo.com/mrss/}"
NOTICE = "The full story is for subscribers"
PICTURE = "https://media.example/picture.jpg"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agency(tmp_path_factory):
    """One story of sport, with a picture, one of the economy, one of politics."""
    async with running(settings_in(tmp_path_factory.mktemp("subscriber"))) as agency:
        await agency.publish(
            "urn:news:sport",
            byline="Ann Author",
            ednote="EDNOTE",
            associations={
                "lead": {
                    "type": "picture",
                    "headline": "A picture",
                    "renditions": {
                        "web": {"href": PICTURE, "mimetype": "image/jpeg", "width": 800}
                    },
                }
            },
        )
        await agency.publish("urn:news:economy", "economy")
        await agency.publish("urn:news:politics", "politics")
        for plan in ("sport", "economy", "late", "everything"):
            await agency.subscriber(f"has-{plan}", plan)
        await agency.subscriber("has-both", "sport", "economy")
        # The delay of `late` is long over for these three.
        agency.clock.advance(DAY)
        yield agency


@pytest.mark.parametrize(
    ("subscriber", "levels", "told"),
    [
        (
            "has-sport",
            {"urn:news:politics": "summary", "urn:news:sport": "full"},
            "full=1, summary=1; why=topic",
        ),
        (
            "has-economy",
            {
                "urn:news:politics": "summary",
                "urn:news:economy": "full",
                "urn:news:sport": "summary",
            },
            "full=1, summary=2; why=topic",
        ),
        (
            "has-both",
            {"urn:news:politics": "summary", "urn:news:economy": "full", "urn:news:sport": "full"},
            "full=2, summary=1; why=topic",
        ),
        (
            "has-everything",
            {"urn:news:politics": "full", "urn:news:economy": "full", "urn:news:sport": "full"},
            "full=3",
        ),
    ],
)
async def test_a_plan_gives_its_topics_in_full_and_the_header_says_what_it_does_not(
    agency: Agency, subscriber, levels, told
):
    headers = await agency.token(subscriber)
    for credential in (headers, basic(await agency.feed_key(subscriber))):
        answer = await ask(agency, LATEST, credential)
        assert answer.levels == levels
        assert answer.headers["Wirefeed-Levels"] == told


async def test_a_feed_without_items_says_so_in_the_header(agency: Agency):
    answer = await ask(agency, "/subscriber/ar/latest.json", await agency.token("has-everything"))
    assert answer.headers["Wirefeed-Levels"] == "full=0"


async def test_a_story_has_the_same_guid_address_and_dates_at_every_level(agency: Agency):
    token = await agency.token("has-sport")
    teaser = (await ask(agency, "/en/latest.json")).items["urn:news:sport"]
    full = (await ask(agency, LATEST, token)).items["urn:news:sport"]
    assert teaser["_wirefeed"]["level"] != full["_wirefeed"]["level"]
    for name in ("id", "url", "title", "date_published", "date_modified", "authors"):
        assert teaser[name] == full[name]


async def leads_to(agency: Agency, link: str) -> str:
    """Ask where a link to a picture leads."""
    assert link.startswith(f"{PUBLIC_URL}/media/")
    answer = await ask(agency, link.removeprefix(PUBLIC_URL))
    assert answer.status == 302
    return answer.headers["Location"]


async def test_a_full_item_has_the_body_the_author_the_topics_and_the_picture(agency: Agency):
    token = await agency.token("has-sport")
    item = (await ask(agency, LATEST, token)).items["urn:news:sport"]
    assert "Paragraph 7 of urn:news:sport" in item["content_html"]
    link = item["image"]
    assert await leads_to(agency, link) == PICTURE
    assert f'<img src="{link}"' in item["content_html"]
    assert NOTICE not in item["content_html"]
    assert [a["url"] for a in item["attachments"]] == [link]
    assert item["authors"] == [{"name": "Ann Author"}]
    assert item["tags"] == ["Sport"]
    assert item["_wirefeed"]["representationType"] == "complete"
    assert item["_wirefeed"]["reason"] == "granted"
    assert "ednote" not in item["_wirefeed"]


async def test_full_items_in_xml_have_content_and_media(agency: Agency):
    token = await agency.token("has-sport")
    rss = etree.fromstring((await ask(agency, "/subscriber/en/topics/sport.rss", token)).body)
    assert "Paragraph 7" in (rss.findtext(f".//item/{CONTENT}") or "")
    (link,) = [e.get("url", "") for e in rss.findall(".//item/enclosure")]
    assert [e.get("url") for e in rss.iter(f"{MEDIA}content")] == [link]
    assert await leads_to(agency, link) == PICTURE
    atom = etree.fromstring((await ask(agency, "/subscriber/en/topics/sport.atom", token)).body)
    content = atom.find(f"{ATOM}entry/{ATOM}content")
    assert content is not None
    assert content.get("type") == "html"
    assert "Paragraph 7" in (content.text or "")


async def test_notes_for_editors_are_for_plans_with_notes(agency: Agency):
    token = await agency.token("has-everything")
    item = (await ask(agency, LATEST, token)).items["urn:news:sport"]
    assert item["_wirefeed"]["ednote"] == "EDNOTE"


@pytest.mark.parametrize("form", FORMATS)
async def test_a_subscriber_feed_names_its_own_address_in_body_and_header(agency: Agency, form):
    path = f"/subscriber/en/topics/sport.{form}"
    answer = await ask(agency, path, await agency.token("has-sport"))
    assert answer.headers["Link"].startswith(f'<{PUBLIC_URL}{path}>; rel="self"')
    if form == "json":
        own = json.loads(answer.body)["feed_url"]
    else:
        (link,) = etree.fromstring(answer.body).findall(f".//{ATOM}link[@rel='self']")
        own = link.get("href")
    assert own == PUBLIC_URL + path


@pytest.mark.parametrize("form", FORMATS)
async def test_a_subscriber_feed_is_kept_by_its_client_alone(agency: Agency, form):
    headers = (
        await ask(agency, f"/subscriber/en/latest.{form}", await agency.token("has-sport"))
    ).headers
    assert headers["Cache-Control"] == "private, max-age=60, stale-if-error=86400"
    assert headers["Vary"] == "Authorization, Accept-Encoding, A-IM, Sec-Fetch-Dest"
    assert not {"Expires", "Surrogate-Control", "Set-Cookie"} & set(headers)


async def test_equal_plans_get_the_same_bytes_and_validators_by_token_and_by_basic(agency: Agency):
    await agency.subscriber("also-sport", "sport")
    answers = [
        await ask(agency, LATEST, credential)
        for credential in (
            await agency.token("has-sport"),
            await agency.token("also-sport"),
            basic(await agency.feed_key("has-sport")),
            basic(await agency.feed_key("also-sport"), user="somebody else"),
        )
    ]
    assert len({(a.body, a.tag) for a in answers}) == 1


async def test_head_is_answered_like_get_without_a_body(agency: Agency):
    token = await agency.token("has-sport")
    get = await ask(agency, LATEST, token)
    head = await ask(agency, LATEST, token, method="HEAD")
    assert (head.status, head.body, head.kept) == (200, b"", get.kept)


async def test_there_is_no_other_feed(agency: Agency):
    token = await agency.token("has-sport")
    for path in ("/subscriber/de/latest.rss", "/subscriber/en/topics/chess.rss", "/subscriber/"):
        assert (await ask(agency, path, token)).status == 404


# --- who is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer nonsense",
        "Basic nonsense",
        "Basic " + "cmVhZGVyOndyb25n",
        "Digest username=x",
        "Bearer a.b.c",
    ],
)
async def test_without_a_credential_that_holds_both_schemes_are_named(agency: Agency, value):
    answer = await ask(agency, LATEST, {} if value is None else {"Authorization": value})
    assert answer.status == 401
    bearer, plain = answer.headers.getall("WWW-Authenticate")
    assert bearer.startswith('Bearer realm="wirefeed"')
    # RFC 6750 §3.1: no error code for a request without a credential.
    assert ("invalid_token" in bearer) is (value is not None)
    assert plain == 'Basic realm="wirefeed", charset="UTF-8"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_two_credentials_at_once_are_malformed(agency: Agency):
    token = await agency.token("has-sport")
    assert (await ask(agency, f"{LATEST}?access_token=x", token)).status == 400


async def test_an_unknown_feed_key_by_basic_is_refused(agency: Agency):
    base = await agency.feed_key("has-sport")
    await agency.subscriber("gone", "sport")
    gone = await agency.feed_key("gone")
    await agency.services.accounts.remove_subscriber("gone")
    assert (await ask(agency, LATEST, basic(base))).status == 200
    assert (await ask(agency, LATEST, basic(gone))).status == 401


async def test_an_expired_token_is_refused(agency: Agency):
    token = await agency.token("has-sport", days=1)
    start = agency.clock.now
    agency.clock.advance(DAY - MINUTE)
    assert (await ask(agency, LATEST, token)).status == 200
    agency.clock.advance(MINUTE)
    assert (await ask(agency, LATEST, token)).status == 401
    agency.clock.now = start


async def test_a_revoked_token_is_refused_from_the_next_request_on(agency: Agency):
    await agency.subscriber("revoked", "sport")
    token = await agency.token("revoked")
    assert (await ask(agency, LATEST, token)).status == 200
    (row,) = await agency.services.tokens.all("revoked")
    await agency.services.tokens.revoke(row.jti)
    assert (await ask(agency, LATEST, token)).status == 401


async def test_a_newsrooms_token_does_not_read(agency: Agency):
    token = (await agency.services.tokens.issue(Terms(source="newsroom", days=1))).secret
    answer = await ask(agency, LATEST, {"Authorization": f"Bearer {token}"})
    assert answer.status == 403


async def test_a_token_without_the_scope_is_told_which_it_lacks(agency: Agency):
    token = await agency.token("has-sport", scopes=frozenset({Scope.WIRE_READ}))
    answer = await ask(agency, LATEST, token)
    assert answer.status == 403
    assert "feeds:read" in json.loads(answer.body)["detail"]


async def test_a_machine_whose_subscription_ended_is_told_so_and_fed_nothing(agency: Agency):
    await agency.subscriber("ending", "sport", ends=agency.clock.now + MINUTE)
    token = await agency.token("ending")
    start = agency.clock.now
    assert (await look(agency, LATEST, token))["urn:news:sport"] == "full"
    agency.clock.advance(MINUTE)
    answer = await ask(agency, LATEST, token)
    agency.clock.now = start
    assert answer.status == 403
    assert json.loads(answer.body)["detail"] == "the subscription is ended"
    assert b"urn:news" not in answer.body


# --- narrower tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entitlements", "sport", "economy"),
    [
        (frozenset({"sport", "economy"}), "full", "full"),
        (frozenset({"sport"}), "full", None),
        (frozenset({"economy"}), "summary", "full"),
        (frozenset({"economy", "everything"}), "summary", "full"),
    ],
)
async def test_a_tokens_entitlements_only_narrow(agency: Agency, entitlements, sport, economy):
    token = await agency.token("has-both", entitlements=entitlements)
    levels = await look(agency, LATEST, token)
    assert levels["urn:news:sport"] == sport
    assert levels.get("urn:news:economy") == economy


async def test_a_token_for_a_plan_there_is_not_is_refused(agency: Agency):
    token = await agency.token("has-both", entitlements=frozenset({"everything"}))
    answer = await ask(agency, LATEST, token)
    assert answer.status == 403
    assert json.loads(answer.body)["detail"] == "the subscription of this token is ended"


async def test_a_token_for_a_plan_that_ended_is_refused_while_others_go_on(agency: Agency):
    now = agency.clock.now
    parts = (
        Subscription(plan="sport", starts=now - MINUTE),
        Subscription(plan="economy", starts=now - MINUTE, ends=now + MINUTE),
        Subscription(plan="late", starts=now + MINUTE),
    )
    await agency.services.accounts.add_subscriber(Subscriber(id="parts", subscriptions=parts))
    whole, economy, late = [
        await agency.token("parts", entitlements=only)
        for only in (None, frozenset({"economy"}), frozenset({"late"}))
    ]
    answer = await ask(agency, LATEST, economy)
    assert (answer.status, "Sunset" in answer.headers) == (200, True)
    problem = json.loads((await ask(agency, LATEST, late)).body)
    assert problem["detail"] == "the subscription of this token is not-begun"
    assert problem["remedy"].startswith("wait until it begins")
    agency.clock.advance(MINUTE)
    for token, status in ((whole, 200), (economy, 403), (late, 200)):
        assert (await ask(agency, LATEST, token)).status == status
    agency.clock.now = now
