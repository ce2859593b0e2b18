"""What is under way to callbacks and what is next: how many at once, to which host. No I/O here."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from wirefeed.domain.deliveries import Standing
from wirefeed.domain.errors import Unavailable

#: Requests that are under way at one time,
MOST = 512
#: to one host,
EACH = 4
#: and to callbacks that have failed before: they are not to keep the others waiting, nor to take
#: their place among what is remembered.
FAILING = 64
#: Questions of anybody who asks, of those in hand: whoever floods the hub floods its own share.
ANYBODYS = 32
#: Of one host so many are remembered; all others that are due are in the database.
IN_HAND = 8
#: Seconds for which what could not be judged keeps its place: it is due again at once.
PAUSE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery. A source may add to it what it wants to settle."""

    #: Up to here the callback was told, or there was nothing to tell; nothing if it failed.
    position: int = 0
    #: Why it failed, in a word of a closed set (it becomes a label); empty: it did not.
    reason: str = ""
    #: Whether there was a request at all.
    sent: bool = True


class Target(Protocol):
    """A callback that was not told everything."""

    @property
    def id(self) -> str:
        """Name it, differently from those of all sources."""

    @property
    def host(self) -> str:
        """Name the host that is called."""

    @property
    def urgent(self) -> bool:
        """Say whether it waits for a kill."""

    @property
    def standing(self) -> Standing:
        """Say how it goes with it."""

    async def deliver(self) -> Outcome:
        """Tell it; whatever it answers is an outcome, never an error.

        Whether it may still be told, and of what, is to be judged in here: it may have waited.
        Raises `Unavailable` while that cannot be judged.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A delivery that came back, and where the wire ended when it was sent."""

    #: Of what kind the target is.
    kind: str
    target: Target
    head: int
    task: asyncio.Task[Outcome]


class Flights:
    """The deliveries in hand: those that wait, those under way, those that came back."""

    def __init__(self, landed: Callable[[], None]) -> None:
        self._tell = landed
        self._waiting: dict[str, tuple[str, Target]] = {}
        self._flying: dict[str, Landed] = {}
        self._landed: dict[str, Landed] = {}
        #: By host: those that wait or fly, and those that fly.
        self._hosts: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        #: Of those that wait or fly, how many have failed before,
        self._failing = 0
        #: and how many there are of each kind.
        self._kinds: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying) + len(self._landed)

    @property
    def flying(self) -> int:
        """How many requests are under way."""
        return len(self._flying)

    def has_room(self, kind: str, share: int = MOST) -> bool:
        """Say whether more may be remembered of a kind that may have so many."""
        return len(self) < MOST and self._kinds[kind] < share

    @property
    def busy(self) -> frozenset[str]:
        """What is in hand."""
        return frozenset((*self._waiting, *self._flying, *self._landed))

    @property
    def full(self) -> frozenset[str]:
        """The hosts for which enough is remembered."""
        return frozenset(host for host, number in self._hosts.items() if number >= IN_HAND)

    def take(self, kind: str, target: Target, share: int = MOST) -> bool:
        """Remember a target until its host has time for it, if there is room."""
        in_hand = (self._waiting, self._flying, self._landed)
        if any(target.id in some for some in in_hand):
            return False
        fails = target.standing.failures > 0
        if self._hosts[target.host] >= IN_HAND or not self.has_room(kind, share):
            return False
        if fails and self._failing >= FAILING:
            return False
        self._waiting[target.id] = (kind, target)
        self._hosts[target.host] += 1
        self._failing += fails
        self._kinds[kind] += 1
        return True

    def start(self, head: int) -> None:
        """Send to as many of those that wait as may be sent to at one time."""
        for kind, target in sorted(self._waiting.values(), key=_order):
            if self._calls[target.host] >= EACH:
                continue
            del self._waiting[target.id]
            self._calls[target.host] += 1
            task = asyncio.create_task(_delivered(target))
            self._flying[target.id] = Landed(kind=kind, target=target, head=head, task=task)
            task.add_done_callback(self._done(kind, target))

    def _done(self, kind: str, target: Target) -> Callable[[asyncio.Task[Outcome]], None]:
        def done(_: asyncio.Task[Outcome]) -> None:
            self._landed[target.id] = self._flying.pop(target.id)
            _less(self._calls, target.host)
            self._gone(kind, target)
            self._tell()

        return done

    def landed(self) -> Sequence[Landed]:
        """Give those that came back and are not yet settled."""
        return tuple(self._landed.values())

    def settled(self, landed: Collection[Landed]) -> None:
        """Forget those that are written down."""
        for one in landed:
            del self._landed[one.target.id]

    def forget_waiting(self) -> None:
        """Leave those that wait to the database."""
        for kind, target in self._waiting.values():
            self._gone(kind, target)
        self._waiting.clear()

    def _gone(self, kind: str, target: Target) -> None:
        """Note that a target neither waits nor flies any more."""
        self._failing -= target.standing.failures > 0
        _less(self._hosts, target.host)
        _less(self._kinds, kind)

    def cancel(self) -> None:
        """Break off whatever is under way."""
        for one in self._flying.values():
            one.task.cancel()

    async def end(self, seconds: float) -> None:
        """Let what is under way end within a time, and break off the rest."""
        self.forget_waiting()
        tasks = [one.task for one in self._flying.values()]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=seconds)
        self.cancel()
        await asyncio.wait(tasks)


async def _delivered(target: Target) -> Outcome:
    """Tell it; what cannot be judged now comes back after a pause, or it would run in circles."""
    try:
        return await target.deliver()
    except Unavailable:
        await asyncio.sleep(PAUSE)
        raise


def _order(waiting: tuple[str, Target]) -> tuple[bool, bool]:
    _, target = waiting
    return not target.urgent, target.standing.failures > 0


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
