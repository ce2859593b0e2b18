"""What threads are called to a caller: reads the stories they are named by; the domain decides."""

from collections.abc import Iterable

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
        threads = {s.thread for s in shown if s.thread not in {s.guid, s.revision.feed_guid}}
        if not threads:
            return {}
        namers: dict[str, list[Story]] = {thread: [] for thread in threads}
        for story in await stories.namers(connection, threads):
            namers[story.thread].append(story)
        return {name: called(name, by, caller, self._key) for name, by in namers.items()}
