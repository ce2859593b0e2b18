"""Rendered bytes in Redis, for all processes. Whatever is wrong there is a miss, never an error.

Redis holds nothing that could not be made again, and is believed nothing: what it gives is
taken only under a seal of ours.
"""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from wirefeed.storage.cache import Turn
from wirefeed.storage.guard import Guard, Server
from wirefeed.storage.sealing import seal, unseal

#: In all, from asking to the answer: connecting, waiting for a connection, sending, reading.
_SECONDS = 0.05
_CONNECTIONS = 8
#: Bytes that may wait to be written; what comes on top is not written.
_MOST_WAITING = 32 * 1024 * 1024
#: Of these so many go in one trip: one by one, each would wait for all before it.
_AT_ONCE = 512 * 1024
#: Larger ones would not be there in time.
_LARGEST = 8 * 1024 * 1024
#: A sign of life holds this many milliseconds. Its maker renews it every 20, who waits looks every
#: 10: so the work of one who is gone is taken over within 100.
_ALIVE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What is to be written, and whether others wait for it."""

    kind: str
    key: bytes
    value: bytes | None
    awaited: bool

    @property
    def size(self) -> int:
        return len(self.value or b"")


class RedisCache:
    """Bytes by kind and key in Redis, sealed, for as long as they are worth keeping."""

    def __init__(
        self,
        url: str,
        *,
        space: str,
        secret: bytes,
        seconds: int,
        counts: Counter[tuple[str, ...]],
        limit: float = _SECONDS,
    ) -> None:
        self._url = url
        self._limit = limit
        self._prefix = f"wf:{hashlib.blake2b(space.encode(), digest_size=8).hexdigest()}"
        self._secret = secret
        self._milliseconds = seconds * 1000
        self._counts = counts
        self._client = self._connect()
        server = Server(is_answer=_is_answer, probe=self._probe, renew=self._renew)
        self._guard = Guard(server, counts, limit)
        self._writing: asyncio.Task[None] | None = None
        self._jobs: deque[_Job] = deque()
        self._waiting = 0

    async def get(self, kind: str, key: bytes) -> bytes | None:
        """Give what is held under this name, if that is sealed and here in time."""
        sealed = await self._guard.call(
            lambda: self._get(kind, key), is_small=lambda found: found is None
        )
        return self._opened(kind, key, sealed)

    async def turn(self, kind: str, key: bytes) -> bytes | Turn:
        """Give what is held, or say whose it is to make it."""
        answers = await self._guard.call(
            lambda: self._ask(kind, key), is_small=lambda found: found[1] is None
        )
        if answers is None:
            return Turn.UNKNOWN
        taken, sealed = answers
        held = self._opened(kind, key, sealed)
        if held is not None:
            return held
        if isinstance(taken, ResponseError):
            # Full or read-only: there is no waiting for each other, everybody makes its own.
            self._counts["cache", "redis-failed"] += 1
            return Turn.UNKNOWN
        if taken:
            return Turn.OURS
        # Where to look alone takes long, more of that costs more than is saved.
        return Turn.THEIRS if self._guard.is_sure else Turn.UNKNOWN

    async def stay(self, kind: str, key: bytes) -> None:
        """Give a sign of life: what is ours to make is still being made."""
        await self._guard.call(lambda: self._stay(kind, key), is_small=lambda _: True)

    def put(self, kind: str, key: bytes, value: bytes | None, *, awaited: bool = False) -> None:
        """Write a value soon, or not at all; if it was ours to make, end our turn after it."""
        job = _Job(kind=kind, key=key, value=value, awaited=awaited)
        too_much = job.size > _LARGEST or self._waiting + job.size > _MOST_WAITING
        if too_much or self._guard.is_open:
            self._counts["cache", "redis-skipped"] += 1
            return
        self._jobs.append(job)
        self._waiting += job.size
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Let go of Redis; what waits to be written is not."""
        self._jobs.clear()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._guard.close()
        await _closed(self._client)

    def _connect(self) -> Redis:
        return Redis(
            connection_pool=BlockingConnectionPool.from_url(
                self._url,
                max_connections=_CONNECTIONS,
                # Each call has one limit of its own, around everything.
                timeout=None,
                socket_timeout=None,
                socket_connect_timeout=self._limit,
                retry=Retry(NoBackoff(), 0),
                # RESP2 needs no greeting: a new connection costs one round trip less.
                protocol=2,
                driver_info=None,
            )
        )

    def _value_name(self, kind: str, key: bytes) -> str:
        return f"{self._prefix}:{kind}:{key.hex()}"

    def _turn_name(self, kind: str, key: bytes) -> str:
        return f"{self._prefix}:turn:{kind}:{key.hex()}"

    def _opened(self, kind: str, key: bytes, sealed: object) -> bytes | None:
        if not isinstance(sealed, bytes):
            return None
        value = unseal(self._secret, kind, key, sealed)
        self._counts["cache", "forged" if value is None else "redis"] += 1
        return value

    async def _get(self, kind: str, key: bytes) -> object:
        return await self._client.get(self._value_name(kind, key))

    async def _ask(self, kind: str, key: bytes) -> tuple[object, object]:
        async with self._client.pipeline(transaction=False) as pipeline:
            # In this order: whoever ended a turn has written before, so that one who gets it
            # and finds nothing is not late.
            _ = pipeline.set(self._turn_name(kind, key), b"", px=_ALIVE, nx=True)
            _ = pipeline.get(self._value_name(kind, key))
            taken, sealed = await pipeline.execute(raise_on_error=False)
        if isinstance(sealed, Exception):
            raise sealed
        return taken, sealed

    async def _stay(self, kind: str, key: bytes) -> None:
        await self._client.pexpire(self._turn_name(kind, key), _ALIVE)

    async def _put(self, jobs: Sequence[_Job]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for job in jobs:
                name = self._value_name(job.kind, job.key)
                if job.value is not None:
                    sealed = seal(self._secret, job.kind, job.key, job.value)
                    _ = pipeline.set(name, sealed, px=self._milliseconds)
                if job.awaited:
                    _ = pipeline.delete(self._turn_name(job.kind, job.key))
            await pipeline.execute()

    async def _write(self) -> None:
        while self._jobs:
            jobs = self._next()
            await self._guard.call(partial(self._put, jobs), is_small=partial(_is_small, jobs))

    def _next(self) -> Sequence[_Job]:
        """Take what waits, in its order, as much as goes in one trip."""
        jobs: list[_Job] = []
        size = 0
        while self._jobs and (not jobs or size + self._jobs[0].size <= _AT_ONCE):
            jobs.append(self._jobs.popleft())
            size += jobs[-1].size
        self._waiting -= size
        return jobs

    async def _renew(self) -> None:
        old, self._client = self._client, self._connect()
        await _closed(old)

    async def _probe(self) -> None:
        await self._client.ping()


def _is_small(jobs: Sequence[_Job], _: object) -> bool:
    """Say whether nothing was written but that turns have ended."""
    return all(job.value is None for job in jobs)


def _is_answer(error: BaseException) -> bool:
    """Say whether Redis itself said no: one that takes no more, or only reads, is there."""
    return isinstance(error, ResponseError)


async def _closed(client: Redis) -> None:
    with suppress(Exception):
        async with asyncio.timeout(_SECONDS):
            await client.aclose(close_connection_pool=True)
