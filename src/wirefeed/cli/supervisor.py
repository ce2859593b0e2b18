"""The parent of several servers: keeps as many running as there should be. It answers nothing.

What a signal asks for: SIGHUP, that each worker is replaced by a fresh one, which reads the
settings anew; SIGTERM or SIGINT, that all end.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from wirefeed.cli.workers import Worker

#: Seconds after which a worker's end is no longer that of its start.
_SETTLED = 5.0
_SHORTEST, _LONGEST = 0.1, 10.0

_log = structlog.get_logger("wirefeed.workers")


def pause(failures: int) -> float:
    """Give the seconds before the next start after some that failed one after the other."""
    return min(_LONGEST, _SHORTEST * 2 ** min(failures - 1, 16)) if failures else 0


class Supervisor:
    """Keeps `count` workers serving until a signal ends them."""

    def __init__(
        self,
        start: Callable[[int], Awaitable[Worker]],
        count: int,
        *,
        started: Callable[[], None],
        refuse: Callable[[], None],
    ) -> None:
        self._start = start
        self._count = count
        #: Called once, when all serve.
        self._started: Callable[[], None] | None = started
        #: Called when no worker is to be started any more.
        self._refuse = refuse
        self._numbers = 0
        #: All that have not ended, with the task that waits for it.
        self._living: dict[Worker, asyncio.Task[None]] = {}
        self._serving: list[Worker] = []
        #: The tasks that see those off that were replaced.
        self._leaving: set[asyncio.Task[None]] = set()
        self._failures = 0
        #: How often all were to be replaced, and whether they still are.
        self._renewals = 0
        self._is_restarting = False
        self._changed = asyncio.Event()

    async def run(self) -> bool:
        """Start the workers and watch over them until all is to end; say whether they started."""
        signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
        tending = asyncio.create_task(self._tend())
        hearing = asyncio.create_task(self._hear(signals))
        try:
            await asyncio.wait({tending, hearing}, return_when=asyncio.FIRST_COMPLETED)
            has_started = not tending.done()
            number = hearing.result() if hearing.done() else signal.SIGTERM
        finally:
            for task in (tending, hearing):
                task.cancel()
            await asyncio.wait({tending, hearing})
        self._refuse()
        leaving = [self._see_off(worker, number) for worker in self._living]
        await asyncio.gather(*leaving, *self._living.values())
        if not tending.cancelled():
            tending.result()
        return has_started

    async def _hear(self, signals: "asyncio.Queue[signal.Signals]") -> signal.Signals:
        """Heed SIGHUP; give the signal that ends it all."""
        while (number := await signals.get()) is signal.SIGHUP:
            _log.info("restarting the workers in turn")
            for worker in self._serving:
                worker.is_outdated = True
            self._is_restarting = True
            self._renewals += 1
            self._failures = 0
            self._changed.set()
        return number

    async def _tend(self) -> None:
        """Keep as many serving as there should be; return if not even the first one can."""
        # One alone at first: it sets up a new database, or says once why it cannot.
        if not await self._add(1):
            return
        while True:
            self._changed.clear()
            self._bury()
            outdated = [worker for worker in self._serving if worker.is_outdated]
            if (missing := self._count - len(self._serving)) > 0:
                await self._rest()
                failed = missing - await self._add(missing)
                self._failures += failed
            elif outdated and not self._leaving:
                await self._replace(outdated[0])
            else:
                if self._is_restarting and not outdated and not self._leaving:
                    self._is_restarting = False
                    _log.info("the workers are restarted")
                await self._changed.wait()

    def _bury(self) -> None:
        """Say of those that ended, untold, that they did."""
        for worker in [one for one in self._serving if one not in self._living]:
            self._serving.remove(worker)
            lived = time.monotonic() - worker.since
            self._failures = self._failures + 1 if lived < _SETTLED else 0
            _log.error("worker died", worker=worker.number, how=worker.how())

    async def _rest(self) -> None:
        """Wait before the next start, if the last ones failed, or until something changes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause(self._failures)):
                await self._changed.wait()

    async def _add(self, count: int) -> int:
        """Start some workers; give how many of them serve."""
        served = await asyncio.gather(*(self._begin() for _ in range(count)))
        if self._started and len(self._serving) == self._count:
            self._started()
            self._started = None
        return sum(served)

    async def _begin(self) -> bool:
        """Start a worker and wait until it serves; say whether it does."""
        self._numbers += 1
        number, renewals = self._numbers, self._renewals
        try:
            worker = await self._start(number)
        except OSError as error:
            _log.error("worker does not start", worker=number, how=error.strerror)
            return False
        ended = self._living[worker] = asyncio.create_task(self._wait(worker))
        if not await worker.ready():
            await ended
            _log.error("worker does not start", worker=worker.number, how=worker.how())
            return False
        # It may have read the settings before they were to be read anew.
        worker.is_outdated = renewals != self._renewals
        self._serving.append(worker)
        _log.info("worker serves", worker=worker.number, pid=worker.process.pid)
        return True

    async def _wait(self, worker: Worker) -> None:
        await worker.process.wait()
        worker.hang_up()
        del self._living[worker]
        self._changed.set()

    async def _replace(self, old: Worker) -> None:
        """Let a new worker take the place of an old one, which finishes what it does."""
        renewals = self._renewals
        if not await self._add(1):
            if renewals != self._renewals:
                # Asked again meanwhile: what was wrong may have been put right.
                return
            _log.error("the workers are not restarted: those that serve stay")
            self._is_restarting = False
            for worker in self._serving:
                worker.is_outdated = False
            return
        if old in self._living:
            self._serving.remove(old)
            leaving = asyncio.create_task(self._see_off(old, signal.SIGHUP))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._left)

    def _left(self, leaving: "asyncio.Task[None]") -> None:
        self._leaving.discard(leaving)
        self._changed.set()

    async def _see_off(self, worker: Worker, number: signal.Signals) -> None:
        if not await worker.end(number):
            _log.error("worker did not end in its time, and was killed", worker=worker.number)
