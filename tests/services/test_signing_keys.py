"""Signing keys: rotated, taken back, given up, while tokens are issued and used."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy import update

from tests.support.agency import DAY, MINUTE, START, Agency
from wirefeed.composition import Services, open_services
from wirefeed.domain.audit import Verb
from wirefeed.domain.credentials import Presented, Scheme
from wirefeed.domain.errors import (
    Conflict,
    NotFound,
    Unacceptable,
    Unauthenticated,
    Unavailable,
)
from wirefeed.domain.signing_keys import AHEAD, KeyState
from wirefeed.domain.terms import Terms
from wirefeed.services.tokens import IssuedToken
from wirefeed.storage import account_tables as tables
from wirefeed.storage import signing_keys, wire


@asynccontextmanager
async def another(agency: Agency) -> AsyncIterator[Services]:
    """Run what another process would on the same database."""
    async with open_services(agency.settings, agency.clock) as services:
        services.presence.enter()
        yield services


@pytest.fixture
async def machine(agency: Agency) -> str:
    return await agency.subscriber("machine", "sport")


async def issue(services: Services, days: int = 30) -> IssuedToken:
    return await services.tokens.issue(Terms(subscriber="machine", days=days))


async def opens(services: Services, token: IssuedToken) -> bool:
    try:
        await services.readers.by_credential(
            Presented(scheme=Scheme.BEARER, secret=token.secret), "192.0.2.1"
        )
    except Unauthenticated as error:
        return refused(error)
    return True


def refused(error: Unauthenticated) -> bool:
    assert error.refusal is None or error.refusal.subscriber == "machine"
    return False


async def states(services: Services) -> list[KeyState]:
    return [standing.state for standing in await services.signing_keys.all()]


async def published(services: Services) -> list[str]:
    jwks = await services.keyring.jwks()
    keys = jwks["keys"]
    assert isinstance(keys, list)
    return [key["kid"] for key in keys]


NEXT, ACTIVE, RETIRING, RETIRED = KeyState


async def test_a_rotation_cuts_nobody_off(agency: Agency, machine: str):
    services = agency.services
    tokens = [await issue(services)]
    done = await services.signing_keys.rotate()
    assert done.refused == 0
    assert done.new is not None
    assert done.new.activates == done.old.retires == START + AHEAD
    old, new = done.old.kid, done.new.kid
    async with another(agency) as other:
        for moment in (START, START + AHEAD - 1):
            agency.clock.now = moment
            tokens.append(await issue(other))
            assert tokens[-1].row.kid == old
            assert await published(services) == [old, new]
            assert await states(other) == [ACTIVE, NEXT]
        agency.clock.now = START + AHEAD
        tokens.append(await issue(services))
        assert tokens[-1].row.kid == new
        assert await published(other) == [old, new]
        assert await states(services) == [RETIRING, ACTIVE]
        # The last that the old key signed was issued just before the new one signed.
        last = max(token.row.expires for token in tokens if token.row.kid == old)
        for moment in (START + 30 * DAY - 1, last - 1):
            agency.clock.now = moment
            for token in tokens:
                assert await opens(other, token) is (moment < token.row.expires)
        agency.clock.now = last
        assert await states(other) == [RETIRED, ACTIVE]
        assert await published(services) == [new]


async def test_a_key_is_listed_with_the_tokens_that_it_signed(agency: Agency, machine: str):
    keys = agency.services.signing_keys
    await issue(agency.services, days=1)
    gone = await issue(agency.services)
    await agency.services.tokens.revoke(gone.row.jti)
    await issue(agency.services, days=2)
    (only,) = await keys.all()
    assert (only.tokens, only.ends) == (2, None)
    await keys.rotate()
    agency.clock.advance(DAY)
    old, new = await keys.all()
    assert (old.tokens, old.state, old.ends) == (1, RETIRING, START + 30 * DAY)
    assert (new.tokens, new.state, new.ends) == (0, ACTIVE, None)
    agency.clock.advance(29 * DAY)
    old, _ = await keys.all()
    assert (old.tokens, old.state) == (0, RETIRED)


async def test_an_overlap_ends_what_outlives_it_and_says_how_much(agency: Agency, machine: str):
    services, overlap = agency.services, 2 * DAY
    short, long = await issue(services, days=1), await issue(services)
    would = await services.signing_keys.rotate(overlap, dry_run=True)
    assert await states(services) == [ACTIVE]
    done = await services.signing_keys.rotate(overlap)
    assert (would.refused, would.old, would.new) == (1, done.old, None)
    assert (done.refused, done.old.ends) == (1, START + AHEAD + overlap)
    assert await opens(services, short)
    agency.clock.now = START + AHEAD + overlap - 1
    assert await opens(services, long)
    async with another(agency) as other:
        agency.clock.advance(1)
        assert await states(services) == [RETIRED, ACTIVE]
        assert not await opens(services, long)
        assert not await opens(other, long)
        (listed,) = [t for t in await other.tokens.all("machine") if t.jti == long.row.jti]
    assert listed.ends == done.old.ends
    with pytest.raises(Conflict, match="no longer holds"):
        await services.tokens.rotate(long.row.jti)


async def test_who_uses_a_token_is_told_that_its_key_ends_it(agency: Agency, machine: str):
    services, overlap = agency.services, DAY
    token = await issue(services, days=300)
    presented = Presented(scheme=Scheme.BEARER, secret=token.secret)
    assert (await services.readers.account(presented, "192.0.2.1")).sunset is None
    await services.signing_keys.rotate(overlap)
    reader = await services.readers.account(presented, "192.0.2.1")
    assert reader.sunset == START + AHEAD + overlap
    agency.clock.advance(AHEAD + overlap)
    with pytest.raises(Unauthenticated) as caught:
        await services.readers.account(presented, "192.0.2.1")
    assert caught.value.refusal is not None
    assert caught.value.refusal.reason == "key-retired"


async def test_a_token_that_would_outlive_its_key_is_signed_by_the_next(
    agency: Agency, machine: str
):
    services = agency.services
    done = await services.signing_keys.rotate(2 * DAY)
    assert done.new is not None
    short, long = await issue(services, days=1), await issue(services)
    assert (short.row.kid, long.row.kid) == (done.old.kid, done.new.kid)
    async with another(agency) as other:
        for moment in (START, START + AHEAD, START + 10 * DAY):
            agency.clock.now = moment
            assert await opens(other, long)


async def test_keys_that_are_given_up_do_not_count_against_a_subscriber(
    agency: Agency, machine: str
):
    tokens = agency.services.tokens
    for _ in range(agency.settings.tokens.max_live):
        await issue(agency.services)
    with pytest.raises(Conflict, match="as many as it may"):
        await issue(agency.services)
    await agency.services.signing_keys.retire((await tokens.all("machine"))[0].kid)
    assert await opens(agency.services, await issue(agency.services))


@pytest.mark.parametrize("overlap", [-1, 400 * DAY + 1])
async def test_an_overlap_is_no_longer_than_a_token_lives(agency: Agency, overlap: int):
    with pytest.raises(Unacceptable, match="400 days"):
        await agency.services.signing_keys.rotate(overlap)
    await agency.services.signing_keys.rotate(400 * DAY)


async def test_a_rotation_is_taken_back(agency: Agency, machine: str):
    services = agency.services
    before = await issue(services)
    done = await services.signing_keys.rotate(0)
    assert done.new is not None
    ahead = await issue(services)
    assert ahead.row.kid == done.new.kid
    with pytest.raises(Conflict, match="under way"):
        await services.signing_keys.rotate()
    back = await services.signing_keys.revert()
    assert (back.old.kid, back.new, back.refused) == (done.old.kid, None, 0)
    assert await states(services) == [ACTIVE, RETIRING]
    with pytest.raises(Conflict, match="no rotation"):
        await services.signing_keys.revert()
    agency.clock.advance(DAY)
    assert await states(services) == [ACTIVE, RETIRING]
    after = await issue(services)
    assert after.row.kid == done.old.kid
    for token in (before, ahead, after):
        assert await opens(services, token)
    await services.signing_keys.rotate()
    assert await states(services) == [ACTIVE, RETIRING, NEXT]


async def test_in_an_emergency_the_old_key_is_refused_at_once_everywhere(
    agency: Agency, machine: str
):
    services = agency.services
    async with another(agency) as other:
        for waits in (False, True):
            token = await issue(services)
            assert await opens(other, token)
            if waits:
                await services.signing_keys.rotate()
            would = await services.signing_keys.retire(token.row.kid, dry_run=True)
            assert would.refused == 1
            assert await opens(other, token)
            done = await services.signing_keys.retire(token.row.kid)
            assert done.refused == 1
            assert done.new is not None
            await services.follower.in_force()
            for each in (services, other):
                assert not await opens(each, token)
                assert done.old.kid not in await published(each)
                assert await each.signing_keys.signing() == done.new.kid
            # Not a moment later: the clock stands still.
            assert await opens(other, await issue(services))
            assert await opens(services, await issue(other))
            await services.tokens.revoke(token.row.jti)
            agency.clock.advance(MINUTE)
            for live in await services.tokens.all("machine"):
                await services.tokens.revoke(live.jti)


async def test_a_key_that_signs_no_more_is_given_up_alone(agency: Agency, machine: str):
    services = agency.services
    old = await issue(services)
    await services.signing_keys.rotate()
    agency.clock.advance(AHEAD)
    new = await issue(services)
    done = await services.signing_keys.retire(old.row.kid)
    assert (done.refused, done.new) == (1, None)
    assert (await opens(services, old), await opens(services, new)) == (False, True)
    head = (await services.signing_keys.all(), await services.audit.newest())
    again = await services.signing_keys.retire(old.row.kid)
    assert (again.refused, again.old) == (0, done.old)
    assert (await services.signing_keys.all(), await services.audit.newest()) == head
    with pytest.raises(NotFound, match="keys list"):
        await services.signing_keys.retire("nobody")


async def test_each_change_stands_in_the_audit_and_on_the_wire(agency: Agency):
    services = agency.services
    async with services.database.reading() as connection:
        before = (await wire.head(connection)).position
    first = await services.signing_keys.rotate(DAY)
    back = await services.signing_keys.revert()
    gone = await services.signing_keys.retire(back.old.kid)
    assert first.new is not None
    assert gone.new is not None
    old, taken, new = back.old.kid, first.new.kid, gone.new.kid
    told = [(e.verb, e.about, e.detail) for e in await services.audit.newest(limit=4)]
    assert told == [
        (
            Verb.SIGNING_KEY_ROTATE,
            f"signing-key:{new}",
            {"was": old, "activates": START, "ends": START, "refused": 0},
        ),
        (Verb.SIGNING_KEY_RETIRE, f"signing-key:{old}", {"refused": 0}),
        (Verb.SIGNING_KEY_REVERT, f"signing-key:{taken}", {"goes_on": old}),
        (
            Verb.SIGNING_KEY_ROTATE,
            f"signing-key:{taken}",
            {"was": old, "activates": START + AHEAD, "ends": START + AHEAD + DAY, "refused": 0},
        ),
    ]
    assert (await services.audit.verify()).broken is None
    async with services.database.reading() as connection:
        rows = await wire.since(connection, before, 10)
    assert [row.change.about for row in rows] == [
        f"signing-key:{kid}" for kid in (old, taken, old, taken, old, new)
    ]


async def test_of_two_rotations_at_once_one_is_refused(agency: Agency):
    async with another(agency) as other:
        came = await asyncio.gather(
            agency.services.signing_keys.rotate(),
            other.signing_keys.rotate(),
            agency.services.signing_keys.rotate(),
            return_exceptions=True,
        )
    assert [type(each) for each in came].count(Conflict) == 2
    assert await states(agency.services) == [ACTIVE, NEXT]


async def test_no_token_is_signed_by_a_key_that_has_been_given_up(agency: Agency, machine: str):
    services = agency.services
    kid = await services.signing_keys.signing()
    async with another(agency) as other:
        issuing = [
            asyncio.create_task(issue(each)) for _ in range(10) for each in (services, other)
        ]
        gone = asyncio.create_task(services.signing_keys.retire(kid))
        issuing += [asyncio.create_task(issue(other)) for _ in range(10)]
        tokens = await asyncio.gather(*issuing)
        refused = (await gone).refused
        assert [await opens(other, token) for token in tokens].count(False) == refused
        assert sum(token.row.kid == kid for token in tokens) == refused


async def test_many_who_come_at_once_with_a_new_key_are_all_let_in(agency: Agency, machine: str):
    async with another(agency) as other:
        await agency.services.signing_keys.retire(await other.signing_keys.signing())
        tokens = [await issue(agency.services) for _ in range(8)]
        assert all(await asyncio.gather(*(opens(other, token) for token in tokens)))


async def test_a_key_signs_for_the_rows_of_its_own_tokens_alone(agency: Agency, machine: str):
    """Who has a retiring key has no more than what it signed."""
    services = agency.services
    await issue(services)
    async with services.database.reading() as connection:
        kid, stolen = await services.keyring.signer(connection, START, START)
    await services.signing_keys.rotate()
    agency.clock.advance(AHEAD)
    new = await issue(services)
    claims = jwt.decode(new.secret, options={"verify_signature": False})
    forged = jwt.encode(claims, stolen, "EdDSA", {"typ": "at+jwt", "kid": kid})
    assert not await opens(services, replace(new, secret=forged))
    # Nor can it be taken back with what looks like it.
    assert (await services.leak_reports.take({forged})).revoked == 0
    assert await opens(services, new)


# --- what is kept of them ------------------------------------------------------------------------


async def test_s23_the_private_part_is_nowhere_in_the_database(agency: Agency, machine: str):
    services = agency.services
    await services.signing_keys.rotate()
    await issue(services)
    async with services.database.reading() as connection:
        keys = await signing_keys.signing_keys(connection)
    kept = b"".join(file.read_bytes() for file in agency.file.parent.glob("agency.db*"))
    for key in keys:
        raw = services.keyring._open(key).private_bytes(
            Encoding.Raw, PrivateFormat.Raw, NoEncryption()
        )
        assert key.public in kept
        assert key.private in kept
        for part in (raw, raw[:16], raw[16:]):
            for spelled in (
                part,
                part.hex().encode(),
                base64.b64encode(part).rstrip(b"="),
                base64.urlsafe_b64encode(part).rstrip(b"="),
            ):
                assert spelled not in kept


P = 2**255 - 19
#: The points of Ed25519 whose order divides 8, by their y (RFC 8032 §5.1.3), and what else is
#: read as one of them.
ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
SMALL = [
    (y | sign << 255).to_bytes(32, "little")
    for y in (0, 1, P - 1, ORDER_8, P - ORDER_8, P, P + 1)
    for sign in (0, 1)
]


async def put(services: Services, **values: object) -> None:
    """Write into the table of keys what is not ours."""
    async with services.database.writing() as connection:
        await connection.execute(update(tables.signing_keys).values(**values))


@pytest.mark.parametrize("public", SMALL)
async def test_s06_a_public_key_of_small_order_is_refused_at_load(agency: Agency, public: bytes):
    await put(agency.services, public=public)
    with pytest.raises(Unavailable, match="not what it was made as"):
        async with another(agency):
            pass
    with pytest.raises(Unavailable):
        await issue_to_source(agency.services)


def test_s06_these_are_all_of_small_order():
    for public in SMALL:
        point = decoded(public)
        for _ in range(3):
            point = doubled(point)
        assert point == (0, 1)


D = -121665 * pow(121666, -1, P) % P


def decoded(public: bytes) -> tuple[int, int]:
    y = (int.from_bytes(public, "little") & (2**255 - 1)) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return x, y


def doubled(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    shared = D * x * x * y * y % P
    return (
        2 * x * y * pow(1 + shared, -1, P) % P,
        (y * y + x * x) * pow(1 - shared, -1, P) % P,
    )


async def issue_to_source(services: Services) -> IssuedToken:
    return await services.tokens.issue(Terms(source="paper", days=1))


async def test_who_can_only_write_the_database_cannot_add_a_key(agency: Agency):
    """Neither a key of his own, nor one of ours under another name."""
    services = agency.services
    async with services.database.reading() as connection:
        (held,) = await signing_keys.signing_keys(connection)
    own = Ed25519PrivateKey.generate()
    raw = own.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for bad in (
        replace(held, kid="own", public=public),
        replace(held, kid="own", public=public, private=raw),
        replace(held, kid="own", public=public, private=b""),
        replace(held, kid="öwn"),
    ):
        async with services.database.writing() as connection:
            await connection.execute(
                tables.signing_keys.delete().where(tables.signing_keys.c.kid != held.kid)
            )
            await signing_keys.add(connection, bad)
        for look in (services.keyring.load, services.keyring.jwks):
            with pytest.raises(Unavailable):
                await look()
        assert await services.keyring.verifier(bad.kid) is None
        assert await services.keyring.verifier(held.kid) is not None


async def test_a_key_that_is_gone_from_the_database_is_not_believed(agency: Agency, machine: str):
    token = await issue(agency.services)
    assert await opens(agency.services, token)
    async with agency.services.database.writing() as connection:
        await connection.execute(tables.signing_keys.delete())
    # Behind the wire's back: it is so for whoever does not remember the token.
    async with another(agency) as other:
        assert not await opens(other, token)
