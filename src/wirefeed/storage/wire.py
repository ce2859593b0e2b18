"""The wire's rows and its head, and what the clock will add to it. No rules here."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.due import Due
from wirefeed.domain.wire import Audience, Change, ChangeKind, Head
from wirefeed.storage import codec, tables

_head, _wire, _due = tables.head.c, tables.wire.c, tables.due.c


#: What `info` of a connection holds once the wire was appended to in its transaction.
ADVANCED = "advanced"


class Row(NamedTuple):
    """A change where it stands on the wire."""

    position: int
    at: int
    change: Change


_HEAD = select(_head.position, _head.at)
# The row stays locked until the transaction ends, so positions follow one another in the
# order of commits.
_ADVANCE = (
    update(tables.head)
    .values(
        position=_head.position + bindparam("count"),
        at=case((_head.at < bindparam("now"), bindparam("now")), else_=_head.at),
    )
    .returning(_head.position, _head.at)
)


async def head(conn: AsyncConnection) -> Head:
    row = (await conn.execute(_HEAD)).one()
    return Head(position=row.position, at=row.at)


async def append(conn: AsyncConnection, changes: Sequence[Change], now: int) -> Head:
    """Append changes at the next positions; the head returned is where the last one stands.

    Time on the wire never goes back, whatever the clock does.
    """
    if not changes:
        return await head(conn)
    row = (await conn.execute(_ADVANCE, {"count": len(changes), "now": now})).one()
    conn.info[ADVANCED] = True
    first = row.position - len(changes) + 1
    await conn.execute(
        tables.wire.insert(),
        [
            {
                "position": position,
                "at": row.at,
                "kind": change.kind.value,
                "about": change.about,
                "version": change.version,
                "audience_before": _text(change.before),
                "audience_after": _text(change.after),
                "delay": change.delay,
            }
            for position, change in enumerate(changes, first)
        ],
    )
    return Head(position=row.position, at=row.at)


_SINCE = (
    select(tables.wire)
    .where(_wire.position > bindparam("above"))
    .order_by(_wire.position)
    .limit(bindparam("most"))
)


async def since(conn: AsyncConnection, position: int, limit: int) -> list[Row]:
    """Give the changes above a position, in order."""
    rows = await conn.execute(_SINCE, {"above": position, "most": limit})
    return [_row(row) for row in rows]


_KILLS = (
    select(tables.wire)
    .where(_wire.position > bindparam("above"), tables.IS_KILL)
    .order_by(_wire.position.desc())
    .limit(bindparam("most"))
)


async def kills(conn: AsyncConnection, position: int, limit: int) -> list[Row]:
    """Give the kills above a position, the newest first."""
    rows = await conn.execute(_KILLS, {"above": position, "most": limit})
    return [_row(row) for row in rows]


_FIRST = select(_wire.position, _wire.at).where(_wire.position > bindparam("above"))
_FIRST = _FIRST.order_by(_wire.position).limit(1)


async def before(conn: AsyncConnection, at: int) -> int:
    """Give the highest position of all that was written before a time; 0 if nothing was.

    Time on the wire never goes back, so it is found by halving.
    """
    low, high = 0, (await head(conn)).position
    while low < high:
        # The first row above the middle: positions may have gaps.
        middle = (low + high) // 2
        row = (await conn.execute(_FIRST, {"above": middle})).one_or_none()
        if row is None or row.at >= at:
            high = middle
        else:
            low = row.position
    return low


async def kills_since(conn: AsyncConnection, position: int, limit: int) -> list[Row]:
    """Give the kills above a position, in order."""
    query = select(tables.wire).where(tables.IS_KILL, _wire.position > position)
    return [_row(row) for row in await conn.execute(query.order_by(_wire.position).limit(limit))]


async def at(conn: AsyncConnection, positions: Collection[int]) -> list[Row]:
    """Give the changes at these positions, in order."""
    query = select(tables.wire).where(_wire.position.in_(positions))
    return [_row(row) for row in await conn.execute(query.order_by(_wire.position))]


async def about(conn: AsyncConnection, name: str, upto: int) -> list[Row]:
    """Give the changes about something up to a position, in order."""
    rows = await conn.execute(
        select(tables.wire)
        .where(_wire.about == name, _wire.position <= upto)
        .order_by(_wire.position)
    )
    return [_row(row) for row in rows]


async def newest_about(conn: AsyncConnection, name: str) -> int:
    """Give where the newest change about something stands; 0 if there is none."""
    query = select(_wire.position).where(_wire.about == name)
    return (await conn.execute(query.order_by(_wire.position.desc()).limit(1))).scalar() or 0


async def refiled(conn: AsyncConnection, position: int, limit: int) -> list[Row]:
    """Give the stories filed anew above a position, in order."""
    is_refiled = _wire.kind == ChangeKind.REFILE.value
    query = select(tables.wire).where(is_refiled, _wire.position > position)
    return [_row(row) for row in await conn.execute(query.order_by(_wire.position).limit(limit))]


def _row(row: Any) -> Row:  # noqa: ANN401 - of the table
    return Row(
        row.position,
        row.at,
        Change(
            kind=ChangeKind(row.kind),
            about=row.about,
            version=row.version,
            before=_audiences(row.audience_before),
            after=_audiences(row.audience_after),
            delay=row.delay,
        ),
    )


async def later(conn: AsyncConnection, at: int) -> int:
    """Give the position from which on all is later than this; the next one, if nothing is."""
    return await before(conn, at + 1) + 1


async def changed_at(conn: AsyncConnection, at: int) -> list[tuple[int, str]]:
    """Give what changed at a time, in order: positions and what each is about."""
    rows = await conn.execute(
        select(_wire.position, _wire.about)
        .where(_wire.position > await before(conn, at), _wire.position < await later(conn, at))
        .order_by(_wire.position)
    )
    return [(row.position, row.about) for row in rows]


def _text(audiences: Iterable[Audience]) -> str:
    return codec.text(sorted((a.language, sorted(a.topics), a.early) for a in audiences))


@lru_cache(maxsize=4096)
def _audiences(text: str) -> frozenset[Audience]:
    return frozenset(
        Audience(language=language, topics=topics, early=early)
        for language, topics, early in codec.audiences(text)
    )


# --- what the clock will change ------------------------------------------------------------------

_SCHEDULE = tables.upsert(tables.due).on_conflict_do_nothing()
_UNSCHEDULE = delete(tables.due).where(
    _due.guid == bindparam("gone"), (_due.delay == 0) | (_due.at > bindparam("now"))
)
_DONE = delete(tables.due).where(
    _due.at == bindparam("then"),
    _due.guid == bindparam("gone"),
    _due.kind == bindparam("was"),
    _due.delay == bindparam("since"),
)


async def schedule(conn: AsyncConnection, rows: Sequence[Due]) -> None:
    """Note what is due; what is noted already stays so."""
    if not rows:
        return
    values = [
        {"at": row.at, "guid": row.guid, "kind": row.kind.value, "delay": row.delay} for row in rows
    ]
    await conn.execute(_SCHEDULE, values)


async def unschedule(conn: AsyncConnection, guids: Collection[str], now: int) -> None:
    """Forget whatever is due for these stories, but a delay that has ended by now."""
    if guids:
        await conn.execute(_UNSCHEDULE, [{"gone": guid, "now": now} for guid in guids])


async def due(conn: AsyncConnection, now: int, limit: int) -> list[Due]:
    """Give what is due by now, the earliest first."""
    rows = await conn.execute(
        select(_due.at, _due.guid, _due.kind, _due.delay)
        .where(_due.at <= now)
        .order_by(_due.at, _due.guid, _due.kind, _due.delay)
        .limit(limit)
    )
    return [Due(row.at, row.guid, ChangeKind(row.kind), row.delay) for row in rows]


async def next_due(conn: AsyncConnection) -> int | None:
    row = (await conn.execute(select(_due.at).order_by(_due.at).limit(1))).one_or_none()
    return None if row is None else row.at


async def done(conn: AsyncConnection, rows: Sequence[Due]) -> None:
    if not rows:
        return
    values = [
        {"then": row.at, "gone": row.guid, "was": row.kind.value, "since": row.delay}
        for row in rows
    ]
    await conn.execute(_DONE, values)
