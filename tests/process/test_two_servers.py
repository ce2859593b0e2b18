"""F-15, F-16: what one server has taken away, the other does not give, however it was kept busy."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.process.conftest import Tell
from tests.process.test_serve import story
from tests.support.house import House
from tests.support.process import PATIENCE
from tests.support.servers import Credentials, Server, add_subscriber, credentials, servers
from wirefeed.composition import Services, open_services

ROUNDS, ROUNDS_AT_FULL_SIZE = 20, 200
#: In seconds: in which a revoke or a kill returns, 99 times of 100,
RETURNS = 0.6
#: and for how long a server is frozen: longer than it may go by what it knows.
FROZEN, FROZEN_AT_FULL_SIZE = 1.5, 10.0
FEED = "/en/topics/sport.json"
#: A story that stays.
STANDING = "standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A key that will be revoked, and a story that will be killed."""

    path: str
    key: str
    story: str


def words(name: str) -> bytes:
    """Give what stands in this story alone, and is not in its summary."""
    return f"Only in {name}.".encode()


async def victims(house: House, count: int) -> Sequence[Victim]:
    async with open_services(house.settings()) as services:
        return [await _victim(services, number) for number in range(count)]


async def _victim(services: Services, number: int) -> Victim:
    await add_subscriber(services, f"reader-{number}")
    key = await services.feed_keys.issue(f"reader-{number}")
    return Victim(path=f"/f/{key.secret}{FEED}", key=key.row.id, story=f"victim-{number}")


async def revoke(server: Server, known: Credentials, victim: Victim) -> float:
    """Revoke the key; give the seconds until that had returned."""
    began = time.monotonic()
    await server.post(f"/api/v1/admin/feed-keys/{victim.key}/revoke", known.owner)
    return time.monotonic() - began


async def send(server: Server, known: Credentials, name: str, **fields: str) -> float:
    """Send a story, or kill it; give the seconds until that had returned."""
    text = f"<p>{'For everybody. ' * 60}</p><p>{words(name).decode()}</p>"
    body = story(name, body_html=text, **fields)
    began = time.monotonic()
    await server.post("/api/v1/stories", known.newsroom, body)
    return time.monotonic() - began


async def kill(server: Server, known: Credentials, victim: Victim) -> float:
    return await send(server, known, victim.story, version="2", pubstatus="canceled")


async def shown(server: Server, victim: Victim, known: Credentials) -> tuple[bool, bool]:
    """Say whether the key gives full text, and whether another that holds gives the story's."""
    _, by_key = await server.get(victim.path)
    _, by_other = await server.get(known.private + FEED)
    return words(STANDING) in by_key, words(victim.story) in by_other


async def until_shown(server: Server, victim: Victim, known: Credentials) -> None:
    async with asyncio.timeout(PATIENCE):
        while await shown(server, victim, known) != (True, True):  # noqa: ASYNC110 - it follows
            await asyncio.sleep(0.005)


async def test_a_revoke_and_a_kill_return_soon_and_are_then_in_force_at_the_other_server(
    house: House, soak: bool, tell: Tell
):
    known = await credentials(house)
    rounds = ROUNDS_AT_FULL_SIZE if soak else ROUNDS
    took: dict[str, list[float]] = {"revoke": [], "kill": []}
    async with servers(house, 2) as running:
        await send(running[0], known, STANDING)
        for number, victim in enumerate(await victims(house, rounds)):
            one, other = running[number % 2], running[1 - number % 2]
            await send(one, known, victim.story)
            for server in running:
                await until_shown(server, victim, known)
            # At the same time, and the other writes nothing: by a write of its own it would look.
            revoked = asyncio.create_task(revoke(one, known, victim))
            killed = asyncio.create_task(kill(one, known, victim))
            took["revoke"].append(await revoked)
            key_shows, _ = await shown(other, victim, known)
            took["kill"].append(await killed)
            _, story_shows = await shown(other, victim, known)
            assert not key_shows
            assert not story_shows
    for what, seconds in took.items():
        slowest = sorted(seconds)[len(seconds) * 99 // 100]
        middle = sorted(seconds)[len(seconds) // 2]
        tell(
            f"{what} by one of 2 servers: {rounds} rounds, returned after"
            f" {middle * 1000:.0f} ms, p99 {slowest * 1000:.0f} ms (goal 600 ms)"
        )
        # Of a machine that is busy with other things, the half is asked.
        assert middle < RETURNS


async def test_a_server_that_was_frozen_meanwhile_obeys_with_its_first_answer(
    house: House, soak: bool, tell: Tell
):
    known = await credentials(house)
    (victim,) = await victims(house, 1)
    async with servers(house, 2) as (one, frozen):
        await send(one, known, STANDING)
        await send(one, known, victim.story)
        for server in (one, frozen):
            await until_shown(server, victim, known)
        # It has everything at hand, just looked at.
        assert await shown(frozen, victim, known) == (True, True)
        frozen.process.signal(signal.SIGSTOP)
        await revoke(one, known, victim)
        await kill(one, known, victim)
        # Asked as often as it may know the old: what waits in its sockets is answered first.
        asked = [asyncio.create_task(shown(frozen, victim, known)) for _ in range(20)]
        await asyncio.sleep(FROZEN_AT_FULL_SIZE if soak else FROZEN)
        assert not any(task.done() for task in asked)
        frozen.process.signal(signal.SIGCONT)
        began = time.monotonic()
        first, *_ = await asyncio.gather(*asked)
        tell(f"frozen server: 40 first answers {(time.monotonic() - began) * 1000:.0f} ms after")
        assert {await task for task in asked} == {(False, False)}, first
