"""The schema of the database: whether a file has this release's, and how it comes to it.

Alembic is slow to import, and only a new or an old file needs it.
"""

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from wirefeed.domain.errors import Unacceptable
from wirefeed.storage.sqlite import SETTING, path_of, plain_engine

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).with_name("migrations")
#: Alembic keeps the migration under way in a module; one at a time.
_UPGRADING = threading.Lock()


def upgrade(url: str) -> None:
    """Bring the database to this version's schema, in one transaction; make it if need be."""
    path = path_of(url)
    _make_file(path)
    _migrate(path)


def newest_schema() -> str:
    """Give the revision of this release's schema."""
    return max(_revisions())


def make_ready(path: Path) -> None:
    """See that a file has this release's schema; a new or empty one is given it.

    Raises `Unacceptable` for one that is not ours or of another version.
    """
    _make_file(path)
    with plain_engine(path) as engine, engine.connect() as conn:
        names = inspect(conn).get_table_names()
        found = _found(conn) if "alembic_version" in names else set()
    if not names:
        _migrate(path)
    elif found != {newest_schema()}:
        raise _refusal(path, found)


def _found(conn: Connection) -> set[str]:
    return set(conn.execute(text("SELECT version_num FROM alembic_version")).scalars())


def _refusal(path: Path, found: set[str]) -> Unacceptable:
    if not found:
        return Unacceptable(f"{path} is not a database of wirefeed", field=SETTING)
    if not _revisions() >= found:
        return Unacceptable(
            f"{path} was made by a newer wirefeed", field=SETTING, remedy="install that one"
        )
    return Unacceptable(
        f"{path} was made by an older wirefeed", field=SETTING, remedy="run wirefeed db upgrade"
    )


def _revisions() -> set[str]:
    """Name the revisions there are: each script bears its own, as `0001_first.py` does."""
    return {path.name.partition("_")[0] for path in _MIGRATIONS.glob("versions/[0-9]*_*.py")}


def _make_file(path: Path) -> None:
    """Make file and folders for their owner alone; SQLite gives its journal the file's mode."""
    try:
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        # Only a new file is opened here: closing one in use would drop SQLite's locks on it
        # (https://www.sqlite.org/howtocorrupt.html §2.2).
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        message = f"{path} cannot be made: {error.strerror}"
        raise Unacceptable(message, field=SETTING) from error


def _migrate(path: Path) -> None:
    from alembic import command  # noqa: PLC0415 - as above

    with _UPGRADING, plain_engine(path) as engine, engine.begin() as conn:
        command.upgrade(_config(conn), "head")


def _config(conn: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
