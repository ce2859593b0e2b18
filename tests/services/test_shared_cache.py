"""Processes of one agency share what they make, by `redis.url`; nobody else's counts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.support.agency import settings_in
from tests.support.process import PATIENCE
from tests.support.redis_server import redis_url
from wirefeed.composition import Services, open_services
from wirefeed.config import CacheSettings, RedisSettings, Settings

KEY = bytes(16)


async def made() -> bytes:
    return b"made"


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    with redis_url(tmp_path) as url:
        folder = tmp_path / "agency"
        folder.mkdir()
        yield msgspec.structs.replace(settings_in(folder), redis=RedisSettings(url=url))


async def shared(one: Services, two: Services) -> bytes:
    """Give what one made as the other finds it; a busy machine may need more than one try."""
    async with asyncio.timeout(PATIENCE):
        while True:
            one.cache.keep("document", KEY, b"made")
            found = await two.cache.find("document", KEY)
            if found is not None:
                return found
            await asyncio.sleep(0)


async def test_what_one_process_made_another_has(settings: Settings):
    async with open_services(settings) as one, open_services(settings) as two:
        assert await shared(one, two) == b"made"

        assert two.cache.held("document", KEY) == b"made"
        assert two.counts["cache", "redis"] == 1
        assert two.counts["cache", "made"] == two.counts["cache", "forged"] == 0


async def test_another_agency_has_its_own(settings: Settings, tmp_path: Path):
    folder = tmp_path / "another"
    folder.mkdir()
    theirs = msgspec.structs.replace(settings_in(folder), redis=settings.redis)
    async with (
        open_services(settings) as one,
        open_services(settings) as two,
        open_services(theirs) as other,
    ):
        assert await shared(one, two) == b"made"

        assert await other.cache.find("document", KEY) is None
        # Not even under the same name.
        assert other.counts["cache", "forged"] == 0


async def test_without_redis_each_process_has_its_own(settings: Settings):
    alone = msgspec.structs.replace(settings, redis=RedisSettings())
    async with open_services(alone) as one, open_services(alone) as two:
        assert await one.cache.fetch("document", KEY, made) == b"made"

        assert await two.cache.find("document", KEY) is None
        assert one.cache.held("document", KEY) == b"made"


async def test_memory_is_bounded_by_its_setting(settings: Settings):
    small = msgspec.structs.replace(
        settings, redis=RedisSettings(), cache=CacheSettings(megabytes=1)
    )
    async with open_services(small) as services:
        for number in range(3):
            services.cache.keep("document", bytes([number]) * 16, bytes(500_000))

        held = [services.cache.held("document", bytes([n]) * 16) for n in range(3)]
    assert [value is None for value in held] == [True, False, False]
