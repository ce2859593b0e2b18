"""How many streams and waiting requests one subscriber may hold open here. Knows no HTTP.

Each costs a connection and memory for as long as it is open, whatever its token's quota says.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from wirefeed.domain.errors import Occupied


class WireLines:
    """Counts the lines of each subscriber, in this process alone. A limit of 0 is none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def one(self, subscriber: str) -> Iterator[None]:
        """Hold a line open. Raises `Occupied` where a subscriber has all that it may."""
        if self._most and self._open[subscriber] >= self._most:
            raise Occupied(self._most)
        self._open[subscriber] += 1
        try:
            yield
        finally:
            self._open[subscriber] -= 1
            if not self._open[subscriber]:
                del self._open[subscriber]
