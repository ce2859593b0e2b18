"""The statements: served by an index however much is held, and understood by PostgreSQL too."""

import re
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import ClauseElement, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.storage.samples import ARTS, LATEST, SPORT, changes, story
from wirefeed.domain.access import Grant
from wirefeed.domain.credentials import FeedKey, Lapse, Token
from wirefeed.domain.due import Due
from wirefeed.domain.plans import Plan, Subscriber, Subscription
from wirefeed.domain.readers import State
from wirefeed.domain.signing_keys import SigningKey
from wirefeed.domain.wire import ChangeKind
from wirefeed.storage import (
    credentials,
    dead_letters,
    departed,
    former,
    holders,
    received,
    signing_keys,
    stories,
    subscribers,
    webhooks,
    wire,
)
from wirefeed.storage.database import Database
from wirefeed.storage.dead_letters import DeadLetter

Asking = Callable[[AsyncConnection], Awaitable[object]]

QUERIES: dict[str, Asking] = {
    "newest of a feed": lambda c: stories.newest(c, [SPORT], None, 50),
    "newest below a position": lambda c: stories.newest(c, [SPORT], 40, 50),
    "newest of several feeds": lambda c: stories.newest(c, [SPORT, ARTS, LATEST], None, 50),
    "the following of a feed": lambda c: stories.following(c, [SPORT], 20, 50),
    "the following of several feeds": lambda c: stories.following(c, [SPORT, LATEST], 20, 50),
    "threads of several stories": lambda c: stories.shared_threads(c, ["s1", "s2"]),
    "kills of a feed": lambda c: stories.kills(c, [SPORT], 1, 50),
    "kills of several feeds": lambda c: stories.kills(c, [SPORT, ARTS, LATEST], 1, 50),
    "a story by id": lambda c: stories.find(c, story("s1").id),
    "stories by guid": lambda c: stories.held(c, ["s1", "s2"]),
    "stories by thread": lambda c: stories.by_thread(c, ["s1", "s2"]),
    "related stories": lambda c: stories.related(c, ["s1", "s2"], ["s1", "s2", "t"]),
    "a page of stories": lambda c: stories.listing(c, before=9, limit=50),
    "a page of a topic's stories": lambda c: stories.listing(c, before=9, limit=50, topic="sport"),
    "a story's history": lambda c: stories.history(c, "s1"),
    "the head": wire.head,
    "the wire": lambda c: wire.since(c, 3, 50),
    "kills of the wire": lambda c: wire.kills_since(c, 3, 50),
    "changes of a story": lambda c: wire.about(c, "s1", 40),
    "kills since a time": lambda c: received.recent_kills(c, 1),
    "kills that somebody may wait for": lambda c: received.open_kills(c, 1),
    "who of some was given anything since": lambda c: received.moved(c, ["acme", "zeta"], 4),
    "what some were given": lambda c: received.given(c, ["acme", "zeta"]),
    "the ways with a filter": lambda c: received.ways(c, "acme", "wire"),
    "filters by name": lambda c: received.filters(c, ["a", "b"]),
    "what some had": lambda c: former.some(c, ["acme", "zeta"]),
    "what was had by who is gone": lambda c: departed.of(c, ["acme", "zeta"]),
    "who is gone": lambda c: departed.gone(c, ["acme", "zeta"]),
    "changes at positions": lambda c: wire.at(c, [3, 4]),
    "a subscriber's webhooks": lambda c: webhooks.webhooks(c, "acme"),
    "a webhook": lambda c: webhooks.by_id(c, "w"),
    "a subscriber's calls": lambda c: webhooks.attempts(c, "acme", limit=50),
    "where a time is over": lambda c: wire.later(c, 0),
    "what changed at a time": lambda c: wire.changed_at(c, 1),
    "what is due": lambda c: wire.due(c, 3, 50),
    "a subscriber": lambda c: subscribers.subscriber(c, "acme"),
    "a page of subscribers": lambda c: subscribers.subscribers(c, "a", 50),
    "a page of a plan's subscribers": lambda c: subscribers.subscribers(c, "a", 50, plan="gold"),
    **{
        f"a page of subscribers {state}": partial(
            lambda state, c: subscribers.subscribers(c, "a", 50, state=state, now=1, upto="z"),
            state,
        )
        for state in State
    },
    "the last of some ids": lambda c: subscribers.last_of(c, "a", 50),
    "the last of a plan's ids": lambda c: subscribers.last_of(c, "a", 50, plan="gold"),
    "who has a plan": lambda c: subscribers.holders(c, "gold", 1, 50),
    "some subscribers": lambda c: subscribers.held(c, ["acme", "zeta"]),
    "subscriptions that end": lambda c: subscribers.ending(c, 1, 9, 50),
    "tokens that expire": lambda c: credentials.expiring(c, 1, 9, 50),
    "a token": lambda c: credentials.token(c, "t"),
    "a subscriber's live tokens": lambda c: credentials.live_tokens(c, "acme", 1),
    "a signing key's live tokens": lambda c: signing_keys.live_tokens(c, "k", 1),
    "the signing keys": signing_keys.signing_keys,
    "a subscriber's tokens": lambda c: credentials.tokens(c, subscriber="acme"),
    "a source's tokens": lambda c: credentials.tokens(c, source="desk"),
    "a feed key": lambda c: credentials.feed_key(c, b"1"),
    "a subscriber's feed keys": lambda c: credentials.feed_keys(c, "acme"),
    "feed keys with their holders": lambda c: holders.by_digest(c, [b"1", b"2"]),
}
#: Sorted in memory, but only what was found: a few rows.
SORTED = {
    "newest of several feeds",
    "the following of several feeds",
    "kills of several feeds",
    "a subscriber",
    "a page of subscribers",
    "a page of a plan's subscribers",
    *(f"a page of subscribers {state}" for state in State),
    "some subscribers",
    "subscriptions that end",
    "the signing keys",
    "a subscriber's tokens",
    "a source's tokens",
    "a subscriber's feed keys",
    "feed keys with their holders",
}
TABLES = (
    *("stories", "placements", "revisions", "wire", "due", "head"),
    *("received", "filters", "former", "bequests", "departed", "alarms"),
    *("subscribers", "persons", "subscriptions", "tokens", "feed_keys"),
)


