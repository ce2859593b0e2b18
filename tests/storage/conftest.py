"""A real database for each test, in its own folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.storage.database import Database


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/wirefeed.db"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = await Database.open(url)
    yield opened
    await opened.close()


@pytest.fixture
async def conn(database: Database) -> AsyncIterator[AsyncConnection]:
    """Give one transaction for all that a test draws: to commit each example takes long."""
    async with database.writing() as writing:
        yield writing
