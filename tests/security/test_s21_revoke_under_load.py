"""S-21: a revoke that has returned is in force, whoever is asking at that moment, and how.

Two servers on one database, eight clients that never pause: over connections kept and new,
with keys in addresses, in HTTP Basic and in cookies, and with tokens; for every format, whole,
by head, by validators, by ranges. Each answer is kept, and judged when its round is over.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest

from tests.security.hammering import Address, Client, Heard, addresses_of
from tests.support.house import House, house_in, serving
from tests.support.process import PATIENCE, free_ports, wirefeed
from wirefeed.composition import Services, open_services, utc_now
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.plans import Plan, Subscriber, Subscription
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message

ROUNDS, ROUNDS_AT_FULL_SIZE, ROUNDS_ONCE_MORE = 20, 200, 10
CLIENTS = 8
#: It stands in the full text alone.
CANARY = b"zq-canary"
STORY = b"""{"uri": "urn:test:canary", "version": "1", "pubstatus": "usable", "language": "en",
"versioncreated": "2026-03-01T12:00:00Z", "headline": "A headline for everybody",
"description_text": "A summary for everybody.", "subject": [{"code": "medtop:15000000"}],
"body_html": "<p>A paragraph for everybody.</p><p>The zq-canary is for subscribers.</p>"}"""

#: Clients that go on asking with what was revoked would else be told to wait.
UNLIMITED = {"WIREFEED_GUESSING__PER_MINUTE": "0", "WIREFEED_GUESSING__PER_HOUR": "0"}
#: A feed key that lapses gives what the public has.
KEYS = {"path": 200, "basic": 200, "cookie": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A subscriber with a plan of its own, and what it comes with."""

    name: str
    plan: str
    key: str
    key_id: str
    token: str
    jti: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A way to take the full text away: a command, or a call of the API."""

    does: str
    #: What carried the full text before, and the status that answers it ever after.
    answers: Mapping[str, int]
    #: Of a call.
    body: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_call(self) -> bool:
        return self.does.startswith(("POST ", "PUT ", "PATCH ", "DELETE "))


TOKEN_GONE, NOTHING_LIVE, LESS = {"token": 401}, KEYS | {"token": 403}, KEYS | {"token": 200}
ALL_GONE = {"path": 404, "basic": 401, "cookie": 401, "token": 401}
_ADMIN = "/api/v1/admin"
_KEY, _SUBSCRIBER, _PLAN = (
    f"{_ADMIN}/feed-keys/{{key_id}}",
    f"{_ADMIN}/subscribers/{{name}}",
    f"{_ADMIN}/plans/{{plan}}",
)
SUMMARIES = {"grants": [{"topics": ["sport"], "level": "summary"}]}
#: By turns, the command line and the API.
ACTS = [
    Act(does="feedkeys revoke {key_id}", answers=KEYS),
    Act(does=f"POST {_KEY}/revoke", answers=KEYS),
    Act(does="tokens revoke -- {jti}", answers=TOKEN_GONE),
    Act(does=f"POST {_SUBSCRIBER}/tokens/{{jti}}/revoke", answers=TOKEN_GONE),
    Act(does="subscribers suspend {name}", answers=NOTHING_LIVE),
    Act(does=f"POST {_SUBSCRIBER}/suspend", body={"plan": "{plan}"}, answers=NOTHING_LIVE),
    Act(does="subscribers set {name} --plan economy", answers=LESS),
    Act(
        does=f"PATCH {_SUBSCRIBER}",
        body={"subscriptions": [{"plan": "economy"}]},
        answers=LESS,
    ),
    Act(does="subscribers set {name} --until 2026-01-01", answers=NOTHING_LIVE),
    Act(does=f"PATCH {_SUBSCRIBER}", body={"subscriptions": []}, answers=NOTHING_LIVE),
    Act(does="plans set {plan} --topics sport --level summary --yes", answers=LESS),
    Act(does=f"PUT {_PLAN}", body=SUMMARIES, answers=LESS),
    Act(does="feedkeys rotate {key_id}", answers=KEYS),
    Act(does=f"POST {_KEY}/rotate", answers=KEYS),
    Act(does="subscribers remove {name}", answers=ALL_GONE),
    Act(does=f"DELETE {_SUBSCRIBER}", answers=ALL_GONE),
    # By its reader, on its own page; by the owner of a token, with itself; by whoever found it.
    Act(does="POST /f/{key}/rotate", answers=KEYS),
    Act(does="POST /api/v1/account/tokens/{jti}/revoke", answers=TOKEN_GONE),
    Act(does="POST /api/v1/leaks", body={"secrets": ["{key}"]}, answers=KEYS),
    Act(does="POST /api/v1/leaks", body={"secrets": ["{token}"]}, answers=TOKEN_GONE),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An agency with two servers and a victim for each round."""

    house: House
    urls: tuple[str, str]
    story: str
    #: An administrator's token.
    owner: str
    victims: list[Victim] = field(default_factory=list)


@pytest.fixture
def stage(tmp_path: Path, soak: bool, bare: bool) -> Iterator[Stage]:
    rounds = ROUNDS_AT_FULL_SIZE if soak else ROUNDS_ONCE_MORE if bare else ROUNDS
    house = house_in(tmp_path)
    second = replace(
        house,
        port=(port := free_ports(2)),
        environ={**house.environ, "WIREFEED_SERVER__PORT": str(port)},
    )
    with ExitStack() as servers:
        for one in (house, second):
            servers.enter_context(serving(one, **UNLIMITED))
        yield asyncio.run(prepared(house, second.url, rounds))


