"""Readers that hop between two processes, while stories are published, corrected and killed.

Each sends back the validator it holds, wherever it asks next. None of them may ever see a story
go and come back as it was, an older version after a newer one, or, in what was asked for after a
kill had returned, what was killed.
"""

import asyncio
import itertools
import json
import random
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.process.conftest import Tell
from tests.support.agency import MEDIA_TOPICS, PUBLIC_URL
from tests.support.answers import FORMATS
from tests.support.house import House, command, house_in, serving
from tests.support.line import Heard, Line
from tests.support.process import PATIENCE, Wirefeed, free_ports
from tests.support.redis_server import redis_server

READS, READS_AT_FULL_SIZE = 20_000, 1_000_000
#: Of one way of asking and one feed, so many clients.
TWINS = 2
#: Changes, by two newsrooms together; and stops of a process.
DEEDS, DEEDS_AT_FULL_SIZE, STOPS = 100, 2_400, 8
#: Seconds that a process is stopped: for less than its lease, and for more.
STOPPED = (0.25, 0.6)
#: A story in whatever is shown of it: its number, its version, and whether it lives.
_SHOWN = re.compile(rb"zq-(\d+)-(\d+)-(live|dead)")
#: Seconds between two reads of a client, when enough is read.
PACE = 0.05
#: What a newsroom publishes before all else; of what it published last it corrects most.
_FIRST, _RECENT = 5, 15
#: Windows of so few that stories leave them, too.
WINDOW = {"WIREFEED_FEED__ITEMS": "20", "WIREFEED_FEED__HOURS": "0"}
#: How a client says what it holds.
WAYS = ("tag", "date", "delta")


class Shown(NamedTuple):
    """A story as it is shown."""

    version: int
    is_live: bool


@dataclass(slots=True)
class Run:
    """What all have in common: how far it is, what is killed, and what was wrong."""

    reads: int
    ports: tuple[int, int]
    #: By number, when its kill had returned.
    killed: dict[int, float] = field(default_factory=dict)
    #: What documents hold, by tag.
    documents: dict[str, Mapping[int, Shown]] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: What a kill, seen or not, took off a client.
    notices: int = 0
    done: int = 0
    #: Newsrooms at work: whoever reads goes on until they are done.
    working: int = 0
    wrong: list[str] = field(default_factory=list)
    _waiting: list[tuple[int, asyncio.Event]] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.done >= self.reads and not self.working

    def read(self) -> None:
        self.done += 1
        while self._waiting and self._waiting[0][0] <= self.done:
            self._waiting.pop(0)[1].set()

    async def reach(self, reads: int) -> None:
        """Wait until so many reads are done."""
        if self.done < reads:
            due = asyncio.Event()
            self._waiting.append((reads, due))
            self._waiting.sort(key=lambda one: one[0])
            await due.wait()


