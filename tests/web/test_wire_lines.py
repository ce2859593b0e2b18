"""How many streams and waiting requests one subscriber may hold open, and what another is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.agency import Agency, running, settings_in
from tests.support.events import STREAM, listening
from tests.support.partner import WIRE, partner
from wirefeed.config import WireSettings
from wirefeed.services.wire_lines import WireLines

MOST = 3


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    async with running(settings_in(tmp_path, wire=WireSettings(lines=MOST))) as agency:
        yield agency


async def test_one_subscriber_holds_so_many_lines_and_others_as_many(agency: Agency):
    gazette, herald = await partner(agency, "sport"), await partner(agency, "sport", name="herald")
    other_token = await agency.token("gazette")
    async with AsyncExitStack() as open_lines:
        for _ in range(MOST):
            await open_lines.enter_async_context(listening(agency, gazette.token))
        for headers in (gazette.token, other_token):
            for path in (STREAM, f"{WIRE}?wait=1"):
                async with agency.http.get(path, headers=headers) as answer:
                    problem = await answer.json()
                    assert answer.status == 429
                    assert answer.headers["Retry-After"] == "15"
                    assert "as one subscriber may have" in problem["detail"]
                    assert problem["remedy"] == "close one of the 3, or ask without wait"
        # Who asks and does not wait holds nothing.
        assert (await gazette.poll())["count"] == 0
        async with listening(agency, herald.token):
            pass
    await _room(agency, gazette.token)


async def test_a_request_that_waits_is_a_line_until_it_is_answered(agency: Agency):
    gazette = await partner(agency, "sport")
    await gazette.poll()
    path = f"{WIRE}?wait=60&after={gazette.cursor}"
    waiting = [asyncio.create_task(agency.json(path, **gazette.token)) for _ in range(MOST)]
    async with asyncio.timeout(10):
        while True:
            if agency.services.wire.log.waiting == MOST:
                break
            await asyncio.sleep(0.01)
    async with agency.http.get(STREAM, headers=gazette.token) as answer:
        assert answer.status == 429
    await agency.publish("urn:a")
    assert [page["count"] for page in await asyncio.gather(*waiting)] == [1] * MOST
    await _room(agency, gazette.token)


async def test_what_is_refused_holds_no_line(agency: Agency):
    gazette = await partner(agency, "sport")
    for _ in range(MOST + 1):
        for path in (f"{STREAM}?after=AAAA", f"{WIRE}?wait=60&after=AAAA"):
            async with agency.http.get(path, headers=gazette.token) as answer:
                assert answer.status in (400, 410)
        async with agency.http.head(STREAM, headers=gazette.token) as answer:
            assert answer.status == 200
    await _room(agency, gazette.token)


async def _room(agency: Agency, token: dict[str, str]) -> None:
    """Wait until a line is let go of: that its client went is noticed a moment later."""
    async with asyncio.timeout(10):
        while True:
            async with agency.http.get(STREAM, headers=token) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.01)


def test_a_limit_of_nothing_is_none():
    lines = WireLines(0)
    with lines.one("gazette"), lines.one("gazette"):
        pass
