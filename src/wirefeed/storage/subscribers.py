"""Plans, subscribers and what they subscribe to. No rules here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Table,
    bindparam,
    delete,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Grant
from wirefeed.domain.plans import DAY, Plan, Subscriber, SubscriberKind, Subscription
from wirefeed.domain.readers import State
from wirefeed.storage import account_tables as tables
from wirefeed.storage import codec
from wirefeed.storage.tables import upsert

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
#: When a subscription stops counting; far away when it has no end.
_closes = func.coalesce(
    _subscription.ends + _subscription.grace_days * literal(DAY, BigInteger),
    literal(2**62, BigInteger),
)
#: A grace that is longer is not looked for among those that have ended.
_LONGEST_GRACE = 100 * DAY

# --- plans ---------------------------------------------------------------------------------------


async def plans(conn: AsyncConnection) -> dict[str, Plan]:
    rows = await conn.execute(select(tables.plans).order_by(tables.plans.c.name))
    return {row.name: a_plan(row) for row in rows}


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
        upsert(tables.plans)
        .values(name=plan.name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
    await conn.execute(
        upsert(tables.plan_versions)
        .values(name=plan.name, **values)
        .on_conflict_do_update(index_elements=["name", "version"], set_=values)
    )


async def mark(conn: AsyncConnection) -> tuple[int, ...]:
    """Give numbers that are others once any plan is."""
    plans = tables.plans.c
    counted = select(func.count(), func.max(plans.changed), func.sum(plans.version))
    return tuple(int(number or 0) for number in (await conn.execute(counted)).one())


async def plan_versions(conn: AsyncConnection, name: str) -> list[Plan]:
    """Give every version of a plan, the newest first, also of one that is gone."""
    versions = tables.plan_versions.c
    rows = await conn.execute(
        select(tables.plan_versions).where(versions.name == name).order_by(versions.version.desc())
    )
    return [a_plan(row) for row in rows]


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


async def holders(conn: AsyncConnection, name: str, now: int, limit: int) -> list[str]:
    """Give the ids of some of the subscribers that have a plan, or will."""
    rows = await conn.execute(
        select(_subscription.subscriber)
        .where(_subscription.plan == name, _closes > now)
        .order_by(_subscription.subscriber)
        .distinct()
        .limit(limit)
    )
    return [row.subscriber for row in rows]


def a_plan(row: Row[str, int, int, str]) -> Plan:
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
    _subscriber.drilled,
    _subscriber.changed,
    _person.name,
    _person.contact,
    _person.notes,
).join_from(tables.subscribers, tables.persons, _person.subscriber == _subscriber.id)


async def subscriber(conn: AsyncConnection, subscriber_id: str) -> Subscriber | None:
    rows = await conn.execute(_SUBSCRIBERS.where(_subscriber.id == subscriber_id))
    found = await _with_subscriptions(conn, rows.all())
    return found[0] if found else None


async def some(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Subscriber]:
    """Give those of some subscribers that there are."""
    if not ids:
        return {}
    rows = await conn.execute(_SUBSCRIBERS.where(_subscriber.id.in_(ids)))
    return {found.id: found for found in await _with_subscriptions(conn, rows.all())}


async def subscribers(
    conn: AsyncConnection,
    after: str | None = None,
    limit: int = 1000,
    *,
    plan: str | None = None,
    state: State | None = None,
    now: int = 0,
    upto: str | None = None,
) -> list[Subscriber]:
    """Give subscribers by id, those after one: that have or had a plan, that stand so now.

    No index knows how somebody stands: with a state, `upto` bounds how many are looked at.
    """
    conditions = [_subscriber.id > (after or "")]
    if upto is not None:
        conditions.append(_subscriber.id <= upto)
    if state is not None:
        conditions.append(_stands(now)[state])
    query = _SUBSCRIBERS.where(*conditions).order_by(_subscriber.id).limit(limit)
    if plan is not None:
        # Those who have it are a range of an index; they are few, or come soon.
        ids = (
            select(_subscription.subscriber)
            .join(tables.subscribers, _subscriber.id == _subscription.subscriber)
            .where(_subscription.plan == plan, _subscription.subscriber > (after or ""))
            .where(*conditions[1:])
            .order_by(_subscription.subscriber)
            .distinct()
            .limit(limit)
        )
        query = _SUBSCRIBERS.where(_subscriber.id.in_(ids)).order_by(_subscriber.id)
    return await _with_subscriptions(conn, (await conn.execute(query)).all())


async def last_of(
    conn: AsyncConnection, after: str, count: int, *, plan: str | None = None
) -> str | None:
    """Give the last of so many ids after one, of those that have or had a plan; None: fewer."""
    ids = select(_subscriber.id).where(_subscriber.id > after).order_by(_subscriber.id)
    if plan is not None:
        ids = (
            select(_subscription.subscriber)
            .where(_subscription.plan == plan, _subscription.subscriber > after)
            .order_by(_subscription.subscriber)
            .distinct()
        )
    return (await conn.execute(ids.offset(count - 1).limit(1))).scalar_one_or_none()


def _has(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that a subscriber has such a subscription, whatever else is asked of subscriptions."""
    found = select(_subscription.id).where(_subscription.subscriber == _subscriber.id, *conditions)
    return found.correlate(tables.subscribers).exists()


