"""Where links to media lead: judged at each request, by what is held of the story then.

Nothing is remembered here, so that what was taken back is so for the next request.
"""

from collections.abc import Callable

from wirefeed.domain.errors import NotFound, UnknownKey
from wirefeed.domain.media import MediaLinks
from wirefeed.storage import stories
from wirefeed.storage.database import Database


class Media:
    """Leads from our addresses of pictures, films and sounds to the newsroom's."""

    def __init__(self, database: Database, links: MediaLinks, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._links = links
        self._clock = clock

    async def address(self, story_id: str, signature: str, file: str) -> str:
        """Give the address that a link leads to.

        Raises `UnknownKey` for what is no link of ours, before anything is looked up,
        `NotFound` before the story may be shown, and `Gone` when it no longer may.
        """
        circle = self._links.circle(story_id, signature, file)
        if circle is None:
            raise UnknownKey
        async with self._database.reading() as connection:
            story = await stories.find(connection, story_id)
        if story is None:
            raise NotFound
        return self._links.leads_to(story, file, circle, self._clock())
