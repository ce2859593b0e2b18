"""A partner's receiver of webhooks, which believes nothing that is not signed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.support.agency import Agency
from tests.support.callbacks import Seen, Subscriber, subscriber
from wirefeed.domain.cursors import Following
from wirefeed.domain.signatures import Signature, holds, parse_secret
from wirefeed.domain.webhooks import EVERYTHING, Webhook


@dataclass(slots=True)
class Receiver:
    """A webhook with its receiver."""

    at: Subscriber
    webhook: Webhook
    secret: str

    def answers(self, *statuses: int) -> None:
        """Answer the next calls so, the last of them for good."""
        left = list(statuses)

        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=left.pop(0) if len(left) > 1 else left[0])

        self.at.on_delivery = answer

    async def got(self, number: int) -> list[dict[str, Any]]:
        """Wait for so many calls; give what they said, as it came."""
        await self.at.deliveries(number)
        return self.said

    @property
    def said(self) -> list[dict[str, Any]]:
        return [json.loads(seen.body) for seen in self.at.delivered]

    @property
    def changes(self) -> list[tuple[str, str]]:
        """The change and the guid of what came, in order."""
        return [(one["wirefeed"]["change"], one["uri"]) for one in self.said]

    @property
    def ids(self) -> list[str]:
        return [seen.headers["webhook-id"] for seen in self.at.delivered]


def is_signed(seen: Seen, secret: str, now: int) -> bool:
    """Say whether a call was signed with a secret."""
    given = Signature(
        id=seen.headers["webhook-id"],
        timestamp=seen.headers["webhook-timestamp"],
        signatures=seen.headers["webhook-signature"],
    )
    return holds(parse_secret(secret, "secret"), given, seen.body, now)


async def at_rest(agency: Agency) -> None:
    """Wait until nothing is under way to anybody, and nothing is due."""
    delivery = agency.services.callbacks.delivery
    quiet = 0
    async with asyncio.timeout(10):
        while quiet < 20:
            quiet = 0 if delivery.in_hand else quiet + 1
            await asyncio.sleep(0.01)  # nobody is told of it


@asynccontextmanager
async def receiving(
    agency: Agency, owner: str, wanted: Following = EVERYTHING, path: str = "/in"
) -> AsyncIterator[Receiver]:
    """Run a receiver, and have a subscriber's changes sent to it."""
    async with subscriber(path) as at:
        added = await agency.services.callbacks.webhooks.add(owner, at.url, wanted)
        yield Receiver(at=at, webhook=added.row, secret=added.secret)
