"""Whatever happens to a subscription, no reader has to add its feed again.

Every reader lives through it with the same subscriber's feeds: one at a private address of its
own, one that is public. A table in the output says after how long each of them showed its owner
what the owner then had a right to, from the event on, or from the end of an outage.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.readers.conftest import Table
from tests.readers.exchange import REFUSED, WELL, Answer, Request
from tests.readers.polling import Delta, FeedReader
from tests.readers.programs import Miniflux
from tests.readers.world import NOTICE, World, check, check_address, notices, out_of_reach, world
from tests.support.agency import DAY, HOUR, MINUTE, PUBLIC_URL
from wirefeed.domain.access import Level
from wirefeed.domain.plans import Subscriber, Subscription

Change = Callable[[Subscriber], Subscriber]


def suspended(subscriber: Subscriber) -> Subscriber:
    return replace(subscriber, suspended=True)


def resumed(subscriber: Subscriber) -> Subscriber:
    return replace(subscriber, suspended=False)


def moved_office(subscriber: Subscriber) -> Subscriber:
    return replace(subscriber, contact="new-office@reader.example")


def on(plan: str, starts: int) -> Change:
    """Give the change to one plan, open-ended, whatever was before."""
    return lambda s: replace(s, subscriptions=(Subscription(plan=plan, starts=starts),))


def renewed(at: int) -> Change:
    more = Subscription(plan="sport", starts=at)
    return lambda s: replace(s, subscriptions=(*s.subscriptions, more))


async def change(here: World, plan: str, change: Change) -> None:
    await here.agency.services.accounts.change_subscriber("ann", change)
    here.entitle(plan)


def check_all(here: World, *told: str, heard: frozenset[int] = WELL) -> None:
    """Nobody was harmed, and each owner was told of each event once."""
    for reader in here.readers:
        check(here, reader, heard)
        assert notices(here.private[reader]) == list(told), reader.name
        assert notices(here.public[reader]) == [], reader.name


def told(here: World, kind: str) -> Callable[[FeedReader], bool]:
    return lambda reader: kind in notices(here.private[reader])


async def the_end(here: World) -> int:
    (subscription,) = (await here.agency.services.accounts.subscriber("ann")).subscriptions
    assert subscription.ends is not None
    return subscription.ends


async def test_a_subscription_ends_and_is_renewed(tmp_path: Path, table: Table):
    async with world(tmp_path, hours=2) as here:
        ends = await the_end(here)
        await here.run(ends - MINUTE)
        check_all(here, "ending")
        await here.run(ends)
        here.entitle("public")
        table.note("lapse", await here.run_until(here.holds))
        check_all(here, "ending", "ended")

        await here.run(here.now + 4 * HOUR)
        check_all(here, "ending", "ended")
        await change(here, "sport", renewed(here.now))
        table.note("renew", await here.run_until(here.holds))
        check_all(here, "ending", "ended")


async def test_an_end_is_told_a_week_before(tmp_path: Path, table: Table):
    """By the clock alone: nothing happens in that hour, least of all a story."""
    async with world(tmp_path, hours=9 * 24) as here:
        here.is_writing = False
        await here.run(here.now + 20 * MINUTE)
        ends = await the_end(here)
        here.sleep(ends - 7 * DAY - HOUR - here.now)
        await here.run(ends - 7 * DAY - 1)
        check_all(here)
        await here.run(ends - 7 * DAY)
        table.note("notice", await here.run_until(told(here, "ending")))
        check_all(here, "ending")
        here.sleep(DAY)
        await here.publish()
        await here.run(here.now + 3 * HOUR)
        check_all(here, "ending")


async def test_a_plan_grows_and_shrinks(tmp_path: Path, table: Table):
    async with world(tmp_path) as here:
        await here.run(here.now + 20 * MINUTE)
        await change(here, "everything", on("everything", here.now))
        table.note("upgrade", await here.run_until(here.holds))
        check_all(here)

        await here.run(here.now + 10 * MINUTE)
        await change(here, "sport", on("sport", here.now))
        table.note("downgrade", await here.run_until(here.holds))
        check_all(here)


async def test_a_subscriber_is_suspended_twice_and_resumes(tmp_path: Path, table: Table):
    async with world(tmp_path) as here:
        for events in (["suspended"], ["suspended"] * 2):
            await here.run(here.now + 20 * MINUTE)
            await change(here, "public", suspended)
            table.note("suspend", await here.run_until(here.holds))
            check_all(here, *events)

            # Whatever else changes meanwhile is no event to a reader.
            await change(here, "public", moved_office)
            await here.run(here.now + 2 * HOUR)
            check_all(here, *events)
            await change(here, "sport", resumed)
            table.note("resume", await here.run_until(here.holds))
            check_all(here, *events)


@pytest.mark.parametrize(
    ("hours", "status", "by_hand"),
    [
        (2, HTTPStatus.SERVICE_UNAVAILABLE, set()),
        # Three failures in a row are the most that Miniflux takes; then a click wakes it.
        (4, HTTPStatus.SERVICE_UNAVAILABLE, {"Miniflux"}),
        (12, REFUSED, {"Miniflux"}),
    ],
)
async def test_the_agency_is_away(tmp_path: Path, table: Table, hours, status, by_hand):
    async with world(tmp_path) as here:
        await here.run(here.now + 40 * MINUTE)
        here.is_writing = False
        if status == REFUSED:
            with here.network.refusing(PUBLIC_URL):
                await here.run(here.now + hours * HOUR)
        else:
            async with out_of_reach(here.agency):
                await here.run(here.now + hours * HOUR)
        assert all(here.private[reader].heard[status] for reader in here.readers)

        await here.publish()
        asked = set()
        for reader in here.readers:
            for feed in reader.feeds:
                if isinstance(reader, Miniflux) and feed.silence is not None:
                    reader.refresh(feed, here.now)
                    asked.add(reader.name)
        assert asked == by_hand
        after = await here.run_until(here.holds)
        name = f"{hours} h {'refused' if status == REFUSED else int(status)}"
        table.note(name, after, by_hand)
        await here.run(here.now + 2 * HOUR)
        check_all(here, heard=WELL | {status})


@pytest.mark.parametrize("kind", ["revoked", "rotated"])
async def test_a_key_is_taken_back_and_its_owner_gets_another(
    tmp_path: Path, table: Table, kind: str
):
    async with world(tmp_path) as here:
        await here.run(here.now + 20 * MINUTE)
        old = dict(here.private)
        bases = await new_keys(here, kind)
        after = await here.run_until(told_and_moved(here, kind, bases))
        table.note(kind, after)
        await here.run(here.now + 2 * HOUR)
        check_all(here)
        for reader, feed in old.items():
            check_address(feed)
            assert notices(feed) == [kind], reader.name
            assert Level.FULL not in {here.level(feed, guid) for guid in here.stories}

        # In the end the old address is unknown, and nothing else on the host suffers.
        here.sleep(91 * DAY)
        await here.publish()
        table.note("old one unknown", await here.run_until(here.holds))
        check_all(here)
        assert all(feed.heard[HTTPStatus.NOT_FOUND] for feed in old.values())


async def new_keys(here: World, kind: str) -> dict[FeedReader, str]:
    """Take every reader's key back; give the base of the address that takes its place."""
    keys = here.agency.services.feed_keys
    bases = {}
    for reader in here.readers:
        tail = here.private[reader].url.removesuffix(f"/en/latest.{reader.form}")[-4:]
        (row,) = [key for key in await keys.all("ann") if key.tail == tail]
        if kind == "rotated":
            bases[reader] = f"/f/{(await keys.rotate(row.id)).secret}"
        else:
            await keys.revoke(row.id)
            bases[reader] = await here.agency.feed_key("ann")
    return bases


