"""What runs out within a time: subscriptions that end, and tokens that expire."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from wirefeed.domain.endings import RunningOut, running_out
from wirefeed.storage import credentials, subscribers
from wirefeed.storage.database import Database

#: A place in the list: a time, a subscriber, and a plan or a token.
Place = tuple[int, str, str, str]
_START: Place = (0, "", "", "")
#: What is read at once: whoever reads keeps those who write waiting.
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of what runs out."""

    found: list[RunningOut]
    #: Behind which place to go on; None: this is the last of it.
    after: Place | None


class Endings:
    """What is to be renewed."""

    def __init__(self, database: Database, *, clock: Callable[[], int], page: int = _PAGE) -> None:
        self._database = database
        self._clock = clock
        self._page = page

    async def within(self, span: int, limit: int = 1000, after: Place = _START) -> Part:
        """List what ends within a time (microseconds), the first to end first, behind a place."""
        now = self._clock()
        both = (self._plans(now, now + span, after), self._tokens(now, now + span, after))
        heads = [await anext(each, None) for each in both]
        found: list[tuple[Place, RunningOut]] = []
        while len(found) <= limit and (waiting := [head for head in heads if head is not None]):
            first = min(waiting, key=lambda head: head[0])
            found.append(first)
            at = heads.index(first)
            heads[at] = await anext(both[at], None)
        shown = found[:limit]
        return Part(
            found=[each for _, each in shown],
            after=shown[-1][0] if len(found) > len(shown) else None,
        )

    async def _plans(
        self, now: int, until: int, after: Place
    ) -> AsyncIterator[tuple[Place, RunningOut]]:
        # The subscriber of the place itself may have more plans that end then.
        look: tuple[int, str] | None = (after[0], after[1][:-1])
        while look is not None:
            async with self._database.reading() as connection:
                page, upto = await subscribers.ending(
                    connection, now, until, self._page, after=look
                )
            for each in running_out(page, (), now, until):
                place = (each.ends, each.subscriber, each.plan, "")
                # What ends later than what was looked at has its turn there.
                if place > after and (upto is None or place[:2] <= upto):
                    after = place
                    yield place, each
            look = upto

    async def _tokens(
        self, now: int, until: int, after: Place
    ) -> AsyncIterator[tuple[Place, RunningOut]]:
        # A subscriber's tokens stand before its plans.
        look = (after[0], after[1], "\U0010ffff" if after[2] else after[3])
        while True:
            async with self._database.reading() as connection:
                page = await credentials.expiring(connection, now, until, self._page, after=look)
            for token in page:
                place = (token.expires, token.subscriber or "", "", token.jti)
                # One whose key is given up before stands where it would have expired.
                for each in running_out((), (token,), now, until):
                    yield place, each
            if len(page) < self._page:
                return
            last = page[-1]
            look = (last.expires, last.subscriber or "", last.jti)
