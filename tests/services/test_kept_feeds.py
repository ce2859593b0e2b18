"""What is remembered of a feed while others change is what would be chosen of it anew."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.conftest import SOAK
from tests.support.agency import MEDIA_TOPICS, MINUTE, Agency, Clock, running, settings_in
from tests.support.answers import ask
from tests.support.process import PATIENCE
from wirefeed.composition import Services, open_services
from wirefeed.config import Feed as FeedSettings
from wirefeed.domain.archives import Asked
from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.feeds import Selection, Window
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Concept, Feed, PubStatus, Revision
from wirefeed.formats.coding import Coding
from wirefeed.services.documents import Format
from wirefeed.services.publishing import Message
from wirefeed.storage.lru import Lru

LANGUAGES = ("en", "tr", "ar")
GUIDS = tuple(f"urn:k:{number}" for number in range(6))
TOPICS = sorted(MEDIA_TOPICS)
FEEDS: tuple[Feed | Selection, ...] = (
    *(Feed(language=language, topic=topic) for language in LANGUAGES for topic in ("", *TOPICS)),
    Selection(language="en", topics=frozenset({"sport", "economy"})),
)
#: So that something is in the archive.
SHORT = FeedSettings(items=2, hours=0)
#: Subscribers with their plans; those of the last one end soon.
PLANS = {"all": ["everything"], "fan": ["sport"], "late": ["late"], "former": ["economy", "sport"]}
_STATUSES = (PubStatus.USABLE,) * 4 + (PubStatus.WITHHELD, PubStatus.CANCELED)
_NONE_MOSTLY = (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of a newsroom; or nothing but time that passes."""

    guid: str
    language: str
    topics: frozenset[str]
    status: PubStatus
    evolved_from: str | None
    feed_guid: str | None
    #: Minutes until then.
    embargo: int | None
    expires: int | None
    signals: tuple[str, ...]
    #: Minutes that pass before it.
    waited: int

    def revision(self, version: int, now: int) -> Revision:
        return Revision(
            guid=self.guid,
            version=version,
            version_created=now,
            status=self.status,
            language=self.language,
            headline=f"{self.guid} {version}",
            body=f"<p>Body {version}.</p>",
            subjects=tuple(Concept(code=MEDIA_TOPICS[topic]) for topic in sorted(self.topics)),
            evolved_from=self.evolved_from if self.evolved_from != self.guid else None,
            feed_guid=self.feed_guid,
            embargoed_until=None if self.embargo is None else now + self.embargo * MINUTE,
            expires=None if self.expires is None else now + self.expires * MINUTE,
            signals=self.signals,
        )


SENT = st.builds(
    Sent,
    guid=st.sampled_from(GUIDS),
    language=st.sampled_from(LANGUAGES),
    topics=st.frozensets(st.sampled_from(TOPICS), min_size=1, max_size=2),
    status=st.sampled_from(_STATUSES),
    evolved_from=st.sampled_from((*_NONE_MOSTLY, *GUIDS)),
    feed_guid=st.sampled_from((*_NONE_MOSTLY, "urn:f:1", GUIDS[0])),
    embargo=st.sampled_from((*_NONE_MOSTLY, 5)),
    expires=st.sampled_from((*_NONE_MOSTLY, 20)),
    signals=st.sampled_from(((), (), ("correction",))),
    waited=st.sampled_from((0, 1, 7, 31)),
)


@hypothesis_settings(
    max_examples=300 if SOAK else 8,
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if SOAK else [])],
)
@given(st.lists(SENT, min_size=4, max_size=8))
def test_whatever_happens_a_feed_that_is_kept_is_the_one_that_would_be_chosen(sent: list[Sent]):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_send_and_compare(Path(folder), sent))


async def _send_and_compare(folder: Path, sent: Sequence[Sent]) -> None:
    clock, settings = Clock(), settings_in(folder, feed=SHORT)
    async with running(settings, clock) as newsroom, open_services(settings, clock) as kept:
        keys = [await _key(newsroom, name) for name in PLANS]
        await _windows(kept, await _readers(kept, keys))
        for version, message in enumerate(sent, 1):
            clock.advance(message.waited * MINUTE)
            while (due := await newsroom.services.publishing.announce_due()) is not None:
                if due > clock.now:
                    break
            revision = message.revision(version, clock.now)
            # What is refused changes nothing.
            await newsroom.services.publishing.accept_all(
                [Message(raw=b"{}", revision=revision)], "newsroom"
            )
            await kept.follower.look()
            async with open_services(settings, clock) as anew:
                readers = await _readers(anew, keys)
                assert await _windows(kept, readers) == await _windows(anew, readers)


async def _key(agency: Agency, name: str) -> str:
    ends = agency.clock.now + 3 * MINUTE if name == "former" else None
    await agency.subscriber(name, *PLANS[name], ends=ends)
    return (await agency.services.feed_keys.issue(name)).secret


async def _windows(
    services: Services, readers: Iterable[Reader]
) -> dict[tuple[int, Asked], Window]:
    """Give all feeds as these readers have them, and the page behind each."""
    found: dict[tuple[int, Asked], Window] = {}
    for (number, reader), feed in product(enumerate(readers), FEEDS):
        window = await services.syndication.window(feed, reader)
        # Where the wire ended is no matter of what a feed holds.
        found[number, feed] = replace(window, head=0)
        if older := services.syndication.trail(feed, window, len(window.items)).older:
            page = services.syndication.archived(feed, older)
            found[number, page] = replace(await services.syndication.window(page, reader), head=0)
    return found


async def _readers(services: Services, keys: Iterable[str]) -> list[Reader]:
    """Give everybody as it is now."""
    readers = [await services.readers.public()]
    for key in keys:
        with suppress(WirefeedError):
            readers.append(await services.readers.by_feed_key(key))
    return readers


async def test_a_story_leaves_the_feeds_alone_in_which_neither_it_nor_its_thread_stands(
    agency: Agency,
):
    await agency.publish("urn:a", topic="sport")
    await agency.publish("urn:b", topic="economy")
    services, reader = agency.services, await agency.services.readers.public()
    feeds = [Feed(language="en", topic=topic) for topic in ("sport", "politics", "")]

    async def rendered(feed: Feed) -> object:
        url = f"https://news.example/{feed.topic}"
        document = await services.syndication.document(feed, Format.RSS, reader, self_url=url)
        await services.syndication.body(document, Coding.IDENTITY, feed, reader, self_url=url)
        return document

    before = [await rendered(feed) for feed in feeds]
    await agency.publish("urn:c", topic="sport")
    after = [await rendered(feed) for feed in feeds]
    assert [one is other for one, other in zip(before, after, strict=True)] == [False, True, False]


def _update_silently(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE stories SET updated = updated + 60000000")
        connection.commit()


async def test_a_document_that_would_be_another_by_now_is_given_as_that(agency: Agency):
    await agency.publish("urn:p", topic="politics")
    path = "/en/topics/politics.json"
    assert (await ask(agency, path)).status == 200
    # What is filed elsewhere is told of when all of it is, and that may be a while.
    await asyncio.to_thread(_update_silently, agency.file)
    await agency.publish("urn:e", topic="economy")
    # As if there were no room for it: what is left of it is its name.
    syndication = agency.services.syndication
    syndication._feeds.windows.forget()
    syndication._documents._cache._memory = Lru(1_000_000)
    async with asyncio.timeout(PATIENCE):
        assert b"urn:p" in (await ask(agency, path)).body
