"""The end of a delay: a change of the wire for those who have that delay, and for nobody else."""

import json
from dataclasses import replace

import pytest

from tests.support.agency import DAY, HOUR, MINUTE, SECOND, START, Agency, iso
from tests.support.answers import ask
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.plans import Plan
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message
from wirefeed.storage import stories, wire

#: What the plan `late` has.
HALF = 30 * MINUTE
LATER = Plan(
    name="later",
    grants=(Grant(plan="later", topics=frozenset({"*"}), level=Level.FULL, delay=2 * HOUR),),
)


async def announced(agency: Agency) -> list[Change]:
    """Let the clock announce whatever is due; give all releases there are."""
    while (due := await agency.services.publishing.announce_due()) is not None:
        if due > agency.clock.now:
            break
    async with agency.services.database.reading() as connection:
        rows = await wire.since(connection, 0, 10_000)
    return [row.change for row in rows if row.change.kind is ChangeKind.RELEASE]


async def ends(agency: Agency) -> list[tuple[str, int]]:
    return [(change.about, change.delay) for change in await announced(agency) if change.delay]


async def dues(agency: Agency) -> list[tuple[int, int]]:
    async with agency.services.database.reading() as connection:
        return [(row.at, row.delay) for row in await wire.due(connection, START + 99 * DAY, 999)]


async def test_each_delay_of_a_plan_ends_once_for_each_story(agency: Agency):
    await agency.services.plans.put(LATER)
    await agency.publish("urn:news:a")
    agency.clock.now = START + HALF - 1
    assert await ends(agency) == []
    agency.clock.now = START + HALF
    assert await ends(agency) == [("urn:news:a", HALF)]
    agency.clock.now = START + DAY
    assert await ends(agency) == [("urn:news:a", HALF), ("urn:news:a", 2 * HOUR)]
    assert await dues(agency) == []


async def test_it_is_announced_to_all_the_story_is(agency: Agency):
    await agency.publish("urn:news:a")
    agency.clock.now = START + HALF
    (end,) = await announced(agency)
    (to,) = end.after
    assert (to.language, to.topics, to.early) == ("en", frozenset({"sport"}), False)
    assert end.before == end.after
    assert end.version == 1


async def test_a_delay_under_embargo_counts_from_the_release(agency: Agency):
    opens = START + HOUR
    await agency.publish("urn:news:a", embargoed=iso(opens))
    agency.clock.now = opens - 1
    assert await ends(agency) == []
    agency.clock.now = opens
    assert await ends(agency) == []
    assert await dues(agency) == [(opens + HALF, HALF)]
    agency.clock.now = opens + HALF
    assert await ends(agency) == [("urn:news:a", HALF)]


async def test_down_over_a_release_and_the_end_of_its_delay_both_are_announced(agency: Agency):
    await agency.publish("urn:news:a", embargoed=iso(START + HOUR))
    agency.clock.now = START + DAY
    assert [change.delay for change in await announced(agency)] == [0, HALF]


async def test_an_embargo_and_a_delay_that_end_together_are_two_changes(agency: Agency):
    await agency.publish("urn:news:a")
    await agency.publish("urn:news:a", version="2", embargoed=iso(START + HALF))
    agency.clock.now = START + HALF
    assert sorted(change.delay for change in await announced(agency)) == [0, HALF]


@pytest.mark.parametrize(
    "fields",
    [
        {"pubstatus": "canceled"},
        {"pubstatus": "withheld"},
        {"expires": iso(START + MINUTE)},
        {"expires": iso(START + HALF)},
    ],
    ids=["killed", "withheld", "without rights by then", "without rights at that moment"],
)
async def test_of_a_story_that_is_shown_to_nobody_no_delay_ends(agency: Agency, fields):
    await agency.publish("urn:news:a")
    await agency.publish("urn:news:a", version="2", **fields)
    agency.clock.now = START + DAY
    assert await ends(agency) == []


async def test_withheld_for_a_while_a_story_has_the_delays_that_have_not_ended(agency: Agency):
    await agency.services.plans.put(LATER)
    await agency.publish("urn:news:a")
    await agency.publish("urn:news:a", version="2", pubstatus="withheld")
    agency.clock.now = START + HOUR
    assert await ends(agency) == []
    await agency.publish("urn:news:a", version="3")
    agency.clock.now = START + DAY
    assert await ends(agency) == [("urn:news:a", 2 * HOUR)]


async def test_an_update_that_comes_after_the_end_does_not_swallow_it(agency: Agency):
    await agency.publish("urn:news:a")
    update = ninjs.parse(json.dumps({"uri": "urn:news:a", "version": "2"}).encode())
    # Nobody has looked what is due since: their clock stands.
    message = Message(raw=b"", revision=replace(update, headline="New"))
    await agency.services.publishing.accept_all([message], "desk", at=START + HALF + 1)
    agency.clock.now = START + HALF + 1
    assert await ends(agency) == [("urn:news:a", HALF)]


async def test_a_new_delay_ends_also_for_stories_that_came_before_it(agency: Agency):
    await agency.publish("urn:news:old")
    agency.clock.now = START + 2 * HOUR
    await agency.publish("urn:news:a")
    await agency.publish("urn:news:killed")
    await agency.publish("urn:news:killed", version="2", pubstatus="canceled")
    assert await ends(agency) == [("urn:news:old", HALF)]
    await agency.services.plans.put(LATER)
    agency.clock.now = START + DAY
    assert await ends(agency) == [
        ("urn:news:old", HALF),
        ("urn:news:a", HALF),
        ("urn:news:a", 2 * HOUR),
    ]


async def test_a_delay_that_no_plan_has_any_more_ends_for_nobody(agency: Agency):
    await agency.publish("urn:news:a")
    late = await agency.services.plans.get("late")
    (grant,) = late.grants
    await agency.services.plans.put(replace(late, grants=(replace(grant, delay=0),)))
    agency.clock.now = START + DAY
    assert await ends(agency) == []


# --- what is seen of it --------------------------------------------------------------------------


@pytest.fixture
async def feeds(agency: Agency) -> dict[str, str]:
    """Give the addresses of feeds: of the delayed, of who waits for nothing, of the public."""
    await agency.subscriber("patient", "late")
    await agency.subscriber("eager", "sport")
    return {
        "patient": f"{await agency.feed_key('patient')}/en/latest.json",
        "eager": f"{await agency.feed_key('eager')}/en/latest.json",
        "public": "/en/latest.json",
    }


async def test_whoever_has_the_delay_is_given_the_text_and_others_see_no_trace(
    agency: Agency, feeds: dict[str, str]
):
    await agency.publish("urn:news:a", topic="sport")
    await agency.publish("urn:news:b", topic="sport")
    agency.clock.now = START + HALF - SECOND
    before = {who: await ask(agency, path) for who, path in feeds.items()}
    agency.clock.now = START + HALF
    assert await ends(agency) == [("urn:news:a", HALF)]
    # Long enough for it to be dated.
    agency.clock.now += 10 * SECOND
    after = {who: await ask(agency, path) for who, path in feeds.items()}
    for who in ("eager", "public"):
        assert (after[who].kept, after[who].body) == (before[who].kept, before[who].body)
    assert after["patient"].tag != before["patient"].tag
    assert b"Paragraph 7 of urn:news:a" not in before["patient"].body
    assert b"Paragraph 7 of urn:news:a" in after["patient"].body
    async with agency.services.database.reading() as connection:
        (a, b) = (await stories.held(connection, ["urn:news:a", "urn:news:b"])).values()
    assert a.position < b.position
