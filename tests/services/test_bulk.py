"""Accounts in bulk: judged as a whole, written in groups, and the same again changes nothing."""

from dataclasses import replace

import pytest

from tests.support.agency import Agency
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.audit import CLI, Verb
from wirefeed.domain.bulk import Draft, Effect, Report
from wirefeed.domain.contracts import Wanted
from wirefeed.domain.errors import Conflict, Unacceptable
from wirefeed.formats import accounts_csv, accounts_files
from wirefeed.services.bulk import GROUP, File

ADDED, CHANGED, SAME, REFUSED = Effect.ADDED, Effect.CHANGED, Effect.UNCHANGED, Effect.REFUSED


def drafts(*names: str, **given) -> list[Draft]:
    return [Draft(place=f"line {n}", name=name, given=given) for n, name in enumerate(names, 2)]


async def take(agency: Agency, listed: list[Draft], **options) -> tuple[Report, dict[str, str]]:
    told: dict[str, str] = {}

    def tell(verdicts):
        told.update({v.place: v.effect for v in verdicts})

    file = File(drafts=lambda: listed, told=tell, **options)
    return await agency.services.bulk.subscribers(file, CLI), told


async def done(agency: Agency) -> list[tuple[Verb, str]]:
    return [(row.verb, row.about) for row in await agency.services.audit.newest()]


async def test_subscribers_are_added_changed_and_left_as_they_are(agency: Agency):
    await agency.subscriber("ann", "sport")
    await agency.subscriber("bob", "sport")
    before = await done(agency)
    listed = [
        *drafts("ann", name="Ann", subscriptions=(Wanted(plan="sport"),)),
        *drafts("bob", name="Robert", notes="x"),
        *drafts("eve", subscriptions=(Wanted(plan="economy", starts=1, ends=5),)),
    ]
    report, _ = await take(agency, listed)
    assert (report.counts, report.written) == ({SAME: 1, CHANGED: 1, ADDED: 1}, True)
    ann, bob, eve = await agency.services.accounts.subscribers()
    assert ann.subscriptions[0].starts == agency.clock.now - 86_400_000_000
    assert (bob.name, bob.notes, len(bob.subscriptions)) == ("Robert", "x", 1)
    assert [(s.plan, s.ends) for s in eve.subscriptions] == [("economy", 5)]
    assert (await done(agency))[: -len(before)] == [
        (Verb.SUBSCRIBER_ADD, "subscriber:eve"),
        (Verb.SUBSCRIBER_SET, "subscriber:bob"),
    ]
    assert (await agency.services.audit.verify()).broken is None
    again, _ = await take(agency, listed)
    assert again.counts == {SAME: 3}


async def test_a_dry_run_says_all_and_keeps_nothing(agency: Agency):
    before = await done(agency)
    report, told = await take(agency, drafts("ann", "ann", "Bad Id"), dry_run=True)
    assert told == {"line 2": ADDED, "line 3": REFUSED, "line 4": REFUSED}
    assert not report.written
    assert await agency.services.accounts.subscribers() == []
    assert await done(agency) == before


@pytest.mark.parametrize("skip_bad", [False, True])
async def test_with_one_that_is_refused_all_are_unless_it_is_to_be_passed_over(
    agency: Agency, skip_bad: bool
):
    bad = [
        *drafts("eve", subscriptions=(Wanted(plan="chess"),)),
        *drafts("public"),
        *drafts("ida", subscriptions=(Wanted(plan="sport", ends=5),)),
        *drafts("max", subscriptions=(Wanted(plan="sport"), Wanted(plan="sport"))),
        Draft(place="line 9", error=Unacceptable("no")),
    ]
    listed = [*drafts("ann"), *bad, *drafts("zoe")]
    report, _ = await take(agency, listed, skip_bad=skip_bad)
    assert (report.counts, report.written) == ({ADDED: 2, REFUSED: 5}, skip_bad)
    held = [one.id for one in await agency.services.accounts.subscribers()]
    assert held == (["ann", "zoe"] if skip_bad else [])


