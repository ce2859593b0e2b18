"""`wirefeed doctor`: whether this installation will run, and if not, what would help."""

import asyncio
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

_REFUSED = "it does not take the name and password"
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


def _out_of_reach() -> None:
    DATABASE.unlink()
    DATABASE.mkdir()


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
        (_out_of_reach, "database", "fail"),
        (_out_of_reach, "keys", "fail"),
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
    assert all(found["remedy"] for found in ran.json if found["state"] != "ok")
    assert ran.exit == int(state == "fail")
    assert {found["state"] for found in ran.json if found["name"] == "disk space"} == {"ok"}
    shown = wirefeed("doctor").out
    assert any(line.startswith(state) and name in line for line in shown.splitlines())


@pytest.mark.parametrize("plans", ["", None])
def test_an_agency_without_topics_is_told_where_to_define_them(
    wirefeed: Command, plans: str | None
):
    Path("config/topics.toml").unlink()
    if plans is not None:
        Path("config/plans.toml").write_text(plans, "utf-8")
    ran = wirefeed("doctor", "--json")
    (told,) = [found for found in ran.json if found["name"] == "topics"]
    assert (told["state"], "config/topics.toml" in told["said"]) == ("warn", True)
    assert "taxonomy.topics" in told["remedy"]
    # Plans of topics that are not there are wrong; without either wirefeed runs.
    assert ran.exit == int(plans is None)


@pytest.mark.parametrize("used", ["", "config/other.toml"])
def test_settings_that_lie_there_and_are_not_in_force_are_said(
    wirefeed: Command, monkeypatch: pytest.MonkeyPatch, used: str
):
    for file in ("config/wirefeed.toml", "config/other.toml"):
        Path(file).write_text('[site]\nname = "Here"\n', "utf-8")
    ran = wirefeed(*(["--config", used] if used else []), "doctor", "--json")
    assert (ran.exit, wrong(ran)) == (0, [("settings", "warn")])
    assert ran.json[0]["said"].startswith(used or "defaults and environment")
    assert "--config config/wirefeed.toml" in ran.json[0]["remedy"]

    monkeypatch.setenv("WIREFEED_CONFIG", "config/wirefeed.toml")
    ran = wirefeed("doctor", "--json")
    assert (wrong(ran), ran.json[0]["said"]) == ([], "config/wirefeed.toml")


def test_without_a_settings_file_it_says_what_is_in_force(wirefeed: Command):
    assert wirefeed("doctor", "--json").json[0]["said"] == "defaults and environment"


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
    port = free_ports()
    found = await surroundings.redis(f"redis://:hunter2@127.0.0.1:{port}/0")
    assert found.state is State.WARN
    assert found.said == f"redis://127.0.0.1:{port} does not answer: connection refused"
    assert "redis.url" in found.remedy
    assert "hunter2" not in found.said + found.remedy


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("unix://ann:hunter2@/none/redis", "unix:///none/redis does not answer: no such file"),
        ("redis://:hunter2@host.invalid", "redis://host.invalid:6379 does not answer: there is no"),
    ],
)
async def test_a_redis_out_of_reach_is_said_in_plain_words(url: str, said: str):
    found = await surroundings.redis(url)
    assert found.said.startswith(said)


async def test_a_redis_that_refuses_the_password_is_said(tmp_path: Path):
    with redis_server(tmp_path) as server:
        server.client.config_set("requirepass", "hunter2")
        found = await surroundings.redis(f"redis://:hunter3@127.0.0.1:{server.port}/0")
    assert found.said == f"{server.url.removesuffix('/0')} does not answer: {_REFUSED}"


async def test_what_hangs_up_is_no_redis():
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        found = await surroundings.redis(f"redis://{host}:{port}/0")
    assert found.state is State.WARN
    assert found.said.startswith(f"redis://{host}:{port} does not answer: ")


async def test_without_redis_nothing_is_missed():
    assert (await surroundings.redis("")).state is State.OK


@pytest.mark.parametrize(("now", "state"), [(0, State.FAIL), (1_900_000_000_000_000, State.OK)])
def test_a_clock_that_is_years_behind_is_said(tmp_path: Path, now: int, state: State):
    assert surroundings.clock(now, tmp_path / "none.db").state is state
