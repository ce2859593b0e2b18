"""Use of credentials: noted in memory as it happens, written down every few seconds.

No request waits for it, and none fails with it: while the database is away, what is seen is
kept as far as there is room.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.credentials import FeedKey, Token
from wirefeed.domain.errors import Refusal, Unavailable
from wirefeed.domain.leaks import Flag
from wirefeed.domain.sightings import Refused, Sighting, place, seen
from wirefeed.services.leaks import Leaks
from wirefeed.services.tallies import Id, Latest, Tallies, Tally
from wirefeed.storage import credentials, flags, usage
from wirefeed.storage.database import Database, uninterrupted

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
#: Seconds between two writings.
_PAUSE = 3
#: Rows of each table in one transaction: others want to write, too.
_BATCH = 100
#: Of a key so many places are remembered; many more would be somebody's game.
PLACES = 200
#: What is kept of refusals, for each subscriber.
REFUSALS = 50
_REMEMBERED = 30 * _DAY
_log = structlog.get_logger("wirefeed.usage")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """A feed key, where it was seen, and what that looks like."""

    key: FeedKey
    #: The latest first.
    sightings: tuple[Sighting, ...]
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """As much as is written in one transaction."""

    sightings: Sequence[tuple[Id, Tally]]
    keys: Sequence[tuple[Id, Tally]]
    tokens: Sequence[tuple[Id, Tally]]
    refusals: Sequence[tuple[int, Refused]]


class Usage:
    """Who used which credential, where, with what, and what was refused."""

    def __init__(
        self, database: Database, leaks: Leaks, *, clock: Callable[[], int], room: int = 20_000
    ) -> None:
        self._database = database
        self._leaks = leaks
        self._clock = clock
        # In a minute nobody reads from so many places; whoever seems to leaves room for others.
        self._sightings = Tallies(room, each=PLACES // 4)
        self._keys = Tallies(room, each=1)
        self._tokens = Tallies(room, each=1)
        self._refusals = Latest(room // REFUSALS, each=REFUSALS)
        self._writing = asyncio.Lock()
        self._pruned = 0

    @property
    def waiting(self) -> int:
        """How many things are noted: some are to be written down, some were just now."""
        return len(self._sightings) + len(self._keys) + len(self._tokens)

    def saw_key(self, key: FeedKey, address: str, user_agent: str) -> None:
        """Note that a feed key was used."""
        now = self._clock()
        self._keys.note((key.id,), now)
        network, client, readers = seen(address, user_agent)
        self._sightings.note((key.id, network, client), now, readers)

    def saw_token(self, token: Token) -> None:
        """Note that a token was used."""
        self._tokens.note((token.jti,), self._clock())

    def refused(self, refusal: Refusal, route: str, address: str) -> None:
        """Note that a subscriber's credential was refused, at the address of a route."""
        self._refusals.note(
            Refused(
                subscriber=refusal.subscriber,
                at=self._clock(),
                credential=refusal.credential,
                reason=refusal.reason,
                route=route,
                network=place(address),
            )
        )

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Write down what is noted, until cancelled, and then what is left; failures are told."""
        try:
            while True:
                await asyncio.sleep(_PAUSE)
                await self._try(failed)
        finally:
            await self._try(failed, all_=True)

    async def _try(self, failed: Callable[[Exception], None], *, all_: bool = False) -> None:
        try:
            await self.flush(all_=all_)
            if not 0 <= self._clock() - self._pruned < _HOUR:
                await self.prune()
        except Exception as error:  # noqa: BLE001 - what is noted is kept, and tried again
            failed(error)

    async def flush(self, *, all_: bool = False) -> None:
        """Write down what was not within the last minute, or all there is.

        What could not be written is kept, and goes along the next time. A part that is being
        written is finished even if the task is cancelled, so that nothing is counted twice.
        """
        async with self._writing:
            now = self._clock()
            sightings = self._sightings.due(now, all_=all_)
            keys, tokens = self._keys.due(now, all_=all_), self._tokens.due(now, all_=all_)
            refusals = self._refusals.due()
            longest = max(len(sightings), len(keys), len(tokens), len(refusals))
            for at in range(0, longest, _BATCH):
                part = slice(at, at + _BATCH)
                await uninterrupted(
                    self._write(
                        _Part(
                            sightings=sightings[part],
                            keys=keys[part],
                            tokens=tokens[part],
                            refusals=refusals[part],
                        ),
                        now,
                    )
                )
            for tallies in (self._sightings, self._keys, self._tokens):
                tallies.forget(now)
            self._tell_dropped()

    async def _write(self, part: _Part, now: int) -> None:
        news = await self._database.write(self._keep, part)
        self._sightings.written(part.sightings, now)
        self._keys.written(part.keys, now)
        self._tokens.written(part.tokens, now)
        self._refusals.written(part.refusals)
        for flag in news:
            _log.warning(
                "feed key seems shared", key=flag.feed_key, reason=flag.reason, count=flag.count
            )

    async def _keep(self, connection: AsyncConnection, part: _Part) -> list[Flag]:
        seen = [_sighting(what, tally) for what, tally in part.sightings]
        await usage.use_feed_keys(connection, _last(part.keys))
        await usage.use_tokens(connection, _last(part.tokens))
        await usage.add_refusals(connection, [one for _, one in part.refusals], REFUSALS)
        await usage.add_sightings(connection, seen)
        touched = {one.feed_key for one in seen}
        await usage.trim_sightings(connection, touched, PLACES)
        return await self._leaks.judge(connection, touched)

    def _tell_dropped(self) -> None:
        dropped = {
            "sightings": self._sightings.dropped,
            "uses": self._keys.dropped + self._tokens.dropped,
            "refusals": self._refusals.dropped,
        }
        if any(dropped.values()):
            _log.warning("usage dropped", **dropped)
        for table in (self._sightings, self._keys, self._tokens, self._refusals):
            table.dropped = 0

    async def _settle(self) -> None:
        """Write down what is noted before it is looked at, if that is possible now."""
        with suppress(Unavailable):
            await self.flush()

    async def prune(self) -> None:
        """Forget where keys were seen more than 30 days ago, in small parts."""
        self._pruned = self._clock()
        gone = _BATCH
        while gone == _BATCH:
            oldest = self._pruned - _REMEMBERED
            gone = await self._database.write(usage.forget_sightings, oldest, _BATCH)

    async def keys(self, subscriber: str | None = None) -> list[KeyUse]:
        """Say of the feed keys of a subscriber, or of all, where they were seen; by id."""
        await self._settle()
        async with self._database.reading() as connection:
            keys = await credentials.feed_keys(connection, subscriber)
        uses: list[KeyUse] = []
        for at in range(0, len(keys), _BATCH):
            # Each in a read of its own: nobody can write for as long as one lasts.
            async with self._database.reading() as connection:
                uses += await _uses(connection, keys[at : at + _BATCH])
        return uses

    async def seen(self, key_id: str) -> list[Sighting]:
        """Say where a feed key was seen, the latest first."""
        await self._settle()
        async with self._database.reading() as connection:
            return await usage.sightings(connection, [key_id])

    async def refusals(self, subscriber: str) -> list[Refused]:
        """List what was refused to a subscriber of late, the newest first."""
        await self._settle()
        async with self._database.reading() as connection:
            return await usage.refusals(connection, subscriber)


async def _uses(connection: AsyncConnection, keys: Sequence[FeedKey]) -> list[KeyUse]:
    ids = [key.id for key in keys]
    seen = await usage.sightings(connection, ids)
    raised = await flags.flags_of(connection, ids)
    return [
        KeyUse(
            key=key,
            sightings=tuple(one for one in seen if one.feed_key == key.id),
            flags=tuple(one for one in raised if one.feed_key == key.id),
        )
        for key in keys
    ]


def _sighting(what: Id, tally: Tally) -> Sighting:
    key, network, client = what
    return Sighting(
        feed_key=key,
        network=network,
        client=client,
        first=tally.first,
        last=tally.last,
        requests=tally.requests,
        readers=tally.readers,
    )


def _last(tallies: Sequence[tuple[Id, Tally]]) -> dict[str, int]:
    return {what[0]: tally.last for what, tally in tallies}
