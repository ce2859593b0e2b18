"""The rows of webhooks: who is due, what is settled, and a log that does not grow."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.cursors import Following
from wirefeed.domain.deliveries import ENDURANCE, MINUTE, Standing
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.webhooks import Attempt, Disabled, Place, Webhook
from wirefeed.storage import subscribers, webhooks
from wirefeed.storage.database import Database

NOW = 10 * ENDURANCE
HOOK = Webhook(
    id="w",
    subscriber="acme",
    url="https://acme.example/in",
    host="acme.example",
    following=Following(topics=frozenset({"sport"}), languages=frozenset({"en", "tr"})),
    created=3,
    secret=b"sealed",
    place=Place(position=5, kills=9, began=3),
)
ATTEMPT = Attempt(
    webhook="w",
    subscriber="acme",
    at=4,
    message="msg_a",
    kind="publish",
    about="urn:1",
    version=2,
    position=6,
    status=500,
    reason="status",
    took=7,
)


@pytest.fixture
async def acme(conn: AsyncConnection) -> AsyncConnection:
    for name in ("acme", "zeta"):
        await subscribers.put_subscriber(conn, Subscriber(id=name))
    return conn


async def due(conn: AsyncConnection, **asked: object) -> list[str]:
    asks: dict[str, object] = {
        "head": 9,
        "now": NOW,
        "urgent": 0,
        "access": 0,
        "busy": (),
        "full": (),
        "limit": 10,
    }
    return [one.id for one in await webhooks.due(conn, **(asks | asked))]  # type: ignore[arg-type]


async def add(conn: AsyncConnection, *hooks: Webhook) -> None:
    for one in hooks:
        await webhooks.add(conn, one)
        await webhooks.settle(conn, [(one.place, one)])


async def test_a_webhook_comes_back_as_it_was_added(acme: AsyncConnection):
    await webhooks.add(acme, HOOK)
    assert await webhooks.by_id(acme, "w") == HOOK
    assert await webhooks.webhooks(acme, "acme") == [HOOK]
    assert await webhooks.webhooks(acme, "zeta") == []
    assert await webhooks.count(acme, "acme") == 1
    assert await webhooks.remove(acme, "w")
    assert not await webhooks.remove(acme, "w")
    assert await webhooks.by_id(acme, "w") is None


async def test_where_it_stands_comes_back_as_it_was_settled(acme: AsyncConnection):
    await webhooks.add(acme, HOOK)
    settled = replace(
        HOOK,
        place=Place(
            position=8,
            kills=9,
            began=4,
            sight="ab",
            paused_until=1,
            paused_at=2,
            repeats=(3, 4),
        ),
        standing=Standing(failures=2, since=5, again=6, tried=7, reason="status"),
        disabled=8,
        reason=Disabled.GONE,
        called=9,
        status=410,
    )
    await webhooks.settle(acme, [(HOOK.place, settled)])
    assert await webhooks.by_id(acme, "w") == settled


async def test_what_was_asked_to_be_sent_anew_meanwhile_is_not_settled_away(acme: AsyncConnection):
    await webhooks.add(acme, HOOK)
    then = replace(HOOK, place=replace(HOOK.place, position=6))
    await webhooks.go_back(acme, "w", 2)
    await webhooks.settle(acme, [(HOOK.place, then)])
    found = await webhooks.by_id(acme, "w")
    assert found is not None
    assert (found.place.position, found.place.kills) == (2, 2)
    await webhooks.repeat(acme, "w", [7])
    await webhooks.settle(acme, [(replace(HOOK.place, position=2, kills=2), then)])
    found = await webhooks.by_id(acme, "w")
    assert found is not None
    assert (found.place.position, found.place.repeats) == (6, (7,))


@pytest.mark.parametrize(
    ("changes", "asked", "is_due"),
    [
        ({}, {}, True),
        ({}, {"head": 5}, False),
        ({"place": replace(HOOK.place, repeats=(1,))}, {"head": 5}, True),
        ({"disabled": 1}, {}, False),
        ({}, {"busy": ["w"]}, False),
        ({}, {"full": ["acme.example"]}, False),
        # It has failed, and is to wait; unless there is a kill it was not tried with.
        ({"standing": Standing(failures=1, since=NOW, again=NOW + 1)}, {}, False),
        ({"standing": Standing(failures=1, since=NOW, again=NOW)}, {}, True),
        (
            {"standing": Standing(failures=1, since=NOW, again=NOW + 1, tried=9)},
            {"head": 12, "urgent": 12},
            True,
        ),
        (
            {"standing": Standing(failures=1, since=NOW, again=NOW + 1, tried=12)},
            {"head": 12, "urgent": 12},
            False,
        ),
        (
            {
                "standing": Standing(failures=1, since=NOW, again=NOW + 1, tried=9),
                "place": replace(HOOK.place, kills=12),
            },
            {"head": 12, "urgent": 12},
            False,
        ),
        # It has failed for a day: only another change is a reason to try again.
        ({"standing": Standing(failures=9, since=NOW - ENDURANCE, again=1, tried=9)}, {}, False),
        ({"standing": Standing(failures=9, since=NOW - ENDURANCE, again=1, tried=8)}, {}, True),
        # Its subscriber has nothing, unless access changed since, or the clock came to a turn.
        ({"place": replace(HOOK.place, paused_until=NOW + 1, paused_at=7)}, {}, False),
        ({"place": replace(HOOK.place, paused_until=NOW + 1, paused_at=7)}, {"access": 8}, True),
        ({"place": replace(HOOK.place, paused_until=NOW, paused_at=7)}, {}, True),
    ],
)
async def test_who_is_due(acme: AsyncConnection, changes, asked, is_due):
    await add(acme, replace(HOOK, **changes))
    assert await due(acme, **asked) == ["w"] * is_due


async def test_those_that_do_well_come_first_then_kills_then_those_told_least(
    acme: AsyncConnection,
):
    place, failing = HOOK.place, Standing(failures=1, since=NOW - MINUTE, again=1, tried=1)
    await add(
        acme,
        replace(HOOK, id="ahead", place=replace(place, position=7, kills=12)),
        replace(HOOK, id="behind", place=replace(place, position=6, kills=12)),
        replace(HOOK, id="fails", place=replace(place, position=1, kills=12), standing=failing),
        replace(HOOK, id="kill fails", place=replace(place, position=8), standing=failing),
        replace(HOOK, id="kill", place=replace(place, position=8, kills=8)),
    )
    found = await due(acme, head=12, urgent=12)
    assert found == ["kill", "behind", "ahead", "kill fails", "fails"]
    assert await due(acme, head=12, urgent=12, limit=2) == ["kill", "behind"]


async def test_the_log_keeps_the_newest_of_each_subscriber(acme: AsyncConnection):
    for number in range(1, 8):
        await webhooks.log(
            acme,
            [
                replace(ATTEMPT, at=number),
                replace(ATTEMPT, at=number, subscriber="zeta", webhook="z"),
            ],
            most=3,
        )
    for name in ("acme", "zeta"):
        kept = await webhooks.attempts(acme, name)
        assert [one.at for one in kept] == [7, 6, 5]
    newest, *_ = await webhooks.attempts(acme, "acme")
    assert newest == replace(ATTEMPT, at=7, id=newest.id)
    assert await webhooks.attempt(acme, newest.id) == newest
    assert await webhooks.attempts(acme, "acme", before=newest.id, limit=1) == [
        replace(ATTEMPT, at=6, id=newest.id - 2)
    ]
    assert await webhooks.attempts(acme, "acme", webhook="other") == []
    assert await webhooks.attempt(acme, 1) is None


async def test_of_a_subscriber_that_is_gone_nothing_is_logged(database: Database):
    async with database.writing() as conn:
        await subscribers.put_subscriber(conn, Subscriber(id="acme"))
        await webhooks.log(conn, [ATTEMPT, replace(ATTEMPT, subscriber="nobody")], most=9)
    async with database.writing() as conn:
        assert len(await webhooks.attempts(conn, "acme")) == 1
        await subscribers.remove_subscriber(conn, "acme")
        assert await webhooks.attempts(conn, "acme") == []
