"""`wirefeed serve` as a process: how it starts, answers, is told of changes, and ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.process.conftest import Tell
from tests.support.house import House, command, json_of, serving
from tests.support.process import PATIENCE, wirefeed


def get(url: str, **headers: str) -> tuple[int, bytes]:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    try:
        connection.request("GET", f"/{path}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def story(name: str, **fields: object) -> bytes:
    return json.dumps(
        {
            "uri": f"tag:news.example,2026:{name}",
            "version": "1",
            "versioncreated": "2026-03-01T12:00:00Z",
            "pubstatus": "usable",
            "language": "en",
            "headline": f"Headline of {name}",
            "body_html": f"<p>First paragraph of {name}.</p><p>More of it.</p>",
            "subject": [{"code": "medtop:15000000"}],
        }
        | fields
    ).encode()


def fill(house: House, *names: str) -> None:
    take(house, map(story, names))


def take(house: House, stories: Iterable[bytes]) -> None:
    (house.folder / "stories.jsonl").write_bytes(b"\n".join(stories))
    command(house, "import", "stories.jsonl")


# --- start and end -------------------------------------------------------------------------------


def test_the_installed_command_starts_is_healthy_and_ends_with_0_at_sigterm(
    house: House, tell: Tell
):
    command_path = Path(sys.executable).with_name("wirefeed")
    began = time.perf_counter()
    with subprocess.Popen(
        [command_path, "serve"],
        cwd=house.folder,
        env={**os.environ, **house.environ},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr is not None
            assert server.stderr.readline() == (
                "wirefeed serves https://news.example/ (stop with Ctrl-C)\n"
            )
            status, body = get(f"{house.ops_url}/readyz")
            tell(f"serve: ready {time.perf_counter() - began:.2f} s after the command was given")
            assert (status, json.loads(body)) == (200, {"status": "ready"})
            assert json.loads(get(f"{house.ops_url}/healthz")[1]) == {"status": "ok"}
            assert get(f"{house.url}/readyz")[0] == 200
            assert get(f"{house.ops_url}/en/latest.rss")[0] == 404
            status, body = get(f"{house.ops_url}/metrics")
            assert (status, b'wirefeed_connections{worker="0"}' in body) == (200, True)
            assert get(f"{house.url}/metrics")[0] == 404
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE) == 0
            assert server.stderr.read() == ""
        finally:
            server.kill()


def test_sigterm_closes_the_listener_first_and_lets_a_request_in_flight_finish(house: House):
    token = command(house, "tokens", "issue", "--source", "newsroom")
    body = story("in-flight")
    with serving(house) as server, socket.create_connection(("127.0.0.1", house.port)) as client:
        client.settimeout(PATIENCE)
        client.sendall(
            b"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
            % (token.encode(), len(body))
        )
        # The handler is at work: it has asked for the body.
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")

        server.signal(signal.SIGTERM)
        refused_while_draining(house)
        assert get(f"{house.ops_url}/healthz")[0] == 200
        assert get(f"{house.ops_url}/readyz")[0] == 503
        client.sendall(body)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk

        assert answer.startswith(b"HTTP/1.1 201 ")
        assert server.ended() == 0
    assert "Headline of in-flight" in command(house, "stories", "list")


def refused_while_draining(house: House) -> None:
    """Wait until the listener is closed: a new connection is refused, not left waiting."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", house.port), timeout=PATIENCE).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue
    pytest.fail("the listener stays open")


def test_a_request_that_takes_longer_than_the_drain_does_not_hold_the_end_up(house: House):
    token = command(house, "tokens", "issue", "--source", "newsroom")
    with (
        serving(house, WIREFEED_SERVER__DRAIN="1") as server,
        socket.create_connection(("127.0.0.1", house.port)) as client,
    ):
        client.settimeout(PATIENCE)
        client.sendall(
            b"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
            % token.encode()
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        began = time.monotonic()
        server.signal(signal.SIGTERM)

        assert server.ended() == 0
        assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("taken", "environ", "setting"),
    [(0, {}, "server.port"), (1, {"WIREFEED_SERVER__OPS_PORT": "PORT"}, "server.ops_port")],
)
def test_a_port_that_is_taken_is_one_line_that_names_its_setting(
    house: House, taken: int, environ: dict[str, str], setting: str
):
    port = house.port + taken
    asked = {name: value.replace("PORT", str(port)) for name, value in environ.items()}
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with wirefeed("serve", folder=house.folder, environ={**house.environ, **asked}) as server:
            assert server.ended() == 1
    (line,) = server.said
    assert line.startswith(f"wirefeed: {setting}: ")
    assert str(port) in line