class Client:
    """Follows one feed, and remembers what it has seen of it."""

    def __init__(self, run: Run, path: str, way: str, seed: int) -> None:
        self._run = run
        self.path = path
        self._way = way
        self._random = random.Random(seed)  # noqa: S311 - the same in every run
        self._lines = [Line(port) for port in run.ports]
        self._tag = self._date = ""
        self.view: dict[int, Shown] = {}
        #: The newest of each story it ever saw; those that have gone since.
        self._newest: dict[int, int] = {}
        self._gone: set[int] = set()

    async def follow(self) -> None:
        while not self._run.is_over:
            await self.read()
            self._run.read()
            if self._run.done > self._run.reads:
                # There is no more need to hurry: what is left is for the newsrooms to do.
                await asyncio.sleep(PACE)

    async def read(self) -> None:
        heard = await self._random.choice(self._lines).ask(self.path, self._conditions())
        self._run.answers[self._way, heard.status] += 1
        match heard.status:
            case 200:
                self._take_all(heard)
            case 226:
                self._take_new(heard)
            case 304:
                pass
            case _:
                self._object(f"was answered {heard.status}")
        # Whoever is told that nothing changed goes on showing what it holds.
        for number, shown in self.view.items():
            returned = self._run.killed.get(number)
            if shown.is_live and returned is not None and returned < heard.began:
                self._object(f"{heard.status}: {number} is dead, not {shown}")
        if heard.status != 304:
            self._tag = heard.headers["etag"]
            self._date = heard.headers["last-modified"]

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def _conditions(self) -> dict[str, str]:
        if not self._tag:
            return {}
        match self._way:
            case "date":
                return {"If-Modified-Since": self._date}
            case "delta":
                return {"If-None-Match": self._tag, "A-IM": "feed"}
            case _:
                return {"If-None-Match": self._tag}

    def _take_all(self, heard: Heard) -> None:
        shown = self._parse(heard.body)
        self._see(shown)
        self._gone |= self.view.keys() - shown.keys()
        self._gone -= shown.keys()
        self.view = shown
        held = self._run.documents.setdefault(heard.headers["etag"], shown)
        if held != shown:
            self._object("two documents have one tag")

    def _take_new(self, heard: Heard) -> None:
        """Add what is new; together with what was held, it is all there is."""
        shown = self._parse(heard.body)
        self._see(shown)
        self.view |= shown
        whole = self._run.documents.get(heard.headers["etag"])
        if whole is None:
            return
        for number, newest in whole.items():
            if self.view.get(number) != newest:
                self._object(f"was not told of {number} {newest}")
        # What it shows no longer, as a client may find out at any time by asking for all of it.
        self._gone |= self.view.keys() - whole.keys()
        self.view = dict(whole)

    def _see(self, shown: Mapping[int, Shown]) -> None:
        for number, (version, is_live) in shown.items():
            newest = self._newest.get(number, 0)
            if version < newest:
                self._object(f"saw {number} go back from {newest} to {version}")
            if version == newest and number in self._gone:
                self._object(f"saw {number} {version} go and come back")
            if version > newest:
                # Whatever was gone comes back as something new.
                self._gone.discard(number)
                self._run.notices += not is_live
            self._newest[number] = max(version, newest)

    def _parse(self, body: bytes) -> dict[int, Shown]:
        found: dict[int, Shown] = {}
        for number, version, state in _SHOWN.findall(body):
            shown = Shown(int(version), state == b"live")
            if found.setdefault(int(number), shown) != shown:
                self._object(f"saw two versions of {number.decode()} in one document")
        return found

    def _object(self, what: str) -> None:
        self._run.wrong.append(f"{self.path} by {self._way}: {what}")


