"""The demo agency: its stories, its plans and readers, and what happens while you watch.

Everything is dated relative to the start, so the same start gives the same documents.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from wirefeed.composition import Services
from wirefeed.config import (
    DatabaseSettings,
    Keys,
    Server,
    Settings,
    Site,
    Taxonomy,
)
from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.handovers import KeyTerms
from wirefeed.domain.plans import Subscriber, Subscription
from wirefeed.domain.roles import Role
from wirefeed.domain.stories import Story
from wirefeed.domain.terms import Terms
from wirefeed.domain.wire import ChangeKind
from wirefeed.formats import ninjs
from wirefeed.services.house import iso
from wirefeed.services.publishing import Message
from wirefeed.storage import stories, wire

SECOND = 1_000_000
_MINUTE = 60 * SECOND
_YEAR = 365 * 86_400 * SECOND
_NEWSROOM = "newsroom"
_LANGUAGES = ("en", "tr", "ar")
_LOOK = 0.2

#: Two subscribers with different plans, so that one story can be seen four ways.
PARTNER = "bosphorus-daily"
OTHER = "harbour-capital"


class Clock:
    """The agency's time: it starts at a given moment, and can be held still."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._began = time.monotonic_ns()
        self._held: int | None = start

    def __call__(self) -> int:
        """Give the time in microseconds since 1970, UTC."""
        if self._held is not None:
            return self._held
        return self._start + (time.monotonic_ns() - self._began) // 1000

    def hold(self, at: int) -> None:
        """Stand still at a time."""
        self._held = at

    def run(self) -> None:
        """Run on from the start."""
        self._began = time.monotonic_ns()
        self._held = None


def settings(host: str, port: int, folder: Path) -> Settings:
    """Give the settings of the demo: a throw-away database in a folder."""
    here = Path(str(files("wirefeed.demo")))
    return Settings(
        site=Site(
            name="Meridian News Agency",
            tagline="The demo agency of wirefeed",
            languages=_LANGUAGES,
            contact="desk@meridian.example",
            rights="© Meridian News Agency",
        ),
        server=Server(host=host, port=port),
        database=DatabaseSettings(url=f"sqlite:///{folder / 'demo.db'}"),
        taxonomy=Taxonomy(topics=str(here / "topics.toml"), plans=str(here / "plans.toml")),
        keys=Keys(master=str(folder / "master.key")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the demo's readers come with."""

    #: The base of a private address.
    private: str
    #: That of a subscriber with another plan.
    other: str
    token: str
    #: A link that hands a private address over, once.
    link: str
    #: Of an administrator.
    admin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something the newsroom does while you watch."""

    at_seconds: int
    what: str
    story: Mapping[str, Any]


async def seed(services: Services, clock: Clock, start: int) -> Credentials:
    """Fill the agency: its stories at their times, two subscribers, and their credentials."""
    told = [line for language in _LANGUAGES for line in _lines(f"stories.{language}.jsonl")]
    for line in sorted(told, key=lambda line: (-line["x-age-minutes"], line["uri"])):
        at = start - int(line["x-age-minutes"] * _MINUTE)
        clock.hold(at)
        await send(services, line, at)
    clock.hold(start)
    for event in script():
        if event.at_seconds == 0:
            await send(services, event.story, start)
    for subscriber, name, plan in (
        (PARTNER, "The Bosphorus Daily", "everything"),
        (OTHER, "Harbour Capital", "markets"),
    ):
        subscription = Subscription(plan=plan, starts=start - _YEAR)
        await services.accounts.add_subscriber(
            Subscriber(id=subscriber, name=name, subscriptions=(subscription,))
        )
    key = await services.feed_keys.issue(PARTNER, "reading desk")
    other = await services.feed_keys.issue(OTHER, "reading desk")
    token = await services.tokens.issue(Terms(subscriber=PARTNER, days=7, name="demo"))
    link = await services.handovers.issue(PARTNER, KeyTerms(name="a colleague's reader"))
    await services.administrators.add("editor", Role.OWNER)
    admin = await services.tokens.issue(Terms(admin="editor", days=7, name="demo"))
    return Credentials(
        private=services.house.url(f"/f/{key.secret}/"),
        other=services.house.url(f"/f/{other.secret}/"),
        token=token.secret,
        link=services.house.url(f"/h/{link.secret}"),
        admin=admin.secret,
    )


def script() -> list[Event]:
    """Give what happens, in order."""
    events = [
        Event(at_seconds=line["at_seconds"], what=line["what"], story=line["story"])
        for line in _lines("script.jsonl")
    ]
    return sorted(events, key=lambda event: event.at_seconds)


async def play(services: Services, start: int) -> None:
    """Let the newsroom act: each message is dated when the script says, not when it is sent."""
    for event in script():
        if event.at_seconds == 0:
            continue
        at = start + event.at_seconds * SECOND
        await asyncio.sleep(max(0, at - services.clock()) / SECOND)
        await send(services, event.story, at)


async def narrate(services: Services, start: int, tell: Callable[[str], None]) -> None:
    """Tell each change as the wire announces it, and which feeds it moved."""
    async with services.database.reading() as connection:
        position = (await wire.head(connection)).position
    while True:
        async with services.database.reading() as connection:
            rows = await wire.since(connection, position, 100)
            held = await stories.held(connection, {row.change.about for row in rows})
        for row in rows:
            position = row.position
            if row.change.about in held:
                tell(_told(held[row.change.about], row.change.kind, row.at - start))
        await asyncio.sleep(_LOOK)


_TOLD = {ChangeKind.RELEASE: "embargo lifts"}


def _told(story: Story, kind: ChangeKind, elapsed: int) -> str:
    seconds = max(0, elapsed) // SECOND
    feeds = ", ".join(f"{f.language}/{f.topic or 'latest'}" for f in sorted(story.feeds))
    headline = story.kill_headline or story.revision.headline
    return (
        f"{seconds // 60:02}:{seconds % 60:02} {_TOLD.get(kind, kind.value):<14}{headline}\n"
        f"{'':<20}moved: {feeds}"
    )


async def send(services: Services, line: Mapping[str, Any], at: int) -> Story:
    """Send a story as a newsroom would, dated `at`."""
    raw = msgspec.json.encode(_ninjs(line, at, services.house.url("/demo/")))
    (receipt,) = await services.publishing.accept_all(
        [Message(raw=raw, revision=ninjs.parse(raw))], _NEWSROOM, at=at
    )
    if receipt.error or receipt.story is None:
        raise receipt.error or WirefeedError
    return receipt.story


def _ninjs(line: Mapping[str, Any], at: int, base: str) -> dict[str, Any]:
    """Date a story and make its addresses absolute; the demo's own marks become ninjs."""
    story = {name: value for name, value in line.items() if not name.startswith("x-")}
    story.setdefault("firstCreated", iso(at))
    story["versionCreated"] = iso(at)
    if "x-embargo-seconds" in line:
        story["embargoedUntil"] = iso(at + line["x-embargo-seconds"] * SECOND)
    if "x-signal" in line:
        story["signal"] = [{"code": line["x-signal"]}]
    if "x-evolved-from" in line:
        story["evolvedFrom"] = line["x-evolved-from"]
    text = json.dumps(story).replace('"href": "pictures/', f'"href": "{base}pictures/')
    return dict(json.loads(text))


def _lines(name: str) -> list[dict[str, Any]]:
    text = files("wirefeed.demo").joinpath(name).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]
