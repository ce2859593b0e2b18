"""Alarms of kills: one process looks, at no more than it must, and at nothing where nothing is."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.agency import DAY, MINUTE, SECOND, Agency
from tests.support.answers import ask
from wirefeed.composition import Services, open_services
from wirefeed.services import kill_alarms
from wirefeed.services.duties import Duty
from wirefeed.services.kill_alarms import HELD, KillAlarms
from wirefeed.services.kills import Kills
from wirefeed.services.ledger import Ledger
from wirefeed.storage.database import Database

LATEST = "/en/latest.json"
READERS = [f"reader-{number:02}" for number in range(12)]


class Counted(Database):
    """A database that counts how often it is asked."""

    def __init__(self, database: Database) -> None:
        """Stand before another."""
        self._database = database
        self.reads = self.writes = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        self.reads += 1
        async with self._database.reading() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Any]:
        self.writes += 1
        async with self._database.writing() as connection:
            yield connection

    async def read(self, work: Any, *args: Any, **more: Any) -> Any:
        self.reads += 1
        return await self._database.read(work, *args, **more)

    async def write(self, work: Any, *args: Any, **more: Any) -> Any:
        self.writes += 1
        return await self._database.write(work, *args, **more)

    def asked(self) -> tuple[int, int]:
        """Say how often it was asked since this was last said: reads, and writes."""
        told = self.reads, self.writes
        self.reads = self.writes = 0
        return told


@pytest.fixture
def counted(agency: Agency) -> Counted:
    return Counted(agency.services.database)


@pytest.fixture
def alarms(agency: Agency, counted: Counted) -> KillAlarms:
    """Give one that looks through a database that counts."""
    services, clock = agency.services, agency.clock
    ledger = Ledger(counted, clock=clock)
    kills = Kills(counted, ledger, alarm_minutes=15, clock=clock)
    duty = Duty(counted, "kills", clock=clock, monotonic=lambda: clock() / SECOND, held=HELD)
    return KillAlarms(counted, ledger, kills, duty, services.follower, clock=clock)


async def held_by(agency: Agency, *names: str) -> dict[str, str]:
    """Have a story, and let some fetch it; gives their addresses."""
    await agency.publish("urn:news:a")
    keys = {}
    for name in names:
        await agency.subscriber(name, "sport")
        keys[name] = await agency.feed_key(name)
        assert (await ask(agency, keys[name] + LATEST)).status == 200
    await agency.services.ledger.flush()
    agency.clock.advance(MINUTE)
    return keys


async def kill(agency: Agency, name: str = "urn:news:a") -> None:
    await agency.publish(name, version="9", pubstatus="canceled", headline="")
    await agency.services.follower.look()


async def test_where_there_is_no_kill_nothing_is_asked(
    agency: Agency, alarms: KillAlarms, counted: Counted
):
    await held_by(agency, "ann")
    await alarms.check()
    assert counted.asked() == (1, 0)
    for _ in range(3):
        agency.clock.advance(MINUTE)
        await alarms.check()
        assert (counted.asked(), alarms.late) == ((0, 0), 0)
    await kill(agency)
    # It is not late yet: that there is one is looked up once.
    for asked in ((1, 0), (0, 0)):
        await alarms.check()
        assert (counted.asked(), alarms.late) == (asked, 0)


async def test_a_kill_that_nobody_waits_for_any_more_is_never_looked_at_again(
    agency: Agency, alarms: KillAlarms, counted: Counted
):
    keys = await held_by(agency, "ann")
    await kill(agency)
    agency.clock.advance(15 * MINUTE)
    await alarms.check()
    assert alarms.late == 1
    await ask(agency, keys["ann"] + LATEST)
    await agency.services.ledger.flush()
    agency.clock.advance(MINUTE)
    await alarms.check()
    await alarms.check()
    assert alarms.late == 0
    counted.asked()
    for _ in range(3):
        agency.clock.advance(MINUTE)
        await alarms.check()
    assert counted.asked() == (0, 0)
    # Nor by whoever comes after it.
    with capture_logs() as logs:
        await agency.services.kill_alarms.check()
    assert (agency.services.kill_alarms.late, logs) == (0, [])


async def test_who_waits_and_fetches_nothing_is_looked_through_no_more(
    agency: Agency, alarms: KillAlarms, counted: Counted
):
    """What a look costs does not grow with those who wait, nor with the kills."""
    await held_by(agency, *READERS)
    for number in range(5):
        await agency.publish(f"urn:news:{number}")
    await kill(agency)
    agency.clock.advance(15 * MINUTE)
    await alarms.check()
    assert alarms.late == 1
    counted.asked()
    agency.clock.advance(MINUTE)
    await alarms.check()
    # Who was given anything since; and that it still looks.
    assert counted.asked() == (1, 1)


async def test_a_week_later_nobody_is_late_any_more(agency: Agency, alarms: KillAlarms):
    await held_by(agency, "ann")
    await kill(agency)
    agency.clock.advance(15 * MINUTE)
    await alarms.check()
    assert alarms.late == 1
    agency.clock.advance(7 * DAY)
    await alarms.check()
    assert alarms.late == 0


@pytest.fixture
async def several(agency: Agency) -> AsyncIterator[list[Services]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_services(agency.settings, agency.clock))
            for _ in range(3)
        ]


async def test_of_several_processes_one_looks_and_another_when_it_is_gone(
    agency: Agency, several: list[Services]
):
    keys = await held_by(agency, "ann")
    await kill(agency)
    agency.clock.advance(15 * MINUTE)
    with capture_logs() as logs:
        for _ in range(3):
            for one in several:
                await one.follower.look()
                await one.kill_alarms.check()
            agency.clock.advance(MINUTE // 4)
        assert [one.kill_alarms.late for one in several] == [1, None, None]
        # The first says nothing more.
        agency.clock.advance(MINUTE)
        for one in several[1:]:
            await one.kill_alarms.check()
        assert [one.kill_alarms.late for one in several[1:]] == [1, None]
    assert len([log for log in logs if log["log_level"] == "warning"]) == 1
    await ask(agency, keys["ann"] + LATEST)
    await agency.services.ledger.flush()
    for one in several[1:]:
        await one.kill_alarms.check()
    assert [one.kill_alarms.late for one in several[1:]] == [0, 0]


async def test_who_is_removed_while_it_is_waited_for_is_waited_for_no_more(
    agency: Agency, alarms: KillAlarms
):
    await held_by(agency, "ann", "bob")
    await kill(agency)
    agency.clock.advance(15 * MINUTE)
    for name, late in (("ann", 1), ("bob", 0)):
        await alarms.check()
        assert alarms.late == 1
        await agency.services.accounts.remove_subscriber(name)
        agency.clock.advance(MINUTE)
        await alarms.check()
        assert alarms.late == late


async def test_however_many_are_late_each_is_told_of_and_a_look_is_at_no_more_than_so_many(
    agency: Agency, alarms: KillAlarms, counted: Counted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kill_alarms, "_AT_ONCE", 3)
    names = [f"urn:news:{number}" for number in range(7)]
    for name in names:
        await agency.publish(name)
    keys = await held_by(agency, "ann")
    for name in names:
        await kill(agency, name)
    agency.clock.advance(15 * MINUTE)
    told, reads = [], []
    with capture_logs() as logs:
        for late in (3, 6, 7):
            counted.asked()
            await alarms.check()
            reads.append(counted.asked()[0])
            told.append([log["story"] for log in logs])
            assert alarms.late == late
            agency.clock.advance(MINUTE // 4)
    # The oldest first, and each once.
    assert told == [names[:3], names[:6], names]
    counted.asked()
    await alarms.check()
    # By then all are known, and whoever waits was given nothing.
    assert counted.asked()[0] == 1
    # No look asked for more than the first one did, with none before it.
    assert max(reads) == reads[0]
    await ask(agency, keys["ann"] + LATEST)
    await agency.services.ledger.flush()
    for late in (4, 1, 0):
        await alarms.check()
        assert alarms.late == late
