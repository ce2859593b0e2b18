"""What the clock changes: announced at its time, once, by several servers and over their deaths."""

import asyncio
import signal
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from tests.process.conftest import Tell
from tests.process.test_serve import story
from tests.support.agency import SECOND, iso
from tests.support.house import House
from tests.support.process import PATIENCE
from tests.support.servers import Credentials, Server, credentials, servers
from wirefeed.composition import open_services, utc_now
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.plans import Plan

#: In seconds: within which whatever the clock changes is on the wire.
GOAL = 0.25
FEED = "/en/latest.json"
#: Of a plan of these tests.
DELAY = SECOND
MANY, MANY_AT_FULL_SIZE = 60, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A row of the wire that the clock brought."""

    about: str
    at: int
    delay: int


def releases(house: House) -> list[Release]:
    query = "SELECT about, at, delay FROM wire WHERE kind = 'release' ORDER BY position"
    with closing(sqlite3.connect(house.database)) as database:
        return [Release(about=a, at=t, delay=d) for a, t, d in database.execute(query)]


async def public(server: Server) -> dict[str, tuple[int, str | None, str | None, bytes]]:
    """Ask for what everybody may see: status, validators, bytes."""
    found = {}
    for path in (FEED, "/en/topics/sport.rss", "/en/topics/sport.atom", "/en/"):
        async with server.http.get(server.house.url + path) as answer:
            tag, date = (answer.headers.get(name) for name in ("ETag", "Last-Modified"))
            found[path] = (answer.status, tag, date, await answer.read())
    return found


async def all_released(house: House, count: int) -> list[Release]:
    async with asyncio.timeout(PATIENCE):
        while len(found := releases(house)) < count:  # noqa: ASYNC110 - other processes write them
            await asyncio.sleep(0.02)
    # Whatever is announced twice is announced soon.
    await asyncio.sleep(2 * GOAL)
    assert len(releases(house)) == count
    return found


async def founded(house: House) -> Credentials:
    """Set up an agency with a plan whose delay is short."""
    known = await credentials(house)
    grant = Grant(plan="soon", topics=frozenset({ALL}), level=Level.FULL, delay=DELAY)
    async with open_services(house.settings()) as services:
        await services.plans.put(Plan(name="soon", grants=(grant,)))
    return known


async def embargoed(server: Server, known: Credentials, count: int, opens: int) -> list[str]:
    """Send stories under embargo until one time; give their guids."""
    names = [f"secret-{number}" for number in range(count)]
    for at in range(0, count, 20):
        sent = (
            server.post("/api/v1/stories", known.newsroom, story(name, embargoed=iso(opens)))
            for name in names[at : at + 20]
        )
        await asyncio.gather(*sent)
    return [f"tag:news.example,2026:{name}" for name in names]


async def second_over() -> None:
    """Wait until another second runs."""
    await asyncio.sleep((SECOND - utc_now() % SECOND) / SECOND)


def late(found: Sequence[Release], opens: int) -> list[float]:
    """Say by how many seconds each release came after its time."""
    return sorted((one.at - opens - one.delay) / SECOND for one in found)


def once_each(found: Sequence[Release], guids: Sequence[str]) -> bool:
    """Say whether each story was released once, and the end of its delay announced once."""
    told = Counter((one.about, one.delay) for one in found)
    return told == {(guid, delay): 1 for guid in guids for delay in (0, DELAY)}


async def test_an_embargo_and_a_delay_end_on_time_and_once_with_two_servers(
    house: House, soak: bool, tell: Tell
):
    known = await founded(house)
    count = MANY_AT_FULL_SIZE if soak else MANY
    async with servers(house, 2) as (one, other):
        # While the second of a change runs, `Last-Modified` names the one before.
        await second_over()
        unaware = await public(other)
        opens = utc_now() + (30 if soak else 6) * SECOND
        guids = await embargoed(one, known, count, opens)
        before, (_, early) = await public(other), await other.get(known.private + FEED)
        assert utc_now() < opens, "the machine is too slow for this test"
        # Nobody else learns that there is anything, by count, date or validator.
        assert before == unaware
        assert early.count(b"secret-") >= count
        assert early.count(b'"embargoedUntil":') == min(count, 300)
        found = await all_released(house, 2 * count)
        _, after = await other.get(FEED)
        assert after.count(b'"id":"tag:news.example') == min(count, 300)
    assert once_each(found, guids)
    times = late(found, opens)
    assert times[0] >= 0
    tell(
        f"{count} embargoes and as many delays that end together, two servers: on the wire"
        f" {times[len(times) // 2] * 1000:.0f} ms after, at most {times[-1] * 1000:.0f} ms"
        f" (goal {GOAL * 1000:.0f} ms)"
    )
    # Of a machine that is busy with other things, the half is asked.
    assert soak or times[len(times) // 2] < GOAL


async def test_what_was_due_while_every_server_was_down_is_announced_at_the_next_start(
    house: House,
):
    known = await founded(house)
    async with servers(house, 1) as (server,):
        opens = utc_now() + 2 * SECOND
        guids = await embargoed(server, known, 3, opens)
        server.process.signal(signal.SIGKILL)
        assert server.process.ended() != 0
    async with asyncio.timeout(PATIENCE):
        while utc_now() < opens + DELAY:  # noqa: ASYNC110 - for a time that passes, no event
            await asyncio.sleep(0.05)
    assert releases(house) == []
    async with servers(house, 1) as (server,):
        assert once_each(await all_released(house, 6), guids)
        _, feed = await server.get(FEED)
        assert feed.count(b'"id":"tag:news.example') == 3


async def test_a_server_killed_while_it_announces_leaves_the_rest_to_the_other(house: House):
    known = await founded(house)
    count = 250
    async with servers(house, 2) as (one, other):
        opens = utc_now() + 8 * SECOND
        guids = await embargoed(one, known, count, opens)
        async with asyncio.timeout(PATIENCE):
            while not releases(house):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
        # Not all are announced in one transaction.
        one.process.signal(signal.SIGKILL)
        assert once_each(await all_released(house, 2 * count), guids)
        _, feed = await other.get(FEED)
        assert feed.count(b'"id":"tag:news.example') == count
