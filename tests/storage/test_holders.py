"""Feed keys with their holders: the same as each is by itself, however many are asked for."""

from dataclasses import replace

from wirefeed.domain.credentials import FeedKey, Lapse
from wirefeed.domain.former import Term
from wirefeed.domain.plans import Subscriber, SubscriberKind, Subscription
from wirefeed.storage import credentials, former, holders, subscribers
from wirefeed.storage.database import Database

LATER = Subscription(plan="gold", starts=30, ends=40, grace_days=2, trial=True)
PAUSED = Subscription(plan="arts", starts=1, suspended=True, suspended_since=7)
ACME = Subscriber(
    id="acme",
    kind=SubscriberKind.PERSON,
    name="Acme",
    contact="acme@example",
    notes="pays late",
    subscriptions=(LATER, PAUSED, replace(PAUSED, plan="economy")),
    changed=9,
)
GONE = Subscriber(id="gone", suspended=True, suspended_since=5)
KEY = FeedKey(
    id="k1",
    subscriber="acme",
    name="phone",
    tail="wxyz",
    issued=10,
    feeds=frozenset({"en/sport"}),
    selection=frozenset({"arts", "sport"}),
    selected=11,
    last_used=12,
    flagged=13,
)
REVOKED = replace(KEY, id="k2", name="", revoked=14, reason=Lapse.LEAKED)
HAD = (Term(plan="gold", since=1, until=5), Term(plan="arts", since=5, until=7))
OTHER = FeedKey(id="k0", subscriber="gone", name="", tail="", issued=1)


async def held(database: Database, *digests: bytes) -> dict[bytes, holders.Held]:
    return await database.read(holders.by_digest, digests)


async def test_each_key_comes_with_its_holder_and_all_that_holder_subscribes_to(
    database: Database,
):
    async with database.writing() as conn:
        await subscribers.put_subscribers(conn, [ACME, GONE, Subscriber(id="keyless")])
        for number, key in enumerate((KEY, REVOKED, OTHER), 1):
            await credentials.add_feed_key(conn, key, bytes([number]))
        await former.keep(conn, {"acme": HAD, "keyless": HAD})
    found = await held(database, b"\1", b"\2", b"\3", b"\4")
    assert found == {
        b"\1": (KEY, ACME, HAD),
        b"\2": (REVOKED, ACME, HAD),
        b"\3": (OTHER, GONE, ()),
    }
    assert await held(database, b"\3") == {b"\3": (OTHER, GONE, ())}
    assert await held(database, b"\4") == await held(database) == {}
