"""The ledger: nothing noted is lost while the database is away, and nothing grows without bound."""

import pytest

from tests.services.test_usage import Away
from tests.support.agency import Agency
from wirefeed.domain.errors import Unavailable
from wirefeed.services import ledger as service
from wirefeed.services.ledger import Ledger
from wirefeed.storage import received


async def held(agency: Agency, *whose: tuple[str, str]) -> dict[tuple[str, str], list[list[int]]]:
    async with agency.services.database.reading() as connection:
        found = await received.held(connection, whose)
    return {one: [[i.first, i.last] for i in intervals] for one, intervals in found.items()}


async def test_what_cannot_be_written_is_kept_and_joined_to_what_comes(agency: Agency):
    await agency.subscriber("ann", "sport")
    away = Away(agency.services.database)
    ledger = Ledger(away, clock=agency.clock)
    ledger.heard("ann", "wire", 1, 5)
    ledger.acknowledged("ann", "wire", 5)
    with pytest.raises(Unavailable):
        await ledger.flush()
    ledger.heard("ann", "wire", 6, 9)
    away.is_away = False
    await ledger.flush()
    assert await held(agency, ("ann", "wire")) == {("ann", "wire"): [[1, 9]]}
    assert ledger.waiting == 0


async def test_several_processes_add_to_one_ledger(agency: Agency):
    await agency.subscriber("ann", "sport")
    database = agency.services.database
    one, other = (Ledger(database, clock=agency.clock) for _ in range(2))
    one.heard("ann", "wire", 1, 5)
    other.heard("ann", "wire", 4, 9)
    other.heard("ann", "hub", 20, 20)
    await one.flush()
    await other.flush()
    assert await held(agency, ("ann", "wire"), ("ann", "hub")) == {
        ("ann", "wire"): [[1, 9]],
        ("ann", "hub"): [[20, 20]],
    }


async def test_who_is_gone_by_then_is_no_trouble(agency: Agency):
    await agency.subscriber("ann", "sport")
    ledger = agency.services.ledger
    for name in ("ann", "nobody"):
        ledger.heard(name, "wire", 1, 5)
        ledger.acknowledged(name, "wire", 5)
    await ledger.flush()
    assert await held(agency, ("ann", "wire"), ("nobody", "wire")) == {("ann", "wire"): [[1, 5]]}
    await agency.services.accounts.remove_subscriber("ann")
    assert await held(agency, ("ann", "wire")) == {}


async def test_much_is_written_down_in_small_transactions_and_more_than_room_is_dropped(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_BATCH", 3)
    await agency.subscriber("ann", "sport")
    away = Away(agency.services.database)
    away.is_away = False
    ledger = Ledger(away, clock=agency.clock, room=7)
    ways = [("ann", f"feed:en/topics/t{n}") for n in range(9)]
    for name, way in ways:
        ledger.heard(name, way, 1, 5)
    await ledger.flush()
    assert away.asked == 3
    assert [len(found) for found in (await held(agency, *ways)).values()] == [1] * 7 + [0] * 2


async def test_of_one_there_are_never_many_stretches(agency: Agency):
    await agency.subscriber("ann", "sport")
    ledger = agency.services.ledger
    for at in range(0, 2_000, 10):
        ledger.heard("ann", "wire", at, at + 3)
        if not at % 500:
            await ledger.flush()
    await ledger.flush()
    (stretches,) = (await held(agency, ("ann", "wire"))).values()
    assert len(stretches) == 50
    assert stretches[-1] == [1990, 1993]
