"""The guard: a call has its time and fails nobody, whatever it does when it is to end."""

import asyncio
import math
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from wirefeed.storage.guard import Guard, Server

LIMIT = 0.05
FAILED, SKIPPED = ("cache", "redis-failed"), ("cache", "redis-skipped")

Counts = Counter[tuple[str, ...]]


class Far:
    """A server that does what a test wants."""

    def __init__(self) -> None:
        self.is_there = False
        self.probes = asyncio.Semaphore(0)
        self.renewed = 0

    async def probe(self) -> None:
        self.probes.release()
        if not self.is_there:
            raise ConnectionError

    async def renew(self) -> None:
        self.renewed += 1

    async def answers(self) -> str:
        return "answer"

    async def refuses(self) -> str:
        raise PermissionError

    async def breaks(self) -> str:
        raise ConnectionError

    async def hangs(self) -> str:
        await asyncio.Event().wait()
        return "never"


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
def counts() -> Counts:
    return Counter()


@pytest.fixture
async def guard(far: Far, counts: Counts) -> AsyncIterator[Guard]:
    server = Server(
        is_answer=lambda error: isinstance(error, PermissionError),
        probe=far.probe,
        renew=far.renew,
    )
    made = Guard(server, counts, LIMIT)
    yield made
    await made.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_is_answered_is_given(guard: Guard, far: Far, counts: Counts):
    assert await guard.call(far.answers) == "answer"
    assert counts == {}


async def test_a_server_that_says_no_is_there(guard: Guard, far: Far, counts: Counts):
    for _ in range(10):
        assert await guard.call(far.refuses) is None

    assert await guard.call(far.answers) == "answer"
    assert counts == {FAILED: 10}


@pytest.mark.parametrize("way", ["breaks", "hangs"])
async def test_three_failures_in_a_row_are_enough(guard: Guard, far: Far, counts: Counts, way: str):
    for _ in range(3):
        assert not guard.is_open
        assert await guard.call(getattr(far, way)) is None

    assert guard.is_open
    assert await guard.call(far.answers) is None
    assert counts == {FAILED: 3, SKIPPED: 1}


async def test_a_server_that_is_slow_is_left_alone_like_one_that_is_away(
    guard: Guard, far: Far, counts: Counts
):
    async def is_slow() -> str:
        call = asyncio.current_task()
        assert call is not None
        # As its timer does when half of the time is over; a busy machine would come too late.
        guard._find_slow(call, math.inf)
        return "answer"

    for number in range(3):
        assert guard.is_sure == (number == 0)
        assert not guard.is_open
        assert await guard.call(is_slow) == "answer"

    assert guard.is_open
    assert await guard.call(far.answers) is None
    assert counts == {("cache", "redis-slow"): 3, SKIPPED: 1}


async def test_one_that_seems_slow_because_we_are_busy_is_asked_on(guard: Guard, counts: Counts):
    async def is_there_at_once() -> str:
        time.sleep(LIMIT * 0.7)  # noqa: ASYNC251 - what else this process has to do meanwhile
        return "answer"

    for _ in range(10):
        assert await guard.call(is_there_at_once) == "answer"

    assert guard.is_sure
    assert counts == {}


async def test_it_finds_out_by_itself_when_a_server_is_back(guard: Guard, far: Far):
    for _ in range(3):
        await guard.call(far.breaks)
    await far.probes.acquire()
    assert guard.is_open

    far.is_there = True
    await far.probes.acquire()
    assert guard._probing is not None
    await guard._probing

    assert await guard.call(far.answers) == "answer"
    assert far.renewed == 1


async def test_a_server_that_answers_probes_alone_costs_one_call_a_probe(
    guard: Guard, far: Far, counts: Counts
):
    for _ in range(3):
        await guard.call(far.breaks)
    far.is_there = True
    for tries in range(1, 3):
        assert guard._probing is not None
        await guard._probing

        together = [guard.call(far.hangs) for _ in range(20)]
        assert set(await asyncio.gather(*together)) == {None}

        assert guard.is_open
        assert counts == {FAILED: 3 + tries, SKIPPED: 19 * tries}


async def test_one_that_does_not_end_when_told_to_keeps_nobody_waiting(guard: Guard):
    ending = asyncio.Event()

    async def lingers() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()
        return "never"

    async with asyncio.timeout(60):
        assert await guard.call(lingers) is None
    ending.set()


async def test_one_that_answers_when_told_to_end_is_too_late(guard: Guard, counts: Counts):
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "late"
        return "never"

    assert await guard.call(stubborn) is None
    assert counts == {FAILED: 1}


async def test_an_answer_that_came_while_we_were_busy_counts(guard: Guard, counts: Counts):
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)

    async def read() -> bytes:
        return await reader.readexactly(6)

    call = asyncio.create_task(guard.call(read))
    await asyncio.sleep(0)
    there.send(b"answer")
    time.sleep(LIMIT * 2)  # noqa: ASYNC251 - stands for work that holds the loop up

    assert await call == b"answer"
    assert counts == {}
    assert not guard.is_open
    writer.close()
    there.close()


async def test_a_caller_that_goes_away_leaves_the_call_to_its_end(
    guard: Guard, far: Far, counts: Counts
):
    answered = asyncio.Event()

    async def answers() -> None:
        answered.set()

    going = asyncio.create_task(guard.call(answers))
    await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going

    await answered.wait()
    assert await guard.call(far.answers) == "answer"
    assert counts == {}


async def test_a_trial_whose_caller_goes_away_is_not_the_last(guard: Guard, far: Far):
    for _ in range(3):
        await guard.call(far.breaks)
    far.is_there = True
    assert guard._probing is not None
    await guard._probing

    going = asyncio.create_task(guard.call(far.hangs))
    await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    (call,) = guard._running
    await asyncio.wait({call})

    assert guard.is_open
    await guard._probing
    assert await guard.call(far.answers) == "answer"


async def test_more_than_so_many_at_once_do_without(guard: Guard, counts: Counts):
    ending = asyncio.Event()

    async def waits() -> str:
        await ending.wait()
        return "answer"

    async def ends() -> None:
        ending.set()

    told = await asyncio.gather(*(guard.call(waits) for _ in range(100)), ends())

    assert told.count("answer") == 64
    assert counts == {SKIPPED: 36}