@pytest.fixture
async def filled(database: Database) -> Database:
    kept = [story(f"s{n}", "sport", "arts", position=n) for n in range(1, 60)]
    acme = Subscriber(id="acme", subscriptions=(Subscription(plan="gold", starts=1),))
    async with database.writing() as conn:
        await stories.save(conn, kept)
        await wire.append(conn, changes(9), now=1)
        await subscribers.put_subscriber(conn, acme)
    return database


@contextmanager
def heard(engine: Any, name: str, listener: Callable[..., None]) -> Any:
    event.listen(engine, name, listener)
    yield
    event.remove(engine, name, listener)


async def plan(database: Database, ask: Asking) -> list[str]:
    """Give SQLite's plan of whatever is asked."""
    asked: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    steps = []
    async with database.reading() as conn:
        await wire.head(conn)
        with heard(conn.sync_engine, "before_cursor_execute", note):
            await ask(conn)
        assert asked
        for statement, parameters in asked:
            rows = await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps += [row.detail for row in rows]
    return steps


@pytest.mark.parametrize("name", QUERIES)
async def test_an_index_serves(filled, name):
    steps = await plan(filled, QUERIES[name])
    scanned = {step for step in steps for table in TABLES if step.startswith(f"SCAN {table}")}
    # Its only row.
    of_the_head = {"the head", "where a time is over", "what changed at a time"}
    assert scanned <= ({"SCAN head"} if name in of_the_head else set()), steps
    assert name in SORTED or not [step for step in steps if "TEMP B-TREE" in step], steps


