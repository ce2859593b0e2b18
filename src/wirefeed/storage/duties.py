"""Who does what one process at a time does, and until when. No rules here."""

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage.lease_tables import duties
from wirefeed.storage.tables import upsert


async def holder(conn: AsyncConnection, name: str, now: int) -> str | None:
    """Name who has a duty now."""
    query = select(duties.c.holder).where(duties.c.name == name, duties.c.until > now)
    return (await conn.execute(query)).scalar_one_or_none()


async def take(conn: AsyncConnection, name: str, holder: str, now: int, until: int) -> bool:
    """Take a duty that nobody else has now, or hold it on; say whether that was possible."""
    taken = await conn.execute(
        upsert(duties)
        .values(name=name, holder=holder, until=until)
        .on_conflict_do_update(
            index_elements=[duties.c.name],
            set_={"holder": holder, "until": until},
            where=or_(duties.c.holder == holder, duties.c.until <= now),
        )
    )
    return taken.rowcount > 0


async def leave(conn: AsyncConnection, name: str, holder: str) -> None:
    """Give a duty up."""
    await conn.execute(delete(duties).where(duties.c.name == name, duties.c.holder == holder))
