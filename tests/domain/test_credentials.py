"""Credentials: the grammar of what may arrive. Cases of attack are named S-nn after their list."""

import base64
import json
import random
import string
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.credentials import (
    READING,
    WRITING,
    Claims,
    FeedKey,
    Presented,
    Scheme,
    Scope,
    SecretKind,
    Token,
    digest,
    is_secret,
    make_secret,
    parse_authorization,
    parse_jwt,
    parse_scopes,
)
from wirefeed.domain.errors import Invalid, Unauthenticated, WirefeedError

NOW = 1_772_366_400
KEY = make_secret(SecretKind.FEED, bytes(range(32)))
ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
#: What strings are drawn from: all of ASCII, and some that look or fold like it.
CHARACTERS = "".join(map(chr, range(128))) + "éİıſKа．\u0661\u200b\ufeff\U0001f4f0"

HEADER = {"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"}
CLAIMS = {
    "iss": "https://wire.example",
    "aud": "wirefeed",
    "sub": "ajans",
    "jti": "t1",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 900,
    "scope": "feeds:read",
}
#: 64 octets; canonical base64url ends in one of A Q g w.
SIGNATURE = base64.urlsafe_b64encode(bytes(range(64))).rstrip(b"=").decode()


def encode(value: object) -> str:
    raw = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(raw.encode()).rstrip(b"=").decode()


def jwt(header: object = HEADER, claims: object = CLAIMS, signature: str = SIGNATURE) -> str:
    return f"{encode(header)}.{encode(claims)}.{signature}"


def raw_with(members: Mapping[str, object], name: str, value: str) -> str:
    """Give a JSON object whose member is spelled as given, whatever JSON would make of it."""
    rest = {k: v for k, v in members.items() if k != name}
    return f'{json.dumps(rest)[:-1]}, "{name}": {value}}}'


def refused(text: str) -> bool:
    """Say whether the gate (header, then token) refuses a header's value."""
    try:
        presented = parse_authorization(text)
        if presented.scheme is Scheme.BEARER:
            parse_jwt(presented.secret)
    except Unauthenticated:
        return True
    return False


# --- feed keys ------------------------------------------------------------------------------------


def test_a_feed_key_is_a_prefix_30_characters_and_their_checksum():
    secret, checksum = KEY[8:38], KEY[38:]
    assert (KEY[:8], len(secret), len(checksum)) == ("wf_feed_", 30, 6)
    value = 0
    for character in checksum:
        digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
        value = value * 62 + digits.index(character)
    assert value == zlib.crc32(f"wf_feed_{secret}".encode())
    assert is_secret(SecretKind.FEED, KEY)


def test_a_feed_key_is_kept_as_its_sha_256():
    assert len(digest(KEY)) == 32
    assert digest(KEY) != digest(make_secret(SecretKind.FEED, bytes(32)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wf_feed_",
        KEY[:-1],
        f"{KEY}0",
        f"{KEY}\n",
        f" {KEY}",
        KEY.upper(),
        KEY.swapcase(),
        KEY.replace("wf_feed_", "wf_push_"),
        KEY.replace("wf_feed_", "wf_feed-"),
        KEY[8:],
        KEY[:-1] + ("0" if KEY[-1] != "0" else "1"),
        KEY[:8] + KEY[9] + KEY[8] + KEY[10:],
        KEY.replace("_", "%5F"),
        KEY[:20] + "İ" + KEY[21:],
        KEY[:-1] + "\uff11",
        "wf_feed_" + "0" * 36,
    ],
)
def test_a_malformed_feed_key_is_refused(text):
    assert not is_secret(SecretKind.FEED, text)


@given(st.binary(min_size=32, max_size=32), st.integers(8, 43), st.sampled_from(ALNUM))
def test_a_feed_key_with_one_character_changed_is_none(entropy, place, character):
    key = make_secret(SecretKind.FEED, entropy)
    changed = key[:place] + character + key[place + 1 :]
    assert is_secret(SecretKind.FEED, changed) is (changed == key)


def test_no_random_string_of_the_right_form_is_a_feed_key():
    draw = random.Random(7)  # noqa: S311 (the same strings each run)
    for _ in range(10_000):
        assert not is_secret(SecretKind.FEED, "wf_feed_" + "".join(draw.choices(ALNUM, k=36)))


@given(st.binary(min_size=32, max_size=32))
def test_every_key_made_is_one(entropy):
    assert is_secret(SecretKind.FEED, make_secret(SecretKind.FEED, entropy))


