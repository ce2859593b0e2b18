"""Accounts in bulk by command: out, changed in a spreadsheet, and in again."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.newsroom import lines, story

TABLE = b"id,name,plan,ends\nann,Ann,sport,2199-12-31\nann,,economy,\nbob,=Bob,sport,\n"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_subscribers_go_out_and_come_back_unchanged(wirefeed: Command, form: str):
    wirefeed("subscribers", "import", "-", stdin=TABLE)
    wirefeed("tokens", "issue", "ann")
    wirefeed("subscribers", "suspend", "bob")

    out = wirefeed("subscribers", "export", "--format", form)
    assert (out.exit, out.err) == (0, "")
    back = wirefeed("subscribers", "import", "-", stdin=out.out.encode())

    assert (back.exit, back.out, back.err) == (
        0, "0 added, 0 changed, 2 unchanged, 0 refused\n", "",
    )  # fmt: skip
    assert wirefeed("subscribers", "export", "--format", form).out == out.out
    verbs = [row["verb"] for row in wirefeed("audit", "list", "--json").json]
    assert verbs.count("subscriber.set") == 0


@pytest.mark.parametrize("form", ["csv", "json"])
def test_plans_go_out_and_come_back_unchanged(wirefeed: Command, form: str):
    wirefeed("plans", "set", "sport", "--label", "tr=Spor", "--price", "5", "--trial", "3")
    out = wirefeed("plans", "export", "--format", form)

    back = wirefeed("plans", "import", "-", stdin=out.out.encode())

    assert (back.exit, back.out, back.err) == (
        0, "0 added, 0 changed, 5 unchanged, 0 refused\n", "",
    )  # fmt: skip


def test_an_export_is_a_table_or_one_json_array(wirefeed: Command):
    assert wirefeed("subscribers", "export", "--format", "json").out == "[]\n"
    wirefeed("subscribers", "import", "-", stdin=TABLE)

    heading, *rows = wirefeed("subscribers", "export").out.splitlines()
    assert heading.startswith("id,kind,name,contact,notes,suspended,plan,starts,ends,")
    assert [row.split(",")[0] for row in rows] == ["ann", "ann", "bob"]
    # A spreadsheet must not run what somebody is called.
    assert ",'=Bob," in rows[-1]
    entries = json.loads(wirefeed("subscribers", "export", "--format", "json").out)
    assert [entry["id"] for entry in entries] == ["ann", "bob"]
    assert entries[1]["name"] == "=Bob"


def test_a_file_is_told_apart_by_what_is_in_it(wirefeed: Command, folder: Path):
    (folder / "table.txt").write_bytes(b"\xef\xbb\xbf" + TABLE)
    (folder / "lines.txt").write_text('{"id": "eve"}\n{"id": "ida", "kind": "person"}\n', "utf-8")

    assert wirefeed("subscribers", "import", "table.txt").out.startswith("2 added")
    assert wirefeed("subscribers", "import", "lines.txt").out.startswith("2 added")
    assert [s["id"] for s in wirefeed("subscribers", "list", "--json").json] == [
        "ann", "bob", "eve", "ida",
    ]  # fmt: skip


def test_a_dry_run_says_what_would_be_and_keeps_nothing(wirefeed: Command):
    ran = wirefeed("subscribers", "import", "-", "--dry-run", stdin=TABLE)
    assert (ran.exit, ran.out) == (
        0, "would be: 2 added, 0 changed, 0 unchanged, 0 refused\n",
    )  # fmt: skip
    assert wirefeed("subscribers", "list", "--json").json == []


def test_with_a_row_that_is_refused_nothing_is_kept_and_every_one_is_told(wirefeed: Command):
    bad = TABLE + b"Eve,E,,\nida,I,chess,\nzoe,Z,sport,soon\n"

    ran = wirefeed("subscribers", "import", "-", stdin=bad)
    assert ran.exit == 1
    assert ran.out == "would be: 2 added, 0 changed, 0 unchanged, 3 refused\n"
    refused = ran.err.splitlines()
    assert [line.split(":")[0] for line in refused[:3]] == [
        "refused line 5 (Eve)",
        "refused line 6 (ida)",
        "refused line 7 (zoe)",
    ]
    assert "ends: 'soon' is no date" in refused[2]
    assert refused[3] == "nothing was kept; --skip-bad keeps what can be taken"
    assert wirefeed("subscribers", "list", "--json").json == []

    rest = wirefeed("subscribers", "import", "-", "--skip-bad", "--json", stdin=bad)
    assert rest.exit == 1
    told = rest.json
    assert (told["added"], told["refused"], told["written"]) == (2, 3, True)
    assert [(e["place"], e["name"], e["effect"], e["field"]) for e in told["entries"]] == [
        ("line 2", "ann", "added", ""),
        ("line 4", "bob", "added", ""),
        ("line 5", "Eve", "refused", "id"),
        ("line 6", "ida", "refused", "$.subscriptions[0].plan"),
        ("line 7", "zoe", "refused", "ends"),
    ]
    assert [s["id"] for s in wirefeed("subscribers", "list", "--json").json] == ["ann", "bob"]


def test_what_is_no_table_is_refused_whole(wirefeed: Command):
    for raw in (b"", b"name\nx\n", b'id\n"ann\n', b"id,plan\nann,gold\n\xff"):
        ran = wirefeed("subscribers", "import", "-", "--skip-bad", stdin=raw)
        assert (ran.exit, ran.out) == (1, "")
        assert ran.err.startswith("wirefeed: line ")


def test_a_plan_that_would_change_says_first_what_that_does(wirefeed: Command):
    wirefeed("import", "-", stdin=lines(story("a")))
    wirefeed("subscribers", "add", "daily", "--name", "D", "--plan", "sport")
    entry = {"name": "sport", "grants": [{"topics": ["sport"]}]}
    raw = json.dumps([entry, {"name": "late", "trial_days": 3}]).encode()

    ran = wirefeed("plans", "import", "-", "--dry-run", stdin=raw)
    assert ran.out == "would be: 0 added, 2 changed, 0 unchanged, 0 refused\n"
    assert "  1 subscriber with sport (daily): lose full of 1" in ran.err
    assert "nobody has the plan late" in ran.err
    assert wirefeed("plans", "import", "-", "--json", stdin=raw).json["changed"] == 2
    assert wirefeed("plans", "show", "late", "--json").json["trial_days"] == 3
