"""When a callback is tried, when it is tried again, and when it is let be. Pure.

Chance is handed in, like time: the same standing, time and chance give the same answer.
"""

from dataclasses import dataclass, replace

MINUTE = 60_000_000
HOUR = 60 * MINUTE
#: Between the first failure and the next try,
FIRST = MINUTE
#: and between any two.
LONGEST = 6 * HOUR
#: For so long what has not changed since is tried again.
ENDURANCE = 24 * HOUR
#: A wait is longer by this part of itself at most: what failed together is not tried together.
_SPREAD = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it goes with a callback."""

    #: That came one after the other, up to now.
    failures: int = 0
    #: When the first of them was.
    since: int | None = None
    #: Not before this time again.
    again: int = 0
    #: Where the wire ended when it was last tried.
    tried: int = 0
    #: Why it failed last, in a word.
    reason: str = ""


#: Of one that was never tried, or did what it should the last time.
FINE = Standing()


def failed(standing: Standing, reason: str, head: int, now: int, chance: float) -> Standing:
    """Give the standing after one more failure; chance is between 0 and 1."""
    wait = min(FIRST * 2 ** min(standing.failures, 20), LONGEST)
    since = now if standing.since is None else standing.since
    return replace(
        standing,
        failures=standing.failures + 1,
        since=since,
        again=now + wait + int(wait * _SPREAD * chance),
        tried=head,
        reason=reason,
    )


def is_let_be(standing: Standing, now: int) -> bool:
    """Say whether it failed for so long that only another change is a reason to try again."""
    return standing.since is not None and now - standing.since >= ENDURANCE


def is_due(standing: Standing, head: int, now: int, urgent: int = 0) -> bool:
    """Say whether what a callback was not told of is to be sent now.

    WebSub §7: hubs "MUST keep the subscription until the end of the lease", and try again
    with the next change. What is urgent, a kill up to this position, is tried once at once,
    however long the wait would be.
    """
    if standing.tried < urgent:
        return True
    if now < standing.again:
        return False
    return not is_let_be(standing, now) or standing.tried < head