# --- the Authorization header ---------------------------------------------------------------------


def basic(pair: str | bytes) -> str:
    return base64.b64encode(pair if isinstance(pair, bytes) else pair.encode()).decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_s16_the_scheme_is_case_insensitive(scheme):
    assert parse_authorization(f"{scheme} {jwt()}") == Presented(scheme=Scheme.BEARER, secret=jwt())


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
@pytest.mark.parametrize("user", ["a", "any one", "é", "محمد", "a@b"])
def test_s16_basic_is_any_user_with_a_feed_key(scheme, user):
    presented = parse_authorization(f"{scheme} {basic(f'{user}:{KEY}')}")
    assert presented == Presented(scheme=Scheme.BASIC, secret=KEY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        jwt(),
        KEY,
        "Bearer",
        "Bearer ",
        f"Bearer  {jwt()}",
        f"Bearer\t{jwt()}",
        f"Bearer\xa0{jwt()}",
        f" Bearer {jwt()}",
        f"Bearer {jwt()},",
        f"Bearer {jwt()} ",
        f"Bearer {jwt()}\n",
        f"Bearer {jwt()}\0",
        f'Bearer "{jwt()}"',
        f"Bearer {jwt()}, Bearer {jwt()}",
        f"Bearer {KEY}",
        f"Bearer:{jwt()}",
        f"Token {jwt()}",
        f"Basic {jwt()}",
        f"Basic {KEY}",
        "Basic",
        "Basic ",
        "Basic ====",
        f"Basic {basic(KEY)}",
        f"Basic {basic(':')}",
        f"Basic {basic('user:')}",
        f"Basic {basic(f':{KEY}')}",
        f"Basic {basic(f'user:x:{KEY}')}",
        f"Basic {basic(f'user:{KEY}:')}",
        f"Basic {basic(f'user: {KEY}')}",
        f"Basic {basic(f'us{chr(0)}er:{KEY}')}",
        f"Basic {basic(f'us{chr(127)}er:{KEY}')}",
        f"Basic {basic(b'us' + bytes([0xE9]) + b'er:' + KEY.encode())}",
        f"Basic  {basic(f'user:{KEY}')}",
        f"Basic {basic(f'user:{KEY}')} ",
        f"Basic {basic(f'user:{KEY}')}=",
        f"Basic {basic(f'use:{KEY}').rstrip('=')[:-1]}",
        f"Basic user:{KEY}",
        # KELVIN SIGN and the long s fold to ASCII letters.
        f"Ba\u017fic {basic(f'user:{KEY}')}",
        f"B\u0435arer {jwt()}",
    ],
)
def test_s16_whatever_else_is_in_the_header_is_refused(value):
    assert refused(value)


def test_s15_a_header_is_no_longer_than_4096():
    assert parse_authorization("Bearer " + "a" * 4089).scheme is Scheme.BEARER
    with pytest.raises(Unauthenticated):
        parse_authorization("Bearer " + "a" * 4090)


@given(
    st.text(CHARACTERS, max_size=60)
    | st.text(URLSAFE + "=+/. ", max_size=60).map(lambda t: f"Basic {t}")
)
def test_any_header_is_a_credential_or_refused(text):
    for value in (text, f"Basic {text}", f"Basic {basic(text.encode('utf-8', 'replace'))}"):
        assert refused(value)


# --- the JWT --------------------------------------------------------------------------------------


def test_a_token_of_ours_is_read():
    assert parse_jwt(jwt()) == Claims(
        kid="k1",
        iss="https://wire.example",
        aud="wirefeed",
        sub="ajans",
        jti="t1",
        iat=NOW,
        nbf=NOW,
        exp=NOW + 900,
    )


def test_the_order_of_members_and_unknown_claims_do_not_matter():
    header = dict(reversed(HEADER.items()))
    claims = dict(reversed(CLAIMS.items())) | {"x": [1.5, {"y": None}], "entitlements": ["gold"]}
    assert parse_jwt(jwt(header, claims)) == parse_jwt(jwt())


