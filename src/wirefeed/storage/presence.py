"""Who serves a database: a lock on a file beside it, which the kernel gives back. No rules here.

Whoever may answer from memory is present while it does. What is taken back by another is in
force at once where nobody else is present, and after their lease elsewhere.
"""

import errno
import os
import struct
import sys
from pathlib import Path

from wirefeed.domain.errors import Unacceptable
from wirefeed.storage.sqlite import path_of

_SUFFIX = "-serving"
#: `struct flock`: type, whence, start, length, process. A length of 0 is the whole file; a
#: process of 0 is what fcntl(2) wants of locks that belong to an open file.
_LOCK = struct.Struct("hhqqi4x")
#: What file systems say that know no locks. They say it to everybody: nobody relies on them there.
_NO_LOCKS = frozenset({errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


class Presence:
    """One server's presence at a database.

    fcntl(2): locks of an open file "are only automatically released on the last close of the
    open file description", and conflict between two of them even within one process. So two
    applications in one process see each other, and a process that is killed is gone at once.
    """

    def __init__(self, url: str) -> None:
        # SQLite, too, follows links to where its file is before it names what lies beside it.
        path = path_of(url).resolve()
        self._path = path.with_name(path.name + _SUFFIX)
        self._held: int | None = None

    def enter(self) -> None:
        """Be present, before the first look at the database. Raises `Unacceptable`."""
        while self._held is None:
            held = self._shared()
            if _is_at(held, self._path):
                self._held = held
            else:
                # It was removed before it was locked: nobody would look at it.
                os.close(held)

    def _shared(self) -> int:
        try:
            opened = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _share(opened)
            except BaseException:
                os.close(opened)
                raise
        except OSError as error:
            message = f"{self._path} cannot be locked: {error.strerror}"
            raise Unacceptable(message, field="database.url") from error
        return opened

    def leave(self) -> None:
        """Be present no longer, after the last answer from memory."""
        if self._held is not None:
            _release(self._held)
            os.close(self._held)
            self._held = None

    def others(self) -> bool:
        """Say whether anybody else may be present; whether or not we are. Unsure, say so."""
        if self._held is not None:
            return not _is_at(self._held, self._path) or _is_shared(self._held)
        try:
            looked_at = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        try:
            return _is_shared(looked_at)
        finally:
            os.close(looked_at)


def _is_at(descriptor: int, path: Path) -> bool:
    """Say whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "linux":
    import fcntl

    def _share(descriptor: int) -> None:
        """Take a lock that any number may have, and that can be seen."""
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_RDLCK))
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise

    def _release(descriptor: int) -> None:
        """Give the lock up, even if a child that was forked has the same open file."""
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK))
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise

    def _is_shared(descriptor: int) -> bool:
        """Say whether another open file stands in the way of having it alone."""
        try:
            found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK))
        except OSError:
            return True
        return bool(_LOCK.unpack(found)[0] != fcntl.F_UNLCK)

    def _lock(kind: int) -> bytes:
        return _LOCK.pack(kind, os.SEEK_SET, 0, 0, 0)

else:
    # Locks of other systems belong to a process, or cannot be looked at.

    def _share(_: int) -> None:
        """Leave no trace: nobody would look for it."""

    def _release(_: int) -> None:
        """There is nothing to give up."""

    def _is_shared(_: int) -> bool:
        """Say that there may be others."""
        return True
