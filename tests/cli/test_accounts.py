"""Tokens and feed keys by command, and what any command about accounts refuses."""

import base64
import json
import re

import pytest

from tests.cli.conftest import Command

FEED_BASE = re.compile(r"http://127\.0\.0\.1:8080/f/wf_feed_[0-9A-Za-z]{36}/\n")
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+\n")


def part(token: str, number: int) -> dict[str, object]:
    raw = token.strip().split(".")[number]
    return dict(json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))))


# --- tokens --------------------------------------------------------------------------------------


def test_a_token_is_printed_alone_and_never_again(wirefeed: Command):
    wirefeed("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")

    ran = wirefeed("tokens", "issue", "daily", "--days", "10", "--name", "poller")

    assert (ran.exit, ran.err) == (0, "")
    assert JWT.fullmatch(ran.out)
    claims = part(ran.out, 1)
    assert (claims["sub"], claims["scope"]) == ("daily", "feeds:read wire:read")
    listing = wirefeed("tokens", "list", "--json")
    assert ran.out.split(".")[2].strip() not in listing.out
    (held,) = listing.json
    assert (held["jti"], held["subscriber"], held["source"], held["name"], held["revoked"]) == (
        claims["jti"], "daily", None, "poller", None,
    )  # fmt: skip
    assert held["scopes"] == ["feeds:read", "wire:read"]


def test_a_token_of_a_newsroom_is_for_sending(wirefeed: Command):
    ran = wirefeed("tokens", "issue", "--source", "desk")

    assert (ran.exit, ran.err) == (0, "")
    assert part(ran.out, 1)["scope"] == "stories:write"
    (held,) = wirefeed("tokens", "list", "--json").json
    assert (held["subscriber"], held["source"]) == (None, "desk")


def test_a_newsroom_may_have_many_tokens(wirefeed: Command):
    runs = [wirefeed("tokens", "issue", "--source", "desk", "--name", n) for n in ("a", "b")]

    assert [ran.exit for ran in runs] == [0, 0]
    assert {t["name"] for t in wirefeed("tokens", "list", "--json").json} == {"a", "b"}


def test_a_token_may_have_less_than_the_usual_scopes(wirefeed: Command):
    wirefeed("subscribers", "add", "daily", "--name", "The Daily")

    ran = wirefeed("tokens", "issue", "daily", "--scope", "feeds:read")

    assert part(ran.out, 1)["scope"] == "feeds:read"


def test_tokens_are_listed_of_one_subscriber_or_of_all(wirefeed: Command):
    for name in ("daily", "weekly"):
        wirefeed("subscribers", "add", name, "--name", name)
        wirefeed("tokens", "issue", name)

    assert len(wirefeed("tokens", "list", "--json").json) == 2
    (held,) = wirefeed("tokens", "list", "weekly", "--json").json
    assert held["subscriber"] == "weekly"


def test_a_revoked_token_is_listed_as_revoked(wirefeed: Command):
    wirefeed("subscribers", "add", "daily", "--name", "The Daily")
    jti = str(part(wirefeed("tokens", "issue", "daily").out, 1)["jti"])

    # An id may begin with a hyphen.
    ran = wirefeed("tokens", "revoke", "--", jti)

    assert (ran.exit, ran.out, ran.err) == (0, "", f"token {jti} revoked\n")
    (held,) = wirefeed("tokens", "list", "--json").json
    assert held["revoked"]
    assert f"revoked {held['revoked']}" in wirefeed("tokens", "list").out


# --- feed keys -----------------------------------------------------------------------------------


def test_a_feed_key_is_printed_as_its_address_alone_and_never_again(wirefeed: Command):
    wirefeed("subscribers", "add", "daily", "--name", "The Daily", "--plan", "sport")

    ran = wirefeed("feedkeys", "issue", "daily", "--name", "desk reader")

    assert (ran.exit, ran.err) == (0, "")
    assert FEED_BASE.fullmatch(ran.out)
    key = ran.out.strip().rstrip("/").rpartition("/")[2]
    for listing in (wirefeed("feedkeys", "list"), wirefeed("feedkeys", "list", "--json")):
        assert key not in listing.out
        assert key[-4:] in listing.out
    (held,) = wirefeed("feedkeys", "list", "daily", "--json").json
    assert (held["subscriber"], held["name"], held["revoked"]) == ("daily", "desk reader", None)


def test_a_revoked_feed_key_is_listed_as_revoked(wirefeed: Command):
    wirefeed("subscribers", "add", "daily", "--name", "The Daily")
    wirefeed("feedkeys", "issue", "daily")
    (held,) = wirefeed("feedkeys", "list", "--json").json

    ran = wirefeed("feedkeys", "revoke", held["id"])

    assert (ran.exit, ran.err) == (0, f"feed key {held['id']} revoked\n")
    (held,) = wirefeed("feedkeys", "list", "--json").json
    assert held["revoked"]


