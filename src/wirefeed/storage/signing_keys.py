"""The keys that sign tokens, their private parts encrypted. No rules here."""

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.signing_keys import SigningKey
from wirefeed.storage import account_tables as tables

_keys, _token = tables.signing_keys.c, tables.tokens.c
#: One look into the index for each key, however many tokens it signed.
_LAST = (
    select(_token.expires)
    .where(_token.kid == _keys.kid)
    .order_by(_token.expires.desc())
    .limit(1)
    .scalar_subquery()
    .label("last")
)


async def signing_keys(conn: AsyncConnection) -> list[SigningKey]:
    """Give the keys, the oldest first."""
    rows = await conn.execute(
        select(tables.signing_keys, _LAST).order_by(_keys.created, _keys.activates, _keys.kid)
    )
    return [
        SigningKey(
            kid=row.kid,
            public=row.public,
            private=row.private,
            created=row.created,
            activates=row.activates,
            retires=row.retires,
            ends=row.ends,
            last=row.last,
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


async def date(conn: AsyncConnection, key: SigningKey) -> None:
    """Give a key that is held other dates."""
    dates = {"activates": key.activates, "retires": key.retires, "ends": key.ends}
    await conn.execute(update(tables.signing_keys).where(_keys.kid == key.kid).values(dates))


async def live_tokens(conn: AsyncConnection, kid: str, after: int) -> int:
    """Count the tokens that a key signed, and that hold beyond a time."""
    live = (_token.kid == kid, _token.expires > after, _token.revoked.is_(None))
    count = select(func.count()).select_from(tables.tokens).where(*live)
    return int((await conn.execute(count)).scalar_one())
