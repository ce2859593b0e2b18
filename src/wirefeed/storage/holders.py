"""Feed keys with the subscribers that hold them, many by one statement. No rules here."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, bindparam, select

from wirefeed.domain.credentials import FeedKey
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
_Held: TypeAlias = tuple[FeedKey, Subscriber]


def by_digest(conn: Connection, digests: Collection[bytes]) -> dict[bytes, _Held]:
    """Give those of some keys that there are, each with its subscriber."""
    rows = _each(conn.execute(_BY_DIGEST, {"digests": list(digests)}))
    return {of_one[0].digest: _with_holder(of_one) for of_one in rows}


def by_id(conn: Connection, ids: Collection[str]) -> dict[str, _Held]:
    """Give the same of keys that are named by their ids."""
    rows = _each(conn.execute(_BY_ID, {"ids": list(ids)}))
    return {of_one[0].id: _with_holder(of_one) for of_one in rows}


def _each(rows: Iterable[_Row]) -> Collection[Sequence[_Row]]:
    """Put together what is of one key."""
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return found.values()


def _with_holder(rows: Sequence[_Row]) -> _Held:
    return a_feed_key(rows[0]), _holder(rows)


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
