"""Subscribers and their subscriptions: add, change, remove.

Whatever changes here is appended to the wire in the same transaction, so that every
process sees it, and to the audit, so that it can be answered for.
"""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.errors import Conflict, NotFound
from wirefeed.domain.plans import Ending, Subscriber, Subscription, endings
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.audit import Audit
from wirefeed.storage import subscribers, wire
from wirefeed.storage.database import Database

#: Looks at what is held, and raises when that is not what a change was meant for.
Check = Callable[[Subscriber | None], None]


def _any(_: Subscriber | None) -> None:
    """Change whatever is held."""


class Accounts:
    """Who may have what."""

    def __init__(self, database: Database, audit: Audit, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def subscriber(self, subscriber_id: str) -> Subscriber:
        """Give a subscriber. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return await held(connection, subscriber_id)

    async def subscribers(self, after: str = "", limit: int = 1000) -> list[Subscriber]:
        """List subscribers by id, a page at a time."""
        async with self._database.reading() as connection:
            return await subscribers.subscribers(connection, after, limit)

    async def holding(self, plan: str, after: str = "", limit: int = 1000) -> list[Subscriber]:
        """List the subscribers that have a plan, or had it, by id, a page at a time."""
        async with self._database.reading() as connection:
            return await subscribers.holding(connection, plan, after, limit)

    async def ending(self, within: int, limit: int = 1000) -> list[tuple[Subscriber, Ending]]:
        """List what runs out within a time (microseconds), the first to end first."""
        now = self._clock()
        async with self._database.reading() as connection:
            found = await subscribers.ending(connection, now, now + within, limit)
        running_out = [
            (subscriber, ending)
            for subscriber in found
            for ending in endings(subscriber, now)
            if ending.ends < now + within
        ]
        return sorted(running_out, key=lambda pair: (pair[1].ends, pair[0].id, pair[1].plan))

    async def add_subscriber(self, subscriber: Subscriber, by: Actor = SYSTEM) -> Subscriber:
        """Add a subscriber. Raises `Conflict` when the id is taken, `NotFound` for a plan."""

        def check(found: Subscriber | None) -> None:
            if found is not None:
                raise Conflict(
                    f"the subscriber {subscriber.id!r} exists",
                    field="id",
                    remedy="use `wirefeed subscribers set`",
                )

        return await self.put_subscriber(subscriber, by, check=check)

    async def put_subscriber(
        self, subscriber: Subscriber, by: Actor = SYSTEM, *, check: Check = _any
    ) -> Subscriber:
        """Hold a subscriber as given, whether it is new or not; the same again changes nothing.

        Raises `NotFound` for a plan that there is not.
        """
        if subscriber.id == PUBLIC:
            raise Conflict("the subscriber 'public' is everybody", field="id")
        async with self._database.writing() as connection:
            found = await subscribers.subscriber(connection, subscriber.id)
            check(found)
            return await self._put(connection, found, subscriber, by)

    async def change_subscriber(
        self,
        subscriber_id: str,
        change: Callable[[Subscriber], Subscriber],
        by: Actor = SYSTEM,
        *,
        check: Check = _any,
    ) -> Subscriber:
        """Change a subscriber as it stands now. Raises `NotFound`."""
        async with self._database.writing() as connection:
            found = await held(connection, subscriber_id)
            check(found)
            return await self._put(connection, found, change(found), by)

    async def suspend(
        self, subscriber_id: str, by: Actor = SYSTEM, *, suspended: bool = True
    ) -> Subscriber:
        """Suspend a subscriber, or end its suspension. Raises `NotFound`."""
        return await self.change_subscriber(
            subscriber_id, lambda found: replace(found, suspended=suspended), by
        )

    async def remove_subscriber(
        self, subscriber_id: str, by: Actor = SYSTEM, *, check: Check = _any
    ) -> None:
        """Remove a subscriber with all its credentials. Raises `NotFound`."""
        async with self._database.writing() as connection:
            check(await held(connection, subscriber_id))
            await self._announce(connection, subscriber_id)
            await subscribers.remove_subscriber(connection, subscriber_id)
            about = f"subscriber:{subscriber_id}"
            await self._audit.record(connection, by, Verb.SUBSCRIBER_REMOVE, about)

    async def _put(
        self,
        connection: AsyncConnection,
        found: Subscriber | None,
        new: Subscriber,
        by: Actor,
    ) -> Subscriber:
        now = self._clock()
        new = _dated(found, new, now)
        if found is not None and replace(new, changed=found.changed) == found:
            return found
        plans = await subscribers.plans(connection)
        for number, subscription in enumerate(new.subscriptions):
            if subscription.plan not in plans:
                raise NotFound(
                    f"there is no plan {subscription.plan!r}",
                    field=f"subscriptions[{number}].plan",
                    remedy="see `wirefeed plans list`",
                )
        at = await self._announce(connection, new.id)
        kept = replace(new, changed=at)
        await subscribers.put_subscriber(connection, kept)
        await self._audit.record(
            connection,
            by,
            _verb(found, kept),
            f"subscriber:{new.id}",
            changed=_changed(found, kept),
            plans=sorted({s.plan for s in kept.subscriptions}),
        )
        return kept

    async def _announce(self, connection: AsyncConnection, subscriber_id: str) -> int:
        change = Change(kind=ChangeKind.ACCESS, about=f"subscriber:{subscriber_id}")
        return (await wire.append(connection, [change], self._clock())).at


async def held(connection: AsyncConnection, subscriber_id: str) -> Subscriber:
    """Give a subscriber. Raises `NotFound`."""
    found = await subscribers.subscriber(connection, subscriber_id)
    if found is None:
        raise NotFound(
            f"there is no subscriber {subscriber_id!r}", remedy="see `wirefeed subscribers list`"
        )
    return found


def _dated(found: Subscriber | None, new: Subscriber, now: int) -> Subscriber:
    """Say since when what is suspended is: its notice is one item, whatever else changes."""
    before = {(s.plan, s.starts): s for s in found.subscriptions} if found else {}

    def dated(one: Subscription) -> Subscription:
        was = before.get((one.plan, one.starts))
        return replace(one, suspended_since=_since(one.suspended, was, now))

    return replace(
        new,
        suspended_since=_since(new.suspended, found, now),
        subscriptions=tuple(dated(one) for one in new.subscriptions),
    )


def _since(suspended: bool, was: Subscriber | Subscription | None, now: int) -> int | None:  # noqa: FBT001 - what it is now
    if not suspended:
        return None
    return was.suspended_since if was is not None and was.suspended else now


def _verb(found: Subscriber | None, new: Subscriber) -> Verb:
    if found is None:
        return Verb.SUBSCRIBER_ADD
    if found.suspended is not new.suspended:
        return Verb.SUBSCRIBER_SUSPEND if new.suspended else Verb.SUBSCRIBER_RESUME
    return Verb.SUBSCRIBER_SET


def _changed(found: Subscriber | None, new: Subscriber) -> list[str]:
    """Name the fields that differ: what they hold may be personal."""
    fields = ("kind", "name", "contact", "notes", "suspended", "subscriptions")
    return [f for f in fields if found is None or getattr(found, f) != getattr(new, f)]
