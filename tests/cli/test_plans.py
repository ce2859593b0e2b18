"""Plans by command: several grants, texts by language, and what a change would do, beforehand."""

from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.newsroom import lines, story

A, B = story("a")["uri"], story("b", "economy")["uri"]
DESK = ("plans", "add", "desk", "--topics", "sport")
PLAIN = {
    "except": [],
    "languages": ["*"],
    "level": "summary",
    "delay_seconds": 0,
    "media": False,
    "early": False,
    "notes": False,
    "archive_days": None,
}


def plan(wirefeed: Command, name: str) -> dict[str, Any]:
    return dict(wirefeed("plans", "show", name, "--json").json)


@pytest.fixture
def filled(wirefeed: Command) -> Command:
    """Give `wirefeed` with a story of sport and one of the economy, and a subscriber to sport."""
    from_desk = wirefeed("import", "-", stdin=lines(story("a"), story("b", "economy")))
    assert from_desk.exit == 0, from_desk.err
    wirefeed("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")
    return wirefeed


def test_an_empty_database_starts_with_the_plans_of_the_plans_file(wirefeed: Command):
    assert [p["name"] for p in wirefeed("plans", "list", "--json").json] == [
        "economy",
        "everything",
        "late",
        "public",
        "sport",
    ]


def test_a_plan_is_added_with_all_that_its_options_say(wirefeed: Command):
    ran = wirefeed(
        "plans", "add", "desk", "--topics", "economy, sport", "--except", "markets",
        "--languages", "en", "--level", "full", "--delay", "30m", "--media", "--early", "--notes",
        "--archive-days", "7", "--label", "The desk", "--label", "tr=Masa=1",
        "--price", "5 a month", "--subscribe-url", "https://sold.example?plan=desk",
        "--trial", "14",
    )  # fmt: skip

    assert (ran.exit, ran.out, ran.err) == (0, "", "plan desk added\n")
    assert plan(wirefeed, "desk") == {
        "name": "desk",
        "version": 1,
        "labels": {"en": "The desk", "tr": "Masa=1"},
        "prices": {"en": "5 a month"},
        "subscribe_urls": {"en": "https://sold.example?plan=desk"},
        "trial_days": 14,
        "grants": [
            {
                "topics": ["economy", "sport"],
                "except": ["markets"],
                "languages": ["en"],
                "level": "full",
                "delay_seconds": 1800,
                "media": True,
                "early": True,
                "notes": True,
                "archive_days": 7,
            }
        ],
    }
    people = wirefeed("plans", "show", "desk").out
    for shown in (
        "version 1 of 20",
        "grant 1  full  economy,sport except markets  en  ",
        "label         tr    Masa=1",
        "price         en    5 a month",
        "14 days",
    ):
        assert shown in people


def test_a_plan_is_shown_to_people_in_one_line_per_grant(wirefeed: Command):
    wirefeed(*DESK, "--except", "desk-only", "--delay", "2h", "--level", "full")
    wirefeed("plans", "grant", "desk", "--topics", "economy", "--archive-days", "3")

    first, second = (
        line.split()
        for line in wirefeed("plans", "list").out.splitlines()
        if line.startswith("desk")
    )
    assert first == [
        "desk",
        "1",
        "full",
        "sport",
        "except",
        "desk-only",
        "*",
        "after",
        "120",
        "min",
    ]
    assert second == ["desk", "2", "summary", "economy", "*", "3", "days", "back"]


def test_grants_are_added_and_taken_one_by_one(wirefeed: Command):
    wirefeed(*DESK)
    assert wirefeed("plans", "grant", "desk", "--topics", "economy").err.endswith("plan desk set\n")
    wirefeed("plans", "grant", "desk", "--topics", "politics", "--level", "full")
    assert [g["topics"] for g in plan(wirefeed, "desk")["grants"]] == [
        ["sport"], ["economy"], ["politics"],
    ]  # fmt: skip
    assert wirefeed("plans", "ungrant", "desk", "2").exit == 0
    assert [g["topics"] for g in plan(wirefeed, "desk")["grants"]] == [["sport"], ["politics"]]
    assert wirefeed("plans", "ungrant", "desk", "2").exit == 0
    ran = wirefeed("plans", "ungrant", "desk", "1")
    assert (ran.exit, ran.err) == (
        1,
        "wirefeed: NUMBER: it is all that the plan 'desk' grants (give it another grant first)\n",
    )
    assert [g["topics"] for g in plan(wirefeed, "desk")["grants"]] == [["sport"]]


