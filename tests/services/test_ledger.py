"""The ledger: nothing noted is lost while the database is away, and nothing grows without bound."""

import asyncio

import pytest

from tests.services.test_usage import Away, not_failed
from tests.support.agency import DAY, Agency
from wirefeed.domain.cursors import Following
from wirefeed.domain.errors import Unavailable
from wirefeed.domain.ways import MOST_FILTERS, Filter, filter_name, named
from wirefeed.services import ledger as service
from wirefeed.services import ledger_book
from wirefeed.services.ledger import Ledger
from wirefeed.storage import received

KILL = {"version": "9", "pubstatus": "canceled", "headline": ""}


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
    # It has what it was given, also what is written down only now.
    ledger.heard("ann", "wire", 6, 9)
    await agency.services.accounts.remove_subscriber("ann")
    await ledger.flush()
    assert await held(agency, ("ann", "wire")) == {("ann", "wire"): [[1, 9]]}


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


async def test_a_burst_of_single_stories_is_written_down_and_none_is_lost(agency: Agency):
    """More than are told apart: the oldest are taken together, so that none is missing."""
    await agency.subscriber("ann", "sport")
    ledger = agency.services.ledger
    for position in range(2, 1_802, 2):
        ledger.read("ann", "story", position)
    await ledger.flush()
    (stretches,) = (await held(agency, ("ann", "story"))).values()
    assert len(stretches) == ledger_book.SINGLES
    assert all(
        any(first <= position <= last for first, last in stretches)
        for position in range(2, 1_802, 2)
    )
    # The newest are as they were asked for.
    assert stretches[-1] == [1800, 1800]


async def test_too_much_at_once_is_written_down_before_its_time(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_PAUSE", 3_600)
    await agency.subscriber("ann", "sport")
    away = Away(agency.services.database)
    away.is_away = False
    ledger = Ledger(away, clock=agency.clock, room=100)
    running = asyncio.create_task(ledger.run(not_failed))
    try:
        for position in range(0, 100, 2):
            ledger.read("ann", "story", position)
        async with asyncio.timeout(30):
            await away.written.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len((await held(agency, ("ann", "story")))["ann", "story"]) == 50


async def test_filters_that_could_not_be_written_go_along_next_time(agency: Agency):
    await agency.subscriber("ann", "sport")
    away = Away(agency.services.database)
    ledger = Ledger(away, clock=agency.clock)
    part = Filter(following=Following(topics=frozenset({"sport"})))
    way = ledger.through("wire", "ann", part)
    ledger.heard("ann", way, 1, 5)
    with pytest.raises(Unavailable):
        await ledger.flush()
    away.is_away = False
    await ledger.flush()
    name = filter_name(way)
    async with agency.services.database.reading() as connection:
        assert await received.filters(connection, [name]) == {name: part}


async def test_kills_that_nobody_watches_any_more_divide_nothing(agency: Agency):
    """Whoever polls without a gap has a stretch for each kill of a week, and a few before."""
    await agency.subscriber("ann", "sport")
    services = agency.services
    for number in range(40):
        for name, fields in ((f"urn:news:{number}", {}), (f"urn:news:{number}", KILL)):
            await agency.publish(name, **fields)
        head = (await services.follower.look()).position
        services.ledger.heard("ann", "wire", 1, head)
        await services.ledger.flush()
        agency.clock.advance(DAY)
        (stretches,) = (await held(agency, ("ann", "wire"))).values()
        # Those of a week and a day, what was before them, and one for each month before that.
        assert len(stretches) <= 11


async def test_what_there_was_no_room_for_is_noted_when_it_is_given_again(agency: Agency):
    await agency.subscriber("ann", "sport")
    ledger = Ledger(agency.services.database, clock=agency.clock, room=3)
    for _ in range(2):
        for position in range(2, 12, 2):
            ledger.read("ann", "story", position)
        await ledger.flush()
    found = await held(agency, ("ann", "story"))
    assert found == {("ann", "story"): [[n, n] for n in range(2, 12, 2)]}


async def test_what_is_said_of_a_way_goes_where_that_is_kept(agency: Agency):
    """Of the filters beyond so many one way is left."""
    await agency.publish("urn:news:a")
    await agency.publish("urn:news:a", **KILL)
    head = (await agency.services.follower.look()).position
    await agency.subscriber("ann", "sport")
    ledger = Ledger(agency.services.database, clock=agency.clock)
    parts = [Filter(plans=frozenset({f"p{n}"})) for n in range(MOST_FILTERS + 1)]
    for part in parts:
        way = ledger.through("wire", "ann", part)
        ledger.heard("ann", way, 1, head)
        ledger.acknowledged("ann", way, head)
        await ledger.flush()
    async with agency.services.database.reading() as connection:
        found = await received.of(connection, "ann")
    assert len(found) == len(parts)
    assert "wire:other" in found
    assert all(one.acknowledged is not None for (one,) in found.values())


async def test_what_is_written_in_turn_is_there_when_somebody_looks(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
):
    """Also what another is about to write, part by part."""
    monkeypatch.setattr(service, "_BATCH", 2)
    await agency.subscriber("ann", "sport")
    ledger = Ledger(agency.services.database, clock=agency.clock)
    ways = [("ann", f"feed:en/topics/t{n}") for n in range(9)]
    for name, way in ways:
        ledger.heard(name, way, 1, 5)
    in_turn = asyncio.create_task(ledger.flush(in_turn=True))
    await asyncio.sleep(0)
    await ledger.settle()
    assert [len(found) for found in (await held(agency, *ways)).values()] == [1] * 9
    await in_turn
    assert [len(found) for found in (await held(agency, *ways)).values()] == [1] * 9


async def test_a_filter_stays_for_whoever_waits_for_a_later_part(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_BATCH", 1)
    ledger = Ledger(agency.services.database, clock=agency.clock)
    part = Filter(following=Following(topics=frozenset({"sport"})))
    for name in ("ann", "bea"):
        await agency.subscriber(name, "sport")
    # Of her it is written as one of many: she has more than are told apart.
    for number in range(MOST_FILTERS):
        other = Filter(following=Following(topics=frozenset({f"t{number}"})))
        ledger.heard("ann", ledger.through("wire", "ann", other), 1, 5)
    await ledger.flush()
    for name in ("ann", "bea"):
        ledger.heard(name, ledger.through("wire", name, part), 1, 5)
    await ledger.flush()
    async with agency.services.database.reading() as connection:
        kept = await received.filters(connection, [filter_name(named("wire", part))])
    assert list(kept.values()) == [part]
