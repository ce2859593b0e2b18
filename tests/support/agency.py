"""A whole agency for tests: the real application on a port, SQLite in a folder, a set clock."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from wirefeed.composition import Services, open_services
from wirefeed.config import (
    DatabaseSettings,
    Feed,
    Guessing,
    Keys,
    Server,
    Settings,
    Site,
    Taxonomy,
)
from wirefeed.domain.plans import Subscriber, Subscription
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms
from wirefeed.web.app import make_app
from wirefeed.web.server import Runner

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: 2026-03-01T12:00:00Z
START = 1_772_366_400 * SECOND
PUBLIC_URL = "https://news.example"

TOPICS = """
[[topics]]
slug = "economy"
names = { en = "Economy", tr = "Ekonomi", ar = "اقتصاد" }
media_topics = ["medtop:04000000"]
[[topics]]
slug = "markets"
broader = "economy"
names = { en = "Markets", tr = "Piyasalar" }
keywords = ["stocks"]
[[topics]]
slug = "sport"
names = { en = "Sport", tr = "Spor", ar = "رياضة" }
media_topics = ["medtop:15000000"]
[[topics]]
slug = "politics"
names = { en = "Politics", tr = "Siyaset", ar = "سياسة" }
media_topics = ["medtop:11000000"]
[[topics]]
slug = "desk-only"
names = { en = "Desk" }
keywords = ["desk"]
listed = false
"""
#: The public sees summaries of everything but the economy.
PLANS = """
[[plans]]
name = "public"
[[plans.grants]]
topics = ["*"]
except = ["economy"]
level = "summary"
[[plans]]
name = "sport"
labels = { en = "Sport in full" }
[[plans.grants]]
topics = ["sport"]
level = "full"
media = true
[[plans]]
name = "economy"
[[plans.grants]]
topics = ["economy"]
level = "full"
[[plans]]
name = "late"
[[plans.grants]]
topics = ["sport"]
level = "full"
delay = "30m"
[[plans]]
name = "everything"
[[plans.grants]]
topics = ["*"]
level = "full"
media = true
early = true
notes = true
"""


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    now: int = START

    def __call__(self) -> int:
        return self.now

    def advance(self, micros: int) -> None:
        self.now += micros


@dataclass(slots=True)
class Agency:
    """A running agency, and what its people do."""

    settings: Settings
    clock: Clock
    services: Services
    http: aiohttp.ClientSession
    newsroom: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    #: Where it listens, for those who write their requests byte by byte.
    port: int = 0

    @property
    def file(self) -> Path:
        """The file of its database."""
        return Path(self.settings.database.url.removeprefix("sqlite:///"))

    async def send(self, story: Mapping[str, Any], **headers: str) -> aiohttp.ClientResponse:
        """POST a story as the newsroom does; gives the answer."""
        if not self.newsroom:
            self.newsroom = (
                await self.services.tokens.issue(Terms(source="newsroom", days=365))
            ).secret
        answer = await self.http.post(
            "/api/v1/stories",
            data=msgspec.json.encode(story),
            headers={
                "Authorization": f"Bearer {self.newsroom}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        await answer.read()
        return answer

    async def publish(self, uri: str, topic: str = "sport", **fields: Any) -> dict[str, Any]:
        """Send a ninjs 1.x story of a topic (`sport`, `economy`, `politics`); it must be taken."""
        story = {
            "uri": uri,
            "version": "1",
            "versioncreated": iso(self.clock.now),
            "pubstatus": "usable",
            "language": "en",
            "headline": f"Headline of {uri}",
            "body_html": f"<p>First paragraph of {uri}, for everybody to read.</p>"
            + "".join(f"<p>Paragraph {n} of {uri} {'goes on and on ' * 12}.</p>" for n in range(8)),
            "subject": [{"code": MEDIA_TOPICS[topic]}],
        } | fields
        answer = await self.send(story)
        content = await answer.json()
        assert answer.status in (200, 201), content
        self.clock.advance(SECOND)
        return dict(content)

    async def subscriber(self, name: str, *plans: str, ends: int | None = None) -> str:
        """Add a subscriber with plans; gives its id."""
        begins = self.clock.now if ends is None else min(self.clock.now, ends)
        subscriptions = tuple(
            Subscription(plan=plan, starts=begins - DAY, ends=ends) for plan in plans
        )
        await self.services.accounts.add_subscriber(
            Subscriber(id=name, name=name.title(), subscriptions=subscriptions)
        )
        return name

    async def token(self, subscriber: str, **options: Any) -> dict[str, str]:
        """Issue a token; gives the header that carries it."""
        terms = Terms(subscriber=subscriber, **{"days": 30} | options)
        token = (await self.services.tokens.issue(terms)).secret
        return {"Authorization": f"Bearer {token}"}

    async def administrator(self, role: Role = Role.OWNER, **options: Any) -> dict[str, str]:
        """Add an administrator named by its role; gives the header that carries its token."""
        await self.services.administrators.add(role.value, role)
        terms = Terms(admin=role.value, **{"days": 30} | options)
        token = (await self.services.tokens.issue(terms)).secret
        return {"Authorization": f"Bearer {token}"}

    async def feed_key(self, subscriber: str) -> str:
        """Issue a feed key; gives the base path of its addresses."""
        return f"/f/{(await self.services.feed_keys.issue(subscriber)).secret}"

    async def json(self, path: str, **headers: str) -> dict[str, Any]:
        """GET a JSON document; it must be there."""
        async with self.http.get(path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return dict(json.loads(await answer.read()))


MEDIA_TOPICS = {
    "sport": "medtop:15000000",
    "economy": "medtop:04000000",
    "politics": "medtop:11000000",
}


def iso(micros: int) -> str:
    return datetime.fromtimestamp(micros / SECOND, tz=UTC).isoformat()


def settings_in(folder: Path, **sections: Any) -> Settings:
    """Give the settings of an agency that lives in a folder."""
    (folder / "topics.toml").write_text(TOPICS, "utf-8")
    (folder / "plans.toml").write_text(PLANS, "utf-8")
    return Settings(
        **{
            "site": Site(
                name="Test Agency", languages=("en", "tr", "ar"), contact="desk@news.example"
            ),
            "server": Server(public_url=PUBLIC_URL),
            # A clock that a test moves on does not use up the grace, which is real seconds.
            "database": DatabaseSettings(
                url=f"sqlite:///{folder / 'agency.db'}", authority_grace=0
            ),
            "taxonomy": Taxonomy(
                topics=str(folder / "topics.toml"), plans=str(folder / "plans.toml")
            ),
            "feed": Feed(items=50, hours=24),
            # Whole modules of attacks come from one address.
            "guessing": Guessing(per_minute=0, per_hour=0),
            "keys": Keys(master=str(folder / "master.key")),
        }
        | sections
    )


async def _found(settings: Settings, clock: Clock) -> None:
    """Set up what an agency has on its first day, or copy it from another that began alike.

    To migrate, seed and seal takes three times as long as to start.
    """
    database = Path(settings.database.url.removeprefix("sqlite:///"))
    master = Path(settings.keys.master)
    if database.exists() or master.exists():
        return
    words = [
        Path(file).read_text("utf-8")
        for file in (settings.taxonomy.topics, settings.taxonomy.plans)
    ]
    alike = (clock.now, *words, repr(settings).replace(str(database.parent), ""))
    if alike not in _FOUNDED:
        async with open_services(settings, clock):
            pass
        _FOUNDED[alike] = (database.read_bytes(), master.read_bytes())
        return
    for file, content in zip((database, master), _FOUNDED[alike], strict=True):
        file.touch(mode=0o600)
        file.write_bytes(content)


#: What is on disk of agencies that have just been founded, in this process.
_FOUNDED: dict[tuple[object, ...], tuple[bytes, bytes]] = {}


@asynccontextmanager
async def running(
    settings: Settings,
    clock: Clock | None = None,
    routes: Iterable[web.AbstractRouteDef] = (),
) -> AsyncIterator[Agency]:
    """Run an agency on a free port of the loopback interface, with routes beside its own."""
    clock = clock or Clock()
    await _found(settings, clock)
    async with open_services(settings, clock) as services:

        @asynccontextmanager
        async def opener(*_: object) -> AsyncIterator[Services]:
            yield services

        app = make_app(settings, clock, opener)
        app.add_routes(routes)
        runner = Runner(app, drain=1, head_seconds=settings.server.head_seconds)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
                yield Agency(
                    settings=settings, clock=clock, services=services, http=http, port=port
                )
        finally:
            await runner.cleanup()