#: A member of the header or the claims, spelled as JSON, that must be refused.
HEADER_FAULTS = [
    ("S-01", "alg", value)
    for value in (
        *('"none"', '"None"', '"NONE"', '"nOnE"', '"noNE"', '"none "', '""', "null", "0"),
        *('["EdDSA"]', "{}", "true"),
    )
] + [
    *(("S-02", "alg", value) for value in ('"HS256"', '"HS384"', '"HS512"')),
    *(
        ("S-03", "alg", value)
        for value in (
            *('"ES256"', '"RS256"', '"PS256"', '"Ed25519"', '"eddsa"', '"EdDSA "', '"EDDSA"'),
            '"EdDSA\\u0000"',
        )
    ),
    *(
        ("S-04", "kid", value)
        for value in (
            '"../../../../dev/null"',
            '"/proc/self/environ"',
            "\"k1' UNION SELECT 'AA'--\"",
            '"k1\\u0000"',
            '"k1\\n"',
            f'"{"k" * 65}"',
            *('""', "1", "[]", "{}", "null", "true", '"\\u0661"'),
        )
    ),
    *(
        ("S-05", name, value)
        for name, value in (
            ("jku", '"http://127.0.0.1/"'),
            ("jwk", "{}"),
            ("x5u", '"http://127.0.0.1/"'),
            ("x5c", "[]"),
            ("x5t", '""'),
            ("crit", '["x"]'),
            ("crit", "[]"),
            ("b64", "false"),
            ("zip", '"DEF"'),
            ("cty", '"JWT"'),
            ("epk", "{}"),
            ("p2c", "1"),
        )
    ),
    *(("typ", "typ", v) for v in ('"JWT"', '"AT+JWT"', '"application/at+jwt"', "null", '""', "1")),
]


@pytest.mark.parametrize(("case", "name", "value"), HEADER_FAULTS)
def test_a_header_of_any_other_shape_is_refused(case, name, value):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(raw_with(HEADER, name, value)))


@pytest.mark.parametrize("name", HEADER)
def test_s01_s04_a_header_without_a_member_is_refused(name):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt({k: v for k, v in HEADER.items() if k != name}))


@pytest.mark.parametrize("signature", ["", ".", "A", SIGNATURE[:-1], SIGNATURE + "A"])
def test_s01_s06_a_signature_of_another_length_is_refused(signature):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(signature=signature))


@pytest.mark.parametrize("name", HEADER)
@pytest.mark.parametrize("other", ['"none"', '"EdDSA"', '"at+jwt"', '"k1"'])
def test_s07_a_header_member_given_twice_is_refused(name, other):
    again = f'"{name}": {other}'
    for text in (
        f"{json.dumps(HEADER)[:-1]}, {again}}}",
        f"{{{again}, {json.dumps(HEADER)[1:]}",
    ):
        with pytest.raises(Unauthenticated):
            parse_jwt(jwt(text))


@pytest.mark.parametrize("name", CLAIMS)
def test_s07_s10_a_claim_given_twice_is_refused(name):
    again = f'"{name}": {json.dumps(CLAIMS[name])}'
    for text in (
        f"{json.dumps(CLAIMS)[:-1]}, {again}}}",
        f"{{{again}, {json.dumps(CLAIMS)[1:]}",
        # The same name in another spelling.
        f'{json.dumps(CLAIMS)[:-1]}, "\\u{ord(name[0]):04x}{name[1:]}": 1}}',
    ):
        with pytest.raises(Unauthenticated):
            parse_jwt(jwt(claims=text))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    [
        f'"{NOW + 900}"',
        f'" {NOW + 900}"',
        '"1772367_300"',
        '"١٧٧٢٣٦٧٣٠٠"',
        f"{NOW + 900}.0",
        f"{NOW + 900}.5",
        "1e308",
        "1e999",
        "NaN",
        "Infinity",
        "-Infinity",
        str(10**30),
        "9" * 2000,
        "-" + "9" * 2000,
        str(2**33),
        "-1",
        "-0",
        "0",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        f"[{NOW}]",
    ],
)
def test_s08_a_time_that_is_no_whole_number_of_seconds_is_refused(name, value):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(claims=raw_with(CLAIMS, name, value)))


@pytest.mark.parametrize("name", sorted(CLAIMS.keys() - {"scope"}))
def test_s08_s10_a_claim_left_out_is_refused(name):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(claims={k: v for k, v in CLAIMS.items() if k != name}))


@pytest.mark.parametrize("name", ["aud", "iss", "sub", "jti"])
@pytest.mark.parametrize(
    "value",
    [
        *('""', "[]", '["wirefeed"]', '["wirefeed", "other"]', '["wirefeed", 1]', "1", "null"),
        *('"a\\u0000"', '"\\ud800"', '"a\\u202eb"', '"а"', '"a\\n"', "true", "{}"),
    ],
)
def test_s10_a_name_that_is_no_printable_ascii_string_is_refused(name, value):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(claims=raw_with(CLAIMS, name, value)))


