"""S-17 to S-19: credentials sent twice, in several ways at once, or in another spelling."""

import pytest

from tests.security import raw
from tests.security.guarded import READING, VALUES, WRITING, Gate, statements
from tests.security.oracle import Log
from tests.security.raw import basic
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.stories import story_id
from wirefeed.web.request import KEY_COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "qzcanarycredential"
STORY_PAGE = f"/subscriber/en/stories/{VALUES['id'][0]}"


# --- S-17 ----------------------------------------------------------------------------------------


async def test_s17_two_credentials_are_a_bad_request_whichever_comes_first(gate: Gate, log: Log):
    log.secrets.add(CANARY)
    for endpoint in gate.endpoints:
        good = f"Authorization: Bearer {gate.forge_for(endpoint).token}"
        bad = f"Authorization: Bearer {CANARY}"
        for pair in ([good, bad], [bad, good], [good, good], [bad, basic(f"x:{gate.key}")]):
            answer = await endpoint.ask(gate.agency.port, *pair)
            assert answer.status == 400, (endpoint.path, pair)
            assert CANARY.encode() not in answer.head + answer.body
        joined = f"Authorization: Bearer {CANARY}, Bearer {gate.forge_for(endpoint).token}"
        answer = await endpoint.ask(gate.agency.port, joined)
        assert answer.settled == endpoint.denial.settled


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Authorization: Bearer %s\x00", 400),
        (b"Authorization: Bearer \x00%s", 400),
        (b"Authorization: Bearer %s\x7f", 400),
        (b"Authorization: Bearer %s\x01", 400),
        (b"Authorization: Bearer\r\n %s", 400),
        (b"Authorization:\r\n\tBearer %s", 400),
        (b"Authorization : Bearer %s", 400),
        (b"Authorization\x00: Bearer %s", 400),
        (b"Authori zation: Bearer %s", 400),
        (b"Authorization: Bearer %s\rX: y", 400),
        (b"Authorization: Bearer %s\xff", 401),
        (b"Authorization: Bearer \xc3\xa9%s", 401),
        (b"Authorization: B\xe9arer %s", 401),
    ],
)
async def test_s17_a_malformed_header_is_neither_echoed_nor_logged(
    gate: Gate, log: Log, header: bytes, status: int
):
    log.secrets.add(CANARY)
    for endpoint in gate.endpoints:
        line = f"{endpoint.method} {endpoint.path} HTTP/1.1\r\nHost: news.example\r\n".encode()
        for secret in (CANARY, gate.forge_for(endpoint).token, gate.key):
            request = line + header % secret.encode() + b"\r\nConnection: close\r\n\r\n"
            answer = await raw.ask(gate.agency.port, request)
            assert answer.status == status, (endpoint.path, answer)
            assert secret.encode() not in answer.head + answer.body


# --- S-18 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["access_token", "token", "key"])
async def test_s18_a_credential_in_a_query_is_none_and_beside_another_a_bad_request(
    gate: Gate, log: Log, name: str
):
    for endpoint in gate.endpoints:
        token = gate.forge_for(endpoint).token
        path = f"{endpoint.path}?{name}={token}"
        alone = await raw.ask(gate.agency.port, raw.get(path, method=endpoint.method))
        assert alone.status == 401
        assert alone.body == endpoint.denial.body
        for header in (f"Authorization: Bearer {token}", basic(f"reader:{gate.key}")):
            both = await raw.ask(gate.agency.port, raw.get(path, header, method=endpoint.method))
            assert both.status == 400
            assert token.encode() not in both.head + both.body
    assert gate.reading.token not in log.text()


async def test_s18_a_token_in_a_form_is_not_looked_at(gate: Gate):
    form = f"access_token={gate.writing.token}".encode()
    header = "Content-Type: application/x-www-form-urlencoded"
    alone = await raw.ask(gate.agency.port, raw.post(WRITING, form, header))
    assert alone.status == 401
    bearer = f"Authorization: Bearer {gate.writing.token}"
    both = await raw.ask(gate.agency.port, raw.post(WRITING, form, header, bearer))
    assert both.status == 415
    form = f"access_token={gate.reading.token}".encode()
    request = raw.get(READING, header, f"Content-Length: {len(form)}") + form
    assert (await raw.ask(gate.agency.port, request)).status == 401


async def test_s18_a_bearer_token_beside_the_cookie_is_a_bad_request(gate: Gate):
    cookie = f"Cookie: {KEY_COOKIE}={gate.key}"
    bearer = f"Authorization: Bearer {gate.reading.token}"
    assert (await raw.ask(gate.agency.port, raw.get(STORY_PAGE, cookie))).status == 200
    assert (await raw.ask(gate.agency.port, raw.get(STORY_PAGE, cookie, bearer))).status == 400


async def test_s18_a_cookie_never_helps_http_basic_that_does_not_hold(gate: Gate):
    cookie = f"Cookie: {KEY_COOKIE}={gate.key}"
    for password, status in (
        (gate.key, 200),
        (make_secret(SecretKind.FEED, bytes(32)), 401),
        ("x", 401),
    ):
        request = raw.get(STORY_PAGE, cookie, basic(f"reader:{password}"))
        assert (await raw.ask(gate.agency.port, request)).status == status


