"""Who asks: the reader that a credential, or none, belongs to now. The rows are the authority."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.credentials import (
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
    Unauthenticated,
    UnknownKey,
)
from wirefeed.domain.former import Term, cut, terms
from wirefeed.domain.former import former as lost
from wirefeed.domain.plans import SUNSET, Entitlement, Plan, Subscriber, entitlement
from wirefeed.domain.readers import (
    KILLS,
    REMEMBERED,
    Reader,
    first,
    holder,
    lapse,
    narrowed,
    renewable,
    told,
)
from wirefeed.domain.refusals import demand, elsewhere, refusal_of, refused
from wirefeed.domain.roles import Administrator, Role
from wirefeed.domain.wire import Change, concerned
from wirefeed.services import accounts
from wirefeed.services.batch import Batch
from wirefeed.services.follower import Follower
from wirefeed.services.lost_kills import LostKills
from wirefeed.services.memo import Loaded, Memo
from wirefeed.services.token_gate import TokenGate
from wirefeed.services.usage import Usage
from wirefeed.storage import administrators, credentials, former, holders, subscribers
from wirefeed.storage.database import Database

#: Seconds that public feeds go on while the database is out of reach: as long as caches in
#: front may show them (`stale-if-error`).
PUBLIC_GRACE = 86_400.0
#: That are remembered: more than poll within a minute.
_READERS = 10_000
_PUBLIC = b"public"
#: A subscriber, and what it had and says nothing of any more.
_Held: TypeAlias = tuple[Subscriber, Sequence[Term]]


class Readers:
    """Says who asks."""

    def __init__(
        self,
        database: Database,
        gate: TokenGate,
        usage: Usage,
        follower: Follower,
        lost_kills: LostKills,
        *,
        grace: float,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._gate = gate
        self._usage = usage
        self._lost_kills = lost_kills
        self._grace = grace
        self._clock = clock
        #: By the digest of what was presented; the public by `_PUBLIC`.
        self._memo: Memo[bytes, Reader] = Memo(follower, _READERS, clock)
        self._plans: Memo[None, dict[str, Plan]] = Memo(follower, 1, clock)
        #: All that plans ever were.
        self._versions: Memo[None, dict[str, tuple[Plan, ...]]] = Memo(follower, 1, clock)
        self._by_digest = Batch(self._load_feed_keys)
        self._by_jti = Batch(self._load_tokens)
        self._subscribers = Batch(self._load_subscribers)
        self._by_id = Batch(self._load_feed_keys_by_id)
        follower.heed(self._forget)

    def _forget(self, changes: Sequence[Change] | None) -> None:
        about = None if changes is None else concerned(changes)
        if about is None:
            self._memo.forget()
            self._plans.forget()
            self._versions.forget()
        elif about:
            self._memo.forget(lambda _, reader: not about.isdisjoint(reader.subjects))
        ends = [change for change in changes or () if change.kind in KILLS]
        if ends:
            self._memo.forget(lambda _, reader: any(map(reader.may_lose, ends)))

    def held_public(self) -> Reader | None:
        """Give the public without waiting for anything, if it is known for sure."""
        return self._memo.get(_PUBLIC)

    def held_by_feed_key(self, key: str) -> Reader | None:
        """Say who a feed key belongs to without waiting, if that is known for sure."""
        return self._memo.get(digest(key))

    def held_by_token(self, secret: str, address: str) -> Reader | None:
        """Say who presents a token without waiting, if it is known for sure to let it in."""
        reader = self._memo.get(_named(secret))
        return None if reader is None or refusal_of(reader, address) is not None else reader

    async def public(self) -> Reader:
        """Give the anonymous public: a reader of the plan `public`.

        What everybody may have is theirs for a day while the database is out of reach.
        """
        return await self._memo.fetch(_PUBLIC, self._load_public, PUBLIC_GRACE)

    async def _load_public(self) -> Loaded[Reader]:
        plans = await self._all_plans()
        return Reader(entitlement=entitlement(None, plans, self._clock())), None

    async def _all_plans(self) -> dict[str, Plan]:
        async def load() -> Loaded[dict[str, Plan]]:
            async with self._database.reading() as connection:
                return await subscribers.plans(connection), None

        return await self._plans.fetch(None, load)

    async def _all_versions(self) -> dict[str, tuple[Plan, ...]]:
        async def load() -> Loaded[dict[str, tuple[Plan, ...]]]:
            async with self._database.reading() as connection:
                return await former.versions(connection), None

        return await self._versions.fetch(None, load)

    async def as_subscriber(self, subscriber_id: str) -> Reader:
        """Give the reader a subscriber is now; `public` is everybody. Raises `NotFound`."""
        if subscriber_id == PUBLIC:
            return await self.public()
        async with self._database.reading() as connection:
            found = await accounts.held(connection, subscriber_id)
            plans = await subscribers.plans(connection)
            had = await former.of(connection, subscriber_id)
        now = self._clock()
        reader = Reader(entitlement=entitlement(found, plans, now), subscriber=found)
        return await self._with_lost(reader, (*had, *terms(found, now)), now)

    async def by_feed_key(self, key: str) -> Reader:
        """Say who a feed key belongs to. Raises `UnknownKey` for one there is not.

        One that lapsed gives the public rendering and the reason: feed readers punish
        an error for days, and renewing must not need the feed to be added again.
        """
        if not is_secret(SecretKind.FEED, key):
            raise UnknownKey
        name = digest(key)
        return await self._memo.fetch(name, partial(self._load_by_feed_key, name), self._grace)

    async def again(self, *, feed_key: str | None = None, token: str | None = None) -> Reader:
        """Say what a credential is worth now that was shown before, by its row.

        Raises as `by_feed_key` and `by_credential` do. Nobody comes, so nobody is asked from where.
        """
        if feed_key is not None:
            load = partial(self._load_key_again, feed_key)
            return await self._memo.fetch(f"key {feed_key}".encode(), load)
        load = partial(self._load_token_again, token or "")
        reader = await self._memo.fetch(f"token {token}".encode(), load)
        if (refusal := refusal_of(reader, None)) is not None:
            raise refusal
        return reader

    async def _load_key_again(self, key_id: str) -> Loaded[Reader]:
        return await self._of_feed_key(await self._by_id.get(key_id))

    async def _load_token_again(self, jti: str) -> Loaded[Reader]:
        token = await self._by_jti.get(jti)
        if token is None:
            raise Unauthenticated
        self._check(token)
        reader = await self._by_token(token)
        return reader, reader.until(self._clock())

    async def _load_by_feed_key(self, name: bytes) -> Loaded[Reader]:
        return await self._of_feed_key(await self._by_digest.get(name))

    async def _of_feed_key(self, found: holders.Held | None) -> Loaded[Reader]:
        now = self._clock()
        if found is None:
            raise UnknownKey
        row, subscriber, had = found
        if row.revoked is not None and row.revoked + REMEMBERED <= now:
            raise UnknownKey
        reader = holder(row, subscriber, await self._all_plans(), now)
        had = (*had, *terms(subscriber, now))
        # What came when the key was taken back did not come by it.
        had = had if row.revoked is None else cut(had, row.revoked)
        reader = await self._with_lost(reader, had, now)
        return reader, reader.until(now)

    async def _with_lost(self, reader: Reader, had: Sequence[Term], now: int) -> Reader:
        """Say by what a reader may have stories that it has no more, and which were killed."""
        grants, versions = reader.entitlement.grants, await self._all_versions()
        gone = lost(had, versions, grants, now, narrowed_to=reader.narrowed_to)
        kills = await self._lost_kills.of(gone, reader.entitlement)
        return replace(reader, former=gone, lost=kills) if gone else reader

    async def _load_feed_keys(self, names: Sequence[bytes]) -> dict[bytes, holders.Held]:
        return await self._database.find(holders.by_digest, names)

    async def _load_feed_keys_by_id(self, ids: Sequence[str]) -> dict[str, holders.Held]:
        return await self._database.find(holders.by_id, ids)

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
        return await self._let_in(presented, address, Scope.FEEDS_READ)

    async def of_wire(self, presented: Presented, address: str) -> Reader:
        """Say which machine follows the wire, coming from an address.

        Raises `Unauthenticated`, or `Forbidden` for one without the scope or a live subscription.
        """
        if presented.scheme is not Scheme.BEARER:
            raise Unauthenticated
        return await self._let_in(presented, address, Scope.WIRE_READ)

    async def _let_in(self, presented: Presented, address: str, scope: Scope) -> Reader:
        name, load = _named(presented.secret), partial(self._load_by_token, presented.secret)
        reader = await self._memo.fetch(name, load, self._grace)
        if (refusal := refusal_of(reader, address, scope)) is not None:
            raise refusal
        self.saw(reader)
        return reader

    async def _load_by_token(self, secret: str) -> Loaded[Reader]:
        token = await self._verified(secret)
        if token.subscriber is None:
            # Whoever it is of, it sees nothing.
            return Reader(entitlement=Entitlement(grants=frozenset()), token=token), self._clock()
        reader = await self._by_token(token)
        return reader, reader.until(self._clock())

    async def _load_tokens(self, jtis: Sequence[str]) -> dict[str, Token]:
        return await self._database.find(credentials.tokens_by_jti, jtis)

    async def _load_subscribers(self, ids: Sequence[str]) -> dict[str, _Held]:
        return await self._database.find(_held, ids)

    def saw(self, reader: Reader) -> None:
        """Note the use of a token by a reader that was found without waiting."""
        if reader.token is not None:
            self._usage.saw_token(reader.token)

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
        demand(token, Scope.STORIES_WRITE)
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
            raise refused(Forbidden("this token is not an administrator's"), token, "role")
        async with self._database.reading() as connection:
            found = await administrators.admin(connection, token.admin)
        if found is None:
            raise Unauthenticated
        return Administrator(
            name=found.name, role=Role(found.role), scopes=token.scopes, jti=token.jti
        )

    async def _by_token(self, token: Token) -> Reader:
        now = self._clock()
        found = await self._subscribers.get(token.subscriber or "")
        plans = await self._all_plans()
        if found is None:
            # It was removed, and its token with it, since that was looked up.
            raise Unauthenticated
        subscriber, had = found
        # Who has other plans still has none of those that its token is for.
        seen = narrowed(subscriber, token.entitlements)
        sunset, ending = told(seen, now)
        why, since = lapse(seen, now) or (None, 0)
        has = entitlement(subscriber, plans, now, narrowed_to=token.entitlements)
        reader = Reader(
            entitlement=has,
            subscriber=subscriber,
            token=token,
            lapse=why,
            lapsed=since,
            sunset=first(sunset, token.ends if token.ends - now <= SUNSET else None),
            ending=ending,
            renewal=plans.get(renewable(seen, now) or ""),
        )
        return await self._with_lost(reader, (*had, *terms(subscriber, now)), now)

    async def _authenticate(self, secret: str, address: str) -> Token:
        token = await self._verified(secret)
        if (refusal := elsewhere(token, address)) is not None:
            raise refusal
        self._usage.saw_token(token)
        return token

    async def _verified(self, secret: str) -> Token:
        """Give the row of a token that holds. Raises `Unauthenticated`."""
        claims = await self._gate.verify(secret)
        token = await self._by_jti.get(claims.jti)
        if token is None or not token.is_of(claims):
            raise Unauthenticated
        self._check(token, is_of_this_time=self._gate.is_of_this_time(claims))
        return token

    def _check(self, token: Token, *, is_of_this_time: bool = True) -> None:
        """Refuse a token that no longer holds. Raises `Unauthenticated`."""
        if token.revoked is not None:
            raise refused(Unauthenticated(), token, "revoked")
        if token.believed is not None and token.believed <= self._clock():
            raise refused(Unauthenticated(), token, "key-retired")
        if not token.is_live(self._clock()) or not is_of_this_time:
            raise refused(Unauthenticated(), token, "expired")


def _named(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=33).digest()


async def _held(connection: AsyncConnection, ids: Collection[str]) -> dict[str, _Held]:
    had = await former.some(connection, ids)
    held = await subscribers.some(connection, ids)
    return {name: (one, had.get(name, ())) for name, one in held.items()}