@pytest.mark.parametrize("jti", ["a b", "a/b", "a" * 65, "a.b", "a;--"])
def test_a_jti_is_a_plain_word(jti):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(claims=CLAIMS | {"jti": jti}))


@pytest.mark.parametrize("exp", [NOW, NOW - 1, 1])
def test_a_token_that_ends_before_it_begins_is_refused(exp):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(claims=CLAIMS | {"exp": exp}))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "." * 4000,
        f"{jwt()}.",
        f".{jwt()}",
        f"{jwt()}.{encode('{}')}",
        f"{jwt()}.{encode(HEADER)}.{SIGNATURE}",
        ".".join(jwt().split(".")[:2]),
        ".".join(jwt().split(".")[1:]),
        json.dumps(
            {"payload": encode(CLAIMS), "protected": encode(HEADER), "signature": SIGNATURE}
        ),
        json.dumps({"payload": encode(CLAIMS), "signatures": [{"protected": encode(HEADER)}]}),
        jwt(jwt()),
        jwt(claims=jwt()),
        KEY,
    ],
)
def test_s13_whatever_is_not_three_parts_is_refused(token):
    with pytest.raises(Unauthenticated):
        parse_jwt(token)


@pytest.mark.parametrize(
    "twin",
    [
        f"{jwt()}=",
        f"{jwt()}==",
        f"{jwt()}%3D",
        f"{jwt()} ",
        f"{jwt()}\n",
        f" {jwt()}",
        jwt().replace(".", "=.", 1),
        jwt().replace(".", "\t.", 1),
        jwt(signature=f"+{SIGNATURE[1:]}"),
        jwt(signature=f"/{SIGNATURE[1:]}"),
        jwt().replace(".", "．"),
    ],
)
def test_s14_a_token_has_no_second_spelling(twin):
    with pytest.raises(Unauthenticated):
        parse_jwt(twin)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_s14_the_unused_bits_of_a_part_are_zero(part):
    # Padded with blanks so that the last character of each part has unused bits.
    header, claims = json.dumps(HEADER), json.dumps(CLAIMS)
    header += " " * (-len(header) % 3 + 1)
    claims += " " * (-len(claims) % 3 + 2)
    parts = jwt(header, claims).split(".")
    assert parse_jwt(".".join(parts)).jti == "t1"
    last = parts[part][-1]
    # One more in the alphabet differs in the last bit alone.
    parts[part] = parts[part][:-1] + chr(ord(last) + 1)
    with pytest.raises(Unauthenticated):
        parse_jwt(".".join(parts))


@pytest.mark.parametrize(
    "claims",
    [
        "[" * 2200,
        "[" * 1100 + "]" * 1100,
        '{"a":' * 440,
        "[]",
        "null",
        "1",
        '"x"' * 3,
        "{" + " " * 20,
        "[1, 2, 3, 4]",
        json.dumps("a string of some length"),
        json.dumps(CLAIMS) + "x",
        "\ufeff" + json.dumps(CLAIMS),
        json.dumps(CLAIMS | {"x": "a" * 2300}),
        "{" + ",".join(f'"{n}":1' for n in range(300)) + "}",
    ],
)
def test_s15_claims_too_long_too_deep_or_no_object_are_refused(claims):
    with pytest.raises(Unauthenticated):
        parse_jwt(jwt(claims=claims))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_s15_claims_in_another_encoding_are_refused(encoding):
    raw = json.dumps(CLAIMS | {"sub": "é"}, ensure_ascii=False).encode(encoding)
    part = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated):
        parse_jwt(f"{encode(HEADER)}.{part}.{SIGNATURE}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(CHARACTERS, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS, max_size=3), inner)
    ),
    max_leaves=6,
)
segments = st.text(URLSAFE, min_size=10, max_size=40)


def claims_or_nothing(token: str) -> Claims | None:
    try:
        return parse_jwt(token)
    except Unauthenticated:
        return None


@given(
    st.text(CHARACTERS, max_size=80)
    | st.tuples(segments, segments, st.just(SIGNATURE)).map(".".join)
    | st.binary(max_size=60).map(
        lambda raw: f"{encode(HEADER)}.{base64.urlsafe_b64encode(raw).decode()}.{SIGNATURE}"
    )
)
def test_any_string_is_refused_and_raises_nothing_else(text):
    assert claims_or_nothing(text) is None


