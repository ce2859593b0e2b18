"""The desk by command: what is held, what a subscriber sees of it and why, kills and topics."""

import asyncio

import pytest

from tests.cli.conftest import Command
from tests.cli.newsroom import lines, story
from tests.support.agency import TOPICS
from wirefeed.composition import open_services
from wirefeed.config import load

A = story("a")["uri"]


@pytest.fixture
def filled(wirefeed: Command) -> Command:
    """Give `wirefeed` with two stories: a of sport, then b of the economy."""
    ran = wirefeed("import", "-", stdin=lines(story("a"), story("b", "economy")))
    assert ran.exit == 0, ran.err
    return wirefeed


def test_stories_are_listed_the_last_changed_first(filled: Command):
    ran = filled("stories", "list")

    heading, first, second = ran.out.splitlines()
    assert heading.split() == ["id", "changed", "change", "language", "status", "headline"]
    assert "Headline of b" in first
    assert "Headline of a" in second


def test_stories_are_listed_of_a_topic_and_no_more_than_asked_for(filled: Command):
    filled("import", "-", stdin=lines(story("c")))

    assert [
        s["headline"] for s in filled("stories", "list", "--topic", "sport", "--json").json
    ] == [
        "Headline of c",
        "Headline of a",
    ]
    assert len(filled("stories", "list", "--limit", "2", "--json").json) == 2


def test_a_story_is_shown_by_guid_and_by_id_as_it_is_held(filled: Command):
    by_guid = filled("stories", "show", A, "--json").json

    assert filled("stories", "show", by_guid["id"], "--json").json == by_guid
    assert by_guid["topics"] == ["sport"]
    assert by_guid["feeds"] == ["en/latest", "en/sport"]
    assert by_guid["updated"] == "2026-03-01T12:00:00Z"
    assert by_guid["body"].startswith("<p>First paragraph of a.</p>")
    people = filled("stories", "show", A).out
    assert f"guid            {A}" in people
    assert "<p>First paragraph of a.</p>" in people


@pytest.mark.parametrize(
    ("who", "name", "level", "reason", "by"),
    [
        ("public", "a", "summary", "public", "public"),
        ("public", "b", "hidden", "not-covered", None),
        ("daily", "a", "full", "granted", "sport"),
        ("daily", "b", "hidden", "not-covered", None),
    ],
)
def test_what_a_subscriber_sees_is_explained(
    filled: Command, who: str, name: str, level: str, reason: str, by: str | None
):
    filled("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")

    ran = filled("explain", who, story(name)["uri"], "--json")

    assert ran.exit == 0
    told = ran.json
    assert (told["level"], told["plan"]) == (level, by)
    assert told["reason"] == reason
    assert set(told) == {
        "story", "subscriber", "subscription", "since", "level", "reason", "plan", "grant",
        "topics", "media", "notes", "early", "until", "offers", "turns",
    }  # fmt: skip
    assert [offer["plan"] for offer in told["offers"] if offer["decides"]] == ([by] if by else [])
    assert filled("explain", who, story(name)["uri"]).out.startswith(f"{level}: {reason}\n")


def test_the_explanation_names_the_grant(filled: Command):
    filled("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")

    assert filled("explain", "daily", A).out == (
        "full: granted\n  plan   sport\n  grant  full of sport in *\n  topics sport\n"
        "  with   media\n"
        "  also   public: summary of * except economy in * (summary: not-covered)\n"
    )


def test_an_explanation_says_what_comes_and_how_the_subscriber_stands(filled: Command):
    filled("subscribers", "add", "daily", "--name", "D", "--plan", "sport", "--until", "2199-12-31")
    live = filled("explain", "daily", A)
    assert live.out.endswith("  then   summary: not-covered by public from 2200-01-01T00:00:00Z\n")
    told = filled("explain", "daily", A, "--json").json
    assert told["until"] == "2200-01-01T00:00:00Z"
    assert [(turn["level"], turn["plan"]) for turn in told["turns"]] == [("summary", "public")]

    filled("subscribers", "suspend", "daily")
    first, second, *_ = filled("explain", "daily", A).out.splitlines()
    assert first == "summary: not-covered"
    assert second.startswith("  subscription suspended since 20")


