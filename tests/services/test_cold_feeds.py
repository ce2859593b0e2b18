"""A feed that nobody has rendered: others get their turn while it is."""

import asyncio
from itertools import pairwise

import pytest

from tests.support.agency import Agency

STORIES = 20
#: Items that may be rendered before somebody else has a turn; each takes up to a millisecond.
MOST = 3


@pytest.mark.parametrize("form", ["rss", "atom", "json"])
async def test_while_a_cold_feed_is_rendered_everybody_gets_a_turn_each_few_items(
    agency: Agency, form: str
):
    for number in range(STORIES):
        await agency.publish(f"urn:news:{number}")
    counts = agency.services.counts
    rendered = [counts["renders", "item"]]

    async def watch() -> None:
        while True:
            rendered.append(counts["renders", "item"])
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    async with agency.http.get(f"/en/topics/sport.{form}") as answer:
        assert answer.status == 200
        await answer.read()
    watching.cancel()

    assert rendered[-1] - rendered[0] == STORIES
    assert max(after - before for before, after in pairwise(rendered)) <= MOST
