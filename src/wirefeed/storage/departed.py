"""Subscribers that are gone, by ids alone, with the plans that they had. No rules here."""

from collections.abc import Collection, Iterable

from sqlalchemy import case, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.former import Term
from wirefeed.storage import account_tables as accounts
from wirefeed.storage.tables import upsert

_bequest, _departed = accounts.bequests.c, accounts.departed.c


async def depart(conn: AsyncConnection, subscriber: str, at: int, had: Iterable[Term]) -> None:
    """Note that a subscriber was removed, and what it had until then."""
    await conn.execute(
        upsert(accounts.departed)
        .values(subscriber=subscriber, at=at)
        .on_conflict_do_update(index_elements=["subscriber"], set_={"at": at})
    )
    rows = [
        {"subscriber": subscriber, "plan": one.plan, "since": one.since, "until": one.until}
        for one in had
    ]
    if rows:
        new = upsert(accounts.bequests)
        until = new.excluded.until
        later = {"until": case((_bequest.until < until, until), else_=_bequest.until)}
        keys = ["subscriber", "plan", "since"]
        await conn.execute(new.on_conflict_do_update(index_elements=keys, set_=later), rows)


async def forget(conn: AsyncConnection, before: int, limit: int) -> None:
    """Forget some of those that were removed before a time, with all that they were given."""
    gone = select(_departed.subscriber).where(_departed.at < before).order_by(_departed.at)
    ids = list((await conn.execute(gone.limit(limit))).scalars())
    if not ids:
        return
    there = select(accounts.subscribers.c.id).where(accounts.subscribers.c.id.in_(ids))
    back = set((await conn.execute(there)).scalars())
    left = [one for one in ids if one not in back]
    for table in (accounts.received, accounts.bequests):
        await conn.execute(delete(table).where(table.c.subscriber.in_(left)))
    await conn.execute(delete(accounts.departed).where(_departed.subscriber.in_(ids)))


async def of(conn: AsyncConnection, ids: Collection[str]) -> dict[str, list[Term]]:
    """Give what those of these had that were removed."""
    rows = await conn.execute(select(accounts.bequests).where(_bequest.subscriber.in_(ids)))
    found: dict[str, list[Term]] = {}
    for row in rows:
        term = Term(plan=row.plan, since=row.since, until=row.until)
        found.setdefault(row.subscriber, []).append(term)
    return found


async def gone(conn: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    """Say when those of these were removed that are gone."""
    present = select(accounts.subscribers.c.id)
    query = select(_departed.subscriber, _departed.at).where(
        _departed.subscriber.in_(ids), _departed.subscriber.not_in(present)
    )
    return {row.subscriber: row.at for row in await conn.execute(query)}
