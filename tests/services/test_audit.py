"""The check of the chain: a page at a time, while others write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import update

from tests.support.agency import Agency
from wirefeed.domain.audit import SYSTEM, Verb
from wirefeed.services.audit import Verdict
from wirefeed.storage import account_tables as tables


@pytest.fixture
async def rows(agency: Agency) -> int:
    """Say how many rows there are."""
    await write(agency, 10)
    return (await agency.services.audit.verify()).good


async def write(agency: Agency, count: int = 1) -> None:
    services = agency.services
    for _ in range(count):
        async with services.database.writing() as connection:
            await services.audit.record(connection, SYSTEM, Verb.TOPICS_APPLY, "topics")


@pytest.mark.parametrize("page", [1, 4, 5, 1000])
async def test_the_chain_is_walked_whatever_the_page_holds(agency: Agency, rows: int, page: int):
    assert await agency.services.audit.verify(page=page) == Verdict(good=rows, broken=None)
    async with agency.services.database.writing() as connection:
        spoilt = update(tables.audit).where(tables.audit.c.seq == rows - 2).values(about="else")
        await connection.execute(spoilt)
    verdict = await agency.services.audit.verify(page=page)
    assert verdict == Verdict(good=rows - 3, broken=rows - 2)


async def test_what_is_written_between_two_pages_is_walked_too(
    agency: Agency, rows: int, monkeypatch: pytest.MonkeyPatch
):
    database = agency.services.database
    reading, reads, walk = database.reading, 0, asyncio.current_task()

    @asynccontextmanager
    async def and_then_write() -> AsyncIterator[object]:
        nonlocal reads
        async with reading() as connection:
            yield connection
        if asyncio.current_task() is not walk:
            return  # What runs beside the application reads when it likes.
        reads += 1
        if reads <= 3:
            await write(agency)

    monkeypatch.setattr(database, "reading", and_then_write)
    assert await agency.services.audit.verify(page=4) == Verdict(good=rows + 3, broken=None)
    assert reads == (rows + 3) // 4 + 1
