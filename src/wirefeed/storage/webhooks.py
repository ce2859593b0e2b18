"""The rows of webhooks, and the log of calls. No rules here, and no secret that is not sealed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Row, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.cursors import Following
from wirefeed.domain.deliveries import ENDURANCE, Standing
from wirefeed.domain.webhooks import Attempt, Disabled, Place, Webhook
from wirefeed.storage import account_tables, codec
from wirefeed.storage import webhook_tables as tables

_hook, _attempt = tables.webhooks.c, tables.attempts.c
_subscriber = account_tables.subscribers.c
_POSITIONS = msgspec.json.Decoder(tuple[int, ...])
#: What nobody waits to have sent once more.
_NONE = "[]"


async def add(conn: AsyncConnection, new: Webhook) -> None:
    await conn.execute(
        tables.webhooks.insert().values(
            id=new.id,
            subscriber=new.subscriber,
            url=new.url,
            host=new.host,
            topics=codec.text(new.following.topics),
            languages=codec.text(new.following.languages),
            created=new.created,
            token=new.token,
            secret=new.secret,
            **_place(new.place),
        )
    )


async def by_id(conn: AsyncConnection, webhook_id: str) -> Webhook | None:
    query = select(tables.webhooks).where(_hook.id == webhook_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _a_webhook(row)


async def webhooks(
    conn: AsyncConnection,
    subscriber: str | None = None,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[Webhook]:
    """Give those of a subscriber, or all, by id."""
    query = select(tables.webhooks).order_by(_hook.id).where(_hook.id > after).limit(limit)
    if subscriber is not None:
        query = query.where(_hook.subscriber == subscriber)
    return [_a_webhook(row) for row in await conn.execute(query)]


async def added_with(conn: AsyncConnection, jtis: Collection[str]) -> list[Webhook]:
    """Give those that were added with any of these tokens."""
    query = select(tables.webhooks).where(_hook.token.in_(jtis)).order_by(_hook.id)
    return [_a_webhook(row) for row in await conn.execute(query)]


async def count(conn: AsyncConnection, subscriber: str) -> int:
    """Count those of a subscriber."""
    query = select(func.count()).where(_hook.subscriber == subscriber)
    return int((await conn.execute(query)).scalar_one())


async def replace_secret(
    conn: AsyncConnection, webhook_id: str, secret: bytes, before: bytes, until: int
) -> None:
    await _set(conn, webhook_id, secret=secret, secret_before=before, rotates_until=until)


async def go_back(conn: AsyncConnection, webhook_id: str, position: int) -> None:
    """Have everything after a position sent once more, kills too, and soon."""
    await _set(conn, webhook_id, position=position, kills=position, next_at=0, tried=0)


async def repeat(conn: AsyncConnection, webhook_id: str, positions: Sequence[int]) -> None:
    """Have the changes at these positions sent before all else, and soon."""
    await _set(conn, webhook_id, repeats=codec.text(positions), next_at=0, tried=0)


async def _set(conn: AsyncConnection, webhook_id: str, **values: object) -> None:
    await conn.execute(update(tables.webhooks).where(_hook.id == webhook_id).values(values))


async def remove(conn: AsyncConnection, webhook_id: str) -> bool:
    """Remove one; say whether there was one. The log of its calls stays."""
    gone = await conn.execute(delete(tables.webhooks).where(_hook.id == webhook_id))
    return gone.rowcount > 0


# --- what is due, and what became of it ----------------------------------------------------------


async def due(
    conn: AsyncConnection,
    *,
    head: int,
    now: int,
    urgent: int,
    access: int,
    busy: Collection[str],
    full: Collection[str],
    limit: int,
) -> list[Webhook]:
    """Give those that were not told everything, and may be told now: see `deliveries.is_due`.

    First those that have not failed: many that stall would else fill a page, and keep all others
    waiting for as long as that takes. Then those that wait for a kill, then those that were told
    least. `access` is where access last changed: what waited for that waits no more.
    """
    waits_for_kill = and_(_hook.kills < urgent, _hook.tried < urgent)
    is_not_let_be = or_(
        _hook.failing_since.is_(None), _hook.failing_since > now - ENDURANCE, _hook.tried < head
    )
    query = (
        select(tables.webhooks)
        .where(
            _hook.disabled.is_(None),
            or_(_hook.position < head, _hook.repeats != _NONE),
            or_(_hook.paused_until <= now, _hook.paused_at < access),
            or_(waits_for_kill, and_(_hook.next_at <= now, is_not_let_be)),
            _hook.id.not_in(busy),
            _hook.host.not_in(full),
        )
        .order_by(_hook.failures > 0, (_hook.kills < urgent).desc(), _hook.position)
        .limit(limit)
    )
    return [_a_webhook(row) for row in await conn.execute(query)]


def _writing(*names: str) -> dict[str, BindParameter[Any]]:
    return {name: bindparam(name) for name in names}


_IS_ONE = _hook.id == bindparam("one")
# Whoever had something sent anew meanwhile means it: see `go_back` and `repeat`.
_PLACE = (
    update(tables.webhooks)
    .where(_IS_ONE, _hook.position == bindparam("was"), _hook.kills == bindparam("were"))
    .values(_writing("position", "kills", "began", "sight", "paused_until", "paused_at"))
)
_REPEATS = (
    update(tables.webhooks)
    .where(_IS_ONE, _hook.repeats == bindparam("was"))
    .values(_writing("repeats"))
)
_STANDING = (
    update(tables.webhooks)
    .where(_IS_ONE)
    .values(
        _writing(
            *("failures", "failing_since", "next_at", "tried", "failure"),
            *("called", "status", "disabled", "reason"),
        )
    )
)


async def settle(conn: AsyncConnection, changed: Sequence[tuple[Place, Webhook]]) -> None:
    """Write down where webhooks stand now that stood at a place before."""
    places, repeats, standings = [], [], []
    for before, now in changed:
        place = {**_place(now.place), "one": now.id}
        left, were = place.pop("repeats"), codec.text(before.repeats)
        places.append({**place, "was": before.position, "were": before.kills})
        if left != were:
            repeats.append({"one": now.id, "was": were, "repeats": left})
        ended = {"disabled": now.disabled, "reason": now.reason}
        called = {"one": now.id, "called": now.called, "status": now.status}
        standings.append({**called, **_standing(now.standing), **ended})
    for statement, rows in ((_PLACE, places), (_REPEATS, repeats), (_STANDING, standings)):
        if rows:
            await conn.execute(statement, rows)


def _place(place: Place) -> Mapping[str, object]:
    return {
        "position": place.position,
        "kills": place.kills,
        "began": place.began,
        "sight": place.sight,
        "paused_until": place.paused_until,
        "paused_at": place.paused_at,
        "repeats": codec.text(place.repeats),
    }


def _standing(standing: Standing) -> Mapping[str, object]:
    return {
        "failures": standing.failures,
        "failing_since": standing.since,
        "next_at": standing.again,
        "tried": standing.tried,
        "failure": standing.reason,
    }


def _a_webhook(row: Row[*tuple[Any, ...]]) -> Webhook:
    return Webhook(
        id=row.id,
        subscriber=row.subscriber,
        url=row.url,
        host=row.host,
        following=Following(topics=codec.names(row.topics), languages=codec.names(row.languages)),
        created=row.created,
        token=row.token,
        secret=row.secret,
        secret_before=row.secret_before,
        rotates_until=row.rotates_until,
        place=Place(
            position=row.position,
            kills=row.kills,
            began=row.began,
            sight=row.sight,
            paused_until=row.paused_until,
            paused_at=row.paused_at,
            repeats=_POSITIONS.decode(row.repeats),
        ),
        standing=Standing(
            failures=row.failures,
            since=row.failing_since,
            again=row.next_at,
            tried=row.tried,
            reason=row.failure,
        ),
        disabled=row.disabled,
        reason=None if row.reason is None else Disabled(row.reason),
        called=row.called,
        status=row.status,
    )


# --- the log of calls ----------------------------------------------------------------------------

_OWNER = select(_subscriber.id).where(_subscriber.id == bindparam("subscriber")).exists()
_KEPT = tuple(column.name for column in tables.attempts.c if column.name != "id")
#: A subscriber may have been removed while its webhook was called.
_LOG = tables.attempts.insert().from_select(
    _KEPT,
    select(
        *(bindparam(name, type_=tables.attempts.c[name].type).label(name) for name in _KEPT)
    ).where(_OWNER),
)


async def log(conn: AsyncConnection, attempts: Sequence[Attempt], *, most: int) -> None:
    """Write calls down, and forget the oldest of whoever then has more than so many."""
    if not attempts:
        return
    rows = [{name: getattr(attempt, name) for name in _KEPT} for attempt in attempts]
    await conn.execute(_LOG, rows)
    for subscriber in {attempt.subscriber for attempt in attempts}:
        oldest = (
            select(_attempt.id)
            .where(_attempt.subscriber == subscriber)
            .order_by(_attempt.id.desc())
            .offset(most)
            .limit(1)
            .scalar_subquery()
        )
        await conn.execute(
            delete(tables.attempts).where(_attempt.subscriber == subscriber, _attempt.id <= oldest)
        )


async def attempts(
    conn: AsyncConnection,
    subscriber: str,
    *,
    webhook: str | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[Attempt]:
    """Give the calls of a subscriber's webhooks, or of one of them, the newest first."""
    query = (
        select(tables.attempts)
        .where(_attempt.subscriber == subscriber)
        .order_by(_attempt.id.desc())
        .limit(limit)
    )
    if webhook is not None:
        query = query.where(_attempt.webhook == webhook)
    if before is not None:
        query = query.where(_attempt.id < before)
    return [_an_attempt(row) for row in await conn.execute(query)]


async def attempt(conn: AsyncConnection, attempt_id: int) -> Attempt | None:
    query = select(tables.attempts).where(_attempt.id == attempt_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _an_attempt(row)


def _an_attempt(row: Row[*tuple[Any, ...]]) -> Attempt:
    return Attempt(
        id=row.id,
        webhook=row.webhook,
        subscriber=row.subscriber,
        at=row.at,
        message=row.message,
        kind=row.kind,
        about=row.about,
        version=row.version,
        position=row.position,
        status=row.status,
        reason=row.reason,
        took=row.took,
    )
