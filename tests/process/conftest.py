"""Agencies that processes of their own run on: a folder, its settings, its ports."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.agency import PLANS, TOPICS
from tests.support.demo import Day, demo, documents, feeds
from tests.support.process import free_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where an agency lives, and what it is told by its environment."""

    folder: Path
    port: int
    environ: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ops_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def database(self) -> Path:
        return self.folder / "var" / "wirefeed.db"


def house_in(folder: Path) -> House:
    """Set an agency up in a folder, with the topics and plans of all tests."""
    (folder / "config").mkdir()
    (folder / "config" / "topics.toml").write_text(TOPICS, "utf-8")
    (folder / "config" / "plans.toml").write_text(PLANS, "utf-8")
    port = free_ports(2)
    return House(
        folder=folder,
        port=port,
        environ={
            "WIREFEED_SITE__LANGUAGES": "en,tr,ar",
            "WIREFEED_SERVER__PORT": str(port),
            "WIREFEED_SERVER__PUBLIC_URL": "https://news.example",
        },
    )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return house_in(tmp_path)


Tell = Callable[[str], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Give a way to say a figure, so that it is seen also when all is well."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say


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
