"""`kill -9` at random moments of imports and POSTs: what was acknowledged is there, whole.

Each round starts the server on what the round before left behind, measures until its first
answer, looks the database over, and then kills the server and an import at work beside it.
"""

import asyncio
import json
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.process.conftest import Tell
from tests.support.house import House
from tests.support.process import Wirefeed, running, wirefeed
from wirefeed.cli.output import run_loop
from wirefeed.composition import open_services
from wirefeed.config import load
from wirefeed.domain.errors import Unavailable
from wirefeed.formats import ninjs
from wirefeed.services.publishing import GROUP, Message

POSTERS = 20
#: The promise is two seconds; a shared machine may need as much again.
RESTART = 2.0
SLACK = 2.0
NAME = "tag:news.example,2026:"


@dataclass(slots=True)
class Ledger:
    """What wirefeed has acknowledged: the newest version of each story."""

    versions: dict[str, int] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, name: str, version: int, how: str) -> None:
        self.versions[NAME + name] = version
        self.counts[how] += 1


def test_nothing_acknowledged_is_lost_and_nothing_is_half_written(
    house: House, soak: bool, tell: Tell
):
    kills = 200 if soak else 50
    token = issue(house)
    ledger = Ledger()

    for number in range(kills // 2):
        with serving(house, ledger) as server:
            check(house.database, ledger)
            with importing(house, number) as importer:
                asyncio.run(disturb(house, token, number, ledger, server, importer))
    with serving(house, ledger):
        check(house.database, ledger)

    restarts = sorted(ledger.restarts[1:])
    tell(
        f"crash: {kills} kills; acknowledged {ledger.counts['posted']} POSTs and"
        f" {ledger.counts['imported']} stories of import batches, lost 0;"
        f" restart to first answer: median {restarts[len(restarts) // 2] * 1000:.0f} ms,"
        f" longest {restarts[-1] * 1000:.0f} ms"
    )
    assert ledger.counts["posted"] > kills
    assert ledger.counts["imported"] > kills * 20
    assert restarts[-1] < RESTART * SLACK


def issue(house: House) -> str:
    with wirefeed(
        "tokens", "issue", "--source", "newsroom", folder=house.folder, environ=house.environ
    ) as ran:
        assert ran.ended() == 0, ran.said
        return ran.said[-1]


class serving:  # noqa: N801 - reads as what it does
    """A server on what was left behind; its start is measured up to its first answer."""

    def __init__(self, house: House, ledger: Ledger) -> None:
        self._house, self._ledger = house, ledger
        self._running = wirefeed("serve", folder=house.folder, environ=house.environ)

    def __enter__(self) -> Wirefeed:
        began = time.perf_counter()
        server = self._running.__enter__()
        server.wait_for("wirefeed serves")
        asyncio.run(self._ask())
        self._ledger.restarts.append(time.perf_counter() - began)
        return server

    def __exit__(self, *error: object) -> None:
        # The end of it: SIGKILL.
        self._running.__exit__(None, None, None)

    async def _ask(self) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self._house.url}/en/latest.json") as answer,
        ):
            assert answer.status == 200
            json.loads(await answer.read())


async def disturb(
    house: House,
    token: str,
    number: int,
    ledger: Ledger,
    server: Wirefeed,
    importer: Wirefeed,
) -> None:
    """Post and import until both are killed, each at a moment of its own."""
    moments = random.Random(number)  # noqa: S311 - moments, not secrets
    async with aiohttp.ClientSession(
        house.url,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    ) as http:
        # SQLite lets whoever writes write on: now the import has it first, now the posters.
        if number % 2:
            await asyncio.to_thread(importer.wait_for, "took")
        acknowledged = asyncio.Event()
        posters = [
            asyncio.create_task(post(http, f"posted-{number}-{n}", ledger, acknowledged))
            for n in range(POSTERS)
        ]
        if not number % 2:
            await acknowledged.wait()
        await asyncio.sleep(moments.uniform(0.05, 0.4))
        if moments.random() < 0.5:
            importer.signal(signal.SIGKILL)
            await asyncio.sleep(moments.uniform(0, 0.1))
        server.signal(signal.SIGKILL)
        for poster in posters:
            await poster
        importer.signal(signal.SIGKILL)
    assert await asyncio.to_thread(importer.ended) == -signal.SIGKILL
    for line in importer.said:
        if line.startswith("took "):
            first, count = map(int, line.split()[1:])
            for n in range(first, first + count):
                ledger.take(f"imported-{number}-{n}", 1, "imported")


async def post(
    http: aiohttp.ClientSession, name: str, ledger: Ledger, acknowledged: asyncio.Event
) -> None:
    """Post stories and updates of them, one after the other, until nobody answers."""
    count = 0
    while True:
        sent, version = f"{name}-{count // 3}", count % 3 + 1
        try:
            async with http.post("/api/v1/stories", data=story(sent, version)) as answer:
                # What counts is that the head of the answer came.
                if answer.status in (200, 201):
                    ledger.take(sent, version, "posted")
                    count += 1
                    acknowledged.set()
                # The import is busy writing: the next try is served.
                assert answer.status in (200, 201, 503), await answer.text()
                await answer.read()
        except (aiohttp.ClientError, ConnectionError):
            return


