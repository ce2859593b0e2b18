"""What a subscriber holds, as it is told to the subscriber."""

import pytest

from tests.domain.test_readers import NOW, PAUSED, to, who
from wirefeed.domain.holdings import Holding, State, holdings
from wirefeed.domain.plans import DAY


def day(count: int | None) -> int | None:
    return None if count is None else NOW + count * DAY


def held(
    plan: str, state: State, ends: int | None = None, closes: int | None = None, **days: int
) -> Holding:
    return Holding(
        plan=plan, state=state, ends=day(ends), closes=day(closes), begins=day(days.get("begins"))
    )


@pytest.mark.parametrize(
    ("subscriber", "expected"),
    [
        (who(), []),
        (who(to("gold", -9)), [held("gold", State.OPEN)]),
        (who(to("gold", -9, 30)), [held("gold", State.CURRENT, 30, 30)]),
        (who(to("gold", -9, 3, grace_days=5)), [held("gold", State.CURRENT, 3, 8)]),
        (who(to("gold", -9, -3, grace_days=5)), [held("gold", State.GRACE, -3, 2)]),
        (who(to("gold", -9, 5, trial=True)), [held("gold", State.TRIAL, 5, 5)]),
        (who(to("gold", -9, -1, trial=True, grace_days=2)), [held("gold", State.GRACE, -1, 1)]),
        # What was tried is bought: no more is it on trial.
        (
            who(to("gold", -9, 5, trial=True), to("gold", 5, 90)),
            [held("gold", State.CURRENT, 90, 90)],
        ),
        (who(to("gold", -9, 5), to("gold", 5)), [held("gold", State.OPEN)]),
        (who(to("gold", 4, 90)), [held("gold", State.COMING, begins=4)]),
        (who(PAUSED), [held("gold", State.SUSPENDED)]),
        (who(to("gold", 4, suspended=True)), [held("gold", State.SUSPENDED)]),
        (who(to("gold", -9), suspended=True), [held("gold", State.SUSPENDED)]),
        (who(to("gold", -9, -3)), [held("gold", State.ENDED, -3, -3)]),
        (
            who(to("gold", -90, -30), to("gold", -9, -3, grace_days=1)),
            [held("gold", State.ENDED, -3, -2)],
        ),
        # What has ended is told where nothing else is left.
        (who(to("gold", -9, -3), to("silver", -9)), [held("silver", State.OPEN)]),
        (
            who(to("gold", -9, -3), to("silver", -9, -4)),
            [held("gold", State.ENDED, -3, -3), held("silver", State.ENDED, -4, -4)],
        ),
        # What is there comes before what is not.
        (
            who(to("a", 4), to("b", -9, -1, grace_days=2), to("c", -9, 40), to("d", -9)),
            [
                held("d", State.OPEN),
                held("c", State.CURRENT, 40, 40),
                held("b", State.GRACE, -1, 1),
                held("a", State.COMING, begins=4),
            ],
        ),
    ],
)
def test_what_is_held_plan_by_plan(subscriber, expected):
    assert list(holdings(subscriber, NOW)) == expected
