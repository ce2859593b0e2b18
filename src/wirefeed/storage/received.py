"""Who was given which stretch of the wire, and the kills on it. No rules here."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.ledger import Interval
from wirefeed.storage import account_tables as accounts
from wirefeed.storage import tables

_r, _wire, _alarm = accounts.received.c, tables.wire.c, accounts.alarms.c
#: A subscriber, and a way.
Whose = tuple[str, str]


class Kill(NamedTuple):
    """A kill where it stands on the wire."""

    position: int
    at: int
    guid: str


async def held(
    conn: AsyncConnection, whose: Collection[Whose]
) -> dict[Whose, tuple[Interval, ...]]:
    """Give what these were given, in order; of a subscriber that is gone there is no entry."""
    known = select(accounts.subscribers.c.id).where(
        accounts.subscribers.c.id.in_({subscriber for subscriber, _ in whose})
    )
    there = set((await conn.execute(known)).scalars())
    found: dict[Whose, list[Interval]] = {one: [] for one in whose if one[0] in there}
    rows = await conn.execute(
        select(accounts.received)
        .where(tuple_(_r.subscriber, _r.way).in_(list(found)))
        .order_by(_r.subscriber, _r.way, _r.first)
    )
    for row in rows:
        found[row.subscriber, row.way].append(
            Interval(first=row.first, last=row.last, since=row.since, acknowledged=row.acknowledged)
        )
    return {one: tuple(intervals) for one, intervals in found.items()}


async def of(conn: AsyncConnection, subscriber: str) -> dict[str, tuple[Interval, ...]]:
    """Give all that a subscriber was given, by way."""
    ways = select(_r.way).where(_r.subscriber == subscriber).distinct()
    names = (await conn.execute(ways)).scalars().all()
    found = await held(conn, [(subscriber, name) for name in names])
    return {way: intervals for (_, way), intervals in found.items()}


async def drill(conn: AsyncConnection, subscriber: str, until: int | None, at: int) -> None:
    """Hold a drill with a subscriber until a time, or end it."""
    await conn.execute(
        update(accounts.subscribers)
        .where(accounts.subscribers.c.id == subscriber)
        .values(drilled=until, changed=at)
    )


async def hold(
    conn: AsyncConnection,
    before: Mapping[Whose, Sequence[Interval]],
    after: Mapping[Whose, Sequence[Interval]],
) -> None:
    """Hold what these were given as it is now, in place of what was held."""
    gone = [
        (*whose, one.first)
        for whose, intervals in after.items()
        for one in before.get(whose, ())
        if one not in intervals
    ]
    new = [
        {
            "subscriber": whose[0],
            "way": whose[1],
            "first": one.first,
            "last": one.last,
            "since": one.since,
            "acknowledged": one.acknowledged,
        }
        for whose, intervals in after.items()
        for one in intervals
        if one not in before.get(whose, ())
    ]
    if gone:
        key = tuple_(_r.subscriber, _r.way, _r.first)
        await conn.execute(delete(accounts.received).where(key.in_(gone)))
    if new:
        await conn.execute(accounts.received.insert(), new)


async def page(
    conn: AsyncConnection, since: int, upto: int, after: str, limit: int
) -> dict[str, list[tuple[str, list[Interval]]]]:
    """Give what subscribers were given, of those with a stretch between two positions.

    They come by id, those after one, so many at most.
    """
    some = (
        select(_r.subscriber)
        .where(_r.subscriber > after, _r.last >= since, _r.first <= upto)
        .distinct()
        .order_by(_r.subscriber)
        .limit(limit)
    )
    ids = list((await conn.execute(some)).scalars())
    rows = await conn.execute(
        select(accounts.received)
        .where(_r.subscriber.in_(ids))
        .order_by(_r.subscriber, _r.way, _r.first)
    )
    found: dict[str, list[tuple[str, list[Interval]]]] = {one: [] for one in ids}
    for row in rows:
        ways = found[row.subscriber]
        if not ways or ways[-1][0] != row.way:
            ways.append((row.way, []))
        ways[-1][1].append(
            Interval(first=row.first, last=row.last, since=row.since, acknowledged=row.acknowledged)
        )
    return found


# --- kills ---------------------------------------------------------------------------------------

_KILLS = select(_wire.position, _wire.at, _wire.about).where(tables.IS_KILL)


async def kills(conn: AsyncConnection, *, above: int = 0, upto: int = 2**62) -> list[int]:
    """Give the positions of the kills in a stretch, in order."""
    rows = await conn.execute(
        select(_wire.position)
        .where(tables.IS_KILL, _wire.position > above, _wire.position <= upto)
        .order_by(_wire.position)
    )
    return list(rows.scalars())


async def last_kills(conn: AsyncConnection, limit: int) -> list[Kill]:
    """Give the last kills, the newest first."""
    rows = await conn.execute(_KILLS.order_by(_wire.position.desc()).limit(limit))
    return [Kill(*row) for row in rows]


async def alarmed(conn: AsyncConnection, positions: Collection[int]) -> set[int]:
    """Give those of these kills that operators were told of."""
    return set(
        (
            await conn.execute(select(_alarm.position).where(_alarm.position.in_(positions)))
        ).scalars()
    )


async def alarm(conn: AsyncConnection, position: int, at: int) -> bool:
    """Note that operators are told of a kill; say whether nobody had told them."""
    noted = await conn.execute(
        tables.upsert(accounts.alarms).values(position=position, at=at).on_conflict_do_nothing()
    )
    return noted.rowcount > 0
