"""The audit: writes down who did what, in the transaction that does it, and checks the chain."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import (
    CUT,
    START,
    Actor,
    Checking,
    Detail,
    Entry,
    Unreadable,
    Verb,
    chain,
    ends,
    seal,
)
from wirefeed.domain.errors import Unavailable
from wirefeed.storage import audit, wire
from wirefeed.storage.database import Database

#: Rows that are read at once.
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check of the chain found."""

    #: How many rows hold.
    good: int
    #: The number of the first row that does not; None when all do.
    broken: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that is done, and to what."""

    verb: Verb
    about: str
    #: Ids, counts and dates.
    detail: Detail = field(default_factory=dict)


class Audit:
    """Who did what."""

    def __init__(self, database: Database, key: bytes, clock: Callable[[], int]) -> None:
        self._database = database
        self._key = key
        self._clock = clock

    async def begin(self, *, upgraded: bool = False) -> None:
        """Seal the end of a chain that is yet to begin: that of a new database, or an upgraded one.

        The chain of any other has begun, and without a row it is one that was cut off.
        """
        async with self._database.reading() as connection:
            if not await self._is_to_begin(connection, upgraded=upgraded):
                return
        async with self._database.writing() as connection:
            if await self._is_to_begin(connection, upgraded=upgraded):
                await audit.put_end(connection, seal(self._key, 0, START))

    async def _is_to_begin(self, connection: AsyncConnection, *, upgraded: bool) -> bool:
        if await audit.end(connection) != audit.End(0, START, b""):
            return False
        return upgraded or (await wire.head(connection)).position == 0

    async def record(
        self,
        connection: AsyncConnection,
        by: Actor,
        verb: Verb,
        about: str,
        **detail: str | int | list[str] | None,
    ) -> None:
        """Write down what is being done, in its own transaction: both are kept or neither.

        `detail` holds ids, counts and dates: no names, no addresses, no secrets.
        """
        await self.record_all(connection, by, [Deed(verb=verb, about=about, detail=detail)])

    async def record_all(
        self, connection: AsyncConnection, by: Actor, deeds: Sequence[Deed]
    ) -> None:
        """Write down several things that are done at once, in their order."""
        if not deeds:
            return
        last = await audit.end(connection)
        holds = ends(self._key, last.seq, last.mac, last.sealed)
        mac = last.mac if holds else CUT
        entries = []
        for seq, deed in enumerate(deeds, last.seq + 1):
            entry = Entry(
                seq=seq,
                at=self._clock(),
                actor=by.id,
                via=by.via,
                verb=deed.verb,
                about=deed.about,
                detail={name: value for name, value in deed.detail.items() if value is not None},
            )
            mac = chain(self._key, mac, entry)
            entries.append(replace(entry, mac=mac))
        await audit.append(connection, entries, seal(self._key, entries[-1].seq, mac))

    async def newest(
        self, *, before: int | None = None, limit: int = 100, about: str | None = None
    ) -> list[Entry]:
        """List what was done, the newest first. Raises `Unavailable` for what is no row of ours."""
        async with self._database.reading() as connection:
            found = await audit.newest(connection, before=before, limit=limit, about=about)
        return [_readable(entry) for entry in found]

    async def verify(self, *, page: int = _PAGE) -> Verdict:
        """Walk the chain from its start to its end, and say where it first breaks.

        Each page is a read of its own, since nobody can write for as long as one lasts, and is
        checked in a thread. What is appended meanwhile is walked, too.
        """
        checking = Checking(self._key)
        after: int | None = None
        while True:
            async with self._database.reading() as connection:
                rows = await audit.entries(connection, after=after, limit=page)
                # A page that is not full is the last, and the end read with it is its own.
                end = await audit.end(connection)
            await asyncio.to_thread(checking.take, rows)
            if checking.broken is not None or len(rows) < page:
                break
            after = rows[-1].seq
        broken = checking.finish(end.sealed)
        return Verdict(good=end.seq if broken is None else broken - 1, broken=broken)


def _readable(entry: Entry | Unreadable) -> Entry:
    if isinstance(entry, Unreadable):
        raise Unavailable(
            f"row {entry.seq} of the audit cannot be read", remedy="run `wirefeed audit verify`"
        )
    return entry
