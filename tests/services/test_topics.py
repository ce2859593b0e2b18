"""Feeds as the hub finds them: as they are in the moment, and not tried for ever."""

from pathlib import Path

import pytest

from tests.support.agency import running, settings_in
from wirefeed.domain.archives import Asked
from wirefeed.domain.errors import Unavailable
from wirefeed.domain.leases import PUBLIC
from wirefeed.domain.readers import Reader
from wirefeed.formats.coding import Coding
from wirefeed.services.documents import Document, Moved
from wirefeed.services.syndication import Syndication
from wirefeed.services.topics import Topics


class Restless(Syndication):
    """Feeds that become others whenever they are rendered, so often."""

    def __init__(self, real: Syndication, times: int) -> None:
        self.real = real
        self.times = times
        self.tried = 0

    def check(self, feed: Asked, reader: Reader) -> None:
        self.real.check(feed, reader)

    async def document(self, *asked, **named) -> Document:
        return await self.real.document(*asked, **named)

    async def body(self, document: Document, coding: Coding, *asked, **named) -> bytes:
        self.tried += 1
        if self.tried <= self.times:
            raise Moved
        return await self.real.body(document, coding, *asked, **named)


@pytest.mark.parametrize("times", [0, 4, 5, 1_000])
async def test_a_feed_that_is_never_the_same_is_due_again_later(tmp_path: Path, times: int):
    async with running(settings_in(tmp_path)) as agency:
        await agency.publish("urn:a")
        services = agency.services
        restless = Restless(services.syndication, times)
        topics = Topics(
            services.named, services.house, services.readers, restless, secret=bytes(32)
        )
        place = topics.find("https://news.example/en/topics/sport.rss")
        if times < 5:
            assert b"urn:a" in (await topics.present(place, PUBLIC, "")).body
        else:
            with pytest.raises(Unavailable):
                await topics.present(place, PUBLIC, "")
        assert restless.tried == min(times + 1, 5)
