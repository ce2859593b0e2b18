"""The database as a file: copied while it is in use, and looked through. It changes nothing in it.

SQLite's own interface, since neither a copy page by page nor a check of its pages is a query.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from wirefeed.domain.errors import Unacceptable, Unavailable
from wirefeed.domain.findings import Examined, failed, judge
from wirefeed.storage.schema import newest_schema
from wirefeed.storage.sqlite import out_of_reach, path_of

#: Pages that are copied at once: 8 MB, for which nobody else waits long.
_STEP = 2048
#: So often a copy may be overtaken by changes before they are made to wait for it.
_OVERTAKEN = 3
_PATIENCE_MS = 5000
_MAGIC = b"SQLite format 3\0"

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
#: Rows that break a rule, by the rule: each query counts them.
_WRONG = {
    "the head is the newest position": (
        "SELECT count(*) FROM head WHERE position <> (SELECT coalesce(max(position), 0) FROM wire)"
    ),
    "no position is missing": "SELECT coalesce(max(position), 0) - count(*) FROM wire",
    "time on the wire never goes back": (
        "SELECT count(*) FROM (SELECT at, lag(at) OVER (ORDER BY position) AS before FROM wire)"
        " AS times WHERE at < before"
    ),
    "no story is ahead of the wire": (
        "SELECT count(*) FROM stories WHERE position > (SELECT position FROM head)"
    ),
    "what stands in a feed is a story, where it last changed": (
        "SELECT count(*) FROM placements LEFT JOIN stories ON stories.guid = placements.guid"
        " WHERE stories.guid IS NULL OR stories.position <> placements.position"
    ),
    "a story of a feed stands in it": (
        "SELECT count(*) FROM stories WHERE NOT superseded AND feeds <> '[]'"
        " AND NOT EXISTS (SELECT 1 FROM placements WHERE placements.guid = stories.guid)"
    ),
    "what falls due is a story's": (
        "SELECT count(*) FROM due"
        " WHERE NOT EXISTS (SELECT 1 FROM stories WHERE stories.guid = due.guid)"
    ),
}


class _Overtaken(Exception):
    pass


def back_up(url: str, target: Path, told: Callable[[float], None], *, pages: int = _STEP) -> None:
    """Copy the database as it is at one instant, while others use it; `told` hears how far it is.

    The copy is for its owner's eyes, is looked through, and only then gets its name. Its log has
    none: each time that it is restored, it goes on as another. Raises `Unacceptable` or
    `Unavailable`; then there is no copy, and one of this name stays as it was.
    """
    source = existing(url)
    _check_target(source, target)
    new = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise Unacceptable(f"{target} cannot be made: {error.strerror}", field="PATH") from error
    try:
        with _telling_what_failed():
            _copy(source, new, told, pages)
        if failed(judge(examine(new), newest_schema())):
            raise Unavailable(
                "the copy is not whole, and was not kept", remedy="run `wirefeed db check`"
            )
        with _telling_what_failed():
            _take_name(new)
        _keep(new, target)
    finally:
        for left in (new, Path(f"{new}-journal")):
            left.unlink(missing_ok=True)


def examine(file: Path) -> Examined:
    """Look through a database's file. Raises `Unavailable` when it cannot be read."""
    with _telling_what_failed():
        try:
            return _look_through(file)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _DAMAGED:
                raise
            # So much so that it cannot be looked through.
            return Examined(damage=(str(error),), schema=(), wrong={})


def _look_through(file: Path) -> Examined:
    with _steady(file) as connection:
        rows = connection.execute("PRAGMA integrity_check").fetchall()
        damage = tuple(str(row[0]) for row in rows if row[0] != "ok")
        if damage:
            return Examined(damage=damage, schema=(), wrong={})
        schema = _schema(connection)
        if schema != (newest_schema(),):
            return Examined(damage=(), schema=schema, wrong={})
        return Examined(
            damage=(),
            schema=schema,
            dangling=len(connection.execute("PRAGMA foreign_key_check").fetchall()),
            wrong={name: _number(connection, query) for name, query in _WRONG.items()},
            position=_number(connection, "SELECT position FROM head"),
        )


def schema_of(file: Path) -> tuple[str, ...]:
    """Give the revisions of a database's schema. Raises `Unavailable` when it cannot be read."""
    with _telling_what_failed(), closing(_connect(file)) as connection:
        return _schema(connection)


