"""`wirefeed follow`: a partner's folder holds what the partner may have, as it is now."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.agency import Agency, Clock, running, settings_in
from wirefeed.cli.follow import is_safe
from wirefeed.cli.main import cli
from wirefeed.cli.wire_client import NOTHING, Entry
from wirefeed.cli.wire_folder import Folder, State, name_of
from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.plans import Subscription


@dataclass(slots=True)
class Partner:
    """A partner with a folder and a token."""

    agency: Agency
    token: str
    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.agency.port}"

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "state").read_bytes()))

    async def follow(self, *more: str, url: str | None = None) -> Result:
        """Follow until there is nothing more."""
        arguments = ["follow", url or self.url, "--once", "--json"]
        where = ["--state", str(self.home / "state"), "--into", str(self.home / "stories")]
        environ = {"WIREFEED_TOKEN": self.token, **self.environ}
        return await asyncio.to_thread(
            CliRunner().invoke, cli, [*arguments, *where, *more], env=environ
        )

    async def changes(self, *more: str) -> list[tuple[str, str]]:
        """Follow; give what came."""
        ran = await self.follow(*more)
        assert ran.exit_code == 0, (ran.output, ran.exception)
        told = [json.loads(line) for line in ran.stdout.splitlines()]
        return [(one["change"], one["guid"]) for one in told]

    def story(self, guid: str) -> Any:
        return json.loads((self.home / "stories" / name_of(guid)).read_bytes())

    @property
    def files(self) -> set[str]:
        return {path.name for path in (self.home / "stories").iterdir()}


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    (tmp_path / "agency").mkdir()
    async with running(settings_in(tmp_path / "agency")) as agency:
        await agency.subscriber("gazette", "sport")
        yield agency


@pytest.fixture
async def partner(agency: Agency, tmp_path: Path) -> Partner:
    header = await agency.token("gazette")
    home = tmp_path / "partner"
    return Partner(agency, header["Authorization"].removeprefix("Bearer "), home)


async def test_a_folder_has_each_story_as_it_is(agency: Agency, partner: Partner):
    for number in range(3):
        await agency.publish(f"urn:{number}")
    await agency.publish("urn:1", version="2", headline="Better")
    await agency.publish("urn:2", version="2", pubstatus="canceled")
    await agency.publish("urn:other", "economy")
    assert await partner.changes("--backfill") == [
        ("publish", "urn:0"),
        ("publish", "urn:1"),
        ("publish", "urn:2"),
        ("update", "urn:1"),
        ("kill", "urn:2"),
    ]
    assert partner.files == {name_of(f"urn:{number}") for number in range(3)}
    assert "Paragraph 7 of urn:0" in partner.story("urn:0")["bodies"][0]["value"]
    assert partner.story("urn:1")["headlines"][0]["value"] == "Better"
    killed = partner.story("urn:2")
    assert (killed["pubStatus"], killed["wirefeed"]["change"]) == ("canceled", "kill")
    assert "Paragraph" not in str(killed)
    assert partner.state["total"] == 5
    assert partner.state["digest"] != NOTHING


async def test_it_goes_on_where_it_was(agency: Agency, partner: Partner):
    await agency.publish("urn:before")
    assert await partner.changes() == []
    await agency.publish("urn:1")
    assert await partner.changes() == [("publish", "urn:1")]
    assert await partner.changes() == []
    await agency.publish("urn:1", version="2", pubstatus="canceled")
    assert await partner.changes() == [("kill", "urn:1")]
    assert "Paragraph" not in str(partner.story("urn:1"))
    assert partner.files == {name_of("urn:1")}


async def test_a_story_that_leaves_what_is_covered_is_a_notice(agency: Agency, partner: Partner):
    await agency.publish("urn:1")
    await partner.changes("--backfill")
    await agency.publish("urn:1", "economy", version="2", headline="Secret now")
    assert await partner.changes() == [("withhold", "urn:1")]
    assert partner.story("urn:1")["pubStatus"] == "withheld"
    assert "Secret" not in str(partner.story("urn:1"))
    assert "Paragraph" not in str(partner.story("urn:1"))


async def test_only_what_is_asked_for_comes(agency: Agency, partner: Partner):
    await agency.publish("urn:1")
    await agency.publish("urn:2", language="tr")
    assert await partner.changes("--backfill", "--languages", "tr", "--topics", "sport") == [
        ("publish", "urn:2")
    ]


async def test_of_a_story_that_leaves_what_is_followed_no_text_is_kept(
    agency: Agency, tmp_path: Path
):
    await agency.subscriber("herald", "everything")
    header = await agency.token("herald")
    herald = Partner(agency, header["Authorization"].removeprefix("Bearer "), tmp_path / "herald")
    await agency.publish("urn:1")
    await herald.changes("--backfill", "--topics", "sport")
    for version in ("2", "3"):
        await agency.publish("urn:1", "economy", version=version)
    assert await herald.changes("--topics", "sport") == [("withhold", "urn:1")]
    assert "Paragraph" not in str(herald.story("urn:1"))


async def test_a_guid_is_no_path(agency: Agency, partner: Partner):
    guid = "urn:../../../etc/passwd"
    await agency.publish(guid)
    await partner.changes("--backfill")
    (name,) = partner.files
    assert name == name_of(guid)
    assert len(name) == 64 + len(".json")


async def test_more_pages_than_one_and_kills_ahead_of_their_place(agency: Agency, partner: Partner):
    await agency.publish("urn:killed")
    await partner.changes("--backfill")
    stories = [f"urn:{number}" for number in range(501)]
    for guid in stories:
        await agency.publish(guid, body_html="<p>Short.</p>")
    await agency.publish("urn:killed", version="2", pubstatus="canceled")
    changes = await partner.changes()
    assert changes == [*(("publish", guid) for guid in stories), ("kill", "urn:killed")]
    assert partner.state["total"] == 503


async def test_what_was_killed_further_on_goes_at_once(tmp_path: Path):
    folder = Folder(tmp_path)
    entry = Entry(
        guid="a", version="1", change="publish", superseded=False, raw=b'{"bodies":"Secret"}'
    )
    folder.keep([entry, replace(entry, guid="b")])
    folder.keep([], killed=["a", "never"])
    assert json.loads((tmp_path / name_of("a")).read_bytes())["pubStatus"] == "canceled"
    assert b"Secret" in (tmp_path / name_of("b")).read_bytes()
    assert not (tmp_path / name_of("never")).exists()


# --- when it cannot go on ------------------------------------------------------------------------


def broken(partner: Partner, **changes: object) -> None:
    (partner.home / "state").write_text(json.dumps(partner.state | changes), "utf-8")


def line_of(ran: Result) -> str:
    assert ran.exit_code == 1
    assert isinstance(ran.exception, WirefeedError), ran.exception
    return str(ran.exception)


async def test_what_the_agency_says_of_a_mistake_is_said_with_its_remedy(partner: Partner):
    said = line_of(await partner.follow("--topics", "nowhere"))
    assert "topics: " in said
    assert "; " in said


@pytest.mark.parametrize("changes", [{"total": 7}, {"digest": "0" * 63 + "1"}])
async def test_a_digest_that_does_not_agree_is_said(agency: Agency, partner: Partner, changes):
    await agency.publish("urn:1")
    await partner.changes("--backfill")
    await agency.publish("urn:2")
    broken(partner, **changes)
    assert "does not agree" in line_of(await partner.follow())
    assert name_of("urn:2") not in partner.files

    assert await partner.changes("--backfill") == [("publish", "urn:1"), ("publish", "urn:2")]
    assert partner.state["total"] == 2


async def test_a_cursor_of_another_log_begins_again_when_that_is_asked_for(
    agency: Agency, partner: Partner, tmp_path: Path
):
    await agency.publish("urn:old")
    await partner.changes("--backfill")
    (tmp_path / "restored").mkdir()
    clock = Clock(now=agency.clock.now)
    async with running(settings_in(tmp_path / "restored"), clock) as restored:
        await restored.subscriber("gazette", "sport")
        await restored.publish("urn:new")
        header = await restored.token("gazette")
        token = header["Authorization"].removeprefix("Bearer ")
        moved = replace(partner, agency=restored, token=token)
        assert "--backfill" in line_of(await moved.follow())
        assert await moved.changes("--backfill") == [("publish", "urn:new")]


async def test_with_other_rights_it_begins_again_when_that_is_asked_for(
    agency: Agency, partner: Partner
):
    await agency.publish("urn:economy", "economy")
    await agency.publish("urn:sport")
    assert await partner.changes("--backfill") == [("publish", "urn:sport")]
    held = await agency.services.accounts.subscriber("gazette")
    more = Subscription(plan="economy", starts=agency.clock.now)
    await agency.services.accounts.put_subscriber(
        replace(held, subscriptions=(*held.subscriptions, more))
    )
    assert await partner.changes("--backfill") == [
        ("entitlement", "entitlement"),
        ("publish", "urn:economy"),
        ("publish", "urn:sport"),
    ]
    assert partner.files == {name_of("urn:economy"), name_of("urn:sport")}


async def _sell(agency: Agency, *plans: str) -> None:
    held = await agency.services.accounts.subscriber("gazette")
    becomes = tuple(Subscription(plan=plan, starts=agency.clock.now) for plan in plans)
    await agency.services.accounts.put_subscriber(replace(held, subscriptions=becomes))


async def test_the_agency_says_that_nothing_is_missing_whatever_rights_became(
    agency: Agency, partner: Partner
):
    await agency.publish("urn:economy", "economy")
    await agency.publish("urn:sport")
    ran = await partner.follow("--backfill", "--prove")
    assert "the agency agrees that all there is has come: 1 change" in ran.stderr
    for plans, total in ((("sport", "economy"), 3), (("sport",), 5)):
        await _sell(agency, *plans)
        await agency.publish(f"urn:{total}")
        ran = await partner.follow("--prove")
        assert ran.exit_code == 0, ran.exception
        assert f"the agency agrees that all there is has come: {total} changes" in ran.stderr
    assert partner.state["total"] == 5


async def test_a_change_that_the_agency_has_lost_is_said(agency: Agency, partner: Partner):
    for number in range(3):
        await agency.publish(f"urn:{number}")
    assert len(await partner.changes("--backfill")) == 3
    with sqlite3.connect(agency.file) as database:
        database.execute("DELETE FROM wire WHERE about = 'urn:1'")
    async with running(agency.settings, agency.clock) as other:
        elsewhere = replace(partner, agency=other)
        assert await elsewhere.changes() == []
        assert "does not agree that 3 changes" in line_of(await elsewhere.follow("--prove"))


async def test_a_proof_needs_an_end(partner: Partner):
    arguments = ["follow", partner.url, "--state", "s", "--into", "f", "--prove"]
    ran = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert "--prove" in line_of(ran)


async def test_one_file_of_state_has_one_follower(partner: Partner):
    with State(partner.home / "state").held():
        assert "--state" in line_of(await partner.follow())
    assert await partner.changes() == []


async def test_a_state_that_is_none_is_refused(partner: Partner):
    partner.home.mkdir()
    (partner.home / "state").write_text("{", "utf-8")
    assert "--state" in line_of(await partner.follow())


async def test_whoever_has_nothing_any_more_is_told_so(agency: Agency, partner: Partner):
    await agency.services.accounts.suspend("gazette")
    assert "suspended" in line_of(await partner.follow())


# --- the token -----------------------------------------------------------------------------------


async def test_a_token_may_stand_in_a_file(partner: Partner, tmp_path: Path):
    (tmp_path / "token").write_text(f"{partner.token}\n", "ascii")
    partner.environ = {"WIREFEED_TOKEN": ""}
    assert await partner.changes("--token-file", str(tmp_path / "token")) == []
    assert "--token-file" in line_of(
        await partner.follow("--token-file", str(tmp_path / "no-token"))
    )
    assert "WIREFEED_TOKEN" in line_of(await partner.follow())


async def test_a_token_is_never_repeated(partner: Partner):
    for token in (f"{partner.token}x", f"{partner.token} x"):
        ran = await partner.follow("--token", token)
        assert partner.token not in line_of(ran)
        assert partner.token not in ran.output


@pytest.mark.parametrize("url", ["news.example", "ftp://news.example", "https://"])
async def test_what_is_no_address_is_refused(partner: Partner, url: str):
    assert "URL" in line_of(await partner.follow(url=url))


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://192.0.2.1", True), ("http://127.0.0.1:1", False), ("https://127.0.0.1:1", False)],
)
def test_a_token_that_travels_in_clear_is_warned_of(url, warned):
    assert is_safe(f"{url}/api/v1/wire") is not warned


async def test_an_agency_that_does_not_answer_is_no_end_but_with_once(partner: Partner):
    assert "does not answer" in line_of(await partner.follow(url="http://127.0.0.1:1"))
