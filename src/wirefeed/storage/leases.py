"""Rows of the hub: its leases, and what was asked of it. No rules here.

What is secret comes and goes sealed.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.deliveries import ENDURANCE, Standing
from wirefeed.domain.leases import Intent, Lease, Mode, Owner
from wirefeed.storage import lease_tables as tables
from wirefeed.storage.tables import upsert

_lease, _intent = tables.leases.c, tables.intents.c
_BY_ID = select(tables.leases).where(_lease.id.in_(bindparam("ids", expanding=True)))
#: Of a lease that is verified again, these stay: who it is, and what it was told.
_KEPT = frozenset({"id", "pair", "created", "position", "tag", "delivered"})
_TOLD = (
    update(tables.leases)
    .where(_lease.id == bindparam("one"))
    .values(
        # Another process may have told it more.
        position=case(
            (_lease.position < bindparam("up_to"), bindparam("up_to")), else_=_lease.position
        ),
        tag=bindparam("sent"),
        delivered=bindparam("at"),
        turns=bindparam("turning"),
        failures=bindparam("failing"),
        since=bindparam("from"),
        again=bindparam("not_before"),
        tried=bindparam("when"),
        reason=bindparam("why"),
    )
)


# --- what was asked ------------------------------------------------------------------------------


async def ask(conn: AsyncConnection, intent: Intent) -> None:
    """Keep what was asked; of a pair of topic and callback, the last counts."""
    await conn.execute(delete(tables.intents).where(_intent.pair == intent.pair))
    await conn.execute(
        tables.intents.insert().values(
            id=intent.id,
            pair=intent.pair,
            mode=intent.mode.value,
            callback=intent.callback,
            host=intent.host,
            topic=intent.topic,
            secret=intent.secret,
            subscriber=intent.owner.subscriber,
            feed_key=intent.owner.feed_key,
            token=intent.owner.token,
            seconds=intent.seconds,
            received=intent.received,
        )
    )


async def waiting(conn: AsyncConnection, of: Owner | None = None, host: str | None = None) -> int:
    """Count what was asked and is yet to be verified.

    By anybody, or by one subscriber or the public; perhaps only at one host.
    """
    count = select(func.count()).select_from(tables.intents)
    if of is not None:
        count = count.where(_intent.subscriber == of.subscriber)
    if host is not None:
        count = count.where(_intent.host == host)
    return int((await conn.execute(count)).scalar_one())


async def asked(
    conn: AsyncConnection, *, busy: Collection[str], full: Collection[str], limit: int
) -> list[Intent]:
    """Give what is to be verified next: of each host what came first, of no host that is busy."""
    first = (
        select(_intent.host, func.min(_intent.received).label("first"))
        .where(_intent.id.not_in(busy), _intent.host.not_in(full))
        .group_by(_intent.host)
        .order_by(func.min(_intent.received))
        .limit(limit)
        .subquery()
    )
    rows = await conn.execute(
        select(tables.intents)
        .join(first, and_(_intent.host == first.c.host, _intent.received == first.c.first))
        .where(_intent.id.not_in(busy))
        .order_by(_intent.received, _intent.id)
        .limit(limit)
    )
    return [_an_intent(row) for row in rows]


async def answered(conn: AsyncConnection, ids: Collection[str]) -> None:
    """Forget what was asked."""
    await conn.execute(delete(tables.intents).where(_intent.id.in_(ids)))


# --- leases --------------------------------------------------------------------------------------


async def grant(conn: AsyncConnection, lease: Lease) -> None:
    """Keep a lease. One of the same pair is overridden, and goes on where it is on the wire."""
    values = _values(lease)
    await conn.execute(
        upsert(tables.leases)
        .values(values)
        .on_conflict_do_update(
            index_elements=[_lease.pair],
            set_={name: value for name, value in values.items() if name not in _KEPT},
        )
    )


async def end(conn: AsyncConnection, *, pair: bytes | None = None, id_: str | None = None) -> bool:
    """End a lease; say whether there was one."""
    which = _lease.pair == pair if pair is not None else _lease.id == id_
    return (await conn.execute(delete(tables.leases).where(which))).rowcount > 0


async def has_expired(conn: AsyncConnection, now: int) -> bool:
    """Say whether there are leases that nobody renewed."""
    query = select(_lease.id).where(_lease.expires <= now).limit(1)
    return (await conn.execute(query)).first() is not None


async def expire(conn: AsyncConnection, now: int, limit: int) -> int:
    """End leases that nobody renewed; give how many."""
    which = select(_lease.id).where(_lease.expires <= now).limit(limit)
    return (await conn.execute(delete(tables.leases).where(_lease.id.in_(which)))).rowcount


async def by_id(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Lease]:
    rows = await conn.execute(_BY_ID, {"ids": list(ids)})
    return {row.id: _a_lease(row) for row in rows}


async def of_pair(conn: AsyncConnection, pair: bytes) -> Lease | None:
    row = (await conn.execute(select(tables.leases).where(_lease.pair == pair))).one_or_none()
    return None if row is None else _a_lease(row)


async def held(conn: AsyncConnection, subscriber: str | None, host: str | None = None) -> int:
    """Count the leases of a subscriber, or of the public; perhaps only those at one host."""
    count = select(func.count()).select_from(tables.leases)
    count = count.where(_lease.subscriber == subscriber)
    if host is not None:
        count = count.where(_lease.host == host)
    return int((await conn.execute(count)).scalar_one())


async def due(
    conn: AsyncConnection,
    head: int,
    now: int,
    urgent: int,
    *,
    busy: Collection[str],
    full: Collection[str],
    limit: int,
) -> list[Lease]:
    """Give the leases that are to be looked at: see `deliveries.is_due`.

    First those that wait for a kill, then those that have not failed, then who has waited longest.
    """
    behind = or_(_lease.position < head, _lease.turns <= now)
    is_let_be = and_(_lease.since.is_not(None), _lease.since <= now - ENDURANCE)
    # What the clock changed is a change, too.
    anew = or_(_lease.tried < head, _lease.turns <= now)
    again = and_(_lease.again <= now, or_(~is_let_be, anew))
    waits_for_kill = _lease.position < urgent
    rows = await conn.execute(
        select(tables.leases)
        .where(
            behind,
            _lease.expires > now,
            or_(again, and_(waits_for_kill, _lease.tried < urgent)),
            _lease.id.not_in(busy),
            _lease.host.not_in(full),
        )
        .order_by(
            case((waits_for_kill, 0), else_=1),
            case((_lease.failures > 0, 1), else_=0),
            _lease.position,
        )
        .limit(limit)
    )
    return [_a_lease(row) for row in rows]


async def passed(conn: AsyncConnection, ids: Collection[str], position: int) -> None:
    """Note that up to a position there was nothing to tell these."""
    behind = _lease.id.in_(ids), _lease.position < position
    await conn.execute(update(tables.leases).where(*behind).values(position=position))


async def told(conn: AsyncConnection, leases: Sequence[Lease]) -> None:
    """Note what leases were told, and how it goes with them."""
    if leases:
        await conn.execute(_TOLD, [_told(lease) for lease in leases])


async def leases(
    conn: AsyncConnection,
    *,
    subscriber: str | None = None,
    failing: bool = False,
    after: str = "",
    limit: int | None = None,
) -> list[Lease]:
    """List leases by id: of one subscriber or of all, perhaps only those that fail."""
    query: Select[Any] = (
        select(tables.leases).where(_lease.id > after).order_by(_lease.id).limit(limit)
    )
    if subscriber is not None:
        query = query.where(_lease.subscriber == subscriber)
    if failing:
        query = query.where(_lease.failures > 0)
    return [_a_lease(row) for row in await conn.execute(query)]


async def behind(conn: AsyncConnection, head: int) -> int:
    """Count the leases that were not told everything."""
    count = select(func.count()).select_from(tables.leases).where(_lease.position < head)
    return int((await conn.execute(count)).scalar_one())


def _told(lease: Lease) -> dict[str, object]:
    standing = lease.standing
    return {
        "one": lease.id,
        "up_to": lease.position,
        "sent": lease.tag,
        "at": lease.delivered,
        "turning": lease.turns,
        "failing": standing.failures,
        "from": standing.since,
        "not_before": standing.again,
        "when": standing.tried,
        "why": standing.reason,
    }


def _values(lease: Lease) -> dict[str, object]:
    standing = lease.standing
    return {
        "id": lease.id,
        "pair": lease.pair,
        "callback": lease.callback,
        "host": lease.host,
        "topic": lease.topic,
        "secret": lease.secret,
        "subscriber": lease.owner.subscriber,
        "feed_key": lease.owner.feed_key,
        "token": lease.owner.token,
        "door": lease.door,
        "tail": lease.tail,
        "created": lease.created,
        "verified": lease.verified,
        "expires": lease.expires,
        "position": lease.position,
        "tag": lease.tag,
        "delivered": lease.delivered,
        "turns": lease.turns,
        "failures": standing.failures,
        "since": standing.since,
        "again": standing.again,
        "tried": standing.tried,
        "reason": standing.reason,
    }


def _owner(row: Row[*tuple[Any, ...]]) -> Owner:
    return Owner(subscriber=row.subscriber, feed_key=row.feed_key, token=row.token)


def _an_intent(row: Row[*tuple[Any, ...]]) -> Intent:
    return Intent(
        id=row.id,
        pair=row.pair,
        mode=Mode(row.mode),
        callback=row.callback,
        host=row.host,
        topic=row.topic,
        secret=row.secret,
        owner=_owner(row),
        seconds=row.seconds,
        received=row.received,
    )


def _a_lease(row: Row[*tuple[Any, ...]]) -> Lease:
    return Lease(
        id=row.id,
        pair=row.pair,
        callback=row.callback,
        host=row.host,
        topic=row.topic,
        secret=row.secret,
        owner=_owner(row),
        door=row.door,
        tail=row.tail,
        created=row.created,
        verified=row.verified,
        expires=row.expires,
        position=row.position,
        tag=row.tag,
        delivered=row.delivered,
        turns=row.turns,
        standing=Standing(
            failures=row.failures,
            since=row.since,
            again=row.again,
            tried=row.tried,
            reason=row.reason,
        ),
    )
