"""Drills: send one subscriber a test story, its correction and its kill, and see what comes back.

What came is told by the ledger alone, so a drill shows the very way that a real kill goes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.drills import Came, Stage, revision
from wirefeed.domain.errors import Conflict
from wirefeed.domain.ledger import Interval
from wirefeed.domain.plans import DAY
from wirefeed.domain.stories import SECOND, Story
from wirefeed.domain.ways import (
    FEED,
    Filter,
    address_of,
    filter_name,
    filter_of,
    is_live,
    leads_to,
)
from wirefeed.domain.wire import Audience, Change, ChangeKind
from wirefeed.services.accounts import held
from wirefeed.services.audit import Audit
from wirefeed.services.house import House
from wirefeed.services.publishing import Message, Publishing
from wirefeed.storage import received, wire
from wirefeed.storage.database import Database

#: Seconds between two looks into the ledger.
_PAUSE = 0.2
#: Beyond what its stages may take, a drill that nobody ended ends by itself.
_SPARE = 600
#: For so long after a drill its kill may still be fetched by whoever asks seldom.
_KILL_STAYS = 7 * DAY
_SOURCE = "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a drill has shown."""

    subscriber: str
    guid: str
    language: str
    #: The ways that the subscriber uses and a story of this language comes by.
    ways: tuple[str, ...]
    #: Those that this story does not come by.
    left_out: tuple[str, ...]
    came: tuple[Came, ...]

    @property
    def is_passed(self) -> bool:
        """Whether all of it was fetched by some way."""
        fetched = {one.stage for one in self.came if one.fetched is not None}
        return fetched == set(Stage)


class Drills:
    """Holds drills, each with one subscriber."""

    def __init__(
        self,
        database: Database,
        publishing: Publishing,
        audit: Audit,
        house: House,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._publishing = publishing
        self._audit = audit
        self._house = house
        self._clock = clock

    async def run(
        self,
        subscriber: str,
        *,
        wait: float,
        by: Actor = SYSTEM,
        told: Callable[[Came], None] = lambda _: None,
    ) -> Report:
        """Send each stage once the one before was fetched by every way, or the wait is over.

        Raises `NotFound`, and `Conflict` for one that has nothing to read by now, or never did.
        """
        async with self._database.reading() as connection:
            found = await held(connection, subscriber)
            ways = sorted(filter(is_live, await received.of(connection, subscriber)))
            kept = await received.filters(connection, set(map(filter_name, ways)))
        if not found.live(self._clock()):
            raise Conflict(f"{subscriber} has no live subscription", remedy="renew it first")
        if not ways:
            raise Conflict(
                f"{subscriber} uses nothing yet", remedy="wait until it has fetched something"
            )
        asked = {way: filter_of(way, kept) for way in ways}
        language = self._language(asked)
        guid = f"tag:wirefeed,2026:drill:{subscriber}:{self._clock()}"
        came: list[Came] = []
        used: list[str] = []
        async with self._held(subscriber, wait, by):
            for stage in Stage:
                story = await self._send(stage, guid, subscriber, language, _topics(asked), by)
                used = [way for way, part in asked.items() if _comes_by(way, part, story)]
                for one in await self._wait(stage, subscriber, story, used, wait):
                    came.append(one)
                    told(one)
        return Report(
            subscriber=subscriber,
            guid=guid,
            language=language,
            ways=tuple(used),
            left_out=tuple(way for way in ways if way not in used),
            came=tuple(came),
        )

    def _language(self, ways: Mapping[str, Filter | None]) -> str:
        """Choose the language that most of the ways are in."""
        languages = self._house.languages
        spoken = [address_of(way).partition("/")[0] for way in ways]
        spoken += [one for part in ways.values() if part for one in part.following.languages]
        return max(languages, key=lambda one: (spoken.count(one), -languages.index(one)))

    @asynccontextmanager
    async def _held(self, subscriber: str, wait: float, by: Actor) -> AsyncIterator[None]:
        """Let the subscriber see what is sent to it, for as long as this lasts.

        What was killed is heard of for a while after: who has the text is to hear of its end.
        """
        until = self._clock() + round((len(Stage) * wait + _SPARE) * SECOND)
        await self._admit(subscriber, until, by)
        after: int | None = None
        try:
            yield
            after = self._clock() + _KILL_STAYS
        finally:
            await self._admit(subscriber, after)

    async def _admit(self, subscriber: str, until: int | None, by: Actor | None = None) -> None:
        change = Change(kind=ChangeKind.ACCESS, about=f"subscriber:{subscriber}")
        async with self._database.writing() as connection:
            head = await wire.append(connection, [change], self._clock())
            await received.drill(connection, subscriber, until, head.at)
            if by is not None:
                await self._audit.record(
                    connection, by, Verb.KILL_DRILL, f"subscriber:{subscriber}"
                )

    async def _send(
        self,
        stage: Stage,
        guid: str,
        subscriber: str,
        language: str,
        topics: Collection[str],
        by: Actor,
    ) -> Story:
        words = self._house.texts(language)["drill"]
        sent = revision(stage, guid, subscriber, language, topics, words)
        (receipt,) = await self._publishing.accept_all(
            [Message(raw=b"", revision=sent)], _SOURCE, by=by
        )
        if receipt.error is not None:
            raise receipt.error
        return await self._publishing.find(guid)

    async def _wait(
        self, stage: Stage, subscriber: str, story: Story, ways: Collection[str], wait: float
    ) -> list[Came]:
        ends = time.monotonic() + wait
        came = {way: Came(stage=stage, way=way) for way in ways}
        while True:
            async with self._database.reading() as connection:
                given = await received.of(connection, subscriber)
            now = self._clock()
            for way in ways:
                came[way] = _came(came[way], story, given.get(way, ()), now)
            if all(map(_is_done, came.values())) or time.monotonic() >= ends:
                return list(came.values())
            await asyncio.sleep(_PAUSE)


def _topics(ways: Mapping[str, Filter | None]) -> frozenset[str]:
    """Give the topics that a subscriber asks for: the story stands in all of them."""
    stems = (address_of(way).partition("/")[2] for way in ways)
    read = (s.removeprefix("topics/") for s in stems if s.startswith("topics/"))
    followed = (part.following.topics for part in ways.values() if part is not None)
    return frozenset(read).union(*followed)


def _comes_by(way: str, part: Filter | None, story: Story) -> bool:
    """Say whether a story is among what comes by a way."""
    told = [Audience(language=story.language, topics=story.topics)]
    return part is not None and leads_to(way, story.feeds) and bool(part.following.among(told))


def _came(came: Came, story: Story, given: Iterable[Interval], now: int) -> Came:
    """Say when a stage came by a way, by the stretch that holds it.

    A kill begins a stretch, whose time is its own; of anything else it may be that of what came
    before it, and then it is known by when it was seen.
    """
    for one in given:
        if not one.first <= story.position <= one.last:
            continue
        at = one.since if one.since >= story.changed else now
        told = one.acknowledged if came.stage is Stage.KILL else None
        return replace(
            came,
            fetched=_after(at, story) if came.fetched is None else came.fetched,
            acknowledged=None if told is None else _after(told, story),
        )
    return came


def _is_done(came: Came) -> bool:
    """Say whether nothing more is to come: who reads a feed does not say that it has it."""
    if came.stage is not Stage.KILL or came.way.startswith(FEED):
        return came.fetched is not None
    return came.acknowledged is not None


def _after(at: int, sent: Story) -> float:
    return max(0, at - sent.changed) / SECOND
