"""Agencies to measure, of any size: made once, kept between runs, and lent as copies.

They lie in the folder for temporary files, by their size and by what made them.
"""

import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import uvloop

from tests.bench import subscribers, wire_copy
from tests.bench.load import Ask
from wirefeed.composition import Services, open_services, utc_now
from wirefeed.config import Settings, load
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.errors import Invalid
from wirefeed.domain.plans import Plan
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms
from wirefeed.formats import ninjs
from wirefeed.services.publishing import GROUP, Message
from wirefeed.storage import database

#: Subscribers whose tokens are signed beforehand.
_SIGNED = 2500
#: A larger one is lent itself: what a run publishes into it changes little.
_COPIED_BYTES = 1 << 30
#: What is newest is the same in each, so that feeds of different agencies are of one size.
NEWEST, LENGTH = 60, 4000
_STALE_SECONDS = 30 * 86_400
_SECRETS = "secrets.json"
#: Who waits for a million is told of each so many.
_TOLD = 50_000
_SETTINGS = """
[site]
name = "Bench"
languages = ["en"]
[database]
url = "sqlite:///{folder}/agency.db"
[taxonomy]
topics = "{folder}/topics.toml"
plans = "{folder}/plans.toml"
[keys]
master = "{folder}/master.key"
[feed]
items = 50
hours = 0
[guessing]
per_minute = 0
per_hour = 0
[limits]
per_minute = 0
[log]
level = "error"
"""
_TOPIC = """
[[topics]]
slug = "{0}"
names = {{ en = "{0}" }}
keywords = ["{0}"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """An agency in a folder."""

    folder: Path
    stories: int
    subscribers: int

    @property
    def settings(self) -> Settings:
        return load(self.folder / "wirefeed.toml", {"PATH": ""})

    def by_key(self, number: int, tail: str = "en/latest.rss", *more: tuple[str, str]) -> Ask:
        """Ask for a feed by the private address of a subscriber; gzip will do."""
        path = f"/f/{subscribers.key(number)}/{tail}"
        return Ask(path=path, headers=(("Accept-Encoding", "gzip"), *more))

    def by_token(self, number: int, tail: str = "en/latest.rss") -> Ask:
        """Ask for a feed by the token of a subscriber, if it is one of the first."""
        headers = (("Accept-Encoding", "gzip"), _bearer(self._secrets()["tokens"][number]))
        return Ask(path=f"/subscriber/{tail}", headers=headers)

    def streams(self) -> list[Ask]:
        """Ask for the wire as a stream, by the token of each of the first subscribers."""
        tokens = self._secrets()["tokens"]
        return [Ask(path="/api/v1/wire/stream", headers=(_bearer(one),)) for one in tokens]

    def post(self, message: bytes) -> Ask:
        """Send a story in as the newsroom does."""
        headers = (_bearer(self._secrets()["newsroom"]), ("Content-Type", "application/json"))
        return Ask(path="/api/v1/stories", headers=headers, method="POST", body=message)

    def revoke_key(self, number: int) -> Ask:
        """Take a subscriber's feed key back, as an administrator."""
        path = f"/api/v1/admin/feed-keys/{subscribers.key_id(number)}/revoke"
        headers = (_bearer(self._secrets()["admin"]), ("Content-Type", "application/json"))
        return Ask(path=path, headers=headers, method="POST", body=b"{}")

    def _secrets(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / _SECRETS).read_text("utf-8")))


@contextmanager
def dataset(*, stories: int, subscribers: int) -> Iterator[Dataset]:
    """Lend an agency of this size, to be read and written."""
    kept = _kept(stories, subscribers)
    if (kept / "agency.db").stat().st_size > _COPIED_BYTES:
        yield Dataset(folder=kept, stories=stories, subscribers=subscribers)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "agency"
        shutil.copytree(kept, copy)
        _describe(copy)
        os.sync()
        yield Dataset(folder=copy, stories=stories, subscribers=subscribers)


def message(raw: bytes) -> Message:
    """Read a story as the import does."""
    try:
        return Message(raw=raw, revision=ninjs.parse(raw))
    except Invalid as error:
        return Message(raw=raw, error=error)


