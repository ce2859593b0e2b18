"""What this process has counted and how it stands, and the same of the workers beside it.

It holds numbers under names of ours: no credential, subscriber or address may become one.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from wirefeed.domain.errors import Unavailable
from wirefeed.storage.shared_counts import SharedCounts, Snapshot

#: Seconds between two times that the other workers are told.
_PAUSE = 1.0


class Metrics:
    """Adds up what is counted, by whichever worker it was."""

    def __init__(
        self, counts: Counter[tuple[str, ...]], *, worker: str = "0", folder: Path | None = None
    ) -> None:
        self._counts = counts
        self._worker = worker
        self._folder = folder
        self._place: SharedCounts | None = None
        #: A snapshot is written before a newer one is taken,
        self._turn = asyncio.Lock()
        #: also when whoever waited for that was cancelled.
        self._writing = threading.Lock()
        self._gauges: dict[str, Callable[[], float | None]] = {}

    def watch(self, name: str, read: Callable[[], float | None]) -> None:
        """Have something looked at whenever it is asked how things stand; None: it has no say."""
        self._gauges[name] = read

    def own(self) -> Snapshot:
        """Say how this process stands."""
        stands = {name: read() for name, read in self._gauges.items()}
        return Snapshot(
            worker=self._worker,
            counts=dict(self._counts),
            gauges={name: value for name, value in stands.items() if value is not None},
        )

    async def all(self) -> list[Snapshot]:
        """Say how every worker stands, this one first.

        What is told of this one is kept first: else the others could tell less after its crash.
        Raises `Unavailable` when what they have counted cannot be read.
        """
        async with self._turn:
            own = self.own()
            try:
                return [own, *await asyncio.to_thread(self._exchange, own)]
            except OSError as error:
                raise Unavailable("what workers share cannot be read or written") from error

    def enter(self) -> None:
        """Count on from where the last process at this place ended, if workers share a folder."""
        if self._folder is not None:
            self._place = SharedCounts.enter(self._folder)
            self._counts.update(self._place.inherited())

    def leave(self) -> None:
        """Keep what was counted for the next process at this place."""
        if self._place is not None:
            self._exchange(self.own())
            self._place.leave()
            self._place = None

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Tell the other workers every second, until cancelled; failures are told."""
        try:
            self.enter()
            while True:
                await self._tell(failed)
                await asyncio.sleep(_PAUSE)
        except OSError as error:
            failed(error)
        finally:
            try:
                self.leave()
            except OSError as error:
                failed(error)

    async def _tell(self, failed: Callable[[Exception], None]) -> None:
        try:
            await self.all()
        except Unavailable as error:
            failed(error)

    def _exchange(self, own: Snapshot) -> list[Snapshot]:
        with self._writing:
            if self._place is None:
                return []
            self._place.write(own)
            return list(self._place.others())
