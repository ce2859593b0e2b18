"""When to leave alone a server that fails. Pure: it is told how calls ended, and makes none.

Failures that answers do not make up for open the breaker. While it is open nobody calls but a
probe; when that is answered, one call at a time is let through, and the first that is answered
closes it again.
"""

from enum import Enum, auto

#: So many answers make up for one failure, and small ones for none. A server that gives small
#: things in time and large ones too late never fails in a row, and each time somebody has waited
#: for nothing.
_ANSWERS = 4


class _State(Enum):
    CLOSED = auto()
    OPEN = auto()
    #: A probe was answered, which says little of calls that carry more.
    TRIAL = auto()


class Breaker:
    """Says whether a call is worth its wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit * _ANSWERS
        #: What failures weigh above what was answered since.
        self._weight = 0
        self._state = _State.CLOSED
        self._trying = False
        #: Whether the last call that ended was not answered, or too late.
        self._has_failed = False

    @property
    def is_open(self) -> bool:
        """Whether nobody may call but a probe."""
        return self._state is _State.OPEN

    @property
    def is_closed(self) -> bool:
        """Whether everybody may call."""
        return self._state is _State.CLOSED

    @property
    def is_sure(self) -> bool:
        """Whether the last call that ended was answered in time."""
        return self._state is _State.CLOSED and not self._has_failed

    def admits(self) -> bool:
        """Say whether to call now. Whoever is let in says how it ended."""
        if self._state is _State.TRIAL and not self._trying:
            self._trying = True
            return True
        return self._state is _State.CLOSED

    def succeeded(self, *, small: bool = False) -> None:
        """Take note of a call that was answered; a small answer says little of large ones."""
        self._trying = self._has_failed = False
        if self._state is _State.TRIAL:
            # It is not yet what it was: if it fails next, it opens again.
            self._weight = self._limit - _ANSWERS
            self._state = _State.CLOSED
        elif self._weight and self._state is _State.CLOSED and not small:
            self._weight -= 1

    def failed(self) -> None:
        """Take note of one that was not, or too late."""
        self._trying = False
        self._has_failed = True
        self._weight = min(self._weight + _ANSWERS, self._limit)
        # From when it opens until a trial is answered the weight stays what it was.
        if self._weight == self._limit:
            self._state = _State.OPEN

    def probed(self) -> None:
        """Take note of a probe that was answered."""
        if self._state is _State.OPEN:
            self._state = _State.TRIAL
