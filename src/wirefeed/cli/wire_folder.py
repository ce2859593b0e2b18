"""Stories of a wire as files in a folder, and a place on it as a file: each whole, or not there.

Stories are written before the place that follows them, and each is on disk before the place is.
So whatever kills this, what comes again is what was to come, and writing it twice changes nothing.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from wirefeed.cli.wire_client import Entry, Place
from wirefeed.domain.errors import Conflict, Unacceptable

#: No story, though it stands among them: it says that something else may be seen.
_ENTITLEMENT = "entitlement"


def name_of(guid: str) -> str:
    """Name the file of a story: a guid is anybody's text, and no path."""
    return f"{hashlib.sha256(guid.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


class Folder:
    """Where stories are written, one file each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unacceptable(
                f"{path} cannot be made: {error.strerror}", field="--into"
            ) from error

    def keep(self, entries: Sequence[Entry], killed: Iterable[str] = ()) -> None:
        """Write stories as they are now; what was killed or withdrawn is its notice alone.

        One that a newer version follows is not written: its text is in that. Of `killed` the text
        goes at once; the notice of each comes in its place.
        """
        taken_back = list(killed)
        for guid in taken_back:
            if (self._path / name_of(guid)).exists():
                notice = {"uri": guid, "pubStatus": "canceled", "wirefeed": {"change": "kill"}}
                _write(self._path / name_of(guid), msgspec.json.encode(notice))
        newest = {
            entry.guid: entry
            for entry in entries
            if not entry.superseded and entry.change != _ENTITLEMENT
        }
        for guid, entry in newest.items():
            _write(self._path / name_of(guid), entry.raw)
        if newest or taken_back:
            _sync(self._path)


class State:
    """Where the place on the wire is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else go on from the same place meanwhile. Raises `Conflict`."""
        lock = self._path.with_name(f"{self._path.name}.lock")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("a")
        except OSError as error:
            raise Unacceptable(f"{lock}: {error.strerror}", field="--state") from error
        with file:
            try:
                # The kernel lets go of it however this process ends.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Conflict(
                    f"somebody follows already by {self._path}",
                    field="--state",
                    remedy="stop that one, or name another file",
                ) from error
            yield

    def read(self) -> Place:
        """Give where to go on; nothing is kept yet: at the beginning. Raises `Unacceptable`."""
        try:
            raw = self._path.read_bytes()
            return msgspec.json.decode(raw, type=Place)
        except FileNotFoundError:
            return Place()
        except (OSError, msgspec.DecodeError) as error:
            raise Unacceptable(
                f"{self._path} cannot be read: {error}",
                field="--state",
                remedy="remove it, and begin again with --backfill",
            ) from error

    def keep(self, place: Place) -> None:
        """Keep a place, once all before it is on disk."""
        _write(self._path, msgspec.json.encode(place))
        _sync(self._path.parent)


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or as it was."""
    # Always the same name: one that was left behind is written over.
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise Unacceptable(f"{path} cannot be written: {error.strerror}") from error


def _sync(folder: Path) -> None:
    """Have the names in a folder on disk, too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
