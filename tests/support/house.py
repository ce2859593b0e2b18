"""An agency that processes of their own run on: a folder, its settings, its ports, its commands."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.agency import PLANS, PUBLIC_URL, TOPICS, settings_in
from tests.support.process import Wirefeed, free_ports, wirefeed
from wirefeed.cli.main import cli
from wirefeed.config import DatabaseSettings, Keys, Settings

READY = "wirefeed serves"


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

    @property
    def master(self) -> Path:
        return self.folder / "var" / "master.key"

    def settings(self) -> Settings:
        """Give what its processes run with, for this process to work on the same database."""
        return settings_in(
            self.folder,
            database=DatabaseSettings(url=f"sqlite:///{self.database}"),
            keys=Keys(master=str(self.master)),
        )


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
            "WIREFEED_SERVER__PUBLIC_URL": PUBLIC_URL,
        },
    )


@contextmanager
def serving(house: House, **environ: str) -> Iterator[Wirefeed]:
    """Run a server on it, for as long as this lasts."""
    with wirefeed("serve", folder=house.folder, environ={**house.environ, **environ}) as server:
        server.wait_for(READY)
        yield server


def lines(house: House, *arguments: str) -> list[str]:
    """Run a command in another process on the same database; give what it said."""
    with wirefeed(*arguments, folder=house.folder, environ=house.environ) as ran:
        assert ran.ended() == 0, ran.said
        return ran.said


def command(house: House, *arguments: str) -> str:
    """Run a command that prints a secret, or says what it did; give the last line."""
    return lines(house, *arguments)[-1]


def json_of(house: House, *arguments: str) -> Any:
    """Run a command that answers in JSON."""
    return json.loads("\n".join(lines(house, *arguments)))


def run(house: House, *arguments: str) -> Result:
    """Run a command on it in this process: faster, and its failure can be looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(house.folder)
        return CliRunner().invoke(cli, arguments, env=dict(house.environ))
