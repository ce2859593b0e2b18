"""Feed keys that seem to be shared: flagged to administrators, told to readers or taken back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.credentials import FeedKey, Lapse
from wirefeed.domain.errors import NotFound
from wirefeed.domain.leaks import WINDOW, Flag, Limits, Policy, Suspicion, is_news, suspicions
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.audit import Audit
from wirefeed.services.feed_keys import FeedKeys
from wirefeed.storage import credentials, flags, usage, wire
from wirefeed.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """A flag, and the key that it is about."""

    flag: Flag
    key: FeedKey


class Leaks:
    """Looks out for feed keys that are known to more people than their owners."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        feed_keys: FeedKeys,
        *,
        policy: Policy,
        limits: Limits,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._feed_keys = feed_keys
        self._policy = policy
        self._limits = limits
        self._clock = clock

    async def judge(self, connection: AsyncConnection, keys: Collection[str]) -> list[Flag]:
        """Flag those of some keys that seem shared, in the transaction that says they were used.

        Gives the flags that are news. Each is raised once for a key and a reason, until an
        administrator dismisses it.
        """
        now = self._clock()
        seen = await usage.sightings(connection, keys, since=now - WINDOW)
        found = {
            key: suspicions(of_key, self._limits)
            for key, of_key in groupby(seen, key=attrgetter("feed_key"))
        }
        if not any(found.values()):
            # As of most keys: no more of them is looked at.
            return []
        held = await credentials.feed_keys_by_id(connection, [key for key in found if found[key]])
        suspected = [
            (key, suspicion)
            for key, suspicious in found.items()
            for suspicion in suspicious
            if held[key].revoked is None
        ]
        known = {
            (flag.feed_key, flag.reason): flag
            for flag in await flags.flags_of(connection, {key for key, _ in suspected})
        }
        news = []
        for key, suspicion in suspected:
            flag = known.get((key, suspicion.reason))
            if is_news(suspicion, flag):
                news.append(await self._raise(connection, key, suspicion, now))
            elif flag is not None and flag.dismissed is None and suspicion.count > flag.count:
                # So that whoever dismisses it has seen how many there are by then.
                await flags.put(connection, replace(flag, count=suspicion.count))
        for key in dict.fromkeys(flag.feed_key for flag in news):
            await self._act(connection, held[key], now)
        return news

    async def _raise(
        self, connection: AsyncConnection, key: str, suspicion: Suspicion, now: int
    ) -> Flag:
        flag = Flag(feed_key=key, reason=suspicion.reason, count=suspicion.count, at=now)
        await flags.put(connection, flag)
        await self._audit.record(
            connection,
            SYSTEM,
            Verb.FEED_KEY_FLAG,
            f"feed-key:{key}",
            reason=flag.reason,
            count=flag.count,
        )
        return flag

    async def _act(self, connection: AsyncConnection, key: FeedKey, now: int) -> None:
        match self._policy:
            case Policy.NOTICE:
                if await flags.warn(connection, key.id, now):
                    await self._announce(connection, key.id)
            case Policy.ROTATE:
                await self._feed_keys.take_back(connection, key, SYSTEM, Lapse.LEAKED)
            case Policy.NONE:
                pass

    async def flagged(
        self,
        *,
        before: tuple[int, str, str] | None = None,
        limit: int | None = None,
        dismissed: bool = False,
    ) -> list[Flagged]:
        """List what was flagged, the newest first: what stands, or with `dismissed` all."""
        async with self._database.reading() as connection:
            found = await flags.newest(connection, before=before, limit=limit, dismissed=dismissed)
            keys = await credentials.feed_keys_by_id(connection, {f.feed_key for f in found})
        return [Flagged(flag=flag, key=keys[flag.feed_key]) for flag in found]

    async def dismiss(self, key_id: str, by: Actor = SYSTEM) -> None:
        """Say that all is in order with a feed key; its reader is told no more.

        It is flagged anew when half as many have come on top. One that was taken back stays so.
        Once more it changes nothing. Raises `NotFound`.
        """
        async with self._database.writing() as connection:
            if await credentials.feed_key_by_id(connection, key_id) is None:
                raise NotFound(f"there is no feed key {key_id!r}", remedy="see `feedkeys flags`")
            if await flags.stop_warning(connection, key_id):
                await self._announce(connection, key_id)
            if await flags.dismiss(connection, key_id, self._clock()):
                await self._audit.record(
                    connection, by, Verb.FEED_KEY_DISMISS, f"feed-key:{key_id}"
                )

    async def _announce(self, connection: AsyncConnection, key: str) -> None:
        change = Change(kind=ChangeKind.ACCESS, about=f"feed-key:{key}")
        await wire.append(connection, [change], self._clock())
