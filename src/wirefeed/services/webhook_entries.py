"""A change as a webhook is sent it: the entry of the wire API, of the story as it may be seen now.

What a newer version follows is not sent: only the present state of a story leaves the house.
"""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Level, Reason, decide
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.stories import PubStatus
from wirefeed.domain.views import view
from wirefeed.domain.wire import ChangeKind
from wirefeed.formats import ninjs_out
from wirefeed.formats.ninjs_out import Told
from wirefeed.storage import stories
from wirefeed.storage.wire import Row

#: Of these, the name is enough, and is always sent: nothing of the story's text is in it.
_ENDS = {
    ChangeKind.WITHHOLD: PubStatus.WITHHELD,
    ChangeKind.EXPIRE: PubStatus.WITHHELD,
}


class WebhookEntries:
    """Writes changes for webhooks."""

    def __init__(self, *, words: int, backfill: str, clock: Callable[[], int]) -> None:
        self._words = words
        self._backfill = backfill
        self._clock = clock

    async def entry(
        self, connection: AsyncConnection, row: Row, kind: ChangeKind, to: Entitlement
    ) -> bytes | None:
        """Give a change, heard as this kind; None: what comes later says all of it."""
        change = row.change
        told = Told(change=kind.value, guid=change.about, version=change.version)
        story = (await stories.held(connection, [change.about])).get(change.about)
        if story is None:
            return None
        if kind in _ENDS:
            return ninjs_out.bare(told, _ENDS[kind], thread=story.thread)
        access = decide(story, to, self._clock())
        killed = access.reason is Reason.KILLED
        # A kill is told as long as it holds; anything else, as long as it is the newest.
        is_newest = killed if kind is ChangeKind.KILL else change.version >= story.version
        if access.level is Level.HIDDEN or not is_newest or killed != (kind is ChangeKind.KILL):
            return None
        return ninjs_out.entry(view(story, access, words=self._words), told)

    def entitlement(self) -> bytes:
        """Give the entry that says that something else may be seen from here on."""
        return ninjs_out.entitlement(self._backfill)
