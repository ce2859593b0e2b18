"""What someone sees and why, and what a changed plan would do to those who have it."""

from dataclasses import replace

import pytest

from tests.support.agency import DAY, HOUR, Agency
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.errors import NotFound
from wirefeed.domain.plans import Plan, Subscriber, Subscription
from wirefeed.domain.prospects import Right
from wirefeed.domain.readers import State
from wirefeed.domain.stories import Feed
from wirefeed.services.endings import Endings
from wirefeed.services.prospects import Bounds, Prospects
from wirefeed.storage import wire

SPORT, ECONOMY = "urn:news:sport", "urn:news:economy"
FULL = {Right.FULL: 1, Right.AT_ONCE: 1}


@pytest.fixture
async def filled(agency: Agency) -> Agency:
    await agency.publish("urn:news:old", "economy")
    agency.clock.advance(8 * DAY)
    await agency.publish(SPORT)
    await agency.publish(ECONOMY, "economy")
    for name, plans in (("ann", ["sport"]), ("bob", ["sport"]), ("eve", ["sport", "economy"])):
        await agency.subscriber(name, *plans)
    # What the clock has brought is told now, not at some time in the middle of a test.
    await agency.services.publishing.announce_due()
    return agency


def plan(name: str, *topics: str, **fields) -> Plan:
    grant = Grant(plan=name, topics=frozenset(topics), **{"level": Level.FULL, **fields})
    return Plan(name=name, grants=(grant,))


async def head(agency: Agency):
    async with agency.services.database.reading() as connection:
        return await wire.head(connection)


async def test_a_changed_plan_is_tried_on_the_stories_of_the_week(filled: Agency):
    before = await head(filled)
    outlook = await filled.services.prospects.of_plan("sport", plan("sport", "economy"))
    assert (outlook.version, outlook.stories, outlook.idle) == (1, 2, 0)
    assert not outlook.stories_cut
    assert not outlook.subscribers_cut
    both, eve = outlook.prospects
    assert both.plans == frozenset({"sport"})
    assert (both.count, both.subscribers) == (2, ("ann", "bob"))
    assert both.gained == {Right.SUMMARY: 1, **FULL}
    assert both.lost == {Right.MEDIA: 1, **FULL}
    assert [(s.guid, s.before, s.after) for s in both.shifts] == [
        (ECONOMY, "hidden", "full"),
        (SPORT, "full", "summary"),
    ]
    # Eve has the economy already.
    assert (eve.subscribers, eve.gained, eve.lost) == (
        ("eve",),
        {},
        {Right.MEDIA: 1, **FULL},
    )
    # Nothing was changed, and nobody told.
    assert await head(filled) == before
    assert (await filled.services.plans.get("sport")).version == 1


async def test_what_was_foretold_is_what_comes(filled: Agency):
    new = plan("sport", "economy", delay=2 * HOUR)
    outlook = await filled.services.prospects.of_plan("sport", new)
    (foretold,) = (p for p in outlook.prospects if "ann" in p.subscribers)
    await filled.services.plans.put(new)
    for shift in foretold.shifts:
        found = await filled.services.prospects.explain("ann", shift.guid)
        assert found.access.level is shift.after


async def test_the_public_plan_concerns_everybody(filled: Agency):
    await filled.subscriber("idle")
    outlook = await filled.services.prospects.of_plan(
        "public", plan("public", ALL, level=Level.SUMMARY)
    )
    told = [(p.plans, p.count, p.gained, p.lost) for p in outlook.prospects]
    assert told == [
        (None, 0, {Right.SUMMARY: 1}, {}),
        ({"sport"}, 2, {Right.SUMMARY: 1}, {}),
        (frozenset(), 1, {Right.SUMMARY: 1}, {}),
        ({"economy", "sport"}, 1, {}, {}),
    ]


async def test_a_plan_removed_or_new_is_tried_too(filled: Agency):
    gone = await filled.services.prospects.of_plan("economy", None)
    assert [(p.subscribers, p.lost) for p in gone.prospects] == [
        (("eve",), {Right.SUMMARY: 1, **FULL})
    ]
    new = await filled.services.prospects.of_plan("gold", plan("gold", ALL))
    assert (new.version, new.prospects, new.stories) == (0, (), 0)


async def test_those_who_have_it_not_now_are_counted_apart(filled: Agency):
    await filled.services.accounts.suspend("ann")
    await filled.subscriber("old", "sport", ends=filled.clock.now)
    outlook = await filled.services.prospects.of_plan("sport", plan("sport", "economy"))
    assert outlook.idle == 2
    assert {p.subscribers for p in outlook.prospects} == {("bob",), ("eve",)}


def bounded(agency: Agency, **bounds: int) -> Prospects:
    services = agency.services
    return Prospects(
        services.database,
        services.readers,
        services.publishing,
        services.syndication,
        clock=agency.clock,
        bounds=Bounds(**bounds),
    )


async def test_a_long_week_is_cut_and_that_is_said(filled: Agency):
    few = bounded(filled, stories=1, chunk=1)
    outlook = await few.of_plan("sport", plan("sport", "economy"))
    assert (outlook.stories, outlook.stories_cut) == (1, True)
    assert [s.guid for s in outlook.prospects[0].shifts] == [ECONOMY]


