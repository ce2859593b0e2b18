"""Up to where of the wire another hub was told. No rules here."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage.tables import meta, upsert

_POSITION, _HUB = "pinged_position", "pinged_hub"


async def position(conn: AsyncConnection, hub: str) -> int | None:
    """Give up to where a hub was told; None for one that was told nothing yet."""
    rows = await conn.execute(
        select(meta.c.key, meta.c.value).where(meta.c.key.in_((_POSITION, _HUB)))
    )
    found = {row.key: row.value for row in rows}
    return int(found[_POSITION]) if found.get(_HUB) == hub else None


async def told(conn: AsyncConnection, hub: str, position: int) -> None:
    for key, value in ((_HUB, hub), (_POSITION, str(position))):
        new = upsert(meta).values(key=key, value=value)
        await conn.execute(
            new.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": value})
        )
