"""The keys that sign tokens, their private parts encrypted. No rules here."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage import tables

_keys = tables.signing_keys.c


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs tokens, will, or did."""

    kid: str
    public: bytes
    #: Encrypted.
    private: bytes
    created: int
    #: From when it signs.
    activates: int
    #: Until when it signs.
    retires: int | None = None
    #: Until when what it signed is believed.
    ends: int | None = None


async def signing_keys(conn: AsyncConnection) -> list[SigningKey]:
    """Give the keys, the oldest first."""
    rows = await conn.execute(select(tables.signing_keys).order_by(_keys.created, _keys.kid))
    return [
        SigningKey(
            kid=row.kid,
            public=row.public,
            private=row.private,
            created=row.created,
            activates=row.activates,
            retires=row.retires,
            ends=row.ends,
        )
        for row in rows
    ]


async def add(conn: AsyncConnection, new: SigningKey) -> None:
    await conn.execute(
        tables.signing_keys.insert().values(
            kid=new.kid,
            public=new.public,
            private=new.private,
            created=new.created,
            activates=new.activates,
            retires=new.retires,
            ends=new.ends,
        )
    )
