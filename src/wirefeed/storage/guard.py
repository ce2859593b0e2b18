"""Calls to a server that may be away, slow or wrong: each has its time, and none fails its caller.

No rules here, and nothing of what is asked: only whether it is worth asking, and for how long.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from wirefeed.storage.breaker import Breaker

#: When our own loop was busy at that time, an answer may be there that nobody has looked at yet.
_LATE = 0.005
_GRACE = 0.01
#: Of the time a call has: what takes longer is slow.
_SLOW = 0.5
#: Until the server is left alone, if nothing is answered between them.
_FAILURES = 3
#: Seconds between probes; each process draws its own, so that they do not come in step.
_PAUSE = (0.5, 1.0)
#: More at once would wait for each other rather than for the server.
_MOST_CALLS = 64

_log = structlog.get_logger("wirefeed.cache")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is to be known of it."""

    #: Whether an error is an answer: a server that says no is there.
    is_answer: Callable[[BaseException], bool]
    #: Has it answer something small.
    probe: Callable[[], Awaitable[object]]
    #: Lets go of every connection: whatever hangs on one hangs there.
    renew: Callable[[], Awaitable[None]]


class Guard:
    """Calls a server while that is worth the wait, and finds out when it is again."""

    def __init__(self, server: Server, counts: Counter[tuple[str, ...]], limit: float) -> None:
        self._server = server
        self._limit = limit
        self._counts = counts
        self._breaker = Breaker(_FAILURES)
        self._running: set[asyncio.Task[Any]] = set()
        #: Those of them that have not been given up,
        self._awaited: set[asyncio.Task[Any]] = set()
        #: and those that the server lets wait.
        self._slow: set[asyncio.Task[Any]] = set()
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the server is left alone."""
        return self._breaker.is_open

    @property
    def is_sure(self) -> bool:
        """Whether the server answered in time when it was last asked."""
        return self._breaker.is_sure

    async def call(
        self,
        work: Callable[[], Coroutine[Any, Any, _Result]],
        *,
        is_small: Callable[[_Result], bool] = lambda _: False,
    ) -> _Result | None:
        """Give what the server answers; None when it does not, not in time, or with an error.

        `is_small` says of which answers it says nothing that they came in time.
        """
        if len(self._running) >= _MOST_CALLS or not self._breaker.admits():
            self._counts["cache", "redis-skipped"] += 1
            return None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Result | None] = loop.create_future()
        # A task of its own: a caller that goes away leaves no connection half read, and one that
        # takes long to be given up keeps nobody waiting.
        call = asyncio.create_task(work())
        self._running.add(call)
        self._awaited.add(call)
        now, soon = loop.time(), self._limit * _SLOW
        give_up = partial(self._give_up, call, answer, now + self._limit)
        limit = loop.call_later(self._limit, give_up)
        slow = loop.call_later(soon, self._find_slow, call, now + soon)
        call.add_done_callback(lambda _: limit.cancel())
        call.add_done_callback(lambda _: slow.cancel())
        call.add_done_callback(partial(self._ended, answer, is_small))
        return await answer

    async def close(self) -> None:
        """End every call, and stop finding out."""
        tasks = [*self._running, *([self._probing] if self._probing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _find_slow(self, call: "asyncio.Task[_Result]", due: float) -> None:
        """Note that an answer is not there, unless it may be our own loop that has no time."""
        loop = asyncio.get_running_loop()
        if loop.time() > due + _LATE:
            loop.call_later(_GRACE, self._find_slow, call, math.inf)
        elif call in self._awaited:
            self._slow.add(call)

    def _ended(
        self,
        answer: "asyncio.Future[_Result | None]",
        is_small: Callable[[_Result], bool],
        call: "asyncio.Task[_Result]",
    ) -> None:
        self._running.discard(call)
        is_slow = call in self._slow
        self._slow.discard(call)
        error = asyncio.CancelledError() if call.cancelled() else call.exception()
        if call in self._awaited:
            self._awaited.discard(call)
            small = error is None and is_small(call.result())
            self._note(error, is_slow=is_slow, small=small)
        if not answer.done():
            answer.set_result(call.result() if error is None else None)

    def _give_up(
        self,
        call: "asyncio.Task[_Result]",
        answer: "asyncio.Future[_Result | None]",
        due: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() > due + _LATE:
            loop.call_later(_GRACE, self._give_up, call, answer, math.inf)
            return
        if call in self._awaited:
            self._awaited.discard(call)
            self._note(TimeoutError(), is_slow=True)
            call.cancel()
        if not answer.done():
            answer.set_result(None)

    def _note(self, error: BaseException | None, *, is_slow: bool, small: bool = False) -> None:
        """Note how a call ended, and say so when that changes anything."""
        was_closed, was_open = self._breaker.is_closed, self._breaker.is_open
        if error is not None:
            self._counts["cache", "redis-failed"] += 1
        elif is_slow:
            self._counts["cache", "redis-slow"] += 1
        is_answer = error is None or self._server.is_answer(error)
        # One that answers, and that slowly, costs more than it saves: it is left alone like one
        # that is away.
        if is_answer and not is_slow:
            self._breaker.succeeded(small=small)
        else:
            self._breaker.failed()
        if self._breaker.is_closed and not was_closed:
            _log.info("redis back")
        if not self._breaker.is_open or was_open:
            return
        if was_closed:
            # Its kind alone: a message may quote an address, and that a password.
            _log.warning("redis lost", error=type(error).__name__ if error else "slow")
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        """Ask now and then, so that no request has to find out, until there is an answer."""
        if self._running:
            # They were given up, and only clean up behind them.
            await asyncio.wait(set(self._running), timeout=_PAUSE[0])
        await self._server.renew()
        while self._breaker.is_open:
            await asyncio.sleep(random.uniform(*_PAUSE))  # noqa: S311 - guards nothing
            with suppress(Exception):
                async with asyncio.timeout(self._limit * _SLOW):
                    await self._server.probe()
                self._breaker.probed()
