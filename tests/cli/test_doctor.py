"""`wirefeed doctor`: whether this installation will run, and if not, what would help."""

import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.support.process import free_ports
from tests.support.redis_server import redis_server
from wirefeed.domain.findings import State
from wirefeed.services import surroundings

DATABASE, KEY = Path("var/wirefeed.db"), Path("var/master.key")


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Give the first of two free ports, which the settings name."""
    number = free_ports(2)
    monkeypatch.setenv("WIREFEED_SERVER__PORT", str(number))
    return number


def change(statement: str) -> None:
    with closing(sqlite3.connect(DATABASE)) as connection, connection:
        connection.execute(statement)


def wrong(ran: Any) -> list[tuple[str, str]]:
    return [(found["name"], found["state"]) for found in ran.json if found["state"] != "ok"]


@pytest.mark.parametrize("is_new", [True, False])
def test_where_all_is_well_it_says_so_and_changes_nothing(wirefeed: Command, is_new: bool):
    if not is_new:
        wirefeed("subscribers", "add", "gazette", "--name", "Gazette")
    before = {file: file.stat().st_mtime_ns for file in Path().rglob("*") if file.is_file()}

    ran = wirefeed("doctor", "--json")

    assert (ran.exit, wrong(ran)) == (0, [])
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert Path("var").exists() is not is_new


def _with_another_key() -> None:
    KEY.write_bytes(bytes(range(32)))


def _in_the_future() -> None:
    change("UPDATE head SET at = 4000000000000000")
    change("UPDATE wire SET at = 4000000000000000")


@pytest.mark.parametrize(
    ("harm", "name", "state"),
    [
        (lambda: DATABASE.chmod(0o644), "database", "fail"),
        (lambda: KEY.chmod(0o640), "master key", "fail"),
        (lambda: KEY.write_bytes(b"short"), "master key", "fail"),
        (_with_another_key, "keys.master", "fail"),
        (lambda: change("UPDATE alembic_version SET version_num = '0001'"), "schema", "fail"),
        (lambda: change("DELETE FROM wire WHERE position = 1"), "no position is missing", "fail"),
        (_in_the_future, "clock", "warn"),
        (lambda: Path("config/topics.toml").write_text("[[topic]"), "config/topics.toml", "fail"),
    ],
)
def test_what_is_wrong_is_a_line_with_what_would_help(
    wirefeed: Command, harm: Callable[[], object], name: str, state: str
):
    wirefeed("subscribers", "add", "gazette", "--name", "Gazette")
    wirefeed("tokens", "issue", "gazette")
    harm()

    ran = wirefeed("doctor", "--json")

    assert (name, state) in wrong(ran)
    assert ran.exit == int(state == "fail")
    assert {found["state"] for found in ran.json if found["name"] == "disk space"} == {"ok"}
    shown = wirefeed("doctor").out
    assert any(line.startswith(state) and name in line for line in shown.splitlines())


def test_a_port_that_another_program_has_is_named(wirefeed: Command, port: int):
    with socket.create_server(("127.0.0.1", port)) as other:
        # It closes what it accepts: it is no server that could say who it is.
        other.settimeout(10)
        ran = wirefeed("doctor", "--json")
    assert wrong(ran) == [("server.port", "fail")]


def test_no_secret_is_told(wirefeed: Command, monkeypatch: pytest.MonkeyPatch):
    wirefeed("subscribers", "add", "gazette", "--name", "Gazette")
    secret = f"whsec_{'A' * 32}"
    monkeypatch.setenv("WIREFEED_LEAKS__SECRET", secret)
    ran = wirefeed("doctor")
    assert ran.exit == 0
    assert secret not in ran.out + ran.err
    assert KEY.read_bytes().hex() not in ran.out + ran.err


def test_redis_is_asked_and_one_that_does_not_answer_is_done_without(
    wirefeed: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with redis_server(tmp_path) as server:
        monkeypatch.setenv("WIREFEED_REDIS__URL", server.url)
        there = wirefeed("doctor", "--json")
        server.kill()
        away = wirefeed("doctor", "--json")

    (told,) = [found["said"] for found in there.json if found["name"] == "redis"]
    assert re.fullmatch(r"\d+\.\d ms to answer", told)
    # How soon it answers hangs on the machine; that it does, does not.
    assert {name for name, _ in wrong(there)} <= {"redis"}
    assert (away.exit, wrong(away)) == (0, [("redis", "warn")])


async def test_redis_that_does_not_answer_is_said_without_its_password():
    found = await surroundings.redis(f"redis://:hunter2@127.0.0.1:{free_ports()}/0")
    assert found.state is State.WARN
    assert "hunter2" not in found.said + found.remedy


async def test_without_redis_nothing_is_missed():
    assert (await surroundings.redis("")).state is State.OK


@pytest.mark.parametrize(("now", "state"), [(0, State.FAIL), (1_900_000_000_000_000, State.OK)])
def test_a_clock_that_is_years_behind_is_said(tmp_path: Path, now: int, state: State):
    assert surroundings.clock(now, tmp_path / "none.db").state is state
