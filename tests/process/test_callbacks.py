"""`kill -9` in the middle of deliveries: what was published reaches the callback all the same."""

import asyncio
import json
import random

import aiohttp

from tests.process.conftest import Tell
from tests.support.agency import PUBLIC_URL
from tests.support.callbacks import Subscriber, subscriber
from tests.support.house import House
from tests.support.process import PATIENCE, wirefeed

TOPIC = f"{PUBLIC_URL}/en/latest.json"


async def ask(house: House, callback: Subscriber) -> None:
    asked = {"hub.mode": "subscribe", "hub.callback": callback.url, "hub.topic": TOPIC}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{house.url}/hub", data=asked) as answer,
    ):
        assert answer.status == 202, await answer.text()


async def publish(house: House, token: str, number: int) -> None:
    story = {
        "uri": f"urn:story:{number}",
        "version": "1",
        "versioncreated": "2026-03-01T12:00:00Z",
        "pubstatus": "usable",
        "language": "en",
        "headline": f"Story number {number:04}",
        "subject": [{"code": "medtop:15000000"}],
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{house.url}/api/v1/stories", data=json.dumps(story)) as answer,
    ):
        assert answer.status == 201, await answer.text()


def test_f14_what_was_acknowledged_is_delivered_whenever_the_server_is_killed(
    house: House, soak: bool, tell: Tell
):
    kills = 40 if soak else 6
    environ = {**house.environ, "WIREFEED_OUTBOUND__PRIVATE_NETWORKS": "true"}
    with wirefeed(
        "tokens", "issue", "--source", "newsroom", folder=house.folder, environ=environ
    ) as ran:
        assert ran.ended() == 0, ran.said
        token = ran.said[-1]

    async def rounds() -> int:
        draw = random.Random(7)  # noqa: S311 - moments, not secrets
        async with subscriber() as callback:
            for number in range(kills + 1):
                with wirefeed("serve", folder=house.folder, environ=environ) as server:
                    await asyncio.to_thread(server.wait_for, "wirefeed serves")
                    if number:
                        # What the one before had acknowledged.
                        await came(callback, f"Story number {number - 1:04}".encode())
                    else:
                        await ask(house, callback)
                        await callback.questions(1)
                        await granted(house)
                    before = len(callback.delivered)
                    await publish(house, token, number)
                    if draw.random() < 0.5:
                        # In the middle of it, else at some moment around it.
                        await callback.deliveries(before + 1)
                    else:
                        await asyncio.sleep(draw.random() * 0.05)
                    # Leaving it is SIGKILL.
            return len(callback.delivered)

    sent = asyncio.run(rounds())
    tell(f"callbacks: {kills} kills in the middle of deliveries, {sent} deliveries, lost 0")


async def came(callback: Subscriber, name: bytes) -> None:
    await callback.until(lambda: any(name in one.body for one in callback.delivered), PATIENCE)


async def granted(house: House) -> None:
    """Wait until the lease is written down: what comes before it is not delivered."""
    while True:
        async with aiohttp.ClientSession() as http, http.get(f"{house.ops_url}/metrics") as answer:
            told = await answer.text()
        if 'kind="verification",outcome="sent"' in told:
            return
        await asyncio.sleep(0.05)
