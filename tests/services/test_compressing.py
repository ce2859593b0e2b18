"""Compressions beside the loop: one at a time, first what most are kept waiting by."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator

import pytest

from wirefeed.formats.coding import Coding, compress
from wirefeed.services.compressing import Compressor

GZIP = Coding.GZIP


class Work:
    """Compressions that wait until they are let go, one by one."""

    def __init__(self) -> None:
        self.began: list[bytes] = []
        self.at_once = 0
        self.most_at_once = 0
        self.threads: set[int] = set()
        self._ends: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def __call__(self, body: bytes, _: Coding) -> bytes:
        self.began.append(body)
        self.threads.add(threading.get_ident())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        error = self._ends.get()
        self.at_once -= 1
        if error is not None:
            raise error
        return body.upper()

    def end(self, error: Exception | None = None) -> None:
        self._ends.put(error)


class Now:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
async def compressor(work: Work, now: Now) -> AsyncIterator[Compressor]:
    compressor = Compressor(work, monotonic=now)
    yield compressor
    compressor.close()
    work.end()


def asked(compressor: Compressor, body: bytes, waiting: int) -> "asyncio.Task[bytes]":
    return asyncio.create_task(compressor.compress(body, GZIP, lambda: waiting))


async def test_one_is_made_at_a_time_by_a_thread_that_is_not_the_loops(
    compressor: Compressor, work: Work
):
    jobs = [asked(compressor, b"%d" % number, 1) for number in range(5)]
    for _ in jobs:
        work.end()

    assert await asyncio.gather(*jobs) == [b"0", b"1", b"2", b"3", b"4"]
    assert work.began == [b"0", b"1", b"2", b"3", b"4"]
    assert work.most_at_once == 1
    assert len(work.threads) == 1
    assert threading.get_ident() not in work.threads


async def test_what_most_are_kept_waiting_by_is_made_first(
    compressor: Compressor, work: Work, now: Now
):
    at_work = asked(compressor, b"at work", 1)
    await asyncio.sleep(0)
    jobs = [
        asked(compressor, b"abandoned", 0),
        asked(compressor, b"two", 2),
        asked(compressor, b"crowd", 50),
        asked(compressor, b"two more", 2),
    ]
    await asyncio.sleep(0)
    now.seconds += 1
    for _ in range(5):
        work.end()

    await asyncio.gather(at_work, *jobs)

    assert work.began == [b"at work", b"crowd", b"two", b"two more", b"abandoned"]


async def test_who_has_waited_long_enough_comes_before_a_crowd(
    compressor: Compressor, work: Work, now: Now
):
    at_work, alone = asked(compressor, b"at work", 1), asked(compressor, b"alone", 1)
    await asyncio.sleep(0)
    now.seconds += 0.1
    crowd = asked(compressor, b"crowd", 50)
    await asyncio.sleep(0)
    now.seconds += 0.001
    for _ in range(3):
        work.end()

    await asyncio.gather(at_work, alone, crowd)

    assert work.began == [b"at work", b"alone", b"crowd"]


async def test_the_loop_goes_on_meanwhile(compressor: Compressor, work: Work):
    job = asked(compressor, b"slow", 1)
    # Of a loop that waited for it this would be the end: nothing lets it go yet.
    for _ in range(100):
        await asyncio.sleep(0)
    assert not job.done()

    work.end()

    assert await job == b"SLOW"


async def test_what_fails_fails_for_those_who_wait_and_for_nobody_else(
    compressor: Compressor, work: Work
):
    failing, other = asked(compressor, b"failing", 1), asked(compressor, b"other", 1)
    work.end(MemoryError("no room"))
    work.end()

    with pytest.raises(MemoryError, match="no room"):
        await failing
    assert await other == b"OTHER"


async def test_what_was_called_off_before_its_turn_is_not_made(compressor: Compressor, work: Work):
    at_work, unwanted = asked(compressor, b"at work", 1), asked(compressor, b"unwanted", 1)
    wanted = asked(compressor, b"wanted", 1)
    await asyncio.sleep(0)
    unwanted.cancel()
    await asyncio.gather(unwanted, return_exceptions=True)
    work.end()
    work.end()

    await asyncio.gather(at_work, wanted)

    assert work.began == [b"at work", b"wanted"]


async def test_by_default_it_compresses():
    compressor = Compressor()
    try:
        assert await compressor.compress(b"text" * 99, GZIP, lambda: 1) == compress(
            b"text" * 99, GZIP
        )
    finally:
        compressor.close()