async def prepared(house: House, second: str, rounds: int) -> Stage:
    async with open_services(house.settings()) as services:
        message = Message(raw=STORY, revision=ninjs.parse(STORY))
        (receipt,) = await services.publishing.accept_all([message], "newsroom")
        assert receipt.story is not None
        await services.administrators.add("eva", Role.OWNER)
        return Stage(
            house=house,
            urls=(house.url, second),
            story=receipt.story.id,
            owner=(await services.tokens.issue(Terms(admin="eva", days=1))).secret,
            victims=[await a_victim(services, number) for number in range(rounds)],
        )


async def a_victim(services: Services, number: int) -> Victim:
    name, plan = f"victim-{number}", f"plan-{number}"
    whole = Grant(plan=plan, topics=frozenset({"sport"}), level=Level.FULL)
    await services.plans.put(Plan(name=plan, grants=(whole,)))
    held = (Subscription(plan=plan, starts=utc_now()),)
    await services.accounts.add_subscriber(Subscriber(id=name, subscriptions=held))
    key = await services.feed_keys.issue(name)
    token = await services.tokens.issue(Terms(subscriber=name, days=1))
    return Victim(
        name=name,
        plan=plan,
        key=key.secret,
        key_id=key.row.id,
        token=token.secret,
        jti=token.row.jti,
    )


def test_s21_no_answer_to_a_request_begun_after_a_revoke_holds_full_text(stage: Stage, tell):
    judged, slowest = 0, 0.0
    for victim, act in zip(stage.victims, itertools.cycle(ACTS), strict=False):
        began = time.monotonic()
        judged += asyncio.run(a_round(stage, victim, act))
        slowest = max(slowest, time.monotonic() - began)
    tell(
        f"revoke under load: {len(stage.victims)} rounds, {CLIENTS} clients, 2 servers;"
        f" {judged} answers to requests begun after it, 0 with full text;"
        f" slowest round {slowest:.2f} s"
    )


async def a_round(stage: Stage, victim: Victim, act: Act) -> int:
    """Take the full text away from clients at work; give how many answers were judged."""
    addresses = addresses_of(victim.key, victim.token, stage.story)
    clients = [a_client(stage, number, addresses, act) for number in range(CLIENTS)]
    stop = asyncio.Event()
    try:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.ask_until(stop))
            for client in clients:
                await client.fed.wait()
            returned = await (called if act.is_call else commanded)(stage, act, victim)
            stop.set()
    finally:
        for client in clients:
            await client.close()
    return sum(judge(act, client, returned) for client in clients)


def a_client(
    stage: Stage, number: int, addresses: Mapping[str, tuple[Address, ...]], act: Act
) -> Client:
    """Each way of carrying a credential, over both kinds of connection, at both servers."""
    carriers = list(act.answers)
    server = stage.urls[number // len(carriers) % 2]
    asked = addresses[carriers[number % len(carriers)]]
    return Client(server, asked, CANARY, keeps=number < CLIENTS // 2)


async def commanded(stage: Stage, act: Act, victim: Victim) -> float:
    """Do it in a process of its own; give the time when it said the last there was to say."""
    arguments = act.does.format(**asdict(victim)).split()

    def run() -> float:
        house = stage.house
        with wirefeed(*arguments, folder=house.folder, environ=house.environ) as ran:
            at = 0.0
            while (line := ran.lines.get(timeout=PATIENCE)) is not None:
                at = time.monotonic()
                ran.said.append(line)
            ran.process.join(PATIENCE)
            assert ran.process.exitcode == 0, ran.said
            return at

    return await asyncio.to_thread(run)


async def called(stage: Stage, act: Act, victim: Victim) -> float:
    """Do it at the first server; give the time when it had answered."""
    method, path = act.does.format(**asdict(victim)).split()
    token = victim.token if "/account/" in path else stage.owner
    body = json.dumps(act.body)
    for name, value in asdict(victim).items():
        body = body.replace(f"{{{name}}}", value)
    headers = {"Authorization": f"Bearer {token}"}
    if act.body:
        headers["Content-Type"] = "application/json"
    async with (
        aiohttp.ClientSession(stage.urls[0]) as http,
    ):
        if method in {"PUT", "PATCH", "DELETE"}:
            async with http.get(path, headers=headers) as held:
                headers["If-Match"] = held.headers["ETag"]
        answer = await http.request(method, path, data=body if act.body else None, headers=headers)
        at = time.monotonic()
        assert answer.status < 300, (act.does, await answer.text())
        return at


def judge(act: Act, client: Client, returned: float) -> int:
    """Refuse full text, and whatever says that the full document is still the one."""
    later = [heard for heard in client.heard if heard.began > returned]
    assert len(later) >= client.ways
    for heard in later:
        assert not gives_away(heard, client), (act.does, heard)
        assert heard.status == act.answers[heard.carrier], (act.does, heard)
    return len(later)


def gives_away(heard: Heard, client: Client) -> bool:
    whole = heard.head + heard.body
    tags = (tag.encode() for tag in client.tags.values() if tag)
    return heard.status == 304 or CANARY in whole or any(tag in whole for tag in tags)
