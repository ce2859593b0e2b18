"""Those who follow the busiest ten minutes: each knows what it may be sent, and looks at the rest.

Feeds are polled, streams are held open, webhooks are called; each notes when it first saw a story.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from tests.bench.day_agency import Partner
from tests.bench.day_newsroom import Truth

#: Seconds between two polls of one partner.
_PACE = (30.0, 60.0)
#: Who is slow is not to fill the memory of whoever looks.
_FRAME = 1 << 22


class _Access(msgspec.Struct):
    level: str = ""
    status: str = ""


class _Item(msgspec.Struct, rename={"access": "_wirefeed"}):
    id: str
    access: _Access
    content_html: str = ""


class _Feed(msgspec.Struct):
    items: list[_Item]


class _Text(msgspec.Struct):
    value: str = ""


class _Ours(msgspec.Struct):
    change: str = ""


class _Entry(msgspec.Struct):
    uri: str
    version: str
    wirefeed: _Ours
    bodies: tuple[_Text, ...] = ()


_FEEDS = msgspec.json.Decoder(_Feed)
_ENTRIES = msgspec.json.Decoder(_Entry)


@dataclass(slots=True)
class Channel:
    """One way of following: what came by it, when, and what should not have."""

    truth: Truth
    name: str
    #: Milliseconds from the newsroom's word to a partner's first sight of it.
    delays: list[float] = field(default_factory=list)
    #: The same for kills.
    kill_delays: list[float] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    answers: int = 0
    unchanged: int = 0
    #: What each partner has seen, and which kills.
    seen: dict[int, set[str]] = field(default_factory=dict)
    told: dict[int, set[str]] = field(default_factory=dict)

    def look(self, partner: Partner, guid: str, text: str, began: float) -> None:
        """Look at a story that was sent to a partner in an answer that began then."""
        story = self.truth.stories.get(guid)
        if story is None:
            return
        if text and not partner.right.covers(story.language, story.topic):
            self.leaked.append(f"{guid} to {partner.name}")
        if text and began > story.killed:
            self.killed.append(f"{guid} to {partner.name}")
        if story.canary in text and guid not in self.seen.setdefault(partner.number, set()):
            self.seen[partner.number].add(guid)
            self.delays.append((time.monotonic() - story.published) * 1000)

    def kill(self, partner: Partner, guid: str) -> None:
        """Note that a partner has been told of a kill."""
        story = self.truth.stories.get(guid)
        if story is None or guid in self.told.setdefault(partner.number, set()):
            return
        self.told[partner.number].add(guid)
        self.kill_delays.append((time.monotonic() - story.kill_sent) * 1000)

    def miss(self, partners: Iterable[Partner], *, own_language: bool = False) -> None:
        """Note what those who are still let in should have seen, and did not."""
        for partner in partners:
            if partner.number in self.truth.revoked:
                continue
            language = partner.language if own_language else ""
            for story in self.truth.of(partner.right, language=language):
                if story.is_kill_sent:
                    if story.guid not in self.told.get(partner.number, ()):
                        self.lost.append(f"the kill of {story.guid} to {partner.name}")
                elif story.guid not in self.seen.get(partner.number, ()):
                    self.lost.append(f"{story.guid} to {partner.name}")


class Pollers:
    """Partners that ask for a feed again and again."""

    def __init__(self, truth: Truth, partners: Sequence[Partner], url: str) -> None:
        self.channel = Channel(truth, "feeds")
        self._partners = partners
        self._url = url
        self._tags: dict[int, str] = {}
        self._draw = random.Random(3)  # noqa: S311 - when somebody asks, not a secret

    async def follow(self, http: aiohttp.ClientSession, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            for partner in self._partners:
                group.create_task(self._poll(http, partner, over))

    async def _poll(
        self, http: aiohttp.ClientSession, partner: Partner, over: asyncio.Event
    ) -> None:
        pause = self._draw.uniform(0, _PACE[1])
        while not await _over(over, pause):
            if not await self._ask(http, partner):
                return
            pause = self._draw.uniform(*_PACE)
        # Once more, so that what came last is seen, too.
        await asyncio.sleep(self._draw.uniform(0, _PACE[0]))
        await self._ask(http, partner)

    async def _ask(self, http: aiohttp.ClientSession, partner: Partner) -> bool:
        """Ask once; say whether it is worth while to ask again."""
        headers = {**partner.bearer, "If-None-Match": self._tags.get(partner.number, "")}
        url = f"{self._url}/subscriber/{partner.language}/latest.json"
        began = time.monotonic()
        try:
            async with http.get(url, headers=headers) as answer:
                body = await answer.read()
        except (OSError, aiohttp.ClientError) as error:
            self.channel.failed.append(repr(error))
            return True
        return self._heard(partner, answer, body, began)

    def _heard(
        self, partner: Partner, answer: aiohttp.ClientResponse, body: bytes, began: float
    ) -> bool:
        channel, revoked = self.channel, self.channel.truth.revoked
        channel.answers += 1
        if answer.status == 401 and partner.number in channel.truth.revoking:
            return False
        if answer.status == 304:
            channel.unchanged += 1
        elif answer.status == 200:
            if began > revoked.get(partner.number, float("inf")):
                channel.leaked.append(f"everything to {partner.name}, that was revoked")
            self._tags[partner.number] = answer.headers["ETag"]
            self._look(partner, body, began)
        else:
            channel.failed.append(f"{answer.status} to {partner.name}")
        return True

    def _look(self, partner: Partner, body: bytes, began: float) -> None:
        for item in _FEEDS.decode(body).items:
            if item.access.status == "canceled":
                self.channel.kill(partner, item.id)
            text = item.content_html if item.access.level == "full" else ""
            self.channel.look(partner, item.id, text, began)


class Streams:
    """Partners that hold a stream of the wire open, and come back with their cursor."""

    def __init__(self, truth: Truth, partners: Sequence[Partner], url: str) -> None:
        self.channel = Channel(truth, "streams")
        self._partners = partners
        self._url = f"{url}/api/v1/wire/stream"
        self._open = 0
        self.ready = asyncio.Event()

    async def follow(self, http: aiohttp.ClientSession, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read(http, one)) for one in self._partners]
            await over.wait()
            for reader in readers:
                reader.cancel()

    async def _read(self, http: aiohttp.ClientSession, partner: Partner) -> None:
        last, first = "", True
        while partner.number not in self.channel.truth.revoked:
            headers = {**partner.bearer, **({"Last-Event-ID": last} if last else {})}
            with suppress(OSError, aiohttp.ClientError, TimeoutError):
                async with http.get(self._url, headers=headers) as answer:
                    if answer.status != 200:
                        break
                    if first:
                        first = False
                        self._opened()
                    last = await self._listen(partner, answer) or last
        if first:
            self._opened()

    def _opened(self) -> None:
        self._open += 1
        if self._open == len(self._partners):
            self.ready.set()

    async def _listen(self, partner: Partner, answer: aiohttp.ClientResponse) -> str:
        event, last = "", ""
        async for raw in answer.content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                last = value
            elif name == "data":
                self._heard(partner, event, value)
        return last

    def _heard(self, partner: Partner, event: str, data: str) -> None:
        self.channel.answers += 1
        if event in {"end", "tally", "entitlement"}:
            return
        _take(self.channel, partner, data.encode())


class Webhooks:
    """Partners that are called: a server, and what each was sent."""

    def __init__(self, truth: Truth, partners: Sequence[Partner]) -> None:
        self.channel = Channel(truth, "webhooks")
        self._by_number = {str(partner.number): partner for partner in partners}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_FRAME)
        app.router.add_post("/hook/{number}", self._called)
        return app

    async def _called(self, request: web.Request) -> web.Response:
        partner = self._by_number[request.match_info["number"]]
        self.channel.answers += 1
        if partner.number in self.channel.truth.revoked:
            # A token was revoked; its owner is a subscriber still.
            return web.Response()
        _take(self.channel, partner, await request.read())
        return web.Response()


def _take(channel: Channel, partner: Partner, data: bytes) -> None:
    try:
        entry = _ENTRIES.decode(data)
    except msgspec.MsgspecError:
        return
    if entry.wirefeed.change == "kill":
        channel.kill(partner, entry.uri)
    text = "".join(body.value for body in entry.bodies)
    channel.look(partner, entry.uri, text, time.monotonic() if text else 0.0)


async def _over(over: asyncio.Event, seconds: float) -> bool:
    """Wait; say whether the day is over."""
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
    return over.is_set()


def session(connections: int) -> aiohttp.ClientSession:
    """Give partners something to ask with."""
    options: dict[str, Any] = {
        "connector": aiohttp.TCPConnector(limit=connections),
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=30),
        "read_bufsize": _FRAME,
    }
    return aiohttp.ClientSession(**options)