def newest_change(file: Path) -> int:
    """Give the time of the newest change on the wire. Raises `Unavailable`."""
    with _telling_what_failed(), closing(_connect(file)) as connection:
        return _number(connection, "SELECT at FROM head")


def is_writable(file: Path) -> bool:
    """Say whether the lock of a writer can be had; it is given back at once."""
    try:
        with _writers_waiting(file):
            return True
    except sqlite3.Error:
        return False


def existing(url: str, field: str = "database.url") -> Path:
    """Give the file of a database that there is. Raises `Unacceptable`, naming where it is said."""
    file = path_of(url)
    if not file.is_file():
        raise Unacceptable(f"there is no database {file}", field=field)
    return file


def _schema(connection: sqlite3.Connection) -> tuple[str, ...]:
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    if not _number(connection, tables):
        return ()
    rows = connection.execute("SELECT version_num FROM alembic_version")
    return tuple(sorted(str(row[0]) for row in rows))


def _number(connection: sqlite3.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return 0 if row is None else int(row[0])


def _copy(source: Path, new: Path, told: Callable[[float], None], pages: int) -> None:
    steps = _Steps(told)
    with closing(_connect(source)) as connection, closing(sqlite3.connect(new)) as copy:
        try:
            if _is_wal(connection):
                # Whoever writes leaves this state as it is: there is nothing to overtake it.
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.backup(copy, pages=pages, progress=steps)
        except _Overtaken:
            with _writers_waiting(source):
                connection.backup(copy, pages=pages, progress=_Steps(told))
        # One file, wherever it is taken: write-ahead mode would make it three.
        copy.execute("PRAGMA journal_mode = DELETE")


def _take_name(copy: Path) -> None:
    """Leave the log without a name: what follows here is not what followed where it was taken.

    One that were given here would be the same each time that this copy is restored.
    """
    with closing(_connect(copy, query_only=False)) as connection:
        connection.execute("UPDATE meta SET value = '' WHERE key = 'log_id'")


class _Steps:
    """Follows a copy: SQLite begins it anew when another connection has written."""

    def __init__(self, told: Callable[[float], None]) -> None:
        self._told = told
        self._left = 2**62
        self._overtaken = 0

    def __call__(self, _: int, left: int, pages: int) -> None:
        # As many as before are left of a copy that was begun anew at each step.
        self._overtaken += left >= self._left
        self._left = left
        if self._overtaken >= _OVERTAKEN:
            raise _Overtaken
        self._told(1 - left / pages if pages else 1)


@contextmanager
def _steady(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that sees one state, while readers go on; writers may have to wait.

    With a rollback journal a writer waits for every reader, and new readers for it: so it is
    held off before it begins to wait (https://www.sqlite.org/lockingv3.html §3).
    """
    with closing(_connect(file)) as connection:
        if _is_wal(connection):
            connection.execute("BEGIN")
            yield connection
        else:
            with _writers_waiting(file):
                connection.execute("BEGIN")
                yield connection


@contextmanager
def _writers_waiting(file: Path) -> Iterator[None]:
    with closing(_connect(file, query_only=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")


def _connect(file: Path, *, query_only: bool = True) -> sqlite3.Connection:
    # `rw`: what a crash has left half done is undone first; a file that is missing is not made.
    connection = sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
    connection.execute(f"PRAGMA query_only = {int(query_only)}")
    return connection


def _is_wal(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def _check_target(source: Path, target: Path) -> None:
    if not target.exists():
        return
    if target.samefile(source):
        raise Unacceptable("this is the database itself", field="PATH", remedy="choose another")
    if not target.is_file() or _head(target) not in {b"", _MAGIC}:
        # A slip of the hand is not to cost a file of another kind.
        raise Unacceptable(
            f"{target} is there, and is no backup", field="PATH", remedy="choose another"
        )


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC))


def _keep(new: Path, target: Path) -> None:
    """Have the copy on disk before it gets its name, and then its name."""
    try:
        for path, rename in ((new, True), (target.parent, False)):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if rename:
                new.replace(target)
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror}", field="PATH") from error


@contextmanager
def _telling_what_failed() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise out_of_reach(error) from error
