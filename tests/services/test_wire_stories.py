"""Stories that changes are about: read once for all who hear of them, and as they are now."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.security.guarded import statements
from tests.support.agency import Agency
from tests.support.others import come
from tests.support.partner import Partner, partner
from wirefeed.services.wire_log import _CHUNK

STORY = "urn:news:story"


@pytest.fixture
async def partners(agency: Agency) -> list[Partner]:
    return [await partner(agency, plan, name=plan) for plan in ("sport", "everything")]


async def heard(partners: list[Partner]) -> list[list[str]]:
    """Let all catch up; give the texts that each was sent."""
    return [
        [body["value"] for one in await each.catch_up() for body in one.get("bodies", ())]
        for each in partners
    ]


async def test_a_story_is_read_once_however_many_hear_of_it(
    agency: Agency, partners: list[Partner]
):
    await heard(partners)
    await agency.publish(STORY)
    with statements(agency, "FROM stories") as seen:
        texts = await heard(partners)
    assert all(texts)
    assert len(seen) == 1


async def test_whoever_comes_after_a_change_is_told_of_the_story_as_it_is_then(
    agency: Agency, partners: list[Partner]
):
    await heard(partners)
    await agency.publish(STORY, body_html="<p>As it was.</p>")
    await heard(partners)
    await agency.publish(STORY, version="2", body_html="<p>As it is.</p>")
    for texts in await heard(partners):
        assert any("As it is." in text for text in texts)
        assert not any("As it was." in text for text in texts)
    late = await partner(agency, "sport", name="late")
    await agency.publish(STORY, version="3", pubstatus="canceled")
    for texts in await heard([*partners, late]):
        assert not any("As it is." in text for text in texts)


@contextmanager
def after_each_load(agency: Agency, then: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Let something happen whenever stories were read, before they are given to anybody."""
    batch = agency.services.wire.entries._stories._batch
    load = batch._load

    async def loading(guids: Sequence[str]) -> Mapping[str, Any]:
        found = await load(guids)
        await then()
        return found

    batch._load = loading
    try:
        yield
    finally:
        batch._load = load


async def test_the_wire_goes_on_however_fast_other_stories_come(
    agency: Agency, partners: list[Partner]
):
    await heard(partners)
    await agency.publish(STORY)
    numbers = itertools.count()

    async def another() -> None:
        await come(agency, next(numbers), 1)

    with after_each_load(agency, another):
        async with asyncio.timeout(10):
            assert all(texts[:1] for texts in await heard(partners))
    assert 0 < next(numbers) < 10


@pytest.mark.parametrize("between", [0, 2 * _CHUNK])
async def test_what_is_killed_while_another_story_is_read_is_not_sent(
    agency: Agency, partners: list[Partner], between: int
):
    early, late = partners
    await heard(partners)
    await agency.publish(STORY, body_html="<p>Gone by now.</p>")
    await agency.publish("urn:news:new")
    # Of the two, one is known already.
    assert [one["uri"] for one in (await early.poll(limit=1))["items"]] == [STORY]
    is_killed = False

    async def kill() -> None:
        nonlocal is_killed
        if not is_killed:
            is_killed = True
            await come(agency, 0, between)
            await agency.publish(STORY, version="2", pubstatus="canceled")

    with after_each_load(agency, kill):
        texts = (await heard([late]))[0]
    assert is_killed
    assert not any("Gone by now." in text for text in texts)
