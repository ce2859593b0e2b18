"""Where the microseconds of a hot answer go: the server's own work, without sockets and load.

One process, one connection that swallows what it is sent, processor time of the thread that
answers; the smallest of many turns, since whatever else runs here only ever adds to one.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from tests.bench.rows import Row, Sizes
from tests.bench.wire_copy import stories
from tests.support.agency import settings_in
from wirefeed.config import Feed
from wirefeed.domain.credentials import digest
from wirefeed.domain.plans import Subscriber, Subscription
from wirefeed.formats import ninjs
from wirefeed.formats.coding import Coding
from wirefeed.services.addresses import Door
from wirefeed.services.publishing import Message
from wirefeed.web.answers import ANSWERS
from wirefeed.web.app import make_app
from wirefeed.web.conditions import conditions
from wirefeed.web.remembered import MEMORY, _is_plain
from wirefeed.web.request import ACCOUNTS, FEED_KEYS, FOLLOWER, PUBLISHING
from wirefeed.web.server import Runner

_TURNS, _REQUESTS = 20, 500
_PATH = "/en/latest.rss"
_SENT = {"Host": "bench", "Accept-Encoding": "gzip"}


def figures(sizes: Sizes) -> list[Row]:
    """Measure an answer whole, beside a bare handler's, and its stages."""
    with tempfile.TemporaryDirectory() as folder:
        return uvloop.run(_measure(Path(folder), max(_TURNS, sizes.rounds)))


class _Sink(asyncio.Transport):
    """A connection whose other end takes everything at once."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.answers = 0
        self.last = b""

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.answers += 1
        self.last = bytes(data)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Stay open: the next turn goes on."""

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nobody sends too much."""

    def resume_reading(self) -> None:
        """As above."""


class _Line:
    """A client that asks one thing after the other."""

    def __init__(self, server: web.Server) -> None:
        self._protocol = server()
        self._sink = _Sink()
        self._protocol.connection_made(self._sink)

    async def ask(self, request: bytes) -> bytes:
        answers = self._sink.answers
        self._protocol.data_received(request)
        while self._sink.answers == answers:  # noqa: ASYNC110 - an event would be measured, too
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return self._sink.last


async def _measure(folder: Path, turns: int) -> list[Row]:
    app = make_app(settings_in(folder, feed=Feed(items=50, hours=0)))
    runner = Runner(app, drain=1)
    await runner.setup()
    messages = [Message(raw=raw, revision=ninjs.parse(raw)) for raw in stories(60, seed=5)]
    await app[PUBLISHING].accept_all(messages, "bench")
    starts = Subscription(plan="everything", starts=0)
    await app[ACCOUNTS].add_subscriber(Subscriber(id="bench", subscriptions=(starts,)))
    private = f"/f/{(await app[FEED_KEYS].issue('bench')).secret}{_PATH}"
    line = _Line(_server(runner))
    rows = []
    for name, path, route in (("public", _PATH, ""), ("private", private, "/f/{key}")):
        rows += await _beside_a_bare_one(name, line, path, route, turns)
    rows += await _stages(app, private, turns, rows[-2].figure)
    await runner.cleanup()
    return rows


async def _beside_a_bare_one(
    name: str, line: _Line, path: str, route: str, turns: int
) -> list[Row]:
    """Measure an address, and a handler that gives the same."""
    full = _raw(path)
    head, _, body = (await line.ask(full)).partition(b"\r\n\r\n")
    tag = next(part for part in head.decode().split("\r\n") if part.startswith("Etag: "))[6:]
    bare = web.AppRunner(_bare(route, tag, body), access_log=None)
    await bare.setup()
    plain = _Line(_server(bare))
    rows = []
    for what, sent in (("200", full), ("304", _raw(path, f"If-None-Match: {tag}\r\n"))):
        ours = await _best(turns, partial(line.ask, sent))
        theirs = await _best(turns, partial(plain.ask, sent))
        rows.append(
            _row(f"a hot {name} {what}, whole, in the server", ours, theirs, "bare handler")
        )
    await bare.cleanup()
    return rows


def _raw(path: str, more: str = "") -> bytes:
    sent = "".join(f"{name}: {value}\r\n" for name, value in _SENT.items())
    return f"GET {path} HTTP/1.1\r\n{sent}{more}\r\n".encode()


def _server(runner: web.AppRunner) -> web.Server:
    assert runner.server is not None
    return runner.server


def _bare(route: str, tag: str, body: bytes) -> web.Application:
    async def handler(request: web.Request) -> web.Response:
        headers = {"ETag": tag, "Content-Type": "application/rss+xml", "Content-Encoding": "gzip"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_get(route + "/{lang}/{feed}.{format}", handler)
    return app


async def _best(turns: int, work: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(turns):
        began = time.thread_time()
        for _ in range(_REQUESTS):
            await work()
        taken.append((time.thread_time() - began) / _REQUESTS * 1e6)
    return min(taken)


async def _stages(app: web.Application, path: str, turns: int, whole: float) -> list[Row]:
    """Do again and again what memory does once for an answer."""
    memory, answers, request = app[MEMORY], app[ANSWERS], _request(path)

    def known() -> Any:
        return memory._by_address(path, Door.PRIVATE, None, ())

    def forgetful() -> object:
        memory._known.forget()
        return memory.answer(request)

    await app[FOLLOWER].look()
    one = known()
    document, reader = one.answer.document, one.answer.reader
    body = answers.syndication.held_body(document, Coding.GZIP) or b""
    stages: dict[str, Callable[[], object]] = {
        "all that is asked of memory": lambda: memory.answer(request),
        "… whether anything is to be refused": lambda: _is_plain(request),
        "… the digest of the address": lambda: digest(path),
        "… what is known of it, the digest included": known,
        "… what the client holds": lambda: conditions(request.headers),
        "… its bytes": lambda: answers.syndication.held_body(document, Coding.GZIP),
        "… the client's quota": lambda: answers.affords(request, reader),
        "… its head": lambda: one.told(path, Coding.GZIP, body),
        "… where the key is used": lambda: answers.saw(request, reader),
        "all, of an address not asked for since a change": forgetful,
    }
    rows = []
    for name, stage in stages.items():
        # Without it the lease would be over, and nothing known.
        await app[FOLLOWER].look()
        rows.append(_row(name, _spent(turns, stage), whole, "the whole answer"))
    return rows


def _request(path: str) -> Any:
    from aiohttp.test_utils import make_mocked_request  # noqa: PLC0415 - brings test clients along

    return make_mocked_request("GET", path, headers=_SENT, transport=_Sink())


def _spent(turns: int, work: Callable[[], object]) -> float:
    taken = []
    for _ in range(turns):
        began = time.thread_time()
        for _ in range(_REQUESTS):
            work()
        taken.append((time.thread_time() - began) / _REQUESTS * 1e6)
    return min(taken)


def _row(what: str, figure: float, reference: float, against: str) -> Row:
    return Row(what=what, figure=figure, unit="µs", reference=reference, against=against)
