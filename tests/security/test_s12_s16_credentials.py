"""S-12 to S-16: which credential opens what, and in which spelling.

Over HTTP; the matrix of S-12 is made from the route table, so that a new route fails until listed.
"""

import base64

import pytest

from tests.security import raw
from tests.security.carrying import WAYS, carried
from tests.security.forging import b64, dumps
from tests.security.guarded import READING, VALUES, WRITING, Gate
from tests.security.raw import Answer, basic
from tests.security.routes import Route, table
from wirefeed.domain.credentials import Scope, SecretKind, make_secret
from wirefeed.domain.handovers import KeyTerms
from wirefeed.domain.roles import Role
from wirefeed.web.request import KEY_COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Whose owner is known wherever they are sent, and told that this is not for it.
TOKENS = {"token", "newsroom", "administrator"}
#: The published cells: what opens what, and how it is sent.
_FEED = {("bearer", "token"), ("basic", "key")}
_KEY = {("path", "key")}
_LINK = {("path", "link")}
OPENS = {
    "/subscriber/{lang}/latest.{format}": _FEED,
    "/subscriber/{lang}/latest/archive/{page}.{format}": _FEED,
    "/subscriber/{lang}/topics/{topic}.{format}": _FEED,
    "/subscriber/{lang}/topics/{topic}/archive/{page}.{format}": _FEED,
    "/subscriber/{lang}/stories/{id}": _FEED | {("cookie", "key")},
    "/f/{key}/{lang}/latest.{format}": _KEY,
    "/f/{key}/{lang}/latest/archive/{page}.{format}": _KEY,
    "/f/{key}/{lang}/topics/{topic}.{format}": _KEY,
    "/f/{key}/{lang}/topics/{topic}/archive/{page}.{format}": _KEY,
    "/f/{key}/": _KEY,
    "/f/{key}/opml": _KEY,
    "/f/{key}/{lang}/mine.{format}": _KEY,
    "/f/{key}/{lang}/mine/archive/{page}.{format}": _KEY,
    "/f/{key}/mine": _KEY,
    "/f/{key}/rotate": _KEY,
    "/h/{secret}": _LINK,
}


async def knock(gate: Gate, route: Route, way: str, secret: str) -> Answer:
    headers, query = carried(way, secret)
    unknown = {"key": SecretKind.FEED, "secret": SecretKind.HAND_OVER}
    address = {
        name: [secret if way == "path" else make_secret(kind, bytes(32))]
        for name, kind in unknown.items()
    }
    (path,) = route.paths(VALUES | address)
    if _is_form(route):
        # So that it does nothing: the key is needed again.
        headers = [*headers, "Sec-Fetch-Site: cross-site"]
    request = raw.get(path + query, *headers, method=route.method)
    return await raw.ask(gate.agency.port, request, method=route.method.encode())


def _is_form(route: Route) -> bool:
    return "key" in route.parameters and route.method == "POST"


async def test_s12_only_the_published_cells_open(gate: Gate):
    held = {"token": gate.reading.token, "newsroom": gate.writing.token, "key": gate.key}
    held["administrator"] = (await gate.agency.administrator(Role.DESK))["Authorization"].split()[1]
    held |= {"unknown key": make_secret(SecretKind.FEED, b"\x01" * 32), "nothing": ""}
    for route in table():
        if route.template.startswith("/api/"):
            # What opens those is in test_permissions.py.
            continue
        # What opens it may use it up.
        held["link"] = (await gate.agency.services.handovers.issue("reader", KeyTerms())).secret
        anonymous = await knock(gate, route, "none", "")
        guarded = route.holds_secret or anonymous.status == 401
        assert guarded is (route.template in OPENS), (
            f"{route.template}: say in OPENS what opens it, or that nothing has to"
        )
        for way in WAYS:
            for kind, secret in held.items():
                answer = await knock(gate, route, way, secret)
                cell = (route.method, route.template, way, kind, answer.status)
                if (way, kind) in OPENS.get(route.template, set()):
                    # It was let in, and found to come from another site.
                    assert answer.status == (403 if _is_form(route) else 200), cell
                elif not guarded:
                    assert answer.settled == anonymous.settled, cell
                elif way == "bearer" and kind in TOKENS and not route.holds_secret:
                    assert answer.status == 403, cell
                else:
                    assert answer.status in {401, 404}, cell