def _stands(now: int) -> dict[State, ColumnElement[bool]]:
    """Say by what subscribers of each state are found: what `domain.readers.state` says."""
    is_open = _closes > now
    live = _has(~_subscription.suspended, _subscription.starts <= now, is_open)
    suspended = _subscriber.suspended | (~live & _has(_subscription.suspended, is_open))
    not_begun = ~live & ~suspended & ~_has(~is_open) & _has(_subscription.starts > now)
    return {
        State.LIVE: ~_subscriber.suspended & live,
        State.SUSPENDED: suspended,
        State.NOT_BEGUN: not_begun,
        State.ENDED: ~live & ~suspended & ~not_begun,
    }


async def held(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Subscriber]:
    """Give those of these subscribers that there are, by id."""
    rows = await conn.execute(_SUBSCRIBERS.where(_subscriber.id.in_(ids)))
    return {one.id: one for one in await _with_subscriptions(conn, rows.all())}


async def put_subscriber(conn: AsyncConnection, held: Subscriber) -> None:
    """Hold a subscriber as it is now, new or not."""
    await put_subscribers(conn, [held])


async def put_subscribers(conn: AsyncConnection, held: Sequence[Subscriber]) -> None:
    """Hold subscribers as they are now, new or not."""
    if not held:
        return
    await conn.execute(_PUT_SUBSCRIBER, [_state(one) for one in held])
    await conn.execute(
        _PUT_PERSON,
        [
            {"subscriber": one.id, "name": one.name, "contact": one.contact, "notes": one.notes}
            for one in held
        ],
    )
    await conn.execute(_END_ALL, [{"of": one.id} for one in held])
    subscriptions = [_row(one.id, each) for one in held for each in one.subscriptions]
    if subscriptions:
        await conn.execute(tables.subscriptions.insert(), subscriptions)


def _putting(table: Table, key: str, *columns: str) -> Insert:
    new = upsert(table)
    return new.on_conflict_do_update(
        index_elements=[key], set_={name: new.excluded[name] for name in columns}
    )


_PUT_SUBSCRIBER = _putting(
    tables.subscribers, "id", "kind", "suspended", "suspended_since", "changed"
)
_PUT_PERSON = _putting(tables.persons, "subscriber", "name", "contact", "notes")
_END_ALL = delete(tables.subscriptions).where(_subscription.subscriber == bindparam("of"))


def _state(held: Subscriber) -> dict[str, Any]:
    return {
        "id": held.id,
        "kind": held.kind.value,
        "suspended": held.suspended,
        "suspended_since": held.suspended_since,
        "changed": held.changed,
    }


def _row(subscriber: str, one: Subscription) -> dict[str, Any]:
    return {
        "subscriber": subscriber,
        "plan": one.plan,
        "starts": one.starts,
        "ends": one.ends,
        "suspended": one.suspended,
        "suspended_since": one.suspended_since,
        "grace_days": one.grace_days,
        "trial": one.trial,
    }


async def ending(
    conn: AsyncConnection, now: int, until: int, limit: int, *, after: tuple[int, str] = (0, "")
) -> tuple[list[Subscriber], tuple[int, str] | None]:
    """Give the subscribers with a subscription that ends by a time, of the next so many ends.

    Ends are in the order of time and subscriber, those after one. With them comes the last that
    was looked at; None: there are no more. One that has ended and goes on for some days of grace
    is among them.
    """
    query = (
        select(_subscription.ends, _subscription.subscriber, func.max(_closes).label("closes"))
        .where(
            _subscription.ends >= max(now - _LONGEST_GRACE, after[0]),
            _subscription.ends < until,
            tuple_(_subscription.ends, _subscription.subscriber) > tuple_(*after),
        )
        .group_by(_subscription.ends, _subscription.subscriber)
        .order_by(_subscription.ends, _subscription.subscriber)
        .limit(limit)
    )
    ends = (await conn.execute(query)).all()
    last = (ends[-1].ends, ends[-1].subscriber) if len(ends) == limit else None
    found = await held(conn, {row.subscriber for row in ends if row.closes > now})
    return list(found.values()), last


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
            drilled=row.drilled,
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
