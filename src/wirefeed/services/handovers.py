"""Hand-overs: one-time links that give a token, a private address or a signed-in browser.

What a link gives is made when it is opened, in the transaction that marks it as opened; until
then there is nothing that could be read, and afterwards nothing that could be given again.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import SYSTEM, Actor, Verb, Via
from wirefeed.domain.credentials import SecretKind, digest, is_secret, make_secret
from wirefeed.domain.errors import Conflict, Gone, Invalid, NotFound, UnknownKey
from wirefeed.domain.handovers import DAYS, HandOver, KeyTerms, Promise, SignIn, State, until
from wirefeed.domain.terms import Terms
from wirefeed.services import accounts
from wirefeed.services.audit import Audit
from wirefeed.services.feed_keys import FeedKeys, IssuedFeedKey
from wirefeed.services.tokens import IssuedToken, Tokens
from wirefeed.storage import credentials, hand_overs
from wirefeed.storage.database import Database

Made = IssuedToken | IssuedFeedKey
_Make = Callable[[AsyncConnection], Awaitable[Made]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedHandOver:
    """A new link: its secret, to be sent to whom it is meant for, and its row."""

    secret: str
    row: HandOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What opening a link made, to be shown once."""

    row: HandOver
    made: Made


class HandOvers:
    """How a credential reaches the one it was issued for, seen by nobody else."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        tokens: Tokens,
        feed_keys: FeedKeys,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._tokens = tokens
        self._feed_keys = feed_keys
        self._clock = clock

    async def issue(
        self, subscriber: str, promise: Promise, by: Actor = SYSTEM, *, days: int = DAYS
    ) -> IssuedHandOver:
        """Issue a link that can be opened for some days; only its digest is kept.

        Raises `NotFound` for the subscriber, a plan or the key to replace, `Invalid` for terms
        that a credential may not have, `Conflict` for what cannot be given as things stand.
        """
        now = self._clock()
        row = HandOver(
            id=secrets.token_hex(6),
            subscriber=subscriber,
            promise=promise,
            issued=now,
            expires=until(now, days),
        )
        secret = make_secret(SecretKind.HAND_OVER, secrets.token_bytes(32))
        async with self._database.writing() as connection:
            await accounts.held(connection, subscriber)
            await self._check(connection, row)
            await hand_overs.add(connection, row, digest(secret))
            await self._audit.record(
                connection,
                by,
                Verb.HAND_OVER_ISSUE,
                _about(row),
                of=f"subscriber:{subscriber}",
                gives=row.gives,
                expires=row.expires,
            )
        return IssuedHandOver(secret=secret, row=row)

    async def all(
        self, subscriber: str | None = None, *, after: str = "", limit: int | None = None
    ) -> list[HandOver]:
        """List the links of a subscriber, or all, by id."""
        async with self._database.reading() as connection:
            return await hand_overs.hand_overs(connection, subscriber, after=after, limit=limit)

    async def get(self, hand_over_id: str, *, of: str | None = None) -> HandOver:
        """Give a link by its id; with `of`, only a subscriber's own. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return await _held(connection, hand_over_id, of)

    async def withdraw(
        self, hand_over_id: str, by: Actor = SYSTEM, *, of: str | None = None
    ) -> HandOver:
        """Withdraw a link, so that it can no longer be opened. Once more it changes nothing.

        With `of`, only a subscriber's own. Raises `NotFound`, and `Conflict` for one that was
        opened: what it gave is revoked like any other.
        """
        async with self._database.writing() as connection:
            row = await _held(connection, hand_over_id, of)
            if row.state(self._clock()) is State.OPENED:
                raise Conflict("the link was opened", remedy="revoke what it gave")
            return await self.take_back(connection, row, by)

    async def take_back(self, connection: AsyncConnection, held: HandOver, by: Actor) -> HandOver:
        """Withdraw a link as a part of something larger; gives what it then is."""
        at = self._clock()
        if not await hand_overs.mark_withdrawn(connection, held.id, at):
            return held
        await self._audit.record(
            connection,
            by,
            Verb.HAND_OVER_WITHDRAW,
            _about(held),
            of=f"subscriber:{held.subscriber}",
        )
        return replace(held, withdrawn=at)

    async def peek(self, secret: str) -> HandOver:
        """Say what a link will give, or has given, and leave it as it is. Raises `UnknownKey`."""
        if not is_secret(SecretKind.HAND_OVER, secret):
            raise UnknownKey
        async with self._database.reading() as connection:
            row = await hand_overs.by_digest(connection, digest(secret))
        if row is None:
            raise UnknownKey
        return row

    async def open(self, secret: str) -> Opened:
        """Open a link: make what it gives. Of all who try, at whatever instant, one succeeds.

        What is made holds what its subscriber has at the time, be that nothing yet: a link may
        be sent, and opened, before the first day. Raises `UnknownKey`, `Gone` for one that can
        no longer be opened, and `Conflict` when it cannot be given as things stand: then the
        link waits on.
        """
        row = await self.peek(secret)
        row.demand(self._clock())
        # Whoever has the link is taken for whom it was meant.
        by = Actor(id=f"subscriber:{row.subscriber}", via=Via.PAGE)
        try:
            make = self._maker(row, by)
            async with self._database.writing() as connection:
                return await self._open(connection, row, make, by)
        except Gone:
            raise
        except (Invalid, NotFound) as error:
            # It was in order when the link was issued.
            raise Conflict("what the link promises can no longer be given") from error

    async def _open(
        self, connection: AsyncConnection, row: HandOver, make: _Make, by: Actor
    ) -> Opened:
        at = self._clock()
        if not await hand_overs.mark_opened(connection, row.id, at):
            raise Gone
        made = await make(connection)
        await self._audit.record(
            connection,
            by,
            Verb.HAND_OVER_OPEN,
            _about(row),
            of=f"subscriber:{row.subscriber}",
            made=_named(made),
        )
        return Opened(row=replace(row, opened=at), made=made)

    def _maker(self, row: HandOver, by: Actor) -> _Make:
        """Say what makes the credential."""
        match row.promise:
            case Terms() as terms:
                return partial(self._tokens.add, terms=terms, by=by)
            case KeyTerms(replaces=str(old)):
                return partial(self._feed_keys.replace, key_id=old, by=by)
            case KeyTerms(name=name, feeds=feeds):
                return partial(
                    self._feed_keys.add, subscriber=row.subscriber, name=name, feeds=feeds, by=by
                )
            case SignIn(name=name):
                return partial(self._feed_keys.add, subscriber=row.subscriber, name=name, by=by)

    async def _check(self, connection: AsyncConnection, row: HandOver) -> None:
        """Hear now, and not at the opening, what would stand in its way."""
        match row.promise:
            case Terms():
                await self._tokens.check(connection, row.promise)
            case KeyTerms(replaces=str(old)):
                key = await credentials.feed_key_by_id(connection, old)
                if key is None or key.subscriber != row.subscriber:
                    raise NotFound(f"there is no feed key {old!r}", field="replaces")
                if key.revoked is not None:
                    raise Conflict(
                        f"the feed key {old!r} no longer holds ({key.reason})",
                        field="replaces",
                        remedy="let the link give a new one",
                    )
            case KeyTerms(feeds=feeds):
                self._feed_keys.check(feeds)
            case SignIn():
                pass


async def _held(connection: AsyncConnection, hand_over_id: str, of: str | None) -> HandOver:
    row = await hand_overs.by_id(connection, hand_over_id)
    if row is None or (of is not None and row.subscriber != of):
        raise NotFound(f"there is no link {hand_over_id!r}", remedy="see `wirefeed handovers list`")
    return row


def _about(row: HandOver) -> str:
    return f"hand-over:{row.id}"


def _named(made: Made) -> str:
    """Name what was made as the audit does."""
    match made:
        case IssuedToken(row=token):
            return f"token:{token.jti}"
        case IssuedFeedKey(row=key):
            return f"feed-key:{key.id}"
