"""The breaker: opens after failures, lets one try at a time, closes at an answer."""

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wirefeed.storage.breaker import Breaker


@pytest.fixture
def opened() -> Breaker:
    breaker = Breaker(3)
    for _ in range(3):
        assert breaker.admits()
        breaker.failed()
    return breaker


def test_it_opens_at_the_last_of_so_many_failures_in_a_row():
    breaker = Breaker(3)

    breaker.failed()
    breaker.failed()

    assert breaker.admits()
    breaker.failed()
    assert breaker.is_open
    assert not breaker.admits()


@pytest.mark.parametrize(("answers", "is_open"), [(1, True), (3, True), (4, False), (50, False)])
def test_so_many_answers_make_up_for_a_failure(answers: int, is_open: bool):
    breaker = Breaker(3)

    for _ in range(40):
        breaker.failed()
        for _ in range(answers):
            breaker.succeeded()

    assert breaker.is_open is is_open


def test_small_answers_make_up_for_nothing():
    breaker = Breaker(3)

    for _ in range(2):
        breaker.failed()
        for _ in range(100):
            breaker.succeeded(small=True)
            assert breaker.is_sure

    breaker.failed()
    assert breaker.is_open


def test_who_came_back_with_little_is_left_alone_again_at_the_first_failure(opened: Breaker):
    opened.probed()
    opened.succeeded()
    opened.succeeded(small=True)

    opened.failed()

    assert opened.is_open


def test_an_answer_that_was_on_its_way_when_it_opened_does_not_close_it(opened: Breaker):
    opened.succeeded()

    assert opened.is_open


def test_an_answered_probe_lets_in_one_call_at_a_time(opened: Breaker):
    opened.probed()

    assert not opened.is_open
    assert not opened.is_closed
    assert opened.admits()
    assert not opened.admits()


def test_the_first_call_that_is_answered_closes_it(opened: Breaker):
    opened.probed()
    assert opened.admits()

    opened.succeeded()

    assert opened.is_closed
    assert opened.admits()
    assert opened.admits()


def test_a_trial_that_fails_opens_it_again(opened: Breaker):
    opened.probed()
    assert opened.admits()

    opened.failed()

    assert opened.is_open
    assert not opened.admits()
    opened.probed()
    assert opened.admits()


def test_a_closed_breaker_is_not_moved_by_a_late_probe():
    breaker = Breaker(3)

    breaker.probed()

    assert breaker.is_closed


class Calls(RuleBasedStateMachine):
    """Calls that begin and end in any order, as those of many requests do."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(3)
        self.running = 0
        self.in_a_row = 0

    @rule()
    def begins(self) -> None:
        self.running += self.breaker.admits()

    @precondition(lambda self: self.running)
    @rule()
    def is_answered(self) -> None:
        self.running -= 1
        self.in_a_row = 0
        was_open = self.breaker.is_open
        self.breaker.succeeded()
        assert self.breaker.is_closed != was_open
        assert was_open or self.breaker.is_sure

    @precondition(lambda self: self.running)
    @rule()
    def fails(self) -> None:
        self.running -= 1
        self.in_a_row += 1
        self.breaker.failed()
        assert self.breaker.is_open or self.in_a_row < 3
        assert not self.breaker.is_sure

    @rule()
    def is_probed(self) -> None:
        self.breaker.probed()
        assert not self.breaker.is_open

    @invariant()
    def someone_may_call_or_probe_or_is_calling(self) -> None:
        # Else it would never close again.
        assert self.breaker.is_open or self.running or Breaker.admits(self.copy())

    def copy(self) -> Breaker:
        twin = Breaker(3)
        vars(twin).update(vars(self.breaker))
        return twin


TestCalls = Calls.TestCase
