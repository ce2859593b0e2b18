"""S-01 to S-08: tokens that are not ours, however well they are made.

Over HTTP, against every endpoint that takes one. A refusal is one fixed denial, byte for byte.
"""

import json
import re
import socket
from itertools import product
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import wirefeed
from tests.security import raw
from tests.security.forging import ABSENT, b64, dumps, unb64
from tests.security.guarded import READING, Gate, key_uses, statements

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: The order of the group of Ed25519 (RFC 8032 §5.1).
L = 2**252 + 27742317777372353535851937790883648493


async def test_the_token_that_is_varied_is_good(gate: Gate):
    for endpoint in gate.endpoints:
        forge = gate.forge_for(endpoint)
        answer = await endpoint.ask(gate.agency.port, f"Authorization: Bearer {forge.token}")
        assert answer.status in {200, 415}, answer
        again = forge.with_claims()
        assert (await endpoint.ask(gate.agency.port, f"Authorization: Bearer {again}")).status in {
            200,
            415,
        }


# --- S-01 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "noNE", "none ", "", None, 0, ["EdDSA"], ABSENT]
)
async def test_s01_a_token_without_a_signature_is_refused_before_any_key_is_used(gate: Gate, alg):
    with key_uses(gate.agency) as asked:
        for endpoint in gate.endpoints:
            forge = gate.forge_for(endpoint)
            header = dumps({"alg": alg, "typ": "at+jwt", "kid": forge.kid})
            _, claims, signature = forge.token.split(".")
            for end in ("", ".", signature):
                answer = await endpoint.ask(
                    gate.agency.port, f"Authorization: Bearer {b64(header)}.{claims}.{end}"
                )
                assert answer.settled == endpoint.denial.settled
    assert asked == []


# --- S-02 ----------------------------------------------------------------------------------------


async def public_key_spellings(gate: Gate) -> list[bytes]:
    """Write the published key in every way in which libraries took it for an HMAC secret."""
    jwks = (await raw.ask(gate.agency.port, raw.get("/.well-known/jwks.json"))).body
    (key,) = json.loads(jwks)["keys"]
    public = gate.reading.key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bare = gate.reading.public
    assert unb64(key["x"]) == bare
    assert "d" not in key
    return [
        pem,
        pem.replace(b"\n", b"\r\n"),
        b" " + pem,
        pem.strip(),
        b"".join(pem.splitlines()[1:-1]),
        der,
        bare,
        bare.hex().encode(),
        json.dumps(key).encode(),
        jwks,
        key["x"].encode(),
    ]


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_s02_the_published_key_is_no_secret_to_sign_with(gate: Gate, alg):
    algorithm = jwt.get_algorithm_by_name(alg)
    for secret in await public_key_spellings(gate):
        for header in ({"alg": alg}, {"alg": "EdDSA"}):
            head, claims = dumps(gate.reading.header | header), dumps(gate.reading.claims)
            signing = f"{b64(head)}.{b64(claims)}"
            # `prepare_key` would refuse some of these: an attacker does not ask it.
            signature = algorithm.sign(signing.encode(), secret)
            await gate.refuses_token(f"{signing}.{b64(signature)}")
            # and of the length of ours, so that it is not refused for its length
            await gate.refuses_token(f"{signing}.{b64((signature * 2)[:64])}")


async def test_s02_no_symmetric_algorithm_is_allowed_anywhere():
    sources = list(Path(wirefeed.__file__).parent.rglob("*.py"))
    assert sources
    for source in sources:
        text = source.read_text("utf-8")
        for listed in re.findall(r"algorithms\s*=\s*\[([^]]*)\]", text):
            assert listed == '"EdDSA"', source
        assert not re.search(r"[\"']HS(256|384|512)", text), source


# --- S-03 ----------------------------------------------------------------------------------------


async def test_s03_the_algorithm_is_that_of_the_key_never_of_the_token(gate: Gate):
    curve, modulus = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    claims = dumps(gate.reading.claims)
    for alg in ("ES256", "RS256", "PS256"):
        signing = f"{b64(dumps(gate.reading.header | {'alg': alg}))}.{b64(claims)}"
        data = signing.encode()
        signature = {
            "ES256": lambda d=data: curve.sign(d, ec.ECDSA(SHA256())),
            "RS256": lambda d=data: modulus.sign(d, padding.PKCS1v15(), SHA256()),
            "PS256": lambda d=data: modulus.sign(
                d, padding.PSS(padding.MGF1(SHA256()), 32), SHA256()
            ),
        }[alg]()
        await gate.refuses_token(f"{signing}.{b64(signature)}")
        await gate.refuses_token(f"{signing}.{b64(signature[:64])}")
    for alg in ("Ed25519", "eddsa", "EdDSA ", "EDDSA"):
        await gate.refuses_forged("with_header", alg=alg)


async def test_s03_another_key_of_the_same_kind_signs_nothing(gate: Gate):
    forge = gate.reading
    head, claims = (unb64(part) for part in forge.token.split(".")[:2])
    await gate.refuses_token(forge.signed(head, claims, Ed25519PrivateKey.generate()))


