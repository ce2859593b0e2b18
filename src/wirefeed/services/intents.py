"""Asks callbacks whether they asked: nothing is delivered, and nothing ended, before they say so.

One request for each that was asked for, and no more than one a second to one host: nobody is to
be attacked through here.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.deliveries import FINE, Standing
from wirefeed.domain.leases import (
    PATIENCE,
    Denied,
    Intent,
    Lease,
    Mode,
    Owner,
    asking,
    confirms,
    denial,
    verification,
)
from wirefeed.outbound.calls import Calls
from wirefeed.services.delivery import Ask, Settled
from wirefeed.services.flights import Outcome
from wirefeed.services.follower import Follower
from wirefeed.services.topics import Topics, owner_of
from wirefeed.storage import leases
from wirefeed.storage.database import Database

#: Bytes of a challenge, and of an answer that may be one.
_CHALLENGE, _ANSWER = 32, 1_024
#: Seconds between two requests to one host,
_PACE = 1.0
#: which is remembered of so many hosts.
_HOSTS = 10_000
#: Leases of the public at one host: whoever has one is not to have all of them.
AT_ONE_HOST = 50
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many leases there may be."""

    #: Of one subscriber,
    each: int
    #: and of the public.
    public: int

    def of(self, owner: Owner) -> int:
        """Say how many may be had by this right."""
        return self.public if owner.subscriber is None else self.each


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Outcome):
    """What a callback said to what was asked."""

    #: To be granted.
    lease: Lease | None = None
    #: Whether the lease of this pair is to end.
    ends: bool = False


class Intents:
    """What is to be verified: a source of deliveries."""

    kind = "verification"

    def __init__(
        self,
        database: Database,
        follower: Follower,
        topics: Topics,
        calls: Calls,
        *,
        limits: Limits,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._follower = follower
        self._topics = topics
        self._calls = calls
        self._limits = limits
        self._clock = clock
        self._monotonic = monotonic
        #: When a host may be asked again.
        self._paced: dict[str, float] = {}

    async def due(self, ask: Ask) -> Sequence["Verification"]:
        """Give what is to be verified, of each host what came first."""
        now = self._monotonic()
        paced = {host for host, at in self._paced.items() if at > now}
        found = await self._database.read(
            leases.asked, busy=ask.busy, full=ask.full | paced, limit=ask.limit
        )
        return [Verification(self, intent) for intent in found]

    async def verify(self, intent: Intent) -> Asked:
        """Ask the callback, or tell it that it is denied."""
        if self._clock() - intent.received > PATIENCE:
            return Asked(sent=False)
        topic = self._topics.url(intent)
        if topic is None:
            return Asked(sent=False)
        await self._pace(intent.host)
        if intent.mode is Mode.UNSUBSCRIBE:
            confirmed = await self._ask(intent, topic)
            return confirmed or Asked(ends=True)
        try:
            lease = await self._prepared(intent, topic)
        except Denied as denied:
            await self._calls.get(asking(intent.callback, denial(topic, denied.reason)), most=0)
            return Asked(reason="denied")
        return await self._ask(intent, topic) or Asked(lease=lease)

    async def _pace(self, host: str) -> None:
        """Wait until a host may be asked."""
        now = self._monotonic()
        at = max(now, self._paced.get(host, 0.0))
        if len(self._paced) >= _HOSTS:
            self._paced = {one: then for one, then in self._paced.items() if then > now}
        self._paced[host] = at + _PACE
        await asyncio.sleep(at - now)

    async def _ask(self, intent: Intent, topic: str) -> Asked | None:
        """Ask whether it asked; None if it did."""
        challenge = secrets.token_urlsafe(_CHALLENGE)
        url = asking(intent.callback, verification(intent, topic, challenge))
        reply = await self._calls.get(url, most=_ANSWER)
        if reply.reason is not None:
            return Asked(reason=reply.reason)
        return None if confirms(challenge, reply.body) else Asked(reason="unconfirmed")

    async def _prepared(self, intent: Intent, topic: str) -> Lease:
        """Make the lease that is granted if the callback confirms. Raises `Denied`.

        It delivers what changes from now on.
        """
        position = (await self._follower.current()).position
        place = self._topics.find(topic)
        reader = await self._topics.reader(place, intent.owner)
        owner = owner_of(reader)
        async with self._database.reading() as connection:
            most = await self._outrun(connection, intent.pair, intent.host, owner)
            if most is not None:
                raise Denied(f"there are {most} leases already")
        now = self._clock()
        return Lease(
            id=intent.id,
            pair=intent.pair,
            callback=intent.callback,
            host=intent.host,
            topic=intent.topic,
            secret=intent.secret,
            owner=owner,
            door=place.door.area,
            tail=place.named.tail,
            created=now,
            verified=now,
            expires=now + intent.seconds * _SECOND,
            position=position,
            tag=(await self._topics.document(place, reader)).tag,
            turns=reader.until(now),
        )

    async def _outrun(
        self, connection: AsyncConnection, pair: bytes, host: str, owner: Owner
    ) -> int | None:
        """Give the limit that one more lease would break; None: it breaks none."""
        if await leases.of_pair(connection, pair) is not None:
            return None
        most = self._limits.of(owner)
        if await leases.held(connection, owner.subscriber) >= most:
            return most
        if owner.subscriber is None and await leases.held(connection, None, host) >= AT_ONE_HOST:
            return AT_ONE_HOST
        return None

    async def settle(self, connection: AsyncConnection, settled: Sequence[Settled]) -> None:
        """Grant and end what was confirmed, and forget what was asked."""
        await leases.answered(connection, [one.target.id for one in settled])
        for one in settled:
            asked, target = one.outcome, one.target
            if not isinstance(asked, Asked) or not isinstance(target, Verification):
                continue
            if asked.ends:
                await leases.end(connection, pair=target.intent.pair)
            elif (lease := asked.lease) is not None:
                most = await self._outrun(connection, lease.pair, lease.host, lease.owner)
                if most is None:
                    await leases.grant(connection, lease)


class Verification:
    """An intent as the engine knows it."""

    urgent = False
    standing: Standing = FINE

    def __init__(self, intents: Intents, intent: Intent) -> None:
        self._intents = intents
        self.intent = intent
        self.id = intent.id
        self.host = intent.host

    async def deliver(self) -> Asked:
        """Ask its callback."""
        return await self._intents.verify(self.intent)
