"""What a webhook is to be sent next: kills, then what was asked for anew, then the wire in order.

Nothing is sent here. What a subscriber may see is judged in the moment before it is sent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Grant
from wirefeed.domain.cursors import ENTITLEMENT, reaching, sight_mark
from wirefeed.domain.hearing import heard
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.webhooks import Place, Webhook
from wirefeed.domain.wire import ChangeKind
from wirefeed.services.webhook_owners import Owner
from wirefeed.services.wire_tail import WireTail
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.wire import Row

#: Kills that are looked through at once.
_KILLS = 100
#: A subscriber that has nothing is looked at anew after this long, unless something changes.
_PAUSE = 3_600_000_000


class Entries(Protocol):
    """Changes in the words of the wire API."""

    async def entry(
        self, connection: AsyncConnection, row: Row, kind: ChangeKind, to: Entitlement
    ) -> bytes | None:
        """Give a change, heard as this kind, with its story as it may be seen now.

        None: there is nothing to tell, since what comes later says all of it.
        """

    def entitlement(self) -> bytes:
        """Give the entry that says that something else may be seen from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be sent."""

    kind: str
    #: A guid, or `entitlement`.
    about: str
    version: int
    #: Of the change; of an entry that is no change, of where the wire ended.
    position: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What comes next for a webhook."""

    #: Where it stands without being told anything: what is not for it is behind it;
    place: Place
    #: None: it was told everything, or may not be told.
    message: Message | None = None
    #: and where it will stand once it was told.
    then: Place | None = None


class Choosing:
    """Chooses what a webhook is sent next."""

    def __init__(self, database: Database, entries: Entries, clock: Callable[[], int]) -> None:
        self._database = database
        self._entries = entries
        self._clock = clock
        self._tail = WireTail()

    async def next(self, webhook: Webhook, owner: Owner) -> Step:
        """Choose it. Raises `Unavailable`."""
        async with self._database.reading() as connection:
            head = await wire.head(connection)
            place, now = webhook.place, self._clock()
            if owner.entitlement is None:
                until = now + _PAUSE if owner.until is None else min(owner.until, now + _PAUSE)
                return Step(place=replace(place, paused_until=until, paused_at=head.position))
            if place.paused_until:
                # What came meanwhile is of the archive.
                place = replace(place, paused_until=0, paused_at=0, began=now)
            return await self._choose(
                connection, replace(webhook, place=place), owner.entitlement, head.position
            )

    async def _choose(
        self, connection: AsyncConnection, webhook: Webhook, to: Entitlement, head: int
    ) -> Step:
        place = webhook.place
        step = await self._kill(connection, webhook, to, head)
        if step.message is not None:
            return step
        place = step.place
        mark = sight_mark(to.sight).hex()
        if not place.sight:
            # It has yet to be told anything: so this is what it knows.
            place = replace(place, sight=mark)
        if place.sight != mark:
            body = self._entries.entitlement()
            message = Message(
                kind=ENTITLEMENT, about=ENTITLEMENT, version=0, position=head, body=body
            )
            return Step(place=place, message=message, then=replace(place, sight=mark))
        webhook = replace(webhook, place=place)
        if place.repeats:
            return await self._repeat(connection, webhook, to)
        return await self._row(connection, webhook, to, head)

    async def _kill(
        self, connection: AsyncConnection, webhook: Webhook, to: Entitlement, head: int
    ) -> Step:
        """Look for a kill that it was not told of, wherever that stands: it goes first."""
        place = webhook.place
        while place.kills < head:
            found = await wire.kills_since(connection, place.kills, _KILLS)
            for row in found:
                place = replace(place, kills=row.position)
                message = await self._message(connection, webhook, to, row)
                if message is not None:
                    before = replace(place, kills=row.position - 1)
                    return Step(place=before, message=message, then=place)
            if len(found) < _KILLS:
                place = replace(place, kills=max(head, place.kills))
        return Step(place=place)

    async def _repeat(self, connection: AsyncConnection, webhook: Webhook, to: Entitlement) -> Step:
        """Send what was asked for once more, as it may be seen now."""
        place = webhook.place
        for row in await wire.at(connection, place.repeats):
            rest = tuple(one for one in place.repeats if one != row.position)
            message = await self._message(connection, webhook, to, row)
            if message is not None:
                return Step(place=place, message=message, then=replace(place, repeats=rest))
            place = replace(place, repeats=rest)
        return Step(place=replace(place, repeats=()))

    async def _row(
        self, connection: AsyncConnection, webhook: Webhook, to: Entitlement, head: int
    ) -> Step:
        """Look for the next change in its place; kills went before."""
        place = webhook.place
        for row in await self._tail.since(connection, place.position, head):
            then = replace(place, position=row.position)
            if row.change.kind is not ChangeKind.KILL:
                message = await self._message(connection, webhook, to, row)
                if message is not None:
                    return Step(place=place, message=message, then=then)
            place = then
        return Step(place=place)

    async def _message(
        self, connection: AsyncConnection, webhook: Webhook, to: Entitlement, row: Row
    ) -> Message | None:
        """Give what a webhook is sent of a change; None: nothing."""
        change = webhook.following.of(row.change)
        kind = heard(change, _reaching(to.grants, webhook.place.began, row.at))
        if kind is None:
            return None
        body = await self._entries.entry(connection, row, kind, to)
        if body is None:
            return None
        return Message(
            kind=kind.value,
            about=change.about,
            version=change.version,
            position=row.position,
            body=body,
        )


def _reaching(grants: Iterable[Grant], began: int, at: int) -> frozenset[Grant]:
    return reaching(frozenset(grants), began, at)
