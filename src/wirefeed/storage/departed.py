"""Subscribers that are gone, subscriptions that stood otherwise: by ids alone. No rules here."""

from collections.abc import Collection, Iterable

from sqlalchemy import case, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.contracts import Former
from wirefeed.storage import account_tables as accounts
from wirefeed.storage.tables import upsert

_former, _departed = accounts.former.c, accounts.departed.c


async def keep(conn: AsyncConnection, lost: Iterable[Former]) -> None:
    """Keep what subscriptions gave while they stood otherwise."""
    rows = [
        {"subscriber": one.subscriber, "plan": one.plan, "starts": one.starts, "until": one.until}
        for one in lost
    ]
    if not rows:
        return
    new = upsert(accounts.former)
    until = new.excluded.until
    later = {"until": case((_former.until < until, until), else_=_former.until)}
    await conn.execute(
        new.on_conflict_do_update(index_elements=["subscriber", "plan", "starts"], set_=later), rows
    )


async def depart(conn: AsyncConnection, subscriber: str, at: int) -> None:
    """Note that a subscriber was removed."""
    await conn.execute(
        upsert(accounts.departed)
        .values(subscriber=subscriber, at=at)
        .on_conflict_do_update(index_elements=["subscriber"], set_={"at": at})
    )


async def forget(conn: AsyncConnection, before: int, limit: int) -> None:
    """Forget some of those that were removed before a time, with all that they were given."""
    gone = select(_departed.subscriber).where(_departed.at < before).order_by(_departed.at)
    ids = list((await conn.execute(gone.limit(limit))).scalars())
    if not ids:
        return
    there = select(accounts.subscribers.c.id).where(accounts.subscribers.c.id.in_(ids))
    back = set((await conn.execute(there)).scalars())
    left = [one for one in ids if one not in back]
    for table in (accounts.received, accounts.former):
        await conn.execute(delete(table).where(table.c.subscriber.in_(left)))
    await conn.execute(delete(accounts.departed).where(_departed.subscriber.in_(ids)))


async def of(conn: AsyncConnection, ids: Collection[str]) -> dict[str, list[Former]]:
    """Give what these had by subscriptions that stood otherwise."""
    rows = await conn.execute(select(accounts.former).where(_former.subscriber.in_(ids)))
    found: dict[str, list[Former]] = {}
    for row in rows:
        one = Former(subscriber=row.subscriber, plan=row.plan, starts=row.starts, until=row.until)
        found.setdefault(row.subscriber, []).append(one)
    return found


async def gone(conn: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    """Say when those of these were removed that are gone."""
    present = select(accounts.subscribers.c.id)
    query = select(_departed.subscriber, _departed.at).where(
        _departed.subscriber.in_(ids), _departed.subscriber.not_in(present)
    )
    return {row.subscriber: row.at for row in await conn.execute(query)}
