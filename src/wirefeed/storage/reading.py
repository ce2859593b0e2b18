"""SQLite for who only reads: one trip to the connection's thread for each statement.

A trip is two changes of threads and a turn of the loop. When many ask at once the loop is busy,
and trips are what a read waits for, not SQLite. No rules here, and no tables.
"""

import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiosqlite

#: Begins a transaction that reads.
BEGIN = "BEGIN"
_Description = tuple[tuple[Any, ...], ...] | None
_Rows = list[tuple[Any, ...]]


class ReadingConnection(aiosqlite.Connection):
    """A connection as SQLAlchemy's dialect uses it, with fewer trips."""

    def __init__(self, path: Path) -> None:
        super().__init__(partial(sqlite3.connect, str(path)), iter_chunk_size=0)
        # As the dialect has it: what is left open does not keep the program from ending.
        self._thread.daemon = True
        self._begins = False

    def cursor(self) -> "_Cursor":  # type: ignore[override]  # that one makes a trip
        """Give what runs one statement."""
        return _Cursor(self)

    def begin(self) -> None:
        """Begin a transaction with the next statement: until then it would see nothing anyhow.

        https://www.sqlite.org/lang_transaction.html §2.2: it "does not actually start until the
        database is first accessed".
        """
        self._begins = True

    async def rollback(self) -> None:
        """End the transaction; nobody has to wait, since whatever comes next comes after it."""
        if self._begins:
            self._begins = False
        else:
            self._tx.put_nowait((None, self._conn.rollback))

    async def run(self, statement: str, parameters: Sequence[Any]) -> tuple[_Description, _Rows]:
        """Run a statement to its end: one that is cut off keeps no lock behind."""
        begins, self._begins = self._begins, False
        found: tuple[_Description, _Rows] = await self._execute(  # type: ignore[no-untyped-call]
            _run, self._conn, statement, parameters, begins=begins
        )
        return found


def _run(
    connection: sqlite3.Connection, statement: str, parameters: Sequence[Any], *, begins: bool
) -> tuple[_Description, _Rows]:
    if begins:
        connection.execute(BEGIN)
    cursor = connection.execute(statement, parameters)
    try:
        return cursor.description, cursor.fetchall()
    finally:
        cursor.close()


class _Cursor:
    """One statement and what it found."""

    #: Of what is read nothing is counted, and nothing was inserted.
    rowcount, lastrowid = -1, None

    def __init__(self, connection: ReadingConnection) -> None:
        self._connection = connection
        self._rows: _Rows = []
        self.description: _Description = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Self:
        if statement == BEGIN:
            self._connection.begin()
        else:
            self.description, self._rows = await self._connection.run(statement, parameters)
        return self

    async def fetchall(self) -> _Rows:
        return self._rows

    async def close(self) -> None:
        self._rows = []
