"""What someone sees and why, and what it would see if a plan were another. Changes nothing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.explaining import Explanation, explain
from wirefeed.domain.plans import DAY, Plan
from wirefeed.domain.prospects import Gathering, Outlook, Pair, Weighing, beside
from wirefeed.domain.stories import Feed, Story
from wirefeed.services import accounts
from wirefeed.services.publishing import Publishing
from wirefeed.services.readers import Readers
from wirefeed.services.syndication import Syndication
from wirefeed.storage import stories, subscribers
from wirefeed.storage.database import Database

#: How far back a change of a plan is tried on the stories.
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is looked at, so that an answer comes soon however much there is."""

    #: Stories, the last changed first.
    stories: int = 2_000
    #: Of those who have a plan, so many, and so many different entitlements.
    subscribers: int = 100_000
    entitlements: int = 100
    #: Of each entitlement, so many ids and stories are named; the rest is counted.
    named: int = 100
    listed: int = 50
    #: Read at once: whoever reads keeps those who write waiting.
    chunk: int = 100
    page: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A subscriber's feed beside the public one."""

    feed: Feed
    #: Each thread, and what it is called there.
    pairs: tuple[tuple[str, Pair], ...]


class Prospects:
    """Looks ahead, and behind."""

    def __init__(
        self,
        database: Database,
        readers: Readers,
        publishing: Publishing,
        syndication: Syndication,
        *,
        clock: Callable[[], int],
        bounds: Bounds = Bounds(),
    ) -> None:
        self._bounds = bounds
        self._database = database
        self._readers = readers
        self._publishing = publishing
        self._syndication = syndication
        self._clock = clock

    async def explain(self, subscriber: str, name: str) -> Explanation:
        """Say what a subscriber sees of the story of this guid or id, and why.

        `public` is everybody. Raises `NotFound`.
        """
        story = await self._publishing.find(name)
        async with self._database.reading() as connection:
            public = subscriber == PUBLIC
            holder = None if public else await accounts.held(connection, subscriber)
            plans = await subscribers.plans(connection)
        return explain(story, holder, plans, self._clock())

    async def feed(self, subscriber: str, feed: Feed) -> Preview:
        """Lay a feed as a subscriber has it now beside the public one. Raises `NotFound`."""
        reader = await self._readers.as_subscriber(subscriber)
        self._syndication.check(feed, reader)
        own = await self._syndication.window(feed, reader)
        public = await self._syndication.window(feed, await self._readers.public())
        pairs = ((self._headline(pair), pair) for pair in beside(own, public))
        return Preview(feed=feed, pairs=tuple(pairs))

    def _headline(self, pair: Pair) -> str:
        shown = pair.own or pair.public
        return self._syndication.view(shown).headline if shown else ""

    async def of_plan(self, name: str, new: Plan | None) -> Outlook:
        """Say what a plan would do to those who have it: as given, or removed.

        It is tried on the stories that changed within a week.
        """
        now = self._clock()
        async with self._database.reading() as connection:
            plans = await subscribers.plans(connection)
        without = {known: plan for known, plan in plans.items() if known != name}
        changed = without if new is None else {**without, name: new}
        gathering = Gathering(name, named=self._bounds.named, most=self._bounds.entitlements)
        subscribers_cut = await self._gather(gathering, name, now)
        weighings = gathering.weigh(plans, changed, now, listed=self._bounds.listed)
        count, stories_cut = await self._weigh(weighings, now - WEEK)
        return Outlook(
            plan=name,
            version=plans[name].version if name in plans else 0,
            prospects=tuple(weighing.prospect() for weighing in weighings),
            idle=gathering.idle,
            stories=count,
            since=now - WEEK,
            stories_cut=stories_cut,
            subscribers_cut=subscribers_cut or gathering.is_cut,
        )

    async def _gather(self, gathering: Gathering, name: str, now: int) -> bool:
        """Take in those who have a plan; say whether there are more than are looked at."""
        everybody = name == PUBLIC
        if everybody:
            gathering.public()
        after, taken = "", 0
        while True:
            async with self._database.reading() as connection:
                page = await subscribers.subscribers(
                    connection, after, self._bounds.page, plan=None if everybody else name
                )
            if not page or taken >= self._bounds.subscribers:
                return bool(page)
            gathering.take(page, now, everybody=everybody)
            after, taken = page[-1].id, taken + len(page)

    async def _weigh(self, weighings: Sequence[Weighing], since: int) -> tuple[int, bool]:
        """Try a change on the stories of late; say how many, and whether there are more."""
        if not weighings:
            return 0, False
        count, before = 0, None
        while True:
            async with self._database.reading() as connection:
                chunk = await stories.listing(connection, before=before, limit=self._bounds.chunk)
            late = [story for story in chunk if story.changed >= since]
            if not late or count >= self._bounds.stories:
                return count, bool(late)
            await asyncio.to_thread(_take, weighings, late)
            count, before = count + len(late), chunk[-1].position


def _take(weighings: Sequence[Weighing], late: Sequence[Story]) -> None:
    for weighing in weighings:
        weighing.take(late)
