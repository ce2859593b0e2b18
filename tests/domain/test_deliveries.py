"""When a callback is tried again, and when it is let be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.deliveries import (
    ENDURANCE,
    FINE,
    FIRST,
    HOUR,
    LONGEST,
    MINUTE,
    Standing,
    failed,
    is_due,
    is_let_be,
)

NOW = 1_000 * HOUR


def after(failures: int, *, every: int = MINUTE, chance: float = 0.0) -> Standing:
    standing = FINE
    for number in range(failures):
        standing = failed(standing, "refused", 10, NOW + number * every, chance)
    return standing


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (9, 256), (10, 360), (60, 360)]
)
def test_waits_double_from_a_minute_up_to_six_hours(failures, minutes):
    standing = after(failures, every=0)

    assert standing.again == NOW + minutes * MINUTE


@given(failures=st.integers(0, 100), chance=st.floats(0, 1, exclude_max=True))
def test_no_wait_is_shorter_than_it_should_be_nor_much_longer(failures, chance):
    standing = failed(Standing(failures=failures), "timeout", 10, NOW, chance)

    assert FIRST <= standing.again - NOW <= LONGEST * 1.25


def test_callbacks_that_failed_together_are_not_tried_together():
    assert after(1, chance=0.1).again != after(1, chance=0.9).again


def test_a_failure_is_not_due_before_its_wait_is_over():
    standing = after(1)

    assert not is_due(standing, head=11, now=standing.again - 1)
    assert is_due(standing, head=11, now=standing.again)


def test_a_kill_is_tried_once_at_once():
    standing = after(3)

    assert is_due(standing, head=12, now=NOW, urgent=12)
    again = failed(standing, "refused", 12, NOW, 0.0)
    assert not is_due(again, head=12, now=NOW, urgent=12)


def test_after_a_day_only_another_change_is_a_reason_to_try_again():
    standing = failed(after(1), "refused", 12, NOW + ENDURANCE, 0.0)
    later = standing.again

    assert is_let_be(standing, later)
    assert not is_due(standing, head=12, now=later)
    assert is_due(standing, head=13, now=later)
    assert not is_let_be(after(2), NOW + ENDURANCE - 1)
