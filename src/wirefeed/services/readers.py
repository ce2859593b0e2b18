"""Who asks: the reader that a credential, or none, belongs to now. The rows are the authority."""

from collections.abc import Callable
from dataclasses import replace

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.credentials import (
    FeedKey,
    Presented,
    Scheme,
    Scope,
    SecretKind,
    Token,
    digest,
    is_secret,
)
from wirefeed.domain.errors import (
    Forbidden,
    Refusal,
    Unauthenticated,
    UnknownKey,
    WirefeedError,
)
from wirefeed.domain.networks import contains
from wirefeed.domain.plans import SUNSET, Plan, Subscriber, entitlement
from wirefeed.domain.readers import Reader, lapse, lapse_of, narrowed, remedy, renewable, told
from wirefeed.domain.roles import Administrator, Role
from wirefeed.services import accounts
from wirefeed.services.token_gate import TokenGate
from wirefeed.services.usage import Usage
from wirefeed.storage import administrators, credentials, subscribers
from wirefeed.storage.database import Database

_DAY = 86_400_000_000
#: A revoked key answers as lapsed this long, and is then unknown.
_REMEMBERED = 90 * _DAY


class Readers:
    """Says who asks."""

    def __init__(
        self, database: Database, gate: TokenGate, usage: Usage, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._gate = gate
        self._usage = usage
        self._clock = clock

    async def public(self) -> Reader:
        """Give the anonymous public: a reader of the plan `public`."""
        async with self._database.reading() as connection:
            plans = await subscribers.plans(connection)
        return Reader(entitlement=entitlement(None, plans, self._clock()))

    async def as_subscriber(self, subscriber_id: str) -> Reader:
        """Give the reader a subscriber is now; `public` is everybody. Raises `NotFound`."""
        if subscriber_id == PUBLIC:
            return await self.public()
        async with self._database.reading() as connection:
            found = await accounts.held(connection, subscriber_id)
            plans = await subscribers.plans(connection)
        return Reader(entitlement=entitlement(found, plans, self._clock()), subscriber=found)

    async def by_feed_key(self, key: str) -> Reader:
        """Say who a feed key belongs to. Raises `UnknownKey` for one there is not.

        One that lapsed gives the public rendering and the reason: feed readers punish
        an error for days, and renewing must not need the feed to be added again.
        """
        if not is_secret(SecretKind.FEED, key):
            raise UnknownKey
        now = self._clock()
        async with self._database.reading() as connection:
            row = await credentials.feed_key(connection, digest(key))
            if row is None or (row.revoked is not None and row.revoked + _REMEMBERED <= now):
                raise UnknownKey
            subscriber = await subscribers.subscriber(connection, row.subscriber)
            plans = await subscribers.plans(connection)
        if subscriber is None:
            raise UnknownKey
        return _by_feed_key(row, subscriber, plans, now)

    async def by_credential(self, presented: Presented, address: str) -> Reader:
        """Say who presents a credential at a subscriber's address, coming from an address.

        Raises `Unauthenticated` for one that does not hold, and `Forbidden` for a machine
        without a live subscription: it must notice, never be fed teasers in silence.
        """
        if presented.scheme is Scheme.BASIC:
            try:
                return await self.by_feed_key(presented.secret)
            except UnknownKey as error:
                raise Unauthenticated from error
        token = await self._authenticate(presented.secret, address)
        if token.subscriber is None:
            raise Forbidden(
                "this token is not for reading stories", remedy="use a subscriber's token"
            )
        _demand(token, Scope.FEEDS_READ)
        reader = await self._by_token(token)
        if reader.lapse is not None:
            what = "subscription" if token.entitlements is None else "subscription of this token"
            refusal = Forbidden(f"the {what} is {reader.lapse}", remedy=remedy(reader.lapse))
            raise _refused(refusal, token, reader.lapse)
        return reader

    async def account(self, presented: Presented, address: str) -> Reader:
        """Say whose account a token opens, also when its subscription has lapsed.

        Raises `Unauthenticated`, or `Forbidden` for a token that is no subscriber's.
        """
        if presented.scheme is not Scheme.BEARER:
            raise Unauthenticated
        token = await self._authenticate(presented.secret, address)
        if token.subscriber is None:
            raise Forbidden("only a subscriber has an account")
        return await self._by_token(token)

    async def source(self, presented: Presented, address: str) -> str:
        """Say which source sends a story.

        Raises `Unauthenticated`, or `Forbidden` for a token that may not send.
        """
        if presented.scheme is not Scheme.BEARER:
            raise Unauthenticated
        token = await self._authenticate(presented.secret, address)
        _demand(token, Scope.STORIES_WRITE)
        if token.source is None:
            raise Forbidden
        return token.source

    async def administrator(self, presented: Presented, address: str) -> Administrator:
        """Say who administers. What the role allows is looked at by whoever asks.

        Raises `Unauthenticated`, or `Forbidden` for a token that is no administrator's.
        """
        if presented.scheme is not Scheme.BEARER:
            raise Unauthenticated
        token = await self._authenticate(presented.secret, address)
        if token.admin is None:
            raise _refused(Forbidden("this token is not an administrator's"), token, "role")
        async with self._database.reading() as connection:
            found = await administrators.admin(connection, token.admin)
        if found is None:
            raise Unauthenticated
        return Administrator(
            name=found.name, role=Role(found.role), scopes=token.scopes, jti=token.jti
        )

    async def _by_token(self, token: Token) -> Reader:
        now = self._clock()
        async with self._database.reading() as connection:
            subscriber = await subscribers.subscriber(connection, token.subscriber or "")
            plans = await subscribers.plans(connection)
        if subscriber is None:
            # It was removed, and its token with it, since that was looked up.
            raise Unauthenticated
        # Who has other plans still has none of those that its token is for.
        seen = narrowed(subscriber, token.entitlements)
        sunset, ending = told(seen, now)
        why, since = lapse(seen, now) or (None, 0)
        return Reader(
            entitlement=entitlement(subscriber, plans, now, narrowed_to=token.entitlements),
            subscriber=subscriber,
            token=token,
            lapse=why,
            lapsed=since,
            sunset=_first(sunset, token.ends if token.ends - now <= SUNSET else None),
            ending=ending,
            renewal=plans.get(renewable(seen, now) or ""),
        )

    async def _authenticate(self, secret: str, address: str) -> Token:
        claims = await self._gate.verify(secret)
        async with self._database.reading() as connection:
            token = await credentials.token(connection, claims.jti)
        if token is None or not token.is_of(claims):
            raise Unauthenticated
        if token.revoked is not None:
            raise _refused(Unauthenticated(), token, "revoked")
        if token.believed is not None and token.believed <= self._clock():
            raise _refused(Unauthenticated(), token, "key-retired")
        if not token.is_live(self._clock()) or not self._gate.is_of_this_time(claims):
            raise _refused(Unauthenticated(), token, "expired")
        if token.networks and not contains(token.networks, address):
            error = Forbidden("the token may not be used from this network", field="networks")
            raise _refused(error, token, "network")
        self._usage.saw_token(token)
        return token


def _by_feed_key(row: FeedKey, subscriber: Subscriber, plans: dict[str, Plan], now: int) -> Reader:
    lapsed = lapse_of(row, subscriber, now)
    if lapsed is not None:
        why, at = lapsed
        public = entitlement(None, plans, now)
        # The end may be dated before what was last seen: dates of feeds never go back.
        public = replace(public, changed=max(public.changed, subscriber.changed))
        # What begins or resumes by the clock ends this, too.
        until = _first(*(turn for turn in subscriber.turns if turn > now))
        return Reader(
            entitlement=replace(public, until=until),
            subscriber=subscriber,
            key=row,
            lapse=why,
            lapsed=at,
            renewal=plans.get(renewable(subscriber, now) or ""),
        )
    sunset, ending = told(subscriber, now)
    return Reader(
        entitlement=entitlement(subscriber, plans, now),
        subscriber=subscriber,
        key=row,
        sunset=sunset,
        ending=ending,
        shared=row.flagged,
        renewal=plans.get(renewable(subscriber, now) or ""),
    )


def _first(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)


def _demand(token: Token, scope: Scope) -> None:
    if scope not in token.scopes:
        error = Forbidden(f"the token lacks the scope {scope}", field="scope")
        raise _refused(error, token, "scope")


def _refused(error: WirefeedError, token: Token, reason: str) -> WirefeedError:
    """Say whose credential was refused, so that its owner can be told why."""
    if token.subscriber is not None:
        error.refusal = Refusal(subscriber=token.subscriber, credential=token.jti, reason=reason)
    return error
