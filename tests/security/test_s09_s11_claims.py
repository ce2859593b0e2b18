"""S-09 to S-11: tokens of another time, for others, by others or of somebody else.

Signed with the right key, over HTTP, against every endpoint that takes one.
"""

import pytest

from tests.security import raw
from tests.security.forging import ABSENT
from tests.security.guarded import READING, Gate
from tests.support.agency import DAY, SECOND
from wirefeed.services.token_gate import AUDIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- S-09 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "passes"),
    [
        ({"exp": -31}, False),
        ({"exp": -30}, False),
        ({"exp": -29}, True),
        ({"exp": 1}, True),
        ({"nbf": 29}, True),
        ({"nbf": 30}, True),
        ({"nbf": 31}, False),
        ({"iat": 29}, True),
        ({"iat": 31}, False),
        ({"iat": -400 * 86_400, "exp": 0}, True),
        ({"iat": -400 * 86_400, "exp": 1}, False),
        ({"iat": 10, "exp": 10}, False),
        ({"iat": 10, "exp": 5}, False),
    ],
)
async def test_s09_a_clock_may_be_half_a_minute_off_and_no_more(gate: Gate, claims, passes):
    """The row of the token outlives all of these: only what the token says is at stake."""
    base = {"iat": gate.reading.now - 60, "nbf": gate.reading.now - 60}
    times = base | {name: gate.reading.now + offset for name, offset in claims.items()}
    for endpoint in gate.endpoints:
        # The agency's clock has moved since the token was made.
        shift = gate.agency.clock.now // SECOND - gate.reading.now
        moved = {name: at + shift for name, at in times.items()}
        token = gate.forge_for(endpoint).with_claims(**moved)
        answer = await endpoint.ask(gate.agency.port, f"Authorization: Bearer {token}")
        assert (answer.status != 401) is passes
        if not passes:
            assert answer.settled == endpoint.denial.settled


async def test_s09_the_row_ends_a_token_on_the_second(gate: Gate):
    agency = gate.agency
    headers = await agency.token("reader", days=1)
    before = agency.clock.now
    try:
        for offset, status in ((DAY - SECOND, 200), (DAY, 401)):
            agency.clock.now = before // SECOND * SECOND + offset
            request = raw.get(READING, f"Authorization: {headers['Authorization']}")
            assert (await raw.ask(agency.port, request)).status == status
    finally:
        agency.clock.now = before


# --- S-10, S-11 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "aud",
    [
        ABSENT,
        "",
        None,
        [],
        [AUDIENCE],
        [AUDIENCE, "other"],
        [AUDIENCE, 1],
        {AUDIENCE: True},
        AUDIENCE[:-1],
        AUDIENCE + "/",
        AUDIENCE.upper(),
        f" {AUDIENCE}",
        f"{AUDIENCE}\n",
        f"{AUDIENCE} other",
        1,
    ],
)
async def test_s10_a_token_for_others_is_not_for_us(gate: Gate, aud):
    await gate.refuses_forged("with_claims", aud=aud)


async def test_s11_a_token_of_others_is_not_ours(gate: Gate):
    iss = gate.reading.claims["iss"]
    assert iss
    homoglyph = iss.replace("e", "\u0435")
    wrong = ["", f"{iss}/", iss.upper(), [iss], iss[:-1], iss[1:], f"{iss}x", None, ABSENT, 1]
    for other in [*wrong, *([homoglyph] if homoglyph != iss else [])]:
        if other == iss:
            continue
        await gate.refuses_forged("with_claims", iss=other)


@pytest.mark.parametrize("name", ["sub", "jti"])
@pytest.mark.parametrize(
    "value",
    ["", None, 1, ["reader"], {"sub": "reader"}, "reader\0", "reader\ud800", "\u202ereader",
     "r\u0435ader", "reader ", "x" * 2_000, ABSENT],
)  # fmt: skip
async def test_s11_names_are_plain_strings(gate: Gate, name, value):
    await gate.refuses_forged("with_claims", **{name: value})


async def test_s11_a_token_says_whose_it_is_as_its_row_does(gate: Gate):
    for sub in ("other", "source:newsroom", "public", "source:reader"):
        await gate.refuses_token(gate.reading.with_claims(sub=sub))
    await gate.refuses_token(gate.writing.with_claims(sub="newsroom"))
    await gate.refuses_token(gate.writing.with_claims(sub="reader"))
