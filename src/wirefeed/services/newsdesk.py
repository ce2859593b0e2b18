"""What the desk does to stories by hand: withdraw one for good."""

from collections.abc import Callable
from dataclasses import replace

from wirefeed.domain.audit import SYSTEM, Actor
from wirefeed.domain.stories import PubStatus, Story
from wirefeed.services.publishing import Message, Publishing

_SOURCE = "desk"


class Newsdesk:
    """The desk."""

    def __init__(self, publishing: Publishing, *, clock: Callable[[], int]) -> None:
        self._publishing = publishing
        self._clock = clock

    async def kill(self, name: str, by: Actor = SYSTEM, *, headline: str = "") -> Story:
        """Withdraw the story of this guid or id for good: it is gone when this returns.

        `headline` is what its notice is called; without it, the slugline. A newer story that
        has replaced it stays. Once more it changes nothing. Raises `NotFound`.
        """
        story = await self._publishing.find(name)
        if story.is_killed:
            return story
        kill = replace(
            story.revision,
            status=PubStatus.CANCELED,
            version=story.version + 1,
            version_created=self._clock(),
            headline=headline or story.revision.headline,
            summary="",
            body="",
            media=(),
        )
        message = Message(raw=b"", revision=kill)
        (receipt,) = await self._publishing.accept_all([message], _SOURCE, by=by)
        if receipt.error is not None:
            raise receipt.error
        return receipt.story or story
