"""Kills: who may have a killed story and has not been given its kill, and telling operators so."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Grant
from wirefeed.domain.errors import NotFound
from wirefeed.domain.hearing import is_private
from wirefeed.domain.ledger import Announced, Holder, Killed, holder
from wirefeed.domain.plans import DAY, Plan, Subscriber, grants_of
from wirefeed.domain.stories import Story
from wirefeed.domain.wire import ChangeKind, announces
from wirefeed.services.ledger import Ledger
from wirefeed.storage import received, stories, subscribers, wire
from wirefeed.storage.database import Database, uninterrupted
from wirefeed.storage.received import Kill

_MINUTE = 60_000_000
#: Subscribers that are looked at in one read.
_PAGE = 500
#: Positions that are read through in one read.
_STRETCH = 50_000
#: A kill is watched this long, and so many at most.
_WATCHED, _MOST = 7 * DAY, 100
#: Seconds between two looks whether somebody is late.
_PAUSE = 15
_log = structlog.get_logger("wirefeed.kills")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A kill, and how it stands with those who may have the story."""

    killed: Killed
    #: How many may have it, and how many of them were not given the kill.
    holders: int
    waiting: int
    #: Those who were not given it first; as many as were asked for.
    listed: tuple[Holder, ...]
    #: Whether they have had longer than operators allow.
    late: bool


class Kills:
    """What became of kills."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        *,
        alarm_minutes: int,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._allowed = alarm_minutes * _MINUTE
        self._clock = clock
        #: Kills that everybody was given.
        self._settled: set[int] = set()
        #: How many kills somebody is late with; None: nobody has looked yet.
        self.late: int | None = None

    async def show(self, name: str, limit: int = 1000) -> Account:
        """Say of the killed story of this guid or id who may have it, and who has its kill.

        Raises `NotFound`.
        """
        await self._ledger.settle()
        async with self._database.reading() as connection:
            held = (await stories.held(connection, [name])).get(name)
            story = held or await stories.find(connection, name)
        if story is None:
            raise NotFound(f"there is no story {name!r}", remedy="see `wirefeed kills list`")
        killed = await self._killed(story)
        if killed is None:
            raise NotFound(f"{story.guid} was not killed", remedy="see `wirefeed kills list`")
        return await self._account(killed, limit)

    async def listing(self, limit: int = 50) -> list[Account]:
        """Give the last kills, the newest first, each without its holders."""
        await self._ledger.settle()
        async with self._database.reading() as connection:
            kills = await received.last_kills(connection, limit)
        return [account async for account in self._accounts(kills)]

    async def _accounts(self, kills: Iterable[Kill]) -> AsyncIterator[Account]:
        for kill in kills:
            async with self._database.reading() as connection:
                story = (await stories.held(connection, [kill.guid])).get(kill.guid)
            killed = await self._killed(story) if story is not None else None
            # A kill that another has followed since is told of with that one.
            if killed is not None and killed.position == kill.position:
                yield await self._account(killed, 0)

    async def _killed(self, story: Story) -> Killed | None:
        """Read what was announced of a story; None if it was never killed."""
        async with self._database.reading() as connection:
            begun = await stories.first_received(connection, story.guid)
            above = await wire.before(connection, begun)
        rows: list[wire.Row] = []
        while above < story.position:
            upto = min(above + _STRETCH, story.position)
            async with self._database.reading() as connection:
                rows += await wire.about(connection, story.guid, above, upto)
            above = upto
        kills = [
            row
            for row in rows
            # Those of drills are nobody's concern here.
            if row.change.kind is ChangeKind.KILL and not is_private(row.change)
        ]
        if not kills:
            return None
        last = kills[-1]
        return Killed(
            guid=story.guid,
            headline=story.kill_headline or story.revision.slugline,
            position=last.position,
            at=last.at,
            announced=tuple(
                Announced(
                    position=row.position,
                    at=row.at,
                    after=row.change.after,
                    delay=row.change.delay,
                )
                for row in rows
                if row.position < last.position and announces(row.change)
            ),
            feeds=story.feeds,
        )

    async def _account(self, killed: Killed, limit: int) -> Account:
        waiting: list[Holder] = []
        others: list[Holder] = []
        counts = {True: 0, False: 0}
        async for one in self._holders(killed):
            is_waiting = one.fetched is None
            counts[is_waiting] += 1
            group = waiting if is_waiting else others
            if len(group) < limit:
                group.append(one)
        return Account(
            killed=killed,
            holders=counts[True] + counts[False],
            waiting=counts[True],
            listed=(*waiting, *others)[:limit],
            late=bool(counts[True] and self._is_late(killed.at)),
        )

    def _is_late(self, at: int) -> bool:
        return bool(self._allowed) and self._clock() - at >= self._allowed

    async def _holders(self, killed: Killed) -> AsyncIterator[Holder]:
        """Give those who may have it, by id."""
        if not killed.announced:
            return
        after = ""
        while True:
            async with self._database.reading() as connection:
                found = await received.page(
                    connection, killed.announced[0].position, killed.position - 1, after, _PAGE
                )
                grants = await _grants(connection, list(found), killed)
            for subscriber, given in found.items():
                had = holder(killed, subscriber, given, grants.get(subscriber, frozenset()))
                if had is not None:
                    yield had
            if len(found) < _PAGE:
                return
            after = max(found)

    # --- telling operators ----------------------------------------------------------------------

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Look who is late, until cancelled; failures are told, and tried again."""
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                # Cut off, a read would leave its connection behind.
                await uninterrupted(self.check())
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                failed(error)

    async def check(self) -> None:
        """Count the kills that somebody is late with; warn of each once, whichever process does."""
        if not self._allowed:
            return
        await self._ledger.settle()
        async with self._database.reading() as connection:
            kills = await received.last_kills(connection, _MOST)
        now = self._clock()
        open_ = [k for k in kills if now - k.at < _WATCHED and k.position not in self._settled]
        late = 0
        async for account in self._accounts(k for k in open_ if self._is_late(k.at)):
            if not account.waiting:
                self._settled.add(account.killed.position)
                continue
            late += 1
            async with self._database.writing() as connection:
                is_new = await received.alarm(connection, account.killed.position, now)
            if is_new:
                _log.warning(
                    "a kill was not fetched by all in time",
                    story=account.killed.guid,
                    waiting=account.waiting,
                    holders=account.holders,
                )
        self.late = late


async def _grants(
    connection: AsyncConnection, ids: list[str], killed: Killed
) -> dict[str, frozenset[Grant]]:
    """Say under which grants these may have seen a story, before it was killed."""
    plans = await subscribers.plans(connection)
    known = await subscribers.some(connection, ids)
    since = killed.announced[0].at
    return {name: _had(one, plans, since, killed.at) for name, one in known.items()}


def _had(one: Subscriber, plans: dict[str, Plan], since: int, upto: int) -> frozenset[Grant]:
    held = (
        s.plan
        for s in one.subscriptions
        if s.starts <= upto and (s.closes is None or s.closes > since)
    )
    return grants_of(held, plans)
