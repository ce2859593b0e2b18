"""Subscribers and their subscriptions: add, change, remove.

Whatever changes here is appended to the wire in the same transaction, so that every
process sees it, and to the audit, so that it can be answered for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain import contracts
from wirefeed.domain.access import PUBLIC
from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.former import left, terms
from wirefeed.domain.plans import DAY, Plan, Subscriber, Subscription
from wirefeed.domain.readers import State
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.audit import Audit, Deed
from wirefeed.storage import departed, former, subscribers, wire
from wirefeed.storage.database import Database

#: Of those who are long gone, so many are forgotten whenever another goes.
_FORGOTTEN = 20
#: Looks at what is held, and raises when that is not what a change was meant for.
Check = Callable[[Subscriber | None], None]


def _any(_: Subscriber | None) -> None:
    """Change whatever is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many are looked at for those who stand in some way: whoever reads keeps writers waiting.

    In one read, and reads for one part of the list.
    """

    examined: int = 2_000
    reads: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of those who were asked for."""

    subscribers: list[Subscriber]
    #: Behind which id to go on; None: these are the last.
    after: str | None = None


class Accounts:
    """Who may have what."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        *,
        clock: Callable[[], int],
        bounds: Bounds = Bounds(),
        remembered: int = 400 * DAY,
    ) -> None:
        self._bounds = bounds
        #: For so long it is kept what those were given who are gone.
        self._remembered = remembered
        self._database = database
        self._audit = audit
        self._clock = clock

    async def subscriber(self, subscriber_id: str) -> Subscriber:
        """Give a subscriber. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return await held(connection, subscriber_id)

    async def subscribers(
        self, after: str = "", limit: int = 1000, *, plan: str | None = None
    ) -> list[Subscriber]:
        """List subscribers by id, a page at a time: that have or had a plan."""
        async with self._database.reading() as connection:
            return await subscribers.subscribers(connection, after, limit, plan=plan)

    async def standing(
        self, state: State, after: str = "", limit: int = 1000, *, plan: str | None = None
    ) -> Part:
        """List those who stand so now, by id, a part at a time.

        Only so many are looked at, in reads of their own: a part may hold fewer, or none,
        although more come behind it.
        """
        found: list[Subscriber] = []
        now, bounds = self._clock(), self._bounds
        for _ in range(bounds.reads):
            async with self._database.reading() as connection:
                upto = await subscribers.last_of(connection, after, bounds.examined, plan=plan)
                found += await subscribers.subscribers(
                    connection,
                    after,
                    limit - len(found),
                    plan=plan,
                    state=state,
                    now=now,
                    upto=upto,
                )
            if len(found) >= limit:
                return Part(subscribers=found, after=found[-1].id)
            if upto is None:
                return Part(subscribers=found)
            after = upto
        return Part(subscribers=found, after=after)

    async def add_subscriber(self, subscriber: Subscriber, by: Actor = SYSTEM) -> Subscriber:
        """Add a subscriber. Raises `Conflict` when the id is taken, `Unacceptable` for a plan."""

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

        Raises `Unacceptable` for a plan that there is not.
        """
        return await self.upsert(subscriber.id, lambda _: subscriber, by, check=check)

    async def upsert(
        self,
        subscriber_id: str,
        make: Callable[[Subscriber | None], Subscriber],
        by: Actor = SYSTEM,
        *,
        check: Check = _any,
    ) -> Subscriber:
        """Hold what is made of a subscriber as it stands now, or of none.

        Raises `Unacceptable` for a plan that there is not.
        """
        async with self._database.writing() as connection:
            found = await subscribers.subscriber(connection, subscriber_id)
            check(found)
            return await self._put(connection, found, make(found), by)

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
        self,
        subscriber_id: str,
        by: Actor = SYSTEM,
        *,
        suspended: bool = True,
        plan: str | None = None,
        check: Check = _any,
    ) -> Subscriber:
        """Suspend a subscriber, or what it has of one plan, or end that. Raises `NotFound`."""

        def change(found: Subscriber) -> Subscriber:
            if plan is None:
                return replace(found, suspended=suspended)
            return contracts.suspend(found, plan, self._clock(), suspended=suspended)

        return await self.change_subscriber(subscriber_id, change, by, check=check)

    async def remove_subscriber(
        self, subscriber_id: str, by: Actor = SYSTEM, *, check: Check = _any
    ) -> None:
        """Remove a subscriber with all its credentials. Raises `NotFound`."""
        async with self._database.writing() as connection:
            found = await held(connection, subscriber_id)
            check(found)
            at = await self._announce(connection, subscriber_id)
            had = (*await former.of(connection, subscriber_id), *terms(found, at))
            await subscribers.remove_subscriber(connection, subscriber_id)
            # Whoever left has what it was given: a kill is to find it for as long as it may matter.
            await departed.depart(connection, subscriber_id, at, had)
            await departed.forget(connection, at - self._remembered, _FORGOTTEN)
            about = f"subscriber:{subscriber_id}"
            await self._audit.record(connection, by, Verb.SUBSCRIBER_REMOVE, about)

    async def _put(
        self,
        connection: AsyncConnection,
        found: Subscriber | None,
        new: Subscriber,
        by: Actor,
    ) -> Subscriber:
        plans = await subscribers.plans(connection)
        to_hold = judged(found, new, plans, self._clock())
        if found is not None and to_hold is found:
            return found
        (kept,) = await self.keep(connection, [(found, to_hold)], by)
        return kept

    async def keep(
        self,
        connection: AsyncConnection,
        changes: Sequence[tuple[Subscriber | None, Subscriber]],
        by: Actor,
    ) -> list[Subscriber]:
        """Hold what was `judged` in place of what was held, as a part of something larger."""
        at = await self._announce(connection, *(new.id for _, new in changes))
        pairs = [(found, replace(new, changed=at)) for found, new in changes]
        await subscribers.put_subscribers(connection, [new for _, new in pairs])
        had = {new.id: left(found, new, at) for found, new in pairs if found is not None}
        await former.keep(connection, had)
        await self._audit.record_all(connection, by, [_deed(found, new) for found, new in pairs])
        return [new for _, new in pairs]

    async def _announce(self, connection: AsyncConnection, *ids: str) -> int:
        changes = [Change(kind=ChangeKind.ACCESS, about=f"subscriber:{each}") for each in ids]
        return (await wire.append(connection, changes, self._clock())).at


async def held(connection: AsyncConnection, subscriber_id: str) -> Subscriber:
    """Give a subscriber. Raises `NotFound`."""
    found = await subscribers.subscriber(connection, subscriber_id)
    if found is None:
        raise NotFound(
            f"there is no subscriber {subscriber_id!r}", remedy="see `wirefeed subscribers list`"
        )
    return found


def judged(
    found: Subscriber | None, new: Subscriber, plans: Mapping[str, Plan], now: int
) -> Subscriber:
    """Give what is to be held; what is held when that is the same.

    Raises `Conflict` for the id of everybody, `Unacceptable` for a plan that there is not, or a
    subscription that nobody can mean. What is over may name a plan that is gone. In another
    order they are the same.
    """
    if new.id == PUBLIC:
        raise Conflict("the subscriber 'public' is everybody", field="id")
    new = _dated(found, new, now)
    known = found.subscriptions if found else ()
    if found is not None and contracts.are_same(known, new.subscriptions):
        new = replace(new, subscriptions=known)
        if replace(new, changed=found.changed) == found:
            return found
    contracts.check(known, new.subscriptions)
    for number, one in enumerate(new.subscriptions):
        if one.plan not in plans and one not in known:
            raise Unacceptable(
                f"there is no plan {one.plan!r}",
                field=f"$.subscriptions[{number}].plan",
                remedy="see `wirefeed plans list`",
            )
    return new


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


def _deed(found: Subscriber | None, new: Subscriber) -> Deed:
    return Deed(
        verb=_verb(found, new),
        about=f"subscriber:{new.id}",
        detail={
            "changed": _changed(found, new),
            "plans": sorted({one.plan for one in new.subscriptions}),
        },
    )


def _verb(found: Subscriber | None, new: Subscriber) -> Verb:
    if found is None:
        return Verb.SUBSCRIBER_ADD
    was, is_now = _suspended(found), _suspended(new)
    if was < is_now:
        return Verb.SUBSCRIBER_SUSPEND
    return Verb.SUBSCRIBER_RESUME if is_now < was else Verb.SUBSCRIBER_SET


def _suspended(subscriber: Subscriber) -> set[object]:
    """Give what of it is suspended: all, some of its subscriptions."""
    some = {(one.plan, one.starts) for one in subscriber.subscriptions if one.suspended}
    return {*some, *([subscriber.id] if subscriber.suspended else [])}


def _changed(found: Subscriber | None, new: Subscriber) -> list[str]:
    """Name the fields that differ: what they hold may be personal."""
    fields = ("kind", "name", "contact", "notes", "suspended", "subscriptions")
    return [f for f in fields if found is None or getattr(found, f) != getattr(new, f)]
