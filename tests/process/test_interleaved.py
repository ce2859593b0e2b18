"""Four classes of readers at two workers at once: nobody is given an answer of another class.

Meanwhile clients go away in the middle of answers, plans change what they give, stories are
corrected, and Redis is emptied, frozen, killed and filled with lies. Each answer is judged by
what is in it, and a 304 by what it confirms.
"""

import asyncio
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.process.conftest import Tell
from tests.process.test_workers import begun, workers
from tests.support.agency import PUBLIC_URL
from tests.support.answers import FORMATS
from tests.support.house import House, command, house_in
from tests.support.line import Heard, Line
from tests.support.redis_server import RedisServer, redis_server

REQUESTS, REQUESTS_AT_FULL_SIZE = 20_000, 100_000
FLIPS, FLIPS_AT_FULL_SIZE = 24, 120
TOPICS, STORIES = 20, 2
#: That Redis is hurt at most; less than a tenth is needed.
ROUNDS = 300
#: Of one class and format, so many clients.
TWINS = 2
#: Seconds between two requests of a client, when enough were made; that a Redis is away; and
#: that it is well, so that it is found again and has something to lie about.
PACE, AWAY, WELL = 0.05, 0.2, 1.5
#: Of so many requests, one is not waited for.
LEAVES = 25
#: So little memory that most of what is asked for has to come from Redis.
MEMORY = {"WIREFEED_CACHE__MEGABYTES": "1"}
#: A story in what is shown of it: the part that is shown, and its topic.
_SHOWN = re.compile(rb"zq-(head|full|note)-(\d+)-")

Grants: TypeAlias = Sequence[Mapping[str, Any]]


def grant(level: str, first: int, stop: int, step: int = 1, *, notes: bool = False) -> Any:
    topics = [f"t{n}" for n in range(first, stop, step)]
    return {"topics": topics, "level": level, "notes": notes}


#: What each plan gives by turns.
FORMS: Mapping[str, tuple[Grants, Grants]] = {
    "public": ([grant("summary", 0, 15)], [grant("summary", 5, 20)]),
    "even": ([grant("full", 0, 20, 2)], [grant("full", 1, 20, 2), grant("summary", 0, 20, 2)]),
    "late": ([grant("full", 10, 20, notes=True)], [grant("full", 0, 10)]),
    "whole": ([grant("full", 0, 20, notes=True)], [grant("summary", 0, 20)]),
}
PARTS = {"summary": {b"head"}, "full": {b"head", b"full"}}


