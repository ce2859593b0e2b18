"""Tokens, the credentials of machines: issue, name, rotate, revoke, list.

The rows are the authority: a token is worth what its row says now. The JWT is made here,
given out once, and kept nowhere.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.credentials import Token
from wirefeed.domain.errors import Conflict, Invalid, NotFound
from wirefeed.domain.terms import Terms
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services import accounts
from wirefeed.services.audit import Audit
from wirefeed.services.token_gate import TokenGate
from wirefeed.storage import administrators, credentials, subscribers, webhooks, wire
from wirefeed.storage.database import Database

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
#: After a rotation the old token holds this long, so that no machine is cut off.
OVERLAP = _DAY
_LONGEST_OVERLAP = 30 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new token: the JWT, to be shown once, and its row."""

    secret: str
    row: Token


class Tokens:
    """What machines come with."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        gate: TokenGate,
        *,
        max_days: int,
        max_live: int,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._gate = gate
        self._max_days = max_days
        self._max_live = max_live
        self._clock = clock

    async def issue(
        self, terms: Terms, by: Actor = SYSTEM, *, parent: Token | None = None
    ) -> IssuedToken:
        """Issue a JWT (RFC 9068) to a subscriber, to a source of stories or to an administrator.

        With a `parent`, the token it is issued with, it may do no more than that one.
        Raises `Invalid` for terms it may not have, `NotFound` for its owner or a plan,
        `Conflict` when a subscriber has as many as it may.
        """
        async with self._database.writing() as connection:
            return await self.add(connection, terms, by, parent=parent)

    async def add(
        self,
        connection: AsyncConnection,
        terms: Terms,
        by: Actor,
        *,
        parent: Token | None = None,
    ) -> IssuedToken:
        """Issue a token as a part of something larger."""
        now = self._now()
        token = terms.token(secrets.token_hex(16), now, max_days=self._max_days, parent=parent)
        await self._check_owner(connection, token, now)
        return await self._add(connection, token, by, Verb.TOKEN_ISSUE)

    async def check(self, connection: AsyncConnection, terms: Terms) -> None:
        """Raise what issuing a token on these terms would raise now."""
        now = self._now()
        token = terms.token("", now, max_days=self._max_days)
        await self._check_owner(connection, token, now)

    async def all(
        self,
        subscriber: str | None = None,
        *,
        source: str | None = None,
        admin: str | None = None,
        after: str = "",
        limit: int | None = None,
    ) -> list[Token]:
        """List the tokens of a subscriber, a source or an administrator, or all, by `jti`."""
        async with self._database.reading() as connection:
            return await credentials.tokens(
                connection,
                subscriber=subscriber,
                source=source,
                admin=admin,
                after=after,
                limit=limit,
            )

    async def get(self, jti: str, *, of: str | None = None) -> Token:
        """Give a token; with `of`, only a subscriber's own. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return await _token(connection, jti, of)

    async def rename(
        self, jti: str, name: str, by: Actor = SYSTEM, *, of: str | None = None
    ) -> Token:
        """Give a token another name. Raises `NotFound`."""
        async with self._database.writing() as connection:
            held = replace(await _token(connection, jti, of), name=name)
            await credentials.name_token(connection, jti, name)
            await self._audit.record(connection, by, Verb.TOKEN_NAME, f"token:{jti}")
        return held

    async def rotate(
        self,
        jti: str,
        by: Actor = SYSTEM,
        *,
        overlap: int = OVERLAP,
        days: int | None = None,
        of: str | None = None,
    ) -> IssuedToken:
        """Issue a token on the terms of another, which ends when the overlap is over.

        Without `days` it lives as long as the other was given. Raises `NotFound`, `Invalid` for
        an overlap that is too long, and `Conflict` for a token that no longer holds or in whose
        place there is one already, and when its subscriber has more than it may.
        """
        if overlap > _LONGEST_OVERLAP:
            raise Invalid("an overlap is 30 days at most", field="overlap_seconds")
        now = self._now()
        async with self._database.writing() as connection:
            old = await _token(connection, jti, of)
            await _check_rotation(connection, old, now)
            # The old one counts until it ends, so there may be one more than else for a while.
            await self._check_number(connection, old.subscriber, now, self._max_live + 1)
            terms = Terms.of(old, days or max(1, (old.expires - old.issued) // _DAY))
            new = terms.token(secrets.token_hex(16), now, max_days=self._max_days)
            # What it may do was settled when the old one was issued; it goes with what that
            # one would have gone with, and not with that one, which ends by itself.
            new = replace(new, parent=old.parent)
            await credentials.shorten_token(connection, jti, now + max(0, overlap), new.jti)
            await self._announce(connection, f"token:{jti}")
            return await self._add(connection, new, by, Verb.TOKEN_ROTATE, was=jti)

    async def revoke(
        self, jti: str, by: Actor = SYSTEM, *, of: str | None = None, derived: bool = True
    ) -> list[str]:
        """Revoke a token: it is refused from the next request on; give all that were revoked.

        With it go, if `derived`, those that were issued with it: who has it may have made
        them. The one that was issued in its place stays. Raises `NotFound`.
        """
        async with self._database.writing() as connection:
            await _token(connection, jti, of)
            return await self.take_back(connection, jti, by, derived=derived)

    async def take_back(
        self, connection: AsyncConnection, jti: str, by: Actor, *, derived: bool = True
    ) -> list[str]:
        """Revoke a token as a part of something larger."""
        found = [jti]
        generation = [jti] if derived else []
        while generation := await credentials.issued_with(connection, generation):
            found += generation
        at = self._clock()
        gone = [one for one in found if await credentials.revoke_token(connection, one, at)]
        for one in gone:
            await self._announce(connection, f"token:{one}")
            await self._audit.record(
                connection,
                by,
                Verb.TOKEN_REVOKE,
                f"token:{one}",
                issued_with=jti if one != jti else None,
            )
        if derived:
            await self._silence(connection, found, by)
        return gone

    async def _silence(self, connection: AsyncConnection, jtis: Sequence[str], by: Actor) -> None:
        """Remove the webhooks that were added with these: whoever had one may have done so."""
        for webhook in await webhooks.added_with(connection, jtis):
            await webhooks.remove(connection, webhook.id)
            await self._announce(connection, f"subscriber:{webhook.subscriber}")
            about = f"webhook:{webhook.id}"
            await self._audit.record(
                connection, by, Verb.WEBHOOK_REMOVE, about, issued_with=webhook.token
            )

    def _now(self) -> int:
        """Give the time in whole seconds: what the row says must be what the token says."""
        return self._clock() // _SECOND * _SECOND

    async def _add(
        self,
        connection: AsyncConnection,
        token: Token,
        by: Actor,
        verb: Verb,
        was: str | None = None,
    ) -> IssuedToken:
        """Sign a token and keep its row, in one transaction."""
        secret, kid = await self._gate.sign(connection, token)
        token = replace(token, kid=kid)
        await credentials.add_token(connection, token)
        await self._audit.record(
            connection,
            by,
            verb,
            f"token:{token.jti}",
            of=token.owner,
            scopes=sorted(token.scopes),
            expires=token.expires,
            kid=token.kid,
            was=was,
        )
        return IssuedToken(secret=secret, row=token)

    async def _check_owner(self, connection: AsyncConnection, token: Token, now: int) -> None:
        if token.source is not None:
            await credentials.add_source(connection, token.source, now)
        if token.admin is not None and not await administrators.admin(connection, token.admin):
            raise NotFound(
                f"there is no administrator {token.admin!r}", remedy="see `wirefeed admins list`"
            )
        if token.subscriber is None:
            return
        await accounts.held(connection, token.subscriber)
        unknown = (token.entitlements or frozenset()) - set(await subscribers.plans(connection))
        if unknown:
            raise NotFound(f"there is no plan {min(unknown)!r}", field="entitlements")
        await self._check_number(connection, token.subscriber, now, self._max_live)

    async def _check_number(
        self, connection: AsyncConnection, subscriber: str | None, now: int, most: int
    ) -> None:
        if subscriber is None:
            return
        if await credentials.live_tokens(connection, subscriber, now) >= most:
            raise Conflict(
                f"the subscriber has {self._max_live} tokens that hold, as many as it may",
                remedy="revoke one that is not used",
            )

    async def _announce(self, connection: AsyncConnection, about: str) -> None:
        change = Change(kind=ChangeKind.ACCESS, about=about)
        await wire.append(connection, [change], self._clock())


async def _token(connection: AsyncConnection, jti: str, of: str | None) -> Token:
    found = await credentials.token(connection, jti)
    if found is None or (of is not None and found.subscriber != of):
        raise NotFound(f"there is no token {jti!r}", remedy="see `wirefeed tokens list`")
    return found


async def _check_rotation(connection: AsyncConnection, old: Token, now: int) -> None:
    """Raise `Conflict` unless another token may be issued in place of this one."""
    if not old.is_live(now):
        raise Conflict("the token no longer holds", remedy="issue a new one")
    heir = await credentials.token(connection, old.successor) if old.successor else None
    # Who lost the answer, and the new token with it, revokes that one and tries again.
    if heir is not None and heir.is_live(now):
        raise Conflict(
            f"there is the token {heir.jti!r} in its place",
            remedy="rotate that one, or revoke it first",
        )
