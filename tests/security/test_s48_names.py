"""S-48: a name is judged by all it leads to, each time it is dialled."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.callbacks import Subscriber, subscriber
from wirefeed.domain.errors import Unavailable
from wirefeed.outbound.calls import Reason
from wirefeed.outbound.client import LOOK_UPS, Client
from wirefeed.outbound.guard import Guard
from wirefeed.outbound.names import LookUp

pytestmark = pytest.mark.asyncio(loop_scope="function")


@pytest.fixture
async def callback() -> AsyncIterator[Subscriber]:
    async with subscriber() as one:
        yield one


async def calling(look_up: LookUp, port: int, times: int = 1) -> list[Reason | None]:
    """Call a name so often; it leads where it is said to."""
    client = Client(Guard(), user_agent="test", look_up=look_up)
    try:
        return [
            (await client.call("GET", f"http://rebound.example:{port}/")).reason
            for _ in range(times)
        ]
    finally:
        await client.close()


def one_after_the_other(*answers: list[str]) -> Callable[[str], list[str]]:
    left = list(answers)
    return lambda _: left.pop(0)


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["8.8.8.8", "::1"],
        ["2606:4700::1111", "fd00::1"],
        [*(f"8.8.{n}.8" for n in range(250)), "10.0.0.1", *(f"8.9.{n}.8" for n in range(250))],
        ["::ffff:127.0.0.1"],
        ["fe80::1%lo"],
    ],
    ids=str,
)
async def test_s48_any_private_address_fails_the_whole_name(callback: Subscriber, found: list[str]):
    port = int(callback.url.rpartition(":")[2].partition("/")[0])

    assert await calling(lambda _: found, port) == [Reason.ADDRESS]
    assert callback.asked == []


async def test_s48_a_name_is_looked_up_anew_for_each_call(callback: Subscriber):
    port = int(callback.url.rpartition(":")[2].partition("/")[0])
    # 192.0.2.0/24 is for documentation, so nobody answers there, and it is not called either.
    look_up = one_after_the_other(["8.8.8.8", "192.0.2.1"], ["127.0.0.1"], ["::1"])

    assert await calling(look_up, port, 3) == [Reason.ADDRESS] * 3
    assert callback.asked == []


async def test_s48_what_is_dialled_is_judged_also_if_the_name_was_not(callback: Subscriber):
    """The last door: the socket of an address is not even made."""
    port = int(callback.url.rpartition(":")[2].partition("/")[0])
    client = Client(Guard(), user_agent="test")
    try:
        where = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
        with pytest.raises(PermissionError):
            client._socket(where)
    finally:
        await client.close()


async def test_s48_a_slow_name_server_costs_two_seconds():
    released = threading.Event()

    def look_up(_: str) -> list[str]:
        released.wait(30)
        return ["8.8.8.8"]

    began = time.monotonic()
    try:
        assert await calling(look_up, 443) == [Reason.NAME]
    finally:
        released.set()

    assert 1.5 < time.monotonic() - began < 5


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_s48_slow_name_servers_hold_up_nobody_who_agreed(callback: Subscriber, method: str):
    """However many names anybody names, and also those who agreed once hold others up once."""
    port = int(callback.url.rpartition(":")[2].partition("/")[0])
    released = threading.Event()

    def look_up(name: str) -> list[str]:
        if name.startswith("slow"):
            released.wait(30)
        return ["127.0.0.1"]

    client = Client(Guard(private_networks=True), user_agent="test", look_up=look_up)

    async def slow() -> list[Reason | None]:
        calls = (client.call(method, f"http://slow{n}.example:{port}/") for n in range(16))
        return [reply.reason for reply in await asyncio.gather(*calls)]

    try:
        if method == "POST":
            assert await slow() == [Reason.NAME] * 16
            released.set()
            # One that is under way would be shared.
            while client._resolvers[1]._jobs:  # noqa: ASYNC110 - a thread tells nobody
                await asyncio.sleep(0.01)
            released.clear()
        blocked = asyncio.create_task(slow())
        await asyncio.sleep(0)
        reply = await client.call("POST", f"http://good.example:{port}/", body=b"x")
        assert reply.status == 200
        assert await blocked == [Reason.NAME] * 16
    finally:
        released.set()
        await client.close()


async def test_s48_one_that_only_waits_for_its_turn_has_not_failed(callback: Subscriber):
    """It keeps its turn, and is called when that comes; those that are slow have failed."""
    port = int(callback.url.rpartition(":")[2].partition("/")[0])
    released, asked = threading.Event(), list[str]()

    def look_up(name: str) -> list[str]:
        asked.append(name)
        if name.startswith("slow"):
            released.wait(30)
        return ["127.0.0.1"]

    client = Client(Guard(private_networks=True), user_agent="test", look_up=look_up)
    good = f"http://good.example:{port}/"
    try:
        urls = [f"http://slow{n}.example:{port}/" for n in range(LOOK_UPS)]
        slow = [asyncio.create_task(client.call("POST", url)) for url in urls]
        while len(asked) < LOOK_UPS:  # noqa: ASYNC110 - a thread tells nobody
            await asyncio.sleep(0.01)
        with pytest.raises(Unavailable):
            await client.call("POST", good, body=b"x")
        assert {(await one).reason for one in slow} == {Reason.NAME}
        assert callback.delivered == []
        released.set()
        assert (await client.call("POST", good, body=b"x")).status == 200
    finally:
        released.set()
        await client.close()


async def test_s48_a_name_is_looked_up_once_at_a_time(callback: Subscriber):
    """However many wait for it, and however long: each would take another thread."""
    port = int(callback.url.rpartition(":")[2].partition("/")[0])
    released, asked = threading.Event(), list[str]()

    def look_up(name: str) -> list[str]:
        asked.append(name)
        released.wait(30)
        return ["127.0.0.1"]

    client = Client(Guard(private_networks=True), user_agent="test", look_up=look_up)
    url = f"http://slow.example:{port}/"
    try:
        for _ in range(2):
            calls = (client.call("POST", url, body=b"x") for _ in range(3))
            assert [one.reason for one in await asyncio.gather(*calls)] == [Reason.NAME] * 3
        assert asked == ["slow.example"]
        released.set()
        assert (await client.call("POST", url, body=b"x")).status == 200
    finally:
        released.set()
        await client.close()


async def test_a_name_that_leads_nowhere_is_told_apart():
    def look_up(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert await calling(look_up, 443) == [Reason.NAME]


async def test_a_name_of_a_local_network_is_called_where_that_was_set(callback: Subscriber):
    port = int(callback.url.rpartition(":")[2].partition("/")[0])
    client = Client(
        Guard(private_networks=True), user_agent="test", look_up=lambda _: ["127.0.0.1"]
    )
    try:
        async with asyncio.timeout(5):
            reply = await client.call("GET", f"http://callback.lan:{port}/x")
    finally:
        await client.close()

    assert reply.status == 200
    assert callback.asked[0].headers["Host"] == f"callback.lan:{port}"
