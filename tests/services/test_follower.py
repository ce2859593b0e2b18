"""What a process knows of the wire: for how long, and what ends it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.support.agency import START, Agency
from wirefeed.domain.errors import Unavailable
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.follower import LEASE, Follower
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.in_one_go import Work

REVOKED = Change(kind=ChangeKind.ACCESS, about="token:a")
PUBLISHED = Change(kind=ChangeKind.PUBLISH, about="urn:a", version=1)


class Ticks:
    """A monotonic clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Others:
    """Whether somebody else follows."""

    def __init__(self, *, present: bool = False) -> None:
        self.present = present

    def others(self) -> bool:
        return self.present


class Slow:
    """Reads from a real database, when it is let."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.open = asyncio.Event()
        self.open.set()
        self.has_read = asyncio.Event()
        self.reads = 0
        self.fails = False

    @property
    def advances(self) -> int:
        return self._database.advances

    async def look(self, work: Work[[], Any]) -> Any:
        self.reads += 1
        if self.fails:
            raise Unavailable("the database is away")
        found = await self._database.look(work)
        self.has_read.set()
        await self.open.wait()
        return found


@pytest.fixture
async def database(agency: Agency) -> AsyncIterator[Database]:
    """Another process's way to the agency's database."""
    opened = await Database.open(agency.settings.database.url)
    yield opened
    await opened.close()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def slow(database: Database) -> Slow:
    return Slow(database)


@pytest.fixture
def follower(slow: Slow, ticks: Ticks) -> Follower:
    return Follower(slow, Others(), Counter(), monotonic=ticks)  # type: ignore[arg-type]


async def append(database: Database, *changes: Change) -> int:
    async with database.writing() as connection:
        return (await wire.append(connection, changes, START)).position


async def test_nothing_is_known_before_the_first_look(follower: Follower):
    assert follower.head is None
    assert await follower.look() == follower.head


async def test_what_was_seen_counts_from_when_the_look_began(
    follower: Follower, slow: Slow, ticks: Ticks
):
    slow.open.clear()
    looking = asyncio.create_task(follower.look())
    await slow.has_read.wait()
    ticks.now += LEASE / 2
    slow.open.set()
    await looking
    assert follower.head is not None
    ticks.now += LEASE / 2
    # The lease would have half of its time left, counted from the end of the look.
    assert follower.head is None


async def test_a_process_that_was_frozen_looks_before_it_answers(
    agency: Agency, follower: Follower, ticks: Ticks
):
    await follower.look()
    position = await append(agency.services.database, REVOKED)
    ticks.now += 10
    assert follower.head is None
    assert (await follower.current()).position == position


async def test_own_writes_are_seen_at_once(database: Database, follower: Follower):
    await follower.look()
    position = await append(database, PUBLISHED)
    assert follower.head is None
    assert (await follower.current()).position == position


async def test_those_who_ask_during_a_look_share_the_next(
    agency: Agency, follower: Follower, slow: Slow
):
    slow.open.clear()
    first = asyncio.create_task(follower.look())
    await slow.has_read.wait()
    # The look that is under way may have missed it.
    position = await append(agency.services.database, PUBLISHED)
    later = [asyncio.create_task(follower.look()) for _ in range(20)]
    await asyncio.sleep(0)
    slow.open.set()
    assert (await first).position < position
    assert {(await look).position for look in later} == {position}
    assert slow.reads == 2


async def test_who_heeds_is_told_what_changed_before_the_look_returns(
    agency: Agency, follower: Follower
):
    told: list[Sequence[Change] | None] = []
    await follower.look()
    follower.heed(told.append)
    await follower.look()
    assert told == []
    await append(agency.services.database, PUBLISHED, REVOKED)
    await follower.look()
    assert told == [[PUBLISHED, REVOKED]]


async def test_of_too_much_at_once_it_is_told_that_anything_may_have_changed(
    agency: Agency, follower: Follower
):
    told: list[Sequence[Change] | None] = []
    await follower.look()
    follower.heed(told.append)
    for _ in range(3):
        await append(agency.services.database, *[PUBLISHED] * 400)
    await follower.look()
    assert told == [None]


async def test_while_the_database_is_away_what_was_seen_counts_for_a_grace(
    follower: Follower, slow: Slow, ticks: Ticks
):
    seen = await follower.look()
    slow.fails = True
    ticks.now += 30
    assert await follower.current(grace=31) == seen
    for grace in (0, 30):
        with pytest.raises(Unavailable):
            await follower.current(grace)


async def test_what_was_written_here_ends_the_grace(
    database: Database, follower: Follower, slow: Slow
):
    await follower.look()
    await append(database, REVOKED)
    slow.fails = True
    with pytest.raises(Unavailable):
        await follower.current(grace=86_400)


async def test_once_the_database_is_in_reach_again_it_is_looked_at_first(
    agency: Agency, follower: Follower, slow: Slow, ticks: Ticks
):
    await follower.look()
    ticks.now += 1
    slow.fails = True
    await follower.current(grace=30)
    slow.fails = False
    position = await append(agency.services.database, REVOKED)
    # As after having been frozen while it was away.
    ticks.now += 10
    assert (await follower.current(grace=30)).position == position


async def test_without_ever_having_looked_there_is_no_grace(follower: Follower, slow: Slow):
    slow.fails = True
    with pytest.raises(Unavailable):
        await follower.current(grace=86_400)


@pytest.mark.parametrize(
    ("change", "present", "waits"),
    [
        (REVOKED, True, True),
        (Change(kind=ChangeKind.KILL, about="urn:a", version=2), True, True),
        (REVOKED, False, False),
        (PUBLISHED, True, False),
    ],
)
async def test_what_was_taken_away_is_waited_for_where_others_follow(
    agency: Agency, database: Database, change, present, waits
):
    follower = Follower(database, Others(present=present), Counter())
    await follower.look()
    await append(agency.services.database, change)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await follower.in_force()
    assert (loop.time() - began >= LEASE) is waits
    # Once is enough.
    began = loop.time()
    await follower.in_force()
    assert loop.time() - began < LEASE