async def test_what_is_looked_at_to_its_end_is_not_cut(filled: Agency):
    outlook = await bounded(filled, stories=2, chunk=2, subscribers=3, page=3).of_plan(
        "sport", plan("sport", "economy")
    )
    assert (outlook.stories, outlook.stories_cut, outlook.subscribers_cut) == (2, False, False)


async def test_many_subscribers_are_cut_and_that_is_said(filled: Agency):
    few = bounded(filled, subscribers=2, page=1)
    outlook = await few.of_plan("sport", plan("sport", "economy"))
    assert outlook.subscribers_cut
    assert [p.subscribers for p in outlook.prospects] == [("ann", "bob")]


# --- one subscriber ------------------------------------------------------------------------------


async def test_a_subscribers_feed_is_laid_beside_the_public_one(filled: Agency):
    preview = await filled.services.prospects.feed("eve", Feed(language="en"))
    assert [
        (
            pair.own and (pair.own.story.guid, pair.own.access.level),
            pair.public and pair.public.access.level,
        )
        for _, pair in preview.pairs
    ] == [
        ((ECONOMY, "full"), None),
        ((SPORT, "full"), "summary"),
        (("urn:news:old", "full"), None),
    ]
    assert preview.pairs[0][0] == f"Headline of {ECONOMY}"
    sport = await filled.services.prospects.feed("ann", Feed(language="en", topic="sport"))
    assert len(sport.pairs) == 1


@pytest.mark.parametrize(
    ("who", "feed"),
    [
        ("nobody", Feed(language="en")),
        ("ann", Feed(language="xx")),
        ("ann", Feed(language="en", topic="chess")),
    ],
)
async def test_what_there_is_not_is_not_previewed(filled: Agency, who: str, feed: Feed):
    with pytest.raises(NotFound):
        await filled.services.prospects.feed(who, feed)


async def test_an_explanation_names_what_is_to_come(filled: Agency):
    ends = filled.clock.now + 10 * DAY
    await filled.services.accounts.add_subscriber(
        Subscriber(
            id="ida", subscriptions=(Subscription(plan="late", starts=0, ends=ends, grace_days=1),)
        )
    )
    found = await filled.services.prospects.explain("ida", SPORT)
    assert (found.state, found.access.reason) == (State.LIVE, "delayed")
    first, last = found.turns
    assert (first.access.level, last.at, last.access.level) == ("full", ends + DAY, "summary")
    public = await filled.services.prospects.explain("public", SPORT)
    assert (public.state, public.access.reason, public.turns) == (None, "public", ())
    for who, story in (("nobody", SPORT), ("public", "urn:none")):
        with pytest.raises(NotFound):
            await filled.services.prospects.explain(who, story)


async def test_what_runs_out_is_listed_with_tokens(agency: Agency):
    now = agency.clock.now
    await agency.subscriber("ann", "sport", ends=now + 5 * DAY)
    await agency.subscriber("bob", "sport", ends=now + 40 * DAY)
    await agency.token("bob", days=3, name="cms")
    found = (await agency.services.endings.within(30 * DAY)).found
    assert [(e.subscriber, e.plan, e.name, e.step(now)) for e in found] == [
        ("bob", "", "cms", 7),
        ("ann", "sport", "", 7),
    ]
    assert found[0].token
    first = await agency.services.endings.within(30 * DAY, limit=1)
    assert first.found == found[:1]
    assert first.after is not None
    rest = await agency.services.endings.within(30 * DAY, 1, first.after)
    assert (rest.found, rest.after) == (found[1:], None)
    renewed = Subscription(plan="sport", starts=now + 5 * DAY)
    await agency.services.accounts.change_subscriber(
        "ann", lambda held: replace(held, subscriptions=(*held.subscriptions, renewed))
    )
    for page in (1, 500):
        endings = Endings(agency.services.database, clock=agency.clock, page=page)
        # Ann would have been the first to be found.
        left = await endings.within(30 * DAY, limit=1, after=(0, "", "", ""))
        assert ([e.subscriber for e in left.found], left.after) == (["bob"], None)


@pytest.mark.parametrize("page", [1, 2, 500])
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_what_runs_out_is_listed_part_by_part(agency: Agency, page: int, limit: int):
    now = agency.clock.now
    end = now + 3 * DAY
    for name in ("ann", "bob", "eve"):
        both = [Subscription(plan=plan, starts=1, ends=end) for plan in ("late", "sport")]
        again = Subscription(plan="late", starts=end, ends=end + DAY)
        held = (*both, again) if name == "bob" else tuple(both)
        await agency.services.accounts.put_subscriber(Subscriber(id=name, subscriptions=held))
        await agency.token(name, days=3, name="cms")
        await agency.token(name, days=3, name="app")
    endings = Endings(agency.services.database, clock=agency.clock, page=page)
    whole = (await endings.within(30 * DAY)).found
    assert len(whole) == 12
    part = await endings.within(30 * DAY, limit)
    found = part.found
    while part.after is not None:
        part = await endings.within(30 * DAY, limit, part.after)
        found += part.found
    assert found == whole
