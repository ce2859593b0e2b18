"""Reports of credentials found where they should not be: whatever is shown is taken back.

Anybody may report: who can show a credential has it, and so may end it. Nothing of a secret
that is reported is kept, told or logged.
"""

import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import Actor, Verb, Via
from wirefeed.domain.credentials import Lapse, SecretKind, digest, is_secret
from wirefeed.domain.errors import Unauthenticated
from wirefeed.domain.signatures import Signature, holds
from wirefeed.services.audit import Audit
from wirefeed.services.feed_keys import FeedKeys
from wirefeed.services.handovers import HandOvers
from wirefeed.services.token_gate import TokenGate
from wirefeed.services.tokens import Tokens
from wirefeed.storage import credentials, hand_overs
from wirefeed.storage.database import Database

#: Whoever reports, as the audit names them: nobody is asked who they are.
REPORTER = Actor(id="reporter", via=Via.API)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a report."""

    #: How many of those shown no longer hold because of it.
    revoked: int
    #: How many were never ours.
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A credential of ours that was shown."""

    #: As the audit names it.
    about: str
    #: Takes it back; says whether that changed anything.
    take_back: Callable[[AsyncConnection], Awaitable[bool]]


class LeakReports:
    """Takes reports, and acts on them before it answers."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        feed_keys: FeedKeys,
        tokens: Tokens,
        handovers: HandOvers,
        gate: TokenGate,
        *,
        secret: bytes | None,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._feed_keys = feed_keys
        self._tokens = tokens
        self._handovers = handovers
        self._gate = gate
        # Without a secret no signature holds, and none is refused any faster.
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock

    def check(self, signature: Signature, body: bytes) -> None:
        """Raise `Unauthenticated` unless a report was signed with the secret, and of late."""
        if not holds(self._secret, signature, body, self._clock()):
            raise Unauthenticated("the signature does not hold", field="webhook-signature")

    async def take(self, shown: Collection[str], *, signed: bool = False) -> Outcome:
        """Take back what of the texts shown is a credential of ours.

        It no longer holds when this returns. What was taken back before stays as it is, and a
        report that changes nothing leaves no trace.
        """
        known = [found for text in shown if (found := await self._known(text))]
        revoked = await self._take_back(known, signed=signed) if known else 0
        return Outcome(revoked=revoked, unknown=len(shown) - len(known))

    async def _take_back(self, known: Sequence[_Known], *, signed: bool) -> int:
        revoked = 0
        async with self._database.writing() as connection:
            for one in known:
                if not await one.take_back(connection):
                    continue
                revoked += 1
                await self._audit.record(
                    connection,
                    REPORTER,
                    Verb.LEAK_REPORT,
                    one.about,
                    signed=1 if signed else None,
                )
        return revoked

    async def _known(self, text: str) -> _Known | None:
        """Find whose a text is, if it is a credential to the letter."""
        if is_secret(SecretKind.FEED, text):
            return await self._feed_key(text)
        if is_secret(SecretKind.HAND_OVER, text):
            return await self._hand_over(text)
        return await self._token(text)

    async def _feed_key(self, text: str) -> _Known | None:
        async with self._database.reading() as connection:
            row = await credentials.feed_key(connection, digest(text))
        if row is None:
            return None
        return _Known(about=f"feed-key:{row.id}", take_back=partial(self._end_key, row.id))

    async def _end_key(self, key_id: str, connection: AsyncConnection) -> bool:
        held = await credentials.feed_key_by_id(connection, key_id)
        if held is None:
            return False
        return await self._feed_keys.take_back(connection, held, REPORTER, Lapse.LEAKED) != held

    async def _hand_over(self, text: str) -> _Known | None:
        async with self._database.reading() as connection:
            row = await hand_overs.by_digest(connection, digest(text))
        if row is None:
            return None
        return _Known(about=f"hand-over:{row.id}", take_back=partial(self._end_link, row.id))

    async def _end_link(self, link_id: str, connection: AsyncConnection) -> bool:
        held = await hand_overs.by_id(connection, link_id)
        if held is None:
            return False
        return await self._handovers.take_back(connection, held, REPORTER) != held

    async def _token(self, text: str) -> _Known | None:
        try:
            claims = await self._gate.verify(text)
        except Unauthenticated:
            return None
        async with self._database.reading() as connection:
            row = await credentials.token(connection, claims.jti)
        if row is None or not row.is_of(claims):
            return None
        return _Known(about=f"token:{row.jti}", take_back=partial(self._end_token, row.jti))

    async def _end_token(self, jti: str, connection: AsyncConnection) -> bool:
        return bool(await self._tokens.take_back(connection, jti, REPORTER))
