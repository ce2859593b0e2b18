"""What a webhook is to be sent next: kills, then what was asked for anew, then the wire in order.

Nothing is sent here. What a subscriber may see is judged in the moment before it is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from wirefeed.domain.cursors import ENTITLEMENT, sight_mark
from wirefeed.domain.webhooks import Place, Webhook
from wirefeed.domain.wire import ChangeKind
from wirefeed.services.webhook_entries import WebhookEntries
from wirefeed.services.webhook_owners import Owner
from wirefeed.services.wire_entries import Heard
from wirefeed.services.wire_pages import WirePages
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.wire import Row

#: Kills that are looked through at once,
_KILLS = 100
#: and changes.
_NEAR = 200
#: A subscriber that has nothing is looked at anew after this long, unless something changes.
_PAUSE = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be sent."""

    kind: str
    #: A guid, or `entitlement`.
    about: str
    version: int
    #: Of the change; of an entry that is no change, where the webhook stands.
    position: int
    #: What it says, besides that: with both, it is one message however often it is sent.
    says: str
    body: bytes
    #: The change; None: it is none.
    row: Row | None = None


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

    def __init__(
        self,
        database: Database,
        pages: WirePages,
        entries: WebhookEntries,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._pages = pages
        self._log = pages.log
        self._entries = entries
        self._clock = clock

    async def next(self, webhook: Webhook, owner: Owner) -> Step:
        """Choose it. Raises `Unavailable`."""
        head = (await self._log.head()).position
        place, now = webhook.place, self._clock()
        if owner.entitlement is None:
            until = now + _PAUSE if owner.until is None else min(owner.until, now + _PAUSE)
            return Step(place=replace(place, paused_until=until, paused_at=head))
        if place.paused_until:
            # What came meanwhile is of the archive.
            place = replace(place, paused_until=0, paused_at=0, began=now)
        step = await self._kill(webhook, place, owner, head)
        if step.message is not None:
            return step
        mark = sight_mark(owner.entitlement.sight).hex()
        # One that has yet to be told anything knows nothing else.
        place = replace(step.place, sight=step.place.sight or mark)
        if place.sight != mark:
            return self._other_rights(place, mark)
        if place.repeats:
            return await self._repeat(webhook, place, owner)
        return await self._row(webhook, place, owner, head)

    async def is_same(self, webhook: Webhook, place: Place, owner: Owner, message: Message) -> bool:
        """Say whether this is what a webhook would be sent of it now. Raises `Unavailable`."""
        now = owner.webhooks.get(webhook.id)
        if owner.entitlement is None or now is None:
            return False
        if (now.url, now.sealed(self._clock())) != (webhook.url, webhook.sealed(self._clock())):
            return False
        if message.row is None:
            return True
        return await self._message(now, place, owner, message.row) == message

    def _other_rights(self, place: Place, mark: str) -> Step:
        """Say that something else may be seen, before anything of it is.

        It waits where the webhook stands, while the wire goes on.
        """
        message = Message(
            kind=ENTITLEMENT,
            about=ENTITLEMENT,
            version=0,
            position=place.position,
            says=f"{ENTITLEMENT} {place.sight} {mark}",
            body=self._entries.entitlement(),
        )
        return Step(place=place, message=message, then=replace(place, sight=mark))

    async def _kill(self, webhook: Webhook, place: Place, owner: Owner, head: int) -> Step:
        """Look for a kill that it was not told of, wherever that stands: it goes first."""
        while place.kills < head:
            found, are_all = await self._kills(place.kills, head)
            for row in found:
                place = replace(place, kills=row.position)
                message = await self._message(webhook, place, owner, row)
                if message is not None:
                    before = replace(place, kills=row.position - 1)
                    return Step(place=before, message=message, then=place)
            if are_all:
                place = replace(place, kills=max(head, place.kills))
        return Step(place=place)

    async def _kills(self, position: int, head: int) -> tuple[list[Row], bool]:
        """Give the kills above a position, in order, and whether there are no more."""
        if head - position <= _NEAR:
            # Most are told of all but the end of the wire, which is in memory.
            rows = await self._log.since(position)
            return [row for row in rows if row.change.kind is ChangeKind.KILL], True
        found = await self._database.read(wire.kills_since, position, _KILLS)
        return found, len(found) < _KILLS

    async def _repeat(self, webhook: Webhook, place: Place, owner: Owner) -> Step:
        """Send what was asked for once more, as it may be seen now."""
        found = await self._database.read(wire.at, place.repeats)
        for row in found:
            rest = tuple(one for one in place.repeats if one != row.position)
            message = await self._message(webhook, place, owner, row)
            if message is not None:
                return Step(place=place, message=message, then=replace(place, repeats=rest))
            place = replace(place, repeats=rest)
        return Step(place=replace(place, repeats=()))

    async def _row(self, webhook: Webhook, place: Place, owner: Owner, head: int) -> Step:
        """Look for the next change in its place; kills went before."""
        for row in await self._log.since(place.position):
            if row.position > head:
                # It came since kills were looked for: one may be among those.
                break
            then = replace(place, position=row.position)
            if row.change.kind is not ChangeKind.KILL:
                message = await self._message(webhook, place, owner, row)
                if message is not None:
                    return Step(place=place, message=message, then=then)
            place = then
        return Step(place=place)

    async def _message(
        self, webhook: Webhook, place: Place, owner: Owner, row: Row
    ) -> Message | None:
        """Give what a webhook is sent of a change; None: nothing."""
        to = owner.entitlement
        if to is None:
            return None
        # Whoever was sent a story hears its kill, however far archives reach by then, and also by
        # what it was entitled to when it was sent it.
        began = 0 if row.change.kind is ChangeKind.KILL else place.began
        ears = self._pages.ears(to, webhook.following, began, owner.former)
        kind = await self._pages.hear(ears, row)
        if kind is None:
            return None
        body = await self._entries.entry(row, kind, to)
        if body is None:
            return None
        told, about, version = Heard(row, kind).told
        return Message(
            kind=told,
            about=about,
            version=version,
            position=row.position,
            says=about,
            body=body,
            row=row,
        )
