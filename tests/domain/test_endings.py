"""What runs out: what ends within a time, the first to end first."""

import pytest

from tests.domain.strategies import DAY, HOUR, NOW
from wirefeed.domain.credentials import Scope, Token
from wirefeed.domain.endings import RunningOut, running_out
from wirefeed.domain.plans import Subscriber, Subscription

MONTH = NOW + 30 * DAY


def having(name, *ends, plan="gold", grace_days=0):
    return Subscriber(
        id=name,
        subscriptions=tuple(
            Subscription(plan=plan, starts=0, ends=end, grace_days=grace_days) for end in ends
        ),
    )


def token(jti, expires, **fields):
    usual = {"subscriber": "ann", "name": "desk", "scopes": frozenset({Scope.FEEDS_READ})}
    return Token(jti=jti, issued=0, expires=expires, **{**usual, **fields})


@pytest.mark.parametrize(
    ("subscribers", "tokens", "listed"),
    [
        ([having("ann", NOW + DAY)], [], [("ann", "gold", NOW + DAY, NOW + DAY)]),
        ([having("ann", None)], [], []),
        ([having("ann", MONTH)], [], []),
        # Renewed in time, it does not end.
        ([having("ann", NOW + DAY, None)], [], []),
        # In its days of grace it is about to.
        ([having("ann", NOW - DAY, grace_days=3)], [], [("ann", "gold", NOW - DAY, NOW + 2 * DAY)]),
        ([having("ann", NOW - 4 * DAY, grace_days=3)], [], []),
        ([], [token("t", NOW + DAY)], [("ann", "t", NOW + DAY, NOW + DAY)]),
        ([], [token("t", MONTH), token("u", NOW), token("v", NOW + 1, revoked=1)], []),
        ([], [token("t", NOW + DAY, subscriber=None, source="desk")], []),
        (
            [having("eve", NOW + 2 * DAY), having("bob", NOW + 2 * DAY)],
            [token("t", NOW + DAY)],
            [
                ("ann", "t", NOW + DAY, NOW + DAY),
                ("bob", "gold", NOW + 2 * DAY, NOW + 2 * DAY),
                ("eve", "gold", NOW + 2 * DAY, NOW + 2 * DAY),
            ],
        ),
    ],
)
def test_what_ends_is_listed(subscribers, tokens, listed):
    found = running_out(subscribers, tokens, NOW, MONTH)
    assert [(e.subscriber, e.plan or e.token, e.ends, e.closes) for e in found] == listed


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (-DAY, 1),
        (HOUR, 1),
        (DAY, 1),
        (DAY + 1, 7),
        (7 * DAY, 7),
        (8 * DAY, 30),
        (30 * DAY, 30),
        (30 * DAY + 1, None),
    ],
)
def test_how_soon_it_ends(left, step):
    ends = RunningOut(subscriber="ann", plan="gold", ends=NOW + left, closes=NOW + left)
    assert ends.step(NOW) == step