def story(name: str, version: int) -> bytes:
    return json.dumps(
        {
            "uri": NAME + name,
            "version": str(version),
            "versioncreated": f"2026-03-01T12:00:0{version}Z",
            "pubstatus": "usable",
            "language": "en",
            "headline": f"Version {version} of {name}",
            "body_html": f"<p>Version {version} of {name}.</p>" + "<p>More of it.</p>" * 200,
            "subject": [{"code": "medtop:15000000"}],
        }
    ).encode()


def importing(house: House, number: int):
    return running(take_stories, (number,), folder=house.folder, environ=house.environ)


def take_stories(number: int) -> None:
    """Import stories without end, in the batches of `wirefeed import`; tell each that is done."""

    async def work() -> None:
        async with open_services(load(None)) as services:
            first = 0
            while True:
                batch = [
                    Message(raw=raw, revision=ninjs.parse(raw))
                    for raw in (story(f"imported-{number}-{first + n}", 1) for n in range(GROUP))
                ]
                try:
                    receipts = await services.publishing.accept_all(batch, "import")
                except Unavailable:
                    # The server is busy writing: a later try is served.
                    continue
                assert not [r.error for r in receipts if r.error]
                sys.stdout.write(f"took {first} {GROUP}\n")
                first += GROUP

    run_loop(work())


# --- what is looked for --------------------------------------------------------------------------


def check(path: Path, ledger: Ledger) -> None:
    """Find the database whole, and in it whatever was acknowledged."""
    with connected(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        check_wire(database)
        check_stories(database)
        held = dict(database.execute("SELECT guid, version FROM stories"))
    lost = {guid for guid, version in ledger.versions.items() if held.get(guid, 0) < version}
    assert not lost
    imported = Counter(
        guid.removeprefix(NAME).rpartition("-")[0] for guid in held if "imported" in guid
    )
    torn = {name: count for name, count in imported.items() if count % GROUP}
    assert not torn, "a batch is there in part"


class connected:  # noqa: N801 - reads as what it does
    """A plain connection, closed at the end."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)

    def __enter__(self) -> sqlite3.Connection:
        return self._database

    def __exit__(self, *error: object) -> None:
        self._database.close()


def check_wire(database: sqlite3.Connection) -> None:
    """Find every position there is, once, up to the head."""
    rows, first, last = database.execute(
        "SELECT count(*), min(position), max(position) FROM wire"
    ).fetchone()
    ((head,),) = database.execute("SELECT position FROM head").fetchall()
    assert (rows, first) == (last, 1)
    assert head == last


def check_stories(database: sqlite3.Connection) -> None:
    """Find each story with its row of the wire, its raw revision and its places; no more."""
    missing = {
        "its row of the wire": """SELECT guid FROM stories s WHERE NOT EXISTS (
            SELECT 1 FROM wire w WHERE w.position = s.position AND w.about = s.guid
            AND w.version = s.version)""",
        "its raw revision": """SELECT guid FROM stories s WHERE NOT EXISTS (
            SELECT 1 FROM revisions r WHERE r.guid = s.guid AND r.version = s.version)""",
        "the story of a row of the wire": """SELECT about FROM wire WHERE kind <> 'access'
            AND about NOT IN (SELECT guid FROM stories)""",
        "the story of a raw revision": """SELECT guid FROM revisions
            WHERE guid NOT IN (SELECT guid FROM stories)""",
        "the story of a place": """SELECT guid FROM placements p WHERE NOT EXISTS (
            SELECT 1 FROM stories s WHERE s.guid = p.guid AND s.position = p.position)""",
        "its places in en/latest and en/sport": """SELECT guid FROM stories s WHERE 2 <> (
            SELECT count(*) FROM placements p WHERE p.guid = s.guid AND p.language = 'en'
            AND p.topic IN ('', 'sport'))""",
    }
    for what, query in missing.items():
        assert database.execute(query).fetchall() == [], f"without {what}"


# --- the first start -----------------------------------------------------------------------------


def moments(soak: bool) -> Iterator[float]:
    """Give moments over the time a first start takes."""
    count = 60 if soak else 12
    return (0.25 * n / count for n in range(count))


@pytest.mark.parametrize("command", ["serve", "plans list"])
def test_an_agency_killed_while_it_was_being_made_starts_the_next_time(
    house: House, soak: bool, command: str
):
    for number, moment in enumerate(moments(soak)):
        folder = house.folder / f"first-{number}"
        folder.mkdir()
        (folder / "config").symlink_to(house.folder / "config")
        with wirefeed(*command.split(), folder=folder, environ=house.environ) as killed:
            # Not to wait for something: the moment is what is tested.
            time.sleep(moment)
            killed.signal(signal.SIGKILL)
        with wirefeed("plans", "list", "--json", folder=folder, environ=house.environ) as ran:
            assert ran.ended() == 0, ran.said
        plans = {plan["name"] for plan in json.loads("\n".join(ran.said))}
        assert plans == {"public", "sport", "economy", "late", "everything"}
        with connected(folder / "var" / "wirefeed.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            check_wire(database)