def test_a_plan_is_set_anew_and_what_is_not_given_stays(wirefeed: Command):
    wirefeed(*DESK, "--label", "The desk", "--label", "tr=Masa", "--trial", "7")

    ran = wirefeed("plans", "set", "desk", "--topics", "economy")
    assert (ran.exit, ran.err) == (0, "nobody has the plan desk\nplan desk set\n")
    changed = plan(wirefeed, "desk")
    assert changed["labels"] == {"en": "The desk", "tr": "Masa"}
    assert changed["grants"] == [PLAIN | {"topics": ["economy"]}]

    wirefeed("plans", "set", "desk", "--label", "tr=", "--price", "tr=5 lira", "--trial", "0")
    again = plan(wirefeed, "desk")
    assert (again["labels"], again["prices"]) == ({"en": "The desk"}, {"tr": "5 lira"})
    assert (again["trial_days"], again["grants"]) == (None, changed["grants"])


def test_every_version_of_a_plan_is_kept(wirefeed: Command):
    wirefeed(*DESK)
    wirefeed("plans", "set", "desk", "--topics", "economy")
    wirefeed("plans", "set", "desk", "--topics", "economy")  # the same is no new version
    wirefeed("plans", "remove", "desk")

    found = wirefeed("plans", "history", "desk", "--json").json
    assert [(v["version"], v["grants"][0]["topics"]) for v in found] == [
        (2, ["economy"]), (1, ["sport"]),
    ]  # fmt: skip
    heading, newest, oldest = wirefeed("plans", "history", "desk").out.splitlines()
    assert heading.split()[:2] == ["version", "changed"]
    assert (newest.split()[0], oldest.split()[0]) == ("2", "1")


def test_a_plan_is_removed_unless_someone_has_it(wirefeed: Command):
    wirefeed(*DESK)
    wirefeed("subscribers", "add", "reader", "--name", "R", "--plan", "desk")

    refused = wirefeed("plans", "remove", "desk")
    # Who had it once is no hindrance.
    wirefeed("subscribers", "set", "reader", "--plan", "sport")
    ran = wirefeed("plans", "remove", "desk")

    assert refused.exit == 1
    assert "reader among them" in refused.err
    assert (ran.exit, ran.err) == (0, "plan desk removed\n")
    assert "desk" not in {p["name"] for p in wirefeed("plans", "list", "--json").json}
    assert wirefeed("subscribers", "set", "reader", "--notes", "Had desk.").exit == 0


# --- before it is saved --------------------------------------------------------------------------


def test_what_a_change_would_do_is_said_before_it_is_made(filled: Command):
    ran = filled("plans", "set", "sport", "--topics", "economy", "--level", "full")

    told = ran.err.splitlines()
    assert told[0].startswith("by the 2 stories that changed since ")
    assert told[1] == (
        "  1 subscriber with sport (daily): gain summary of 1, full of 1, at-once of 1,"
        " lose full of 1, at-once of 1, media of 1"
    )
    assert told[2:] == [
        "    hidden → full  Headline of b",
        "    full → summary  Headline of a",
        "plan sport set",
    ]
    assert filled("explain", "daily", B, "--json").json["level"] == "full"


def test_a_dry_run_shows_what_would_change_and_keeps_nothing(filled: Command):
    ran = filled("plans", "set", "sport", "--topics", "economy", "--dry-run")

    assert (ran.exit, ran.err) == (0, "")
    assert "daily" in ran.out
    machines = filled("plans", "set", "sport", "--topics", "economy", "--dry-run", "--json").json
    (prospect,) = machines["prospects"]
    assert prospect["lost"] == {"full": 1, "at-once": 1, "media": 1}
    assert {s["story"]: (s["before"], s["after"]) for s in prospect["stories"]} == {
        A: ("full", "summary"), B: ("hidden", "summary"),
    }  # fmt: skip
    assert plan(filled, "sport")["version"] == 1


@pytest.mark.parametrize(("types", "version"), [("n\n", 1), ("y\n", 2)])
def test_who_is_at_a_terminal_is_asked(filled: Command, types: str, version: int):
    ran = filled("plans", "set", "sport", "--topics", "economy", types=types)

    assert "Change the plan sport?" in ran.err
    assert plan(filled, "sport")["version"] == version


def test_nobody_is_asked_who_said_yes_or_where_nothing_changes(filled: Command):
    ran = filled("plans", "set", "sport", "--topics", "economy", "--yes", types="")
    assert (ran.exit, "?" in ran.err) == (0, False)
    ran = filled("plans", "set", "sport", "--label", "Sport", types="")
    assert ran.err.splitlines()[1:] == [
        "  1 subscriber with sport (daily): nothing changes",
        "plan sport set",
    ]


def test_the_plan_of_everybody_concerns_the_public_first(filled: Command):
    filled("subscribers", "add", "idle", "--name", "I")
    filled("subscribers", "suspend", "idle")
    ran = filled("plans", "set", "public", "--topics", "sport", "--level", "full")

    _, public, *_ = told = ran.err.splitlines()
    assert public == "  the public: gain full of 1, at-once of 1"
    assert any(line.startswith("  1 subscriber with nothing of their own (idle)") for line in told)
