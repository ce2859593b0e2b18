"""Whether what is being sent still may be: judged again if anything was taken back meanwhile.

To find a host and to connect to it takes seconds, and so may sending. Nothing is sent here, and
what may be sent to whom is for those who send it.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from wirefeed.domain.wire import Change, concerned, narrows, supersedes
from wirefeed.services.follower import Follower

#: Judges again, and says whether it comes to the same. Raises `Unavailable`.
Again = Callable[[], Awaitable[bool]]
#: Says whether an end of a story may be of one that is being sent.
Concerns = Callable[[Change], bool]


class Judgement:
    """By what something is sent, as it was judged, and whether that holds."""

    def __init__(
        self, follower: Follower, clock: Callable[[], int], subjects: Collection[str]
    ) -> None:
        self._follower = follower
        self._clock = clock
        self._subjects = frozenset(subjects)
        #: Whether anything was taken back since it was last judged that may concern it.
        self._is_doubted = False
        self._again: Again | None = None
        self._concerns: Concerns | None = None
        self._until: int | None = None
        self._cut: Callable[[], None] | None = None

    def made(self, again: Again, concerns: Concerns, until: int | None) -> None:
        """Say how it is judged again, which stories it is about, and when the clock ends it."""
        self._again, self._concerns, self._until = again, concerns, until

    async def holds(self) -> bool:
        """Say whether it would be judged so now, as far as the wire is known.

        Nothing may be awaited between the answer and what is done by it. Raises `Unavailable`.
        """
        while True:
            await self._follower.current()
            if self._until is not None and self._until <= self._clock():
                return False
            if not self._is_doubted:
                return True
            if self._again is None:
                return False
            self._is_doubted = False
            if not await self._again():
                self._is_doubted = True
                return False

    def watch(self, cut: Callable[[], None]) -> None:
        """Have what is being sent cut off at once when it may have ceased to hold."""
        self._cut = cut

    def hear(self, ends: Sequence[Change], access: Collection[str] | None) -> None:
        """Hear which stories ended, and whose access changed; None: it may be anybody's."""
        is_taken = access is None or not self._subjects.isdisjoint(access)
        if not is_taken:
            ends = [end for end in ends if self._concerns is None or self._concerns(end)]
            if not ends:
                return
            is_taken = any(map(narrows, ends))
        self._is_doubted = True
        # What was corrected is not sent any more, but is nobody's to hide: the rest may leave.
        if is_taken and self._cut is not None:
            # To judge again takes a while, in which the rest would leave.
            self._cut()


class Judgements:
    """Those by which something is being sent."""

    def __init__(self, follower: Follower, clock: Callable[[], int]) -> None:
        self._follower = follower
        self._clock = clock
        self._open = set[Judgement]()
        follower.heed(self._heard)

    @contextmanager
    def begin(self, subjects: Collection[str]) -> Iterator[Judgement]:
        """Judge from here on, and send by it: what is taken back from now on is heard."""
        judgement = Judgement(self._follower, self._clock, subjects)
        self._open.add(judgement)
        try:
            yield judgement
        finally:
            self._open.remove(judgement)

    def _heard(self, changes: Sequence[Change] | None) -> None:
        access = None if changes is None else concerned(changes)
        ends = [one for one in changes or () if narrows(one) or supersedes(one)]
        for judgement in self._open:
            judgement.hear(ends, access)