def told_and_moved(
    here: World, kind: str, bases: Mapping[FeedReader, str]
) -> Callable[[FeedReader], bool]:
    """Add the new address once the old one has told of it; give whether all is there."""
    is_told, moved = told(here, kind), set()

    def reached(reader: FeedReader) -> bool:
        if reader in moved:
            return here.holds(reader)
        if is_told(reader):
            here.follow(reader, bases[reader])
            moved.add(reader)
        return False

    return reached


# --- what a server could do instead --------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "lost"),
    [
        (HTTPStatus.NOT_FOUND, {"NetNewsWire", "Miniflux", "Feedly"}),
        (HTTPStatus.GONE, {"NetNewsWire", "Miniflux", "Feedly", "FreshRSS", "Liferea"}),
        (HTTPStatus.FORBIDDEN, {"NetNewsWire", "Miniflux", "RSS Guard"}),
        (HTTPStatus.MOVED_PERMANENTLY, {"NetNewsWire", "Miniflux", "FreshRSS", "Liferea"}),
    ],
)
async def test_another_answer_to_a_lapse_would_have_lost_readers(tmp_path: Path, status, lost):
    """The same readers, and a server that says for three hours what others say."""

    def says(request: Request, answer: Answer) -> Answer:
        location = {"location": f"{PUBLIC_URL}/en/latest.{answer.url.rpartition('.')[2]}"}
        return replace(answer, status=status, headers=location) if "/f/" in answer.url else answer

    async with world(tmp_path) as here:
        await change(here, "public", suspended)
        here.network.meddler = says
        await here.run(here.now + 3 * HOUR)
        here.network.meddler = None
        await change(here, "sport", resumed)
        await here.publish()
        here.is_writing = False
        await here.run(here.now + 3 * HOUR)
        assert {reader.name for reader in here.readers if not here.holds(reader)} == lost


async def test_a_notice_with_a_new_name_each_time_would_be_a_storm(tmp_path: Path):
    def renames(request: Request, answer: Answer) -> Answer:
        named = f"{NOTICE}suspended:{here.now}".encode()
        return replace(
            answer, body=re.sub(rb"urn:wirefeed:notice:suspended:\d+", named, answer.body)
        )

    async with world(tmp_path) as here:
        await change(here, "public", suspended)
        here.network.meddler = renames
        for _ in range(2):
            await here.publish()
            await here.run(here.now + HOUR)
        # Who asks for what is new alone is spared.
        whole = [reader for reader in here.readers if reader.delta is Delta.NEVER]
        assert min(len(notices(here.private[reader])) for reader in whole) > 1
