"""`wirefeed import`: every way in, what it counts, and what it says of what it refuses."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.newsroom import lines, story

#: What people are told of the speed, after all else.
SPEED = re.compile(r"\d+ stor(?:y|ies) in [\d.,]+ s, [\d,]+ a second\n\Z")
NONE = {"new": 0, "updated": 0, "unchanged": 0, "older": 0, "rejected": 0}


def told(err: str) -> str:
    """Give what was said beside the result, without the speed."""
    assert SPEED.search(err)
    return SPEED.sub("", err)


def held(wirefeed: Command) -> set[str]:
    return {each["guid"] for each in wirefeed("stories", "list", "--json").json}


@pytest.mark.parametrize(
    ("name", "content", "new"),
    [
        ("one.json", json.dumps(story("a")).encode(), 1),
        ("one-indented.json", json.dumps(story("a"), indent=2).encode(), 1),
        ("array.json", json.dumps([story("a"), story("b")]).encode(), 2),
        ("array-indented.json", json.dumps([story("a"), story("b")], indent=1).encode(), 2),
        ("lines.jsonl", lines(story("a"), story("b"), story("c")), 3),
        ("lines-without-end.jsonl", lines(story("a"), story("b")).rstrip(b"\n"), 2),
        ("no-suffix", lines(story("a")), 1),
        ("empty.jsonl", b"", 0),
    ],
)
def test_a_file_of_any_of_the_shapes_is_taken(
    wirefeed: Command, folder: Path, name: str, content: bytes, new: int
):
    (folder / name).write_bytes(content)

    ran = wirefeed("import", name)

    assert (ran.exit, ran.out, told(ran.err)) == (
        0,
        f"{new} new, 0 updated, 0 unchanged, 0 older, 0 rejected\n",
        "",
    )
    assert len(held(wirefeed)) == new


def test_a_folder_is_read_with_the_folders_in_it_and_without_what_is_no_story(
    wirefeed: Command, folder: Path
):
    (folder / "in" / "deep").mkdir(parents=True)
    (folder / "in" / "a.json").write_bytes(lines(story("a")))
    (folder / "in" / "deep" / "b.ndjson").write_bytes(lines(story("b"), story("c")))
    (folder / "in" / "README.txt").write_text("no story")

    assert wirefeed("import", "in", "--json").json["new"] == 3


def test_standard_input_and_files_are_read_in_the_order_named(wirefeed: Command, folder: Path):
    (folder / "second.json").write_bytes(lines(story("a", version="2", headline="Second")))

    ran = wirefeed("import", "-", "second.json", "--json", stdin=lines(story("a")))

    assert ran.json == NONE | {"new": 1, "updated": 1, "dry_run": False, "reasons": []}
    assert wirefeed("stories", "list", "--json").json[0]["headline"] == "Second"


def test_sending_again_changes_nothing_and_an_older_version_comes_too_late(
    wirefeed: Command,
):
    wirefeed("import", "-", stdin=lines(story("a", version="2"), story("b")))
    before = wirefeed("stories", "list", "--json").out

    again = wirefeed("import", "-", "--json", stdin=lines(story("a", version="1"), story("b")))

    assert again.exit == 0
    assert again.json == NONE | {"unchanged": 1, "older": 1, "dry_run": False, "reasons": []}
    assert wirefeed("stories", "list", "--json").out == before


def test_a_refused_story_is_told_by_its_line_with_field_and_reason_and_stops_no_other(
    wirefeed: Command,
):
    broken = story("b") | {"versioncreated": "last Tuesday"}

    ran = wirefeed("import", "-", stdin=lines(story("a"), broken, story("c")))

    assert ran.exit == 1
    assert ran.out == "2 new, 0 updated, 0 unchanged, 0 older, 1 rejected\n"
    assert ran.err.startswith("rejected -:2: $.versioncreated: ")
    assert told(ran.err).count("\n") == 1
    assert held(wirefeed) == {story("a")["uri"], story("c")["uri"]}


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b'{"uri": "tag:x,2026:a", \n', ""),
        (b"[1, 2]", ""),
        (b"\xff\xfe{}", ""),
        (b'[{"uri": "tag:x,2026:a"}', ""),
        (json.dumps(story("a") | {"uri": ""}).encode(), "$.uri"),
        (json.dumps(story("a") | {"pubstatus": "perhaps"}).encode(), "$.pubstatus"),
    ],
)
def test_machines_are_told_what_was_refused(wirefeed: Command, content: bytes, field: str):
    ran = wirefeed("import", "-", "--json", stdin=content)

    assert ran.exit == 1
    assert ran.err == ""
    assert ran.json["rejected"] == len(ran.json["reasons"]) > 0
    for told in ran.json["reasons"]:
        assert told["story"].startswith("-")
        assert told["field"] == field
        assert told["reason"]


def test_the_same_version_with_another_text_is_refused(wirefeed: Command):
    wirefeed("import", "-", stdin=lines(story("a")))

    ran = wirefeed("import", "-", "--json", stdin=lines(story("a", headline="Another")))

    assert ran.exit == 1
    assert ran.json["rejected"] == 1
    assert wirefeed("stories", "list", "--json").json[0]["headline"] == "Headline of a"


def test_of_many_refusals_people_see_twenty_and_machines_all(wirefeed: Command):
    bad = lines(*({"headline": str(n)} for n in range(30)))

    people = wirefeed("import", "-", stdin=bad)
    machines = wirefeed("import", "-", "--json", stdin=bad)

    assert people.err.count("rejected -:") == 20
    assert told(people.err).splitlines()[-1] == "… and 10 more rejected"
    assert len(machines.json["reasons"]) == 30


def test_a_dry_run_says_the_same_and_keeps_nothing(wirefeed: Command):
    wirefeed("import", "-", stdin=lines(story("a")))
    before = wirefeed("stories", "list", "--json").out
    sent = lines(story("a"), story("b"), {"headline": "no uri"})

    dry = wirefeed("import", "-", "--dry-run", "--json", stdin=sent)
    assert wirefeed("stories", "list", "--json").out == before
    real = wirefeed("import", "-", "--json", stdin=sent)

    assert dry.exit == real.exit == 1
    assert dry.json == real.json | {"dry_run": True}
    assert dry.json["new"] == 1


def test_a_dry_run_of_a_long_file_knows_what_came_before_in_it(wirefeed: Command):
    stories = [story(f"s{n}") for n in range(150)]
    sent = lines(*stories, story("s0"), story("s1", version="2"))

    dry = wirefeed("import", "-", "--dry-run", "--json", stdin=sent)
    real = wirefeed("import", "-", "--json", stdin=sent)

    assert real.json == NONE | {
        "new": 150,
        "updated": 1,
        "unchanged": 1,
        "dry_run": False,
        "reasons": [],
    }
    assert dry.json == real.json | {"dry_run": True}


def test_a_language_without_feeds_is_kept_and_told(wirefeed: Command):
    ran = wirefeed("import", "-", stdin=lines(story("a", language="de")))

    assert ran.exit == 0
    assert ran.out.startswith("1 new")
    assert told(ran.err) == ("1 stories are in de, which has no feeds (add it to site.languages)\n")


@pytest.mark.parametrize("path", ["nowhere.json", "empty-folder"])
def test_a_path_without_stories_is_named_in_one_line(wirefeed: Command, folder: Path, path: str):
    (folder / "empty-folder").mkdir()

    ran = wirefeed("import", path)

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.startswith(f"wirefeed: {path}: ")
    assert ran.err.count("\n") == 1
