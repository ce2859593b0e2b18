"""S-20: `kill -9` at random moments of `wirefeed keys rotate`, while a server takes tokens.

Whatever moment it was, there is one key that signs, the rotation stands whole or not at all,
and nobody who may is refused.
"""

import asyncio
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp

from tests.process.conftest import House, Tell
from tests.process.test_crash import check_wire, connected
from tests.support.process import Wirefeed, wirefeed

#: By what it is for: the token's owner, the call, and the answer to who is let in.
USES = {
    "subscriber": (("reader",), "GET", "/subscriber/en/latest.json", 200),
    "newsroom": (("--source", "newsroom"), "POST", "/api/v1/stories", 415),
    "administrator": (("--admin", "owner"), "GET", "/api/v1/admin/keys", 200),
}


@contextmanager
def serving(house: House) -> Iterator[Wirefeed]:
    with wirefeed("serve", folder=house.folder, environ=house.environ) as server:
        server.wait_for("wirefeed serves")
        yield server


def command(house: House, *arguments: str, exits: int = 0) -> str:
    with wirefeed(*arguments, folder=house.folder, environ=house.environ) as ran:
        assert ran.ended() == exits, ran.said
        return "\n".join(ran.said)


def issue(house: House) -> dict[str, str]:
    """Issue a token of each kind."""
    return {name: command(house, "tokens", "issue", *owner) for name, (owner, *_) in USES.items()}


def states(house: House) -> dict[str, str]:
    found = json.loads(command(house, "keys", "list", "--json"))
    return {key["kid"]: key["state"] for key in found if key["state"] != "retired"}


def begin(house: House) -> dict[str, str]:
    command(house, "subscribers", "add", "reader", "--name", "R", "--plan", "sport")
    command(house, "admins", "add", "owner", "--role", "owner")
    return issue(house)


async def call(http: aiohttp.ClientSession, name: str, token: str) -> bool:
    """Say whether a token is let in."""
    _, method, path, good = USES[name]
    headers = {"Authorization": f"Bearer {token}"}
    async with http.request(method, path, headers=headers) as answer:
        await answer.read()
        assert answer.status in {good, 401}, await answer.text()
        return answer.status == good


async def published(http: aiohttp.ClientSession) -> set[str]:
    async with http.get("/.well-known/jwks.json") as answer:
        keys = json.loads(await answer.read())["keys"]
        assert all("d" not in key for key in keys)
        return {key["kid"] for key in keys}


@asynccontextmanager
async def pressed(house: House, tokens: dict[str, str]) -> AsyncIterator[Counter[bool]]:
    """Let every token be used over and over, a hundred times a second."""
    counts: Counter[bool] = Counter()

    async def use(http: aiohttp.ClientSession, name: str) -> None:
        while True:
            counts[await call(http, name, tokens[name])] += 1
            # A pace, not a wait for something.
            await asyncio.sleep(len(tokens) / 100)

    async with aiohttp.ClientSession(house.url) as http:
        tasks = [asyncio.create_task(use(http, name)) for name in tokens]
        try:
            yield counts
        finally:
            for task in tasks:
                task.cancel()
            ended: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(end) for end in ended} == {asyncio.CancelledError}, ended


def test_s20_a_rotation_that_is_killed_has_happened_or_has_not(
    house: House, soak: bool, tell: Tell
):
    kills = 100 if soak else 12
    tokens = begin(house)
    (first,) = states(house)

    async def rounds() -> tuple[Counter[bool], int, float]:
        done = 0
        async with pressed(house, tokens) as counts:
            takes = await asyncio.to_thread(rotate_and_revert, house)
            for number in range(kills):
                moment = takes * number / kills
                await asyncio.to_thread(rotate_and_kill, house, moment)
                found = await asyncio.to_thread(states, house)
                assert found.pop(first) == "active"
                assert list(found.values()) in ([], ["next"])
                done += len(found)
                exits = 0 if found else 1
                await asyncio.to_thread(command, house, "keys", "revert", exits=exits)
        return counts, done, takes

    with serving(house):
        counts, done, takes = asyncio.run(rounds())
    tell(
        f"rotation: {kills} kills within {takes * 1000:.0f} ms, {done} had rotated;"
        f" {counts.total()} calls with tokens, refused {counts[False]}"
    )
    assert counts[False] == 0
    assert counts[True] > kills
    command(house, "audit", "verify")
    with connected(house.database) as database:
        check_wire(database)
        check_nothing_is_loose(database)


def rotate_and_revert(house: House) -> float:
    """Say how long a rotation takes that nobody kills, in seconds."""
    began = time.perf_counter()
    command(house, "keys", "rotate", "--overlap", "20m")
    took = time.perf_counter() - began
    command(house, "keys", "revert")
    return took


def rotate_and_kill(house: House, moment: float) -> None:
    with wirefeed(
        "keys", "rotate", "--overlap", "20m", folder=house.folder, environ=house.environ
    ) as rotating:
        # Not to wait for something: the moment is what is tested.
        time.sleep(moment)
        rotating.signal(signal.SIGKILL)
        rotating.ended()


def check_nothing_is_loose(database: sqlite3.Connection) -> None:
    """Each key but the first stands in the audit and on the wire, each of both has its key."""
    keys = {f"signing-key:{kid}" for (kid,) in database.execute("SELECT kid FROM signing_keys")}
    audited = {
        about
        for (about,) in database.execute(
            "SELECT about FROM audit WHERE verb = 'signing-key.rotate'"
        )
    }
    announced = {
        about
        for (about,) in database.execute("SELECT about FROM wire WHERE about LIKE 'signing-key:%'")
    }
    assert audited < keys
    assert len(keys - audited) == 1
    assert announced == keys


def test_s20_a_server_killed_during_a_rotation_goes_on_where_it_was(house: House):
    tokens = begin(house)
    command(house, "keys", "rotate")
    found = states(house)
    assert sorted(found.values()) == ["active", "next"]

    async def look() -> None:
        async with aiohttp.ClientSession(house.url) as http:
            for name, token in tokens.items():
                assert await call(http, name, token)
            assert await published(http) == set(found)

    for _ in range(2):
        with serving(house) as server:
            asyncio.run(look())
            server.signal(signal.SIGKILL)
            assert server.ended() == -signal.SIGKILL
    assert states(house) == found


def test_s20_an_emergency_in_another_process_is_over_when_the_command_returns(house: House):
    old = begin(house)

    async def look(*, was: bool) -> None:
        async with aiohttp.ClientSession(house.url) as http:
            for name, token in old.items():
                assert await call(http, name, token) is was

    with serving(house):
        asyncio.run(look(was=True))
        said = command(house, "keys", "rotate", "--now")
        asyncio.run(look(was=False))
        assert said.startswith("3 live tokens of ")
        old = issue(house)
        asyncio.run(look(was=True))
        assert list(states(house).values()) == ["active"]
