"""Looks up names of callbacks, each once at a time, and lets slow ones wait for one another alone.

A look-up takes a thread that nothing stops, so whoever names slow names could take all there are.
"""

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp.abc import AbstractResolver, ResolveResult

from wirefeed.domain.errors import Unavailable
from wirefeed.outbound.guard import Guard

#: Seconds to look up a name.
_NAME = 2.0
#: One that took so much of them itself is slow; one that took less waited for a thread.
_ITSELF = _NAME / 2
#: Names that took too long the last time: so many are remembered.
_SLOW = 10_000
#: Of what a name leads to, so much is tried.
_ADDRESSES = 4

#: Gives the addresses of a name, and may take its time. Raises `OSError`.
LookUp = Callable[[str], list[str]]


@dataclass(slots=True)
class _Job:
    """A name that is being looked up, or waits for that."""

    #: When a thread took it up.
    began: float | None = None
    #: How many wait for it.
    waiting: int = 0
    thread: Future[list[str]] = field(init=False)
    found: asyncio.Future[list[str]] = field(init=False)

    @property
    def is_slow(self) -> bool:
        """Say whether it is the name itself that is waited for."""
        return self.began is not None and time.monotonic() - self.began >= _ITSELF


class Resolver(AbstractResolver):
    """Looks up names. One that leads to any address that may not be called leads to none."""

    def __init__(
        self,
        guard: Guard,
        look_up: LookUp,
        threads: ThreadPoolExecutor,
        doubtful: ThreadPoolExecutor,
    ) -> None:
        self._guard = guard
        self._look_up = look_up
        self._threads = threads
        self._doubtful = doubtful
        #: Names that took too long the last time, the oldest first.
        self._slow: dict[str, None] = {}
        self._jobs: dict[str, _Job] = {}

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - so aiohttp calls it
    ) -> list[ResolveResult]:
        """Look a name up. Raises `OSError`, and `Unavailable` where it never came to its turn."""
        found = await self._found(host)
        for address in found:
            self._guard.check(address, port)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found[:_ADDRESSES]
        ]

    async def _found(self, host: str) -> list[str]:
        """Look a name up, among its like."""
        threads = self._doubtful if host in self._slow else self._threads
        job = self._jobs.get(host) or self._begin(host, threads)
        job.waiting += 1
        try:
            async with asyncio.timeout(_NAME):
                # Others may wait for the same.
                found = await asyncio.shield(job.found)
        except TimeoutError as error:
            if job.is_slow:
                self._remember_slow(host)
            elif threads is not self._doubtful:
                # One that only waited for a thread is not to blame. It keeps its turn.
                raise Unavailable("other names are being looked up") from error
            raise OSError(errno.ETIMEDOUT, "the name server takes too long") from error
        finally:
            job.waiting -= 1
            if not job.waiting and job.began is None and threads is self._doubtful:
                job.found.cancel()
        self._slow.pop(host, None)
        return found

    def _begin(self, host: str, threads: ThreadPoolExecutor) -> _Job:
        job = self._jobs[host] = _Job()

        def look_up() -> list[str]:
            job.began = time.monotonic()
            return self._look_up(host)

        job.thread = threads.submit(look_up)
        job.found = asyncio.wrap_future(job.thread)

        def done(found: asyncio.Future[list[str]]) -> None:
            del self._jobs[host]
            if not found.cancelled():
                # Perhaps nobody waits any more, and then nobody else looks at it.
                found.exception()

        job.found.add_done_callback(done)
        return job

    def _remember_slow(self, host: str) -> None:
        self._slow[host] = None
        if len(self._slow) > _SLOW:
            del self._slow[next(iter(self._slow))]

    async def close(self) -> None:
        """Wait for nothing any more."""
        for job in list(self._jobs.values()):
            job.found.cancel()


def addresses_of(host: str) -> list[str]:
    """Ask the system where a name leads. Raises `OSError`."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(place[0]) for _, _, _, _, place in found]
