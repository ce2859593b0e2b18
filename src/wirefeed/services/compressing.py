"""Compresses documents one after the other beside the loop, first what most are kept waiting by.

One thread: on a core that answers requests as well, two compressions at a time end later than
one after the other, and each thread would keep memory of its own. No rules here.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from wirefeed.formats.coding import Coding, compress


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Job:
    """A document that is to be compressed."""

    body: bytes
    coding: Coding
    #: How many wait for it at the moment; none if whoever wanted it went away.
    waiting: Callable[[], int]
    since: float
    done: "Future[bytes]" = field(default_factory=Future)

    def waited(self, now: float) -> float:
        """Say for how long it was waited for, in all: nobody waits for ever behind a crowd."""
        return self.waiting() * (now - self.since)


class Compressor:
    """A thread, and what waits for it."""

    def __init__(
        self,
        work: Callable[[bytes, Coding], bytes] = compress,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._monotonic = monotonic
        self._thread = ThreadPoolExecutor(1, "compressing")
        self._jobs: list[_Job] = []

    async def compress(self, body: bytes, coding: Coding, waiting: Callable[[], int]) -> bytes:
        """Give a document compressed, in its turn."""
        job = _Job(body=body, coding=coding, waiting=waiting, since=self._monotonic())
        self._jobs.append(job)
        # One turn for each job, but which job has it is known when it comes.
        self._thread.submit(self._next)
        return await asyncio.wrap_future(job.done)

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        """Do what was waited for most: in the thread, so that it never waits for the loop."""
        now = self._monotonic()
        # The first of equals. The loop only ever appends, and nobody else takes any out.
        job = max(self._jobs, key=lambda one: one.waited(now))
        self._jobs.remove(job)
        if not job.done.set_running_or_notify_cancel():
            return
        try:
            job.done.set_result(self._work(job.body, job.coding))
        except BaseException as error:  # noqa: BLE001 - it is for those who wait
            job.done.set_exception(error)
