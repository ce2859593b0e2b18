"""What all tests stand on: the order of the floors, what a run is to be, a way to be heard."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent

# What helpers assert is as much a check as what tests do. Rewritten, it holds also under
# `python -O`, which leaves plain asserts out.
pytest.register_assert_rewrite(
    *(f"tests.{folder.name}" for folder in HERE.iterdir() if folder.is_dir())
)

#: From the pure to the costly: whoever breaks a rule hears of it first.
FLOORS = ("domain", "formats", "storage", "services", "web", "cli")

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


def floor(item: pytest.Item) -> int:
    """Give the place of a test's folder in FLOORS; those that stand on all of them come last."""
    name = item.path.relative_to(HERE).parts[0]
    return FLOORS.index(name) if name in FLOORS else len(FLOORS)


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


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Give a way to say a figure, so that it is seen also when all is well."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say
