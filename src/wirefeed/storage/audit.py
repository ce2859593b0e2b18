"""The rows of the audit and where their chain ends. No rules here."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from wirefeed.domain.audit import Entry, Unreadable
from wirefeed.storage import account_tables as tables
from wirefeed.storage import codec
from wirefeed.storage.tables import upsert

_audit = tables.audit.c
#: As it is held: SQLAlchemy would stumble over what is no bytes.
_MAC = type_coerce(_audit.mac, NullType()).label("mac")
_FIELDS = ("seq", "at", "actor", "via", "verb", "about", "detail", "mac")
_ROWS = select(*(_audit[name] for name in _FIELDS[:-1]), _MAC)
_DETAIL = msgspec.json.Decoder(dict[str, str | int | list[str] | None])


class End(NamedTuple):
    """Where the chain ends: the last row there is, and the end as it was sealed."""

    seq: int
    mac: bytes
    sealed: bytes


async def end(conn: AsyncConnection) -> End:
    """Give the end of the chain; a part of it that is not there is empty."""
    sealed = (await conn.execute(select(tables.audit_head.c.mac))).scalar_one_or_none()
    last = (
        await conn.execute(select(_audit.seq, _MAC).order_by(_audit.seq.desc()).limit(1))
    ).one_or_none()
    seq, mac = last or (0, b"")
    return End(seq, _bytes(mac), _bytes(sealed))


async def put_end(conn: AsyncConnection, sealed: bytes) -> None:
    row = {"id": 1, "mac": sealed}
    query = upsert(tables.audit_head).values(row)
    await conn.execute(query.on_conflict_do_update(index_elements=["id"], set_=row))


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
    await put_end(conn, seal)


async def entries(
    conn: AsyncConnection, *, after: int | None = None, limit: int
) -> list[Entry | Unreadable]:
    """Give the rows above a number, or from the very first, in their order."""
    query = _ROWS.order_by(_audit.seq).limit(limit)
    if after is not None:
        query = query.where(_audit.seq > after)
    return [_an_entry(row) for row in await conn.execute(query)]


async def newest(
    conn: AsyncConnection, *, before: int | None = None, limit: int, about: str | None = None
) -> list[Entry | Unreadable]:
    """Give the rows below a number, the newest first."""
    query = _ROWS.order_by(_audit.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(_audit.seq < before)
    if about is not None:
        query = query.where(_audit.about == about)
    return [_an_entry(row) for row in await conn.execute(query)]


def _an_entry(row: Row[*tuple[Any, ...]]) -> Entry | Unreadable:
    """SQLite keeps what it is given, whatever the column is for."""
    try:
        members = dict(zip(_FIELDS, row, strict=True))
        return msgspec.convert(members | {"detail": _DETAIL.decode(row.detail)}, Entry)
    except (TypeError, msgspec.MsgspecError):
        return Unreadable(seq=row.seq)


def _bytes(held: object) -> bytes:
    return held if isinstance(held, bytes) else b""