async def test_s12_a_token_narrowed_to_the_wire_reads_no_feeds(gate: Gate):
    headers = await gate.agency.token("reader", scopes=frozenset({Scope.WIRE_READ}))
    request = raw.get(READING, f"Authorization: {headers['Authorization']}")
    assert (await raw.ask(gate.agency.port, request)).status == 403


# --- S-13 ----------------------------------------------------------------------------------------


async def test_s13_other_serialisations_are_not_tokens(gate: Gate):
    head, claims, signature = gate.reading.token.split(".")
    flattened = dumps({"protected": head, "payload": claims, "signature": signature}).decode()
    general = dumps(
        {"payload": claims, "signatures": [{"protected": head, "signature": signature}]}
    ).decode()
    nested = gate.reading.signed(
        dumps(gate.reading.header | {"cty": "JWT"}), gate.reading.token.encode()[:2_000]
    )
    for token in (
        f"{head}.{claims}.{signature}.{signature}.{signature}",
        f"{head}.{claims}.{signature}.{signature}",
        f"{head}.{claims}",
        f"{head}..{signature}",
        f"{head}.{claims}.",
        ".",
        "..",
        "." * 4_000,
        flattened,
        general,
        nested,
        f"{b64(b'[]')}xxxxxxxx.{claims}.{signature}",
        gate.reading.signed(b'["alg","kid","typ"]', dumps(gate.reading.claims)),
        gate.reading.signed(dumps(gate.reading.header), b'["not","an","object"]'),
        gate.reading.signed(dumps(gate.reading.header), b'"a string, ten long"'),
        gate.reading.signed(b"\xef\xbb\xbf" + dumps(gate.reading.header), b"{}" + b" " * 8),
    ):
        await gate.refuses_token(token)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
async def test_s13_a_token_is_utf8(gate: Gate, encoding):
    forge = gate.reading
    claims = dumps(forge.claims).decode().encode(encoding)
    await gate.refuses_token(forge.signed(dumps(forge.header), claims))
    header = dumps(forge.header).decode().encode(encoding)
    await gate.refuses_token(forge.signed(header, dumps(forge.claims)))


# --- S-14 ----------------------------------------------------------------------------------------

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def twins(token: str) -> list[str]:
    """Spell a token in other ways that a lenient reader takes for the same."""
    flipped = [token[:-1] + ALPHABET[ALPHABET.index(token[-1]) ^ bits] for bits in range(1, 16)]
    return [
        f"{token}=",
        f"{token}==",
        *flipped,
        token.replace("-", "+").replace("_", "/") + "=",
        f"{token}%3D",
        token[:20] + "\t" + token[20:],
        token[:20] + " " + token[20:],
        token.replace(".", "=.", 1),
        f"{token}.",
        f"\xa0{token}",
    ]


async def test_s14_a_token_has_one_spelling(gate: Gate):
    for twin in twins(gate.reading.token):
        await gate.refuses_token(twin)


async def test_s14_no_twin_of_a_revoked_token_opens_anything(gate: Gate):
    headers = await gate.agency.token("reader")
    token = headers["Authorization"].removeprefix("Bearer ")
    request = raw.get(READING, f"Authorization: Bearer {token}")
    assert (await raw.ask(gate.agency.port, request)).status == 200
    rows = await gate.agency.services.tokens.all("reader")
    forge = gate.reading.__class__(token, gate.reading.kid, gate.reading.key, gate.reading.now)
    (row,) = [row for row in rows if row.jti == forge.claims["jti"]]
    await gate.agency.services.tokens.revoke(row.jti)
    resigned = forge.with_claims(scope="other")
    for twin in [token, resigned, f" {token}", f"{token} ", *twins(token)]:
        await gate.refuses_token(twin)


