"""Two installations that were one: the same secrets, credentials and clock; asked the same.

Both start from copies of one database, so whatever differs in their answers was told by what
happened in them.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import aiohttp_jinja2
import jinja2
from aiohttp import web

from tests.security import raw
from tests.security.raw import Answer
from tests.security.routes import table
from tests.security.twin_origin import Caller, Origin, take_back_keys
from tests.security.twin_questions import FORMS, Question, again, everything, script
from tests.security.twin_stories import LOOKS, MOMENTS
from tests.security.twin_worlds import Side, Twins
from tests.support.agency import Agency, Clock, settings_in
from wirefeed.composition import Services, open_services
from wirefeed.config import Feed
from wirefeed.domain.errors import Invalid
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message
from wirefeed.services.usage import Usage
from wirefeed.web.app import make_app
from wirefeed.web.server import Runner

# --- the worlds -----------------------------------------------------------------------------------

Wrapper = Callable[[Services], Services]


class _Compiled(jinja2.BytecodeCache):
    """Compiles each template once in a run, however many applications there are."""

    _held: dict[str, bytes] = {}  # noqa: RUF012 - all share it

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.key in self._held:
            bucket.bytecode_from_string(self._held[bucket.key])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self._held[bucket.key] = bucket.bytecode_to_string()


class _Still(Usage):
    """Writes down what was used when it is told to: not when the machine has had the time."""

    async def run(self, _: Callable[[Exception], None]) -> None:
        await asyncio.Event().wait()


@asynccontextmanager
async def _world(trial: "Trial", folder: Path, twins: Twins) -> AsyncIterator[Agency]:
    """Run a copy of the origin on a port of its own."""
    folder.mkdir(exist_ok=True)
    for name in ("agency.db", "master.key"):
        shutil.copy(trial.origin.folder / name, folder / name)
    settings = settings_in(folder, feed=Feed(items=twins.items, hours=twins.hours))
    clock = Clock(MOMENTS[0])

    @asynccontextmanager
    async def opener(*_: object) -> AsyncIterator[Services]:
        yield services

    async with open_services(settings, clock) as opened:
        opened.usage.__class__ = _Still
        # As in a server that drains: nobody is kept waiting.
        opened.wire.log.close()
        services = trial.wrap(opened)
        app = make_app(settings, clock, opener)
        app.add_routes(trial.routes)
        aiohttp_jinja2.get_env(app).bytecode_cache = _Compiled()
        runner = Runner(app, drain=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
            async with aiohttp.ClientSession() as http:
                yield Agency(
                    settings=settings, clock=clock, services=services, http=http, port=port
                )
        finally:
            await runner.cleanup()


def _message(sent: bytes) -> Message:
    try:
        return Message(raw=sent, revision=ninjs.parse(sent))
    except Invalid as error:
        return Message(raw=sent, error=error)


async def _stranger(agency: Agency, number: int) -> None:
    """Let another customer come, with a token or a key that is taken back again."""
    name = await agency.subscriber("stranger", "sport", "everything")
    if number % 2:
        await agency.token(name)
    else:
        await agency.feed_key(name)
        await take_back_keys(agency, name)


# --- the answers ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Interview:
    """What a caller asks of a world, and is answered."""

    agency: Agency
    caller: Caller
    exchanges: list[tuple[Question, Answer]] = field(default_factory=list)
    #: When the clock next changes something, or may.
    _due: int | None = 0

    async def live(self, side: Side, since: int, until: int) -> None:
        """Let happen what happens up to a time."""
        publishing = self.agency.services.publishing
        for number, moment in enumerate(MOMENTS):
            if not since < moment <= until:
                continue
            await self._announce(moment)
            for raws, source in ((side.sent[number], "newsroom"), (side.rival[number], "rival")):
                if raws:
                    messages = [_message(raw) for raw in raws]
                    await publishing.accept_all(messages, source, trusted=source == "newsroom")
                    self._due = 0
            if side.stranger == number:
                await _stranger(self.agency, number)
        await self._announce(until)

    async def _announce(self, now: int) -> None:
        """Move the clock, and announce all that is due."""
        self.agency.clock.now = now
        while self._due is not None and self._due <= now:
            self._due = await self.agency.services.publishing.announce_due()

    async def ask(self, asked: Sequence[Question]) -> list[Answer]:
        """Ask; the HEADs come last."""
        heads = sum(question.method == "HEAD" for question in asked)
        given: list[Answer] = []
        for method, some in (
            (b"GET", asked[: len(asked) - heads]),
            (b"HEAD", asked[len(asked) - heads :]),
        ):
            requests = [question.bytes(self.caller) for question in some]
            if requests:
                answered = await raw.converse(self.agency.port, requests, method=method)
                given += [answer.check() for answer in answered]
        self.exchanges += zip(asked, given, strict=True)
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How two worlds are compared: to a caller, by these routes."""

    origin: Origin
    folder: Path
    caller: Caller
    #: Ask at every route, not at a part of them.
    asks_everything: bool = False
    #: Beside the application's own.
    routes: tuple[web.RouteDef, ...] = ()
    #: Puts something else in the place of a service.
    wrap: Wrapper = lambda services: services

    async def run(self, twins: Twins) -> tuple[list[Interview], list[str]]:
        """Play both worlds; give what was answered, and where the answers differ."""
        routes = [route for route in table(self.routes) if route.method != "HEAD"]
        write = everything if self.asks_everything else script
        asked = write(twins, self.caller, routes)
        one, other = await asyncio.gather(self._play(twins, 0, asked), self._play(twins, 1, asked))
        return [one, other], differences(one, other)

    async def _play(self, twins: Twins, number: int, asked: Sequence[Question]) -> Interview:
        async with _world(self, self.folder / str(number), twins) as agency:
            interview = Interview(agency, self.caller)
            await self._interview(interview, twins.sides[number], twins, asked)
            return interview

    async def _interview(
        self, interview: Interview, side: Side, twins: Twins, asked: Sequence[Question]
    ) -> None:
        feeds, held = asked[: len(FORMS)], list[Question]()
        since = 0
        for look in LOOKS if twins.turn % 4 == 0 else LOOKS[1:]:
            await interview.live(side, since, look)
            if self.asks_everything:
                await interview.agency.services.usage.flush(all_=True)
            since = look
            if side.visited:
                visit = [Question(path=f"/subscriber/en/latest.{form}") for form in FORMS]
                await Interview(interview.agency, self.origin.visitor).ask(visit)
            # First with what it holds from the look before.
            await interview.ask(held)
            given = await interview.ask(asked)
            held = again(feeds, given[: len(feeds)], twins.turn)
            await interview.ask(held)


