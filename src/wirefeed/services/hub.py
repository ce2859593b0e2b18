"""The WebSub hub of this installation's own feeds: takes what is asked, and shows what is held.

Whether a feed may be had, and whether the callback asked at all, is found out afterwards: what
is answered here says nothing of it (WebSub §5.1).
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import Actor, Verb
from wirefeed.domain.errors import Crowded, NoCredential, NotFound, Unacceptable, Unavailable
from wirefeed.domain.leases import PUBLIC, Denied, Form, Intent, Lease, Mode, Owner
from wirefeed.domain.readers import Reader
from wirefeed.outbound.urls import Callback, Urls, decoded
from wirefeed.services.addresses import Door
from wirefeed.services.audit import Audit
from wirefeed.services.delivery import Delivery
from wirefeed.services.topics import Topics, owner_of
from wirefeed.storage import leases, wire
from wirefeed.storage.database import Database

#: That wait to be verified at one host, of the public or of one subscriber,
_EACH = 20
#: in all of the public,
_ALL = 1_000
#: and of one subscriber.
_OWN = 200
#: Seconds after which there may be room again.
_WAIT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lease, as administrators see it: its topic's address may hold a key, and is not told."""

    lease: Lease
    #: Whether it was told everything.
    is_current: bool


class Hub:
    """What is asked of the hub."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        topics: Topics,
        urls: Urls,
        delivery: Delivery,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._topics = topics
        self._urls = urls
        self._delivery = delivery
        self._clock = clock

    async def ask(self, form: Form, reader: Reader | None) -> None:
        """Take what is asked, to be verified soon; `reader` is who asks by a credential.

        Raises `Unacceptable`, `NoCredential`, and `Crowded` where too much waits already.
        """
        callback = self._urls.parse(form.callback, "hub.callback")
        topic = decoded(form.topic)
        _check_secret(form, callback)
        if not self._topics.is_ours(topic):
            raise Unacceptable(
                "this hub has no such feed",
                field="hub.topic",
                remedy="send the address that one of our feeds gives as rel=self",
            )
        owner = await self._owner(topic, form.mode, reader)
        pair = self._topics.pair(topic, callback.url)
        intent = Intent(
            id=secrets.token_hex(16),
            pair=pair,
            mode=form.mode,
            callback=callback.url,
            host=callback.host,
            topic=self._topics.seal(topic.encode(), pair),
            secret=None if form.secret is None else self._topics.seal(form.secret, pair),
            owner=owner,
            seconds=form.seconds,
            received=self._clock(),
        )
        # Whoever asks for too much is refused without keeping others from writing.
        async with self._database.reading() as connection:
            await _check_room(connection, intent)
        async with self._database.writing() as connection:
            await _check_room(connection, intent)
            await leases.ask(connection, intent)
        self._delivery.wake()

    async def _owner(self, topic: str, mode: Mode, reader: Reader | None) -> Owner:
        """Say by which right it is asked, so that those who have one have room of their own.

        Who may not have it is told so later, like whoever names a feed that there is not.
        """
        door = self._topics.door(topic)
        if door is Door.SUBSCRIBER:
            if reader is None and mode is Mode.SUBSCRIBE:
                raise NoCredential(field="hub.topic", remedy="send the token that opens the feed")
            return PUBLIC if reader is None else owner_of(reader)
        if door is Door.PRIVATE:
            with suppress(Denied):
                return owner_of(await self._topics.reader(self._topics.find(topic), PUBLIC))
        return PUBLIC

    async def held(
        self,
        subscriber: str | None = None,
        *,
        failing: bool = False,
        after: str = "",
        limit: int | None = None,
    ) -> list[Held]:
        """List leases by id: of one subscriber or of all, perhaps only those that fail."""
        async with self._database.reading() as connection:
            head = (await wire.head(connection)).position
            found = await leases.leases(
                connection, subscriber=subscriber, failing=failing, after=after, limit=limit
            )
        return [Held(lease=lease, is_current=lease.position >= head) for lease in found]

    async def end(self, lease_id: str, by: Actor) -> None:
        """End a lease; its callback is told nothing any more. Raises `NotFound`."""
        async with self._database.writing() as connection:
            found = (await leases.by_id(connection, [lease_id])).get(lease_id)
            if found is None:
                raise NotFound("there is no such lease", field=lease_id)
            await leases.end(connection, id_=lease_id)
            about = f"lease:{lease_id}"
            subscriber = found.owner.subscriber
            await self._audit.record(connection, by, Verb.LEASE_END, about, subscriber=subscriber)


async def _check_room(connection: AsyncConnection, intent: Intent) -> None:
    """Refuse what is too much. Nobody takes the room of others, the public least of all."""
    lease = await leases.of_pair(connection, intent.pair)
    if lease is not None and lease.expires > intent.received:
        # Of each lease one may wait, so these are no more than there are leases.
        return
    owner = intent.owner
    if await leases.waiting(connection, owner, intent.host) >= _EACH:
        raise Crowded(_WAIT)
    waiting = await leases.waiting(connection, owner)
    if owner.subscriber is None and waiting >= _ALL:
        raise Unavailable("too much waits to be verified")
    if owner.subscriber is not None and waiting >= _OWN:
        raise Crowded(_WAIT)


def _check_secret(form: Form, callback: Callback) -> None:
    """WebSub §5.1: a secret SHOULD only be sent over HTTPS; it would be known on its way back."""
    if form.secret is not None and not callback.is_secure:
        raise Unacceptable(
            "a secret needs a callback with https",
            field="hub.secret",
            remedy="give a callback with https, or no secret",
        )
