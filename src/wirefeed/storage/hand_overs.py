"""The rows behind one-time links. No rules here, and no secrets: a link comes as its digest."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.handovers import Gives, HandOver, KeyTerms, Promise, SignIn
from wirefeed.domain.terms import Terms
from wirefeed.storage import account_tables as tables
from wirefeed.storage import codec

_row = tables.hand_overs.c
_PROMISES: Mapping[Gives, type[Promise]] = {
    Gives.TOKEN: Terms,
    Gives.FEED_KEY: KeyTerms,
    Gives.SIGN_IN: SignIn,
}


async def add(conn: AsyncConnection, new: HandOver, digest: bytes) -> None:
    await conn.execute(
        tables.hand_overs.insert().values(
            id=new.id,
            digest=digest,
            subscriber=new.subscriber,
            gives=new.gives.value,
            terms=codec.text(new.promise),
            issued=new.issued,
            expires=new.expires,
            opened=new.opened,
            withdrawn=new.withdrawn,
        )
    )


async def by_digest(conn: AsyncConnection, digest: bytes) -> HandOver | None:
    query = select(tables.hand_overs).where(_row.digest == digest)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _a_hand_over(row)


async def by_id(conn: AsyncConnection, hand_over_id: str) -> HandOver | None:
    query = select(tables.hand_overs).where(_row.id == hand_over_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _a_hand_over(row)


async def hand_overs(
    conn: AsyncConnection,
    subscriber: str | None = None,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[HandOver]:
    """Give those of a subscriber, or all, by id."""
    query = select(tables.hand_overs).order_by(_row.id).where(_row.id > after).limit(limit)
    if subscriber is not None:
        query = query.where(_row.subscriber == subscriber)
    return [_a_hand_over(row) for row in await conn.execute(query)]


async def mark_opened(conn: AsyncConnection, hand_over_id: str, at: int) -> bool:
    """Mark one as opened; say whether it was this that did it."""
    return await _mark(conn, hand_over_id, opened=at)


async def mark_withdrawn(conn: AsyncConnection, hand_over_id: str, at: int) -> bool:
    """Mark one as withdrawn; say whether it was this that did it."""
    return await _mark(conn, hand_over_id, withdrawn=at)


async def _mark(conn: AsyncConnection, hand_over_id: str, **at: int) -> bool:
    """One statement looks and marks: of two at the same instant one finds nothing to mark."""
    marked = await conn.execute(
        update(tables.hand_overs)
        .where(_row.id == hand_over_id, _row.opened.is_(None), _row.withdrawn.is_(None))
        .values(**at)
    )
    return marked.rowcount > 0


def _a_hand_over(row: Row[*tuple[Any, ...]]) -> HandOver:
    return HandOver(
        id=row.id,
        subscriber=row.subscriber,
        promise=msgspec.json.decode(row.terms, type=_PROMISES[Gives(row.gives)]),
        issued=row.issued,
        expires=row.expires,
        opened=row.opened,
        withdrawn=row.withdrawn,
    )