class Newsroom:
    """Publishes, corrects and kills, at one of the processes, as the reads go on."""

    def __init__(self, run: Run, place: int, token: str, deeds: int) -> None:
        self._run = run
        self._port = run.ports[place]
        self._line = Line(self._port)
        self._token = token
        self._left = deeds
        # So that what they write is each their own.
        self._numbers = itertools.count(place, 2)
        self._random = random.Random(place)  # noqa: S311 - the same in every run
        self._versions: dict[int, int] = {}
        self.deeds: Counter[str] = Counter()

    async def work(self) -> None:
        self._run.working += 1
        every = self._run.reads // self._left
        async with asyncio.TaskGroup() as group:
            for number in range(self._left):
                await self._run.reach(every * number)
                await self._act(number, group)
        self._run.working -= 1
        self._line.close()

    async def _act(self, turn: int, group: asyncio.TaskGroup) -> None:
        if turn < _FIRST or turn % 2:
            number = next(self._numbers)
            await self._write(number, 1)
            self.deeds["publish"] += 1
        elif turn % 12:
            # Mostly what is new, and now and then what has left the windows.
            known = list(self._versions)
            number = self._random.choice(known if turn % 10 == 0 else known[-_RECENT:])
            await self._write(number, self._versions.pop(number) + 1)
            self.deeds["correct"] += 1
        else:
            # It waits until it is so everywhere; what is written meanwhile does not wait for it.
            group.create_task(self.kill())

    async def kill(self) -> None:
        """Kill one of the newest, and remember when that had returned."""
        number = self._random.choice(list(self._versions)[-_RECENT:])
        version = self._versions.pop(number) + 1
        line = Line(self._port)
        self._run.killed[number] = await self._send(line, number, version, state="dead")
        line.close()
        self.deeds["kill"] += 1

    async def _write(self, number: int, version: int) -> None:
        await self._send(self._line, number, version)
        self._versions[number] = version

    async def _send(self, line: Line, number: int, version: int, state: str = "live") -> float:
        mark = f"zq-{number}-{version}-{state}"
        story = {
            "uri": f"urn:hop:{number}",
            "version": str(version),
            "versioncreated": "2026-03-01T12:00:00Z",
            "pubstatus": "usable" if state == "live" else "canceled",
            "language": "en",
            "headline": f"{mark} in the headline",
            "body_html": f"<p>First paragraph.</p><p>{mark} in the full text.</p>",
            "subject": [{"code": MEDIA_TOPICS["sport" if number % 3 else "politics"]}],
        }
        answer = await line.ask(
            "/api/v1/stories",
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method="POST",
            body=json.dumps(story).encode(),
        )
        if answer.status not in (200, 201):
            self._run.wrong.append(f"{mark}: {answer.status} {answer.body.decode()}")
        return answer.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An agency with two servers and a Redis, a reader and a newsroom."""

    servers: tuple[Wirefeed, Wirefeed]
    ports: tuple[int, int]
    base: str
    token: str


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    folder = tmp_path / "agency"
    folder.mkdir()
    house = house_in(folder)
    other = replace(house, port=free_ports(2))
    token = command(house, "tokens", "issue", "--source", "newsroom")
    command(house, "subscribers", "add", "ann", "--name", "Ann", "--plan", "everything")
    base = command(house, "feedkeys", "issue", "ann").removeprefix(PUBLIC_URL).rstrip("/")
    with redis_server(tmp_path) as redis, ExitStack() as stack:
        environ = {**WINDOW, "WIREFEED_REDIS__URL": redis.url}
        one, two = (stack.enter_context(running(h, environ)) for h in (house, other))
        yield Stage(servers=(one, two), ports=(house.port, other.port), base=base, token=token)


def running(house: House, environ: Mapping[str, str]) -> AbstractContextManager[Wirefeed]:
    return serving(house, **{**environ, "WIREFEED_SERVER__PORT": str(house.port)})


async def test_hopping_readers_see_no_story_return_no_older_version_and_no_killed_text(
    stage: Stage, soak: bool, tell: Tell
):
    run = Run(reads=READS_AT_FULL_SIZE if soak else READS, ports=stage.ports)
    deeds_of_each = (DEEDS_AT_FULL_SIZE if soak else DEEDS) // 2
    feeds = [
        f"{door}/en/{tail}.{form}"
        for door, tail in (("", "topics/sport"), (stage.base, "latest"))
        for form in FORMATS
    ]
    clients = [
        Client(run, path, way, seed)
        for seed, (path, way, _) in enumerate(itertools.product(feeds, WAYS, range(TWINS)))
    ]
    newsrooms = [Newsroom(run, place, stage.token, deeds_of_each) for place in (0, 1)]
    async with asyncio.TaskGroup() as group:
        for newsroom in newsrooms:
            group.create_task(newsroom.work())
        for client in clients:
            group.create_task(client.follow())
        group.create_task(stop_now_and_then(run, stage.servers, newsrooms))
    newcomers = {path: Client(run, path, "tag", 0) for path in feeds}
    await caught_up(clients, newcomers)
    for client in (*clients, *newcomers.values()):
        client.close()
    deeds = sum((newsroom.deeds for newsroom in newsrooms), Counter[str]())
    tell(f"hopping: {run.done:,} reads, {dict(deeds)}, {dict(run.answers)}, {run.notices} notices")
    assert run.wrong == []
    assert min(deeds[deed] for deed in ("publish", "correct", "kill")) > 5
    for way, status in (("tag", 200), ("tag", 304), ("date", 200), ("delta", 226)):
        assert run.answers[way, status] > 100
    assert run.notices > len(clients)


async def stop_now_and_then(
    run: Run, servers: Sequence[Wirefeed], newsrooms: Sequence[Newsroom]
) -> None:
    """Stop one process while the other kills: what the one knows then is what was true before."""
    every = run.reads // (STOPS + 1)
    for turn in range(STOPS):
        await run.reach(every * (turn + 1))
        stopped, other = servers[turn % 2], newsrooms[1 - turn % 2]
        stopped.signal(signal.SIGSTOP)
        killing = asyncio.create_task(other.kill())
        await asyncio.sleep(STOPPED[turn // 2 % 2])
        stopped.signal(signal.SIGCONT)
        await killing


async def caught_up(clients: Sequence[Client], newcomers: Mapping[str, Client]) -> None:
    """When all is quiet, each comes to hold what one holds who comes anew."""
    async with asyncio.timeout(PATIENCE):
        for client in clients:
            newcomer = newcomers[client.path]
            while not (newcomer.view and newcomer.view.items() <= client.view.items()):
                await newcomer.read()
                await client.read()