# --- S-04 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/proc/self/environ",
        "k1' UNION SELECT 'AA'--",
        "k1\0",
        "__proto__",
        "k" * 300,
        1,
        [],
        {},
        None,
        "",
        ABSENT,
    ],
)
async def test_s04_a_key_id_is_a_name_and_nothing_else(gate: Gate, kid):
    with statements(gate.agency, "signing_keys", "tokens") as sql:
        await gate.refuses_forged("with_header", kid=kid)
    assert sql == []


async def test_s04_unknown_key_ids_do_not_make_the_server_look_for_each(gate: Gate):
    with statements(gate.agency, "signing_keys", "tokens", "subscribers") as sql:
        for n in range(200):
            # Of the form of ours, too.
            kid = f"{n:020x}" if n % 2 else f"unknown-{n}"
            token = gate.reading.with_header(kid=kid)
            answer = await raw.ask(
                gate.agency.port, raw.get(READING, f"Authorization: Bearer {token}")
            )
            assert answer.status == 401
    assert sql == []


# --- S-05 ----------------------------------------------------------------------------------------


async def test_s05_a_header_says_what_ours_say_and_no_more(gate: Gate):
    attacker = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(gate.reading.public), "kid": "mine"}
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.setblocking(False)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/keys"
        smuggled = {
            "jku": url,
            "jwk": jwk,
            "x5u": url,
            "x5c": ["AAAA"],
            "x5t": "AAAA",
            "b64": False,
            "zip": "DEF",
            "cty": "JWT",
            "epk": jwk,
            "p2c": 1,
        }
        for name, value in [*smuggled.items(), ("crit", ["x"]), ("crit", [])]:
            await gate.refuses_forged("with_header", **{name: value})
            # and signed by the key it brings along
            head = dumps(gate.reading.header | {name: value})
            await gate.refuses_token(
                gate.reading.signed(head, dumps(gate.reading.claims), attacker)
            )
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.mark.parametrize("typ", ["JWT", "jwt", "AT+JWT", "application/at+jwt", "", None, ABSENT])
async def test_s05_the_type_is_that_of_an_access_token(gate: Gate, typ):
    await gate.refuses_forged("with_header", typ=typ)


# --- S-06 ----------------------------------------------------------------------------------------


async def test_s06_degenerate_signatures(gate: Gate):
    signing, _, last = gate.reading.token.rpartition(".")
    good = unb64(last)
    beyond = (int.from_bytes(good[32:], "little") + L).to_bytes(32, "little")
    identity = b"\x01" + bytes(31)
    for signature in (
        b"",
        bytes(64),
        identity + bytes(32),
        good[:32] + beyond,
        good[:63],
        good + b"\0",
        bytes(32) + good[32:],
        good[32:] + good[:32],
        b"\xff" * 64,
    ):
        await gate.refuses_token(f"{signing}.{b64(signature)}")


# --- S-07 ----------------------------------------------------------------------------------------


async def test_s07_no_member_stands_twice(gate: Gate):
    for endpoint in gate.endpoints:
        forge = gate.forge_for(endpoint)
        head, body = (unb64(part) for part in forge.token.split(".")[:2])
        twice = [
            forge.signed(head[:-1] + b',"alg":"none"}', body),
            forge.signed(b'{"alg":"none",' + head[1:], body),
            forge.signed(head[:-1] + b',"kid":"' + forge.kid.encode() + b'"}', body),
        ]
        for name in ("sub", "aud", "exp", "jti", "iss", "iat", "nbf", "scope"):
            value = json.dumps(forge.claims[name]).encode()
            member = b'"' + name.encode() + b'":'
            twice += [
                forge.signed(head, body[:-1] + b"," + member + value + b"}"),
                forge.signed(head, b"{" + member + value + b"," + body[1:]),
                forge.signed(head, b"{" + member + b'"other",' + body[1:]),
            ]
        for token in twice:
            answer = await endpoint.ask(gate.agency.port, f"Authorization: Bearer {token}")
            assert answer.settled == endpoint.denial.settled, token


# --- S-08 ----------------------------------------------------------------------------------------


async def test_s08_times_are_whole_seconds_and_nothing_like_them(gate: Gate):
    later = gate.reading.now + 600
    digits = "".join(chr(0x660 + int(d)) for d in str(later))
    spellings = [
        f'"{later}"',
        f'" {later} "',
        f'"{later}_0"',
        json.dumps(digits),
        f"{later}.9",
        f"{later}.0",
        f"{later}e0",
        "1e308",
        "1e999",
        "NaN",
        "Infinity",
        "1" + "0" * 30,
        "9" * 2_000,
        "-1",
        "-0",
        "0",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        f"[{later}]",
    ]
    for name, text in product(("exp", "nbf", "iat"), spellings):
        await gate.refuses_forged("with_claim_text", name, text)
    for name in ("exp", "nbf", "iat"):
        await gate.refuses_forged("with_claims", **{name: ABSENT})
