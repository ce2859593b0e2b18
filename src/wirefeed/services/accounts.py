"""Plans, subscribers and their credentials: add, change, issue, list, revoke.

The rows are the authority: a credential is worth what its row says now. Whatever changes
here is appended to the wire in the same transaction, so that every process sees it.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.credentials import (
    READING,
    WRITING,
    FeedKey,
    Scope,
    Token,
    digest,
    make_feed_key,
)
from wirefeed.domain.errors import Conflict, Invalid, NotFound
from wirefeed.domain.plans import NAME, Plan, Subscriber
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.tokens import TokenGate
from wirefeed.storage import credentials, subscribers, wire
from wirefeed.storage.database import Database

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


class Accounts:
    """Who may have what."""

    def __init__(
        self,
        database: Database,
        gate: TokenGate,
        *,
        max_days: int,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._gate = gate
        self._max_days = max_days
        self._clock = clock

    async def plans(self) -> dict[str, Plan]:
        """Give all plans by name."""
        async with self._database.reading() as connection:
            return await subscribers.plans(connection)

    async def put_plan(self, plan: Plan) -> None:
        """Add a plan, or replace the one of its name."""
        async with self._database.writing() as connection:
            await self._put_plan(connection, plan)

    async def remove_plan(self, name: str) -> None:
        """Remove a plan. Raises `NotFound`; `Conflict` while someone has it, or for `public`."""
        async with self._database.writing() as connection:
            if name not in await subscribers.plans(connection):
                raise NotFound(f"there is no plan {name!r}")
            if name == PUBLIC:
                raise Conflict("everybody has the plan public", remedy="set its grants instead")
            holders = await subscribers.holders(connection, name)
            if holders:
                raise Conflict(
                    f"{len(holders)} subscribers have the plan {name!r}, {holders[0]} among them",
                    remedy="take it from them first",
                )
            await self._announce(connection, f"plan:{name}")
            await subscribers.remove_plan(connection, name)

    async def seed(self, plans: Iterable[Plan]) -> bool:
        """Give a database without plans its first ones; say whether it had none."""
        if await self.plans():
            return False
        # All or none: with only some, those missing would never be seeded.
        async with self._database.writing() as connection:
            held = await subscribers.plans(connection)
            for plan in () if held else plans:
                await self._put_plan(connection, plan)
        return not held

    async def subscriber(self, subscriber_id: str) -> Subscriber:
        """Give a subscriber. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return await self._held(connection, subscriber_id)

    async def subscribers(self, after: str = "", limit: int = 1000) -> list[Subscriber]:
        """List subscribers by id, a page at a time."""
        async with self._database.reading() as connection:
            return await subscribers.subscribers(connection, after, limit)

    async def add_subscriber(self, subscriber: Subscriber) -> None:
        """Add a subscriber. Raises `Conflict` when the id is taken, `NotFound` for a plan."""
        if subscriber.id == PUBLIC:
            raise Conflict("the subscriber 'public' is everybody", field="id")
        async with self._database.writing() as connection:
            if await subscribers.subscriber(connection, subscriber.id):
                raise Conflict(
                    f"the subscriber {subscriber.id!r} exists",
                    field="id",
                    remedy="use `wirefeed subscribers set`",
                )
            await self._put(connection, subscriber)

    async def change_subscriber(
        self, subscriber_id: str, change: Callable[[Subscriber], Subscriber]
    ) -> Subscriber:
        """Change a subscriber as it stands now. Raises `NotFound`."""
        async with self._database.writing() as connection:
            changed = change(await self._held(connection, subscriber_id))
            await self._put(connection, changed)
        return changed

    async def remove_subscriber(self, subscriber_id: str) -> None:
        """Remove a subscriber with all its credentials. Raises `NotFound`."""
        async with self._database.writing() as connection:
            await self._held(connection, subscriber_id)
            await self._announce(connection, f"subscriber:{subscriber_id}")
            await subscribers.remove_subscriber(connection, subscriber_id)

    async def issue_token(
        self,
        *,
        subscriber: str | None = None,
        source: str | None = None,
        scopes: frozenset[Scope] | None = None,
        days: int,
        name: str = "",
        entitlements: frozenset[str] | None = None,
    ) -> str:
        """Issue a JWT (RFC 9068) to a subscriber, or to a source of stories; it is shown once.

        Raises `Invalid` for a life or scope it may not have, `NotFound` for the subscriber.
        """
        if not 1 <= days <= self._max_days:
            raise Invalid(f"a token lives 1 to {self._max_days} days", field="days")
        if source is not None and not NAME.fullmatch(source):
            remedy = "use lower-case letters, digits and hyphens"
            raise Invalid(f"{source!r} is no source", field="source", remedy=remedy)
        allowed = READING if source is None else WRITING
        scopes = allowed if scopes is None else scopes
        if not scopes or not scopes <= allowed:
            whom = "a subscriber" if source is None else "a source"
            raise Invalid(f"{whom} may have {' '.join(sorted(allowed))}", field="scope")
        # A NumericDate is in seconds; what the row says must be what the token says.
        now = self._clock() // _SECOND * _SECOND
        token = Token(
            jti=secrets.token_hex(16),
            subscriber=subscriber,
            source=source,
            name=name,
            scopes=scopes,
            issued=now,
            expires=now + days * _DAY,
            entitlements=entitlements,
        )
        signed = await self._gate.sign(token)
        async with self._database.writing() as connection:
            if subscriber is not None:
                await self._held(connection, subscriber)
            if source is not None:
                await credentials.add_source(connection, source, now)
            await credentials.add_token(connection, token)
        return signed

    async def tokens(self, subscriber: str | None = None) -> list[Token]:
        """List the tokens of a subscriber, or all."""
        async with self._database.reading() as connection:
            return await credentials.tokens(connection, subscriber=subscriber)

    async def revoke_token(self, jti: str) -> None:
        """Revoke a token: it is refused from the next request on. Raises `NotFound`."""
        async with self._database.writing() as connection:
            now = await self._announce(connection, f"token:{jti}")
            if not await credentials.revoke_token(connection, jti, now):
                raise NotFound(f"there is no token {jti!r}", remedy="see `wirefeed tokens list`")

    async def issue_feed_key(self, subscriber: str, name: str = "") -> str:
        """Issue a feed key; it is shown once, and only its digest is kept. Raises `NotFound`."""
        key = make_feed_key(secrets.token_bytes(32))
        row = FeedKey(
            id=secrets.token_hex(6),
            subscriber=subscriber,
            name=name,
            tail=key[-4:],
            issued=self._clock(),
        )
        async with self._database.writing() as connection:
            await self._held(connection, subscriber)
            await credentials.add_feed_key(connection, row, digest(key))
        return key

    async def feed_keys(self, subscriber: str | None = None) -> list[FeedKey]:
        """List the feed keys of a subscriber, or all."""
        async with self._database.reading() as connection:
            return await credentials.feed_keys(connection, subscriber)

    async def revoke_feed_key(self, key_id: str) -> None:
        """Revoke a feed key: its addresses show the public feeds from now on. Raises `NotFound`."""
        async with self._database.writing() as connection:
            now = await self._announce(connection, f"key:{key_id}")
            if not await credentials.revoke_feed_key(connection, key_id, now):
                raise NotFound(
                    f"there is no feed key {key_id!r}", remedy="see `wirefeed feedkeys list`"
                )

    async def _held(self, connection: AsyncConnection, subscriber_id: str) -> Subscriber:
        found = await subscribers.subscriber(connection, subscriber_id)
        if found is None:
            raise NotFound(
                f"there is no subscriber {subscriber_id!r}",
                remedy="see `wirefeed subscribers list`",
            )
        return found

    async def _put(self, connection: AsyncConnection, subscriber: Subscriber) -> None:
        plans = await subscribers.plans(connection)
        for subscription in subscriber.subscriptions:
            if subscription.plan not in plans:
                raise NotFound(
                    f"there is no plan {subscription.plan!r}", remedy="see `wirefeed plans list`"
                )
        at = await self._announce(connection, f"subscriber:{subscriber.id}")
        await subscribers.put_subscriber(connection, replace(subscriber, changed=at))

    async def _put_plan(self, connection: AsyncConnection, plan: Plan) -> None:
        at = await self._announce(connection, f"plan:{plan.name}")
        await subscribers.put_plan(connection, replace(plan, changed=at))

    async def _announce(self, connection: AsyncConnection, about: str) -> int:
        change = Change(kind=ChangeKind.ACCESS, about=about)
        head = await wire.append(connection, [change], self._clock())
        return head.at
