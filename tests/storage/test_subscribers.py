"""Plans and subscribers: held as they are, changed in place, removed with all they have."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.samples import numbers, words
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.credentials import FeedKey, Scope, Token
from wirefeed.domain.plans import (
    DAY,
    Plan,
    Subscriber,
    SubscriberKind,
    Subscription,
    endings,
)
from wirefeed.domain.readers import State, state
from wirefeed.storage import account_tables as tables
from wirefeed.storage import credentials, subscribers
from wirefeed.storage.database import Database

one_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

names = st.frozensets(words, min_size=1, max_size=3)
grants = st.builds(
    Grant,
    plan=words,
    topics=names,
    languages=names,
    excepted=st.frozensets(words.filter(lambda word: word != ALL), max_size=3),
    level=st.sampled_from([Level.SUMMARY, Level.FULL]),
    delay=st.integers(0, 2**62),
    media=st.booleans(),
    early=st.booleans(),
    notes=st.booleans(),
    archive_days=st.none() | numbers,
)
#: What people may be called: letters and signs that show.
shown = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=8)
plans = st.builds(
    Plan,
    name=st.sampled_from(["gold", "silver"]),
    grants=st.lists(grants, max_size=3).map(tuple),
    labels=st.dictionaries(words, shown, max_size=3),
    prices=st.dictionaries(words, shown, max_size=3),
    subscribe_urls=st.dictionaries(words, shown.map("https://{}".format), max_size=3),
    trial_days=st.none() | st.integers(1, 100),
    version=st.integers(1, 100),
    changed=numbers,
)
subscriptions = st.builds(
    Subscription,
    plan=words,
    starts=numbers,
    ends=st.none() | numbers,
    grace_days=st.integers(0, 100),
    trial=st.booleans(),
    suspended=st.booleans(),
    suspended_since=st.none() | numbers,
)
people = st.builds(
    Subscriber,
    id=st.sampled_from(["acme", "zeta"]),
    kind=st.sampled_from(SubscriberKind),
    name=shown,
    contact=shown,
    notes=shown,
    suspended=st.booleans(),
    suspended_since=st.none() | numbers,
    subscriptions=st.lists(subscriptions, max_size=3).map(tuple),
    changed=numbers,
)

ACME = Subscriber(
    id="acme",
    name="Acme",
    contact="a@acme.example",
    subscriptions=(Subscription(plan="g", starts=1),),
)


async def keep(database: Database, *kept: Subscriber) -> None:
    async with database.writing() as conn:
        for subscriber in kept:
            await subscribers.put_subscriber(conn, subscriber)


# --- plans ---------------------------------------------------------------------------------------


@one_database
@given(plan=plans)
async def test_a_plan_comes_back_as_it_was_put(conn, plan):
    await subscribers.put_plan(conn, plan)
    assert (await subscribers.plans(conn))[plan.name] == plan


async def test_a_plan_counts_its_changes(database):
    plan = Plan(name="gold", grants=())
    async with database.writing() as conn:
        for changed in (5, 6):
            version = await subscribers.last_version(conn, "gold") + 1
            await subscribers.put_plan(conn, replace(plan, changed=changed, version=version))
        assert (await subscribers.plans(conn))["gold"].version == 2
        versions = await subscribers.plan_versions(conn, "gold")
        assert [(one.version, one.changed) for one in versions] == [(2, 6), (1, 5)]
        await subscribers.remove_plan(conn, "gold")
        assert await subscribers.last_version(conn, "gold") == 2


async def test_the_same_plan_is_kept_as_the_same_text(database):
    topics = [f"t{n}" for n in range(50)]
    texts = set()
    for order in (topics, topics[::-1]):
        grant = Grant(plan="gold", topics=frozenset(order))
        async with database.writing() as conn:
            await subscribers.put_plan(conn, Plan(name="gold", grants=(grant,)))
            texts.add((await conn.exec_driver_sql("SELECT definition FROM plans")).scalar_one())
    assert len(texts) == 1
    assert str(sorted(topics)).replace("'", '"').replace(" ", "") in texts.pop()


async def test_a_plan_is_removed_once(database):
    async with database.writing() as conn:
        await subscribers.put_plan(conn, Plan(name="gold", grants=()))
        assert await subscribers.remove_plan(conn, "gold")
        assert not await subscribers.remove_plan(conn, "gold")
        assert await subscribers.plans(conn) == {}


# --- subscribers ---------------------------------------------------------------------------------


@one_database
@given(held=people)
async def test_a_subscriber_comes_back_as_it_was_put(conn, held):
    await subscribers.put_subscriber(conn, held)
    assert await subscribers.subscriber(conn, held.id) == held
    assert held in await subscribers.subscribers(conn)


async def test_a_subscriber_that_is_not_there_is_not_found(database):
    async with database.reading() as conn:
        assert await subscribers.subscriber(conn, "acme") is None
        assert await subscribers.subscribers(conn) == []


@pytest.mark.parametrize(
    ("after", "limit", "found"),
    [(None, 2, ["a1", "a2"]), ("a2", 2, ["a3"]), ("a3", 2, [])],
)
async def test_subscribers_are_listed_page_by_page(database, after, limit, found):
    await keep(database, *(replace(ACME, id=f"a{n}") for n in (3, 1, 2)))
    async with database.reading() as conn:
        page = await subscribers.subscribers(conn, after, limit)
    assert [subscriber.id for subscriber in page] == found
    assert all(subscriber.subscriptions == ACME.subscriptions for subscriber in page)


# --- how they stand, and what ends ---------------------------------------------------------------

NOW = 1_772_366_400_000_000
turns = st.integers(-3, 3).map(lambda days: NOW + days * DAY)
dated = st.builds(
    Subscription,
    plan=st.sampled_from(["gold", "silver"]),
    starts=turns,
    ends=st.none() | turns,
    grace_days=st.integers(0, 2),
    suspended=st.booleans(),
)
many = st.lists(
    st.builds(
        Subscriber,
        id=st.sampled_from(list("abcdef")),
        suspended=st.booleans(),
        subscriptions=st.lists(dated, max_size=3).map(tuple),
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)


@one_database
@given(kept=many)
async def test_subscribers_are_found_by_how_they_stand(conn, kept):
    await conn.execute(tables.subscribers.delete())
    await subscribers.put_subscribers(conn, kept)
    for wanted in State:
        found = await subscribers.subscribers(conn, state=wanted, now=NOW)
        stand = sorted(one.id for one in kept if state(one, NOW)[0] is wanted)
        assert [one.id for one in found] == stand


@one_database
@given(kept=many)
async def test_subscribers_are_found_by_plan(conn, kept):
    await conn.execute(tables.subscribers.delete())
    await subscribers.put_subscribers(conn, kept)
    having = {one.id for one in kept for s in one.subscriptions if s.plan == "gold"}
    found = await subscribers.subscribers(conn, plan="gold")
    assert [one.id for one in found] == sorted(having)
    live = await subscribers.subscribers(conn, plan="gold", state=State.LIVE, now=NOW)
    assert live == [one for one in found if state(one, NOW)[0] is State.LIVE]
    now_or_later = {
        one.id
        for one in kept
        for s in one.subscriptions
        if s.plan == "gold" and (s.closes is None or s.closes > NOW)
    }
    assert await subscribers.holders(conn, "gold", NOW, 9) == sorted(now_or_later)
    assert await subscribers.holders(conn, "gold", NOW, 1) == sorted(now_or_later)[:1]
    assert await subscribers.held(conn, ["a", "b", "z"]) == {
        one.id: one for one in kept if one.id in "ab"
    }


@one_database
@given(kept=many)
async def test_those_with_something_that_ends_are_found(conn, kept):
    await conn.execute(tables.subscribers.delete())
    await subscribers.put_subscribers(conn, kept)
    until = NOW + 2 * DAY
    found, _ = await subscribers.ending(conn, NOW, until, 99)
    ends = {one.id: [e.ends for e in endings(one, NOW) if e.ends < until] for one in kept}
    # Whose end counts, when it was renewed or is suspended, the domain says.
    assert {one.id for one in found} >= {name for name, found in ends.items() if found}


async def test_subscriptions_that_end_come_in_their_order(database):
    def ending(name, *ends):
        subs = tuple(Subscription(plan="g", starts=1, ends=NOW + end) for end in ends)
        return Subscriber(id=name, subscriptions=subs)

    await keep(database, ending("c", 5), ending("b", 9, 3), ending("a", 20), ending("d", -1))
    async with database.reading() as conn:
        found, last = await subscribers.ending(conn, NOW, NOW + 10, 9)
        assert ({one.id for one in found}, last) == ({"b", "c"}, None)
        found, last = await subscribers.ending(conn, NOW, NOW + 10, 2)
        assert ([one.id for one in found], last) == (["b"], (NOW + 3, "b"))
        found, last = await subscribers.ending(conn, NOW, NOW + 10, 9, after=(NOW + 5, "c"))
        assert ([one.id for one in found], last) == (["b"], None)


async def test_tokens_of_subscribers_that_expire_are_found(database):
    await keep(database, ACME)
    async with database.writing() as conn:
        await credentials.add_source(conn, "desk", 1)
        for jti, expires, fields in (
            ("b", 7, {}),
            ("a", 9, {}),
            ("gone", 5, {}),
            ("later", 10, {}),
            ("revoked", 8, {"revoked": 1}),
            ("desk", 8, {"subscriber": None, "source": "desk"}),
        ):
            await credentials.add_token(conn, replace(TOKEN, jti=jti, expires=expires, **fields))
        found = await credentials.expiring(conn, 5, 10, 50)
    assert [token.jti for token in found] == ["b", "a"]


TOKEN = Token(
    jti="t1",
    subscriber="acme",
    source=None,
    name="",
    scopes=frozenset({Scope.FEEDS_READ}),
    issued=1,
    expires=2,
    # No key here has signed it.
    believed=0,
)
KEY = FeedKey(id="k1", subscriber="acme", name="", tail="abcd", issued=1)


async def test_a_changed_subscriber_keeps_its_credentials(database):
    await keep(database, ACME)
    async with database.writing() as conn:
        await credentials.add_token(conn, TOKEN)
        await credentials.add_feed_key(conn, KEY, b"digest")
        await subscribers.put_subscriber(conn, replace(ACME, name="Acme Ltd", subscriptions=()))
        assert await credentials.tokens(conn) == [TOKEN]
        assert await credentials.feed_keys(conn) == [KEY]


async def test_a_removed_subscriber_leaves_nothing(database):
    await keep(database, ACME, replace(ACME, id="zeta"))
    async with database.writing() as conn:
        await credentials.add_token(conn, TOKEN)
        await credentials.add_feed_key(conn, KEY, b"digest")
    async with database.writing() as conn:
        assert await subscribers.remove_subscriber(conn, "acme")
        assert not await subscribers.remove_subscriber(conn, "acme")
        assert [s.id for s in await subscribers.subscribers(conn)] == ["zeta"]
        assert await credentials.tokens(conn) == []
        assert await credentials.feed_key(conn, b"digest") is None
        for table in ("persons", "subscriptions"):
            rows = await conn.exec_driver_sql(f"SELECT subscriber FROM {table}")  # noqa: S608  # ours
            assert rows.scalars().all() == ["zeta"]
