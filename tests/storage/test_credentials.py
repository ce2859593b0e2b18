"""Credentials: the row behind each is found by what arrives, and revoked once."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from tests.storage.samples import numbers, words
from wirefeed.domain.credentials import FeedKey, Lapse, Scope, Token
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.signing_keys import SigningKey
from wirefeed.storage import account_tables as tables
from wirefeed.storage import credentials, signing_keys, subscribers
from wirefeed.storage.credentials import Source
from wirefeed.storage.database import Database

TOKEN = Token(
    jti="t1",
    subscriber="acme",
    source=None,
    name="machine",
    scopes=frozenset({Scope.FEEDS_READ, Scope.WIRE_READ}),
    issued=10,
    expires=20,
    kid="signer",
)
SENDER = replace(TOKEN, jti="t2", subscriber=None, source="desk", issued=11)
SIGNER = SigningKey(kid="signer", public=b"\0p", private=b"\xffs", created=1, activates=3)
KEY = FeedKey(id="k1", subscriber="acme", name="phone", tail="wxyz", issued=10)


@pytest.fixture
async def agency(database: Database) -> Database:
    """Give a database with two subscribers, a source and a signing key."""
    async with database.writing() as conn:
        await signing_keys.add(conn, SIGNER)
        for name in ("acme", "zeta"):
            await subscribers.put_subscriber(conn, Subscriber(id=name))
        await credentials.add_source(conn, "desk", 5)
    return database


# --- tokens --------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    owner=st.sampled_from([("acme", None), (None, "desk")]),
    name=words,
    scopes=st.frozensets(st.sampled_from(Scope)),
    times=st.tuples(numbers, numbers),
    entitlements=st.none() | st.frozensets(words, max_size=3),
    revoked=st.none() | numbers,
)
async def test_a_token_comes_back_as_it_was_added(
    agency, conn, owner, name, scopes, times, entitlements, revoked
):
    token = Token(
        jti="drawn",
        subscriber=owner[0],
        source=owner[1],
        name=name,
        scopes=scopes,
        issued=times[0],
        expires=times[1],
        entitlements=entitlements,
        kid="signer",
        revoked=revoked,
    )
    await conn.execute(tables.tokens.delete())
    await credentials.add_token(conn, token)
    assert await credentials.token(conn, "drawn") == token


@pytest.mark.parametrize(
    ("whose", "found"),
    [
        ({}, ["t1", "t2"]),
        ({"subscriber": "acme"}, ["t1"]),
        ({"subscriber": "zeta"}, []),
        ({"source": "desk"}, ["t2"]),
        ({"source": "acme"}, []),
    ],
)
async def test_tokens_are_listed_by_owner(agency, whose, found):
    async with agency.writing() as conn:
        await credentials.add_token(conn, SENDER)
        await credentials.add_token(conn, TOKEN)
        assert [token.jti for token in await credentials.tokens(conn, **whose)] == found


async def test_a_token_is_revoked_once(agency):
    async with agency.writing() as conn:
        await credentials.add_token(conn, TOKEN)
        assert await credentials.revoke_token(conn, "t1", 15)
        assert not await credentials.revoke_token(conn, "t1", 16)
        assert not await credentials.revoke_token(conn, "unknown", 16)
        assert await credentials.token(conn, "t1") == replace(TOKEN, revoked=15)
        assert await credentials.token(conn, "unknown") is None


@pytest.mark.parametrize(
    "token",
    [
        replace(TOKEN, subscriber=None),
        replace(TOKEN, source="desk"),
        replace(TOKEN, subscriber="unknown"),
        replace(SENDER, source="unknown"),
    ],
)
async def test_a_token_of_nobody_or_of_two_cannot_be_kept(agency, token):
    async def add() -> None:
        async with agency.writing() as conn:
            await credentials.add_token(conn, token)

    with pytest.raises(IntegrityError):
        await add()


# --- feed keys -----------------------------------------------------------------------------------


async def test_a_feed_key_is_found_by_its_digest_alone(agency):
    async with agency.writing() as conn:
        await credentials.add_feed_key(conn, KEY, b"\0\xff" * 16)
        assert await credentials.feed_key(conn, b"\0\xff" * 16) == KEY
        assert await credentials.feed_key(conn, b"\0\xff" * 15) is None


async def test_feed_keys_are_listed_by_subscriber(agency):
    other = replace(KEY, id="k0", subscriber="zeta", issued=11)
    async with agency.writing() as conn:
        await credentials.add_feed_key(conn, other, b"2")
        await credentials.add_feed_key(conn, KEY, b"1")
        assert await credentials.feed_keys(conn) == [other, KEY]
        assert await credentials.feed_keys(conn, "zeta") == [other]


async def test_a_feed_key_is_revoked_for_a_reason(agency):
    async with agency.writing() as conn:
        await credentials.add_feed_key(conn, KEY, b"1")
        await credentials.revoke_feed_key(conn, "k1", 15, Lapse.LEAKED)
        found = await credentials.feed_key(conn, b"1")
        assert found == replace(KEY, revoked=15, reason=Lapse.LEAKED)


# --- what signs, and who sends -------------------------------------------------------------------


async def test_a_token_is_believed_as_long_as_its_key(agency):
    unsigned = replace(TOKEN, jti="t0", kid="nobody")
    async with agency.writing() as conn:
        await credentials.add_token(conn, TOKEN)
        await credentials.add_token(conn, unsigned)
        assert await credentials.live_tokens(conn, "acme", 18) == 1
        await signing_keys.date(conn, replace(SIGNER, retires=12, ends=18))
        assert await credentials.tokens(conn, subscriber="acme") == [
            replace(unsigned, believed=0),
            replace(TOKEN, believed=18),
        ]
        assert await credentials.live_tokens(conn, "acme", 17) == 1
        assert await credentials.live_tokens(conn, "acme", 18) == 0


async def test_signing_keys_come_the_oldest_first_with_the_end_of_their_last_token(agency):
    older = replace(SIGNER, kid="older", created=0, retires=3, ends=5)
    async with agency.writing() as conn:
        await signing_keys.add(conn, older)
        assert await signing_keys.signing_keys(conn) == [older, SIGNER]
        await credentials.add_token(conn, TOKEN)
        await credentials.add_token(conn, replace(SENDER, expires=30))
        await credentials.revoke_token(conn, "t2", 15)
        assert await signing_keys.signing_keys(conn) == [older, replace(SIGNER, last=30)]


async def test_a_signing_key_is_given_other_dates(agency):
    dated = replace(SIGNER, activates=4, retires=5, ends=6)
    async with agency.writing() as conn:
        await signing_keys.date(conn, replace(dated, public=b"", private=b"", created=9))
        assert await signing_keys.signing_keys(conn) == [dated]


@pytest.mark.parametrize(("after", "count"), [(0, 2), (19, 2), (20, 1), (30, 0)])
async def test_the_live_tokens_of_a_signing_key_are_counted(agency, after, count):
    async with agency.writing() as conn:
        for token in (
            TOKEN,
            replace(SENDER, expires=30),
            replace(TOKEN, jti="t3", revoked=11),
            replace(TOKEN, jti="t4", kid="other"),
        ):
            await credentials.add_token(conn, token)
        assert await signing_keys.live_tokens(conn, "signer", after) == count


async def test_sources_come_by_name(agency):
    async with agency.writing() as conn:
        await credentials.add_source(conn, "agency", 6)
        assert await credentials.sources(conn) == [
            Source(name="agency", created=6),
            Source(name="desk", created=5),
        ]
