"""Calls begin a few at a time, and who is slow to answer keeps nobody waiting."""

import asyncio

from wirefeed.outbound.pace import AT_ONCE, BEGINS, Pace


class Calls:
    """So many calls that end when they are told to."""

    def __init__(self, number: int, pace: Pace) -> None:
        self._pace = pace
        self._answered = asyncio.Event()
        self.begun = 0
        self.tasks = [asyncio.create_task(self._call()) for _ in range(number)]

    async def _call(self) -> None:
        async with self._pace.turn():
            self.begun += 1
            await self._answered.wait()

    def answer(self) -> None:
        self._answered.set()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_are_begun_at_once_than_may_be():
    calls = Calls(3 * AT_ONCE, Pace())
    await _settle()
    assert calls.begun == AT_ONCE
    calls.answer()
    await asyncio.gather(*calls.tasks)
    assert calls.begun == 3 * AT_ONCE


async def test_those_that_wait_for_an_answer_make_room_for_others():
    calls = Calls(3 * AT_ONCE, Pace())
    async with asyncio.timeout(50 * BEGINS):
        while calls.begun < 3 * AT_ONCE:  # noqa: ASYNC110 - it looks
            await asyncio.sleep(0)
    calls.answer()
    await asyncio.gather(*calls.tasks)


async def test_one_that_was_slow_gives_back_one_place_and_no_more():
    pace = Pace()
    slow = Calls(AT_ONCE, pace)
    await asyncio.sleep(2 * BEGINS)
    slow.answer()
    await asyncio.gather(*slow.tasks)
    more = Calls(3 * AT_ONCE, pace)
    await _settle()
    assert more.begun == AT_ONCE
    more.answer()
    await asyncio.gather(*more.tasks)


async def test_one_that_gives_up_while_it_waits_takes_no_place():
    pace = Pace()
    calls = Calls(AT_ONCE + 1, pace)
    await _settle()
    calls.tasks[-1].cancel()
    calls.answer()
    await asyncio.gather(*calls.tasks, return_exceptions=True)
    assert calls.begun == AT_ONCE
    again = Calls(AT_ONCE + 1, pace)
    await _settle()
    assert again.begun == AT_ONCE
    again.answer()
    await asyncio.gather(*again.tasks)


async def test_what_is_urgent_waits_behind_nobody_and_takes_nobodys_place():
    pace = Pace()
    calls = Calls(AT_ONCE + 1, pace)
    await _settle()
    async with asyncio.timeout(BEGINS / 2), pace.turn(urgent=True):
        assert calls.begun == AT_ONCE
    await _settle()
    assert calls.begun == AT_ONCE
    calls.answer()
    await asyncio.gather(*calls.tasks)
