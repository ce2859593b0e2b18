"""S-26, the verbs: whatever is done by any door is written down, once, and without a secret.

Each verb there is, each command that changes something, and each call of the API that does.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import pytest_asyncio
from click.testing import CliRunner

from tests.security import deeds
from tests.security.deeds import Deed
from tests.security.routes import table
from tests.security.secrecy import found_in, unguessable
from tests.support.agency import Agency, Clock, running
from tests.support.house import House, house_in
from wirefeed.cli.main import cli
from wirefeed.composition import utc_now
from wirefeed.domain.audit import Verb, Via
from wirefeed.domain.handovers import KeyTerms
from wirefeed.domain.leases import Lease, Owner
from wirefeed.domain.roles import Role
from wirefeed.domain.sightings import Sighting
from wirefeed.domain.terms import Terms
from wirefeed.domain.ways import HUB
from wirefeed.storage import leases, usage

#: What a person wrote, and where it comes from.
CANARIES = ("zq", "192.0.2", "mail.example")
KINDS = {"csv": "text/csv", "mine": "application/x-www-form-urlencoded"}
SECRET = re.compile(r"whsec_[\w+/=]+|wf_(?:feed|hand)_[0-9A-Za-z]{36}|eyJ[\w-]+\.[\w-]+\.[\w-]{86}")
#: Calls that are no GET and change nothing, or no rights; commands alike.
CHANGES_NOTHING = {"/api/v1/admin/plans/{name}/preview", "/api/v1/wire/ack", "/hub"}
READS = {
    "list",
    "show",
    "export",
    "history",
    "flags",
    "ending",
    "preview",
    "refused",
    "verify",
    "log",
}
RUNS = {
    "demo",
    "serve",
    "follow",
    "explain",
    "usage",
    "doctor",
    "db upgrade",
    "db backup",
    "db check",
}
#: Keys that are flagged before anybody does anything.
SHARED = ("shared", "shared, too")


class Row(NamedTuple):
    """A row of the audit, as it is on disk."""

    actor: str
    via: str
    verb: str
    about: str


@dataclass(slots=True)
class Scene:
    """An agency at work, and what was made in it so far."""

    house: House
    agency: Agency
    #: Ids and secrets, by the names that deeds have for them.
    ids: dict[str, str] = field(default_factory=dict)
    #: What was given out, to be found nowhere.
    secrets: set[str] = field(default_factory=set)

    def rows(self, after: int = 0) -> list[Row]:
        with closing(sqlite3.connect(self.house.database)) as database:
            query = "SELECT actor, via, verb, about FROM audit ORDER BY seq LIMIT -1 OFFSET ?"
            return [Row(*row) for row in database.execute(query, (after,))]

    async def does(self, by: str, via: Via, deed: Deed, headers: Mapping[str, str]) -> None:
        """Do it, and find its rows, of this actor and door, and no others."""
        before = len(self.rows())
        if deed.does.startswith(("POST ", "PUT ", "PATCH ", "DELETE ")):
            await self._call(deed, headers)
        else:
            await self._command(deed)
        found = self.rows(before)
        for row, (verb, about) in zip(found, deed.rows, strict=False):
            self._learn(about, row.about)
            assert row == Row(by, via.value, verb.value, about.format_map(self.ids)), deed.does
        assert len(found) == len(deed.rows), (deed.does, found)

    def _learn(self, about: str, found: str) -> None:
        name = re.search(r"{([^}]*)}", about)
        if name and name[1] not in self.ids:
            self.ids[name[1]] = found.partition(":")[2]

    async def bearer(self, terms: Terms) -> dict[str, str]:
        """Issue a token; give the header that carries it."""
        token = (await self.agency.services.tokens.issue(terms)).secret
        self.secrets.add(token)
        return {"Authorization": f"Bearer {token}"}

    async def _command(self, deed: Deed) -> None:
        arguments = [one.format_map(self.ids) for one in words(deed.does)]
        ran = await asyncio.to_thread(
            CliRunner().invoke, cli, arguments, env=dict(self.house.environ)
        )
        assert ran.exit_code == 0, (deed.does, ran.output, ran.exception)
        self.secrets |= set(SECRET.findall(ran.output))

    async def _call(self, deed: Deed, headers: Mapping[str, str]) -> None:
        method, path = (one.format_map(self.ids) for one in words(deed.does))
        sent, body = {**headers, **deed.headers}, None
        if deed.body is not None:
            sent["Content-Type"] = KINDS.get(re.split(r"[/.]", path)[-1], "application/json")
            body = deed.body if isinstance(deed.body, str) else json.dumps(deed.body)
            for name, value in self.ids.items():
                body = body.replace(f"{{{name}}}", value)
        if method in {"PUT", "PATCH", "DELETE"} and "If-None-Match" not in deed.headers:
            async with self.agency.http.get(path, headers=headers) as held:
                if tag := held.headers.get("ETag"):
                    sent["If-Match"] = tag
        async with self.agency.http.request(
            method, path, data=body, headers=sent, allow_redirects=False
        ) as answer:
            told = await answer.text()
        assert answer.status < 400, (deed.does, told)
        self.secrets |= set(SECRET.findall(told))


def words(does: str) -> list[str]:
    """Part a deed at its spaces, but for those in the names of ids."""
    return re.findall(r"(?:{[^}]*}|[^ ])+", does)


class Real(Clock):
    """The clock that commands have, too."""

    def __call__(self) -> int:
        return utc_now()


@pytest_asyncio.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.chdir(tmp_path)
    house = house_in(tmp_path)
    for name, content in deeds.FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
    async with running(house.settings(), Real(now=utc_now())) as agency:
        scene = Scene(house=house, agency=agency)
        for number in range(1, 5):
            await agency.publish(f"urn:test:{number}")
        await a_paper(scene)
        yield scene


async def a_paper(scene: Scene) -> None:
    """Add a subscriber that has one of everything."""
    services = scene.agency.services
    await scene.agency.subscriber("paper", "everything")
    await services.administrators.put("eva", Role.OWNER)
    # By a way that no drill goes: there is nothing to wait for in a language of nobody's.
    services.ledger.heard("paper", f"{HUB}xx/latest", 1, 1)
    await services.ledger.flush()
    key = await services.feed_keys.issue("paper")
    link = await services.handovers.issue("paper", KeyTerms())
    own = await services.feed_keys.issue("paper")
    scene.secrets |= {key.secret, link.secret, own.secret, scene.agency.newsroom}
    scene.ids |= {
        "key of paper": key.row.id,
        "key secret": key.secret,
        "own secret": own.secret,
        "link of paper": link.row.id,
        "link secret": link.secret,
    }
    for name in SHARED:
        scene.ids[name] = (await services.feed_keys.issue("paper")).row.id
    async with services.database.writing() as connection:
        for number, name in enumerate(("lease", "lease, too"), 1):
            scene.ids[name] = f"{number:032x}"
            await leases.grant(connection, a_lease(scene.ids[name]))


def a_lease(id_: str) -> Lease:
    """Make a lease that is told everything there will be."""
    return Lease(
        id=id_,
        pair=id_.encode(),
        callback="https://mail.example/zq",
        host="mail.example",
        topic=b"",
        secret=None,
        owner=Owner(subscriber="paper"),
        door="public",
        tail="en/latest.rss",
        created=0,
        verified=0,
        expires=2**60,
        position=2**60,
        tag="",
    )


async def flag(scene: Scene) -> None:
    """Let keys be seen as those are that are shared."""
    services, now = scene.agency.services, utc_now()
    keys = [scene.ids[name] for name in SHARED]
    async with services.database.writing() as connection:
        await usage.add_sightings(connection, [seen(key, now) for key in keys])
        await services.leaks.judge(connection, keys)


def seen(key: str, now: int) -> Sighting:
    return Sighting(
        feed_key=key,
        network="192.0.2.0/24",
        client="zqreader",
        first=now,
        last=now,
        requests=1,
        readers=1000,
    )


async def test_s26_whatever_is_done_is_its_rows_and_holds_no_name_and_no_secret(scene: Scene):
    services = scene.agency.services
    for row in scene.rows()[:5]:
        assert row[:3] == ("system", "system", Verb.PLAN_ADD.value)
    before = len(scene.rows())
    await flag(scene)
    assert {row[:3] for row in scene.rows(before)} == {
        ("system", "system", Verb.FEED_KEY_FLAG.value)
    }

    for actor, via, done, terms in (
        ("cli", Via.CLI, deeds.BY_COMMAND, None),
        ("source:newsroom", Via.INGEST, deeds.BY_NEWSROOM, Terms(source="newsroom", days=1)),
        ("admin:eva", Via.API, deeds.BY_API, Terms(admin="eva", days=1)),
        ("subscriber:paper", Via.ACCOUNT, deeds.BY_PARTNER, Terms(subscriber="paper", days=1)),
        ("subscriber:paper", Via.PAGE, deeds.BY_READER, None),
        ("reporter", Via.API, deeds.BY_REPORTER, None),
    ):
        # Issued now: keys are retired on the way, and with them what they signed.
        headers = await scene.bearer(terms) if terms else {}
        for deed in done:
            await scene.does(actor, via, deed, headers)

    assert (await services.audit.verify()).broken is None
    with closing(sqlite3.connect(scene.house.database)) as database:
        rows = database.execute("SELECT actor, via, verb, about, detail FROM audit").fetchall()
    written = json.dumps(rows)
    assert not [canary for canary in CANARIES if canary in written]
    secrets = {secret: unguessable(secret) for secret in scene.secrets}
    assert len(secrets) > 20
    assert not found_in(written.encode(), secrets)


# --- none is left out ----------------------------------------------------------------------------

EVERYTHING = (
    *deeds.BY_COMMAND,
    *deeds.BY_NEWSROOM,
    *deeds.BY_API,
    *deeds.BY_PARTNER,
    *deeds.BY_READER,
    *deeds.BY_REPORTER,
)


def test_s26_every_verb_is_exercised():
    exercised = {verb for deed in EVERYTHING for verb, _ in deed.rows} | {Verb.FEED_KEY_FLAG}
    assert exercised == set(Verb)


def test_s26_every_call_that_changes_something_is_exercised():
    for route in table():
        if route.method in {"GET", "HEAD"} or route.template in CHANGES_NOTHING:
            continue
        parts = (re.escape(part) for part in re.split(r"{[^}]*}", route.template))
        pattern = re.compile(f"{route.method} {'[^/]+'.join(parts)}")
        assert any(pattern.fullmatch(deed.does) for deed in EVERYTHING), route


def commands(group: click.Group, name: str = "") -> list[str]:
    """Name every command there is."""
    found = []
    for each in group.list_commands(click.Context(group)):
        one, path = group.get_command(click.Context(group), each), f"{name} {each}".strip()
        found += commands(one, path) if isinstance(one, click.Group) else [path]
    return found


def test_s26_every_command_that_changes_something_is_exercised():
    assert isinstance(cli, click.Group)
    done = [deed.does for deed in EVERYTHING]
    for name in commands(cli):
        if name.split()[-1] not in READS and name not in RUNS:
            assert any(does.startswith(f"{name} ") or does == name for does in done), name
