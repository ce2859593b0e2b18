"""Feed keys with the subscribers that hold them, many by one statement. No rules here."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.credentials import FeedKey
from wirefeed.domain.former import Term
from wirefeed.domain.plans import Subscriber, SubscriberKind, Subscription
from wirefeed.storage import account_tables as tables
from wirefeed.storage.credentials import a_feed_key

_Row: TypeAlias = Row[*tuple[Any, ...]]

_key, _subscriber, _person, _subscription = (
    tables.feed_keys.c,
    tables.subscribers.c,
    tables.persons.c,
    tables.subscriptions.c,
)
#: A row for each subscription of whoever holds one of these keys, or one that has none.
_HELD = (
    select(
        tables.feed_keys,
        _subscriber.kind,
        _subscriber.suspended,
        _subscriber.suspended_since,
        _subscriber.drilled,
        _subscriber.changed,
        _person.name.label("holder"),
        _person.contact,
        _person.notes,
        _subscription.plan,
        _subscription.starts,
        _subscription.ends,
        _subscription.grace_days,
        _subscription.trial,
        _subscription.suspended.label("paused"),
        _subscription.suspended_since.label("paused_since"),
    )
    .join_from(tables.feed_keys, tables.subscribers, _subscriber.id == _key.subscriber)
    .join(tables.persons, _person.subscriber == _key.subscriber)
    .outerjoin(tables.subscriptions, _subscription.subscriber == _key.subscriber)
    .order_by(_subscription.id)
)
_BY_DIGEST = _HELD.where(_key.digest.in_(bindparam("digests", expanding=True)))
_BY_ID = _HELD.where(_key.id.in_(bindparam("ids", expanding=True)))
#: A key, its subscriber, and what that had and says nothing of any more.
Held: TypeAlias = tuple[FeedKey, Subscriber, tuple[Term, ...]]
_HAD = (
    select(tables.former)
    .where(tables.former.c.subscriber.in_(bindparam("subscribers", expanding=True)))
    .order_by(tables.former.c.id)
)


async def by_digest(conn: AsyncConnection, digests: Collection[bytes]) -> dict[bytes, Held]:
    """Give those of some keys that there are, each with its subscriber."""
    rows = _each(await conn.execute(_BY_DIGEST, {"digests": list(digests)}))
    had = await _had(conn, rows)
    return {of_one[0].digest: _with_holder(of_one, had) for of_one in rows}


async def by_id(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Held]:
    """Give the same of keys that are named by their ids."""
    rows = _each(await conn.execute(_BY_ID, {"ids": list(ids)}))
    had = await _had(conn, rows)
    return {of_one[0].id: _with_holder(of_one, had) for of_one in rows}


def _each(rows: Iterable[_Row]) -> Collection[Sequence[_Row]]:
    """Put together what is of one key."""
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return found.values()


async def _had(
    conn: AsyncConnection, keys: Iterable[Sequence[_Row]]
) -> dict[str, tuple[Term, ...]]:
    """Say what these holders had, by subscriber."""
    found: dict[str, tuple[Term, ...]] = {}
    of = sorted({rows[0].subscriber for rows in keys})
    for row in await conn.execute(_HAD, {"subscribers": of}) if of else ():
        term = Term(plan=row.plan, since=row.since, until=row.until)
        found[row.subscriber] = (*found.get(row.subscriber, ()), term)
    return found


def _with_holder(rows: Sequence[_Row], had: Mapping[str, tuple[Term, ...]]) -> Held:
    return a_feed_key(rows[0]), _holder(rows), had.get(rows[0].subscriber, ())


def _holder(rows: Sequence[_Row]) -> Subscriber:
    first = rows[0]
    return Subscriber(
        id=first.subscriber,
        kind=SubscriberKind(first.kind),
        name=first.holder,
        contact=first.contact,
        notes=first.notes,
        suspended=first.suspended,
        suspended_since=first.suspended_since,
        subscriptions=tuple(_held(row) for row in rows if row.plan is not None),
        drilled=first.drilled,
        changed=first.changed,
    )


def _held(row: _Row) -> Subscription:
    return Subscription(
        plan=row.plan,
        starts=row.starts,
        ends=row.ends,
        grace_days=row.grace_days,
        trial=row.trial,
        suspended=row.paused,
        suspended_since=row.paused_since,
    )
