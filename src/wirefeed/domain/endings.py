"""What runs out: subscriptions and tokens, and how soon. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from wirefeed.domain.credentials import Token
from wirefeed.domain.plans import DAY, Subscriber, endings

#: So many days before an end it moves to the next part of the list.
STEPS = (1, 7, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningOut:
    """Something of a subscriber's that ends."""

    subscriber: str
    #: The plan, or the token's id; one of the two.
    plan: str = ""
    token: str = ""
    #: What it is called: the token's name.
    name: str = ""
    ends: int
    #: When it really stops: after the days of grace.
    closes: int

    def step(self, now: int) -> int | None:
        """Say within how many days it ends: 1, 7 or 30; None: it is further away."""
        return next((days for days in STEPS if self.ends - now <= days * DAY), None)


def running_out(
    subscribers: Iterable[Subscriber], tokens: Iterable[Token], now: int, until: int
) -> list[RunningOut]:
    """List what ends by a time, the first to end first; what is renewed in time does not."""
    found = [
        RunningOut(
            subscriber=subscriber.id, plan=ending.plan, ends=ending.ends, closes=ending.closes
        )
        for subscriber in subscribers
        for ending in endings(subscriber, now)
        if ending.ends < until
    ]
    found += [
        RunningOut(
            subscriber=token.subscriber,
            token=token.jti,
            name=token.name,
            ends=token.ends,
            closes=token.ends,
        )
        for token in tokens
        if token.subscriber is not None and token.is_live(now) and token.ends < until
    ]
    return sorted(found, key=lambda each: (each.ends, each.subscriber, each.plan, each.token))
