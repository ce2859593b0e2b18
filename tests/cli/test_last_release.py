"""A database that the release before made: it opens, is upgraded, and serves the same bytes.

`tests/data/release-0001.sql` was made by the code before the revision 0002 of the schema, and
`release-0001.json` holds what that code answered from it, at which time.
"""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.docs.console import ROOT
from tests.support.agency import PUBLIC_URL, SECOND, Agency, Clock, running, settings_in
from tests.support.answers import ask
from wirefeed.cli.main import cli
from wirefeed.config import DatabaseSettings, Keys, Settings

DATA = ROOT / "tests" / "data"
RELEASE: Any = json.loads((DATA / "release-0001.json").read_text("utf-8"))
#: Since then feeds name their hub.
HUB = f"{PUBLIC_URL}/hub"
IN_BODY = {
    "rss": f'<atom:link rel="hub" href="{HUB}"/>',
    "atom": f'<link rel="hub" href="{HUB}"/>',
    "json": f'"hubs":[{{"type":"WebSub","url":"{HUB}"}}],',
}
ANSWERS: dict[str, Any] = RELEASE["answers"]


def commands(folder: Path, *arguments: str) -> Any:
    """Run a command on the database in a folder."""
    environ = {
        "WIREFEED_DATABASE__URL": f"sqlite:///{folder / 'agency.db'}",
        "WIREFEED_KEYS__MASTER": str(folder / "master.key"),
        "WIREFEED_TAXONOMY__TOPICS": str(folder / "topics.toml"),
        "WIREFEED_TAXONOMY__PLANS": str(folder / "plans.toml"),
        "WIREFEED_SITE__LANGUAGES": "en,tr,ar",
    }
    return CliRunner().invoke(cli, arguments, env=environ)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Set up what that release left: its database, its key, its settings."""
    made = settings_in(
        tmp_path,
        database=DatabaseSettings(url=f"sqlite:///{tmp_path / 'agency.db'}"),
        keys=Keys(master=str(tmp_path / "master.key")),
    )
    (tmp_path / "master.key").touch(0o600)
    (tmp_path / "master.key").write_bytes(bytes.fromhex(RELEASE["master"]))
    with closing(sqlite3.connect(tmp_path / "agency.db")) as connection:
        connection.executescript((DATA / "release-0001.sql").read_text("utf-8"))
    (tmp_path / "agency.db").chmod(0o600)
    return made


@pytest.fixture
def upgraded(settings: Settings, tmp_path: Path) -> Settings:
    ran = commands(tmp_path, "db", "upgrade")
    assert (ran.exit_code, ran.stdout) == (0, ""), ran.output
    return settings


@pytest.fixture
async def agency(upgraded: Settings) -> AsyncIterator[Agency]:
    """Serve it by this release, which waits 5 seconds longer before it says a date."""
    async with running(upgraded, Clock(RELEASE["now"] + 5 * SECOND)) as agency:
        yield agency


def test_before_it_is_upgraded_it_is_refused_and_told_what_to_do(
    settings: Settings, tmp_path: Path
):
    before = (tmp_path / "agency.db").read_bytes()
    ran = commands(tmp_path, "plans", "list")
    assert ran.exit_code == 1
    assert "older wirefeed" in str(ran.exception)
    assert "wirefeed db upgrade" in str(ran.exception)
    checked = commands(tmp_path, "db", "check", "--json")
    assert [f["name"] for f in json.loads(checked.stdout) if f["state"] == "fail"] == ["schema"]
    assert (tmp_path / "agency.db").read_bytes() == before


def test_upgraded_it_is_whole(upgraded: Settings, tmp_path: Path):
    for _ in range(2):
        checked = commands(tmp_path, "db", "check", "--json")
        assert {f["state"] for f in json.loads(checked.stdout)} == {"ok"}
        # Once more changes nothing.
        assert commands(tmp_path, "db", "upgrade").exit_code == 0


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: re.sub("wf_[^/]*", "key", path))
async def test_it_serves_the_same_bytes(agency: Agency, path: str):
    told = ANSWERS[path]
    answer = await ask(agency, path, _credential(path))
    assert (answer.status, _before_the_hub(path, answer.text)) == (200, told["body"])
    # An entity tag is made of more than it was then: a reader fetches the same once more.
    kept = {name: value for name, value in told["headers"].items() if name != "ETag"}
    sent = {name: answer.headers[name] for name in kept}
    if "Link" in sent:
        sent["Link"] = _without(sent["Link"], f', <{HUB}>; rel="hub"')
    assert sent == kept


@pytest.mark.parametrize("path", [path for path in ANSWERS if "/stories/" not in path][:9])
async def test_what_a_reader_held_is_what_there_is(agency: Agency, path: str):
    """By its date it is told so; by its tag it is given the same again, never something else."""
    held = ANSWERS[path]["headers"]
    dated = await ask(agency, path, {"If-Modified-Since": held["Last-Modified"]})
    tagged = await ask(agency, path, {"If-None-Match": held["ETag"]})
    assert dated.status == 304
    again = (200, ANSWERS[path]["body"])
    assert tagged.status == 304 or (tagged.status, _before_the_hub(path, tagged.text)) == again


async def test_its_credentials_still_open_what_they_did_and_no_more(agency: Agency):
    (private, *_) = [path for path in ANSWERS if path.startswith("/f/")]
    altered = private.replace("wf_feed_a", "wf_feed_b")
    assert altered != private
    assert (await ask(agency, altered)).status == 404
    wrong = {"Authorization": RELEASE["token"][:-8] + "AAAAAAAA"}
    assert (await ask(agency, "/subscriber/en/latest.json", wrong)).status == 401
    published = await agency.publish("tag:news.example,2026:z", headline="After the upgrade")
    assert published
    assert "After the upgrade" in (await ask(agency, private)).text


def _before_the_hub(path: str, body: str) -> str:
    """Take off a feed the one thing that it says now and did not say then: which hub it has."""
    form = path.rpartition(".")[2]
    return _without(body, IN_BODY[form]) if form in IN_BODY else body


def _without(text: str, part: str) -> str:
    assert text.count(part) == 1, part
    return text.replace(part, "")


def _credential(path: str) -> dict[str, str]:
    return {"Authorization": RELEASE["token"]} if path.startswith("/subscriber/") else {}
