"""What all tests stand on: the order of the floors, what a run is to be, a way to be heard."""

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants
from xdist.scheduler import LoadFileScheduling

HERE = Path(__file__).parent

# What helpers assert is as much a check as what tests do. Rewritten, it holds also under
# `python -O`, which leaves plain asserts out.
pytest.register_assert_rewrite(
    *(f"tests.{folder.name}" for folder in HERE.iterdir() if folder.is_dir())
)

#: From the pure to the costly: whoever breaks a rule hears of it first.
FLOORS = ("domain", "formats", "storage", "services", "web", "cli")

#: What watches processes, by the clock or under load: one worker has all of it, so that no two of
#: these wait for one another.
MEASURED = ("tests/process/", "tests/security/test_s21_")
#: What takes longest of the last floor begins first there, so that nobody waits for it in the end.
LONGEST = (*MEASURED, "tests/security/test_s27_")

#: `make soak` sets it: the same tests at full size.
SOAK = os.environ.get("WIREFEED_SOAK") == "1"

#: `make test` sets it for its second run of the security cases: by `python -O`, without the
#: compiled parts of aiohttp.
BARE = os.environ.get("WIREFEED_BARE") == "1"

# A shared machine is slow now and then, so no deadline. In `make test` every run draws the same
# examples, so that red means the change; `make soak` looks for new ones.
settings.register_profile("test", deadline=None, derandomize=True)
settings.register_profile("soak", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("soak" if SOAK else "test")
if not SOAK:
    # Hypothesis draws numbers and words from the modules that were imported so far as well, and
    # which those are hangs on the worker, and on what it ran before.
    HypothesisProvider._local_constants = Constants()  # type: ignore[assignment, method-assign]

#: What was said and is not yet in a report, and in the end all that was said.
_SAID: list[str] = []
_HEARD: list[str] = []


def floor(item: pytest.Item) -> tuple[int, bool]:
    """Give the place of a test's folder in FLOORS; those that stand on all of them come last."""
    name = item.path.relative_to(HERE).parts[0]
    place = FLOORS.index(name) if name in FLOORS else len(FLOORS)
    return place, not item.nodeid.startswith(LONGEST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=floor)
    if not SOAK:
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.skip(reason="at full size only: make soak"))


@pytest.fixture(scope="session")
def soak() -> bool:
    """Say whether this run is to be of full size."""
    return SOAK


@pytest.fixture(scope="session")
def bare() -> bool:
    """Say whether this run is to be without asserts and without compiled parsers."""
    return BARE


class ByFile(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Gives a worker a file at a time: what a module has set up is set up once."""

    def _split_scope(self, nodeid: str) -> str:
        return "measured" if nodeid.startswith(MEASURED) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    # Else the files with most tests would come first, and not the floors in their order.
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session")
def tell() -> Callable[[str], None]:
    """Give a way to say a figure, so that it is seen also when all is well: after the last test."""
    return _SAID.append


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what was said go with the report: of a worker, nothing else is heard."""
    report = yield
    report.user_properties += [("said", line) for line in _SAID]
    _SAID.clear()
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _HEARD.extend(str(line) for name, line in report.user_properties if name == "said")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _HEARD:
        terminalreporter.section("figures")
        for line in _HEARD:
            terminalreporter.line(line)