def parts(grants: Grants, topic: int) -> frozenset[bytes]:
    """Say which parts of a story are shown, by the grants of one plan."""
    shown: set[bytes] = set()
    for one in grants:
        if f"t{topic}" in one["topics"]:
            shown |= PARTS[one["level"]]
            shown |= {b"note"} if one["notes"] else set()
    return frozenset(shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a plan gives from some time on: which of its forms, and when that began and was so."""

    grants: Grants
    began: float
    returned: float


@dataclass(slots=True)
class Run:
    """What all have in common: what plans gave, how far it is, and what was wrong."""

    port: int
    requests: int
    plans: dict[str, list[Form]] = field(
        default_factory=lambda: {
            name: [Form(grants=forms[0], began=0, returned=0)] for name, forms in FORMS.items()
        }
    )
    #: What stood behind tags that were given to anybody, by topic and format.
    tags: dict[tuple[int, str], dict[str, frozenset[bytes]]] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: What was seen, by class: that they do differ.
    seen: set[tuple[str, int, frozenset[bytes]]] = field(default_factory=set)
    done: int = 0
    left: int = 0
    #: Those that change something: whoever reads goes on until they are done.
    working: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.done >= self.requests and not self.working

    def allowed(self, plan: str, topic: int, heard: Heard) -> set[frozenset[bytes]]:
        """Give what may be shown in an answer: by any form that a plan may have had meanwhile."""
        own, public = (self._grants(name, heard) for name in (plan, "public"))
        return {parts(one, topic) | parts(other, topic) for one in own for other in public}

    def _grants(self, plan: str, heard: Heard) -> list[Grants]:
        forms = self.plans[plan]
        ends = [later.returned for later in forms[1:]] + [float("inf")]
        return [
            one.grants
            for one, end in zip(forms, ends, strict=True)
            if one.began <= heard.ended and heard.began <= end
        ]


class Client:
    """Asks for one format as one class does, topic after topic."""

    def __init__(self, run: Run, plan: str, form: str, door: Mapping[str, Any], seed: int) -> None:
        self._run = run
        self._plan = plan
        self._form = form
        self._base, self._headers = door["base"], door["headers"]
        self._random = random.Random(seed)  # noqa: S311 - the same in every run
        self._line = Line(run.port)

    async def ask_on(self) -> None:
        while not self._run.is_over:
            await self._ask(self._random.randrange(TOPICS))
            self._run.done += 1
            if self._run.done > self._run.requests:
                # There is no more need to hurry: what is left is for others to do.
                await asyncio.sleep(PACE)
        self._line.close()

    async def _ask(self, topic: int) -> None:
        path = f"{self._base}/en/topics/t{topic}.{self._form}"
        tags = self._run.tags.setdefault((topic, self._form), {})
        headers = {"Accept-Encoding": self._random.choice(("", "gzip", "br", "zstd"))}
        headers |= self._headers
        if tags and self._random.random() < 0.5:
            # Of whichever class: it is worth no more than what the own one is given.
            headers["If-None-Match"] = self._random.choice(list(tags)[-8:])
            headers |= {"A-IM": "feed"} if self._random.random() < 0.3 else {}
        if self._random.randrange(LEAVES) == 0:
            self._run.left += 1
            await self._line.leave(path, headers, self._random.choice((0, 1, 700)))
            return
        self._judge(topic, await self._line.ask(path, headers), tags)

    def _judge(self, topic: int, heard: Heard, tags: dict[str, frozenset[bytes]]) -> None:
        self._run.answers[self._plan, heard.status] += 1
        where = f"{self._plan} t{topic}.{self._form} {heard.status}"
        found = _SHOWN.findall(heard.body)
        shown = frozenset(part for part, _ in found)
        allowed = self._run.allowed(self._plan, topic, heard)
        tag = heard.headers.get("etag", "")
        if {int(number) for _, number in found} - {topic}:
            self._run.wrong.append(f"{where} has stories of another topic")
        match heard.status:
            case 200 if shown in allowed and tags.setdefault(tag, shown) == shown:
                self._run.seen.add((self._plan, topic, shown))
            case 304 if tags[tag] in allowed:
                pass
            # Nothing but what changed: not all parts need be among it.
            case 226 if any(shown <= one for one in allowed):
                pass
            case _:
                self._run.wrong.append(f"{where} shows {set(shown)}, which is of another class")


async def flip_plans(run: Run, token: str, flips: int) -> None:
    """Let plans give something else, one after another, and correct stories between."""
    line = Line(run.port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for turn, name in zip(range(flips), itertools.cycle(FORMS), strict=False):
        path = f"/api/v1/admin/plans/{name}"
        held = await line.ask(path, headers)
        grants = FORMS[name][(turn // len(FORMS) + 1) % 2]
        # The answer may be by the new form as soon as that is asked for: nothing is known between.
        at = len(run.plans[name])
        run.plans[name].append(Form(grants=grants, began=held.ended, returned=float("inf")))
        body = json.dumps({"grants": grants}).encode()
        match_ = {**headers, "If-Match": held.headers["etag"]}
        done = await line.ask(path, match_, method="PUT", body=body)
        if done.status != 200:
            run.wrong.append(f"{name}: {done.status} {done.body.decode()}")
        run.plans[name][at] = Form(grants=grants, began=held.ended, returned=done.ended)
    line.close()


async def correct(run: Run, token: str, flips: int) -> None:
    line = Line(run.port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for turn in range(flips):
        await run_on(run, turn * run.requests // flips)
        number = turn % (TOPICS * STORIES)
        body = json.dumps(story(number, 2 + turn // (TOPICS * STORIES))).encode()
        done = await line.ask("/api/v1/stories", headers, method="POST", body=body)
        if done.status != 200:
            run.wrong.append(f"{number}: {done.status} {done.body.decode()}")
    line.close()


async def run_on(run: Run, requests: int) -> None:
    while run.done < requests:  # noqa: ASYNC110 - clients go at their pace
        await asyncio.sleep(PACE)


def lie(redis: RedisServer, turn: int) -> None:
    """Give each value another's, a part of it, or a bit that is not its own."""
    names = [name for name in redis.client.keys("wf:*") if b":turn:" not in name]
    held = {name: redis.client.get(name) for name in names}
    values = [value for value in held.values() if isinstance(value, bytes)]
    for name, value, other in zip(held, values, reversed(values), strict=False):
        flipped = bytes([value[-1] ^ 1])
        lies = (other, value[:-1], value[:-1] + flipped, value[:16] + other[16:])
        redis.client.set(name, lies[turn % len(lies)], ex=3600)


async def hurt(run: Run, house: House, redis: RedisServer) -> Counter[str]:
    """Do to Redis all that can be done to it, round after round, at least until it has lied.

    A machine that is slow finds it slow, too, and asks it for nothing until there is less to do.
    """
    done: Counter[str] = Counter()
    has_lied = False
    for turn in range(ROUNDS):
        deeds: Mapping[str, tuple[Callable[[], None], float]] = {
            "lies": (partial(lie, redis, turn), AWAY),
            "flush": (redis.flush, AWAY),
            "freeze": (redis.freeze, AWAY),
            "thaw": (redis.thaw, AWAY),
            "kill": (redis.kill, AWAY),
            "start": (redis.start, WELL),
        }
        for name, (deed, seconds) in deeds.items():
            await asyncio.to_thread(deed)
            done[name] += 1
            await asyncio.sleep(seconds)
        if not has_lied and min((await cache_of(house)).values()) > 0:
            has_lied = True
            run.working -= 1
        if run.is_over:
            return done
    raise AssertionError(await cache_of(house))


def story(number: int, version: int = 1) -> dict[str, Any]:
    topic = number % TOPICS
    return {
        "uri": f"urn:mix:{number}",
        "version": str(version),
        "versioncreated": "2026-03-01T12:00:00Z",
        "pubstatus": "usable",
        "language": "en",
        "headline": f"zq-head-{topic}- in version {version}",
        "description_text": "A summary for those who may see it.",
        "body_html": f"<p>A first paragraph.</p><p>zq-full-{topic}- and more.</p>",
        "ednote": f"zq-note-{topic}- for editors",
        "keywords": [f"zk{topic}"],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An agency of many topics, with its Redis, and the credentials of each class."""

    house: House
    redis: RedisServer
    owner: str
    newsroom: str
    #: By class: how it comes in.
    doors: Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    folder = tmp_path / "agency"
    folder.mkdir()
    house = house_in(folder)
    topics = (
        f'[[topics]]\nslug = "t{n}"\nkeywords = ["zk{n}"]\nnames = {{ en = "Topic {n}" }}\n'
        for n in range(TOPICS)
    )
    (folder / "config" / "topics.toml").write_text("".join(topics), "utf-8")
    (folder / "config" / "plans.toml").write_text("".join(map(plan, FORMS)), "utf-8")
    stories = (json.dumps(story(number)) for number in range(TOPICS * STORIES))
    (folder / "stories.jsonl").write_text("\n".join(stories), "utf-8")
    command(house, "import", "stories.jsonl")
    command(house, "admins", "add", "owner", "--role", "owner")
    doors = {name: doors_of(house, name) for name in FORMS if name != "public"}
    with redis_server(tmp_path) as redis:
        yield Stage(
            house=house,
            redis=redis,
            owner=command(house, "tokens", "issue", "--admin", "owner"),
            newsroom=command(house, "tokens", "issue", "--source", "newsroom"),
            doors={"public": [{"base": "", "headers": {}}], **doors},
        )


def plan(name: str) -> str:
    """Write a plan down in its first form."""
    lines = [f'[[plans]]\nname = "{name}"\n']
    for one in FORMS[name][0]:
        lines.append("[[plans.grants]]\n")
        lines += [f"{key} = {json.dumps(value)}\n" for key, value in one.items()]
    return "".join(lines)


def doors_of(house: House, name: str) -> list[Mapping[str, Any]]:
    command(house, "subscribers", "add", name, "--name", name.title(), "--plan", name)
    token = command(house, "tokens", "issue", name)
    base = command(house, "feedkeys", "issue", name).removeprefix(PUBLIC_URL).rstrip("/")
    bearer = {"Authorization": f"Bearer {token}"}
    return [{"base": base, "headers": {}}, {"base": "/subscriber", "headers": bearer}]


async def test_no_answer_is_of_another_class(stage: Stage, soak: bool, tell: Tell):
    run = Run(port=stage.house.port, requests=REQUESTS_AT_FULL_SIZE if soak else REQUESTS)
    flips = FLIPS_AT_FULL_SIZE if soak else FLIPS
    clients = [
        Client(run, name, form, stage.doors[name][twin % len(stage.doors[name])], seed)
        for seed, (name, form, twin) in enumerate(itertools.product(FORMS, FORMATS, range(TWINS)))
    ]
    with workers(stage.house, **MEMORY, WIREFEED_REDIS__URL=stage.redis.url) as server:
        await asyncio.to_thread(begun, server)
        async with asyncio.TaskGroup() as group:
            run.working = 3
            for client in clients:
                group.create_task(client.ask_on())
            for change in (
                flip_plans(run, stage.owner, flips),
                correct(run, stage.newsroom, flips),
            ):
                group.create_task(working(run, change))
            hurting = group.create_task(hurt(run, stage.house, stage.redis))
            connected = group.create_task(connections(run, stage.house))
        cache = await cache_of(stage.house)
    hurts = hurting.result()
    tell(
        f"interleaved: {run.done:,} requests ({run.left} left), {flips} plan flips, {dict(hurts)},"
        f" {dict(run.answers)}, cache {cache}"
    )
    assert run.wrong == []
    # All of it did happen: both answered, each class saw what others did not, Redis was asked,
    # and lied.
    assert min(connected.result()) > 2
    assert min(hurts.values()) >= 2
    assert min(cache.values()) > 0
    for name in FORMS:
        shown = {(topic, what) for seen, topic, what in run.seen if seen == name}
        assert {topic for topic, _ in shown} == set(range(TOPICS))
        assert len(shown) > TOPICS
        assert run.answers[name, 304] > 100


CACHE = ("memory", "redis", "made", "forged", "redis-failed")


async def cache_of(house: House) -> dict[str, float]:
    """Count what became of what was asked of the cache."""
    told = await metrics(house)
    return {
        name: told.get(f'wirefeed_cache_answers_total{{outcome="{name}"}}', 0) for name in CACHE
    }


async def working(run: Run, work: Awaitable[None]) -> None:
    await work
    run.working -= 1


async def metrics(house: House) -> dict[str, float]:
    line = Line(house.port + 1)
    told = (await line.ask("/metrics", {})).body.decode()
    line.close()
    pairs = (one.rpartition(" ") for one in told.splitlines() if not one.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


async def connections(run: Run, house: House) -> list[float]:
    """Say how many each worker had at nine moments: they are shared out unevenly at any one."""
    had = [0.0, 0.0]
    for tenth in range(1, 10):
        await run_on(run, run.requests * tenth // 10)
        told = await metrics(house)
        for worker in (1, 2):
            had[worker - 1] += told.get(f'wirefeed_connections{{worker="{worker}"}}', 0)
    return had
