"""What the desk does to stories by hand: withdraw one for good or a while, bring it back."""

from collections.abc import Callable
from dataclasses import replace

from wirefeed.domain.audit import SYSTEM, Actor
from wirefeed.domain.errors import Conflict, WirefeedError
from wirefeed.domain.stories import PubStatus, Revision, Story
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message, Publishing
from wirefeed.storage import stories
from wirefeed.storage.database import Database

_SOURCE = "desk"


class Newsdesk:
    """The desk."""

    def __init__(
        self, database: Database, publishing: Publishing, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
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
            headline=headline or story.revision.headline,
            summary="",
            body="",
            media=(),
        )
        return await self._send(story, kill, by)

    async def withhold(self, name: str, by: Actor = SYSTEM) -> Story:
        """Take a story out of sight for a while, without a notice; once more changes nothing.

        Raises `NotFound`, and `Conflict` for one that was killed.
        """
        story = await self._publishing.find(name)
        if story.is_killed:
            raise Conflict(f"{story.guid} was killed; a kill is final")
        if story.revision.status is PubStatus.WITHHELD:
            return story
        return await self._send(story, replace(story.revision, status=PubStatus.WITHHELD), by)

    async def reinstate(self, name: str, by: Actor = SYSTEM) -> Story:
        """Bring back a story that was withheld or killed, with the text it had last.

        The only way back from a kill, and a higher version; nothing is brought back by a late
        message. Of one that is usable it changes nothing. Raises `NotFound`, and `Conflict`
        where no text of it is kept.
        """
        story = await self._publishing.find(name)
        if story.revision.status is PubStatus.USABLE:
            return story
        return await self._send(story, await self._last_usable(story), by)

    async def _last_usable(self, story: Story) -> Revision:
        """Read the newest version that could be used, as it was sent."""
        async with self._database.reading() as connection:
            history = await stories.history(connection, story.guid)
        for kept in reversed(history):
            try:
                revision = ninjs.parse(kept.raw)
            except WirefeedError:
                # What the desk itself did is no message.
                continue
            if revision.status is PubStatus.USABLE:
                return revision
        raise Conflict(
            f"no text of {story.guid} is kept", remedy="publish it under a new identifier"
        )

    async def _send(self, story: Story, revision: Revision, by: Actor) -> Story:
        """Make it the next version. Raises whatever refuses it."""
        sent = replace(revision, version=story.version + 1, version_created=self._clock())
        message = Message(raw=b"", revision=sent, reinstates=sent.status is PubStatus.USABLE)
        (receipt,) = await self._publishing.accept_all([message], _SOURCE, by=by)
        if receipt.error is not None:
            raise receipt.error
        return receipt.story or story
