"""Rendered bytes by kind and key: in memory, over Redis if there is one, else made. No rules here.

A key says all of what it names, so nothing here is ever stale. A cache may forget anything at
any time; nobody may depend on it for an answer.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol

from wirefeed.storage.lru import Lru

#: Seconds between signs of life, between looks for what another makes, and until it is made here
#: all the same, however alive the other is.
_BEAT = 0.02
_LOOK = 0.01
_PATIENCE = 1.0

Make = Callable[[], Awaitable[bytes]]


class Turn(StrEnum):
    """Whose it is to make what is not held."""

    #: Ours: others wait for it.
    OURS = "ours"
    #: Somebody's who was alive a moment ago.
    THEIRS = "theirs"
    #: Nobody can say.
    UNKNOWN = "unknown"


class Shared(Protocol):
    """What all processes hold in common. It never fails, and never takes long."""

    async def get(self, kind: str, key: bytes) -> bytes | None:
        """Give what is held."""

    async def turn(self, kind: str, key: bytes) -> bytes | Turn:
        """Give what is held, or say whose it is to make it."""

    async def stay(self, kind: str, key: bytes) -> None:
        """Give a sign of life: what is ours to make is still being made."""

    def put(self, kind: str, key: bytes, value: bytes | None, *, awaited: bool = False) -> None:
        """Hold a value soon, or not at all; if it was ours to make, end our turn after it."""

    async def close(self) -> None:
        """Let go of it."""


class Cache:
    """Bytes by kind and key, made once for however many ask."""

    def __init__(
        self,
        memory: Lru,
        counts: Counter[tuple[str, ...]],
        shared: Shared | None = None,
    ) -> None:
        self._memory = memory
        self._counts = counts
        self._shared = shared
        self._making: dict[bytes, asyncio.Task[bytes]] = {}
        #: How many wait for each of these.
        self._waiting: Counter[bytes] = Counter()
        self._beats: set[asyncio.Task[None]] = set()

    def held(self, kind: str, key: bytes) -> bytes | None:
        """Give what memory holds, at once."""
        value = self._memory.get(_name(kind, key))
        if value is not None:
            self._counts["cache", "memory"] += 1
        return value

    async def find(self, kind: str, key: bytes) -> bytes | None:
        """Give what memory or Redis holds; None if neither does, or Redis is not there in time."""
        value = self.held(kind, key)
        if value is None and self._shared is not None:
            value = await self._shared.get(kind, key)
            if value is not None:
                self._memory.put(_name(kind, key), value)
        return value

    async def fetch(self, kind: str, key: bytes, make: Make) -> bytes:
        """Give what is held, or have it made: once, for all who ask while that goes on.

        Whoever asked first may go away: it is made to the end for the others. Its failure is
        the failure of all who wait for it, and the next who asks tries anew.
        """
        value = self.held(kind, key)
        if value is not None:
            return value
        name = _name(kind, key)
        making = self._making.get(name)
        if making is None:
            making = asyncio.create_task(self._obtain(kind, key, make))
            self._making[name] = making
            making.add_done_callback(lambda made: self._made(name, made))
        self._waiting[name] += 1
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            # Either we are to go, or what we waited for was made to.
            task = asyncio.current_task()
            if not making.cancelled() or task is None or task.cancelling():
                raise
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]
        return await make()

    def waiting(self, kind: str, key: bytes) -> int:
        """Say how many wait here for what is being made."""
        # Other threads ask, too: a look changes nothing.
        return self._waiting.get(_name(kind, key), 0)

    def keep(self, kind: str, key: bytes, value: bytes) -> None:
        """Hold a value: in memory now, in Redis soon or never."""
        self._memory.put(_name(kind, key), value)
        if self._shared is not None:
            self._shared.put(kind, key, value)

    async def close(self) -> None:
        """End what is still being made, and let go of Redis."""
        tasks = [*self._making.values(), *self._beats]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._shared is not None:
            await self._shared.close()

    def _made(self, name: bytes, making: "asyncio.Task[bytes]") -> None:
        del self._making[name]
        if not making.cancelled():
            # Perhaps nobody waits for it any more, and nobody's error is no news.
            making.exception()

    async def _obtain(self, kind: str, key: bytes, make: Make) -> bytes:
        if self._shared is None:
            value = await make()
        else:
            turn = await _turn(self._shared, kind, key)
            if isinstance(turn, bytes):
                self._memory.put(_name(kind, key), turn)
                return turn
            if turn is Turn.OURS:
                return await self._lead(self._shared, kind, key, make)
            value = await make()
        self._counts["cache", "made"] += 1
        self.keep(kind, key, value)
        return value

    async def _lead(self, shared: Shared, kind: str, key: bytes, make: Make) -> bytes:
        """Make what other processes wait for, and tell them so as long as it goes on."""
        value: bytes | None = None
        ended = asyncio.Event()
        beat = asyncio.create_task(_beat(shared, kind, key, ended))
        self._beats.add(beat)
        beat.add_done_callback(self._beats.discard)
        try:
            value = await make()
        finally:
            ended.set()
            # Without a value it is somebody else's turn at once.
            shared.put(kind, key, value, awaited=True)
        self._counts["cache", "made"] += 1
        self._memory.put(_name(kind, key), value)
        return value


async def _turn(shared: Shared, kind: str, key: bytes) -> bytes | Turn:
    """Wait while another process makes it and lives, within reason."""
    latest = time.monotonic() + _PATIENCE
    while True:
        turn = await shared.turn(kind, key)
        if turn is not Turn.THEIRS or time.monotonic() > latest:
            return turn
        await asyncio.sleep(_LOOK)


async def _beat(shared: Shared, kind: str, key: bytes, ended: asyncio.Event) -> None:
    while True:
        try:
            async with asyncio.timeout(_BEAT):
                await ended.wait()
        except TimeoutError:
            await shared.stay(kind, key)
        else:
            return


def _name(kind: str, key: bytes) -> bytes:
    return kind.encode() + b":" + key
