"""Signs that a feed key is shared, and since when its reader is told. No rules here."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.leaks import Flag, Reason
from wirefeed.storage import account_tables as tables
from wirefeed.storage.tables import upsert

_flag, _key = tables.flags.c, tables.feed_keys.c


async def flags_of(conn: AsyncConnection, keys: Collection[str]) -> list[Flag]:
    """Give the flags of some keys, what was dismissed too."""
    query = select(tables.flags).where(_flag.feed_key.in_(keys))
    return await _flags(conn, query.order_by(_flag.feed_key, _flag.at, _flag.reason))


async def newest(
    conn: AsyncConnection,
    *,
    before: tuple[int, str, str] | None = None,
    limit: int | None = None,
    dismissed: bool = False,
) -> list[Flag]:
    """Give flags, the newest first: those that stand, or with `dismissed` all."""
    place = (_flag.at, _flag.feed_key, _flag.reason)
    query = select(tables.flags).order_by(*(column.desc() for column in place)).limit(limit)
    if before is not None:
        query = query.where(tuple_(*place) < before)
    if not dismissed:
        query = query.where(_flag.dismissed.is_(None))
    return await _flags(conn, query)


async def put(conn: AsyncConnection, flag: Flag) -> None:
    """Keep a flag in place of the one of its key and reason, if there is one."""
    add = upsert(tables.flags).values(
        feed_key=flag.feed_key,
        reason=flag.reason.value,
        count=flag.count,
        at=flag.at,
        dismissed=flag.dismissed,
    )
    await conn.execute(
        add.on_conflict_do_update(
            index_elements=[_flag.feed_key, _flag.reason],
            set_={name: add.excluded[name] for name in ("count", "at", "dismissed")},
        )
    )


async def dismiss(conn: AsyncConnection, key: str, at: int) -> bool:
    """Dismiss what stands against a key; say whether anything did."""
    standing = (_flag.feed_key == key, _flag.dismissed.is_(None))
    gone = await conn.execute(update(tables.flags).where(*standing).values(dismissed=at))
    return gone.rowcount > 0


async def warn(conn: AsyncConnection, key: str, at: int) -> bool:
    """Tell a key's reader from now on that it seems shared; say whether it was not told before."""
    untold = (_key.id == key, _key.flagged.is_(None))
    told = await conn.execute(update(tables.feed_keys).where(*untold).values(flagged=at))
    return told.rowcount > 0


async def stop_warning(conn: AsyncConnection, key: str) -> bool:
    """Tell a key's reader no more; say whether it was told before."""
    told = (_key.id == key, _key.flagged.is_not(None))
    untold = await conn.execute(update(tables.feed_keys).where(*told).values(flagged=None))
    return untold.rowcount > 0


async def _flags(conn: AsyncConnection, query: Select[Any]) -> list[Flag]:
    return [
        Flag(
            feed_key=row.feed_key,
            reason=Reason(row.reason),
            count=row.count,
            at=row.at,
            dismissed=row.dismissed,
        )
        for row in await conn.execute(query)
    ]
