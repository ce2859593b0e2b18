"""Feed keys with the subscribers that hold them, many by one statement. No rules here."""

from collections.abc import Collection, Sequence
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
_BY_DIGEST = (
    select(
        tables.feed_keys,
        _subscriber.kind,
        _subscriber.suspended,
        _subscriber.suspended_since,
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
    .where(_key.digest.in_(bindparam("digests", expanding=True)))
    .order_by(_subscription.id)
)


def by_digest(
    conn: Connection, digests: Collection[bytes]
) -> dict[bytes, tuple[FeedKey, Subscriber]]:
    """Give those of some keys that there are, each with its subscriber."""
    found: dict[bytes, list[_Row]] = {}
    for row in conn.execute(_BY_DIGEST, {"digests": list(digests)}):
        found.setdefault(row.digest, []).append(row)
    return {digest: (a_feed_key(rows[0]), _holder(rows)) for digest, rows in found.items()}


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
