"""Dead letters: kept with their reason, and not for ever."""

from dataclasses import replace

import pytest

from wirefeed.storage import dead_letters
from wirefeed.storage.dead_letters import DeadLetter

LETTER = DeadLetter(
    at=7, source="desk", name="in.jsonl:3", field="$.version", reason="no number", raw=b"\0{\xff"
)


def letters(count: int, start: int = 0) -> list[DeadLetter]:
    return [replace(LETTER, at=start + n) for n in range(count)]


async def test_letters_come_back_the_newest_first(database):
    async with database.writing() as conn:
        await dead_letters.keep(conn, [])
        await dead_letters.keep(conn, letters(3))
        kept = await dead_letters.listing(conn, 2)
    assert [replace(letter, id=0) for letter in kept] == letters(2, start=1)[::-1]
    assert kept[0].id > kept[1].id > 0


@pytest.mark.parametrize("gaps", [False, True])
async def test_beyond_the_bound_the_oldest_go(database, gaps):
    async with database.writing() as conn:
        await dead_letters.keep(conn, letters(dead_letters.MOST))
        if gaps:
            await conn.exec_driver_sql("DELETE FROM dead_letters WHERE at IN (5, 6, 9999)")
        await dead_letters.keep(conn, letters(3, start=20_000))
        kept = await dead_letters.listing(conn, 99_999)
    assert len(kept) == dead_letters.MOST
    assert [letter.at for letter in kept[:4]] == [20_002, 20_001, 20_000, 9998 + (not gaps)]
    assert kept[-1].at == (0 if gaps else 3)
