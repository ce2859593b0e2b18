"""S-27: two worlds that differ only in what a caller may not see answer it with the same bytes."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import Phase, given, settings

from tests.conftest import SOAK
from tests.security.twin_origin import Origin, found
from tests.security.twin_stories import (
    FOREIGN,
    KILLED,
    MOMENTS,
    WITHHELD,
    Line,
    Sight,
    Step,
)
from tests.security.twin_worlds import Twins, pair
from tests.security.twin_worlds import twins as two_worlds
from tests.security.twins import Trial
from tests.support.agency import HOUR, MINUTE
from wirefeed.composition import Services
from wirefeed.domain.access import Level
from wirefeed.domain.errors import Gone, NotFound
from wirefeed.domain.feeds import Item, Window
from wirefeed.domain.views import View
from wirefeed.domain.wire import Head
from wirefeed.services.documents import Document
from wirefeed.services.story_pages import StoryPages
from wirefeed.services.syndication import Syndication
from wirefeed.storage import stories
from wirefeed.web.request import PUBLISHING

SIGHTS = {
    sight.name: sight
    for sight in (
        Sight(name="public"),
        Sight(name="sport", full=frozenset({"sport"}), media=True),
        Sight(name="late", full=frozenset({"sport"}), delay=30 * MINUTE),
        Sight(name="economy", full=frozenset({"economy"})),
        Sight(name="everything", everything=True, media=True, notes=True, early=True),
    )
}
#: In all.
_WORLDS = 2_000 if SOAK else 40
#: The seconds that a smaller example takes are for a run at full size.
_PHASES = [Phase.explicit, Phase.generate, *([Phase.reuse, Phase.shrink] if SOAK else [])]
PUBLIC = SIGHTS["public"]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    return asyncio.run(found(tmp_path_factory.mktemp("origin")))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.parametrize("name", SIGHTS)
def test_s27_what_a_caller_may_not_see_changes_no_byte_of_its_answers(
    name: str, origin: Origin, runner: asyncio.Runner, tmp_path: Path
):
    callers = origin.callers[name]
    count = _WORLDS // len(SIGHTS)
    told: Counter[object] = Counter()

    @settings(max_examples=count, phases=_PHASES)
    @given(two_worlds(SIGHTS[name]))
    def ask_both(drawn: Twins) -> None:
        caller = callers[drawn.turn % len(callers)]
        trial = Trial(origin=origin, folder=tmp_path, caller=caller)
        (one, _), differences = runner.run(trial.run(drawn))
        assert not differences, "\n".join([drawn.told(), caller.name, *differences])
        told.update(answer.status for _, answer in one.exchanges)
        told.update({caller.name})
        bodies = [answer.body for _, answer in one.exchanges]
        told["shown"] += any(b"urn:twin:" in body for body in bodies)

    ask_both()
    # There was something to see, and most who may ask did.
    assert told["shown"] > count // 3
    assert {200, 304, 404} <= told.keys()
    assert sum(caller.name in told for caller in callers) > len(callers) // 2


@pytest.mark.parametrize("name", SIGHTS)
def test_s27_no_route_tells_of_what_a_caller_may_not_see(
    name: str, origin: Origin, runner: asyncio.Runner, tmp_path: Path
):
    """Every route there is; the drawn worlds are asked at some of them each."""
    killed = 0
    for caller in origin.callers[name]:
        trial = Trial(origin=origin, folder=tmp_path, caller=caller, asks_everything=True)
        (one, _), differences = runner.run(trial.run(EVENTFUL))
        assert not differences, "\n".join([caller.name, *differences])
        # As the server drains, which lets nobody wait, it begins no stream.
        begun = [answer for asked, answer in one.exchanges if "/wire/stream" not in asked.path]
        assert max(answer.status for answer in begun) < 500
        killed += any(b"KILL: " in answer.body for _, answer in one.exchanges)
    # A kill is among what they see.
    assert killed


# --- what it found, each in its smallest form -----------------------------------------------------


def line(*steps: Step, uri: str = "urn:twin:a", language: str = "en", **links: Any) -> Line:
    return Line(uri=uri, language=language, steps=steps, **links)


SHOWN = Step(at=0, place="sport", members=3)
WITHDRAWN = Step(at=1, place="sport", status=WITHHELD)
KILL = Step(at=2, place="sport", status=KILLED)
AWAY = (SHOWN, Step(at=1, place="economy", members=3))
HEIR = line(Step(at=1, place="sport"), evolved_from="urn:twin:b")


def hidden(*steps: Step, **links: Any) -> Line:
    return line(*steps, uri="urn:twin:b", **links)


TAKEN = (Step(at=1, place="economy"),)


def heir(*steps: Step) -> Line:
    return hidden(*steps, evolved_from="urn:twin:a")


FOUND: dict[str, Twins] = {
    # Each version moved `Last-Modified` of the feeds that the story had left.
    "versions of a story that moved away": pair(
        PUBLIC, [line(*AWAY)], [line(*AWAY, Step(at=2, place="economy"))]
    ),
    "versions of a story that is withheld": pair(
        PUBLIC, [line(SHOWN, WITHDRAWN)], [line(SHOWN, WITHDRAWN, replace(WITHDRAWN, at=2))]
    ),
    # It dated the one written from it, put it into its own feeds, and led there from its page.
    "a hidden story that a shown one was written from": pair(
        PUBLIC, [HEIR], [hidden(Step(at=0, place="economy"))]
    ),
    "a hidden story that came after what was written from it": pair(
        PUBLIC, [HEIR], [hidden(Step(at=2, place="economy"))]
    ),
    # The page of a replaced story showed what was newest of its thread in any language.
    "a translation without a page": pair(
        PUBLIC,
        [line(SHOWN), hidden(Step(at=1, place="sport"), evolved_from="urn:twin:a")],
        [
            Line(
                uri="urn:twin:c",
                language=FOREIGN,
                steps=(Step(at=2, place="sport"),),
                evolved_from="urn:twin:a",
            )
        ],
    ),
    # It dated the story that was shown later.
    "a version that was withheld before the first": pair(
        PUBLIC,
        [line(Step(at=1, place="sport"))],
        [line(Step(at=0, place="sport", status=WITHHELD), first=1)],
    ),
    # It was replaced before it was shown: what was written from it stood where it did not.
    "a version that was withheld before the one that came replaced": pair(
        PUBLIC,
        [HEIR, hidden(Step(at=2, place="politics", written=-2 * HOUR))],
        [hidden(Step(at=0, place="politics", status=WITHHELD), first=1)],
    ),
    # When a story had gone was forgotten once what replaced it came under embargo.
    "an embargo on the hidden heir of a shown story": pair(
        PUBLIC,
        [line(SHOWN), heir(*TAKEN)],
        [heir(*TAKEN, Step(at=2, place="sport", embargo=MOMENTS[-1] + HOUR))],
    ),
    # At the end of its embargo it counted as shown, though its rights had ended before.
    "rights that end under embargo": pair(
        PUBLIC,
        [line(SHOWN)],
        [hidden(Step(at=1, place="sport", embargo=MOMENTS[3], expires=MOMENTS[2]))],
    ),
    "rights that had ended on arrival": pair(
        PUBLIC,
        [line(SHOWN)],
        [hidden(Step(at=1, place="sport", expires=MOMENTS[1] - HOUR), KILL)],
    ),
    # A kill without words of its own was called by the slugline of a version that was hidden,
    "the slugline of a hidden version": pair(PUBLIC, [line(*AWAY, KILL)], seeds=(1, 6)),
    # named topics in which the caller never saw the story,
    "the topics of a hidden version": pair(
        PUBLIC,
        [line(SHOWN, Step(at=1, place="sport", embargo=MOMENTS[6]), KILL)],
        seeds=(0, 2),
    ),
    # and was rendered once for all, with the topics for whoever asked first.
    "a kill that another has asked for": pair(PUBLIC, [line(*AWAY, KILL)], visited=True),
    # Where a teaser was cut hung on the case of the letter after it.
    "the word after a teaser": pair(PUBLIC, [line(SHOWN)], seeds=(1, 8)),
}
#: Something of everything, hidden from everybody.
EVENTFUL = replace(
    pair(
        SIGHTS["everything"],
        [line(SHOWN), replace(line(*AWAY, KILL), uri="urn:twin:c")],
        [
            hidden(WITHDRAWN, Step(at=2, place="sport", expires=MOMENTS[1]), KILL),
            replace(line(Step(at=0, place="sport")), uri="urn:twin:d", language=FOREIGN),
        ],
        visited=True,
    ),
    turn=1,
)


@pytest.mark.parametrize("name", FOUND)
def test_s27_what_once_told_of_the_hidden_does_not_any_more(
    name: str, origin: Origin, runner: asyncio.Runner, tmp_path: Path
):
    trial = Trial(origin=origin, folder=tmp_path, caller=origin.callers["public"][0])
    assert runner.run(trial.run(FOUND[name]))[1] == []


@pytest.mark.parametrize("name", ["public", "sport", "late"])
@pytest.mark.parametrize(
    "step",
    [Step(at=0, place="sport", embargo=MOMENTS[-1] + HOUR), Step(at=2, place="economy")],
    ids=["embargo", "late"],
)
def test_s27_no_answer_names_the_first_story_of_a_thread_to_whom_it_is_hidden_from(
    name: str, step: Step, origin: Origin, runner: asyncio.Runner, tmp_path: Path
):
    """The one written from it is shown; in one of the worlds the first story never came."""
    told = pair(SIGHTS[name], [HEIR], [hidden(step)])
    for caller in origin.callers[name][:2]:
        trial = Trial(origin=origin, folder=tmp_path, caller=caller)
        interviews, differences = runner.run(trial.run(told))
        assert not differences, "\n".join([caller.name, *differences])
        said = [
            (str(asked), answer.body)
            for interview in interviews
            for asked, answer in interview.exchanges
        ]
        assert any(b"urn:wirefeed:thread:" in body for _, body in said)
        # An answer repeats the address that was asked for.
        named = [asked for asked, body in said if b"urn:twin:b" in body]
        assert [asked for asked in named if "urn:twin:b" not in asked] == []


# --- that it would find it ------------------------------------------------------------------------


class _Leaky(Syndication):
    """Takes the place of the real one, and gives something away."""

    @classmethod
    def instead(cls, services: Services) -> Services:
        leaky = copy(services.syndication)
        leaky.__class__ = cls
        return replace(services, syndication=leaky)

    def held(self, *_: Any, **__: Any) -> None:
        """Leave everything to `document`."""

    async def head(self) -> Head:
        return await self._follower.newest()


class _ShowsAll(_Leaky):
    async def window(self, *args: Any) -> Window:
        made = await super().window(*args)
        return replace(made, items=tuple(map(_whole, made.items)))


def _whole(item: Item) -> Item:
    return replace(item, access=replace(item.access, level=Level.FULL, media=True, notes=True))


class _DatesByTheWire(_Leaky):
    async def document(self, *args: Any, **options: Any) -> Document:
        made = await super().document(*args, **options)
        return replace(made, changed=(await self.head()).at)


class _TagsByTheWire(_Leaky):
    async def document(self, *args: Any, **options: Any) -> Document:
        made = await super().document(*args, **options)
        return replace(made, tag=f"{made.tag}-{(await self.head()).position}")


class _ShowsThatThereIsOne(StoryPages):
    @classmethod
    def instead(cls, services: Services) -> Services:
        leaky = copy(services.story_pages)
        leaky.__class__ = cls
        return replace(services, story_pages=leaky)

    async def page(self, *args: Any) -> View:
        try:
            return await super().page(*args)
        except NotFound as error:
            if await self._database_holds(args[0]):
                raise Gone from error
            raise

    async def _database_holds(self, story_id: str) -> bool:
        async with self._database.reading() as connection:
            return await stories.find(connection, story_id) is not None


async def _count(request: web.Request) -> web.StreamResponse:
    """Say how many stories there are."""
    held = await request.app[PUBLISHING].listing(limit=100)
    return web.Response(text=f"{len(held)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """An installation that gives something away, and two worlds that differ in just that."""

    twins: Twins
    wrap: Callable[[Services], Services] = lambda services: services
    routes: tuple[web.RouteDef, ...] = ()


ONE_MORE = pair(PUBLIC, [line(SHOWN)], [hidden(Step(at=1, place="economy"))])
LEAKS = {
    "a text": Leak(twins=pair(PUBLIC, [line(SHOWN)]), wrap=_ShowsAll.instead),
    "a date": Leak(twins=ONE_MORE, wrap=_DatesByTheWire.instead),
    "a tag": Leak(twins=ONE_MORE, wrap=_TagsByTheWire.instead),
    "a status": Leak(twins=ONE_MORE, wrap=_ShowsThatThereIsOne.instead),
    # Found by the route table, where nobody thought of it.
    "a count": Leak(twins=ONE_MORE, routes=(web.get("/{lang}/count", _count),)),
    # The worlds themselves: a story that is not hidden.
    "a story": Leak(twins=pair(PUBLIC, [], [line(SHOWN)])),
}


@pytest.mark.parametrize("name", LEAKS)
def test_s27_a_leak_is_found(name: str, origin: Origin, runner: asyncio.Runner, tmp_path: Path):
    leak = LEAKS[name]
    trial = Trial(
        origin=origin,
        folder=tmp_path,
        caller=origin.callers["public"][0],
        asks_everything=bool(leak.routes),
        routes=leak.routes,
        wrap=leak.wrap,
    )
    assert runner.run(trial.run(leak.twins))[1]
    # It was found by what was given away, and by nothing else.
    honest = replace(trial, routes=(), wrap=lambda services: services)
    assert bool(runner.run(honest.run(leak.twins))[1]) is (name == "a story")


def test_s27_a_route_that_cannot_be_asked_at_is_not_passed_over(
    origin: Origin, runner: asyncio.Runner, tmp_path: Path
):
    trial = Trial(
        origin=origin,
        folder=tmp_path,
        caller=origin.callers["public"][0],
        asks_everything=True,
        routes=(web.get("/count/{unheard}", _count),),
    )
    with pytest.raises(AssertionError, match="unheard"):
        runner.run(trial.run(ONE_MORE))
