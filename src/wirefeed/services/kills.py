"""Kills: who may have a killed story, and has or has not been given its kill."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import PUBLIC, Grant
from wirefeed.domain.errors import NotFound
from wirefeed.domain.hearing import is_private
from wirefeed.domain.killed import Announced, Holder, Killed, holder
from wirefeed.domain.plans import Subscriber, in_force_between
from wirefeed.domain.stories import Story
from wirefeed.domain.ways import filter_name
from wirefeed.domain.wire import ChangeKind, announces
from wirefeed.services.ledger import Ledger
from wirefeed.storage import departed, former, received, stories, subscribers, wire
from wirefeed.storage.database import Database
from wirefeed.storage.received import Given, Kill

_MINUTE = 60_000_000
#: Subscribers that are looked at in one read.
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A kill, and how it stands with those who may have the story."""

    killed: Killed
    #: How many may have it, and how many of them were not given the kill:
    holders: int
    waiting: int
    #: the same of those who are subscribers no more.
    gone: int
    #: Those who wait for it first, then those who are gone; as many as were asked for.
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
        #: Microseconds in which a kill is to be fetched; 0: nobody is told.
        self.allowed = alarm_minutes * _MINUTE
        self._clock = clock

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
            # A kill that another has followed since is told of with that one.
            if (killed := await self.killed(kill)) is not None:
                yield await self._account(killed, 0)

    async def _killed(self, story: Story) -> Killed | None:
        """Read what was announced of a story; None if it was never killed."""
        async with self._database.reading() as connection:
            rows = await wire.about(connection, story.guid, story.position)
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
            told=last.change.before | last.change.after,
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
            since=tuple(
                row.position
                for row in rows
                if row.position > last.position and announces(row.change)
            ),
            feeds=story.feeds,
        )

    async def _account(self, killed: Killed, limit: int) -> Account:
        waiting: list[Holder] = []
        gone: list[Holder] = []
        others: list[Holder] = []
        counts: Counter[str] = Counter()
        async for one in self._holders(killed):
            without = one.fetched is None
            kind, group = "others", others
            if without:
                kind, group = ("waiting", waiting) if one.waits else ("gone", gone)
            counts[kind] += 1
            if len(group) < limit:
                group.append(one)
        return Account(
            killed=killed,
            holders=counts.total(),
            waiting=counts["waiting"],
            gone=counts["gone"],
            listed=(*waiting, *gone, *others)[:limit],
            late=bool(counts["waiting"] and self.is_late(killed.at)),
        )

    def is_late(self, at: int) -> bool:
        """Say whether those who wait for a kill of some time have had longer than is allowed."""
        return bool(self.allowed) and self._clock() - at >= self.allowed

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
                judged = await _judged(connection, killed, found)
            for one in judged:
                yield one
            if len(found) < _PAGE:
                return
            after = max(found)

    async def waiting(self, killed: Killed) -> tuple[set[str], int]:
        """Say who waits for a kill, and how many may have the story."""
        waiting, holders = set[str](), 0
        async for one in self._holders(killed):
            holders += 1
            if one.waits:
                waiting.add(one.subscriber)
        return waiting, holders

    async def still_waiting(
        self, kills: Mapping[int, tuple[Killed, set[str]]]
    ) -> dict[int, set[str]]:
        """Say who still waits for kills, of those who did; each was looked at before.

        Who was given nothing since the oldest of them waits as it did.
        """
        left = {position: set(waiting) for position, (_, waiting) in kills.items()}
        everybody = sorted(set().union(*left.values()))
        for at in range(0, len(everybody), _PAGE):
            some = everybody[at : at + _PAGE]
            async with self._database.reading() as connection:
                gone = await departed.gone(connection, some)
                moved = await received.moved(connection, some, min(kills))
                given = await received.given(connection, moved)
                for position, (killed, waiting) in kills.items():
                    left[position] -= gone.keys()
                    theirs = {one: given[one] for one in moved if one in waiting}
                    for one in await _judged(connection, killed, theirs):
                        if not one.waits:
                            left[position].discard(one.subscriber)
        return left

    async def killed(self, kill: Kill) -> Killed | None:
        """Read what was announced of a story, and its kill; None where another has followed."""
        async with self._database.reading() as connection:
            story = (await stories.held(connection, [kill.guid])).get(kill.guid)
        killed = await self._killed(story) if story is not None else None
        return killed if killed is not None and killed.position == kill.position else None


async def _judged(
    connection: AsyncConnection, killed: Killed, given: Mapping[str, Given]
) -> list[Holder]:
    """Give those of these subscribers that may have a killed story, in their order."""
    if not given:
        return []
    ids = list(given)
    grants = await _grants(connection, ids, killed)
    gone = await departed.gone(connection, ids)
    names = {filter_name(way) for ways in given.values() for way, _ in ways}
    filters = await received.filters(connection, names - {""})
    found = (
        holder(
            killed,
            one,
            ways,
            grants.get(one, frozenset()),
            filters=filters,
            gone=gone.get(one),
        )
        for one, ways in given.items()
    )
    return [one for one in found if one is not None]


async def _grants(
    connection: AsyncConnection, ids: list[str], killed: Killed
) -> dict[str, frozenset[Grant]]:
    """Say under which grants these may have seen a story, before it was killed."""
    since, upto = killed.announced[0].at, killed.at
    known = await subscribers.some(connection, ids)
    once, left = await former.some(connection, ids), await departed.of(connection, ids)
    # As the plans were then, whatever has become of them.
    grants = {
        name: [grant for plan in in_force_between(plans, since, upto) for grant in plan.grants]
        for name, plans in (await former.versions(connection)).items()
    }
    had = {
        one: {
            PUBLIC,
            *(_plans(known[one], since, upto) if one in known else ()),
            *(
                term.plan
                for term in (*once.get(one, ()), *left.get(one, ()))
                if term.since <= upto and term.until > since
            ),
        }
        for one in ids
    }
    return {
        one: frozenset(grant for name in names for grant in grants.get(name, ()))
        for one, names in had.items()
    }


def _plans(one: Subscriber, since: int, upto: int) -> set[str]:
    return {
        s.plan
        for s in one.subscriptions
        if s.starts <= upto and (s.closes is None or s.closes > since)
    }