def _kept(stories: int, of_subscribers: int) -> Path:
    """Find the agency of this size, or make it."""
    shelf = Path(tempfile.gettempdir()) / f"wirefeed-bench-{os.getuid()}"
    shelf.mkdir(mode=0o700, exist_ok=True)
    for old in shelf.iterdir():
        # Tokens expire, and nobody else clears away what an earlier edition made.
        if utc_now() / 1e6 - old.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(old)
    kept = shelf / f"{_edition()}-{stories}-{of_subscribers}"
    if kept.exists():
        return kept
    made = Path(tempfile.mkdtemp(dir=shelf))
    _make(made, stories, of_subscribers)
    made.rename(kept)
    _describe(kept)
    return kept


def _edition() -> str:
    """Name what shapes an agency: the schema, the stories and the subscribers."""
    schema = sorted(Path(database.__file__).parent.glob("migrations/versions/*.py"))
    sources = (*schema, Path(wire_copy.__file__), Path(subscribers.__file__), Path(__file__))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _make(folder: Path, stories: int, of_subscribers: int) -> None:
    _describe(folder)
    print(
        f"making an agency of {stories:,} stories, {of_subscribers:,} subscribers", file=sys.stderr
    )
    uvloop.run(_fill(folder, stories, of_subscribers))


def _describe(folder: Path) -> None:
    """Write the settings of the agency where it lies."""
    (folder / "wirefeed.toml").write_text(_SETTINGS.format(folder=folder), "utf-8")
    topics = "".join(_TOPIC.format(topic) for topic in wire_copy.TOPICS)
    (folder / "topics.toml").write_text(topics, "utf-8")
    (folder / "plans.toml").write_text("", "utf-8")


async def _fill(folder: Path, stories: int, of_subscribers: int) -> None:
    settings = load(folder / "wirefeed.toml", {"PATH": ""})
    async with open_services(settings) as services:
        for number in range(subscribers.PLANS):
            await services.plans.put(_plan(number))
        kid = await services.signing_keys.signing()
        await services.administrators.add("owner", Role.OWNER)
        secrets: dict[str, object] = {
            "newsroom": await _issue(services, Terms(source="newsroom", days=365)),
            "admin": await _issue(services, Terms(admin="owner", days=365)),
        }
        await publish(services, wire_copy.stories(stories - NEWEST))
        await publish(services, wire_copy.stories(NEWEST, seed=2, name="new", length=LENGTH))
    now = utc_now()
    subscribers.fill(folder / "agency.db", of_subscribers, kid=kid, now=now)
    async with open_services(settings) as services:
        secrets["tokens"] = await signed(services, range(min(_SIGNED, of_subscribers)), kid, now)
    (folder / _SECRETS).write_text(json.dumps(secrets), "utf-8")


async def publish(services: Services, stories: Iterator[bytes]) -> None:
    """Send stories in, in groups as the import does."""
    sent = 0
    while group := [message(raw) for raw in islice(stories, GROUP)]:
        await services.publishing.accept_all(group, "bench")
        sent += len(group)
        if not sent % _TOLD:
            print(f"  {sent:,} stories sent", file=sys.stderr)


async def signed(services: Services, numbers: Iterable[int], kid: str, now: int) -> list[str]:
    """Sign the tokens of subscribers."""
    gate = services.tokens._gate
    async with services.database.reading() as connection:
        return [
            (await gate.sign(connection, subscribers.token(number, kid=kid, now=now)))[0]
            for number in numbers
        ]


async def _issue(services: Services, terms: Terms) -> str:
    return (await services.tokens.issue(terms)).secret


def _plan(number: int) -> Plan:
    """Give one of the plans: the first has everything, the others some topics each."""
    draw = random.Random(number)  # noqa: S311 - a data set, not a secret
    name = f"p{number}"
    some = frozenset(draw.sample(wire_copy.TOPICS, draw.randint(5, 20)))
    topics = some if number else frozenset({ALL})
    return Plan(name=name, grants=(Grant(plan=name, topics=topics, level=Level.FULL),))


def _bearer(secret: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {secret}")
