"""An agency, its readers in every program, and time that passes for all of them at once.

Time is the agency's clock: it is set to each poll in turn, so a day takes seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from tests.readers.exchange import WELL
from tests.readers.network import Network, network
from tests.readers.polling import Feed, FeedReader
from tests.readers.programs import programs
from tests.readers.services import services
from tests.support.agency import HOUR, MINUTE, PUBLIC_URL, Agency, running, settings_in
from wirefeed.domain.access import Level
from wirefeed.services.follower import LEASE

#: What each plan of the agency's shows of a topic; what is not named is not shown.
RIGHTS: Mapping[str, Mapping[str, Level]] = {
    "public": {"sport": Level.SUMMARY, "politics": Level.SUMMARY},
    "sport": {"sport": Level.FULL, "politics": Level.SUMMARY},
    "everything": {"sport": Level.FULL, "politics": Level.FULL, "economy": Level.FULL},
}
#: Of the stories, in turn.
_TOPICS = ("sport", "politics", "economy")
NOTICE = "urn:wirefeed:notice:"
#: Between two stories.
_PACE = 3 * HOUR
#: Between two polls of the feed beside it, which is there to be harmed, and else costs time.
_SELDOM = 2 * HOUR
#: A reader that holds what it should is watched for so many polls more.
_WATCHED = 2


@dataclass(slots=True, kw_only=True)
class World:
    """An agency, its readers, and what there is between them."""

    agency: Agency
    network: Network
    readers: list[FeedReader]
    #: By reader: what its owner subscribed to last, with the key.
    private: dict[FeedReader, Feed] = field(default_factory=dict)
    public: dict[FeedReader, Feed] = field(default_factory=dict)
    #: By GUID, the topic.
    stories: dict[str, str] = field(default_factory=dict)
    #: Stories that the private feeds have shown at one time or another.
    shown: set[str] = field(default_factory=set)
    #: The plan whose rights the owners have now.
    plan: str = "sport"
    is_writing: bool = True
    next_story: int = 0

    @property
    def now(self) -> int:
        return self.agency.clock.now

    def entitle(self, plan: str) -> None:
        """Note what the owners have a right to from now on."""
        self.plan = plan
        self._note_shown()

    async def publish(self) -> None:
        # The newsroom's token may have run out meanwhile.
        self.agency.newsroom = ""
        guid, topic = f"urn:news:{len(self.stories) + 1}", _TOPICS[len(self.stories) % 3]
        await self.agency.publish(guid, topic)
        self.stories[guid] = topic
        self._note_shown()

    async def begin(self, reader: FeedReader) -> None:
        """Subscribe to the feed of everything, with a key and without."""
        self.follow(reader, await self.agency.feed_key("ann"))
        self.public[reader] = reader.add(self.address(reader), self.now)
        for feed in reader.feeds:
            await self.poll(reader, feed)
            # From here on each is somewhere between two polls.
            feed.due = self.now + reader.random.randrange(reader.timer)

    def follow(self, reader: FeedReader, base: str) -> None:
        """Add a private address, as an owner does who was given one; the old one stays, too."""
        self.private[reader] = reader.add(self.address(reader, base), self.now)

    @staticmethod
    def address(reader: FeedReader, base: str = "") -> str:
        return f"{PUBLIC_URL}{base}/en/latest.{reader.form}"

    # --- time ------------------------------------------------------------------------------------

    async def run(self, until: int) -> None:
        """Let everybody poll until then."""
        await self._run(until, _never)

    async def run_until(self, reached: Callable[[FeedReader], bool]) -> dict[str, int]:
        """Let time pass until all have got there; say after how long each did.

        None may take longer than it has to. Who has got there polls a few times more, then
        sleeps until all have.
        """
        begun = self.now
        after: dict[str, int] = {}
        watched: dict[FeedReader, int] = {}

        def rests(reader: FeedReader) -> bool:
            if reader not in watched and reached(reader):
                after[reader.name] = self.now - begun
                watched[reader] = self._polls(reader)
            return reader in watched and self._polls(reader) - watched[reader] >= _WATCHED

        await self._run(begun + max(reader.slowest for reader in self.readers), rests)
        longest = {reader.name: reader.slowest for reader in self.readers}
        late = {name for name in longest if after.get(name, self.now) > longest[name]}
        assert not late, {name: after.get(name) for name in late}
        self._wake()
        return {name: after[name] for name in longest}

    def _polls(self, reader: FeedReader) -> int:
        return sum(self.private[reader].heard.values())

    async def _run(self, until: int, rests: Callable[[FeedReader], bool]) -> None:
        resting: set[FeedReader] = set()
        while len(resting) < len(self.readers):
            due = self._next(resting)
            if self.is_writing and self.next_story <= min(due[0] if due else until, until):
                self._set(self.next_story)
                self.next_story += _PACE
                await self.publish()
            elif due is None or due[0] > until:
                self._set(until)
                return
            else:
                at, reader, feed = due
                self._set(at)
                await self.poll(reader, feed)
                if rests(reader):
                    resting.add(reader)

    async def poll(self, reader: FeedReader, feed: Feed) -> None:
        chain = await self.network.fetch(reader.request(feed, self.now))
        reader.receive(feed, chain, self.now)
        if feed is self.public.get(reader):
            feed.due = max(feed.due, self.now + _SELDOM)

    def _next(self, resting: set[FeedReader]) -> tuple[int, FeedReader, Feed] | None:
        waiting = [
            (due, reader, feed)
            for reader in self.readers
            if reader not in resting
            for feed in reader.feeds
            if (due := reader.due(feed)) is not None
        ]
        return min(waiting, key=lambda entry: entry[0], default=None)

    def _set(self, moment: int) -> None:
        self.agency.clock.now = max(self.now, moment)

    def sleep(self, micros: int) -> None:
        """Let time pass while every reader is switched off and nobody writes."""
        self.agency.clock.advance(micros)
        self.next_story = self.now + _PACE
        self._wake()

    def _wake(self) -> None:
        """Put those who slept where they would be, had they been told 304 all the time."""
        for reader in self.readers:
            for feed in reader.feeds:
                late = self.now - feed.due
                if late > 0:
                    feed.due += (late // reader.timer + 1) * reader.timer

    # --- what is held ----------------------------------------------------------------------------

    def holds(self, reader: FeedReader) -> bool:
        """Say whether a reader holds every story as its owner's right shows it now."""
        feed = self.private[reader]
        rights = RIGHTS[self.plan]
        return all(
            self.level(feed, guid) is rights[topic]
            for guid, topic in self.stories.items()
            if topic in rights
        )

    @staticmethod
    def level(feed: Feed, guid: str) -> Level:
        """Say how much of a story a feed holds."""
        held = feed.entries.get(guid)
        if held is None:
            return Level.HIDDEN
        return Level.FULL if f"Paragraph 7 of {guid} " in held.text else Level.SUMMARY

    def _note_shown(self) -> None:
        rights = RIGHTS[self.plan]
        self.shown |= {guid for guid, topic in self.stories.items() if topic in rights}


