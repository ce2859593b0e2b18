"""Signing keys: list, rotate, take a rotation back, retire one at once.

Each change is one transaction, in which no token is signed and none is missed. So a command
that is killed has rotated or it has not; what then follows follows by the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.signing_keys import (
    KeyChange,
    KeyState,
    SigningKey,
    retirement,
    revert,
    rotation,
    signing,
)
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.audit import Audit
from wirefeed.services.keyring import Keyring
from wirefeed.storage import signing_keys, wire
from wirefeed.storage.database import Database

_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """A key, and what it is for now."""

    key: SigningKey
    state: KeyState
    #: When it is of no more use; None: that is not settled while it signs.
    ends: int | None
    #: How many tokens that hold now it signed.
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOutcome:
    """What came of a change of the keys, or would."""

    #: The key that is given up, or that goes on after all.
    old: SigningKey
    #: The one that follows it; None: none does, or it is not made yet.
    new: SigningKey | None
    #: How many tokens of the old key hold now, and will be refused when that ends.
    refused: int


_Decide = Callable[[list[SigningKey], int], KeyChange]


class SigningKeys:
    """What signs."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        keyring: Keyring,
        *,
        max_days: int,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._keyring = keyring
        self._max_days = max_days
        self._clock = clock

    async def all(self) -> list[KeyStanding]:
        """List the keys, the oldest first."""
        async with self._database.reading() as connection:
            now = self._clock()
            return [
                await _standing(connection, key, now)
                for key in await signing_keys.signing_keys(connection)
            ]

    async def signing(self) -> str:
        """Name the key that signs now."""
        async with self._database.reading() as connection:
            now = self._clock()
            return signing(await signing_keys.signing_keys(connection), now, now).kid

    async def rotate(
        self, overlap: int | None = None, by: Actor = SYSTEM, *, dry_run: bool = False
    ) -> KeyOutcome:
        """Make a new key, which signs in place of the active one as soon as everybody knows it.

        What the old one signed is believed for the overlap, or without one as long as its
        tokens live. Raises `Unacceptable` for an overlap, `Conflict` while another rotation is
        under way.
        """
        if overlap is not None and not 0 <= overlap <= self._max_days * _DAY:
            raise Unacceptable(f"no token lives longer than {self._max_days} days", field="overlap")
        return await self._change(
            lambda keys, now: rotation(keys, now, overlap),
            Verb.SIGNING_KEY_ROTATE,
            by,
            dry_run=dry_run,
        )

    async def revert(self, by: Actor = SYSTEM) -> KeyOutcome:
        """Take back a rotation whose new key does not sign yet; the active one goes on.

        Raises `Conflict` when there is none.
        """
        outcome = await self._change(revert, Verb.SIGNING_KEY_REVERT, by)
        return replace(outcome, new=None)

    async def retire(self, kid: str, by: Actor = SYSTEM, *, dry_run: bool = False) -> KeyOutcome:
        """Give a key up at once: what it signed is refused from the next request on.

        In place of the active key another one signs at once. Raises `NotFound`, and `Conflict`
        for a key that does not sign yet.
        """
        return await self._change(
            lambda keys, now: retirement(keys, kid, now),
            Verb.SIGNING_KEY_RETIRE,
            by,
            dry_run=dry_run,
        )

    async def _change(
        self, decide: _Decide, verb: Verb, by: Actor, *, dry_run: bool = False
    ) -> KeyOutcome:
        opened = self._database.reading if dry_run else self._database.writing
        async with opened() as connection:
            # The time is that of the transaction: it may have waited for its turn.
            keys, now = await signing_keys.signing_keys(connection), self._clock()
            change = decide(keys, now)
            old, new = change.old, change.new
            if old in keys:
                return KeyOutcome(old=old, new=new, refused=0)
            refused = 0
            if old.ends is not None:
                refused = await signing_keys.live_tokens(connection, old.kid, max(old.ends, now))
            if not dry_run:
                new = await self._carry_out(connection, change, now)
                await self._record(connection, verb, by, old, new, refused)
            return KeyOutcome(old=old, new=new, refused=refused)

    async def _carry_out(
        self, connection: AsyncConnection, change: KeyChange, now: int
    ) -> SigningKey | None:
        """Write a change down and announce it; give the key that follows the old one."""
        new = change.new
        if new is not None:
            await signing_keys.date(connection, new)
        elif change.makes is not None:
            new = self._keyring.make(now, change.makes)
            await signing_keys.add(connection, new)
        await signing_keys.date(connection, change.old)
        about = [change.old.kid] if new is None else [change.old.kid, new.kid]
        await wire.append(
            connection,
            [Change(kind=ChangeKind.ACCESS, about=f"signing-key:{kid}") for kid in about],
            now,
        )
        return new

    async def _record(
        self,
        connection: AsyncConnection,
        verb: Verb,
        by: Actor,
        old: SigningKey,
        new: SigningKey | None,
        refused: int,
    ) -> None:
        if verb is Verb.SIGNING_KEY_RETIRE:
            about = f"signing-key:{old.kid}"
            await self._audit.record(connection, by, verb, about, refused=refused)
        if new is None:
            return
        about = f"signing-key:{new.kid}"
        if verb is Verb.SIGNING_KEY_REVERT:
            await self._audit.record(connection, by, verb, about, goes_on=old.kid)
            return
        await self._audit.record(
            connection,
            by,
            Verb.SIGNING_KEY_ROTATE,
            about,
            was=old.kid,
            activates=new.activates,
            ends=old.ends,
            refused=refused,
        )


async def _standing(connection: AsyncConnection, key: SigningKey, now: int) -> KeyStanding:
    state = key.state(now)
    tokens = 0
    if state is not KeyState.RETIRED:
        tokens = await signing_keys.live_tokens(connection, key.kid, now)
    return KeyStanding(key=key, state=state, ends=key.end(now), tokens=tokens)
