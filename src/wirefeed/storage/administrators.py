"""Who administers. No rules here."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage import account_tables as tables
from wirefeed.storage.tables import upsert

_admin = tables.admins.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Someone who administers."""

    name: str
    role: str
    created: int


async def admins(conn: AsyncConnection) -> list[Admin]:
    rows = await conn.execute(select(tables.admins).order_by(_admin.name))
    return [Admin(name=row.name, role=row.role, created=row.created) for row in rows]


async def admin(conn: AsyncConnection, name: str) -> Admin | None:
    row = (await conn.execute(select(tables.admins).where(_admin.name == name))).one_or_none()
    return None if row is None else Admin(name=row.name, role=row.role, created=row.created)


async def put(conn: AsyncConnection, held: Admin) -> None:
    """Hold an administrator as it is now, new or not."""
    new = upsert(tables.admins).values(name=held.name, role=held.role, created=held.created)
    await conn.execute(new.on_conflict_do_update(index_elements=["name"], set_={"role": held.role}))


async def remove(conn: AsyncConnection, name: str) -> None:
    """Remove an administrator and all its tokens."""
    await conn.execute(delete(tables.admins).where(_admin.name == name))
