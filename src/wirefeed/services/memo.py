"""What was loaded, remembered for as long as it holds: until the wire or the clock changes it.

A load that began before a change it hangs on is neither kept nor given to anybody: whoever
came after the change would be told what was true before it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from wirefeed.domain.errors import WirefeedError
from wirefeed.services.follower import Follower

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
#: What was loaded, and when the clock changes it; None: never.
Loaded = tuple[_Value, int | None]


class Memo(Generic[_Key, _Value]):
    """Values by key, the least recently used forgotten first.

    They are bounded by their number, or by what `weigh` says of each. The newest is held however
    heavy it is, since others are about to ask for it.
    """

    def __init__(
        self,
        follower: Follower,
        limit: int,
        clock: Callable[[], int],
        weigh: Callable[[_Value], int] = lambda _: 1,
    ) -> None:
        self._follower = follower
        self._limit = limit
        self._weigh = weigh
        self._weight = 0
        self._clock = clock
        self._held: OrderedDict[_Key, Loaded[_Value]] = OrderedDict()
        self._loading: dict[_Key, asyncio.Task[Loaded[_Value]]] = {}
        #: Counts how often something was forgotten.
        self._age = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: _Key) -> _Value | None:
        """Give what holds now, without waiting for anything."""
        if self._follower.head is None:
            return None
        return self._known(key)

    async def find(self, key: _Key, grace: float = 0) -> _Value | None:
        """Give what holds now, if it was loaded before; raises as `fetch` does."""
        await self._follower.current(grace)
        return self._known(key)

    async def fetch(
        self, key: _Key, load: Callable[[], Awaitable[Loaded[_Value]]], grace: float = 0
    ) -> _Value:
        """Give what holds now, loaded once however many ask.

        While the database is out of reach, what was seen to hold within the last `grace`
        seconds counts. Raises what `load` raises.
        """
        value = await self.find(key, grace)
        if value is not None:
            return value
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key, load))
            task.add_done_callback(partial(self._loaded, key))
        # Whoever goes away leaves the others what was begun.
        loaded = await asyncio.shield(task)
        return loaded[0]

    def keep(self, key: _Key, value: _Value, until: int | None) -> None:
        """Remember what was made just now, without waiting, of nothing but what holds."""
        self.drop(key)
        self._held[key] = value, until
        self._weight += self._weigh(value)
        while self._weight > self._limit and len(self._held) > 1:
            self.drop(next(iter(self._held)))

    def forget(self, concerns: Callable[[_Key, _Value], bool] | None = None) -> None:
        """Forget what a change concerns, or everything."""
        self._age += 1
        if concerns is None:
            self._held.clear()
            self._weight = 0
            return
        for key in [key for key, (value, _) in self._held.items() if concerns(key, value)]:
            self.drop(key)

    def drop(self, key: _Key) -> None:
        """Forget one, which is of no more use."""
        dropped = self._held.pop(key, None)
        if dropped is not None:
            self._weight -= self._weigh(dropped[0])

    def _known(self, key: _Key) -> _Value | None:
        held = self._held.get(key)
        if held is None:
            return None
        value, until = held
        if until is not None and until <= self._clock():
            self.drop(key)
            return None
        self._held.move_to_end(key)
        return value

    async def _load(
        self, key: _Key, load: Callable[[], Awaitable[Loaded[_Value]]]
    ) -> Loaded[_Value]:
        while True:
            age = self._age
            try:
                loaded = await load()
            except WirefeedError:
                if await self._is_of(age):
                    raise
                continue
            if await self._is_of(age):
                self.keep(key, *loaded)
                return loaded

    async def _is_of(self, age: int) -> bool:
        """Say whether nothing was forgotten since.

        It may have been longer than the lease; then only a look tells what came meanwhile.
        """
        await self._follower.current()
        return age == self._age

    def _loaded(self, key: _Key, task: asyncio.Task[Loaded[_Value]]) -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            # It may be that nobody waits for its failure any more.
            task.exception()
