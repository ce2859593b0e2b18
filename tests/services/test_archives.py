"""Archives: whatever happens to stories, and whoever asks, a walk back finds each of them once."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.strategies import any_of
from tests.support.agency import DAY, HOUR, MEDIA_TOPICS, MINUTE, Clock, iso, settings_in
from wirefeed.composition import Services, open_services
from wirefeed.config import Feed as FeedSettings
from wirefeed.domain.access import ALL, PUBLIC, Grant, Level, decide
from wirefeed.domain.archives import Archived, Cuts, day_of, page_at, reaching
from wirefeed.domain.feeds import AnyFeed, Bound, Item, Selection, Shape, Window
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.formats import ninjs
from wirefeed.services.announcements import Announcements
from wirefeed.services.lost_kills import LostKills
from wirefeed.services.publishing import Message
from wirefeed.services.threads import Threads
from wirefeed.services.windows import Windows

EVERYTHING = Grant(plan="all", topics=frozenset({ALL}), level=Level.FULL, early=True)
SUMMARIES = Grant(plan=PUBLIC, topics=frozenset({ALL}), excepted=frozenset({"economy"}))
SPORT = Grant(plan="sport", topics=frozenset({"sport"}), level=Level.FULL)


def entitled(*grants: Grant, anonymous: bool = False) -> Entitlement:
    return Entitlement(grants=frozenset(grants), anonymous=anonymous)


def ending(grant: Grant, days: int) -> Grant:
    return Grant(
        **{name: getattr(grant, name) for name in grant.__slots__} | {"archive_days": days}
    )


CALLERS = {
    "everything": entitled(EVERYTHING),
    "public": entitled(SUMMARIES, anonymous=True),
    "sport": entitled(SPORT, SUMMARIES),
    "sport alone": entitled(SPORT),
    "two days": entitled(ending(EVERYTHING, 2)),
    "two days of sport, summaries of all": entitled(ending(SPORT, 2), SUMMARIES),
    "no archive": entitled(ending(EVERYTHING, 0)),
    "nothing": entitled(),
}
FEEDS: tuple[AnyFeed, ...] = (
    Feed(language="en"),
    Feed(language="en", topic="sport"),
    Selection(language="en", topics=frozenset({"sport", "politics"})),
)


@dataclass(slots=True)
class Newsroom:
    """Sends what a test draws; gives what a caller finds."""

    services: Services
    clock: Clock
    windows: Windows
    versions: dict[str, int] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)

    async def send(self, guid: str, kind: str, topic: str, origin: str | None = None) -> None:
        if kind != "move":
            topic = self.topics.setdefault(guid, topic)
        self.topics[guid] = topic
        said: dict[str, Any] = {
            "pubstatus": {"kill": "canceled", "withhold": "withheld"}.get(kind, "usable")
        }
        if origin:
            said["evolvedfrom"] = origin
        if kind == "embargo":
            said["embargoed"] = iso(self.clock.now + HOUR)
        if kind == "limit":
            said["expires"] = iso(self.clock.now + 3 * HOUR)
        await self.take(self.written(guid, topic, **said))

    def written(self, guid: str, topic: str, **said: Any) -> bytes:
        """Write the next version of a story."""
        version = self.versions[guid] = self.versions.get(guid, 0) + 1
        story = {
            "uri": guid,
            "version": str(version),
            "versioncreated": iso(self.clock.now),
            "language": "en",
            "headline": f"{guid} {version}",
            "body_html": f"<p>Version {version}</p>",
            "subject": [{"code": MEDIA_TOPICS[topic]}],
        }
        return json.dumps(story | said).encode()

    async def take(self, *raws: bytes) -> None:
        """Take messages in, in one transaction."""
        messages = [Message(raw=raw, revision=ninjs.parse(raw)) for raw in raws]
        await self.services.publishing.accept_all(messages, "newsroom")

    async def play(self, change: dict[str, Any]) -> None:
        """Let time pass, and then something happen."""
        await self.pass_time(change["pause"])
        number = int(change["guid"][-1])
        origin = f"urn:s:{number - 1}" if change["origin"] and number else None
        await self.send(change["guid"], change["kind"], change["topic"], origin)

    async def pass_time(self, time: int) -> None:
        self.clock.advance(time)
        due: int | None = 0
        while due is not None and due <= self.clock.now:
            due = await self.services.publishing.announce_due()

    async def walk(self, feed: AnyFeed, caller: Entitlement) -> AsyncIterator[Window]:
        """Give the window of a feed, then the pages behind it."""
        window = await self.windows.window(feed, caller)
        yield window
        while window.older is not None:
            window = await self.windows.page(self.page(feed, window.older), caller)
            yield window

    def page(self, feed: AnyFeed, bound: Bound) -> Archived:
        return Archived(feed=feed, page=page_at(bound, self.windows.key))

    async def all_of(self, feed: AnyFeed, caller: Entitlement) -> Window:
        """Give a window that holds everything."""
        reader = Reader(entitlement=caller)
        return await self.services.syndication.window(feed, reader)


Play = Callable[[Callable[[Newsroom], Awaitable[None]]], None]


@pytest.fixture
def newsrooms(tmp_path: Path) -> Play:
    """Give a new agency for each example, with windows of everything and short ones."""
    number = iter(range(10_000))

    def run(play: Callable[[Newsroom], Awaitable[None]]) -> None:
        folder = tmp_path / str(next(number))
        folder.mkdir()

        async def go() -> None:
            clock = Clock()
            everything = settings_in(folder, feed=FeedSettings(items=300, hours=0))
            async with open_services(everything, clock) as services:
                threads = Threads(bytes(32))
                short = Windows(
                    services.database,
                    services.taxonomy,
                    threads,
                    LostKills(
                        services.database,
                        Announcements(services.database),
                        threads,
                        services.follower,
                        clock=clock,
                    ),
                    shape=Shape(items=2, span=0),
                    key=bytes(32),
                    clock=clock,
                )
                await play(Newsroom(services, clock, short))

        asyncio.run(go())

    return run


changes = any_of(
    guid=tuple(f"urn:s:{n}" for n in range(8)),
    kind=("publish", "update", "correct", "kill", "withhold", "move", "embargo", "limit", "update"),
    topic=("sport", "economy", "politics"),
    pause=(0, 0, MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY),
    origin=(False, False, True),
)


async def check(newsroom: Newsroom, feed: AnyFeed, caller: Entitlement) -> None:
    now = newsroom.clock.now
    documents = [window async for window in newsroom.walk(feed, caller)]
    window, pages = documents[0], documents[1:]
    in_window = {i.story.thread: i for i in window.items}
    in_pages = [i for page in pages for i in page.items]
    # Each story once, and never more on a page than there is room for.
    assert len(in_pages) == len({i.story.thread for i in in_pages})
    assert all(len(page.items) <= newsroom.windows.cuts.most for page in pages)
    found = {i.story.thread: i for i in in_pages} | in_window

    expected = {}
    for item in (await newsroom.all_of(feed, caller)).items:
        reached = reaching(caller.grants, day_of(item.story.changed), day_of(now))
        access = decide(
            item.story, entitled(*reached, anonymous=caller.anonymous), newsroom.clock.now
        )
        if access.level is not Level.HIDDEN:
            expected[item.story.thread] = (item.story.guid, item.story.version, access.level)
    shown = {t: (i.story.guid, i.story.version, i.access.level) for t, i in found.items()}
    beyond = {t: shown[t] for t in in_window if t not in expected}
    assert {t: s for t, s in shown.items() if t not in beyond and t not in in_window} == {
        t: s for t, s in expected.items() if t not in in_window
    }
    assert expected.keys() <= shown.keys()


def test_whoever_walks_back_finds_each_story_once_as_it_is_now(newsrooms):
    @settings(max_examples=max(10, settings().max_examples // 10))
    @given(run=st.lists(changes, min_size=3, max_size=20), turn=st.integers(0, 3))
    def walk_back(run, turn):
        async def play(newsroom: Newsroom) -> None:
            for n, change in enumerate(run):
                await newsroom.play(change)
                if n not in (len(run) // 2, len(run) - 1):
                    continue
                # A part of them for each world: all of them are asked in time.
                for caller, feed in list(product(CALLERS.values(), FEEDS))[turn::4]:
                    await check(newsroom, feed, caller)

        newsrooms(play)

    walk_back()


@dataclass(slots=True)
class Away:
    """A reader that comes now and then, and reads no page twice (RFC 5005 §4.2)."""

    newsroom: Newsroom
    feed: AnyFeed
    caller: Entitlement
    known: set[Bound] = field(default_factory=set)
    #: By thread: which story, which version, and whether it is a kill's notice.
    held: dict[str, tuple[str, int, bool]] = field(default_factory=dict)

    async def visit(self, between: Sequence[dict[str, Any]] = ()) -> None:
        """Walk back, while something happens after each document."""
        events = list(between)
        window = await self.newsroom.windows.window(self.feed, self.caller)
        seen: set[str] = set()
        read: set[Bound] = set()
        while True:
            for item in window.items:
                if item.story.thread not in seen:
                    self.held[item.story.thread] = told(item)
            seen |= {item.story.thread for item in window.items}
            if events:
                await self.newsroom.play(events.pop())
            bound = window.older
            if bound is None or bound in self.known:
                break
            read.add(bound)
            archived = self.newsroom.page(self.feed, bound)
            window = await self.newsroom.windows.page(archived, self.caller)
        # Only a walk that came to its end is one.
        self.known |= read


def told(item: Item) -> tuple[str, int, bool]:
    return item.story.guid, item.story.version, item.story.is_killed


def test_a_reader_that_comes_and_goes_holds_everything_as_it_is_now(newsrooms):
    comings = st.lists(
        st.tuples(st.lists(changes, max_size=6), st.lists(changes, max_size=3)),
        min_size=2,
        max_size=6,
    )

    @settings(max_examples=max(10, settings().max_examples // 10))
    @given(comings=comings, turn=st.integers(0, 2))
    def come_and_go(comings, turn):
        async def play(newsroom: Newsroom) -> None:
            names = ("everything", "public", "sport")
            readers = [
                Away(newsroom, feed, CALLERS[names[(turn + n) % len(names)]])
                for n, feed in enumerate(FEEDS)
            ]
            for before, during in comings:
                for change in before:
                    await newsroom.play(change)
                for reader in readers:
                    await reader.visit(during if reader is readers[len(before) % 3] else ())
            for reader in readers:
                await reader.visit()
                now = await newsroom.all_of(reader.feed, reader.caller)
                expected = {item.story.thread: told(item) for item in now.items}
                held = {thread: reader.held.get(thread) for thread in expected}
                assert held == expected

        newsrooms(play)

    come_and_go()


def test_a_walk_reads_little_more_than_it_shows_however_much_else_there_is(newsrooms):
    """Of what others see, a plan of one topic reads nothing, also in the feed of everything."""

    async def play(newsroom: Newsroom) -> None:
        newsroom.windows.cuts = Cuts(length=20)
        for number in range(120):
            topics = ["sport", *["economy"] * 8]
            raws = [
                newsroom.written(f"urn:{topic}:{number}:{n}", topic)
                for n, topic in enumerate(topics)
            ]
            await newsroom.take(*raws)
            newsroom.clock.advance(MINUTE)
        read: Counter[str] = Counter()
        shown = 0
        sys.setprofile(lambda frame, event, _: read.update([frame.f_code.co_name + event]))
        try:
            async for window in newsroom.walk(Feed(language="en"), CALLERS["sport alone"]):
                shown += len(window.items)
        finally:
            sys.setprofile(None)
        assert shown >= 120
        # Down to the next cut, up to the next one, and one look ahead for each.
        assert read["_storycall"] <= 4 * shown

    newsrooms(play)
