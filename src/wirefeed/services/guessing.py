"""Guessing: how many credentials that did not hold have come from each network of late.

Counted by hand, since `limits` 5.8 keeps as many networks in memory as there are, goes
through all of them at each count, and reads the clock itself.
"""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

_SECOND = 1_000_000
_MINUTE, _HOUR = 60 * _SECOND, 3600 * _SECOND
#: Networks that are remembered: with the default limits 20 MB at the very most.
_NETWORKS = 4096
#: Feed readers keep away from a whole host for as long as one of its addresses asks them to.
_LONGEST_WAIT = 60


class Guesses:
    """Counts failures by network, each in a minute and an hour that move along with the clock.

    What is kept in this process is lost with it, and is not known to others: enough to make
    guessing slow. A limit of 0 is none.
    """

    def __init__(
        self,
        *,
        per_minute: int,
        per_hour: int,
        clock: Callable[[], int],
        networks: int = _NETWORKS,
    ) -> None:
        limits = ((per_minute, _MINUTE), (per_hour, _HOUR))
        self._limits = tuple((limit, span) for limit, span in limits if limit)
        self._kept = max(per_minute, per_hour)
        self._clock = clock
        self._networks = networks
        #: When each network failed, the one that failed last at the end.
        self._failures: OrderedDict[str, array[int]] = OrderedDict()

    async def failed(self, network: str) -> int:
        """Count a failure; beyond the limit, give instead the seconds to wait, 60 at the most.

        One that is told to wait is not counted: who has a wrong credential and asks on and on
        is still told every minute that it is wrong.
        """
        if not self._limits:
            return 0
        now = self._clock()
        times = self._failures.setdefault(network, array("q"))
        self._failures.move_to_end(network)
        if len(self._failures) > self._networks:
            self._failures.popitem(last=False)
        if wait := self._wait(times, now):
            return wait
        times.append(now)
        del times[: -self._kept]
        return 0

    def waits(self, network: str) -> int:
        """Say how many seconds a network has to wait by now, and count nothing."""
        return self._wait(self._failures.get(network, ()), self._clock())

    def _wait(self, times: Sequence[int], now: int) -> int:
        wait = max((_left(times, limit, span, now) for limit, span in self._limits), default=0)
        return min(-(-wait // _SECOND), _LONGEST_WAIT)


def _left(times: Sequence[int], limit: int, span: int, now: int) -> int:
    """Say how long it is until fewer than `limit` of these times lie within the span."""
    if len(times) < limit:
        return 0
    passed = now - times[-limit]
    # A time in the future is what a clock that was set back has left: it counts for nothing.
    return span - passed if 0 <= passed < span else 0