# --- S-15 ----------------------------------------------------------------------------------------


async def test_s15_what_is_too_large_is_refused_for_its_size(gate: Gate):
    head, _, signature = gate.reading.token.split(".")
    for size in (3_001, 4_000, 7_000):
        await gate.refuses_token(f"{head}.{'A' * size}.{signature}")
    await gate.refuses_token("A" * 4_097)
    deep = b"[" * 1_000 + b"]" * 1_000
    await gate.refuses_token(gate.reading.signed(dumps(gate.reading.header), deep))
    await gate.refuses_token(gate.reading.signed(deep[:380], dumps(gate.reading.claims)))
    many = b"{" + b",".join(b'"%d":1' % n for n in range(250)) + b"}"
    await gate.refuses_token(gate.reading.signed(dumps(gate.reading.header), many))


@pytest.mark.parametrize(
    "headers",
    [
        [f"Authorization: Bearer {'A' * 9_000}"],
        [f"Authorization: {'A' * 9_000} x"],
        [f"X-{n}: 1" for n in range(130)],
        [f"Cookie: {KEY_COOKIE}={'A' * 9_000}"],
    ],
)
async def test_s15_a_head_that_is_too_large_is_a_bad_request(gate: Gate, headers):
    for endpoint in gate.endpoints:
        answer = await endpoint.ask(gate.agency.port, *headers)
        assert answer.status == 400
        assert b"AAAA" not in answer.head + answer.body


# --- S-16 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_s16_a_scheme_has_no_case(gate: Gate, scheme):
    request = raw.get(READING, f"Authorization: {scheme} {gate.reading.token}")
    assert (await raw.ask(gate.agency.port, request)).status == 200
    request = raw.get(WRITING, f"Authorization: {scheme} {gate.writing.token}", method="POST")
    assert (await raw.ask(gate.agency.port, request)).status == 415


@pytest.mark.parametrize(
    "value",
    [
        "Bearer  {token}",
        "Bearer\t{token}",
        "Bearer {token},",
        'Bearer "{token}"',
        "Bearer token={token}",
        "Bearer:{token}",
        "Bearer",
        "{token}",
        "Token {token}",
        "JWT {token}",
        "Basic {token}",
        "Bearer {key}",
        "Basic {key}",
        "{key}",
        "Bearer {token} {token}",
        "Bearer {token}, Bearer {token}",
        "Digest username={key}",
    ],
)
async def test_s16_a_header_is_a_scheme_one_space_and_a_credential(gate: Gate, value):
    for endpoint in gate.endpoints:
        token = gate.forge_for(endpoint).token
        header = f"Authorization: {value.format(token=token, key=gate.key)}"
        assert (await endpoint.ask(gate.agency.port, header)).settled == endpoint.denial.settled


@pytest.mark.parametrize("user", ["reader", "x", "é", "a@b.example", "me me"])
async def test_s16_basic_takes_any_user(gate: Gate, user):
    request = raw.get(READING, basic(f"{user}:{gate.key}"))
    assert (await raw.ask(gate.agency.port, request)).status == 200


async def test_s16_basic_is_a_user_a_colon_and_a_feed_key(gate: Gate):
    key = gate.key
    pairs: list[str | bytes] = [
        key, f":{key}", "reader:", ":", "", f"reader:{key}:", f"a:b:{key}", f"reader: {key}",
        f"reader:{key}\n", f"rea\0der:{key}", f"reader:{key}\0", f"rea\nder:{key}",
        f"reader:{key[:-1]}", f"reader:{key[:-1]}\u0664", b"reader\xff:" + key.encode(),
        f"reader:{gate.reading.token}",
    ]  # fmt: skip
    for pair in pairs:
        await gate.refuses([basic(pair)])
    good = base64.b64encode(f"reader:{key}".encode()).decode()
    bent = (f"{good}=", f"{good}\t", good[:-2], f"{good[:8]} {good[8:]}", f"{good}!", good + "AAA")
    for text in bent:
        if text.strip() != good:
            await gate.refuses([f"Authorization: Basic {text}"])
