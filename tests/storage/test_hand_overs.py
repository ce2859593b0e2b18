"""One-time links: a row comes back as it was, and is marked once."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from wirefeed.domain.credentials import Scope
from wirefeed.domain.handovers import HandOver, KeyTerms, SignIn
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.terms import Terms
from wirefeed.storage import hand_overs, subscribers
from wirefeed.storage.database import Database

LINK = HandOver(id="l1", subscriber="acme", promise=KeyTerms(), issued=10, expires=20)
TERMS = Terms(
    subscriber="acme",
    scopes=frozenset({Scope.FEEDS_READ}),
    days=90,
    name="desk",
    entitlements=frozenset({"sport"}),
    networks=("192.0.2.0/24",),
)


@pytest.fixture
async def agency(database: Database) -> Database:
    async with database.writing() as conn:
        for name in ("acme", "zeta"):
            await subscribers.put_subscriber(conn, Subscriber(id=name))
    return database


@pytest.mark.parametrize(
    "promise",
    [
        TERMS,
        Terms(subscriber="acme", days=1),
        KeyTerms(name="phone", feeds=frozenset({"en/sport", "tr/latest"})),
        KeyTerms(replaces="k1"),
        SignIn(),
    ],
)
@pytest.mark.parametrize("marks", [{}, {"opened": 12}, {"withdrawn": 13}])
async def test_a_link_comes_back_as_it_was_added(agency: Database, promise, marks):
    link = replace(LINK, promise=promise, **marks)
    async with agency.writing() as conn:
        await hand_overs.add(conn, link, b"digest")
    async with agency.reading() as conn:
        assert await hand_overs.by_digest(conn, b"digest") == link
        assert await hand_overs.by_id(conn, "l1") == link
        assert await hand_overs.by_digest(conn, b"other") is None
        assert await hand_overs.by_id(conn, "other") is None


async def test_links_are_listed_by_id_a_part_at_a_time(agency: Database):
    rows = [replace(LINK, id=f"l{n}", subscriber=("acme", "zeta")[n % 2]) for n in range(4)]
    async with agency.writing() as conn:
        for row in reversed(rows):
            await hand_overs.add(conn, row, row.id.encode())
    async with agency.reading() as conn:
        assert await hand_overs.hand_overs(conn) == rows
        assert await hand_overs.hand_overs(conn, "acme") == rows[::2]
        assert await hand_overs.hand_overs(conn, after="l0", limit=2) == rows[1:3]


@pytest.mark.parametrize(
    "again", [hand_overs.mark_opened, hand_overs.mark_withdrawn], ids=["opened", "withdrawn"]
)
@pytest.mark.parametrize(
    "first", [hand_overs.mark_opened, hand_overs.mark_withdrawn], ids=["opened", "withdrawn"]
)
async def test_a_link_is_marked_once(agency: Database, first, again):
    async with agency.writing() as conn:
        await hand_overs.add(conn, LINK, b"digest")
        assert await first(conn, "l1", 12)
        held = await hand_overs.by_id(conn, "l1")
        assert not await again(conn, "l1", 15)
        assert await hand_overs.by_id(conn, "l1") == held
        assert not await first(conn, "none", 12)


async def test_a_digest_stands_for_one_link(agency: Database):
    async with agency.writing() as conn:
        await hand_overs.add(conn, LINK, b"digest")
        with pytest.raises(IntegrityError):
            await hand_overs.add(conn, replace(LINK, id="l2"), b"digest")


async def test_links_go_with_their_subscriber(agency: Database):
    async with agency.writing() as conn:
        await hand_overs.add(conn, LINK, b"digest")
        await subscribers.remove_subscriber(conn, "acme")
        assert await hand_overs.hand_overs(conn) == []
