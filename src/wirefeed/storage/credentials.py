"""The rows behind tokens and private addresses, the keys that sign, and who sends. No rules here.

Secrets never come here: a feed key as its digest, a private key encrypted.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.credentials import FeedKey, Scope, Token
from wirefeed.storage import codec, tables

_token, _key = tables.tokens.c, tables.feed_keys.c
_SCOPES = msgspec.json.Decoder(frozenset[Scope])


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs tokens, or did."""

    kid: str
    state: str
    public: bytes
    #: Encrypted.
    private: bytes
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A newsroom that sends."""

    name: str
    created: int


# --- tokens --------------------------------------------------------------------------------------


async def token(conn: AsyncConnection, jti: str) -> Token | None:
    row = (await conn.execute(select(tables.tokens).where(_token.jti == jti))).one_or_none()
    return None if row is None else _a_token(row)


async def tokens(
    conn: AsyncConnection, *, subscriber: str | None = None, source: str | None = None
) -> list[Token]:
    """Give the tokens of a subscriber, of a source, or all, as they were issued."""
    query = select(tables.tokens).order_by(_token.issued, _token.jti)
    if subscriber is not None:
        query = query.where(_token.subscriber == subscriber)
    if source is not None:
        query = query.where(_token.source == source)
    return [_a_token(row) for row in await conn.execute(query)]


async def add_token(conn: AsyncConnection, new: Token) -> None:
    entitlements = None if new.entitlements is None else codec.text(new.entitlements)
    await conn.execute(
        tables.tokens.insert().values(
            jti=new.jti,
            subscriber=new.subscriber,
            source=new.source,
            name=new.name,
            scopes=codec.text(new.scopes),
            issued=new.issued,
            expires=new.expires,
            entitlements=entitlements,
            revoked=new.revoked,
        )
    )


async def revoke_token(conn: AsyncConnection, jti: str, at: int) -> bool:
    """Revoke a token; say whether that changed anything."""
    gone = await conn.execute(
        update(tables.tokens).where(_token.jti == jti, _token.revoked.is_(None)).values(revoked=at)
    )
    return gone.rowcount > 0


def _a_token(row: Row[*tuple[Any, ...]]) -> Token:
    return Token(
        jti=row.jti,
        subscriber=row.subscriber,
        source=row.source,
        name=row.name,
        scopes=_SCOPES.decode(row.scopes),
        issued=row.issued,
        expires=row.expires,
        entitlements=None if row.entitlements is None else codec.names(row.entitlements),
        revoked=row.revoked,
    )


# --- feed keys -----------------------------------------------------------------------------------


async def feed_key(conn: AsyncConnection, digest: bytes) -> FeedKey | None:
    query = select(tables.feed_keys).where(_key.digest == digest)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _a_feed_key(row)


async def feed_keys(conn: AsyncConnection, subscriber: str | None = None) -> list[FeedKey]:
    """Give the keys of a subscriber, or all, as they were issued."""
    query = select(tables.feed_keys).order_by(_key.issued, _key.id)
    if subscriber is not None:
        query = query.where(_key.subscriber == subscriber)
    return [_a_feed_key(row) for row in await conn.execute(query)]


async def add_feed_key(conn: AsyncConnection, new: FeedKey, digest: bytes) -> None:
    await conn.execute(
        tables.feed_keys.insert().values(
            id=new.id,
            digest=digest,
            subscriber=new.subscriber,
            name=new.name,
            tail=new.tail,
            issued=new.issued,
            revoked=new.revoked,
        )
    )


async def revoke_feed_key(conn: AsyncConnection, key_id: str, at: int) -> bool:
    """Revoke a key; say whether that changed anything."""
    gone = await conn.execute(
        update(tables.feed_keys).where(_key.id == key_id, _key.revoked.is_(None)).values(revoked=at)
    )
    return gone.rowcount > 0


def _a_feed_key(row: Row[*tuple[Any, ...]]) -> FeedKey:
    return FeedKey(
        id=row.id,
        subscriber=row.subscriber,
        name=row.name,
        tail=row.tail,
        issued=row.issued,
        revoked=row.revoked,
    )


# --- what signs, and who sends -------------------------------------------------------------------


async def signing_keys(conn: AsyncConnection) -> list[SigningKey]:
    """Give the keys, the oldest first."""
    keys = tables.signing_keys
    rows = await conn.execute(select(keys).order_by(keys.c.created, keys.c.kid))
    return [
        SigningKey(
            kid=row.kid,
            state=row.state,
            public=row.public,
            private=row.private,
            created=row.created,
        )
        for row in rows
    ]


async def add_signing_key(conn: AsyncConnection, new: SigningKey) -> None:
    await conn.execute(
        tables.signing_keys.insert().values(
            kid=new.kid,
            state=new.state,
            public=new.public,
            private=new.private,
            created=new.created,
        )
    )


async def sources(conn: AsyncConnection) -> list[Source]:
    rows = await conn.execute(select(tables.sources).order_by(tables.sources.c.name))
    return [Source(name=row.name, created=row.created) for row in rows]


async def add_source(conn: AsyncConnection, name: str, created: int) -> None:
    """Make a source known; one that is keeps the time it came."""
    new = tables.upsert(tables.sources).values(name=name, created=created)
    await conn.execute(new.on_conflict_do_nothing())
