"""Programs that are measured: each on the one core, as they run by themselves, and what they take.

Whoever measures, and its load, stay on the other core where there are two.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.process import free_ports

_PATIENCE = 60
_TICKS = os.sysconf("SC_CLK_TCK")
#: As they were when nothing was kept on one of them.
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A program that listens on a port."""

    port: int
    pid: int

    @property
    def ops(self) -> int:
        """The port on which operators ask wirefeed."""
        return self.port + 1

    def cpu(self) -> float:
        """Give the seconds of processor time it has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Give the memory it has resident, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) / 1000


def stay_with_the_load() -> None:
    """Keep this process, and the load it starts, off the core of the servers."""
    if _CORES:
        os.sched_setaffinity(0, {_CORES[-1]})


def keep_with_servers(pid: int) -> None:
    """Keep a process, and those that it has started, on the core of what is measured."""
    if _CORES:
        for one in family(pid):
            os.sched_setaffinity(one, {_CORES[0]})


def family(pid: int) -> list[int]:
    """Give a process and those that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


@contextmanager
def wirefeed(folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run `wirefeed serve` over a data set."""
    port = free_ports(2)
    command = "from wirefeed.cli.main import main; main()"
    arguments = ["--config", str(folder / "wirefeed.toml"), "serve", "--port", str(port)]
    with program([sys.executable, "-c", command, *arguments], port, environ) as server:
        yield server


@contextmanager
def program(
    command: Sequence[str], port: int, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a program on the servers' core until it listens; it ends with the block."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env={**os.environ, **(environ or {})}
        )
        try:
            keep_with_servers(process.pid)
            _wait(process, port, said)
            yield Server(port=port, pid=process.pid)
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, said: IO[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            said.seek(0)
            raise RuntimeError(f"{process.args!r} ended: {said.read().decode()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)  # nothing tells that it listens
    raise TimeoutError(f"{process.args!r} does not listen on {port}")
