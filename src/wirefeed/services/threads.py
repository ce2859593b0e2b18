"""What threads are called to a caller: reads the stories they are named by; the domain decides."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Entitled
from wirefeed.domain.stories import Story
from wirefeed.domain.threads import called
from wirefeed.storage import stories


class Threads:
    """Names threads."""

    def __init__(self, key: bytes) -> None:
        #: Makes the names that are ours; nobody else can.
        self._key = key

    async def names(
        self, connection: AsyncConnection, shown: Iterable[Story], caller: Entitled
    ) -> dict[str, str]:
        """Say what the threads of stories are called to a caller who is shown these.

        Those that go by their GUIDs, since a story that is shown bears it, are not among them.
        """
        return self.called(await namers(connection, shown), caller)

    def called(self, named: Mapping[str, Iterable[Story]], caller: Entitled) -> dict[str, str]:
        """Say what threads are called that may be by these stories."""
        return {thread: called(thread, by, caller, self._key) for thread, by in named.items()}


async def namers(
    connection: AsyncConnection, shown: Iterable[Story]
) -> Mapping[str, Sequence[Story]]:
    """Give the stories by which the threads of stories may be called, but for their own GUIDs."""
    threads = {s.thread for s in shown if s.thread not in {s.guid, s.revision.feed_guid}}
    found: dict[str, list[Story]] = {thread: [] for thread in threads}
    for story in await stories.namers(connection, threads):
        found[story.thread].append(story)
    return found