def test_a_kill_is_final_and_told_in_the_feeds_it_stood_in(filled: Command):
    ran = filled("stories", "kill", A, "--yes")

    assert (ran.exit, ran.out, ran.err) == (0, "", f"{A} killed\n")
    held = filled("stories", "show", A, "--json").json
    assert (held["status"], held["change"], held["version"], held["body"]) == (
        "canceled", "kill", 2, "",
    )  # fmt: skip
    assert held["feeds"] == ["en/latest", "en/sport"]
    again = filled("stories", "kill", A, "--yes")
    assert (again.exit, again.err) == (0, f"{A} is killed already\n")
    late = filled("import", "-", "--json", stdin=lines(story("a", version="3")))
    assert late.json["updated"] == 0
    assert filled("stories", "show", A, "--json").json["status"] == "canceled"


def test_a_kill_without_a_terminal_asks_nobody(filled: Command):
    ran = filled("stories", "kill", A)

    assert (ran.exit, ran.err) == (0, f"{A} killed\n")
    assert filled("stories", "show", A, "--json").json["status"] == "canceled"


def test_what_was_withheld_or_killed_is_brought_back_with_its_text(filled: Command):
    text = filled("stories", "show", A, "--json").json["body"]
    assert text

    assert filled("stories", "withhold", A).err == f"{A} withheld\n"
    assert filled("stories", "show", A, "--json").json["change"] == "withhold"
    assert filled("stories", "reinstate", A).err == f"{A} reinstated\n"
    filled("stories", "kill", A, "--yes")
    refused = filled("stories", "withhold", A)
    assert (refused.exit, refused.err) == (1, f"wirefeed: {A} was killed; a kill is final\n")
    assert filled("stories", "reinstate", A).err == f"{A} reinstated\n"

    held = filled("stories", "show", A, "--json").json
    assert (held["status"], held["change"], held["version"], held["body"]) == (
        "usable", "reinstate", 5, text,
    )  # fmt: skip
    # The same kill again is no new one; a usable story is left as it is.
    filled("stories", "reinstate", A)
    assert filled("stories", "show", A, "--json").json["version"] == 5


async def given(name: str) -> None:
    """Let a subscriber be given all there is of the wire, as a server would."""
    async with open_services(load(None)) as services:
        head = await services.follower.look()
        services.ledger.heard(name, "wire", 1, head.position)
        await services.ledger.flush()


def test_who_has_a_killed_story_and_its_kill_is_told(filled: Command):
    filled("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")
    assert filled("kills", "show", A).exit == 1
    asyncio.run(given("daily"))
    filled("stories", "kill", A, "--yes")

    (listed,) = filled("kills", "list", "--json").json
    assert (listed["guid"], listed["holders"], listed["waiting"]) == (A, 1, 1)
    (held,) = filled("kills", "show", A, "--json").json["subscribers"]
    assert (held["subscriber"], held["level"], held["fetched"]) == ("daily", "full", None)
    assert "1 without the kill" in filled("kills", "show", A).out
    asyncio.run(given("daily"))
    assert filled("kills", "show", A, "--json").json["waiting"] == 0
    assert "daily" in filled("kills", "show", A).out
    assert A in filled("kills", "list").out


