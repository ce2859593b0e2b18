"""Who was given which stretch of the wire, and the kills on it. No rules here."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import delete, select, tuple_, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.cursors import Following
from wirefeed.domain.ledger import Interval
from wirefeed.domain.ways import Filter
from wirefeed.storage import account_tables as accounts
from wirefeed.storage import codec, tables
from wirefeed.storage.tables import upsert

_r, _wire, _alarm = accounts.received.c, tables.wire.c, accounts.alarms.c
#: A subscriber, and a way.
Whose = tuple[str, str]
#: What a subscriber was given, by way.
Given: TypeAlias = list[tuple[str, list[Interval]]]


class Kill(NamedTuple):
    """A kill where it stands on the wire."""

    position: int
    at: int
    guid: str


async def held(
    conn: AsyncConnection, whose: Collection[Whose]
) -> dict[Whose, tuple[Interval, ...]]:
    """Give what these were given, in order; of a subscriber that never was there is no entry."""
    there = await _known(conn, {subscriber for subscriber, _ in whose})
    found: dict[Whose, list[Interval]] = {one: [] for one in whose if one[0] in there}
    rows = await conn.execute(
        select(accounts.received)
        .where(tuple_(_r.subscriber, _r.way).in_(list(found)))
        .order_by(_r.subscriber, _r.way, _r.first)
    )
    for row in rows:
        found[row.subscriber, row.way].append(_interval(row))
    return {one: tuple(intervals) for one, intervals in found.items()}


async def _known(conn: AsyncConnection, ids: Collection[str]) -> set[str]:
    """Give those of these that are subscribers, or were."""
    present, gone = accounts.subscribers.c.id, accounts.departed.c.subscriber
    query = union(
        select(present).where(present.in_(ids)),
        select(gone).where(gone.in_(ids)),
    )
    return set((await conn.execute(query)).scalars())


def _interval(row: Any) -> Interval:  # noqa: ANN401 - of the table
    return Interval(
        first=row.first,
        last=row.last,
        since=row.since,
        late=row.late,
        sure=row.sure,
        acknowledged=row.acknowledged,
    )


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
            "late": one.late,
            "sure": one.sure,
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
) -> dict[str, Given]:
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
    return await given(conn, list((await conn.execute(some)).scalars()))


async def moved(conn: AsyncConnection, ids: Collection[str], position: int) -> list[str]:
    """Give those of these that were given anything from a position on."""
    some = select(_r.subscriber).where(_r.subscriber.in_(ids), _r.last >= position).distinct()
    return list((await conn.execute(some)).scalars())


async def given(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Given]:
    """Give what these were given, by subscriber and way."""
    rows = await conn.execute(
        select(accounts.received)
        .where(_r.subscriber.in_(ids))
        .order_by(_r.subscriber, _r.way, _r.first)
    )
    found: dict[str, Given] = {one: [] for one in ids}
    for row in rows:
        ways = found[row.subscriber]
        if not ways or ways[-1][0] != row.way:
            ways.append((row.way, []))
        ways[-1][1].append(_interval(row))
    return found


# --- filters -------------------------------------------------------------------------------------


async def ways(conn: AsyncConnection, subscriber: str, channel: str) -> set[str]:
    """Give the ways with a filter by which a subscriber was given anything of a channel."""
    begins = f"{channel}:"
    query = select(_r.way).where(
        _r.subscriber == subscriber, _r.way >= begins, _r.way < f"{channel};"
    )
    return set((await conn.execute(query.distinct())).scalars())


async def keep_filters(conn: AsyncConnection, kept: Mapping[str, Filter]) -> None:
    """Keep filters under their names; those that are kept stay as they are."""
    if kept:
        rows = [
            {
                "name": name,
                "topics": codec.text(one.following.topics),
                "languages": codec.text(one.following.languages),
                "plans": None if one.plans is None else codec.text(one.plans),
            }
            for name, one in kept.items()
        ]
        await conn.execute(upsert(accounts.filters).on_conflict_do_nothing(), rows)


async def filters(conn: AsyncConnection, names: Collection[str]) -> dict[str, Filter]:
    """Give the filters of these names, as far as they are kept."""
    found = accounts.filters
    rows = await conn.execute(select(found).where(found.c.name.in_(names)))
    return {
        row.name: Filter(
            following=Following(
                topics=codec.names(row.topics), languages=codec.names(row.languages)
            ),
            plans=None if row.plans is None else codec.names(row.plans),
        )
        for row in rows
    }


# --- kills ---------------------------------------------------------------------------------------

_KILLS = select(_wire.position, _wire.at, _wire.about).where(tables.IS_KILL)


async def recent_kills(conn: AsyncConnection, since: int) -> tuple[list[int], int]:
    """Give the positions of the kills since a time, in order, and that of the last before it.

    Their index is read from its end, no further than that; time on the wire never goes back.
    """
    before = (
        select(_wire.position)
        .where(tables.IS_KILL, _wire.position > 0, _wire.at < since)
        .order_by(_wire.position.desc())
        .limit(1)
    )
    settled = (await conn.execute(before)).scalar_one_or_none() or 0
    rows = await conn.execute(
        select(_wire.position)
        .where(tables.IS_KILL, _wire.position > settled)
        .order_by(_wire.position)
    )
    return list(rows.scalars()), settled


async def last_kills(conn: AsyncConnection, limit: int) -> list[Kill]:
    """Give the last kills, the newest first."""
    rows = await conn.execute(_KILLS.order_by(_wire.position.desc()).limit(limit))
    return [Kill(*row) for row in rows]


async def open_kills(conn: AsyncConnection, since: int) -> list[Kill]:
    """Give the kills since a time of which it was not found that nobody waits for them, in order.

    Nobody is to wait for one of them unseen, however many there are.
    """
    over = select(_alarm.position).where(_alarm.position == _wire.position, _alarm.settled)
    query = _KILLS.where(~over.exists()).order_by(_wire.position)
    settled = (await recent_kills(conn, since))[1]
    rows = await conn.execute(query.where(_wire.position > settled))
    return [Kill(*row) for row in rows]


async def settle(conn: AsyncConnection, positions: Collection[int], at: int, before: int) -> None:
    """Note that nobody waits for these kills, and forget what was noted before a time."""
    new = upsert(accounts.alarms)
    await conn.execute(
        new.on_conflict_do_update(index_elements=["position"], set_={"settled": True}),
        [{"position": position, "at": at, "settled": True} for position in positions],
    )
    await conn.execute(delete(accounts.alarms).where(_alarm.at < before))


async def alarm(conn: AsyncConnection, position: int, at: int) -> bool:
    """Note that operators are told of a kill; say whether nobody had told them."""
    noted = await conn.execute(
        upsert(accounts.alarms).values(position=position, at=at).on_conflict_do_nothing()
    )
    return noted.rowcount > 0
