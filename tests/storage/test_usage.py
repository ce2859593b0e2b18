"""Where keys were seen, when credentials were used, what was refused and what was flagged."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.credentials import FeedKey, Scope, Token
from wirefeed.domain.leaks import Flag, Reason
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.sightings import Refused, Sighting
from wirefeed.storage import credentials, flags, subscribers, usage

SEEN = Sighting(
    feed_key="k1", network="n1", client="curl", first=10, last=20, requests=3, readers=1
)
REFUSED = Refused(
    subscriber="acme", at=5, credential="t1", reason="revoked", route="/x/{id}", network="n1"
)
TOKEN = Token(
    jti="t1",
    subscriber="acme",
    name="",
    scopes=frozenset({Scope.FEEDS_READ}),
    issued=1,
    expires=100,
)


@pytest.fixture
async def held(conn):
    """Give a transaction with two subscribers, each with a key, and a token."""
    for number, name in enumerate(("acme", "zeta"), 1):
        await subscribers.put_subscriber(conn, Subscriber(id=name))
        row = FeedKey(id=f"k{number}", subscriber=name, name="", tail="", issued=1)
        await credentials.add_feed_key(conn, row, bytes([number]))
    await credentials.add_token(conn, TOKEN)
    return conn


def places(count: int, **others) -> list[Sighting]:
    return [replace(SEEN, network=f"n{n:03}", last=100 + n, **others) for n in range(count)]


async def key(conn: AsyncConnection, key_id: str) -> FeedKey:
    found = await credentials.feed_key_by_id(conn, key_id)
    assert found is not None
    return found


async def token_used(conn: AsyncConnection) -> int | None:
    found = await credentials.token(conn, "t1")
    assert found is not None
    return found.last_used


async def test_what_is_seen_again_is_added_up(held):
    await usage.add_sightings(held, [SEEN])
    assert await usage.sightings(held, ["k1"]) == [SEEN]
    await usage.add_sightings(held, [replace(SEEN, first=5, last=15, requests=4, readers=9)])
    await usage.add_sightings(held, [replace(SEEN, first=12, last=30, requests=1, readers=2)])
    assert await usage.sightings(held, ["k1"]) == [
        replace(SEEN, first=5, last=30, requests=8, readers=2)
    ]


async def test_each_key_network_and_client_is_seen_apart(held):
    others = [
        replace(SEEN, feed_key="k2"),
        replace(SEEN, network="n2"),
        replace(SEEN, client="Firefox"),
    ]
    await usage.add_sightings(held, [SEEN, *others])
    assert len(await usage.sightings(held, ["k1", "k2"])) == 4
    assert await usage.sightings(held, ["k2"]) == [replace(SEEN, feed_key="k2")]


async def test_the_latest_comes_first_and_what_is_too_old_does_not(held):
    await usage.add_sightings(held, places(3))
    seen = await usage.sightings(held, ["k1"], since=101)
    assert [one.last for one in seen] == [102, 101]


async def test_what_is_noted_of_what_is_gone_is_nobodys(held):
    await usage.add_sightings(held, [replace(SEEN, feed_key="gone"), SEEN])
    await usage.add_refusals(held, [replace(REFUSED, subscriber="gone"), REFUSED], 5)
    await usage.use_feed_keys(held, {"gone": 9, "k1": 9})
    await usage.use_tokens(held, {"gone": 9, "t1": 9})
    assert await usage.sightings(held, ["gone", "k1"]) == [SEEN]
    assert await usage.refusals(held, "acme") == [REFUSED]
    assert await usage.refusals(held, "gone") == []


async def test_nothing_to_note_is_no_work(held):
    await usage.add_sightings(held, [])
    await usage.add_refusals(held, [], 5)
    await usage.use_feed_keys(held, {})
    await usage.use_tokens(held, {})
    assert await token_used(held) is None


async def test_what_goes_takes_what_was_seen_of_it_along(held):
    await usage.add_sightings(held, [SEEN])
    await usage.add_refusals(held, [REFUSED], 5)
    await flags.put(held, Flag(feed_key="k1", reason=Reason.CLIENTS, count=9, at=1))
    await subscribers.remove_subscriber(held, "acme")
    assert await usage.sightings(held, ["k1"]) == []
    assert await usage.refusals(held, "acme") == []
    assert await flags.flags_of(held, ["k1"]) == []


async def test_of_each_key_the_latest_are_kept(held):
    await usage.add_sightings(held, [*places(7), *places(3, feed_key="k2")])
    await usage.trim_sightings(held, ["k1", "k2"], 3)
    assert [one.last for one in await usage.sightings(held, ["k1"])] == [106, 105, 104]
    assert len(await usage.sightings(held, ["k2"])) == 3


async def test_what_is_old_is_forgotten_in_parts(held):
    await usage.add_sightings(held, places(7))
    assert [await usage.forget_sightings(held, 105, 3) for _ in range(3)] == [3, 2, 0]
    assert [one.last for one in await usage.sightings(held, ["k1"])] == [106, 105]


async def test_the_last_use_never_goes_back(held):
    for at in (5, 9, 7):
        await usage.use_feed_keys(held, {"k1": at})
        await usage.use_tokens(held, {"t1": at})
    assert (await key(held, "k1")).last_used == 9
    assert (await key(held, "k2")).last_used is None
    assert await token_used(held) == 9


async def test_the_last_refusals_of_each_subscriber_are_kept(held):
    other = replace(REFUSED, subscriber="zeta")
    await usage.add_refusals(held, [other, *(replace(REFUSED, at=n) for n in range(5))], 3)
    await usage.add_refusals(held, [replace(REFUSED, at=9)], 3)
    assert [one.at for one in await usage.refusals(held, "acme")] == [9, 4, 3]
    assert await usage.refusals(held, "zeta") == [other]


# --- flags ---------------------------------------------------------------------------------------

FLAG = Flag(feed_key="k1", reason=Reason.NETWORKS, count=13, at=7)


async def test_a_flag_is_kept_in_place_of_the_one_before(held):
    await flags.put(held, FLAG)
    await flags.put(held, replace(FLAG, reason=Reason.CLIENTS))
    await flags.put(held, replace(FLAG, count=30, at=9, dismissed=11))
    assert await flags.flags_of(held, ["k1", "k2"]) == [
        replace(FLAG, reason=Reason.CLIENTS),
        replace(FLAG, count=30, at=9, dismissed=11),
    ]


async def test_flags_are_listed_the_newest_first_in_parts(held):
    every = [
        replace(FLAG, feed_key=key, reason=reason, at=at)
        for at, key in ((7, "k1"), (9, "k2"))
        for reason in Reason
    ]
    for flag in every:
        await flags.put(held, flag)
    await flags.dismiss(held, "k1", 20)
    standing = await flags.newest(held)
    assert standing == sorted(every[3:], key=lambda flag: flag.reason, reverse=True)
    listed, last = [], None
    while part := await flags.newest(held, before=last, limit=2, dismissed=True):
        listed += part
        last = (part[-1].at, part[-1].feed_key, part[-1].reason)
    assert listed[:3] == standing
    assert [flag.dismissed for flag in listed] == [None] * 3 + [20] * 3


async def test_what_is_dismissed_is_so_once(held):
    await flags.put(held, FLAG)
    assert [await flags.dismiss(held, "k1", at) for at in (8, 9)] == [True, False]
    assert await flags.flags_of(held, ["k1"]) == [replace(FLAG, dismissed=8)]


async def test_a_reader_is_told_since_the_first_time(held):
    assert [await flags.warn(held, "k1", at) for at in (8, 9)] == [True, False]
    assert (await key(held, "k1")).flagged == 8
    assert [await flags.stop_warning(held, "k1") for _ in range(2)] == [True, False]
    assert (await key(held, "k1")).flagged is None
    assert (await key(held, "k2")).flagged is None