def _never(_: FeedReader) -> bool:
    return False


def notices(feed: Feed) -> list[str]:
    """Give what a reader's owner was told, by kind, in the order it was seen."""
    return [guid.split(":")[3] for guid in feed.news if guid.startswith(NOTICE)]


def check(world: World, reader: FeedReader, heard: frozenset[int] = WELL) -> None:
    """Hold a reader against what no change may do to it."""
    private, public = world.private[reader], world.public[reader]
    for feed in (private, public):
        check_address(feed, heard)
        assert feed.errors == 0, feed.url
    assert not reader.frozen, reader.name
    assert {guid for guid in private.news if not guid.startswith(NOTICE)} <= world.shown
    everybody = {g for g, topic in world.stories.items() if topic in RIGHTS["public"]}
    assert set(public.news) <= everybody, reader.name


def check_address(feed: Feed, heard: frozenset[int] = WELL) -> None:
    """Hold a feed against what no server may do to it: lose its place, or shout."""
    assert feed.silence is None, feed.added
    assert feed.url == feed.added
    assert set(feed.heard) <= heard, (feed.added, feed.heard)
    # Nothing was counted as new twice.
    assert set(feed.news.values()) == {1}, (feed.added, feed.news)


@asynccontextmanager
async def world(folder: Path, *, hours: int | None = None) -> AsyncIterator[World]:
    """Begin: one subscriber to sport, for some hours or for good, and every reader has its key."""
    async with running(settings_in(folder)) as agency:
        here = {PUBLIC_URL: f"http://127.0.0.1:{agency.port}"}
        async with network(here) as net:
            readers = [kind(seed) for seed, kind in enumerate((*programs(), *services()))]
            made = World(agency=agency, network=net, readers=readers)
            # Some stories are older than a day before all is over: Feedbin looks at those less.
            for pause in (0, MINUTE, MINUTE, 16 * HOUR, HOUR, HOUR):
                agency.clock.advance(pause)
                await made.publish()
            made.next_story = made.now + _PACE
            ends = None if hours is None else made.now + hours * HOUR
            await agency.subscriber("ann", "sport", ends=ends)
            for reader in readers:
                agency.clock.advance(MINUTE)
                await made.begin(reader)
            yield made


@asynccontextmanager
async def out_of_reach(agency: Agency) -> AsyncIterator[None]:
    """Take the database away, as a disk that is gone does."""
    database = agency.services.database
    swift = database._in_one_go
    lanes = swift._reading, swift._finding, swift._looking
    held = database._reader, [lane._engine for lane in lanes]
    gone = agency.file.parent / "gone" / "x.db"
    nowhere, away = (
        create_async_engine(f"sqlite+aiosqlite:///{gone}"),
        create_engine(f"sqlite:///{gone}"),
    )
    database._reader = nowhere
    for lane in lanes:
        lane._engine = away
    # What was seen a moment ago is answered by until its lease is over, in real seconds.
    await asyncio.sleep(LEASE)
    try:
        yield
    finally:
        database._reader, engines = held
        for lane, engine in zip(lanes, engines, strict=True):
            lane._engine = engine
        await nowhere.dispose()
        away.dispose()
