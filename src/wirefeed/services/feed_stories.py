"""The newest stories of feeds, read once for all who ask for them while the wire stands still.

After a publish every window is chosen anew, one for each kind of right, and most of them from the
same rows. What of a story somebody may see is not decided here.
"""

from collections.abc import Collection, Sequence
from sys import getsizeof
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.stories import Feed, Story
from wirefeed.storage import stories

#: Bytes of stories that are kept.
_BYTES = 2 * 1024 * 1024
#: What a story takes beside its texts.
_BESIDE = 3000
#: Feeds, below which position, and how many.
_Asked: TypeAlias = tuple[frozenset[Feed], int | None, int]


def weight_of(held: Collection[Story]) -> int:
    """Say about how many bytes of memory stories take."""
    revisions = [story.revision for story in held]
    texts = (text for r in revisions for text in (r.headline, r.summary, r.body, r.ednote))
    return _BESIDE * len(revisions) + sum(map(getsizeof, texts))


class FeedStories:
    """Reads stories of feeds, and keeps them for as long as the wire ends where it did.

    Several threads ask at once. A pair is replaced as a whole, so none gets stories of another
    state than it looks at; two may read the same.
    """

    def __init__(self) -> None:
        #: Where the wire ended, and what was read then.
        self._held: tuple[int, dict[_Asked, Sequence[Story]]] = (-1, {})
        self._weight = 0

    async def newest(
        self,
        connection: AsyncConnection,
        head: int,
        feeds: frozenset[Feed],
        before: int | None,
        limit: int,
    ) -> Sequence[Story]:
        """Give the stories of feeds below a position as `stories.newest` does.

        The wire ends at `head` in the transaction that reads.
        """
        asked = (feeds, before, limit)
        at, held = self._held
        if at == head and asked in held:
            return held[asked]
        found = await stories.newest(connection, feeds, before, limit)
        self._keep(head, asked, found)
        return found

    def _keep(self, head: int, asked: _Asked, found: Sequence[Story]) -> None:
        at, held = self._held
        if head > at:
            at, held = head, {}
            self._held, self._weight = (at, held), 0
        weight = weight_of(found)
        if head == at and self._weight + weight <= _BYTES:
            held[asked] = found
            self._weight += weight
