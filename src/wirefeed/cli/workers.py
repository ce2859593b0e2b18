"""One of several servers as a process of its own: how it is started, and told to end.

Its parent gives it the sockets and a line between the two. On the line the worker says that it
is ready; and when the parent ends, however it ends, the line ends with it.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from wirefeed.web.listening import Sockets

#: The number of a worker; none is given twice by one parent. Metrics go by it.
NUMBER = "WIREFEED_WORKER"
#: A folder that only the workers of one parent use, as long as it runs.
FOLDER = "WIREFEED_WORKERS_DIR"
#: Open files: the line, then the sockets to serve on, then those for operators.
_FILES = "WIREFEED_WORKER_FILES"
#: Fresh from the disk, so that a new release is run; `-P`: never from the folder it is run in.
_PROGRAM = (sys.executable, "-P", "-c", "from wirefeed.cli.main import main; main()")
#: Seconds a worker may take until it is ready.
_START = 60.0
#: Seconds that it gets to close what is open when the time for draining is over.
_GRACE = 5.0


@dataclass(slots=True, eq=False, kw_only=True)
class Worker:
    """A worker as its parent sees it."""

    number: int
    process: Process
    line: socket.socket
    #: Seconds it takes, by its own settings, to finish what it does.
    drain: float = 0
    #: When it was ready, by the monotonic clock.
    since: float = 0
    #: Whether another is to take its place.
    is_outdated: bool = False

    @classmethod
    async def start(
        cls, number: int, arguments: Sequence[str], sockets: Sockets, folder: str
    ) -> Self:
        """Start a process of this program that serves on the sockets."""
        line, theirs = socket.socketpair()
        groups = [[theirs], sockets.main, sockets.ops]
        numbers = [[one.fileno() for one in group] for group in groups]
        named = ";".join(",".join(map(str, group)) for group in numbers)
        line.setblocking(False)  # noqa: FBT003 - the standard library's signature
        try:
            process = await create_subprocess_exec(
                *_PROGRAM,
                *arguments,
                stdin=DEVNULL,
                env={**os.environ, NUMBER: str(number), FOLDER: folder, _FILES: named},
                pass_fds=[one for group in numbers for one in group],
                # Ctrl-C on a terminal goes to the parent, which says what is to be done.
                process_group=0,
            )
        except BaseException:
            line.close()
            raise
        finally:
            theirs.close()
        return cls(number=number, process=process, line=line)

    async def ready(self) -> bool:
        """Wait until it serves; say whether it does. One that takes too long is ended."""
        try:
            return await self._ready()
        finally:
            if not self.since:
                self.line.close()

    async def _ready(self) -> bool:
        try:
            async with asyncio.timeout(_START):
                said = await asyncio.get_running_loop().sock_recv(self.line, 100)
        except (TimeoutError, OSError):
            self.tell(signal.SIGKILL)
            return False
        if not said:
            await self._wait(_GRACE)
            return False
        self.drain, self.since = float(said), time.monotonic()
        return True

    def hang_up(self) -> None:
        """Close the line, when it has ended; while it is listened to, the listener does."""
        if self.since:
            self.line.close()

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def end(self, number: signal.Signals) -> bool:
        """Tell it to end, and wait; say whether it did so by itself, in its time."""
        self.tell(number)
        return await self._wait(self.drain + _GRACE)

    async def _wait(self, seconds: float) -> bool:
        """Wait for its end as long as this, and then end it; say whether it ended by itself."""
        try:
            async with asyncio.timeout(seconds):
                await self.process.wait()
        except TimeoutError:
            self.tell(signal.SIGKILL)
            await self.process.wait()
            return False
        return True

    def how(self) -> str:
        """Say how it ended."""
        status = self.process.returncode
        if status is not None and status < 0:
            return signal.Signals(-status).name
        return f"exit status {status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What a worker has of its parent."""

    line: socket.socket = field(repr=False)
    sockets: Sockets

    def ready(self, drain: float) -> None:
        """Say that this worker serves; from now on it ends when its parent has ended."""
        asyncio.get_running_loop().add_reader(self.line.fileno(), self._heard)
        self.line.sendall(str(drain).encode())

    def _heard(self) -> None:
        """End with the parent: it says nothing, so what is heard is the end of the line."""
        asyncio.get_running_loop().remove_reader(self.line.fileno())
        signal.raise_signal(signal.SIGTERM)


def inherited(environ: Mapping[str, str]) -> Inherited | None:
    """Take over what a parent gave; nothing if this process is nobody's worker."""
    if _FILES not in environ:
        return None
    groups = [
        [_adopted(int(number)) for number in group.split(",") if number]
        for group in environ[_FILES].split(";")
    ]
    (line,), main, ops = groups
    return Inherited(line=line, sockets=Sockets(main=main, ops=ops))


def _adopted(number: int) -> socket.socket:
    # What this process starts itself is not to keep the line, or the sockets, open.
    os.set_inheritable(number, False)  # noqa: FBT003 - the standard library's signature
    return socket.socket(fileno=number)