@given(st.sampled_from([*HEADER, *CLAIMS]), json_values)
def test_any_value_of_any_member_is_read_as_it_is_or_refused(name, value):
    header = HEADER | {name: value} if name in HEADER else HEADER
    claims = CLAIMS | {name: value} if name in CLAIMS else CLAIMS
    read = claims_or_nothing(jwt(header, claims))
    if read is not None and name not in {"alg", "typ", "scope"}:
        assert getattr(read, name) == value
        assert type(getattr(read, name)) is type(value)


@given(st.integers(0, len(jwt()) - 1), st.sampled_from(URLSAFE + ".=+/ \n"))
def test_s14_a_token_changed_in_one_character_is_refused_or_says_something_else(place, character):
    token = jwt()
    changed = token[:place] + character + token[place + 1 :]
    read = claims_or_nothing(changed)
    if read is not None and changed != token:
        # Every part it was read from is spelled in the one way there is.
        for part in changed.split("."):
            padded = part + "=" * (-len(part) % 4)
            again = base64.urlsafe_b64encode(base64.urlsafe_b64decode(padded))
            assert again.rstrip(b"=").decode() == part


# --- rows and scopes ------------------------------------------------------------------------------


def token(**fields) -> Token:
    usual = {"jti": "t1", "subscriber": "ajans", "source": None, "name": "", "scopes": READING}
    return Token(**{**usual, "issued": NOW, "expires": NOW + 9, **fields})


@pytest.mark.parametrize(
    ("fields", "now", "live"),
    [
        ({}, NOW, True),
        ({}, NOW + 8, True),
        ({}, NOW + 9, False),
        ({"revoked": NOW + 5}, NOW, False),
        ({"believed": NOW + 5}, NOW + 4, True),
        ({"believed": NOW + 5}, NOW + 5, False),
        ({"believed": NOW + 20}, NOW + 8, True),
        ({"believed": NOW + 20}, NOW + 9, False),
    ],
)
def test_a_token_is_live_until_it_expires_or_is_revoked_or_its_key_is_given_up(fields, now, live):
    assert token(**fields).is_live(now) is live
    if "revoked" not in fields:
        assert live is (now < token(**fields).ends)


@pytest.mark.parametrize(
    ("claims", "fits"),
    [
        ({}, True),
        ({"sub": "other"}, False),
        ({"jti": "t2"}, False),
        # Signed with the key of another token.
        ({"kid": "k2"}, False),
        ({"exp": 2, "iat": 1, "nbf": 1}, True),
    ],
)
def test_a_jwt_is_that_of_a_row_by_its_id_its_owner_and_its_key(claims, fits):
    usual = {"kid": "k1", "iss": "i", "aud": "a", "sub": "ajans", "jti": "t1"}
    told = Claims(**{**usual, "iat": NOW, "nbf": NOW, "exp": NOW + 9, **claims})
    assert token(kid="k1").is_of(told) is fits


def test_a_source_is_no_subscriber_of_its_name():
    assert token().subject == "ajans"
    assert token(subscriber=None, source="ajans", scopes=WRITING).subject == "source:ajans"


def test_the_row_of_a_feed_key_does_not_hold_the_key():
    row = FeedKey(id="k", subscriber="ajans", name="phone", tail=KEY[-4:], issued=NOW)
    assert KEY not in repr(row)
    assert row.revoked is None


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("", set()),
        ("feeds:read", {Scope.FEEDS_READ}),
        ("feeds:read wire:read", READING),
        ("wire:read  feeds:read wire:read", READING),
        ("stories:write", WRITING),
    ],
)
def test_scopes_are_read(text, scopes):
    assert parse_scopes(text) == scopes


@pytest.mark.parametrize("text", ["feeds", "FEEDS:READ", "feeds:read,wire:read", "admin:*", "*"])
def test_a_scope_that_does_not_exist_is_named(text):
    with pytest.raises(Invalid) as caught:
        parse_scopes(f"wire:read {text}")
    assert repr(text) in str(caught.value)
    assert str(caught.value).startswith("scope: ")


# --- what a failure says --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Invalid(), "The message cannot be read."),
        (Invalid("no"), "no"),
        (Invalid("no", field="a"), "a: no"),
        (Invalid("no", remedy="try b"), "no (try b)"),
        (Invalid("no", field="a", remedy="try b"), "a: no (try b)"),
    ],
)
def test_a_failure_says_where_what_and_what_would_help(error, text):
    assert str(error) == text
    assert isinstance(error, WirefeedError)
