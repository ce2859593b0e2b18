"""Who asks: the reader that a credential, or none, belongs to now. The rows are the authority."""

from collections.abc import Callable
from dataclasses import replace

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.credentials import (
    FeedKey,
    Presented,
    Scheme,
    Scope,
    Token,
    digest,
    is_feed_key,
)
from wirefeed.domain.errors import Forbidden, NotFound, Unauthenticated
from wirefeed.domain.plans import Lapse, Reader, Subscriber, entitlement
from wirefeed.services.tokens import TokenGate
from wirefeed.storage import credentials, subscribers
from wirefeed.storage.database import Database

_DAY = 86_400_000_000
#: A revoked key answers as lapsed this long, and is then unknown.
_REMEMBERED = 90 * _DAY


class Readers:
    """Says who asks."""

    def __init__(self, database: Database, gate: TokenGate, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._gate = gate
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
            found = await subscribers.subscriber(connection, subscriber_id)
            plans = await subscribers.plans(connection)
        if found is None:
            raise NotFound(
                f"there is no subscriber {subscriber_id!r}",
                remedy="see `wirefeed subscribers list`",
            )
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
            subscriber = await subscribers.subscriber(connection, row.subscriber)
            plans = await subscribers.plans(connection)
        if subscriber is None:
            raise NotFound
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
        claims = await self._gate.verify(secret)
        async with self._database.reading() as connection:
            token = await credentials.token(connection, claims.jti)
        if token is None or token.subject != claims.sub or not token.is_live(self._clock()):
            raise Unauthenticated
        if scope not in token.scopes:
            raise Forbidden(f"the token lacks the scope {scope}", field="scope")
        return token


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