async def test_a_file_of_many_is_written_in_groups_and_read_twice(agency: Agency):
    listed = drafts(*(f"s{n:04}" for n in range(2 * GROUP + 1)))
    report, told = await take(agency, listed)
    assert report.counts == {ADDED: len(listed)}
    assert len(told) == len(listed)
    assert len(await agency.services.accounts.subscribers()) == len(listed)
    assert len(await agency.services.audit.newest(limit=500)) >= len(listed)
    # Where nothing changes in a group, nothing is written for it.
    one_more = [*listed, *drafts("zoe"), *drafts("Bad Id")]
    report, _ = await take(agency, one_more, skip_bad=True)
    assert report.counts == {SAME: len(listed), ADDED: 1, REFUSED: 1}


async def test_what_changes_meanwhile_stops_the_rest_and_is_said(agency: Agency):
    await agency.services.plans.put(
        replace((await agency.services.plans.get("sport")), name="brief")
    )
    reads = 0

    def source():
        nonlocal reads
        reads += 1
        # Between judging and writing, the plan goes.
        plan = "brief" if reads == 1 else "gone"
        yield from drafts("ann", subscriptions=(Wanted(plan=plan),))

    with pytest.raises(Conflict, match=r"line 2.*gone.*meanwhile"):
        await agency.services.bulk.subscribers(File(drafts=source), CLI)
    assert await agency.services.accounts.subscribers() == []


async def test_plans_are_taken_in_bulk(agency: Agency):
    full = Grant(plan="gold", topics=frozenset({"sport"}), level=Level.FULL)
    chess = Grant(plan="chess", topics=frozenset({"chess"}))
    listed = [
        *drafts("gold", grants=(full,), labels={"en": "Gold"}),
        *drafts("sport", trial_days=7),
        *drafts("late"),
        *drafts("new"),
        *drafts("chess", grants=(chess,)),
        *drafts("economy", grants=()),
    ]
    found: list[tuple[str, str]] = []

    def tell(verdicts):
        found.extend((v.name, v.error.field if v.error else v.effect) for v in verdicts)

    report = await agency.services.bulk.plans(
        File(drafts=lambda: listed, told=tell, skip_bad=True), CLI
    )
    assert report.written
    assert found == [
        ("gold", ADDED),
        ("sport", CHANGED),
        ("late", SAME),
        ("new", "grants"),
        ("chess", "$.grants[0].topics"),
        ("economy", "$.grants"),
    ]
    plans = await agency.services.plans.all()
    assert (plans["gold"].version, plans["sport"].version, plans["late"].version) == (1, 2, 1)
    assert (plans["sport"].trial_days, len(plans["sport"].grants)) == (7, 1)


async def test_what_was_written_out_changes_nothing_when_it_comes_back(agency: Agency):
    await agency.subscriber("ann", "sport", "economy", ends=agency.clock.now + 12_345)
    await agency.subscriber("bob")
    held = await agency.services.accounts.subscribers()
    table = "".join(map(accounts_csv.subscriber_lines, held))
    table = accounts_csv.subscriber_heading() + table
    lines = b"\n".join(map(accounts_files.subscriber_line, held))
    plans = list((await agency.services.plans.all()).values())
    before = await done(agency)
    bulk = agency.services.bulk
    for report in (
        await bulk.subscribers(
            File(drafts=lambda: accounts_csv.subscribers_in([table.encode()])), CLI
        ),
        await bulk.subscribers(File(drafts=lambda: accounts_files.subscribers_in([lines])), CLI),
    ):
        assert report.counts == {SAME: 2}
    report = await bulk.plans(
        File(drafts=lambda: accounts_csv.plans_in([accounts_csv.plan_table(plans).encode()])), CLI
    )
    assert report.counts == {SAME: len(plans)}
    assert await done(agency) == before
