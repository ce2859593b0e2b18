"""What was counted and is yet to be written down, in memory that is bounded. No I/O here."""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from wirefeed.domain.sightings import Refused

#: What is counted: whose it is, and what of it.
Id = tuple[str, ...]
#: What is used all the time is written down this often.
_MINUTE = 60_000_000


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was counted since it was last written down."""

    first: int
    last: int
    requests: int = 0
    readers: int = 1
    #: When it last was.
    written: int | None = None

    def rests(self, now: int) -> bool:
        """Say whether it was written down less than a minute ago."""
        # A clock may have been set back: then it is written down once more.
        return self.written is not None and 0 <= now - self.written < _MINUTE


class Tallies:
    """Counts uses of many things; when there are too many, or too many of one, it drops some."""

    def __init__(self, room: int, *, each: int) -> None:
        self._held: dict[Id, Tally] = {}
        self._of: Counter[str] = Counter()
        self._room = room
        self._each = each
        #: How much was not counted.
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._held)

    def note(self, what: Id, now: int, readers: int = 1) -> None:
        """Count a use."""
        tally = self._held.get(what)
        if tally is None:
            if len(self._held) >= self._room or self._of[what[0]] >= self._each:
                self.dropped += 1
                return
            tally = self._held[what] = Tally(first=now, last=now)
            self._of[what[0]] += 1
        if not tally.requests:
            tally.first = now
        tally.last = now
        tally.requests += 1
        tally.readers = readers

    def due(self, now: int, *, all_: bool = False) -> list[tuple[Id, Tally]]:
        """Give what is to be written down now, as it stands."""
        return [
            (what, replace(tally))
            for what, tally in self._held.items()
            if tally.requests and (all_ or not tally.rests(now))
        ]

    def written(self, done: Iterable[tuple[Id, Tally]], now: int) -> None:
        """Take off what was written down; what came meanwhile stays."""
        for what, then in done:
            tally = self._held[what]
            tally.requests -= then.requests
            tally.written = now

    def forget(self, now: int) -> None:
        """Forget what is written down and out of use."""
        for what in [w for w, t in self._held.items() if not t.requests and not t.rests(now)]:
            del self._held[what]
            self._of[what[0]] -= 1
            if not self._of[what[0]]:
                del self._of[what[0]]


class Latest:
    """Keeps the last refusals of each subscriber, until they are written down."""

    def __init__(self, room: int, *, each: int) -> None:
        self._held: dict[str, deque[tuple[int, Refused]]] = {}
        self._room = room
        self._each = each
        self._number = 0
        #: How many subscribers' were not kept; one that has too many loses its oldest.
        self.dropped = 0

    def note(self, new: Refused) -> None:
        """Keep a refusal."""
        if new.subscriber not in self._held:
            if len(self._held) >= self._room:
                self.dropped += 1
                return
            self._held[new.subscriber] = deque(maxlen=self._each)
        self._number += 1
        self._held[new.subscriber].append((self._number, new))

    def due(self) -> list[tuple[int, Refused]]:
        """Give what is to be written down, with its number, in the order in which it came."""
        return sorted((one for held in self._held.values() for one in held), key=lambda one: one[0])

    def written(self, done: Collection[tuple[int, Refused]]) -> None:
        """Take off what was written down."""
        numbers = {number for number, _ in done}
        for subscriber in {refused.subscriber for _, refused in done}:
            held = self._held[subscriber]
            left = [one for one in held if one[0] not in numbers]
            held.clear()
            held.extend(left)
            if not held:
                del self._held[subscriber]
