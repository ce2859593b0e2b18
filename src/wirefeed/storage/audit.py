"""The rows of the audit and where their chain ends. No rules here."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import Entry, Verb, Via
from wirefeed.storage import codec, tables

_audit = tables.audit.c
_DETAIL = msgspec.json.Decoder(dict[str, str | int | list[str] | None])


class End(NamedTuple):
    """Where the chain ends: the number of the last row, and the sealed end."""

    seq: int
    seal: bytes


async def end(conn: AsyncConnection) -> End:
    row = (await conn.execute(select(tables.audit_head))).one()
    return End(row.seq, row.mac)


async def last_mac(conn: AsyncConnection) -> bytes:
    """Give the MAC of the last row; empty when there is none."""
    row = (
        await conn.execute(select(_audit.mac).order_by(_audit.seq.desc()).limit(1))
    ).one_or_none()
    return b"" if row is None else bytes(row.mac)


async def append(conn: AsyncConnection, entries: Sequence[Entry], seal: bytes) -> None:
    """Add rows, and move the end."""
    rows = [
        {
            "seq": entry.seq,
            "at": entry.at,
            "actor": entry.actor,
            "via": entry.via.value,
            "verb": entry.verb.value,
            "about": entry.about,
            "detail": codec.text(entry.detail),
            "mac": entry.mac,
        }
        for entry in entries
    ]
    await conn.execute(tables.audit.insert(), rows)
    await conn.execute(update(tables.audit_head).values(seq=entries[-1].seq, mac=seal))


async def entries(
    conn: AsyncConnection, *, after: int = 0, limit: int, about: str | None = None
) -> list[Entry]:
    """Give the rows above a number, in their order."""
    query = select(tables.audit).where(_audit.seq > after).order_by(_audit.seq).limit(limit)
    if about is not None:
        query = query.where(_audit.about == about)
    return [_an_entry(row) for row in await conn.execute(query)]


async def newest(
    conn: AsyncConnection, *, before: int | None = None, limit: int, about: str | None = None
) -> list[Entry]:
    """Give the rows below a number, the newest first."""
    query = select(tables.audit).order_by(_audit.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(_audit.seq < before)
    if about is not None:
        query = query.where(_audit.about == about)
    return [_an_entry(row) for row in await conn.execute(query)]


def _an_entry(row: Row[int, int, str, str, str, str, str, bytes]) -> Entry:
    return Entry(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        via=Via(row.via),
        verb=Verb(row.verb),
        about=row.about,
        detail=_DETAIL.decode(row.detail),
        mac=row.mac,
    )
