"""Plans, subscribers and what they subscribe to. No rules here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Grant
from wirefeed.domain.plans import Plan, Subscriber, SubscriberKind, Subscription
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
    prices: dict[str, str] = field(default_factory=dict)
    subscribe_urls: dict[str, str] = field(default_factory=dict)
    trial_days: int | None = None


_DEFINITION = msgspec.json.Decoder(_Definition)

# --- plans ---------------------------------------------------------------------------------------


async def plans(conn: AsyncConnection) -> dict[str, Plan]:
    rows = await conn.execute(select(tables.plans).order_by(tables.plans.c.name))
    return {row.name: _plan(row) for row in rows}


async def put_plan(conn: AsyncConnection, plan: Plan) -> None:
    """Hold a plan as it is now, new or not, and keep this version of it."""
    definition = _Definition(
        grants=plan.grants,
        labels=dict(plan.labels),
        prices=dict(plan.prices),
        subscribe_urls=dict(plan.subscribe_urls),
        trial_days=plan.trial_days,
    )
    values = {
        "version": plan.version,
        "changed": plan.changed,
        "definition": codec.text(definition),
    }
    await conn.execute(
        tables.upsert(tables.plans)
        .values(name=plan.name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
    await conn.execute(
        tables.upsert(tables.plan_versions)
        .values(name=plan.name, **values)
        .on_conflict_do_update(index_elements=["name", "version"], set_=values)
    )


async def plan_versions(conn: AsyncConnection, name: str) -> list[Plan]:
    """Give every version of a plan, the newest first, also of one that is gone."""
    versions = tables.plan_versions.c
    rows = await conn.execute(
        select(tables.plan_versions).where(versions.name == name).order_by(versions.version.desc())
    )
    return [_plan(row) for row in rows]


async def last_version(conn: AsyncConnection, name: str) -> int:
    """Give the number of a plan's newest version, also of one that is gone; 0 without any."""
    versions = tables.plan_versions.c
    newest = select(func.max(versions.version)).where(versions.name == name)
    return int((await conn.execute(newest)).scalar() or 0)


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
        name=row.name,
        grants=definition.grants,
        labels=definition.labels,
        prices=definition.prices,
        subscribe_urls=definition.subscribe_urls,
        trial_days=definition.trial_days,
        version=row.version,
        changed=row.changed,
    )


# --- subscribers ---------------------------------------------------------------------------------

_SUBSCRIBERS = select(
    _subscriber.id,
    _subscriber.kind,
    _subscriber.suspended,
    _subscriber.suspended_since,
    _subscriber.changed,
    _person.name,
    _person.contact,
    _person.notes,
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
    state = {
        "kind": held.kind.value,
        "suspended": held.suspended,
        "suspended_since": held.suspended_since,
        "changed": held.changed,
    }
    person = {"name": held.name, "contact": held.contact, "notes": held.notes}
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
                {
                    "subscriber": held.id,
                    "plan": s.plan,
                    "starts": s.starts,
                    "ends": s.ends,
                    "suspended": s.suspended,
                    "suspended_since": s.suspended_since,
                    "grace_days": s.grace_days,
                    "trial": s.trial,
                }
                for s in held.subscriptions
            ],
        )


async def holding(
    conn: AsyncConnection, plan: str, after: str = "", limit: int = 1000
) -> list[Subscriber]:
    """Give the subscribers that have a plan, or had it, by id."""
    ids = (
        select(_subscription.subscriber)
        .where(_subscription.plan == plan, _subscription.subscriber > after)
        .order_by(_subscription.subscriber)
        .distinct()
        .limit(limit)
    )
    rows = await conn.execute(_SUBSCRIBERS.where(_subscriber.id.in_(ids)).order_by(_subscriber.id))
    return await _with_subscriptions(conn, rows.all())


async def ending(
    conn: AsyncConnection, since: int, until: int, limit: int = 1000
) -> list[Subscriber]:
    """Give the subscribers with a subscription that ends within a time, the first to end first."""
    ids = (
        select(_subscription.subscriber, func.min(_subscription.ends).label("ends"))
        .where(_subscription.ends >= since, _subscription.ends < until)
        .group_by(_subscription.subscriber)
        .order_by(func.min(_subscription.ends), _subscription.subscriber)
        .limit(limit)
        .subquery()
    )
    rows = await conn.execute(
        _SUBSCRIBERS.join(ids, ids.c.subscriber == _subscriber.id).order_by(
            ids.c.ends, _subscriber.id
        )
    )
    return await _with_subscriptions(conn, rows.all())


async def remove_subscriber(conn: AsyncConnection, subscriber_id: str) -> bool:
    """Remove a subscriber and all it has, credentials too; say whether it was there."""
    gone = await conn.execute(delete(tables.subscribers).where(_subscriber.id == subscriber_id))
    return gone.rowcount > 0


async def _with_subscriptions(
    conn: AsyncConnection, rows: Sequence[Row[*tuple[Any, ...]]]
) -> list[Subscriber]:
    subscriptions = await _subscriptions(conn, [row.id for row in rows])
    return [
        Subscriber(
            id=row.id,
            kind=SubscriberKind(row.kind),
            name=row.name,
            contact=row.contact,
            notes=row.notes,
            suspended=row.suspended,
            suspended_since=row.suspended_since,
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
        one = Subscription(
            plan=row.plan,
            starts=row.starts,
            ends=row.ends,
            grace_days=row.grace_days,
            trial=row.trial,
            suspended=row.suspended,
            suspended_since=row.suspended_since,
        )
        found.setdefault(row.subscriber, []).append(one)
    return found