@pytest.mark.parametrize("name", ["newest of a feed", "newest of several feeds"])
async def test_a_window_is_a_range_of_the_primary_key(filled, name):
    steps = [step for step in await plan(filled, QUERIES[name]) if "placements" in step]
    expected = "SEARCH placements USING PRIMARY KEY (language=? AND topic=? AND position<?)"
    assert set(steps) == {expected}


@pytest.mark.parametrize("name", ["kills of a feed", "kills of several feeds"])
async def test_kills_are_a_range_of_their_own_index(filled, name):
    steps = [step for step in await plan(filled, QUERIES[name]) if "placements" in step]
    index = "ix_placements_killed (language=? AND topic=? AND killed>?)"
    assert set(steps) == {f"SEARCH placements USING INDEX {index}"}


async def test_the_tokens_of_a_signing_key_are_found_by_an_index_alone(filled):
    steps = await plan(filled, QUERIES["the signing keys"])
    index = "tokens USING COVERING INDEX ix_tokens_kid_expires_revoked (kid=?)"
    assert f"SEARCH {index}" in steps
    steps = await plan(filled, QUERIES["a signing key's live tokens"])
    assert steps == [f"SEARCH {index.replace(')', ' AND expires>?)')}"]


async def every_write(conn: AsyncConnection) -> None:
    held = story("s1")
    token = Token(
        jti="t",
        subscriber="acme",
        source=None,
        name="",
        scopes=frozenset(),
        issued=1,
        expires=2,
    )
    letter = DeadLetter(at=1, source="", name="", field="", reason="", raw=b"")
    key = FeedKey(id="k", subscriber="acme", name="", tail="", issued=1)
    grant = Grant(plan="gold", topics=frozenset({"sport"}))
    signing = SigningKey(kid="k", public=b"", private=b"", created=1, activates=1)
    await stories.save(conn, [held], source="desk", sanitiser=1)
    await stories.keep_raw(conn, [stories.Stored(story=held, raw=b"", source="desk", received=1)])
    await wire.append(conn, changes(2), now=1)
    await wire.schedule(conn, [Due(1, "s1", ChangeKind.EXPIRE)])
    await wire.done(conn, [Due(1, "s1", ChangeKind.EXPIRE)])
    await wire.unschedule(conn, ["s1"], 0)
    await subscribers.put_plan(conn, Plan(name="gold", grants=(grant,)))
    await subscribers.put_subscriber(
        conn, Subscriber(id="acme", subscriptions=(Subscription(plan="gold", starts=1),))
    )
    await credentials.add_token(conn, token)
    await credentials.add_feed_key(conn, key, b"1")
    await signing_keys.add(conn, signing)
    await signing_keys.date(conn, signing)
    await credentials.add_source(conn, "desk", 1)
    await credentials.revoke_token(conn, "t", 2)
    await credentials.revoke_feed_key(conn, "k", 2, Lapse.REVOKED)
    await subscribers.remove_plan(conn, "gold")
    await subscribers.remove_subscriber(conn, "acme")
    await dead_letters.keep(conn, [letter])
    await dead_letters.listing(conn)


async def test_postgresql_understands_every_statement(database):
    said: list[ClauseElement] = []

    def note(_conn: object, statement: ClauseElement, *_: object) -> None:
        said.append(statement)

    async with database.writing() as conn:
        with heard(conn.sync_engine, "before_execute", note):
            await every_write(conn)
            for ask in QUERIES.values():
                await ask(conn)
    assert len(said) > len(QUERIES)
    dialect = postgresql.dialect()
    for statement in said:
        text = str(statement.compile(dialect=dialect)).lower()
        # What only SQLite has: max() of two values, INSERT OR …, the row's hidden number.
        assert not any(word in text for word in ("insert or", "rowid"))
        assert not re.search(r"max\([^()]*,", text)
