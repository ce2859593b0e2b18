"""Where feed keys were seen. No rules here."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage import tables

_seen = tables.sightings.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A feed key, from one network, with one kind of client."""

    network: str
    client: str
    last: int


async def sightings(conn: AsyncConnection, key_id: str, limit: int) -> list[Sighting]:
    """Give what was seen of a key, the latest first."""
    rows = await conn.execute(
        select(_seen.network, _seen.client, _seen.last)
        .where(_seen.feed_key == key_id)
        .order_by(_seen.last.desc(), _seen.network, _seen.client)
        .limit(limit)
    )
    return [Sighting(network=row.network, client=row.client, last=row.last) for row in rows]
