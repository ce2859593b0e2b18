"""The rows behind tokens and private addresses, and who sends. No rules here.

Secrets never come here: a feed key comes as its digest.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.credentials import FeedKey, Lapse, Scope, Token
from wirefeed.storage import account_tables as tables
from wirefeed.storage import codec
from wirefeed.storage.tables import upsert

_token, _key, _signed = tables.tokens.c, tables.feed_keys.c, tables.signing_keys.c
#: With each token comes what became of the key that signed it.
_TOKENS = select(
    tables.tokens, _signed.kid.label("signed"), _signed.ends.label("believed")
).outerjoin(tables.signing_keys, _signed.kid == _token.kid)
_BY_JTI = _TOKENS.where(_token.jti.in_(bindparam("jtis", expanding=True)))
_SCOPES = msgspec.json.Decoder(frozenset[Scope])
_NETWORKS = msgspec.json.Decoder(tuple[str, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A newsroom that sends."""

    name: str
    created: int


# --- tokens --------------------------------------------------------------------------------------


async def token(conn: AsyncConnection, jti: str) -> Token | None:
    row = (await conn.execute(_TOKENS.where(_token.jti == jti))).one_or_none()
    return None if row is None else _a_token(row)


async def tokens_by_jti(conn: AsyncConnection, jtis: Collection[str]) -> dict[str, Token]:
    """Give those of some tokens that there are."""
    rows = await conn.execute(_BY_JTI, {"jtis": list(jtis)})
    return {row.jti: _a_token(row) for row in rows}


async def tokens(
    conn: AsyncConnection,
    *,
    subscriber: str | None = None,
    source: str | None = None,
    admin: str | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Token]:
    """Give the tokens of a subscriber, of a source, of an administrator, or all, by `jti`."""
    query = _TOKENS.order_by(_token.jti).where(_token.jti > after).limit(limit)
    owners = ((_token.subscriber, subscriber), (_token.source, source), (_token.admin, admin))
    for column, owner in owners:
        if owner is not None:
            query = query.where(column == owner)
    return [_a_token(row) for row in await conn.execute(query)]


async def live_tokens(conn: AsyncConnection, subscriber: str, now: int) -> int:
    """Count the tokens of a subscriber that hold now."""
    live = (
        _token.subscriber == subscriber,
        _token.revoked.is_(None),
        _token.expires > now,
        or_(_signed.ends.is_(None), _signed.ends > now),
    )
    signed = tables.tokens.join(tables.signing_keys, _signed.kid == _token.kid)
    count = select(func.count()).select_from(signed).where(*live)
    return int((await conn.execute(count)).scalar_one())


async def expiring(
    conn: AsyncConnection,
    now: int,
    until: int,
    limit: int,
    *,
    after: tuple[int, str, str] = (0, "", ""),
) -> list[Token]:
    """Give the tokens of subscribers that hold now and expire by a time, the first first.

    In the order of time, subscriber and id, those after one.
    """
    order = (_token.expires, _token.subscriber, _token.jti)
    soon = (
        _token.expires >= max(now + 1, after[0]),
        tuple_(*order) > tuple_(*after),
        _token.expires < until,
        _token.subscriber.is_not(None),
        _token.revoked.is_(None),
    )
    rows = await conn.execute(_TOKENS.where(*soon).order_by(*order).limit(limit))
    return [_a_token(row) for row in rows]


async def issued_with(conn: AsyncConnection, parents: Collection[str]) -> list[str]:
    """Give the `jti` of the tokens that were issued with these."""
    rows = await conn.execute(select(_token.jti).where(_token.parent.in_(parents)))
    return [row.jti for row in rows]


async def add_token(conn: AsyncConnection, new: Token) -> None:
    entitlements = None if new.entitlements is None else codec.text(new.entitlements)
    await conn.execute(
        tables.tokens.insert().values(
            jti=new.jti,
            subscriber=new.subscriber,
            source=new.source,
            admin=new.admin,
            name=new.name,
            scopes=codec.text(new.scopes),
            issued=new.issued,
            expires=new.expires,
            entitlements=entitlements,
            networks=codec.text(new.networks),
            kid=new.kid,
            parent=new.parent,
            successor=new.successor,
            last_used=new.last_used,
            revoked=new.revoked,
        )
    )


async def name_token(conn: AsyncConnection, jti: str, name: str) -> None:
    await conn.execute(update(tables.tokens).where(_token.jti == jti).values(name=name))


