"""What was judged for a call: how long that holds, and what it is cut off by."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.agency import SECOND, START, Agency, Clock
from wirefeed.domain.wire import Audience, Change, ChangeKind
from wirefeed.services.follower import LEASE, Follower
from wirefeed.services.judgements import Judgement, Judgements
from wirefeed.storage import wire
from wirefeed.storage.database import Database

SPORT = frozenset({Audience(language="en", topics=frozenset({"sport"}))})


MONEY = frozenset({Audience(language="en", topics=frozenset({"money"}))})
EARLY = frozenset(replace(one, early=True) for one in SPORT)


def change(
    kind: ChangeKind,
    about: str,
    after: frozenset[Audience] = frozenset(),
    before: frozenset[Audience] = SPORT,
) -> Change:
    return Change(kind=kind, about=about, version=2, before=before, after=after)


REVOKED = change(ChangeKind.ACCESS, "subscriber:gazette")
KILLED = change(ChangeKind.KILL, "urn:a")
#: May be about what is sent, or whom it is sent to.
TAKING = [
    REVOKED,
    change(ChangeKind.ACCESS, "plan:sport"),
    change(ChangeKind.ACCESS, "topics"),
    KILLED,
    change(ChangeKind.WITHHOLD, "urn:a"),
    change(ChangeKind.EXPIRE, "urn:a"),
    change(ChangeKind.REPLACE, "urn:a"),
    # To other topics, under an embargo anew, away from who has all but this topic.
    change(ChangeKind.UPDATE, "urn:a", MONEY),
    change(ChangeKind.UPDATE, "urn:a", EARLY),
    change(ChangeKind.REFILE, "urn:a", MONEY),
    change(
        ChangeKind.UPDATE,
        "urn:a",
        frozenset({replace(one, topics=one.topics | {"x"}) for one in SPORT}),
    ),
]
CORRECTED = change(ChangeKind.CORRECTION, "urn:a", SPORT)
#: Of others, or nothing that takes anything.
LEAVING = [
    change(ChangeKind.ACCESS, "subscriber:herald"),
    change(ChangeKind.KILL, "urn:b"),
    change(ChangeKind.CORRECTION, "urn:b", SPORT),
    change(ChangeKind.UPDATE, "urn:b", MONEY),
    change(ChangeKind.UPDATE, "urn:a", SPORT),
    change(ChangeKind.UPDATE, "urn:a", SPORT | MONEY),
    change(ChangeKind.RELEASE, "urn:a", SPORT, EARLY),
    change(ChangeKind.REINSTATE, "urn:a", SPORT, SPORT | MONEY),
    change(ChangeKind.EVOLVE, "urn:a", MONEY),
    change(ChangeKind.PUBLISH, "urn:c", SPORT, frozenset()),
]


class Nobody:
    """Nobody else follows."""

    def others(self) -> bool:
        return False


class Case:
    """A judgement that a story may be sent, in a process that looks when it has to."""

    def __init__(self, database: Database, agency: Agency) -> None:
        self.agency = agency
        self.clock = Clock(START)
        #: Seconds.
        self.now = 1000.0
        self.follower = Follower(database, Nobody(), Counter(), monotonic=lambda: self.now)
        self.judgements = Judgements(self.follower, self.clock)
        #: Whether it comes to the same when it is judged again, and how often it was.
        self.is_same = True
        self.again = 0
        self.cuts = 0

    def made(self, judgement: Judgement, until: int | None = None) -> None:
        judgement.made(self.judge, lambda end: end.about == "urn:a", until)

    async def judge(self) -> bool:
        self.again += 1
        return self.is_same

    def cut(self) -> None:
        self.cuts += 1

    async def happens(self, *changes: Change) -> None:
        """Let another process change something."""
        async with self.agency.services.database.writing() as connection:
            await wire.append(connection, changes, START)


@pytest.fixture
async def case(agency: Agency) -> AsyncIterator[Case]:
    database = await Database.open(agency.settings.database.url)
    case = Case(database, agency)
    await case.follower.look()
    yield case
    await database.close()


@pytest.mark.parametrize("taking", TAKING, ids=lambda one: f"{one.kind} {one.about}")
async def test_what_was_taken_back_is_known_when_the_lease_is_over(case: Case, taking: Change):
    case.is_same = False
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        case.made(judgement)
        await case.happens(taking)
        # As before: whoever took it back is not told yet that it is done.
        assert await judgement.holds()
        case.now += 2 * LEASE
        assert not await judgement.holds()
        # And it stays so, also where that is asked again.
        assert not await judgement.holds()


@pytest.mark.parametrize("taking", TAKING, ids=lambda one: f"{one.kind} {one.about}")
async def test_what_comes_to_the_same_again_is_sent(case: Case, taking: Change):
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        case.made(judgement)
        await case.happens(taking)
        await case.follower.look()
        assert await judgement.holds()
        assert await judgement.holds()
    assert case.again == 1


async def test_what_concerns_others_is_not_judged_again_and_cuts_nobody_off(case: Case):
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        case.made(judgement)
        judgement.watch(case.cut)
        await case.happens(*LEAVING)
        await case.follower.look()
        assert await judgement.holds()
    assert (case.again, case.cuts) == (0, 0)


@pytest.mark.parametrize("taking", TAKING, ids=lambda one: f"{one.kind} {one.about}")
async def test_what_is_being_sent_is_cut_off_by_the_look_that_finds_it(case: Case, taking: Change):
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        case.made(judgement)
        judgement.watch(case.cut)
        await case.happens(taking)
        await case.follower.look()
        assert case.cuts == 1
    await case.happens(taking)
    await case.follower.look()
    assert case.cuts == 1


async def test_what_was_corrected_is_not_sent_any_more_and_cuts_nobody_off(case: Case):
    """What of it has left is nothing that anybody may not have."""
    case.is_same = False
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        case.made(judgement)
        judgement.watch(case.cut)
        await case.happens(CORRECTED)
        await case.follower.look()
        assert not await judgement.holds()
    assert (case.again, case.cuts) == (1, 0)


async def test_what_was_taken_back_before_anything_was_made_is_judged_anew(case: Case):
    """Whoever judges may have begun by the old right, and ended after it."""
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        await case.happens(KILLED)
        await case.follower.look()
        assert not await judgement.holds()
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        await case.happens(KILLED)
        await case.follower.look()
        case.made(judgement)
        assert await judgement.holds()
    assert case.again == 1


async def test_what_is_taken_back_while_it_is_judged_again_is_heard(case: Case):
    answers = [True, False]

    async def judge() -> bool:
        await case.happens(REVOKED)
        await case.follower.look()
        return answers.pop(0)

    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        judgement.made(judge, lambda _: True, None)
        await case.happens(KILLED)
        await case.follower.look()
        assert not await judgement.holds()
    assert answers == []


async def test_it_holds_no_longer_than_the_clock_lets_it(case: Case):
    with case.judgements.begin({"subscriber:gazette"}) as judgement:
        case.made(judgement, START + SECOND)
        assert await judgement.holds()
        case.clock.advance(SECOND)
        assert not await judgement.holds()