def test_without_a_port_of_their_own_health_checks_answer_on_the_main_one(house: House):
    with socket.socket() as other:
        other.bind(("127.0.0.1", house.port + 1))
        other.listen()
        with serving(house):
            assert get(f"{house.url}/readyz")[0] == 200


# --- changes made by another process -------------------------------------------------------------


def test_a_revoked_token_is_refused_at_the_next_request(house: House):
    fill(house, "a")
    command(house, "subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")
    token = command(house, "tokens", "issue", "daily")
    url = f"{house.url}/subscriber/en/topics/sport.json"
    with serving(house):
        assert get(url, Authorization=f"Bearer {token}")[0] == 200
        jti = json_of(house, "tokens", "list", "--json")[0]["jti"]
        command(house, "tokens", "revoke", "--", str(jti))
        assert get(url, Authorization=f"Bearer {token}")[0] == 401


def test_a_revoked_key_gives_the_public_feed_at_the_next_request(house: House):
    fill(house, "a")
    command(house, "subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")
    base = command(house, "feedkeys", "issue", "daily").removeprefix("https://news.example")
    url = f"{house.url}{base}en/topics/sport.json"
    with serving(house):
        assert b"More of it." in get(url)[1]
        (key,) = json_of(house, "feedkeys", "list", "--json")
        command(house, "feedkeys", "revoke", str(key["id"]))
        status, body = get(url)
        assert status == 200
        assert len(json.loads(body)["items"]) == 2, "the story and the notice"


def test_stories_of_another_process_show_soon_and_what_it_takes_away_at_the_next_request(
    house: House,
):
    fill(house, "a")
    url = f"{house.url}/en/topics/sport.json"
    with serving(house):
        assert titles(url) == ["Headline of a"]
        fill(house, "a", "b")
        # A lease later at the latest, and what starts up anew meanwhile.
        end = time.monotonic() + PATIENCE
        while titles(url) != ["Headline of b", "Headline of a"]:
            assert time.monotonic() < end
        command(house, "stories", "kill", "tag:news.example,2026:a", "--yes")
        first, second = titles(url)
        assert first.startswith("KILL")
        assert second == "Headline of b"
        summaries = ["--topics", "*", "--except", "sport", "--level", "summary"]
        command(house, "plans", "set", "public", *summaries)
        assert titles(url) == []


def titles(url: str) -> list[str]:
    status, body = get(url)
    assert status == 200
    return [item["title"] for item in json.loads(body)["items"]]


# --- sameness ------------------------------------------------------------------------------------


def test_a_restart_gives_the_same_bytes_and_the_same_validators(house: House):
    fill(house, "a", "b", "c")
    command(house, "stories", "kill", "tag:news.example,2026:a", "--yes")
    with serving(house) as server:
        first = documents(house)
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    with serving(house):
        assert documents(house) == first
    assert len(first) == 3 * 3 * 6


def documents(house: House) -> dict[str, tuple[str | None, bytes]]:
    found = {}
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE)
    topics = ("economy", "markets", "sport", "politics", "desk-only")
    feeds = ["latest", *(f"topics/{topic}" for topic in topics)]
    for language in ("en", "tr", "ar"):
        for feed in feeds:
            for form in ("rss", "atom", "json"):
                connection.request("GET", f"/{language}/{feed}.{form}")
                answer = connection.getresponse()
                found[f"{language}/{feed}.{form}"] = (answer.headers["ETag"], answer.read())
                assert answer.status == 200
    connection.close()
    return found
