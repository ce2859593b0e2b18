"""What subscribers had and hold no more, and what plans were. No rules here."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.former import Term
from wirefeed.domain.plans import Plan
from wirefeed.storage import account_tables as tables
from wirefeed.storage.subscribers import a_plan

_former, _version = tables.former.c, tables.plan_versions.c


async def keep(conn: AsyncConnection, left: Mapping[str, Sequence[Term]]) -> None:
    """Keep what subscribers had, by id."""
    rows = [
        {"subscriber": name, "plan": one.plan, "since": one.since, "until": one.until}
        for name, terms in left.items()
        for one in terms
    ]
    if rows:
        await conn.execute(tables.former.insert(), rows)


async def of(conn: AsyncConnection, subscriber: str) -> tuple[Term, ...]:
    """Give what a subscriber had."""
    rows = await conn.execute(select(tables.former).where(_former.subscriber == subscriber))
    return tuple(Term(plan=row.plan, since=row.since, until=row.until) for row in rows)


async def some(conn: AsyncConnection, ids: Collection[str]) -> dict[str, list[Term]]:
    """Give what some subscribers had."""
    rows = await conn.execute(select(tables.former).where(_former.subscriber.in_(ids)))
    found: dict[str, list[Term]] = {}
    for row in rows:
        term = Term(plan=row.plan, since=row.since, until=row.until)
        found.setdefault(row.subscriber, []).append(term)
    return found


async def versions(conn: AsyncConnection) -> dict[str, tuple[Plan, ...]]:
    """Give every version of every plan, the oldest first, also of those that are gone."""
    query = select(tables.plan_versions).order_by(_version.name, _version.version)
    found: dict[str, tuple[Plan, ...]] = {}
    for row in await conn.execute(query):
        found[row.name] = (*found.get(row.name, ()), a_plan(row))
    return found
