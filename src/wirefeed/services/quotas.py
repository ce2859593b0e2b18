"""The polite limit: how many full answers one client may take. Knows no HTTP, reads no clock.

Counted by hand, since `limits` 5.8 reads the clock itself, keeps as many clients in memory as
there are, and takes three to five times as long as this on the way of every full answer.
"""

from collections import OrderedDict
from dataclasses import dataclass

from wirefeed.domain.errors import Overdrawn

_MINUTE = 60_000_000
_SECOND = 1_000_000
#: Clients that are remembered: 4 MB at the most.
_CLIENTS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left to a client."""

    #: So many answers it may have
    quota: int
    #: in so many seconds;
    window: int
    #: so many are left,
    answers: int
    #: and all of them again in so many seconds.
    whole_in: int


class Quotas:
    """A bucket for each client, which holds a minute's answers and fills all the time.

    Of a bucket only one number is kept (the generic cell rate algorithm of ITU-T I.371): the
    time at which it will be full again. It is counted in parts of a microsecond, `per_minute`
    to each, so that one answer is a whole number of them.
    What is kept in this process is not known to others. A limit of 0 is none.
    """

    def __init__(self, per_minute: int, *, clients: int = _CLIENTS) -> None:
        self._per_minute = per_minute
        self._clients = clients
        self._span = _MINUTE * per_minute
        #: When each bucket will be full again, the one asked for last at the end.
        self._full: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        """Give how many clients are remembered."""
        return len(self._full)

    def left(self, client: str, now: int) -> Left | None:
        """Say what a client has left; None: there is no limit."""
        if not self._per_minute:
            return None
        moment = now * self._per_minute
        owed = self._full.get(client, 0) - moment
        owed = owed if 0 <= owed <= self._span else 0
        return Left(
            quota=self._per_minute,
            window=_MINUTE // _SECOND,
            answers=(self._span - owed) // _MINUTE,
            whole_in=-(-owed // (_SECOND * self._per_minute)),
        )

    def spend(self, client: str, now: int) -> None:
        """Take one answer out of a client's bucket. Raises `Overdrawn` when it is empty.

        One that is refused is not counted: who asks on and on has as much as who waits.
        """
        if not self._per_minute:
            return
        moment = now * self._per_minute
        full = self._full.get(client, 0)
        # Emptier than empty is what a clock that was set back has left: it counts for nothing.
        if not moment <= full <= moment + self._span:
            full = moment
        after = full + _MINUTE
        if (short := after - moment - self._span) > 0:
            wait = -(-short // (_SECOND * self._per_minute))
            raise Overdrawn(wait, quota=self._per_minute, window=_MINUTE // _SECOND)
        self._full[client] = after
        self._full.move_to_end(client)
        if len(self._full) > self._clients:
            self._full.popitem(last=False)
