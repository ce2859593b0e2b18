"""What operators do beside a running server: copy its database, see that all is well."""

import http.client
import json
import sqlite3
import threading
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from tests.support.house import House, command, run, serving
from tests.support.process import PATIENCE


class Newsroom(threading.Thread):
    """Sends stories, one after the other, until it is told to stop."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._token = token
        self._end = threading.Event()
        #: Those that were taken, and how others were answered.
        self.taken: list[str] = []
        self.refused: list[int] = []
        self.busy = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._end.is_set():
            number += 1
            uri = f"tag:news.example,2026:{number}"
            status = self._send(uri)
            if status == HTTPStatus.CREATED:
                self.taken.append(uri)
            else:
                self.refused.append(status)
            if number == 20:
                self.busy.set()

    def end(self) -> None:
        self._end.set()
        self.join(PATIENCE)
        self._connection.close()

    def _send(self, uri: str) -> int:
        story = {
            "uri": uri,
            "version": "1",
            "versioncreated": "2026-03-01T12:00:00Z",
            "pubstatus": "usable",
            "language": "en",
            "headline": uri,
            "body_html": "<p>Of it.</p>",
            "subject": [{"code": "medtop:15000000"}],
        }
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self._connection.request("POST", "/api/v1/stories", json.dumps(story), headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


def test_a_copy_made_while_stories_come_in_is_whole_and_costs_none_of_them(house: House):
    token = command(house, "tokens", "issue", "--source", "newsroom")
    with serving(house):
        newsroom = Newsroom(house.port, token)
        newsroom.start()
        assert newsroom.busy.wait(PATIENCE)
        before = len(newsroom.taken)
        made = run(house, "db", "backup", "copy.db")
        newsroom.end()
        assert made.exit_code == 0, made.output
        assert newsroom.refused == []
        checked = run(house, "db", "check", "copy.db", "--json")
        assert {found["state"] for found in json.loads(checked.stdout)} == {"ok"}
        kept = stories(house.folder / "copy.db")
        # What was answered before the copy began is in it, and it is of one instant.
        assert set(newsroom.taken[:before]) <= kept
        assert kept == set(newsroom.taken[: len(kept)])
        assert run(house, "db", "check").exit_code == 0


def stories(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT guid FROM stories")}


def test_beside_a_running_server_the_doctor_finds_it_well(house: House):
    with serving(house):
        ran = run(house, "doctor", "--json")
    found = {each["name"]: (each["state"], each["said"]) for each in json.loads(ran.stdout)}
    assert ran.exit_code == 0, ran.output
    for port in ("server.port", "server.ops_port"):
        assert found[port][0] == "ok"
        assert "wirefeed is running" in found[port][1]
