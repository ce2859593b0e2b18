"""How many calls begin at one time: who asks this process for something has its turn, too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Calls that are begun at one time,
AT_ONCE = 48
#: and seconds for which one counts: then it waits for the other side, and takes no time of ours.
BEGINS = 0.1


class Pace:
    """Lets so many calls begin, and the next when one has ended or is under way."""

    def __init__(self) -> None:
        self._begun = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def turn(self, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for a turn, and call meanwhile. What is urgent waits behind nobody."""
        if urgent:
            yield
            return
        await self._begun.acquire()
        loop, has_ended = asyncio.get_running_loop(), False

        def end() -> None:
            nonlocal has_ended
            if not has_ended:
                has_ended = True
                self._begun.release()

        begins = loop.call_later(BEGINS, end)
        try:
            yield
        finally:
            begins.cancel()
            end()
