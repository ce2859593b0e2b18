"""How SQLite is used: its address, how a connection is set up, and its errors in our words.

No rules here, and no tables.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from wirefeed.domain.errors import Unacceptable, Unavailable

SETTING = "database.url"
#: Seconds to wait for the lock of another process.
PATIENCE = 5.0
_SCHEME = "sqlite:///"

#: https://www.sqlite.org/wal.html#walresetbug: below these, two connections that checkpoint
#: at once may lose pages. By release line; later lines all have the correction.
_MENDED = {(3, 44): 6, (3, 50): 7, (3, 51): 3}

#: Of the pages it has read, each connection that only reads keeps so many KiB. The system keeps
#: them, too, once for all: with four times as much a key that was not known cost the same, among
#: a million.
_KEPT = 512

BUSY = "the database is busy"
#: SQLite's primary result codes that tell of the world, not of a wrong statement.
_OUT_OF_REACH = {
    sqlite3.SQLITE_PERM: "the database may not be used",
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_NOMEM: "the database is out of memory",
    sqlite3.SQLITE_READONLY: "the database may not be written",
    sqlite3.SQLITE_INTERRUPT: "the database was interrupted",
    sqlite3.SQLITE_IOERR: "the disk of the database fails",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_FULL: "the disk of the database is full",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_PROTOCOL: BUSY,
    sqlite3.SQLITE_NOTADB: "the file is not a database",
}
#: What would help, for whoever looks after it.
_REMEDIES = {
    BUSY: "another program holds it: try again, or find out which with `fuser`",
    "the database is out of memory": "give it more memory",
    "the database was interrupted": "try again",
    "the disk of the database fails": "see what the system's log says of that disk",
    "the database is damaged": "restore the last backup that `wirefeed db check` finds whole",
    "the disk of the database is full": "make room",
    "the file is not a database": f"see {SETTING}",
}
_SEE_WHOSE = f"see that {SETTING} names a file, and that it and its folder are wirefeed's user's"


def path_of(url: str) -> Path:
    """Give where a database named `sqlite:///path` lies. Raises `Unacceptable`."""
    path = url.removeprefix(_SCHEME)
    if path in {url, "", ":memory:"} or "\0" in path:
        raise Unacceptable(
            "the database is named by an address",
            field=SETTING,
            remedy="use sqlite:///path/to/wirefeed.db",
        )
    return Path(path)


def journal_mode(version: tuple[int, ...]) -> str:
    """Say how SQLite of this version keeps its journal safely."""
    line = version[:2]
    mended = line > max(_MENDED) or (line in _MENDED and version[2] >= _MENDED[line])
    return "wal" if mended else "persist"


@contextmanager
def plain_engine(path: Path) -> Iterator[Engine]:
    """Give an engine that is not asynchronous: migrations are not."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    prepare(engine, "BEGIN IMMEDIATE", PATIENCE)
    try:
        with telling_what_failed():
            yield engine
    finally:
        engine.dispose()


def prepare(engine: Engine, begin: str, patience: float, *, query_only: bool = False) -> None:
    """Set up every connection, and begin transactions ourselves.

    Left alone, the driver begins one at the first write, after what it was decided by was
    read; and one that becomes a writer later fails at once when another was faster
    (https://www.sqlite.org/lang_transaction.html §2.1).
    """
    mode = journal_mode(sqlite3.sqlite_version_info)
    pragmas = {
        "busy_timeout": round(patience * 1000),
        "journal_mode": mode,
        "synchronous": "FULL",
        "foreign_keys": "ON",
        "temp_store": "MEMORY",
        # A transaction too large for the cache would lock readers out before it commits.
        "cache_spill": "OFF",
        "query_only": "ON" if query_only else "OFF",
    }

    if query_only:
        # https://www.sqlite.org/pragma.html#pragma_cache_size: if negative, KiB.
        pragmas["cache_size"] = -_KEPT

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:  # noqa: ANN401  # the driver's, two kinds
        try:
            connection.isolation_level = None
            cursor = connection.cursor()
            for name, value in pragmas.items():
                cursor.execute(f"PRAGMA {name} = {value}")
            cursor.close()
        except BaseException:
            # The pool forgets one that it never had, and with it a thread.
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


@contextmanager
def telling_what_failed() -> Iterator[None]:
    """Turn the driver's errors about the world into `Unavailable`; others are our mistakes."""
    try:
        yield
    except PoolTimeoutError as error:
        raise unavailable(BUSY) from error
    except DBAPIError as error:
        # The low byte is the primary code (https://www.sqlite.org/rescode.html).
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code not in _OUT_OF_REACH:
            raise
        raise unavailable(_OUT_OF_REACH[code]) from error


def out_of_reach(error: sqlite3.Error) -> Unavailable:
    """Say in our words why the database cannot be used."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return unavailable(_OUT_OF_REACH.get(code, "the database cannot be used"))


def unavailable(said: str) -> Unavailable:
    """Say that the database cannot be used, and what would help."""
    return Unavailable(said, remedy=_REMEDIES.get(said, _SEE_WHOSE))
