"""Plans, subscribers and their credentials: issue, list, revoke, and say who asks.

The rows are the authority: a credential is worth what its row says now. Whatever changes
here is appended to the wire in the same transaction, so that every process sees it.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace

import jwt
from jwt.types import Options
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.credentials import (
    READING,
    WRITING,
    Claims,
    FeedKey,
    Presented,
    Scheme,
    Scope,
    Token,
    digest,
    is_feed_key,
    make_feed_key,
    parse_jwt,
)
from wirefeed.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from wirefeed.domain.plans import NAME, Lapse, Plan, Reader, Subscriber, entitlement
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.keyring import Keyring
from wirefeed.storage import credentials, subscribers, wire
from wirefeed.storage.database import Database

#: The audience of every token: this service.
AUDIENCE = "wirefeed"
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
#: A clock may be this far off (seconds).
_LEEWAY = 30
_UNCHECKED: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}
#: A revoked key answers as lapsed this long, and is then unknown.
_REMEMBERED = 90 * _DAY


class Accounts:
    """Who may have what."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        *,
        max_days: int,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._max_days = max_days
        self._clock = clock
        self._jwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})

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
        kid, key = await self._keyring.signer(now)
        async with self._database.writing() as connection:
            if subscriber is not None:
                await self._held(connection, subscriber)
            if source is not None:
                await credentials.add_source(connection, source, now)
            await credentials.add_token(connection, token)
        return self._jwt.encode(
            self._claims(token),
            key,
            algorithm="EdDSA",
            headers={"typ": "at+jwt", "kid": kid},
        )

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

    async def public(self) -> Reader:
        """Give the anonymous public: a reader of the plan `public`."""
        return Reader(entitlement=entitlement(None, await self.plans(), self._clock()))

    async def as_subscriber(self, subscriber_id: str) -> Reader:
        """Give the reader a subscriber is now; `public` is everybody. Raises `NotFound`."""
        if subscriber_id == PUBLIC:
            return await self.public()
        found = await self.subscriber(subscriber_id)
        plans = await self.plans()
        return Reader(entitlement=entitlement(found, plans, self._clock()), subscriber=found)

    async def by_feed_key(self, key: str) -> Reader:
        """Say who a feed key belongs to. Raises `NotFound` for an unknown one.

        One that lapsed gives the public rendering and the reason: feed readers punish
        an error for days, and renewing must not need the feed to be added again.
        """
        if not is_feed_key(key):
            raise NotFound
        now = self._clock()
        async with self._database.reading() as connection:
            row = await credentials.feed_key(connection, digest(key))
            if row is None or (row.revoked is not None and row.revoked + _REMEMBERED <= now):
                raise NotFound
            subscriber = await self._held(connection, row.subscriber)
            plans = await subscribers.plans(connection)
        lapse = _lapse(row, subscriber, now)
        if lapse is not None:
            why, at = lapse
            public = entitlement(None, plans, now)
            # The end may be dated before what was last seen: dates of feeds never go back.
            public = replace(public, changed=max(public.changed, subscriber.changed))
            return Reader(entitlement=public, subscriber=subscriber, lapse=why, lapsed=at)
        return Reader(entitlement=entitlement(subscriber, plans, now), subscriber=subscriber)

    async def by_credential(self, presented: Presented) -> Reader:
        """Say who presents a credential at a subscriber's address.

        Raises `Unauthenticated` for one that does not hold, and `Forbidden` for a machine
        without a live subscription: it must notice, never be fed teasers in silence.
        """
        if presented.scheme is Scheme.BASIC:
            try:
                return await self.by_feed_key(presented.secret)
            except NotFound as error:
                raise Unauthenticated from error
        token = await self._authenticate(presented.secret, Scope.FEEDS_READ)
        if token.subscriber is None:
            raise Forbidden("this token is for sending stories, not for reading them")
        now = self._clock()
        async with self._database.reading() as connection:
            subscriber = await subscribers.subscriber(connection, token.subscriber)
            plans = await subscribers.plans(connection)
        if subscriber is None:
            # It was removed, and its token with it, since that was looked up.
            raise Unauthenticated
        if not subscriber.live(now):
            reason = "suspended" if subscriber.suspended else "ended"
            raise Forbidden(f"the subscription is {reason}", remedy="renew it")
        return Reader(
            entitlement=entitlement(subscriber, plans, now, narrowed_to=token.entitlements),
            subscriber=subscriber,
        )

    async def source(self, presented: Presented) -> str:
        """Say which source sends a story.

        Raises `Unauthenticated`, or `Forbidden` for a token that may not send.
        """
        if presented.scheme is not Scheme.BEARER:
            raise Unauthenticated
        token = await self._authenticate(presented.secret, Scope.STORIES_WRITE)
        if token.source is None:
            raise Forbidden
        return token.source

    async def _authenticate(self, secret: str, scope: Scope) -> Token:
        claims = parse_jwt(secret)
        key = await self._keyring.verifier(claims.kid)
        if key is None:
            raise Unauthenticated
        try:
            self._jwt.decode(
                secret,
                key,
                algorithms=["EdDSA"],
                # Times are checked below, against the clock that is ours to set.
                options=_UNCHECKED,
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated from error
        self._check(claims)
        async with self._database.reading() as connection:
            token = await credentials.token(connection, claims.jti)
        if token is None or token.subject != claims.sub or not token.is_live(self._clock()):
            raise Unauthenticated
        if scope not in token.scopes:
            raise Forbidden(f"the token lacks the scope {scope}", field="scope")
        return token

    def _check(self, claims: Claims) -> None:
        """RFC 7519 §4.1: ours, meant for us, and of this time."""
        now = self._clock() // _SECOND
        if claims.iss != self._database.issuer or claims.aud != AUDIENCE:
            raise Unauthenticated
        if claims.exp + _LEEWAY <= now or max(claims.nbf, claims.iat) > now + _LEEWAY:
            raise Unauthenticated
        if (claims.exp - claims.iat) * _SECOND > self._max_days * _DAY:
            raise Unauthenticated

    def _claims(self, token: Token) -> dict[str, object]:
        claims: dict[str, object] = {
            "iss": self._database.issuer,
            "aud": AUDIENCE,
            "sub": token.subject,
            "jti": token.jti,
            "iat": token.issued // _SECOND,
            "nbf": token.issued // _SECOND,
            "exp": token.expires // _SECOND,
            "scope": " ".join(sorted(token.scopes)),
        }
        if token.entitlements is not None:
            claims["entitlements"] = sorted(token.entitlements)
        return claims

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


def _lapse(key: FeedKey, subscriber: Subscriber, now: int) -> tuple[Lapse, int] | None:
    """Say why a known key no longer opens the subscriber's feeds, and since when."""
    if key.revoked is not None:
        return Lapse.REVOKED, key.revoked
    if subscriber.suspended:
        return Lapse.SUSPENDED, subscriber.changed
    if subscriber.live(now):
        return None
    ends = [s.ends for s in subscriber.subscriptions if s.ends is not None and s.ends <= now]
    return Lapse.ENDED, max(ends, default=subscriber.changed)
