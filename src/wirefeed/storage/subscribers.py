"""Plans, subscribers and what they subscribe to. No rules here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Grant
from wirefeed.domain.plans import Plan, Subscriber, Subscription
from wirefeed.storage import codec, tables

_person, _subscription, _subscriber = (
    tables.persons.c,
    tables.subscriptions.c,
    tables.subscribers.c,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Definition:
    """What the column `definition` of a plan holds."""

    grants: tuple[Grant, ...]
    labels: dict[str, str]


_DEFINITION = msgspec.json.Decoder(_Definition)

# --- plans ---------------------------------------------------------------------------------------


async def plans(conn: AsyncConnection) -> dict[str, Plan]:
    rows = await conn.execute(select(tables.plans).order_by(tables.plans.c.name))
    return {row.name: _plan(row) for row in rows}


async def put_plan(conn: AsyncConnection, plan: Plan) -> None:
    """Hold a plan as it is now, new or not."""
    definition = _Definition(grants=plan.grants, labels=dict(plan.labels))
    query = tables.upsert(tables.plans).values(
        name=plan.name, version=1, changed=plan.changed, definition=codec.text(definition)
    )
    new = query.excluded
    changes = {
        "version": tables.plans.c.version + 1,
        "changed": new.changed,
        "definition": new.definition,
    }
    await conn.execute(query.on_conflict_do_update(index_elements=["name"], set_=changes))


async def touch_plans(conn: AsyncConnection, at: int) -> None:
    """Mark every plan as changed: the topics it names mean something else now."""
    await conn.execute(update(tables.plans).values(changed=at))


async def remove_plan(conn: AsyncConnection, name: str) -> bool:
    """Remove a plan; say whether it was there."""
    gone = await conn.execute(delete(tables.plans).where(tables.plans.c.name == name))
    return gone.rowcount > 0


async def holders(conn: AsyncConnection, name: str) -> list[str]:
    """Give the ids of the subscribers that have a plan, or had it."""
    rows = await conn.execute(
        select(_subscription.subscriber)
        .where(_subscription.plan == name)
        .order_by(_subscription.subscriber)
        .distinct()
    )
    return [row.subscriber for row in rows]


def _plan(row: Row[str, int, int, str]) -> Plan:
    definition = _DEFINITION.decode(row.definition)
    return Plan(
        name=row.name, grants=definition.grants, labels=definition.labels, changed=row.changed
    )


# --- subscribers ---------------------------------------------------------------------------------

_SUBSCRIBERS = select(
    _subscriber.id, _subscriber.suspended, _subscriber.changed, _person.name, _person.contact
).join_from(tables.subscribers, tables.persons, _person.subscriber == _subscriber.id)


async def subscriber(conn: AsyncConnection, subscriber_id: str) -> Subscriber | None:
    rows = await conn.execute(_SUBSCRIBERS.where(_subscriber.id == subscriber_id))
    found = await _with_subscriptions(conn, rows.all())
    return found[0] if found else None


async def subscribers(
    conn: AsyncConnection, after: str | None = None, limit: int = 1000
) -> list[Subscriber]:
    """Give subscribers by id, those after one."""
    rows = await conn.execute(
        _SUBSCRIBERS.where(_subscriber.id > (after or "")).order_by(_subscriber.id).limit(limit)
    )
    return await _with_subscriptions(conn, rows.all())


async def put_subscriber(conn: AsyncConnection, held: Subscriber) -> None:
    """Hold a subscriber as it is now, new or not."""
    state = {"suspended": held.suspended, "changed": held.changed}
    person = {"name": held.name, "contact": held.contact}
    await conn.execute(
        tables.upsert(tables.subscribers)
        .values(id=held.id, **state)
        .on_conflict_do_update(index_elements=["id"], set_=state)
    )
    await conn.execute(
        tables.upsert(tables.persons)
        .values(subscriber=held.id, **person)
        .on_conflict_do_update(index_elements=["subscriber"], set_=person)
    )
    await conn.execute(delete(tables.subscriptions).where(_subscription.subscriber == held.id))
    if held.subscriptions:
        await conn.execute(
            tables.subscriptions.insert(),
            [
                {"subscriber": held.id, "plan": s.plan, "starts": s.starts, "ends": s.ends}
                for s in held.subscriptions
            ],
        )


async def remove_subscriber(conn: AsyncConnection, subscriber_id: str) -> bool:
    """Remove a subscriber and all it has, credentials too; say whether it was there."""
    gone = await conn.execute(delete(tables.subscribers).where(_subscriber.id == subscriber_id))
    return gone.rowcount > 0


async def _with_subscriptions(
    conn: AsyncConnection, rows: Sequence[Row[str, bool, int, str, str]]
) -> list[Subscriber]:
    subscriptions = await _subscriptions(conn, [row.id for row in rows])
    return [
        Subscriber(
            id=row.id,
            name=row.name,
            contact=row.contact,
            suspended=row.suspended,
            subscriptions=tuple(subscriptions.get(row.id, ())),
            changed=row.changed,
        )
        for row in rows
    ]


async def _subscriptions(
    conn: AsyncConnection, ids: Collection[str]
) -> dict[str, list[Subscription]]:
    found: dict[str, list[Subscription]] = {}
    if not ids:
        return found
    rows = await conn.execute(
        select(tables.subscriptions)
        .where(_subscription.subscriber.in_(ids))
        .order_by(_subscription.id)
    )
    for row in rows:
        one = Subscription(plan=row.plan, starts=row.starts, ends=row.ends)
        found.setdefault(row.subscriber, []).append(one)
    return found