def test_the_address_of_a_feed_key_is_the_public_one(
    wirefeed: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WIREFEED_SERVER__PUBLIC_URL", "https://news.example/")
    wirefeed("subscribers", "add", "daily", "--name", "The Daily")

    assert wirefeed("feedkeys", "issue", "daily").out.startswith("https://news.example/f/wf_feed_")


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plans", "add", "x", "--topics", "nowhere"], ["nowhere"]),
        (["plans", "add", "x", "--topics", "sport", "--except", "nowhere"], ["nowhere"]),
        (["plans", "add", "Bad Name", "--topics", "sport"], ["Bad Name"]),
        (["plans", "add", "x", "--topics", "sport", "--delay", "soon"], ["soon"]),
        (
            ["plans", "add", "x", "--topics", "sport", "--languages", "xx"],
            ["--languages: ", "xx", "use en"],
        ),
        (["plans", "add", "sport", "--topics", "sport"], ["sport", "plans set"]),
        (["plans", "set", "x", "--topics", "sport"], ["'x'", "plans add"]),
        (["plans", "remove", "x"], ["'x'"]),
        (["plans", "remove", "public"], ["public", "set its grants"]),
        (["plans", "show", "x"], ["'x'"]),
        (["plans", "history", "x"], ["'x'"]),
        (["plans", "grant", "x", "--topics", "sport"], ["'x'", "plans add"]),
        (["plans", "ungrant", "sport", "2"], ["NUMBER: ", "no grant 2"]),
        (["plans", "set", "sport", "--subscribe-url", "sold.example"], ["https://"]),
        (["subscribers", "add", "x", "--name", "X", "--plan", "none"], ["none", "plans list"]),
        (["subscribers", "add", "x", "--name", "X", "--until", "soon"], ["--until: ", "2026-12"]),
        (["subscribers", "add", "Bad Id", "--name", "X"], ["Bad Id"]),
        (["subscribers", "add", "public", "--name", "X"], ["public"]),
        (["subscribers", "set", "x", "--name", "X"], ["'x'", "subscribers list"]),
        (["subscribers", "suspend", "x"], ["'x'"]),
        (["subscribers", "suspend", "daily", "--plan", "sport"], ["'sport'", "subscribers show"]),
        (["subscribers", "show", "x"], ["'x'"]),
        (["subscribers", "preview", "x"], ["'x'"]),
        (["subscribers", "preview", "daily", "--topic", "chess"], ["wirefeed: "]),
        (["subscribers", "import", "none.csv"], ["none.csv: "]),
        (["subscribers", "set", "daily", "--plan", "sport", "--trial"], ["--trial: ", "'sport'"]),
        (["subscribers", "add", "x", "--name", "X", "--starts", "soon"], ["--starts: "]),
        (["subscribers", "resume", "x"], ["'x'"]),
        (["subscribers", "remove", "x"], ["'x'"]),
        (["tokens", "issue", "x"], ["'x'", "subscribers list"]),
        (["tokens", "issue", "daily", "--days", "0"], ["days: ", "1 to 400"]),
        (["tokens", "issue", "daily", "--days", "401"], ["days: ", "1 to 400"]),
        (["tokens", "issue", "daily", "--scope", "stories:write"], ["scope: ", "feeds:read"]),
        (["tokens", "issue", "daily", "--scope", "everything"], ["scope"]),
        (["tokens", "issue", "--source", "Bad Name"], ["source: ", "Bad Name", "hyphens"]),
        (["tokens", "issue", "--source", ""], ["source: ", "hyphens"]),
        (["tokens", "revoke", "x"], ["'x'", "tokens list"]),
        (["feedkeys", "issue", "x"], ["'x'", "subscribers list"]),
        (["feedkeys", "revoke", "x"], ["'x'", "feedkeys list"]),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line_with_field_and_remedy(
    wirefeed: Command, arguments: list[str], told: list[str]
):
    wirefeed("subscribers", "add", "daily", "--name", "The Daily")
    before = (wirefeed("plans", "list").out, wirefeed("subscribers", "list").out)

    ran = wirefeed(*arguments)

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.startswith("wirefeed: ")
    assert ran.err.count("\n") == 1
    for words in told:
        assert words in ran.err
    assert (wirefeed("plans", "list").out, wirefeed("subscribers", "list").out) == before
    assert wirefeed("tokens", "list", "--json").json == []


def test_the_same_subscriber_is_not_added_twice(wirefeed: Command):
    wirefeed("subscribers", "add", "daily", "--name", "The Daily")

    ran = wirefeed("subscribers", "add", "daily", "--name", "Another")

    assert ran.exit == 1
    assert (
        ran.err == "wirefeed: id: the subscriber 'daily' exists (use `wirefeed subscribers set`)\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["plans", "add", "x"],
        ["plans", "add", "x", "--topics", "sport", "--level", "half"],
        ["plans", "add", "x", "--topics", "sport", "--archive-days", "-1"],
        ["plans", "set", "sport", "--media"],
        ["plans", "ungrant", "sport", "0"],
        ["subscribers", "set", "x", "--trial", "3", "--no-trial"],
        ["subscribers", "list", "--state", "gone"],
        ["subscribers", "ending", "--days", "0"],
        ["subscribers", "export", "--format", "xml"],
        ["subscribers", "add", "x"],
        ["tokens", "issue"],
        ["tokens", "issue", "daily", "--source", "desk"],
        ["tokens", "issue", "daily", "--days", "many"],
        ["feedkeys", "issue"],
        ["import"],
        ["explain", "public"],
        ["stories", "list", "--limit", "0"],
        ["serve", "--port", "70000"],
        ["demo", "--port", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_touches_nothing(
    wirefeed: Command, folder, arguments: list[str]
):
    ran = wirefeed(*arguments)

    assert (ran.exit, ran.out) == (2, "")
    assert "Usage: wirefeed" in ran.err
    assert not (folder / "var").exists()
