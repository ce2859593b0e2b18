"""Feed keys, the credentials in private addresses: issue, name, rotate, revoke, list.

A key is made here and given out once; its digest is all that is kept.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.credentials import FeedKey, Lapse, SecretKind, digest, make_secret
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services import accounts
from wirefeed.services.audit import Audit
from wirefeed.storage import credentials, wire
from wirefeed.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedFeedKey:
    """A new feed key: the secret, to be shown once, and its row."""

    secret: str
    row: FeedKey


class FeedKeys:
    """What people with feed readers come with."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        *,
        knows: Callable[[Feed], bool],
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._knows = knows
        self._clock = clock

    async def issue(
        self,
        subscriber: str,
        name: str = "",
        *,
        feeds: Collection[str] = (),
        by: Actor = SYSTEM,
    ) -> IssuedFeedKey:
        """Issue a feed key; only its digest is kept.

        `feeds` restricts it (`en/sport`, `en/latest`). Raises `NotFound` for the subscriber,
        `Unacceptable` for a feed that there is not.
        """
        async with self._database.writing() as connection:
            return await self.add(connection, subscriber, name, feeds=feeds, by=by)

    async def add(
        self,
        connection: AsyncConnection,
        subscriber: str,
        name: str,
        *,
        by: Actor,
        feeds: Collection[str] = (),
    ) -> IssuedFeedKey:
        """Issue a feed key as a part of something larger."""
        row = FeedKey(
            id=secrets.token_hex(6),
            subscriber=subscriber,
            name=name,
            tail="",
            issued=self._clock(),
            feeds=frozenset(feeds),
        )
        self.check(row.feeds)
        await accounts.held(connection, subscriber)
        return await self._add(connection, row, by, Verb.FEED_KEY_ISSUE)

    async def all(
        self, subscriber: str | None = None, *, after: str = "", limit: int | None = None
    ) -> list[FeedKey]:
        """List the feed keys of a subscriber, or all, by id."""
        async with self._database.reading() as connection:
            return await credentials.feed_keys(connection, subscriber, after=after, limit=limit)

    async def get(self, key_id: str) -> FeedKey:
        """Give a feed key by its id. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return await _feed_key(connection, key_id)

    async def rename(self, key_id: str, name: str, by: Actor = SYSTEM) -> FeedKey:
        """Give a feed key another name. Raises `NotFound`."""
        async with self._database.writing() as connection:
            held = replace(await _feed_key(connection, key_id), name=name)
            await credentials.name_feed_key(connection, key_id, name)
            await self._audit.record(connection, by, Verb.FEED_KEY_NAME, f"feed-key:{key_id}")
        return held

    async def rotate(self, key_id: str, by: Actor = SYSTEM) -> IssuedFeedKey:
        """Issue a key in place of another, for the same feeds; the old one says so and no more.

        Raises `NotFound`, and `Conflict` for one that was taken back.
        """
        async with self._database.writing() as connection:
            return await self.replace(connection, key_id, by)

    async def replace(self, connection: AsyncConnection, key_id: str, by: Actor) -> IssuedFeedKey:
        """Rotate a feed key as a part of something larger."""
        old = await _feed_key(connection, key_id)
        if old.revoked is not None:
            raise Conflict(
                f"the feed key {key_id!r} no longer holds ({old.reason})",
                remedy="issue a new one",
            )
        now = self._clock()
        await self._retire(connection, old, Lapse.ROTATED, now)
        row = replace(
            old, id=secrets.token_hex(6), issued=now, last_used=None, flagged=None, selected=now
        )
        return await self._add(connection, row, by, Verb.FEED_KEY_ROTATE, was=key_id)

    async def revoke(
        self, key_id: str, by: Actor = SYSTEM, *, reason: Lapse = Lapse.REVOKED
    ) -> FeedKey:
        """Take a feed key back: its addresses show the public feeds from the next request on.

        Once more it changes nothing. Raises `NotFound`.
        """
        async with self._database.writing() as connection:
            return await self.take_back(connection, await _feed_key(connection, key_id), by, reason)

    async def take_back(
        self, connection: AsyncConnection, held: FeedKey, by: Actor, reason: Lapse
    ) -> FeedKey:
        """Revoke a feed key as a part of something larger; gives what it then is."""
        if held.reason not in {None, Lapse.ROTATED}:
            return held
        at = self._clock()
        await self._retire(connection, held, reason, at)
        await self._audit.record(
            connection, by, Verb.FEED_KEY_REVOKE, f"feed-key:{held.id}", reason=reason
        )
        return replace(held, revoked=at, reason=reason)

    async def select(self, key_id: str, topics: frozenset[str], by: Actor = SYSTEM) -> FeedKey:
        """Keep what a reader chose for its feed `mine`. Raises `NotFound`."""
        async with self._database.writing() as connection:
            held = await _feed_key(connection, key_id)
            if held.selection == topics:
                return held
            at = await self._announce(connection, f"feed-key:{key_id}")
            await credentials.select_topics(connection, key_id, topics, at)
            await self._audit.record(
                connection,
                by,
                Verb.FEED_KEY_SELECT,
                f"feed-key:{key_id}",
                # Which they are may say something of a person.
                count=len(topics),
            )
        return replace(held, selection=topics, selected=at)

    def check(self, feeds: Collection[str]) -> None:
        """Raise `Unacceptable` for a feed that there is not."""
        for text in sorted(feeds):
            language, _, topic = text.partition("/")
            feed = Feed(language=language, topic="" if topic == "latest" else topic)
            if not topic or not self._knows(feed):
                raise Unacceptable(
                    f"there is no feed {text!r}",
                    field="feeds",
                    remedy="write en/latest or en/TOPIC",
                )

    async def _add(
        self,
        connection: AsyncConnection,
        row: FeedKey,
        by: Actor,
        verb: Verb,
        was: str | None = None,
    ) -> IssuedFeedKey:
        secret = make_secret(SecretKind.FEED, secrets.token_bytes(32))
        row = replace(row, tail=secret[-4:])
        await credentials.add_feed_key(connection, row, digest(secret))
        await self._audit.record(
            connection, by, verb, f"feed-key:{row.id}", of=f"subscriber:{row.subscriber}", was=was
        )
        return IssuedFeedKey(secret=secret, row=row)

    async def _retire(
        self, connection: AsyncConnection, key: FeedKey, reason: Lapse, at: int
    ) -> None:
        await self._announce(connection, f"feed-key:{key.id}")
        await credentials.revoke_feed_key(connection, key.id, at, reason)

    async def _announce(self, connection: AsyncConnection, about: str) -> int:
        change = Change(kind=ChangeKind.ACCESS, about=about)
        return (await wire.append(connection, [change], self._clock())).at


async def _feed_key(connection: AsyncConnection, key_id: str) -> FeedKey:
    found = await credentials.feed_key_by_id(connection, key_id)
    if found is None:
        raise NotFound(f"there is no feed key {key_id!r}", remedy="see `wirefeed feedkeys list`")
    return found
