"""A hub that anybody has filled: there is room for those who hold a lease or have a right."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.agency import PUBLIC_URL, Agency
from tests.support.callbacks import Subscriber
from tests.support.hub import ask, held, subscribe
from wirefeed.domain.leases import PUBLIC, Intent, Mode
from wirefeed.storage import leases

TOPIC = f"{PUBLIC_URL}/en/latest.rss"
#: What waits, of the public, before it is refused.
MOST = 1_000


@pytest.fixture
async def stalling() -> AsyncIterator[int]:
    """The port of what takes connections, and says nothing."""
    over = asyncio.Event()

    async def stall(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        over.set()


async def fill(agency: Agency, port: int, number: int = MOST, host: str = "") -> None:
    """Let so much wait, each at a host of its own, or all at one."""
    topics = agency.services.callbacks.topics
    async with agency.services.database.writing() as connection:
        for one in range(number):
            callback = f"http://127.0.0.1:{port}/{one}"
            pair = topics.pair(TOPIC, callback)
            intent = Intent(
                id=f"flood-{one}",
                pair=pair,
                mode=Mode.SUBSCRIBE,
                callback=callback,
                host=host or f"{one}.example",
                topic=topics.seal(TOPIC.encode(), pair),
                secret=None,
                owner=PUBLIC,
                seconds=3600,
                received=agency.clock.now,
            )
            await leases.ask(connection, intent)


async def statuses(agency: Agency, callback: Subscriber, topic: str) -> tuple[int, int]:
    """What somebody is answered that has a lease, and asks for that again and for another."""
    renewed, _ = await ask(agency, callback.url, topic)
    another, _ = await ask(agency, f"{callback.url}/another", topic)
    return renewed, another


async def test_whoever_has_a_lease_may_renew_it_however_many_others_wait(
    agency: Agency, callback: Subscriber, stalling: int
):
    await subscribe(agency, callback, TOPIC)
    await fill(agency, stalling, 2 * MOST)
    assert await statuses(agency, callback, TOPIC) == (202, 503)


async def test_whoever_had_one_may_not(agency: Agency, callback: Subscriber, stalling: int):
    await subscribe(agency, callback, TOPIC)
    (lease,) = await held(agency)
    agency.clock.now = lease.expires
    await fill(agency, stalling, 2 * MOST)
    assert await statuses(agency, callback, TOPIC) == (503, 503)


async def test_whoever_has_a_right_has_room_of_its_own(
    agency: Agency, callback: Subscriber, stalling: int
):
    subscriber = await agency.subscriber("gazette", "sport")
    key, token = await agency.feed_key(subscriber), await agency.token(subscriber)
    await fill(agency, stalling, 2 * MOST)
    made_up = f"{key[:-4]}aaaa"
    assert (await ask(agency, callback.url, f"{PUBLIC_URL}{made_up}/en/latest.rss"))[0] == 503
    assert (await ask(agency, callback.url, f"{PUBLIC_URL}{key}/en/latest.rss"))[0] == 202
    topic = f"{PUBLIC_URL}/subscriber/en/latest.rss"
    assert (await ask(agency, callback.url, topic, headers=token))[0] == 202


async def test_nobody_takes_the_room_at_a_partners_host(
    agency: Agency, callback: Subscriber, stalling: int
):
    key = await agency.feed_key(await agency.subscriber("gazette", "sport"))
    await fill(agency, stalling, 60, host="127.0.0.1")
    assert (await ask(agency, callback.url, TOPIC))[0] == 429
    topic = f"{PUBLIC_URL}{key}/en/latest.rss"
    answers = [(await ask(agency, f"{callback.url}?{n}", topic))[0] for n in range(60)]
    assert set(answers[:20]) == {202}
    # Nor has anybody room without end.
    assert 429 in answers
