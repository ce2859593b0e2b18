"""`wirefeed` as a process of its own, started by fork from a parent that has imported it.

Python takes a second to import everything; a fork of a warmed parent takes milliseconds,
which is what lets a test start and kill the server fifty times. What runs is the command's
own `main`, with its own arguments, environment, output and signals.
"""

import multiprocessing
import os
import pkgutil
import queue
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from wirefeed import cli as wirefeed_cli
from wirefeed import telemetry
from wirefeed.cli.main import main

#: Seconds: a shared machine is slow now and then; nothing waits this long when all is well.
PATIENCE = 60.0
_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(
    [
        *(f"wirefeed.cli.{module.name}" for module in pkgutil.iter_modules(wirefeed_cli.__path__)),
        "uvloop",
        "aiohttp",
        # A forked process imports the main module anew, and that is pytest.
        "pytest",
    ]
)


@dataclass(slots=True)
class Wirefeed:
    """A running `wirefeed`: what it says, and how it ends."""

    process: "multiprocessing.context.ForkServerProcess"
    lines: "queue.Queue[str | None]"
    #: What it has said so far, standard output and error in their order.
    said: list[str] = field(default_factory=list)

    def wait_for(self, words: str) -> str:
        """Wait for a line that holds these words, and give it."""
        while (line := self.lines.get(timeout=PATIENCE)) is not None:
            self.said.append(line)
            if words in line:
                return line
        raise AssertionError(f"it ended without saying {words!r}: {self.said}")

    def signal(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        # It may have been killed before.
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def ended(self) -> int:
        """Wait for its end; give its exit status."""
        while (line := self.lines.get(timeout=PATIENCE)) is not None:
            self.said.append(line)
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "it does not end"
        return self.process.exitcode


@contextmanager
def wirefeed(
    *arguments: str, folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Wirefeed]:
    """Run `wirefeed` with arguments, in a folder; it is killed at the end if it still runs."""
    with running(_command, arguments, folder=folder, environ=environ) as started:
        yield started


@contextmanager
def running(
    work: Callable[..., None],
    arguments: tuple[object, ...],
    *,
    folder: Path,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Wirefeed]:
    """Run a function of a test's module as a process, in a folder."""
    heard, told = _WARM.Pipe(duplex=False)
    process = _WARM.Process(
        target=_become, args=(work, arguments, str(folder), dict(environ or {}), told), daemon=True
    )
    process.start()
    told.close()
    lines: queue.Queue[str | None] = queue.Queue()
    reading = threading.Thread(target=_read, args=(heard, lines), daemon=True)
    reading.start()
    try:
        yield Wirefeed(process=process, lines=lines)
    finally:
        process.kill()
        process.join()
        reading.join(PATIENCE)
        process.close()


def free_ports(count: int = 1) -> int:
    """Give the first of `count` neighbouring ports of the loopback interface that are free now.

    They lie below those that systems hand out, which any test beside this one may be given.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        if all(_free(port + n) for n in range(count)):
            return port


def _free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def _read(heard: Connection, lines: "queue.Queue[str | None]") -> None:
    with os.fdopen(os.dup(heard.fileno()), "r", encoding="utf-8", errors="replace") as file:
        heard.close()
        for line in file:
            lines.put(line.rstrip("\n"))
    lines.put(None)


def _become(
    work: Callable[..., None],
    arguments: tuple[object, ...],
    folder: str,
    environ: dict[str, str],
    told: Connection,
) -> None:
    """Be another program (in the new process)."""
    os.dup2(told.fileno(), 1)
    os.dup2(told.fileno(), 2)
    told.close()
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)
    os.environ.update(environ)
    os.chdir(folder)
    # The parent that forked it lets nobody interrupt it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work(*arguments)


def _command(*arguments: str) -> None:
    sys.argv = ["wirefeed", *arguments]
    try:
        main()
    finally:
        # A process of `multiprocessing` ends without what `atexit` was told to do.
        if log := telemetry.in_force():
            log.close()
