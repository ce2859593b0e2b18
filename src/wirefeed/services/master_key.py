"""The master key: in a file of its own, so that neither it nor the database alone opens anything.

Under it the private parts of signing keys are encrypted, and of it other secrets are derived.
"""

import asyncio
import os
import secrets
from contextlib import suppress
from pathlib import Path

from wirefeed.domain.errors import Unavailable
from wirefeed.storage import signing_keys
from wirefeed.storage.database import Database

#: What group and others may do with a file.
_OTHERS = 0o077


async def master_key(path: Path, database: Database) -> bytes:
    """Give the master key, making it for a new database, for its owner's eyes alone.

    Raises `Unavailable` when the file cannot be read, is not a key, or is missing though
    the database holds what it should open: another key would not open that.
    """
    async with database.reading() as connection:
        is_needed = bool(await signing_keys.signing_keys(connection))
    return await asyncio.to_thread(_master, path, is_needed=is_needed)


def _master(path: Path, *, is_needed: bool) -> bytes:
    try:
        if is_needed and not path.exists():
            raise Unavailable(
                f"the master key {path} is missing",
                field="keys.master",
                remedy="restore it from a backup, or say where it is",
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_master(path)
        if path.stat().st_mode & _OTHERS:
            path.chmod(0o600)
        key = path.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"the master key cannot be read: {error.strerror}", field="keys.master"
        ) from error
    if len(key) != 32:  # noqa: PLR2004 - AES-256
        raise Unavailable(
            "the master key file does not hold a key of 32 bytes",
            field="keys.master",
            remedy="restore it from a backup",
        )
    return key


def _make_master(path: Path) -> None:
    """Write a key under a name of its own, then give it its name: never a part of one."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            # Another process may have been faster: its key holds.
            os.link(new, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        new.unlink()
