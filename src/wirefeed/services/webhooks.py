"""Webhooks: add, list, rotate, remove, and look at what was sent; whom to call is said elsewhere.

Each change is one of access: the process that calls hears of it by the wire, like any other.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.cursors import ENTITLEMENT, Following
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.signatures import secret_text
from wirefeed.domain.webhooks import (
    EVERYTHING,
    MOST,
    MOST_REPEATS,
    OVERLAP,
    Attempt,
    Place,
    Webhook,
    check_overlap,
)
from wirefeed.domain.wire import Change, ChangeKind, Head
from wirefeed.services import accounts
from wirefeed.services.audit import Audit
from wirefeed.services.sealer import Sealer
from wirefeed.storage import webhooks, wire
from wirefeed.storage.database import Database

_FIELD = "url"
#: Bytes of a secret; Standard Webhooks has 24 to 64.
_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedWebhook:
    """A webhook with a new secret: to be shown once."""

    secret: str
    row: Webhook


class Address(Protocol):
    """An address that may be called."""

    @property
    def url(self) -> str:
        """Give it as it is called."""

    @property
    def host(self) -> str:
        """Name the host that is called."""


#: Takes an address that somebody asks us to call, and names the field. Raises `Unacceptable`.
Admit = Callable[[str, str], Address]


class Webhooks:
    """Where subscribers have their stories sent."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        sealer: Sealer,
        *,
        admit: Admit,
        there_are: Callable[[Following], Following],
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._sealer = sealer
        self._admit = admit
        self._there_are = there_are
        self._clock = clock

    async def add(
        self,
        subscriber: str,
        url: str,
        wanted: Following = EVERYTHING,
        by: Actor = SYSTEM,
        *,
        token: str | None = None,
    ) -> IssuedWebhook:
        """Have what a subscriber hears from now on sent to an address.

        `token` is the one it is asked for with, if its owner asks. Raises `NotFound` for the
        subscriber, `Unacceptable` for an address that is not called from here and for topics and
        languages that there are not, `Conflict` when it has too many.
        """
        address, wanted = self._admit(url, _FIELD), self._there_are(wanted)
        webhook_id = secrets.token_hex(6)
        secret = secrets.token_bytes(_SECRET)
        sealed = self._sealer.seal(secret, webhook_id)
        async with self._database.writing() as connection:
            await accounts.held(connection, subscriber)
            if await webhooks.count(connection, subscriber) >= MOST:
                raise Conflict(
                    f"{subscriber!r} has {MOST} webhooks already", remedy="remove one of them"
                )
            head = await self._announce(connection, subscriber)
            row = Webhook(
                id=webhook_id,
                subscriber=subscriber,
                url=address.url,
                host=address.host,
                following=wanted,
                created=self._clock(),
                token=token,
                secret=sealed,
                place=Place(position=head.position, kills=head.position, began=head.at),
            )
            await webhooks.add(connection, row)
            await self._record(connection, by, Verb.WEBHOOK_ADD, row)
        return IssuedWebhook(secret=secret_text(secret), row=row)

    async def all(
        self, subscriber: str | None = None, *, after: str = "", limit: int | None = None
    ) -> list[Webhook]:
        """List the webhooks of a subscriber, or all, by id."""
        async with self._database.reading() as connection:
            return await webhooks.webhooks(connection, subscriber, after=after, limit=limit)

    async def get(self, webhook_id: str, *, of: str | None = None) -> Webhook:
        """Give a webhook by its id. Raises `NotFound`, also for one of somebody else's."""
        async with self._database.reading() as connection:
            return await _held(connection, webhook_id, of)

    async def rotate(
        self, webhook_id: str, by: Actor = SYSTEM, *, overlap: int = OVERLAP, of: str | None = None
    ) -> IssuedWebhook:
        """Give a webhook another secret; for a time the one before it signs, too.

        Raises `NotFound`, and `Unacceptable` for an overlap that is too long.
        """
        check_overlap(overlap)
        secret = secrets.token_bytes(_SECRET)
        sealed = self._sealer.seal(secret, webhook_id)
        async with self._database.writing() as connection:
            row = await _held(connection, webhook_id, of)
            row = replace(
                row,
                secret=sealed,
                secret_before=row.secret,
                rotates_until=self._clock() + overlap,
            )
            await webhooks.replace_secret(
                connection, webhook_id, sealed, row.secret_before or b"", row.rotates_until
            )
            await self._announce(connection, row.subscriber)
            await self._record(connection, by, Verb.WEBHOOK_ROTATE, row)
        return IssuedWebhook(secret=secret_text(secret), row=row)

    async def remove(self, webhook_id: str, by: Actor = SYSTEM, *, of: str | None = None) -> None:
        """Send nothing there any more. Raises `NotFound`."""
        async with self._database.writing() as connection:
            row = await _held(connection, webhook_id, of)
            await webhooks.remove(connection, webhook_id)
            await self._announce(connection, row.subscriber)
            await self._record(connection, by, Verb.WEBHOOK_REMOVE, row)

    async def log(
        self,
        subscriber: str,
        *,
        webhook: str | None = None,
        before: int | None = None,
        limit: int | None = 100,
    ) -> list[Attempt]:
        """List the calls of a subscriber's webhooks, the newest first. Raises `NotFound`."""
        async with self._database.reading() as connection:
            await accounts.held(connection, subscriber)
            return await webhooks.attempts(
                connection, subscriber, webhook=webhook, before=before, limit=limit
            )

    async def replay(
        self, webhook_id: str, since: int, by: Actor = SYSTEM, *, of: str | None = None
    ) -> Webhook:
        """Send once more what was announced since a time, as far as its archive reaches.

        Raises `NotFound`, and `Conflict` for one that was given up.
        """
        async with self._database.writing() as connection:
            row = await self._callable(connection, webhook_id, of)
            start = await wire.before(connection, since)
            # What it has yet to be told anyway is not left out.
            start = min(start, row.place.position)
            await webhooks.go_back(connection, webhook_id, start)
            await self._announce(connection, row.subscriber)
            await self._record(connection, by, Verb.WEBHOOK_REPLAY, row)
        return row

    async def repeat(
        self, webhook_id: str, attempt_id: int, by: Actor = SYSTEM, *, of: str | None = None
    ) -> Attempt:
        """Send once more what was sent in an attempt: the story as it may be seen now.

        Raises `NotFound`, and `Conflict` for a webhook that was given up or has too much to
        send once more.
        """
        async with self._database.writing() as connection:
            row = await self._callable(connection, webhook_id, of)
            found = await webhooks.attempt(connection, attempt_id)
            if found is None or found.webhook != webhook_id:
                raise NotFound(
                    f"there is no attempt {attempt_id} of webhook {webhook_id!r}",
                    field="attempt",
                    remedy=f"see `wirefeed webhooks log {row.subscriber}`",
                )
            if found.about == ENTITLEMENT:
                raise Unacceptable(
                    "that was no story", field="attempt", remedy="name one that was of a story"
                )
            waiting = tuple(dict.fromkeys((*row.place.repeats, found.position)))
            if len(waiting) > MOST_REPEATS:
                raise Conflict(
                    f"{MOST_REPEATS} changes wait already to be sent once more",
                    remedy="wait until they are sent, or replay since a time",
                )
            await webhooks.repeat(connection, webhook_id, waiting)
            await self._announce(connection, row.subscriber)
            await self._record(connection, by, Verb.WEBHOOK_REPLAY, row)
        return found

    async def _callable(
        self, connection: AsyncConnection, webhook_id: str, of: str | None
    ) -> Webhook:
        row = await _held(connection, webhook_id, of)
        if row.disabled is not None:
            raise Conflict(
                f"webhook {webhook_id!r} was given up: it answered 410",
                remedy="remove it, and add its address anew",
            )
        return row

    async def _announce(self, connection: AsyncConnection, subscriber: str) -> Head:
        """Let every process know; gives where the wire then ends."""
        change = Change(kind=ChangeKind.ACCESS, about=f"subscriber:{subscriber}")
        return await wire.append(connection, [change], self._clock())

    async def _record(
        self, connection: AsyncConnection, by: Actor, verb: Verb, row: Webhook
    ) -> None:
        of = f"subscriber:{row.subscriber}"
        await self._audit.record(connection, by, verb, f"webhook:{row.id}", of=of)


async def _held(connection: AsyncConnection, webhook_id: str, of: str | None) -> Webhook:
    found = await webhooks.by_id(connection, webhook_id)
    if found is None or of not in {None, found.subscriber}:
        raise NotFound(f"there is no webhook {webhook_id!r}", remedy="see `wirefeed webhooks list`")
    return found
