"""What newsrooms sent and nobody could take, with the reason; the newest of it. No rules here."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage import codec
from wirefeed.storage.tables import dead_letters

#: A newsroom that sends nothing but mistakes must not fill the disk.
MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was not taken."""

    at: int
    source: str
    #: Where in the input: a file, and which message of it.
    name: str
    #: What of it is at fault; empty when it could not be read at all.
    field: str
    reason: str
    raw: bytes
    #: 0 before it is kept.
    id: int = 0


async def keep(conn: AsyncConnection, rows: Sequence[DeadLetter]) -> None:
    """Keep letters; beyond `MOST`, the oldest go."""
    if not rows:
        return
    await conn.execute(
        dead_letters.insert(),
        [
            {
                "at": row.at,
                "source": row.source,
                "name": row.name,
                "field": row.field,
                "reason": row.reason,
                "raw": codec.squeeze(row.raw),
            }
            for row in rows
        ],
    )
    newest = select(dead_letters.c.id).order_by(dead_letters.c.id.desc())
    oldest_but_kept = newest.offset(MOST).limit(1).scalar_subquery()
    await conn.execute(delete(dead_letters).where(dead_letters.c.id <= oldest_but_kept))


async def listing(conn: AsyncConnection, limit: int = 100) -> list[DeadLetter]:
    """Give letters, the newest first."""
    rows = await conn.execute(select(dead_letters).order_by(dead_letters.c.id.desc()).limit(limit))
    return [
        DeadLetter(
            id=row.id,
            at=row.at,
            source=row.source,
            name=row.name,
            field=row.field,
            reason=row.reason,
            raw=codec.unsqueeze(row.raw),
        )
        for row in rows
    ]
