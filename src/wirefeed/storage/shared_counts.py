"""What each worker of one server has counted, in files that every one of them can add up.

No rules here, and nothing that must outlive the server: the folder is its supervisor's.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Self

import msgspec

#: What was counted: its name, then its labels.
Counts = Mapping[tuple[str, ...], int]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What one process had counted, and how it stood, at one time."""

    #: The number of the worker.
    worker: str
    counts: dict[tuple[str, ...], int]
    #: How things stand in it: nothing once it is gone.
    gauges: dict[str, float]


class _File(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A snapshot as it is written: no map of msgpack has arrays as its keys."""

    worker: str
    counts: list[tuple[tuple[str, ...], int]]
    gauges: dict[str, float]


class SharedCounts:
    """The place of one process among those that share a folder.

    A place is held by a lock, which ends with its process, however that ends. The next to
    come takes the place over and counts on from there: what was counted never gets less, and
    there are no more files than there ever were processes at once.
    """

    def __init__(self, folder: Path, number: int, lock: int) -> None:
        self._folder = folder
        self._number = number
        self._lock = lock

    @classmethod
    def enter(cls, folder: Path) -> Self:
        """Take the first place that nobody holds."""
        for number in count():
            lock = os.open(folder / f"{number}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            if _try_lock(lock):
                return cls(folder, number, lock)
            os.close(lock)
        raise AssertionError

    def leave(self) -> None:
        """Leave the place to the next."""
        os.close(self._lock)

    def inherited(self) -> Counts:
        """Give what was counted at this place before."""
        held = _read(self._file(self._number))
        return {} if held is None else dict(held.counts)

    def write(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the last: whoever reads sees one of the two."""
        file = self._file(self._number)
        new = file.with_suffix(".new")
        new.write_bytes(
            msgspec.msgpack.encode(
                _File(
                    worker=snapshot.worker,
                    counts=list(snapshot.counts.items()),
                    gauges=snapshot.gauges,
                )
            )
        )
        new.replace(file)

    def others(self) -> Iterator[Snapshot]:
        """Give the last snapshots of the other places; one that is left has no gauges."""
        for lock in sorted(self._folder.glob("*.lock")):
            number = int(lock.stem)
            held = _read(self._file(number)) if number != self._number else None
            if held is not None:
                yield Snapshot(
                    worker=held.worker,
                    counts=dict(held.counts),
                    gauges={} if _is_left(lock) else held.gauges,
                )

    def _file(self, number: int) -> Path:
        return self._folder / f"{number}.counts"


def _read(file: Path) -> _File | None:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=_File)
    except (FileNotFoundError, msgspec.DecodeError):
        # While workers are replaced one by one, another release may write otherwise.
        return None


def _is_left(path: Path) -> bool:
    lock = os.open(path, os.O_RDWR)
    try:
        return _try_lock(lock)
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    import fcntl  # noqa: PLC0415 - not on every platform; nor are several workers

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
