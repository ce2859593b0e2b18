"""Where feed keys were seen, when credentials were last used, and what was refused. No rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Column, bindparam, case, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.sightings import Refused, Sighting
from wirefeed.storage import account_tables as tables
from wirefeed.storage.tables import upsert

_seen, _refusal = tables.sightings.c, tables.refusals.c
_key, _token = tables.feed_keys.c, tables.tokens.c
_ROW = (_seen.feed_key, _seen.network, _seen.client)


async def held(conn: AsyncConnection, column: Column[str], ids: Collection[str]) -> set[str]:
    """Give those of some ids that there are: a row may be gone since its use was noted."""
    rows = await conn.execute(select(column).where(column.in_(ids)))
    return set(rows.scalars())


# --- sightings -----------------------------------------------------------------------------------


async def add_sightings(conn: AsyncConnection, new: Collection[Sighting]) -> None:
    """Add to what was seen before. What was seen of a key that is gone is nobody's."""
    kept = await held(conn, _key.id, {one.feed_key for one in new})
    rows = [
        # By hand, since `asdict` copies every value, and there may be thousands.
        {
            "feed_key": one.feed_key,
            "network": one.network,
            "client": one.client,
            "first": one.first,
            "last": one.last,
            "requests": one.requests,
            "readers": one.readers,
        }
        for one in new
        if one.feed_key in kept
    ]
    if not rows:
        return
    add = upsert(tables.sightings)
    sent = add.excluded
    await conn.execute(
        add.on_conflict_do_update(
            index_elements=_ROW,
            set_={
                "first": case((sent.first < _seen.first, sent.first), else_=_seen.first),
                "last": case((sent.last > _seen.last, sent.last), else_=_seen.last),
                "requests": _seen.requests + sent.requests,
                "readers": sent.readers,
            },
        ),
        rows,
    )


async def trim_sightings(conn: AsyncConnection, keys: Collection[str], keep: int) -> None:
    """Forget of each key what was seen longest ago, beyond so many rows."""
    full = (
        select(_seen.feed_key)
        .where(_seen.feed_key.in_(keys))
        .group_by(_seen.feed_key)
        .having(func.count() > keep)
    )
    for key in (await conn.execute(full)).scalars().all():
        of = _seen.feed_key == key
        old = select(*_ROW).where(of).order_by(_seen.last.desc()).offset(keep)
        await conn.execute(delete(tables.sightings).where(of, tuple_(*_ROW).in_(old)))


async def sightings(
    conn: AsyncConnection, keys: Collection[str], *, since: int = 0
) -> list[Sighting]:
    """Give what was seen of keys, the latest of each first."""
    rows = await conn.execute(
        select(tables.sightings)
        .where(_seen.feed_key.in_(keys), _seen.last >= since)
        .order_by(_seen.feed_key, _seen.last.desc(), _seen.network, _seen.client)
    )
    return [
        Sighting(
            feed_key=row.feed_key,
            network=row.network,
            client=row.client,
            first=row.first,
            last=row.last,
            requests=row.requests,
            readers=row.readers,
        )
        for row in rows
    ]


async def forget_sightings(conn: AsyncConnection, before: int, limit: int) -> int:
    """Forget some of what was last seen before a time; say how much that was."""
    old = select(*_ROW).where(_seen.last < before).order_by(_seen.last).limit(limit)
    gone = await conn.execute(delete(tables.sightings).where(tuple_(*_ROW).in_(old)))
    return gone.rowcount


# --- last use ------------------------------------------------------------------------------------


async def use_feed_keys(conn: AsyncConnection, uses: Mapping[str, int]) -> None:
    """Note when feed keys were last used; a later note stands."""
    if not uses:
        return
    late = or_(_key.last_used.is_(None), _key.last_used < bindparam("at"))
    await conn.execute(
        update(tables.feed_keys)
        .where(_key.id == bindparam("of"), late)
        .values(last_used=bindparam("at")),
        [{"of": key, "at": at} for key, at in uses.items()],
    )


async def use_tokens(conn: AsyncConnection, uses: Mapping[str, int]) -> None:
    """Note when tokens were last used; a later note stands."""
    if not uses:
        return
    late = or_(_token.last_used.is_(None), _token.last_used < bindparam("at"))
    await conn.execute(
        update(tables.tokens)
        .where(_token.jti == bindparam("of"), late)
        .values(last_used=bindparam("at")),
        [{"of": jti, "at": at} for jti, at in uses.items()],
    )


# --- refusals ------------------------------------------------------------------------------------


async def add_refusals(conn: AsyncConnection, new: Sequence[Refused], keep: int) -> None:
    """Add refusals in their order, and keep the last so many of each subscriber."""
    of = tables.subscribers.c.id
    kept = await held(conn, of, {one.subscriber for one in new})
    rows = [asdict(one) for one in new if one.subscriber in kept]
    if not rows:
        return
    await conn.execute(tables.refusals.insert(), rows)
    for subscriber in sorted(kept):
        mine = _refusal.subscriber == subscriber
        last = select(_refusal.id).where(mine).order_by(_refusal.id.desc()).offset(keep).limit(1)
        await conn.execute(
            delete(tables.refusals).where(mine, _refusal.id <= last.scalar_subquery())
        )


async def refusals(conn: AsyncConnection, subscriber: str) -> list[Refused]:
    """Give what was refused to a subscriber, the newest first."""
    rows = await conn.execute(
        select(tables.refusals)
        .where(_refusal.subscriber == subscriber)
        .order_by(_refusal.id.desc())
    )
    return [
        Refused(
            subscriber=row.subscriber,
            at=row.at,
            credential=row.credential,
            reason=row.reason,
            route=row.route,
            network=row.network,
        )
        for row in rows
    ]