async def shorten_token(conn: AsyncConnection, jti: str, expires: int, successor: str) -> None:
    """Let a token end at a time, if it does not end before, as another stands in its place."""
    ends = case((_token.expires > expires, expires), else_=_token.expires)
    await conn.execute(
        update(tables.tokens).where(_token.jti == jti).values(expires=ends, successor=successor)
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
        admin=row.admin,
        name=row.name,
        scopes=_SCOPES.decode(row.scopes),
        issued=row.issued,
        expires=row.expires,
        entitlements=None if row.entitlements is None else codec.names(row.entitlements),
        networks=_NETWORKS.decode(row.networks),
        kid=row.kid,
        # A key that is not there is not believed.
        believed=0 if row.signed is None else row.believed,
        parent=row.parent,
        successor=row.successor,
        last_used=row.last_used,
        revoked=row.revoked,
    )


# --- feed keys -----------------------------------------------------------------------------------


async def feed_key(conn: AsyncConnection, digest: bytes) -> FeedKey | None:
    query = select(tables.feed_keys).where(_key.digest == digest)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else a_feed_key(row)


async def feed_key_by_id(conn: AsyncConnection, key_id: str) -> FeedKey | None:
    query = select(tables.feed_keys).where(_key.id == key_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else a_feed_key(row)


async def feed_keys_by_id(conn: AsyncConnection, ids: Collection[str]) -> dict[str, FeedKey]:
    """Give those of some keys that there are."""
    rows = await conn.execute(select(tables.feed_keys).where(_key.id.in_(ids)))
    return {row.id: a_feed_key(row) for row in rows}


async def feed_keys(
    conn: AsyncConnection,
    subscriber: str | None = None,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[FeedKey]:
    """Give the keys of a subscriber, or all, by id."""
    query = select(tables.feed_keys).order_by(_key.id).where(_key.id > after).limit(limit)
    if subscriber is not None:
        query = query.where(_key.subscriber == subscriber)
    return [a_feed_key(row) for row in await conn.execute(query)]


async def add_feed_key(conn: AsyncConnection, new: FeedKey, digest: bytes) -> None:
    await conn.execute(
        tables.feed_keys.insert().values(
            id=new.id,
            digest=digest,
            subscriber=new.subscriber,
            name=new.name,
            tail=new.tail,
            issued=new.issued,
            feeds=codec.text(new.feeds),
            selection=codec.text(new.selection),
            selected=new.selected,
            last_used=new.last_used,
            flagged=new.flagged,
            revoked=new.revoked,
            reason=new.reason and new.reason.value,
        )
    )


async def name_feed_key(conn: AsyncConnection, key_id: str, name: str) -> None:
    await conn.execute(update(tables.feed_keys).where(_key.id == key_id).values(name=name))


async def select_topics(
    conn: AsyncConnection, key_id: str, topics: frozenset[str], at: int
) -> None:
    """Keep what a reader chose for its feed `mine`."""
    chosen = {"selection": codec.text(topics), "selected": at}
    await conn.execute(update(tables.feed_keys).where(_key.id == key_id).values(chosen))


async def revoke_feed_key(conn: AsyncConnection, key_id: str, at: int, reason: Lapse) -> None:
    """Let a key open no more than what is public."""
    query = update(tables.feed_keys).where(_key.id == key_id)
    await conn.execute(query.values(revoked=at, reason=reason.value))


def a_feed_key(row: Row[*tuple[Any, ...]]) -> FeedKey:
    """Read the columns of a feed key, whatever others there are."""
    return FeedKey(
        id=row.id,
        subscriber=row.subscriber,
        name=row.name,
        tail=row.tail,
        issued=row.issued,
        feeds=codec.names(row.feeds),
        selection=codec.names(row.selection),
        selected=row.selected,
        last_used=row.last_used,
        flagged=row.flagged,
        revoked=row.revoked,
        reason=Lapse(row.reason) if row.reason else None,
    )


# --- who sends -----------------------------------------------------------------------------------


async def sources(conn: AsyncConnection) -> list[Source]:
    rows = await conn.execute(select(tables.sources).order_by(tables.sources.c.name))
    return [Source(name=row.name, created=row.created) for row in rows]


async def add_source(conn: AsyncConnection, name: str, created: int) -> None:
    """Make a source known; one that is keeps the time it came."""
    new = upsert(tables.sources).values(name=name, created=created)
    await conn.execute(new.on_conflict_do_nothing())
