"""What one process at a time does: it holds the duty as long as it says so again and again.

One that was killed or frozen says nothing, and another takes over within two seconds, or as many as
the duty says. A process that has nothing to do holds nothing, and writes nothing.
"""

import secrets
import time
from collections.abc import Callable

from wirefeed.storage import duties
from wirefeed.storage.database import Database

#: For which a duty is held, each time,
_HELD = 1_500_000
#: and after which it is held on, in seconds: sooner than it ends.
_AGAIN = 0.5


class Duty:
    """One duty, as this process has it or not."""

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        held: int = _HELD,
    ) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._monotonic = monotonic
        #: For how long it is held each time: one that is seldom done is held for longer.
        self._for = held
        self._holder = secrets.token_hex(8)
        #: When it was last taken; None: it is not held.
        self._taken: float | None = None

    async def is_free(self) -> bool:
        """Say whether it is held here, or by nobody. Raises `Unavailable`."""
        if self._taken is not None:
            return True
        return await self._database.read(duties.holder, self._name, self._clock()) is None

    async def held(self) -> bool:
        """Take it, or hold it on; say whether it is held. Raises `Unavailable`."""
        began, now = self._monotonic(), self._clock()
        if self._taken is not None and began - self._taken < _AGAIN:
            return True
        # Nobody is kept from writing by those who only wait.
        if not await self.is_free():
            return False
        until = now + self._for
        taken = await self._database.write(duties.take, self._name, self._holder, now, until)
        self._taken = began if taken else None
        return taken

    async def leave(self) -> None:
        """Let another have it at once."""
        if self._taken is not None:
            self._taken = None
            await self._database.write(duties.leave, self._name, self._holder)
