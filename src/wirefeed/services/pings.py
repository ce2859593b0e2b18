"""Tells another hub which public feeds have changed, so that it fetches them (WebSub §6).

Never of a private one: who serves a topic knows its address.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Grant
from wirefeed.domain.deliveries import FINE, Standing, is_due
from wirefeed.domain.hearing import heard
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Change, is_of_story
from wirefeed.outbound.calls import Calls
from wirefeed.services.addresses import Door, Named
from wirefeed.services.delivery import Ask, Settled
from wirefeed.services.flights import Outcome
from wirefeed.services.readers import Readers
from wirefeed.storage import pings, wire
from wirefeed.storage.database import Database

#: Rows of the wire that one ping is about.
_ROWS = 500
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Pings:
    """One target: the hub that public feeds name."""

    kind = "ping"

    def __init__(
        self,
        database: Database,
        readers: Readers,
        calls: Calls,
        named: Mapping[str, Named],
        hub_url: str,
    ) -> None:
        self._database = database
        self._readers = readers
        self._calls = calls
        self._hub_url = hub_url
        self._standing: Standing = FINE
        #: The addresses of each public feed, one for each format.
        self._urls: dict[Feed, list[str]] = {}
        for one in named.values():
            if one.standing is not None:
                self._urls.setdefault(one.standing, []).append(one.self_urls[Door.PUBLIC])

    async def due(self, ask: Ask) -> Sequence["Ping"]:
        """Give the ping that is due; without anything to tell, the place on the wire moves on."""
        if Ping.id in ask.busy or not is_due(self._standing, ask.head, ask.now, ask.urgent):
            return []
        async with self._database.reading() as connection:
            position = await pings.position(connection, self._hub_url)
            rows = [] if position is None else await wire.since(connection, position, _ROWS)
        if position is not None and not rows:
            return []
        grants = (await self._readers.public()).entitlement.grants
        urls = self._changed([row.change for row in rows], grants)
        last = rows[-1].position if rows else ask.head
        if urls:
            return [Ping(self, urls, last, self._standing)]
        if not await ask.hold():
            return []
        async with self._database.writing() as connection:
            await pings.told(connection, self._hub_url, last)
        return []

    def _changed(self, changes: Sequence[Change], grants: frozenset[Grant]) -> list[str]:
        """Name the feeds in which the public may see a change, by all their addresses."""
        feeds: dict[Feed, None] = {}
        for change in changes:
            if not is_of_story(change) or heard(change, grants) is None:
                continue
            for audience in (*change.before, *change.after):
                for topic in ("", *sorted(audience.topics)):
                    feeds[Feed(language=audience.language, topic=topic)] = None
        return [url for feed in feeds for url in self._urls.get(feed, ())]

    async def tell(self, urls: Sequence[str], position: int) -> Outcome:
        """Tell the hub."""
        # Both names that hubs have for it: hub.url is PubSubHubbub's, hub.topic websub.rocks's.
        form = [("hub.mode", "publish")]
        form += [(name, url) for url in urls for name in ("hub.url", "hub.topic")]
        reply = await self._calls.post(self._hub_url, urlencode(form).encode(), _FORM)
        if reply.reason is not None:
            return Outcome(reason=reply.reason)
        return Outcome(position=position)

    async def settle(self, connection: AsyncConnection, settled: Sequence[Settled]) -> None:
        """Write down up to where it was told."""
        for one in settled:
            self._standing = one.standing
            if not one.outcome.reason:
                await pings.told(connection, self._hub_url, one.outcome.position)


class Ping:
    """What the hub is to be told, as the engine knows it."""

    id = "ping"
    urgent = True

    def __init__(self, of: Pings, urls: Sequence[str], position: int, standing: Standing) -> None:
        self._of = of
        self._urls = urls
        self._position = position
        self.standing = standing
        self.host = "ping"

    async def deliver(self) -> Outcome:
        """Tell it."""
        return await self._of.tell(self._urls, self._position)
