"""What tests of processes share: an agency in a folder, and the demo's day."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.demo import Day, demo, documents, feeds
from tests.support.house import House, house_in
from tests.support.process import free_ports


@pytest.fixture
def house(tmp_path: Path) -> House:
    return house_in(tmp_path)


#: What the fixture `tell` gives.
Tell = Callable[[str], None]


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("demo")
    port, named = free_ports(2), feeds(folder)
    with demo(port, folder) as start:
        first = documents(start, named)
        start.process.signal(signal.SIGTERM)
        assert start.process.ended() == 0
    with demo(port, folder) as start:
        yield Day(start, first, documents(start, named))


@pytest.fixture(scope="session", autouse=True)
def _begin_the_day_early(request: pytest.FixtureRequest) -> None:
    """Start the demo before the first of these tests, if its minute is to be watched."""
    if any(item.path.name == "test_the_day.py" for item in request.session.items):
        request.getfixturevalue("day")
