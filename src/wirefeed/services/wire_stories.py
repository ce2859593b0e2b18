"""The stories that changes are about, as they stand now: read once for all who hear of them.

What of a story somebody may see is for those who ask, and so is what is taken back meanwhile.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from sys import getsizeof

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import Entitled
from wirefeed.domain.stories import Story
from wirefeed.services.batch import Batch
from wirefeed.services.threads import Threads, namers
from wirefeed.storage import stories, wire
from wirefeed.storage.database import Database

#: Bytes of stories that are kept: whoever follows the wire hears of a story at about the time all
#: others do.
_BYTES = 2 * 1024 * 1024
#: Of a story, beside its texts.
_BESIDE = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A story as it stood where the wire ended, and those its thread may be called by."""

    head: int
    #: None: there is none.
    story: Story | None
    #: Not by itself.
    namers: Mapping[str, Sequence[Story]] = field(default_factory=dict)


class WireStories:
    """Keeps stories for as long as nothing changes."""

    def __init__(self, database: Database, threads: Threads) -> None:
        self._database = database
        self.threads = threads
        self._batch = Batch(self._load)
        #: Stories as they are while the wire ends there.
        self._kept: dict[str, _Known] = {}
        self._head = -1
        self._weight = 0

    async def shown(self, guids: Collection[str], caller: Entitled, head: int) -> dict[str, Story]:
        """Give the stories there are, each under what its thread is called to a caller.

        Each is as it was when the wire ended at `head`, or later. Raises `Unavailable`.
        """
        known = {guid: self._kept[guid] for guid in guids if guid in self._kept}
        known = {guid: one for guid, one in known.items() if one.head >= head}
        lacking = [guid for guid in guids if guid not in known]
        for guid, one in zip(
            lacking, await asyncio.gather(*map(self._batch.get, lacking)), strict=True
        ):
            if one is not None:
                known[guid] = one
        return {
            guid: self._called(one.story, one.namers, caller)
            for guid, one in known.items()
            if one.story is not None
        }

    async def _load(self, guids: Sequence[str]) -> dict[str, _Known]:
        found = await self._database.read(_read, guids)
        for guid, one in found.items():
            self._keep(guid, one)
        return found

    def _keep(self, guid: str, one: _Known) -> None:
        if one.head > self._head or self._weight > _BYTES:
            self._kept, self._head, self._weight = {}, one.head, 0
        if one.head == self._head and guid not in self._kept:
            self._kept[guid] = one
            self._weight += _weight(one)

    def _called(self, story: Story, by: Mapping[str, Sequence[Story]], caller: Entitled) -> Story:
        names = self.threads.called(by, caller)
        return replace(story, thread=names[story.thread]) if names else story


async def _read(connection: AsyncConnection, guids: Sequence[str]) -> dict[str, _Known]:
    head = (await wire.head(connection)).position
    held = await stories.held(connection, guids)
    named = await namers(connection, held.values())
    found = {guid: _Known(head=head, story=None) for guid in guids}
    for guid, story in held.items():
        by = {story.thread: named[story.thread]} if story.thread in named else {}
        found[guid] = _Known(head=head, story=story, namers=by)
    return found


def _weight(known: _Known) -> int:
    called_by = (story for of_one in known.namers.values() for story in of_one)
    told = [story.revision for story in (known.story, *called_by) if story is not None]
    texts = (text for r in told for text in (r.headline, r.summary, r.body, r.ednote))
    return _BESIDE * (1 + len(told)) + sum(map(getsizeof, texts))
