"""Use of credentials: written down in time, never lost, never in anybody's way."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.agency import DAY, MINUTE, SECOND, START, Clock, settings_in
from wirefeed.composition import Services, open_services
from wirefeed.domain.credentials import FeedKey
from wirefeed.domain.errors import Refusal, Unavailable
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.terms import Terms
from wirefeed.services import usage as service
from wirefeed.services.usage import PLACES, REFUSALS, Usage
from wirefeed.storage import usage as stored
from wirefeed.storage.database import Database

HOME, CURL = "203.0.113.7", "curl/8.5.0"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def services(tmp_path: Path, clock: Clock) -> AsyncIterator[Services]:
    async with open_services(settings_in(tmp_path), clock) as opened:
        await opened.accounts.add_subscriber(Subscriber(id="reader"))
        yield opened


@pytest.fixture
async def key(services: Services) -> FeedKey:
    return (await services.feed_keys.issue("reader")).row


async def seen(services: Services, key: FeedKey) -> list[tuple[str, str, int]]:
    async with services.database.reading() as connection:
        found = await stored.sightings(connection, [key.id])
    return [(one.network, one.client, one.requests) for one in found]


class Away(Database):
    """A database that is out of reach until it is not."""

    def __init__(self, database: Database) -> None:
        """Stand before another."""
        self._database = database
        self.is_away = True
        self.asked = 0
        self.written = asyncio.Event()

    async def write(self, work: Any, *args: Any, **more: Any) -> Any:
        self.asked += 1
        if self.is_away:
            raise Unavailable
        result = await self._database.write(work, *args, **more)
        self.written.set()
        return result

    @asynccontextmanager
    async def reading(self):
        async with self._database.reading() as connection:
            yield connection


def not_failed(error: Exception) -> None:
    raise error


async def test_a_use_is_written_down_with_where_and_with_what(services: Services, key: FeedKey):
    services.usage.saw_key(key, HOME, CURL)
    services.usage.saw_key(key, "203.0.113.99", "curl/7.0")
    services.usage.saw_key(key, HOME, "Firefox/1")
    await services.usage.flush()
    assert sorted(await seen(services, key)) == [
        ("203.0.113.0/24", "Firefox", 1),
        ("203.0.113.0/24", "curl", 2),
    ]
    assert (await services.feed_keys.get(key.id)).last_used == START


async def test_a_token_is_used_wherever_it_is_let_in(services: Services, clock: Clock):
    token = (await services.tokens.issue(Terms(subscriber="reader", days=1))).row
    services.usage.saw_token(token)
    clock.advance(SECOND)
    services.usage.saw_token(token)
    await services.usage.flush()
    assert (await services.tokens.get(token.jti)).last_used == START + SECOND


async def test_each_is_written_down_once_a_minute(services: Services, clock: Clock, key: FeedKey):
    token = (await services.tokens.issue(Terms(subscriber="reader", days=1))).row
    away = Away(services.database)
    away.is_away = False
    usage = Usage(away, services.leaks, clock=clock)
    written = []
    for _ in range(180):
        usage.saw_key(key, HOME, CURL)
        usage.saw_token(token)
        await usage.flush()
        written.append(away.asked)
        clock.advance(SECOND)
    assert [written[59], written[119], written[179]] == [1, 2, 3]
    await usage.flush(all_=True)
    assert await seen(services, key) == [("203.0.113.0/24", "curl", 180)]
    assert (await services.tokens.get(token.jti)).last_used == clock.now - SECOND


async def test_with_nothing_to_write_the_database_is_left_alone(services: Services, clock: Clock):
    away = Away(services.database)
    usage = Usage(away, services.leaks, clock=clock)
    await usage.flush()
    assert away.asked == 0


async def test_while_the_database_is_away_nothing_fails_and_nothing_is_lost(
    services: Services, clock: Clock, key: FeedKey
):
    away = Away(services.database)
    usage = Usage(away, services.leaks, clock=clock)
    for _ in range(5):
        usage.saw_key(key, HOME, CURL)
        usage.refused(Refusal(subscriber="reader", credential="t", reason="expired"), "/x", HOME)
        with pytest.raises(Unavailable):
            await usage.flush()
        # Who asks is told what there is on disk.
        assert await usage.refusals("reader") == []
        assert (await usage.keys("reader"))[0].sightings == ()
        clock.advance(SECOND)
    away.is_away = False
    await usage.flush()
    assert await seen(services, key) == [("203.0.113.0/24", "curl", 5)]
    assert (await services.feed_keys.get(key.id)).last_used == START + 4 * SECOND
    assert len(await usage.refusals("reader")) == 5


async def test_a_failure_is_told_and_tried_again(
    services: Services, clock: Clock, key: FeedKey, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_PAUSE", 0)
    away = Away(services.database)
    usage = Usage(away, services.leaks, clock=clock)
    usage.saw_key(key, HOME, CURL)
    told: list[Exception] = []
    back = asyncio.Event()

    def failed(error: Exception) -> None:
        told.append(error)
        away.is_away = len(told) < 3
        if not away.is_away:
            back.set()

    running = asyncio.create_task(usage.run(failed))
    await back.wait()
    await away.written.wait()
    assert await seen(services, key) == [("203.0.113.0/24", "curl", 1)]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [type(error) for error in told] == [Unavailable] * 3


async def test_at_the_end_everything_is_written_down(
    services: Services, clock: Clock, key: FeedKey
):
    running = asyncio.create_task(services.usage.run(not_failed))
    for _ in range(3):
        services.usage.saw_key(key, HOME, CURL)
        await services.usage.flush()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await seen(services, key) == [("203.0.113.0/24", "curl", 3)]


@pytest.mark.parametrize("seed", range(5))
async def test_whenever_a_writing_is_cut_off_nothing_is_lost_or_counted_twice(
    services: Services, clock: Clock, key: FeedKey, seed: int
):
    drawn = random.Random(seed)  # noqa: S311 - the same in every run
    refusal = Refusal(subscriber="reader", credential="t", reason="expired")
    for number in range(30):
        services.usage.saw_key(key, HOME, CURL)
        services.usage.refused(refusal, str(number), HOME)
        writing = asyncio.create_task(services.usage.flush())
        for _ in range(drawn.randrange(1, 200)):
            await asyncio.sleep(0)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        clock.advance(MINUTE)
    await services.usage.flush(all_=True)
    counts = {client: requests for _, client, requests in await seen(services, key)}
    assert counts["curl"] == 30
    routes = [one.route for one in await services.usage.refusals("reader")]
    assert routes == [str(number) for number in reversed(range(30))]


async def test_ten_thousand_hostile_clients_are_bounded(
    services: Services, clock: Clock, key: FeedKey
):
    other = (await services.feed_keys.issue("reader")).row
    for n in range(10_000):
        services.usage.saw_key(key, f"10.{n >> 8}.{n & 255}.1", f"Evil{chr(97 + n % 26)}/{n}" * 9)
        services.usage.saw_key(key, HOME, f"<script>{n}</script>" + "x" * 8_000)
        if not n % 500:
            await services.usage.flush()
            clock.advance(2 * MINUTE)
    assert len(services.usage._sightings) <= PLACES
    services.usage.saw_key(other, HOME, CURL)
    await services.usage.flush(all_=True)
    found = await seen(services, key)
    assert len(found) <= PLACES
    assert all(len(network) < 20 and len(client) <= 40 for network, client, _ in found)
    # Nobody else is the worse for it.
    assert await seen(services, other) == [("203.0.113.0/24", "curl", 1)]
    assert (await services.feed_keys.get(key.id)).last_used == clock.now


async def test_more_keys_than_there_is_room_for_are_dropped_until_there_is(
    services: Services, clock: Clock, key: FeedKey
):
    usage = Usage(services.database, services.leaks, clock=clock, room=REFUSALS)
    for n in range(1_000):
        usage.saw_key(replace(key, id=f"k{n}"), HOME, CURL)
    usage.saw_key(key, HOME, CURL)
    await usage.flush()
    clock.advance(MINUTE)
    await usage.flush()
    usage.saw_key(key, HOME, CURL)
    await usage.flush()
    assert await seen(services, key) == [("203.0.113.0/24", "curl", 1)]


async def test_much_is_written_down_in_small_transactions(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_BATCH", 3)
    keys = [(await services.feed_keys.issue("reader")).row for _ in range(7)]
    away = Away(services.database)
    away.is_away = False
    usage = Usage(away, services.leaks, clock=clock)
    for key in keys:
        usage.saw_key(key, HOME, CURL)
    await usage.flush()
    assert away.asked == 3
    assert len([use for use in await usage.keys() if use.sightings]) == 7


async def test_what_is_gone_by_then_is_no_trouble(services: Services, clock: Clock, key: FeedKey):
    services.usage.saw_key(key, HOME, CURL)
    refusal = Refusal(subscriber="reader", credential="t", reason="expired")
    services.usage.refused(refusal, "/x", HOME)
    await services.accounts.remove_subscriber("reader")
    await services.usage.flush()
    assert await seen(services, key) == []


async def test_after_thirty_days_it_is_forgotten(services: Services, clock: Clock, key: FeedKey):
    for n in range(150):
        services.usage.saw_key(key, f"10.0.{n}.1", CURL)
        if not n % 20:
            await services.usage.flush()
            clock.advance(MINUTE)
    await services.usage.flush(all_=True)
    clock.advance(29 * DAY)
    services.usage.saw_key(key, HOME, CURL)
    await services.usage.flush()
    await services.usage.prune()
    assert len(await seen(services, key)) == 151
    clock.advance(DAY + 1)
    await services.usage.prune()
    assert await seen(services, key) == [("203.0.113.0/24", "curl", 1)]


async def test_the_last_fifty_refusals_are_listed_the_newest_first(
    services: Services, clock: Clock
):
    for n in range(70):
        refusal = Refusal(subscriber="reader", credential=str(n), reason="expired")
        services.usage.refused(refusal, "/subscriber/{lang}/latest.{format}", HOME)
        clock.advance(SECOND)
        if not n % 15:
            await services.usage.flush()
    found = await services.usage.refusals("reader")
    assert [one.credential for one in found] == [str(n) for n in reversed(range(20, 70))]
    assert found[0].at == clock.now - SECOND
    assert found[0].network == "203.0.113.0/24"
    assert await services.usage.refusals("nobody") == []


async def test_of_each_key_it_is_said_where_it_was_seen(services: Services, key: FeedKey):
    other = (await services.feed_keys.issue("reader")).row
    services.usage.saw_key(key, HOME, CURL)
    uses = {use.key.id: use for use in await services.usage.keys("reader")}
    assert [one.client for one in uses[key.id].sightings] == ["curl"]
    assert uses[key.id].key.last_used == START
    assert (uses[other.id].sightings, uses[other.id].flags) == ((), ())
    assert await services.usage.seen(key.id) == list(uses[key.id].sightings)
    assert await services.usage.keys("nobody") == []
