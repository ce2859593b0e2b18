"""The parent of workers: whom it starts, and when, whatever becomes of them."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.process import PATIENCE
from wirefeed.cli.supervisor import Supervisor, pause
from wirefeed.cli.workers import Worker


class Process:
    """A process that ends when the test says so."""

    def __init__(self, number: int) -> None:
        self.pid = number
        self.returncode: int | None = None
        self.told: list[int] = []
        self._ended = asyncio.Event()

    async def wait(self) -> None:
        await self._ended.wait()

    def end(self, status: int = 0) -> None:
        self.returncode = status
        self._ended.set()

    def send_signal(self, number: int) -> None:
        self.told.append(number)
        self.end()


@dataclass
class Workers:
    """Workers that are no processes: the first that fail, in which way, and who serves."""

    #: By number: raised when it is started, or an exit status before it is ready.
    failing: dict[int, OSError | int] = field(default_factory=dict)
    #: By number: what it waits for before it is ready.
    waiting: dict[int, asyncio.Event] = field(default_factory=dict)
    processes: dict[int, Any] = field(default_factory=dict)
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, number: int) -> Worker:
        failure = self.failing.get(number)
        if isinstance(failure, OSError):
            self.processes[number] = None
            raise failure
        self.processes[number] = process = Process(number)
        line, theirs = socket.socketpair()
        line.setblocking(False)
        self._tasks.append(asyncio.create_task(self._ready(process, theirs, failure)))
        return Worker(number=number, process=process, line=line)  # type: ignore[arg-type]

    async def _ready(self, process: Process, line: socket.socket, failure: int | None) -> None:
        if process.pid in self.waiting:
            await self.waiting[process.pid].wait()
        with line, suppress(BrokenPipeError):
            if failure is None:
                line.sendall(b"1")
            else:
                process.end(failure)

    async def serving(self, *numbers: int) -> None:
        """Wait until these are the workers that were started and have not ended."""
        await _until(lambda: self._living() == set(numbers))

    async def tried(self, number: int) -> None:
        """Wait until this one was started, however that ended."""
        await _until(lambda: number in self.processes)

    def _living(self) -> set[int]:
        return {
            number
            for number, process in self.processes.items()
            if process is not None and process.returncode is None
        }


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is watched has no events for tests
            await asyncio.sleep(0)


@asynccontextmanager
async def watching(workers: Workers) -> AsyncIterator["asyncio.Task[bool]"]:
    supervisor = Supervisor(workers.start, 2, started=workers.has_begun.set, refuse=lambda: None)
    task = asyncio.create_task(supervisor.run())
    yield task
    signal.raise_signal(signal.SIGTERM)
    assert await asyncio.wait_for(task, PATIENCE)
    await asyncio.gather(*workers._tasks)
    assert not workers._living()


async def test_all_begin_and_end_together():
    workers = Workers()
    async with watching(workers):
        await workers.has_begun.wait()
        await workers.serving(1, 2)
    assert workers.processes[1].told == workers.processes[2].told == [signal.SIGTERM]


@pytest.mark.parametrize("failure", [OSError(11, "no more processes"), 1])
async def test_one_that_cannot_be_started_is_tried_again(failure: OSError | int):
    workers = Workers(failing={3: failure, 4: failure})
    async with watching(workers):
        await workers.has_begun.wait()
        workers.processes[2].end(-9)
        await workers.serving(1, 5)


@pytest.mark.parametrize("failure", [OSError(11, "no more processes"), 1])
async def test_without_the_first_there_is_no_second(failure: OSError | int):
    workers = Workers(failing={1: failure})
    supervisor = Supervisor(workers.start, 2, started=workers.has_begun.set, refuse=lambda: None)
    assert not await asyncio.wait_for(supervisor.run(), PATIENCE)
    assert list(workers.processes) == [1]
    assert not workers.has_begun.is_set()


async def test_at_sighup_each_is_replaced_once_another_serves():
    workers = Workers(waiting={3: asyncio.Event()})
    async with watching(workers):
        await workers.has_begun.wait()
        signal.raise_signal(signal.SIGHUP)
        await workers.serving(1, 2, 3)
        workers.waiting[3].set()
        await workers.serving(3, 4)
    assert workers.processes[1].told == workers.processes[2].told == [signal.SIGHUP]


async def test_one_that_began_before_a_sighup_and_serves_after_it_is_replaced_as_well():
    workers = Workers(waiting={2: asyncio.Event()})
    async with watching(workers):
        await workers.serving(1, 2)
        signal.raise_signal(signal.SIGHUP)
        workers.waiting[2].set()
        await workers.serving(3, 4)


async def test_if_the_new_one_fails_those_that_serve_stay_until_the_next_sighup():
    workers = Workers(failing={3: 1})
    async with watching(workers):
        await workers.has_begun.wait()
        signal.raise_signal(signal.SIGHUP)
        await workers.tried(3)
        signal.raise_signal(signal.SIGHUP)
        await workers.serving(4, 5)


async def test_a_sighup_while_a_new_one_fails_is_not_lost():
    workers = Workers(failing={3: 1}, waiting={3: asyncio.Event()})
    async with watching(workers):
        await workers.has_begun.wait()
        signal.raise_signal(signal.SIGHUP)
        await workers.tried(3)
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)
        workers.waiting[3].set()
        await workers.serving(4, 5)


def test_a_worker_that_dies_at_once_is_started_again_after_a_growing_pause():
    pauses = [pause(failures) for failures in range(12)]

    assert pauses[:4] == [0, 0.1, 0.2, 0.4]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pause(1_000_000) == 10