def test_a_drill_says_what_was_not_fetched(filled: Command):
    filled("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")
    untried = filled("kills", "drill", "daily", "--wait", "0")
    assert untried.exit == 1
    assert "daily uses nothing yet" in untried.err
    asyncio.run(given("daily"))

    failed = filled("kills", "drill", "daily", "--wait", "0", "--json")
    assert failed.exit == 1
    assert failed.json["passed"] is False
    assert [(one["stage"], one["way"], one["fetched"]) for one in failed.json["came"]] == [
        ("story", "wire", None),
        ("correction", "wire", None),
        ("kill", "wire", None),
    ]
    told = filled("kills", "drill", "daily", "--wait", "0")
    assert told.err.splitlines()[0] == "story by wire: no"
    assert filled("kills", "list", "--json").json == []


def test_what_was_refused_is_listed_with_its_reason(filled: Command):
    filled("import", "-", stdin=lines(story("z", pubstatus="cancelled")))

    (refused,) = filled("stories", "refused", "--json").json
    assert (refused["name"], refused["field"]) == ("-:1", "$.pubstatus")
    assert "cancelled" in refused["message"]
    assert "usable, withheld, canceled" in filled("stories", "refused").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["stories", "show", "nothing"],
        ["stories", "kill", "nothing", "--yes"],
        ["stories", "withhold", "nothing"],
        ["kills", "show", "nothing"],
        ["stories", "reinstate", "nothing"],
        ["explain", "public", "nothing"],
        ["explain", "nobody", A],
        ["stories", "list", "--topic", "nowhere"],
    ],
    ids=" ".join,
)
def test_what_there_is_not_is_told_in_one_line(filled: Command, arguments: list[str]):
    ran = filled(*arguments)

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.startswith("wirefeed: ")
    assert ran.err.count("\n") == 1


def test_topics_are_listed_with_their_narrower_ones_below(wirefeed: Command):
    people, machines = wirefeed("topics", "list"), wirefeed("topics", "list", "--json")

    assert people.out.splitlines()[:3] == [
        f"{'economy':<36}Economy",
        f"{'  markets':<36}Markets",
        f"{'sport':<36}Sport",
    ]
    markets = machines.json[1]
    assert (markets["slug"], markets["broader"], markets["depth"], markets["listed"]) == (
        "markets", "economy", 1, True,
    )  # fmt: skip


def test_a_changed_topic_tree_files_stories_anew_and_leaves_their_order_alone(
    filled: Command, folder
):
    before = filled("stories", "list", "--json").json
    with_finance = TOPICS.replace('keywords = ["stocks"]', 'media_topics = ["medtop:04000000"]')
    (folder / "config" / "topics.toml").write_text(with_finance, "utf-8")

    ran = filled("topics", "apply")

    assert (ran.exit, ran.err) == (0, "1 stories filed anew; restart running servers\n")
    after = filled("stories", "list", "--json").json
    assert [s["topics"] for s in after] == [["economy", "markets"], ["sport"]]
    assert [s["guid"] for s in after] == [s["guid"] for s in before]
    assert [s["changed"] for s in after] == [s["changed"] for s in before]
    assert filled("stories", "list", "--topic", "markets", "--json").json == [after[0]]
    assert filled("topics", "apply").err == "0 stories filed anew; restart running servers\n"


def test_a_topic_that_is_gone_takes_no_story_and_its_grants_nothing(filled: Command, folder):
    filled("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")
    plans = folder / "config" / "plans.toml"
    plans.write_text("", "utf-8")
    without_sport = TOPICS.replace('slug = "sport"', 'slug = "athletics"')
    (folder / "config" / "topics.toml").write_text(without_sport, "utf-8")

    filled("topics", "apply")

    assert filled("stories", "show", A, "--json").json["topics"] == ["athletics"]
    assert filled("explain", "daily", A, "--json").json["level"] == "summary"


def test_the_database_is_brought_to_the_schema_of_this_release(wirefeed: Command):
    first, again = wirefeed("db", "upgrade"), wirefeed("db", "upgrade")

    for ran in (first, again):
        assert (ran.exit, ran.out, ran.err) == (0, "", "the database is up to date\n")
    assert wirefeed("plans", "list").exit == 0
