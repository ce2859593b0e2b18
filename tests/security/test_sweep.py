"""No word of a story in any byte that a caller gets who may not read it.

Every route of the application, whoever asks and however: words planted in every field of ninjs,
and swept for in status line, headers and body. The routes come from the route table, so that a
new one is swept without being listed, and held to what the public may see.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
import pytest_asyncio

from tests.security import raw
from tests.security.oracle import Log
from tests.security.planting import FULL, MEDIA, NOTES, SUMMARY, Garden, words_in
from tests.security.raw import Answer
from tests.security.routes import Route, table
from tests.security.world import PUBLIC, SPORT, Caller, World, callers, decoy, plant
from tests.support.agency import running, settings_in
from tests.support.pictures import links_in
from wirefeed.demo import web as demo
from wirefeed.demo.agency import Credentials as DemoCredentials
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.handovers import KeyTerms
from wirefeed.domain.stories import story_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = ("HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "get", "FOO")
#: How a GET may be worded besides plainly. `{tag}` is the validator of who sees everything.
VARIANTS = (
    ["Sec-Fetch-Dest: document", "Accept: text/html"],
    ["Range: bytes=0-99999", "If-Range: W/{tag}", "A-IM: feed", "If-None-Match: W/{tag}"],
    ["If-Modified-Since: Mon, 01 Jan 2035 00:00:00 GMT", "Accept: application/json;q=1, */*"],
    ["If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT", "If-None-Match: *"],
    ["Sec-Fetch-Dest: document", "Accept-Encoding: gzip, br, zstd", "If-None-Match: W/{tag}"],
    ["Expect: nothing"],
)
#: A caller asks for one in so many in each of the other ways.
_PARTS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(log: Log, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = settings_in(tmp_path_factory.mktemp("swept"))
    async with running(settings, routes=demo_routes()) as agency:
        world = World(agency, await plant(agency))
        await decoy(agency)
        world.ids = sorted({story_id(p.uri) for p in world.planted.values()} | {story_id("no")})
        world.public = frozenset(world.words(PUBLIC))
        world.callers = await callers(world)
        agency.services.wire.log.close()
        world.link = (await agency.services.handovers.issue("whole", KeyTerms())).secret
        world.links = await links_of_everything(world)
        yield world


def demo_routes() -> Iterable[Any]:
    held = {one.name: "https://news.example/f/demo/" for one in fields(DemoCredentials)}
    return demo.routes(DemoCredentials(**held))


def paths(world: World, route: Route, caller: Caller) -> list[str]:
    """Fill a route in so that it reaches every story there is, and some that are not."""
    if route.template.startswith("/api/v1/wire") and route.method == "GET":
        # All that there ever was. A stream has the same entries; a server that drains begins none.
        return [f"{route.template}?after=oldest", f"{route.template}?after=oldest&topics=sport"]
    return route.paths(
        {
            "guid": [*world.ids, *(planted.uri for planted in world.planted.values())],
            "lang": ["en"],
            "topic": ["sport", "economy", "desk-only", "none"],
            "format": ["rss", "atom", "json"],
            "id": world.ids,
            "slug": ["story"],
            # All of it, nothing, and what no address of ours says.
            "page": ["2026-03-01", "2026-02-28", "2026-03-01-130000000000-0123456789"],
            "key": [caller.key or make_secret(SecretKind.FEED, b"\x01" * 32)],
            "secret": [world.link, make_secret(SecretKind.HAND_OVER, b"\x01" * 32)],
            "name": ["harbour", "none"],
            # Of two links, each with what is not of it: alone nothing of them is worth anything.
            "signature": [world.links[0].split("/")[3], "0" * 32],
            "file": [world.links[-1].split("/")[4], f"{'a' * 16}.jpg"],
        }
    )


@dataclass(slots=True)
class Sweep:
    """What one caller was shown."""

    world: World
    caller: Caller
    #: A word, and the first request that gave it away.
    leaks: dict[str, str] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    #: To pictures, in what it was shown.
    links: dict[str, None] = field(default_factory=dict)

    def take(self, route: Route, request: bytes, answer: Answer) -> None:
        """Sweep an answer: all of its bytes."""
        answer.check()
        assert not answer.header("content-encoding"), "sweep decoded bytes"
        words = words_in(answer.head + b"\n" + answer.body)
        allowed = self.caller.allowed if route.is_private else self.world.public
        if route.is_wire:
            allowed |= self.caller.heard
        self.found |= words
        self.links |= dict.fromkeys(links_in(answer.body.decode("utf-8", "replace")))
        for word in words - allowed:
            line = request.split(b"\r\n", 1)[0].decode("latin-1")
            self.leaks.setdefault(word, f"{self.caller.name}: {line} -> {answer.status}: {word}")

    async def go(self, routes: Iterable[Route], tag: str, *, turn: int) -> None:
        """Ask for everything plainly, and for a part of it in every other way.

        The part is another one for each caller (`turn`), so that together they ask for all.
        What ignores credentials is asked for in whole by the anonymous caller.
        """
        for route in routes:
            asked = paths(self.world, route, self.caller)
            whole = route.is_private or not self.caller.headers
            await self._get(route, asked if whole else asked[turn % _PARTS :: _PARTS])
            step = _PARTS if whole else 3 * _PARTS
            for number, headers in enumerate(VARIANTS):
                part = asked[(turn + number) % step :: step]
                await self._get(route, part, *(h.format(tag=tag) for h in headers))
            for number in (2 * turn, 2 * turn + 1):
                method, path = METHODS[number % len(METHODS)], asked[number % len(asked)]
                # From another site, so that nothing is done that would change what is shown.
                headers = [*self.caller.headers, "Sec-Fetch-Site: cross-site"]
                request = raw.get(path, *headers, method=method)
                await self._converse(route, [request], method)

    async def follow(self, route: Route) -> None:
        """Ask for every picture that it was shown."""
        await self._get(route, self.links)

    async def _get(self, route: Route, asked: Iterable[str], *headers: str) -> None:
        await self._converse(
            route, [raw.get(path, *self.caller.headers, *headers) for path in asked]
        )

    async def _converse(self, route: Route, requests: list[bytes], method: str = "GET") -> None:
        port = self.world.agency.port
        answers = await raw.converse(port, requests, method=method.encode())
        for request, answer in zip(requests, answers, strict=True):
            self.take(route, request, answer)


async def everything(world: World) -> Answer:
    """Give the most that anybody is shown."""
    (whole,) = [c for c in world.callers if c.name == "whole"]
    return await raw.ask(world.agency.port, raw.get(f"/f/{whole.key}/en/latest.json"))


async def tag_of_everything(world: World) -> str:
    """Give the validator of that: it must not help the others."""
    return (await everything(world)).header("etag").removeprefix("W/")


async def links_of_everything(world: World) -> list[str]:
    """Give the links to pictures in it; the first and the last are of two stories."""
    links = links_in((await everything(world)).body.decode())
    assert links[0].split("/")[2] != links[-1].split("/")[2]
    return links


async def test_nobody_reads_a_word_that_is_not_for_them(world: World):
    routes = [r for r in table(demo_routes()) if r.method != "HEAD"]
    assert len(routes) > 15
    (media,) = [route for route in routes if route.is_link]
    tag = await tag_of_everything(world)
    leaks: list[str] = []
    missing: list[str] = []
    for turn, caller in enumerate(world.callers):
        sweep = Sweep(world, caller)
        await sweep.go(routes, tag, turn=turn)
        await sweep.follow(media)
        leaks += sweep.leaks.values()
        missing += [f"{caller.name}: {word}" for word in sorted(caller.certain - sweep.found)]
    assert leaks == []
    # The sweep sees what there is to see: who is entitled finds every word of the table.
    assert missing == []


async def test_what_is_in_no_level_of_the_table_is_shown_to_nobody(world: World):
    """The table is the whole of it: not even who has everything reads another field."""
    told = SUMMARY | FULL | MEDIA | NOTES
    (whole,) = [c for c in world.callers if c.name == "whole"]
    assert {word[6:] for word in whole.allowed} <= told
    planted = {w for p in world.planted.values() for w in words_in(repr(p.story).encode())}
    assert len({word[6:] for word in planted} - told) > 40


async def test_a_validator_of_another_never_says_unchanged(world: World):
    tag = await tag_of_everything(world)
    for caller in world.callers:
        if not caller.key or caller.name == "whole":
            continue
        for form in ("rss", "atom", "json"):
            request = raw.get(f"/f/{caller.key}/en/latest.{form}", f"If-None-Match: W/{tag}")
            assert (await raw.ask(world.agency.port, request)).status in {200, 404}


async def test_hidden_killed_and_absent_stories_are_answered_alike(world: World):
    """By id or by address, nobody learns that there is a story which they may not see."""
    absent = await raw.ask(world.agency.port, raw.get(f"/en/stories/{story_id('no')}"))
    assert absent.status == 404
    for name in (
        "uncovered 1", "embargoed", "expired", "withheld first", "withheld", "foreign", "moved",
        "killed uncovered", "killed early", "superseded away", "heir away", "embargoed later",
    ):  # fmt: skip
        path = f"/en/stories/{story_id(world.planted[name].uri)}"
        answer = await raw.ask(world.agency.port, raw.get(path))
        assert answer.settled == absent.settled, name
    killed = f"/en/stories/{story_id(world.planted['killed'].uri)}"
    assert (await raw.ask(world.agency.port, raw.get(killed))).status == 410


async def test_the_table_names_fields_that_are_planted():
    story = repr(Garden().plant(SPORT).story) + repr(Garden().plant(SPORT, 3).story)
    for name in SUMMARY | FULL | MEDIA | NOTES:
        assert f"zq0001{name}" in story, name