def differences(one: Interview, other: Interview) -> list[str]:
    """Say where two interviews differ."""
    found = []
    for (asked, said), (asked_too, said_too) in zip(one.exchanges, other.exchanges, strict=True):
        if asked != asked_too:
            found.append(f"{asked}\n  or {asked_too}")
        if _told(said) != _told(said_too):
            parts = zip(_parts(said), _parts(said_too), strict=False)
            first = next((pair for pair in parts if pair[0] != pair[1]), ("", "the end"))
            found.append(f"{asked}\n  {first[0]}\n  {first[1]}")
    return found


#: A key that an answer has just made is another in each world.
_SECRET = re.compile(rb"wf_feed_[0-9A-Za-z]{36}")
#: A place on the wire, which tells its holder nothing (tests/services/test_wire_cursors.py). It is
#: another in each world, and as long.
_PLACE = re.compile(rb"(?<![\w-])[\w-]{195}(?![\w-])")


def _told(answer: Answer) -> tuple[bytes, tuple[tuple[str, str], ...], bytes]:
    body = _PLACE.sub(b"(place)", _SECRET.sub(b"", answer.body))
    return Answer(head=_SECRET.sub(b"", answer.head), body=body).settled


def _parts(answer: Answer) -> Iterator[str]:
    """Give what may differ, the telling before the told."""
    status, headers, body = _told(answer)
    yield status.decode("latin-1")
    parted = body.replace(b"{", b"\n{").replace(b"<", b"\n<")
    yield from parted.decode("utf-8", "replace").splitlines()
    yield from (": ".join(header) for header in headers)
