"""A server that says what it is told to say, and a reader before it; time is set by hand."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from html import escape

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.readers.network import Network, network
from tests.readers.polling import Feed, FeedReader
from tests.support.agency import HOUR, SECOND, START

HERE = "https://canned.example"
ELSEWHERE = "https://elsewhere.example"
FEED, OTHER = f"{HERE}/feed", f"{HERE}/other"
#: When the clock begins, and 18 hours later.
DATED, LATER = [formatdate(at // SECOND, usegmt=True) for at in (START, START + 18 * HOUR)]
VALIDATORS = {"ETag": 'W/"1"', "Last-Modified": DATED}

Say = Callable[[web.Request], web.Response]


@dataclass(slots=True, kw_only=True)
class Stage:
    """Where one reader meets the server."""

    network: Network
    say: Say
    now: int = START
    #: What it was asked: path, and headers by name.
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    async def poll(self, reader: FeedReader, feed: Feed, *, times: int = 1) -> None:
        """Ask now, and then whenever the reader is minded to."""
        for number in range(times):
            if number:
                due = reader.due(feed)
                assert due is not None
                self.now = max(self.now, due)
            chain = await self.network.fetch(reader.request(feed, self.now))
            reader.receive(feed, chain, self.now)

    def wait(self, reader: FeedReader, feed: Feed) -> int | None:
        """Say how long it will be until it asks again; None for never."""
        due = reader.due(feed)
        return None if due is None else due - self.now


def rss(*items: str, self_url: str = "", head: str = "") -> bytes:
    """Write a feed of items."""
    link = f'<a:link rel="self" href="{escape(self_url)}"/>' if self_url else ""
    return (
        '<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"'
        ' xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel><title>Canned</title>'
        f"{link}{head}{''.join(items)}</channel></rss>"
    ).encode()


def item(guid: str, text: str = "text", published: str = DATED) -> str:
    date = f"<pubDate>{published}</pubDate>" if published else ""
    said = f"<title>{guid}</title>{date}<description>{text}</description>"
    return f"<item><guid>{guid}</guid>{said}</item>"


def says(status: int = 200, body: bytes | None = None, **headers: str) -> Say:
    """Give a server that says one thing; an underscore stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = rss(item("one")) if body is None and status == 200 else body

    def say(request: web.Request) -> web.Response:
        return web.Response(status=status, body=content, headers=VALIDATORS | named)

    return say


def moves(status: int, target: str, path: str = "/feed") -> Say:
    """Give a server that sends those who ask for a path elsewhere."""

    def say(request: web.Request) -> web.Response:
        if request.path == path:
            return web.Response(status=status, headers={"Location": target})
        return says()(request)

    return say


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    async def handle(request: web.Request) -> web.Response:
        stage.asked.append((request.path_qs, dict(request.headers)))
        return stage.say(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    async with TestServer(app) as server:
        real = str(server.make_url("")).rstrip("/")
        async with network({HERE: real, ELSEWHERE: real}) as net:
            stage = Stage(network=net, say=says())
            yield stage
