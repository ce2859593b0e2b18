"""S-22, the rights: every way to the full text follows what becomes of its subscriber.

Two workers on one database, both with warm caches: what happens at the first is in force at
both by the next request.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio

from tests.support.agency import DAY, HOUR, Agency, running
from tests.support.answers import Answer, ask, basic
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.errors import NotFound
from wirefeed.domain.handovers import KeyTerms
from wirefeed.domain.plans import Plan, Subscriber, Subscription
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms
from wirefeed.web.request import KEY_COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(agency: Agency) -> AsyncIterator[list[Agency]]:
    """Give two workers on one database: what happens, happens at the first."""
    await agency.publish("urn:test:sport", "sport", body_html=body("zq-sport"))
    await agency.publish("urn:test:economy", "economy", body_html=body("zq-economy"))
    async with running(agency.settings, agency.clock) as second:
        yield [agency, second]


def body(canary: str) -> str:
    return f"<p>{'For everybody. ' * 60}</p><p>The {canary} is for subscribers.</p>"


SPORT, BOTH = frozenset({"sport"}), frozenset({"sport", "economy"})


def canaries(content: bytes) -> frozenset[str]:
    """Say which topics' full text is in an answer."""
    return frozenset(topic for topic in BOTH if f"zq-{topic}".encode() in content)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """A way to the full text: an address, and what is brought along."""

    name: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    #: What it leads to.
    topics: frozenset[str] = BOTH

    async def ask(self, worker: Agency, **headers: str) -> Answer:
        return await ask(worker, self.path, {**self.headers, **headers})


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A subscriber that has sport by a plan of its own, and economy beside it."""

    name: str
    plan: str
    ways: list[Way]
    #: The ids of its feed keys, and of its first token.
    keys: list[str]
    jti: str


async def leads(victim: Victim, workers: list[Agency], left: Mapping[str, frozenset[str]]) -> None:
    """Each way leads to what is left of it, at each worker, once a request would have returned."""
    for worker in workers:
        await worker.services.follower.in_force()
    for worker in workers:
        for way in victim.ways:
            found = canaries((await way.ask(worker)).body)
            assert found == way.topics & left.get(way.name, left["*"]), way.name


async def a_victim(agency: Agency, name: str, ends: int | None = None) -> Victim:
    plan, services, now = f"plan-{name}", agency.services, agency.clock.now
    await services.plans.put(Plan(name=plan, grants=(whole(plan),)))
    await services.accounts.add_subscriber(
        Subscriber(
            id=name,
            subscriptions=(
                Subscription(plan=plan, starts=now - DAY, ends=ends),
                Subscription(plan="economy", starts=now - DAY),
            ),
        )
    )
    keys = [await services.feed_keys.issue(name, feeds=feeds) for feeds in ((), ("en/sport",), ())]
    terms = Terms(subscriber=name, days=30)
    first = await services.tokens.issue(terms)
    derived = await services.tokens.issue(terms, parent=first.row)
    one, narrow, other = (key.secret for key in keys)
    await services.feed_keys.select(keys[2].row.id, frozenset({"sport", "economy"}))
    ways = [
        Way(name="key", path=f"/f/{one}/en/latest.json"),
        Way(name="key of one feed", path=f"/f/{narrow}/en/topics/sport.atom", topics=SPORT),
        Way(name="other key", path=f"/f/{other}/en/latest.json"),
        Way(name="chosen topics", path=f"/f/{other}/en/mine.json"),
        *await ways_by_header(agency, other, first.secret, derived.secret),
    ]
    return Victim(name=name, plan=plan, ways=ways, keys=[k.row.id for k in keys], jti=first.row.jti)


async def ways_by_header(agency: Agency, key: str, token: str, derived: str) -> list[Way]:
    (sport,) = await agency.services.publishing.listing(topic="sport", limit=1)
    feed, page = "/subscriber/en/latest.rss", f"/subscriber/en/stories/{sport.id}"
    return [
        Way(name="basic", path=feed, headers=basic(key)),
        Way(name="token", path=feed, headers={"Authorization": f"Bearer {token}"}),
        Way(name="token of a token", path=feed, headers={"Authorization": f"Bearer {derived}"}),
        Way(name="page", path=page, headers={"Cookie": f"{KEY_COOKIE}={key}"}, topics=SPORT),
    ]


def whole(plan: str, *topics: str, **changed: Any) -> Grant:
    grant = Grant(plan=plan, topics=frozenset(topics or ("sport",)), level=Level.FULL)
    return replace(grant, **changed)


Event = Callable[[Agency, Victim], Awaitable[object]]
NOTHING, ECONOMY = frozenset[str](), frozenset({"economy"})


def plan_becomes(*topics: str, **changed: Any) -> Event:
    async def put(agency: Agency, victim: Victim) -> None:
        plan = Plan(name=victim.plan, grants=(whole(victim.plan, *topics, **changed),))
        await agency.services.plans.put(plan)

    return put


def subscription_becomes(change: Callable[[Subscription], Subscription]) -> Event:
    async def put(agency: Agency, victim: Victim) -> None:
        def changed(held: Subscriber) -> Subscriber:
            own = tuple(change(s) if s.plan == victim.plan else s for s in held.subscriptions)
            return replace(held, subscriptions=own)

        await agency.services.accounts.change_subscriber(victim.name, changed)

    return put


async def time_passes(agency: Agency, _: Victim) -> None:
    agency.clock.advance(HOUR)


#: What may happen to a subscriber, and what it still has then.
EVENTS: dict[str, tuple[Event, frozenset[str]]] = {
    "it is removed": (lambda a, v: a.services.accounts.remove_subscriber(v.name), NOTHING),
    "it is suspended": (lambda a, v: a.services.accounts.suspend(v.name), NOTHING),
    "its subscription is suspended": (
        subscription_becomes(lambda s: replace(s, suspended=True)),
        ECONOMY,
    ),
    "its subscription is of a lesser plan": (
        subscription_becomes(lambda s: replace(s, plan="economy", starts=s.starts + 1)),
        ECONOMY,
    ),
    "its subscription is ended": (
        subscription_becomes(lambda s: replace(s, ends=s.starts + HOUR)),
        ECONOMY,
    ),
    "its subscription ends by the clock": (time_passes, ECONOMY),
    "a topic leaves its plan": (plan_becomes("politics"), ECONOMY),
    "its plan excepts a topic": (plan_becomes("*", excepted=SPORT), ECONOMY),
    "its plan gives summaries": (plan_becomes(level=Level.SUMMARY), ECONOMY),
    "its plan gives another language": (plan_becomes(languages=frozenset({"tr"})), ECONOMY),
}


@pytest.mark.parametrize("event", EVENTS)
async def test_s22_every_way_to_the_text_follows_at_the_next_request(
    workers: list[Agency], event: str
):
    first = workers[0]
    happens, left = EVENTS[event]
    victim = await a_victim(first, event.replace(" ", "-"), first.clock.now + HOUR)
    await leads(victim, workers, {"*": BOTH})
    tags = {way: (await way.ask(first)).headers.get("ETag", "") for way in victim.ways}

    await happens(first, victim)
    # As a request or a command does before it returns.
    await first.services.follower.in_force()

    for worker in workers:
        for way in victim.ways:
            answer = await way.ask(worker, **{"If-None-Match": tags[way]})
            assert answer.status != 304, way.name
            assert answer.headers.get("ETag") != tags[way] or not tags[way], way.name
    await leads(victim, workers, {"*": left})


async def test_s22_a_revoked_key_leaves_the_others_and_takes_all_it_was_used_for(
    workers: list[Agency],
):
    victim = await a_victim(workers[0], "revoked-key")
    await leads(victim, workers, {"*": BOTH})
    await workers[0].services.feed_keys.revoke(victim.keys[2])
    left = dict.fromkeys(("other key", "chosen topics", "basic", "page"), NOTHING)
    await leads(victim, workers, {"*": BOTH, **left})
    await workers[0].services.feed_keys.rotate(victim.keys[0])
    await leads(victim, workers, {"*": BOTH, **left, "key": NOTHING})


async def test_s22_a_revoked_token_takes_those_that_were_issued_with_it(workers: list[Agency]):
    victim = await a_victim(workers[0], "revoked-token")
    await leads(victim, workers, {"*": BOTH})
    await workers[0].services.tokens.revoke(victim.jti)
    await leads(victim, workers, {"*": BOTH, "token": NOTHING, "token of a token": NOTHING})


async def test_s22_the_same_id_again_revives_nothing(workers: list[Agency]):
    first = workers[0]
    old = await a_victim(first, "again")
    await leads(old, workers, {"*": BOTH})
    await first.services.accounts.remove_subscriber("again")

    new = await a_victim(first, "again")

    await leads(new, workers, {"*": BOTH})
    await leads(old, workers, {"*": NOTHING})
    for worker in workers:
        for way in old.ways:
            assert (await way.ask(worker)).status in {401, 404}, way.name
    for key in old.keys:
        with pytest.raises(NotFound):
            await first.services.feed_keys.get(key)
    with pytest.raises(NotFound):
        await first.services.tokens.get(old.jti)


@pytest.mark.parametrize("event", ["it is removed", "it is suspended", "a topic leaves its plan"])
async def test_s22_a_link_that_was_issued_before_gives_no_more_than_there_is_left(
    workers: list[Agency], event: str
):
    first, second = workers
    name = f"link-{event.replace(' ', '-')}"
    victim = await a_victim(first, name)
    link = await first.services.handovers.issue(name, KeyTerms())

    await EVENTS[event][0](first, victim)

    opened = await ask(second, f"/h/{link.secret}", method="POST")
    found = re.search(rb"wf_feed_[0-9A-Za-z]{36}", opened.body)
    if event == "it is removed":
        assert (opened.status, found) == (404, None)
        return
    assert found is not None
    given = Way(name="given", path=f"/f/{found[0].decode()}/en/latest.json")
    for worker in workers:
        assert canaries((await given.ask(worker)).body) == EVENTS[event][1]


# --- those who are no subscribers ----------------------------------------------------------------

PLANS = "/api/v1/admin/plans"


async def administers(workers: list[Agency], headers: Mapping[str, str]) -> set[int]:
    """Say how each worker answers who wants to read plans, and who wants to change one."""
    changed = {**headers, "If-Match": '"any"', "Content-Type": "application/json"}
    return {
        answer.status
        for worker in workers
        for answer in (
            await ask(worker, PLANS, headers),
            await ask(worker, f"{PLANS}/no-such-plan", changed, method="DELETE"),
        )
    }


async def test_s22_an_administrator_is_what_it_is_at_the_next_request(workers: list[Agency]):
    administrators, tokens = workers[0].services.administrators, workers[0].services.tokens
    await administrators.put("first", Role.OWNER)
    await administrators.put("second", Role.OWNER)
    issued = await tokens.issue(Terms(admin="second", days=1))
    headers = {"Authorization": f"Bearer {issued.secret}"}
    assert await administers(workers, headers) == {200, 404}
    await administrators.put("second", Role.SALES)
    assert await administers(workers, headers) == {200, 403}
    await administrators.put("second", Role.DESK)
    assert await administers(workers, headers) == {403}
    await administrators.remove("second")
    assert await administers(workers, headers) == {401}
    await administrators.put("second", Role.OWNER)
    assert await administers(workers, headers) == {401}


async def test_s22_a_newsroom_sends_no_more_once_its_token_is_revoked(workers: list[Agency]):
    tokens = workers[0].services.tokens
    issued = await tokens.issue(Terms(source="bureau", days=1))
    headers = {"Authorization": f"Bearer {issued.secret}"}
    for worker in workers:
        assert (await ask(worker, "/api/v1/stories", headers, method="POST")).status == 415
    await tokens.revoke(issued.row.jti)
    for worker in workers:
        assert (await ask(worker, "/api/v1/stories", headers, method="POST")).status == 401
