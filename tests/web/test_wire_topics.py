"""Topics that are other than they were: who has them is told, and finds what they hold now."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.agency import DAY, HOUR, SECOND, START, Agency, iso
from tests.support.events import listening
from tests.support.partner import WIRE, Partner, partner, told
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.formats import markup
from wirefeed.services.publishing import Publishing
from wirefeed.services.refiling import untold

ENTITLEMENT = ("entitlement", "entitlement", 0)
FINANCE = "medtop:04000000"


class CutOffError(Exception):
    """What ends a run between its transactions, as an end of its process would."""


def until(agency: Agency, calls: int) -> Callable[[], int]:
    """Give a clock that can be asked so often: once in each transaction."""
    left = iter(range(calls))

    def clock() -> int:
        if next(left, None) is None:
            raise CutOffError
        return agency.clock()

    return clock


async def move(
    agency: Agency,
    code: str = FINANCE,
    to: str = "politics",
    clock: Callable[[], int] | None = None,
) -> None:
    """File stories of a code under another topic, as `wirefeed topics apply` does."""
    tree = [
        replace(
            topic,
            media_topics=(topic.media_topics - {code}) | ({code} if topic.slug == to else set()),
        )
        for topic in agency.services.taxonomy
    ]
    publishing = Publishing(
        agency.services.database,
        Taxonomy(tree),
        agency.services.audit,
        languages=("en", "tr", "ar"),
        default_language="en",
        sanitiser=markup.EDITION,
        clock=clock or agency.clock,
    )
    await publishing.refile()
    await agency.services.follower.look()
    agency.clock.advance(SECOND)


async def test_who_loses_by_other_topics_is_told_and_finds_it_withheld(agency: Agency):
    economy = await partner(agency, "economy")
    await agency.publish("urn:m", topic="economy")
    await economy.catch_up()
    before = economy.cursor
    await move(agency)
    (change,) = await economy.catch_up()
    assert told(change) == ENTITLEMENT
    assert change["wirefeed"]["backfill"] == f"{WIRE}?after=oldest"
    again = Partner(agency, economy.token, cursor=before, entries=economy.entries[:1])
    assert await again.catch_up() == [change]
    agency.clock.advance(HOUR)
    anew = Partner(agency, economy.token)
    await anew.catch_up()
    # By the plan of everybody, politics may be seen, and the story stands there now.
    assert anew.heard == [("publish", "urn:m", 1)]


async def test_who_gains_by_other_topics_is_told_and_finds_what_they_hold(agency: Agency):
    sport = await partner(agency, "sport")
    desk = await partner(agency, "everything", name="desk")
    other = await partner(agency, "late", name="herald")
    await agency.publish("urn:m", topic="economy")
    await agency.publish("urn:s")
    for one in (sport, desk, other):
        await one.catch_up()
    await move(agency, to="sport")
    assert [told(entry) for entry in await sport.catch_up()] == [ENTITLEMENT]
    assert await desk.catch_up() == []
    agency.clock.advance(HOUR)
    anew = Partner(agency, sport.token)
    await anew.catch_up()
    assert anew.heard == [("publish", "urn:s", 1), ("publish", "urn:m", 1)]
    assert all("bodies" in entry for entry in anew.entries)


async def test_what_a_run_that_was_cut_off_has_moved_is_told_by_the_next(agency: Agency):
    economy = await partner(agency, "economy")
    await agency.publish("urn:m", topic="economy")
    await economy.catch_up()
    with pytest.raises(CutOffError):
        await move(agency, clock=until(agency, 1))
    for _ in range(2):
        await move(agency)
    assert [told(entry) for entry in await economy.catch_up()] == [ENTITLEMENT]


async def test_whatever_was_filed_anew_is_told_however_much_it_is(agency: Agency):
    for number in range(3):
        await agency.publish(f"urn:{number}", topic="economy")
    await agency.publish("urn:s")
    none = Change(kind=ChangeKind.ACCESS, about="topics")
    with pytest.raises(CutOffError):
        await move(agency, clock=until(agency, 1))
    with pytest.raises(CutOffError):
        await move(agency, code="medtop:15000000", to="economy", clock=until(agency, 1))
    async with agency.services.database.reading() as connection:
        read = {await untold(connection, 0, none, chunk=chunk) for chunk in (1, 2, 100)}
        ((after, change),) = read
        assert await untold(connection, after, none) == (after, none)
    (lost,), (gained,) = change.before, change.after
    assert {"economy", "sport"} <= lost.topics
    assert {"economy", "politics"} <= gained.topics


async def test_who_asks_for_a_topic_is_told_when_it_holds_other_stories(agency: Agency):
    asked = await partner(agency, "everything", filters={"topics": "politics"})
    unasked = Partner(agency, asked.token, filters={"topics": "sport"})
    await agency.publish("urn:m", topic="economy")
    for one in (asked, unasked):
        await one.catch_up()
    await move(agency)
    assert [told(entry) for entry in await asked.catch_up()] == [ENTITLEMENT]
    assert await unasked.catch_up() == []


@pytest.mark.parametrize("other", [{"language": "tr"}, {"embargoed": iso(START + DAY)}])
async def test_who_could_not_see_the_stories_that_moved_is_told_nothing(
    agency: Agency, other: dict[str, str]
):
    sport = await partner(agency, "sport", filters={"languages": "en"})
    await agency.publish("urn:m", topic="economy", **other)
    await sport.catch_up()
    await move(agency, to="sport")
    assert await sport.catch_up() == []


async def test_a_tree_that_moves_nothing_tells_nobody(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:s")
    await sport.catch_up()
    await move(agency, to="sport")
    assert await sport.catch_up() == []


@pytest.mark.parametrize("days", [None, 30])
async def test_an_archive_reaches_back_to_stories_and_not_to_their_filing(
    agency: Agency, days: int | None
):
    held = (await agency.services.plans.all())["sport"]
    (grant,) = held.grants
    await agency.services.plans.put(replace(held, grants=(replace(grant, archive_days=days),)))
    public = (await agency.services.plans.all())["public"]
    (grant,) = public.grants
    limited = replace(grant, excepted=frozenset({"sport", "economy"}))
    await agency.services.plans.put(replace(public, grants=(limited,)))
    await agency.publish("urn:old", topic="economy")
    agency.clock.advance(40 * DAY)
    await agency.publish("urn:new", topic="economy")
    await move(agency, to="sport")
    agency.clock.advance(HOUR)
    sport = await partner(agency, "sport")
    await sport.catch_up()
    assert {guid for _, guid, _ in sport.heard} == {"urn:new", *(() if days else ["urn:old"])}


async def test_it_is_told_by_stream_as_by_page(agency: Agency):
    sport = await partner(agency, "sport")
    await agency.publish("urn:m", topic="economy")
    await sport.catch_up()
    async with listening(agency, sport.token, sport.cursor) as listener:
        await move(agency, to="sport")
        await agency.publish("urn:s")
        events = [await listener.next() for _ in range(2)]
    assert [told(event.data) for event in events if event] == [ENTITLEMENT, ("publish", "urn:s", 1)]
    assert [event.name for event in events if event] == ["entitlement", "publish"]
    await sport.catch_up()
    assert sport.cursor == listener.last_id
