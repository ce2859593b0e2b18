"""`wirefeed serve --workers`: several processes on one address, and a parent that keeps them."""

import asyncio
import json
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.process.conftest import Tell
from tests.process.test_serve import fill, get, refused_while_draining, story
from tests.support.house import READY, House, command
from tests.support.load import load
from tests.support.process import PATIENCE, Wirefeed, wirefeed

FEED = "/en/topics/sport.json"


@contextmanager
def workers(house: House, *arguments: str, **environ: str) -> Iterator[Wirefeed]:
    """Run a parent with two workers, for as long as this lasts."""
    with wirefeed(
        *arguments, "serve", "--workers", "2", folder=house.folder,
        environ={**house.environ, **environ},
    ) as server:  # fmt: skip
        yield server


def next_worker(server: Wirefeed) -> int:
    """Wait until another worker serves; give its process."""
    return int(json.loads(server.wait_for("worker serves"))["pid"])


def begun(server: Wirefeed) -> tuple[int, int]:
    """Wait until all serve; give their processes."""
    server.wait_for(READY)
    # The log has a writer of its own, and may be behind.
    while sum("worker serves" in line for line in server.said) < 2:
        server.wait_for("worker serves")
    first, second = (json.loads(line)["pid"] for line in server.said if "worker serves" in line)
    return first, second


@contextmanager
def watched(pid: int) -> Iterator[int]:
    """Hold a process of any parent, so that its number stays its own."""
    held = os.pidfd_open(pid)
    try:
        yield held
    finally:
        os.close(held)


def has_ended(held: int, patience: float = PATIENCE) -> bool:
    return bool(select.select([held], [], [], patience)[0])


# --- restarts ------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_is_replaced_and_its_end_is_told(house: House):
    fill(house, "a")
    with workers(house) as server:
        first, second = begun(server)
        os.kill(first, signal.SIGKILL)
        died = json.loads(server.wait_for("worker died"))
        assert died["how"] == "SIGKILL"
        third = next_worker(server)
        assert len({first, second, third}) == 3

        assert get(house.url + FEED)[0] == 200
        server.signal(signal.SIGTERM)
        assert server.ended() == 0


async def test_a_rolling_restart_under_load_fails_no_request(house: House, tell: Tell):
    fill(house, "a", "b")
    with workers(house) as server:
        old = await asyncio.to_thread(begun, server)
        async with load(house.url + FEED, f"{house.ops_url}/readyz", clients=4) as seen:
            server.signal(signal.SIGHUP)
            new = [await asyncio.to_thread(next_worker, server) for _ in old]
            await asyncio.to_thread(server.wait_for, "the workers are restarted")
            await seen.more(100)
        tell(f"rolling restart: {seen.total} requests, {len(seen.failures)} failed")
        assert seen.failures == []
        assert seen.refusals == [], [line for line in server.said if "unavailable" in line]
        assert set(seen.answers) == {200}
        assert set(old).isdisjoint(new)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.ended) == 0


def test_a_restart_reads_the_settings_anew_and_with_wrong_ones_the_old_workers_stay(house: House):
    fill(house, "a")
    file = house.folder / "wirefeed.toml"
    file.write_text('[site]\nname = "Before"\n', "utf-8")
    with workers(house, "--config", "wirefeed.toml") as server:
        begun(server)
        assert b"Before" in get(house.url + FEED)[1]

        file.write_text('[site]\nnome = "After"\n', "utf-8")
        server.signal(signal.SIGHUP)
        assert "nome" in server.wait_for("wirefeed: ")
        server.wait_for("those that serve stay")
        assert b"Before" in get(house.url + FEED)[1]

        file.write_text('[site]\nname = "After"\n', "utf-8")
        server.signal(signal.SIGHUP)
        server.wait_for("the workers are restarted")
        assert b"After" in get(house.url + FEED)[1]


def test_a_first_worker_that_cannot_start_says_why_once_and_ends_it_all(house: House):
    with workers(house, WIREFEED_TAXONOMY__TOPICS="nowhere.toml") as server:
        assert server.ended() == 1
    (line,) = [line for line in server.said if line.startswith("wirefeed: ")]
    assert "taxonomy.topics" in line
    (told,) = [line for line in server.said if "worker does not start" in line]
    assert json.loads(told)["how"] == "exit status 1"


def test_a_port_that_is_taken_is_one_line_of_the_parent(house: House):
    with socket.socket() as other:
        other.bind(("127.0.0.1", house.port))
        other.listen()
        with workers(house) as server:
            assert server.ended() == 1
    (line,) = server.said
    assert line.startswith("wirefeed: server.port: ")


# --- ends ----------------------------------------------------------------------------------------


def test_at_sigterm_all_workers_finish_what_they_do_and_the_parent_ends_with_0(
    house: House, tmp_path_factory: pytest.TempPathFactory
):
    token = command(house, "tokens", "issue", "--source", "newsroom")
    body = story("in-flight")
    folder = tmp_path_factory.mktemp("temporary")
    with workers(house, TMPDIR=str(folder)) as server:
        pids = begun(server)
        assert len(list(folder.iterdir())) == 1
        with (
            watched(pids[0]) as first,
            watched(pids[1]) as second,
            socket.create_connection(("127.0.0.1", house.port), timeout=PATIENCE) as client,
        ):
            client.sendall(
                b"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
                % (token.encode(), len(body))
            )
            assert client.recv(100).startswith(b"HTTP/1.1 100 ")
            server.signal(signal.SIGTERM)
            refused_while_draining(house)
            client.sendall(body)
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk

            assert answer.startswith(b"HTTP/1.1 201 ")
            assert server.ended() == 0
            assert has_ended(first, 0)
            assert has_ended(second, 0)
    assert list(folder.iterdir()) == []


def test_when_the_parent_is_killed_its_workers_end(house: House):
    with workers(house) as server:
        pids = begun(server)
        with watched(pids[0]) as first, watched(pids[1]) as second:
            server.signal(signal.SIGKILL)

            assert has_ended(first)
            assert has_ended(second)


def test_a_worker_that_hangs_does_not_hold_the_end_up(house: House):
    with workers(house, WIREFEED_SERVER__DRAIN="1") as server:
        first, _ = begun(server)
        with watched(first) as hanging:
            os.kill(first, signal.SIGSTOP)
            server.signal(signal.SIGTERM)

            server.wait_for("did not end in its time")
            assert server.ended() == 0
            assert has_ended(hanging, 0)
