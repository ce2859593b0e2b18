"""Subscribers by command: their subscriptions from contract to lapse, and what runs out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.newsroom import lines, story
from wirefeed.composition import utc_now

ADD = ("subscribers", "add", "daily", "--name", "The Daily")
SET = ("subscribers", "set", "daily")
TODAY = datetime.fromtimestamp(utc_now() / 1_000_000, tz=UTC)


def day(days: int) -> str:
    return (TODAY + timedelta(days=days)).date().isoformat()


def end_of(days: int) -> str:
    return f"{day(days + 1)}T00:00:00Z"


def shown(wirefeed: Command, name: str = "daily") -> dict[str, Any]:
    return dict(wirefeed("subscribers", "show", name, "--json").json)


def subscriptions(wirefeed: Command) -> list[dict[str, Any]]:
    return list(shown(wirefeed)["subscriptions"])


def test_a_subscriber_is_added_with_all_that_its_options_say(wirefeed: Command):
    ran = wirefeed(
        *ADD, "--contact", "a@daily.example", "--kind", "person", "--notes", "Pays late.",
        "--plan", "sport", "--plan", "economy", "--starts", "2025-01-01", "--until", "2199-12-31",
        "--grace", "14",
    )  # fmt: skip

    assert (ran.exit, ran.out, ran.err) == (0, "", "subscriber daily added\n")
    period = {
        "starts": "2025-01-01T00:00:00Z",
        # The whole of the last day is meant.
        "ends": "2200-01-01T00:00:00Z",
        "grace_days": 14,
        "trial": False,
        "suspended": False,
    }
    assert shown(wirefeed) == {
        "id": "daily",
        "kind": "person",
        "name": "The Daily",
        "contact": "a@daily.example",
        "notes": "Pays late.",
        "state": "live",
        "suspended": False,
        "subscriptions": [{"plan": "sport", **period}, {"plan": "economy", **period}],
    }
    text = "sport until 2200-01-01T00:00:00Z and 14 days of grace"
    assert text in wirefeed("subscribers", "list").out
    people = wirefeed("subscribers", "show", "daily").out
    for line in ("kind     person", "state    live", text, "Pays late."):
        assert line in people


def test_what_is_not_given_of_a_subscriber_stays(wirefeed: Command):
    wirefeed(*ADD, "--plan", "sport", "--grace", "3", "--trial", "30")
    before = shown(wirefeed)

    wirefeed(*SET, "--contact", "a@daily.example")
    assert shown(wirefeed) == before | {"contact": "a@daily.example"}

    (held,) = before["subscriptions"]
    wirefeed(*SET, "--until", "2199-12-31T12:00:00Z")
    assert subscriptions(wirefeed) == [held | {"ends": "2199-12-31T12:00:00Z"}]
    wirefeed(*SET, "--plan", "sport", "--no-trial", "--until", "never")
    assert subscriptions(wirefeed) == [held | {"ends": None, "trial": False}]
    wirefeed(*SET, "--grace", "0", "--starts", "2025-06-01")
    (changed,) = subscriptions(wirefeed)
    assert (changed["starts"], changed["grace_days"]) == ("2025-06-01T00:00:00Z", 0)


def test_a_plan_that_is_no_longer_named_ends_and_is_remembered(wirefeed: Command):
    wirefeed(*ADD, "--plan", "sport", "--starts", "2025-01-01")

    wirefeed(*SET, "--plan", "economy", "--name", "Daily")

    sport, economy = subscriptions(wirefeed)
    assert (sport["plan"], sport["starts"][:4]) == ("sport", "2025")
    assert sport["ends"] is not None
    assert (economy["plan"], economy["ends"]) == ("economy", None)
    assert shown(wirefeed)["name"] == "Daily"


def test_a_renewal_after_the_end_is_a_subscription_of_its_own(wirefeed: Command):
    wirefeed(*ADD, "--plan", "sport", "--starts", "2025-01-01", "--until", "2025-12-31")
    assert shown(wirefeed)["state"] == "ended"

    wirefeed(*SET, "--until", "2199-12-31")

    before, now = subscriptions(wirefeed)
    assert (before["starts"][:4], before["ends"][:4]) == ("2025", "2026")
    assert (now["starts"][:10], now["ends"][:4]) == (day(0), "2200")
    assert shown(wirefeed)["state"] == "live"


def test_a_trial_ends_by_itself(wirefeed: Command):
    wirefeed("plans", "set", "sport", "--trial", "14")
    wirefeed(*ADD, "--plan", "sport", "--trial")
    (trial,) = subscriptions(wirefeed)
    assert (trial["trial"], trial["ends"][:10]) == (True, day(14))
    assert "on trial" in wirefeed("subscribers", "list").out

    wirefeed(*SET, "--trial", "20")
    (longer,) = subscriptions(wirefeed)
    assert longer["ends"][:10] == day(20)


def test_a_subscriber_is_live_suspended_resumed_ended_and_removed(wirefeed: Command):
    wirefeed(*ADD, "--plan", "sport")

    assert wirefeed("subscribers", "suspend", "daily").err == "subscriber daily suspended\n"
    assert shown(wirefeed)["state"] == "suspended"
    assert "suspended since 20" in wirefeed("subscribers", "show", "daily").out
    assert wirefeed("subscribers", "resume", "daily").err == "subscriber daily resumed\n"
    assert shown(wirefeed)["state"] == "live"
    wirefeed(*SET, "--until", "2001-01-01")
    assert shown(wirefeed)["state"] == "ended"
    assert wirefeed("subscribers", "remove", "daily").err == "subscriber daily removed\n"
    assert wirefeed("subscribers", "list", "--json").json == []


def test_one_plan_is_suspended_alone(wirefeed: Command):
    wirefeed(*ADD, "--plan", "sport", "--plan", "economy")

    ran = wirefeed("subscribers", "suspend", "daily", "--plan", "sport")
    assert ran.err == "subscriber daily suspended, as far as the plan sport goes\n"
    assert [s["suspended"] for s in subscriptions(wirefeed)] == [True, False]
    assert shown(wirefeed)["state"] == "live"
    wirefeed("subscribers", "resume", "daily", "--plan", "sport")
    assert [s["suspended"] for s in subscriptions(wirefeed)] == [False, False]


def test_one_that_is_over_from_the_start_says_so(wirefeed: Command):
    ran = wirefeed(*ADD, "--plan", "sport", "--starts", "2000-01-01", "--until", "2001-01-01")
    assert ran.err == "subscriber daily added, its subscriptions already over\n"


def test_one_that_ends_before_it_starts_is_refused(wirefeed: Command):
    ran = wirefeed(*ADD, "--plan", "sport", "--until", "2001-01-01")
    told = "wirefeed: --until: it ends before it starts (give it a later end, or an earlier start)"
    assert (ran.exit, ran.err) == (1, f"{told}\n")
    wirefeed(*ADD, "--plan", "sport")
    ran = wirefeed(*SET, "--starts", "2199-01-01", "--until", "2198-01-01")
    assert (ran.exit, ran.err) == (1, f"{told}\n")
    # What is held is ended by an end that is past.
    assert wirefeed(*SET, "--until", "2001-01-01").exit == 0
    assert shown(wirefeed)["state"] == "ended"


def test_subscribers_are_listed_by_plan_and_by_how_they_stand(wirefeed: Command):
    for name in ("c", "a", "b"):
        wirefeed("subscribers", "add", name, "--name", name.upper(), "--plan", "sport")
    wirefeed(
        "subscribers", "add", "d", "--name", "D", "--plan", "economy", "--starts", "2199-01-01"
    )
    wirefeed("subscribers", "suspend", "b")

    def listed(*options: str) -> list[str]:
        return [s["id"] for s in wirefeed("subscribers", "list", *options, "--json").json]

    assert listed() == ["a", "b", "c", "d"]
    assert listed("--plan", "sport", "--state", "live") == ["a", "c"]
    assert listed("--state", "suspended") == ["b"]
    assert listed("--state", "not-begun") == ["d"]
    assert listed("--plan", "late") == []


# --- what runs out, and what is seen -------------------------------------------------------------


def test_what_runs_out_is_listed_the_first_first(wirefeed: Command):
    wirefeed(*ADD, "--plan", "sport", "--until", day(20))
    wirefeed("tokens", "issue", "daily", "--days", "5", "--name", "cms")
    wirefeed("subscribers", "add", "late", "--name", "L", "--plan", "sport",
             "--starts", day(-30), "--until", day(-2), "--grace", "9")  # fmt: skip
    wirefeed("subscribers", "add", "far", "--name", "F", "--plan", "sport", "--until", day(60))

    found = wirefeed("subscribers", "ending", "--json").json
    assert [(e["subscriber"], e["plan"], e["name"], e["within_days"]) for e in found] == [
        ("late", "sport", "", 1),
        ("daily", None, "cms", 7),
        ("daily", "sport", "", 30),
    ]
    assert found[2]["ends"] == end_of(20)
    heading, grace, token, plan = wirefeed("subscribers", "ending").out.splitlines()
    assert heading.split() == ["within", "ends", "of", "what"]
    assert grace.startswith("1 day ")
    assert "in grace until" in grace
    assert "token " in token
    assert "plan sport" in plan
    assert [e["subscriber"] for e in wirefeed("subscribers", "ending", "--days", "7", "--json").json
            ] == ["late", "daily"]  # fmt: skip
    assert len(wirefeed("subscribers", "ending", "--days", "90", "--json").json) == 4
    cut = wirefeed("subscribers", "ending", "--limit", "2", "--json")
    assert (cut.json, "--limit" in cut.err) == (found[:2], True)


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ((), [("full", None), ("full", "summary")]),
        (("--topic", "sport"), [("full", "summary")]),
    ],
)
def test_a_subscribers_feed_is_shown_beside_the_public_one(
    wirefeed: Command, options: tuple[str, ...], rows: list[tuple[str, str | None]]
):
    wirefeed("import", "-", stdin=lines(story("a"), story("b", "economy")))
    wirefeed(*ADD, "--plan", "sport", "--plan", "economy")

    found = wirefeed("subscribers", "preview", "daily", *options, "--json").json
    assert [(p["own"]["level"], p["public"] and p["public"]["level"]) for p in found] == rows
    assert found[-1]["headline"] == "Headline of a"
    heading, *people = wirefeed("subscribers", "preview", "daily", *options).out.splitlines()
    assert heading.split() == ["daily", "public", "headline"]
    assert "full: granted media" in people[-1]
    assert "summary: public" in people[-1]
