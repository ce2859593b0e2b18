"""S-40: two worlds that differ only in what a caller may not see have one archive for it.

Which pages there are, where they are cut, what they are called and dated, and where they end:
whoever walks back finds the same, byte for byte.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from tests.conftest import SOAK
from tests.security.test_s27_twin_worlds import _PHASES, SIGHTS, line
from tests.security.twin_origin import Origin, found
from tests.security.twin_questions import FORMS, Question
from tests.security.twin_stories import LOOKS, Sight, Step
from tests.security.twin_worlds import Side, Twins, pair
from tests.security.twin_worlds import twins as two_worlds
from tests.security.twins import Interview, Trial
from tests.support.agency import DAY, PUBLIC_URL
from wirefeed.composition import Services
from wirefeed.domain.feeds import Item, Window
from wirefeed.domain.stories import Story
from wirefeed.services.scanning import Scan
from wirefeed.services.windows import Windows

_WORLDS = 500 if SOAK else 30
_BESIDE = re.compile(rf'<{PUBLIC_URL}([^>]+)>; rel="(?:prev|next)-archive"')
_TAILS = ("latest", "topics/sport", "topics/politics")


class Walk(Trial):
    """Both worlds are walked back, on the day itself and when it is over."""

    async def run(self, twins: Twins) -> tuple[list[Interview], list[str]]:
        try:
            return await super().run(twins)
        except ValueError as error:
            return [], [f"one leads further than the other: {error}"]

    async def _interview(
        self, interview: Interview, side: Side, twins: Twins, _: Sequence[Question]
    ) -> None:
        since = 0
        # What a delay hides on the day may differ; the day after, it is shown.
        later = () if "late" in self.caller.name else (LOOKS[-1] + 2 * DAY,)
        for look in (*LOOKS, *later):
            await interview.live(side, since, look)
            since = look
            form = FORMS[(twins.turn + look) % len(FORMS)]
            paths = [f"{interview.caller.family}/en/{tail}.{form}" for tail in _TAILS]
            seen: set[str] = set()
            while paths:
                answers = await interview.ask([Question(path=path) for path in paths])
                seen.update(paths)
                links = (one.header("link") or "" for one in answers)
                beside = {path for link in links for path in _BESIDE.findall(link)}
                paths = sorted(beside - seen)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    return asyncio.run(found(tmp_path_factory.mktemp("origin")))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def more_than_a_window(sight: Sight) -> Twins:
    """One world twice, of which a part is in the archive: there is something to walk."""
    lines = [line(Step(at=1 + n, place="sport"), uri=f"urn:twin:{n}") for n in range(3)]
    return replace(pair(sight, lines), items=1, hours=0)


@pytest.mark.parametrize("name", SIGHTS)
def test_s40_what_a_caller_may_not_see_changes_no_byte_of_its_archive(
    name: str, origin: Origin, runner: asyncio.Runner, tmp_path: Path
):
    callers = origin.callers[name]
    told: Counter[object] = Counter()

    @settings(max_examples=_WORLDS // len(SIGHTS), phases=_PHASES)
    @given(two_worlds(SIGHTS[name]))
    @example(more_than_a_window(SIGHTS[name]))
    def walk_both(drawn: Twins) -> None:
        caller = callers[drawn.turn % len(callers)]
        trial = Walk(origin=origin, folder=tmp_path, caller=caller)
        interviews, differences = runner.run(trial.run(drawn))
        assert not differences, "\n".join([drawn.told(), caller.name, *differences])
        for asked, answer in interviews[0].exchanges:
            told[answer.status] += 1
            if "/archive/" in asked.path:
                told["pages"] += 1
                told["stories"] += b"urn:twin:" in answer.body

    walk_both()
    assert told["pages"] > 0
    assert told["stories"] > 0


# --- that it would find something -----------------------------------------------------------------

PUBLIC = SIGHTS["public"]
#: More than a window shows; in the second world, hidden ones are behind it.
BEHIND = pair(
    PUBLIC,
    [line(Step(at=1 + n, place="sport"), uri=f"urn:twin:{n}") for n in range(3)],
    [line(Step(at=0, place="economy"), uri="urn:twin:hidden")],
)


class Careless(Windows):
    """Leads to the archive whenever there is anything behind a window, for whomever."""

    async def _first_behind(
        self, _scan: Scan, _window: Window, _left_out: list[Item], rest: Story | None
    ) -> Story | None:
        return rest


def careless(services: Services) -> Services:
    services.syndication._reading.__class__ = Careless
    return services


@pytest.mark.parametrize(
    "wrap", [careless, lambda services: services], ids=["careless", "as it is"]
)
def test_s40_an_archive_that_tells_of_hidden_stories_is_found(
    wrap: Callable[[Services], Services], origin: Origin, runner: asyncio.Runner, tmp_path: Path
):
    drawn = replace(BEHIND, items=3, hours=0)
    (caller, *_) = origin.callers["public"]
    trial = Walk(origin=origin, folder=tmp_path, caller=caller, wrap=wrap)
    _, differences = runner.run(trial.run(drawn))
    assert bool(differences) is (wrap is careless)
