"""`kill -9` of a server that calls webhooks: each change arrives, and what is killed is taken back.

The receiver runs in this process, on loopback, and outlives each server. A server that is killed
while it waits for an answer cannot know what arrived, and its successor sends it once more.
"""

import asyncio
import json
import random
import signal
from dataclasses import dataclass, field, replace

from aiohttp import web

from tests.process.conftest import Tell
from tests.process.test_follow import Newsroom
from tests.support.callbacks import Seen, subscriber
from tests.support.house import House, command, lines, serving
from tests.support.process import PATIENCE
from tests.support.receivers import is_signed

PRIVATE = {"WIREFEED_OUTBOUND__PRIVATE_NETWORKS": "true"}


@dataclass(slots=True)
class Copy:
    """What a receiver makes of what it is sent: stories as they are, and no repeats."""

    stories: dict[str, tuple[int, str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    repeats: int = 0

    def take(self, seen: Seen) -> None:
        name = seen.headers["webhook-id"]
        if name in self.ids:
            self.repeats += 1
            return
        self.ids.add(name)
        entry = json.loads(seen.body)
        guid, version = entry["uri"], int(entry["version"])
        before = self.stories.get(guid, (0, "usable"))
        # In order: no version comes after a newer one.
        assert version >= before[0], (guid, version, before)
        if entry["pubStatus"] == "canceled":
            assert b"<p>Text" not in seen.body
        self.stories[guid] = (version, entry["pubStatus"])


def test_every_change_arrives_whoever_is_killed(house: House, soak: bool, tell: Tell):
    calling = replace(house, environ={**house.environ, **PRIVATE})
    asyncio.run(work(calling, 30 if soak else 8, tell))


async def work(house: House, rounds: int, tell: Tell) -> None:
    chance = random.Random(11)  # noqa: S311 - the same in every run
    token = await asyncio.to_thread(begin, house)
    newsroom, copy, taken = Newsroom(token, house.url, chance), Copy(), 0

    async def slow(_: web.Request) -> web.Response:
        # Now and then the server is killed while it waits for an answer.
        await asyncio.sleep(0.02)
        return web.Response(status=204)

    async with subscriber() as receiver:
        receiver.on_delivery = slow
        secret = await asyncio.to_thread(add, house, receiver.url)
        said = []
        for _ in range(rounds):
            with serving(house, WIREFEED_LOG__LEVEL="debug") as server:
                said.append(server)
                for _ in range(chance.randrange(10, 30)):
                    await newsroom.send()
                server.signal(signal.SIGKILL)
                assert await asyncio.to_thread(server.ended) == -signal.SIGKILL
        with serving(house):
            async with asyncio.timeout(PATIENCE):
                while copy.stories != newsroom.held:
                    await receiver.deliveries(taken + 1)
                    for seen in receiver.delivered[taken:]:
                        taken += 1
                        sent = int(seen.headers["webhook-timestamp"]) * 1_000_000
                        assert is_signed(seen, secret, sent)
                        copy.take(seen)
    heard = "\n".join(line for server in said for line in server.said)
    assert secret.removeprefix("whsec_") not in heard
    assert receiver.url not in heard
    tell(
        f"webhooks: {rounds} kills, {newsroom.sent} changes sent, {taken} calls,"
        f" {copy.repeats} repeats, lost 0"
    )


def begin(house: House) -> str:
    command(house, "subscribers", "add", "gazette", "--name", "x", "--plan", "sport")
    return command(house, "tokens", "issue", "--source", "newsroom")


def add(house: House, url: str) -> str:
    """Add a webhook; its secret is said alone, and the rest beside it."""
    said = lines(house, "webhooks", "add", "gazette", url)
    (secret,) = (line for line in said if line.startswith("whsec_"))
    return secret
