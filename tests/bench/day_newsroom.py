"""What the newsroom does in the busiest ten minutes, and what is true of it at any moment."""

import asyncio
import json
import random
import time
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import aiohttp

from tests.bench import wire_copy
from tests.bench.day_agency import LANGUAGES, Agency, Right
from wirefeed.composition import utc_now

#: Of a real wire at its busiest.
_A_MINUTE = 15
_BURST = 100
_KILLS = 2
_REVOCATIONS = 20
#: When things happen, as shares of the time there is.
_EMBARGO_FROM, _EMBARGO_UNTIL, _BURST_AT, _FLASH_AT = 0.3, 0.55, 0.4, 0.6
_KILLS_AT = (0.5, 0.7)
#: Seconds after a 503.
_AGAIN = 1.0


@dataclass(slots=True, kw_only=True)
class Sent:
    """A story as the newsroom sent it; times as `time.monotonic` has them."""

    guid: str
    language: str
    topic: str
    #: Words of its text that no other has.
    canary: str
    message: dict[str, object]
    #: When it was taken, or its embargo ended.
    published: float = float("inf")
    #: When its kill was sent, and when that had returned.
    kill_sent: float = float("inf")
    killed: float = float("inf")

    @property
    def is_kill_sent(self) -> bool:
        return self.kill_sent != float("inf")


@dataclass(slots=True, kw_only=True)
class Truth:
    """All there is to be seen, and who may no longer see anything."""

    stories: dict[str, Sent] = field(default_factory=dict)
    #: Whose tokens are being taken back, and when that had returned, by number of partner.
    revoking: set[int] = field(default_factory=set)
    revoked: dict[int, float] = field(default_factory=dict)
    #: Milliseconds that the newsroom waited.
    posts: list[float] = field(default_factory=list)
    #: How often it was told 503.
    refused: int = 0

    def of(self, right: Right, *, language: str = "") -> Iterator[Sent]:
        """Give what somebody is entitled to, killed or not."""
        for story in list(self.stories.values()):
            if right.covers(story.language, story.topic) and language in {"", story.language}:
                yield story


class Newsroom:
    """Sends stories, kills some, and takes tokens back."""

    def __init__(self, agency: Agency, url: str, seconds: float) -> None:
        self._agency = agency
        self._url = url
        self._seconds = seconds
        self._draw = random.Random(7)  # noqa: S311 - a script, not a secret
        self._copy = wire_copy.stories(100_000, seed=9, name="day")
        self.truth = Truth()

    async def work(self, http: aiohttp.ClientSession) -> None:
        """Do all of it, each at its time."""
        seconds = self._seconds
        async with asyncio.TaskGroup() as group:
            for number in range(max(1, int(seconds / 60 * _A_MINUTE))):
                group.create_task(self._at(number * 60 / _A_MINUTE, self._publish(http)))
            for _ in range(_BURST):
                group.create_task(self._at(seconds * _BURST_AT, self._publish(http)))
            group.create_task(self._at(seconds * _FLASH_AT, self._publish(http, urgency=1)))
            group.create_task(self._at(seconds * _EMBARGO_FROM, self._embargo(http)))
            for share in _KILLS_AT[:_KILLS]:
                group.create_task(self._at(seconds * share, self._kill(http)))
            partners = self._draw.sample(range(len(self._agency.partners)), _REVOCATIONS)
            for place, number in enumerate(partners, 1):
                at = seconds * place / (_REVOCATIONS + 2)
                group.create_task(self._at(at, self._revoke(http, number)))

    async def _at(self, seconds: float, work: Coroutine[None, None, None]) -> None:
        await asyncio.sleep(seconds)
        await work

    def _story(self, **more: object) -> Sent:
        message = json.loads(next(self._copy))
        canary = f"canary {message['uri'].rpartition('-')[2]} of the day"
        message |= {
            "language": self._draw.choice(LANGUAGES),
            "body_html": f"<p>Here is the {canary}.</p>{message['body_html']}",
            "versioncreated": _now().isoformat(),
            **more,
        }
        sent = Sent(
            guid=str(message["uri"]),
            language=str(message["language"]),
            topic=message["keywords"][0],
            canary=canary,
            message=message,
        )
        self.truth.stories[sent.guid] = sent
        return sent

    async def _publish(self, http: aiohttp.ClientSession, **more: object) -> None:
        sent = self._story(**more)
        began = time.monotonic()
        await self._post(http, sent.message)
        # From before it was sent: it may be seen as soon as it is taken.
        sent.published = began

    async def _embargo(self, http: aiohttp.ClientSession) -> None:
        left = self._seconds * (_EMBARGO_UNTIL - _EMBARGO_FROM)
        ends = _now() + timedelta(seconds=left)
        sent = self._story(embargoed=ends.isoformat())
        sent.published = time.monotonic() + left
        await self._post(http, sent.message)

    async def _kill(self, http: aiohttp.ClientSession) -> None:
        known = [
            story
            for story in self.truth.stories.values()
            if story.published < time.monotonic() and not story.is_kill_sent
        ]
        story = self._draw.choice(known)
        story.kill_sent = time.monotonic()
        kept = ("uri", "type", "language", "keywords")
        await self._post(
            http,
            {name: story.message[name] for name in kept}
            | {
                "version": "2",
                "pubstatus": "canceled",
                "versioncreated": _now().isoformat(),
            },
        )
        story.killed = time.monotonic()

    async def _revoke(self, http: aiohttp.ClientSession, number: int) -> None:
        partner = self._agency.partners[number]
        tokens = f"{self._url}/api/v1/admin/subscribers/{partner.name}/tokens"
        headers = {"Authorization": f"Bearer {self._agency.admin}"}
        self.truth.revoking.add(number)
        await self._ask(http, f"{tokens}/{partner.jti}/revoke", {}, headers)
        self.truth.revoked[number] = time.monotonic()

    async def _post(self, http: aiohttp.ClientSession, message: dict[str, object]) -> None:
        headers = {"Authorization": f"Bearer {self._agency.newsroom}"}
        began = time.monotonic()
        await self._ask(http, f"{self._url}/api/v1/stories", message, headers)
        self.truth.posts.append((time.monotonic() - began) * 1000)

    async def _ask(
        self,
        http: aiohttp.ClientSession,
        url: str,
        message: Mapping[str, object],
        headers: Mapping[str, str],
    ) -> None:
        """Send until it is taken: whoever is told 503 tries again."""
        while True:
            async with http.post(url, json=message, headers=headers) as answer:
                if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    assert answer.status < HTTPStatus.BAD_REQUEST, await answer.text()
                    return
            self.truth.refused += 1
            await asyncio.sleep(_AGAIN)


def _now() -> datetime:
    return datetime.fromtimestamp(utc_now() / 1_000_000, tz=UTC)