async def test_s18_addresses_that_do_not_read_the_header_do_not_change_by_it(gate: Gate):
    """DESIGN: the public addresses and `/f/` never read `Authorization`."""
    paths = [
        "/en/latest.json",
        "/en/topics/sport.rss",
        f"/en/stories/{VALUES['id'][0]}",
        f"/f/{gate.key}/en/latest.json",
        f"/f/{gate.key}/opml",
        f"/f/{make_secret(SecretKind.FEED, bytes(32))}/en/latest.json",
    ]
    for path in paths:
        plain = await raw.ask(gate.agency.port, raw.get(path))
        for headers in (
            [f"Authorization: Bearer {gate.reading.token}"],
            ["Authorization: Bearer nonsense"],
            [basic(f"reader:{gate.key}")],
            ["Authorization: Bearer a", "Authorization: Bearer b"],
            [f"Cookie: {KEY_COOKIE}={gate.key}"],
        ):
            answer = await raw.ask(gate.agency.port, raw.get(path, *headers))
            assert answer.settled == plain.settled, path


# --- S-19 ----------------------------------------------------------------------------------------


async def test_s19_one_denial_for_every_path_that_is_not_one(gate: Gate):
    """Unknown, malformed and misspelt keys, and topics there are not, are one answer."""
    key, unknown = gate.key, make_secret(SecretKind.FEED, bytes(32))
    flipped = "A" if key[-1] != "A" else "B"
    reference = await raw.ask(gate.agency.port, raw.get(f"/f/{unknown}/en/latest.rss"))
    assert reference.status == 404
    for path in (
        f"/f/{key[:-1]}{flipped}/en/latest.rss",
        f"/f/{key[:-1]}/en/latest.rss",
        f"/f/{key}x/en/latest.rss",
        f"/f/{key.lower()}/en/latest.rss",
        f"/f/{key.replace('wf_feed_', 'wf_push_')}/en/latest.rss",
        f"/F/{key}/en/latest.rss",
        f"/f/{key}/EN/latest.rss",
        f"/f/{key}/en/latest.RSS",
        f"/f/{key}/en/latest.rdf",
        f"/f/{key}/xx/latest.rss",
        f"/f/{key}/en/topics/no-such-topic.rss",
        f"/f/{key}/en/topics/Sport.rss",
        f"/f/{key}/en/topics/sport..rss",
        f"/f/{key}/en/topics/-sport.rss",
        f"/f/{key}/en/topics/{'a' * 65}.rss",
        f"/f/{key}/en/topics/latest.rss",
        f"/f/{key.replace('f', '%66', 1)}/en/latest.rss",
        f"/f/{key[:-1]}%{ord(key[-1]):02x}/en/latest.rss",
        f"/f/{key}%00/en/latest.rss",
        f"/f/{key}%0a/en/latest.rss",
        f"/f/{key}%0d%0aX:%20y/en/latest.rss",
        f"/f/{key}%20/en/latest.rss",
        f"/f/{key}./en/latest.rss",
        f"/f/{key}/en/topics/s%70ort.rss",
        f"/f/{key}/en/topics/%EF%BD%93port.rss",
        f"/f/{key}/en/topics/spo%CC%88rt.rss",
        f"/f/{key}/en/topics/sport%.rss",
        f"/f/{key}/en/topics/sport;a=b.rss",
        f"/f/{key}/en/topics/sport.rss/",
        f"/f/{key}//en/latest.rss",
        f"//f/{key}/en/latest.rss",
        f"/f\\{key}\\en\\latest.rss",
        f"/./f/{key}/en/latest.rss",
        f"/f/{key}/../en/latest.rss",
        f"/en/stories/{story_id('urn:there:is:none')}",
        "/en/stories/..%2f..%2fetc",
        "/nothing",
        "/subscriber",
        "/subscriber/",
    ):
        answer = await raw.ask(gate.agency.port, raw.get(path))
        assert answer.settled == reference.settled, (path, answer)


async def test_s19_a_key_with_a_wrong_checksum_costs_no_look_up(gate: Gate):
    key = gate.key
    flipped = "A" if key[-1] != "A" else "B"
    with statements(gate.agency, "feed_keys", "subscribers") as sql:
        for n in range(50):
            wrong = f"{key[:20]}{n:02}{key[22:-1]}{flipped}"
            await raw.ask(gate.agency.port, raw.get(f"/f/{wrong}/en/latest.rss"))
            await raw.ask(gate.agency.port, raw.get(READING, basic(f"x:{wrong}")))
    assert sql == []


async def test_s19_another_spelling_of_the_query_is_the_same_document(gate: Gate):
    plain = await raw.ask(gate.agency.port, raw.get("/en/latest.json"))
    for query in ("?x.css", "?a=1&a=2", "?%00", "?%ff", "?utm_source=x", "?&&&", "?" + "a" * 4_000):
        answer = await raw.ask(gate.agency.port, raw.get(f"/en/latest.json{query}"))
        assert answer.settled == plain.settled, query


@pytest.mark.parametrize(
    "identifier",
    ["", "Reader", "re ader", "reader\0", "reader\n", "r\u0435ader", "\u202ereader", "reader.",
     "source:newsroom", "-reader", "r" * 65, "\uff52eader", "reade\u0301", "reader\ud800"],
)  # fmt: skip
async def test_s19_no_subscriber_is_named_like_another(identifier):
    with pytest.raises(Unacceptable):
        Subscriber(id=identifier)


@pytest.mark.parametrize("name", ["A\0B", "A\nB", "\x1b[2J", "\u202eredaer", "\u2066x", "a\ud800"])
async def test_s19_no_name_holds_what_does_not_show(name):
    with pytest.raises(Unacceptable):
        Subscriber(id="reader", name=name)
    with pytest.raises(Unacceptable):
        Subscriber(id="reader", contact=name)
