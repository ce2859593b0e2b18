"""`wirefeed keys`: what is signed with what, and how that changes."""

import io
import re
import sys

import pytest

from tests.cli.conftest import Command
from wirefeed.cli.main import main


def states(wirefeed: Command) -> list[str]:
    return [key["state"] for key in wirefeed("keys", "list", "--json").json]


@pytest.fixture
def token(wirefeed: Command) -> str:
    wirefeed("subscribers", "add", "reader", "--name", "R")
    return wirefeed("tokens", "issue", "reader").out.strip()


def test_keys_are_listed_for_people_and_machines(wirefeed: Command, token: str):
    (key,) = wirefeed("keys", "list", "--json").json
    assert key == {
        "kid": key["kid"], "state": "active", "tokens": 1, "created": key["created"],
        "activates": key["created"], "retires": None, "ends": None,
    }  # fmt: skip
    head, line = wirefeed("keys", "list").out.splitlines()
    assert head.split("  ")[0] == "key"
    assert head.endswith("believed until")
    assert line.split() == [key["kid"], "active", "1", key["created"]]


def test_a_rotation_says_what_follows_and_is_taken_back(wirefeed: Command, token: str):
    ran = wirefeed("keys", "rotate")
    old, new = wirefeed("keys", "list", "--json").json
    assert (old["state"], new["state"]) == ("active", "next")
    assert old["retires"] == new["activates"]
    assert (ran.exit, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        f"{new['kid']} signs from {new['activates']} on, in place of {old['kid']}",
        f"what {old['kid']} signed is believed as long as its tokens live",
    ]
    ran = wirefeed("keys", "rotate")
    assert ran.exit == 1
    assert ran.err.startswith("wirefeed: a rotation is under way")
    assert wirefeed("keys", "revert").err == f"{old['kid']} goes on to sign\n"
    assert states(wirefeed) == ["active", "retired"]
    assert wirefeed("keys", "revert").exit == 1


def test_an_overlap_that_cuts_tokens_says_how_many_and_when(wirefeed: Command, token: str):
    ran = wirefeed("keys", "rotate", "--overlap", "20m")
    (old, _) = wirefeed("keys", "list", "--json").json
    assert ran.err.splitlines()[0] == (
        f"1 live token of {old['kid']} will be refused from {old['ends']} on"
    )
    assert ran.err.splitlines()[2] == f"what {old['kid']} signed is believed until {old['ends']}"
    wirefeed("keys", "revert")
    assert "refused" not in wirefeed("keys", "rotate", "--overlap", "100d").err


def test_in_an_emergency_the_old_key_is_refused_at_once(wirefeed: Command, token: str):
    wirefeed("tokens", "issue", "reader")
    ran = wirefeed("keys", "rotate", "--now")
    old, new = wirefeed("keys", "list", "--json").json
    assert (old["state"], new["state"]) == ("retired", "active")
    assert ran.err.startswith(f"2 live tokens of {old['kid']} will be refused from ")
    assert old["ends"] == old["retires"] == new["activates"]
    # The end of a token is that of its key.
    assert {row["expires"] for row in wirefeed("tokens", "list", "--json").json} == {old["ends"]}


def test_a_key_is_given_up_by_its_id(wirefeed: Command):
    (old,) = wirefeed("keys", "list", "--json").json
    assert wirefeed("keys", "retire", old["kid"]).exit == 0
    assert states(wirefeed) == ["retired", "active"]
    ran = wirefeed("keys", "retire", "nobody")
    assert (ran.exit, ran.err) == (
        1,
        "wirefeed: there is no signing key 'nobody' (see `wirefeed keys list`)\n",
    )


class Terminal(io.StringIO):
    """Someone who answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "answer", "asked", "turned"),
    [
        (("rotate", "--now"), "n", True, False),
        (("rotate", "--now"), "y", True, True),
        (("rotate", "--now", "--yes"), "", False, True),
        (("rotate", "--overlap", "20m"), "n", True, False),
        (("rotate", "--overlap", "20m", "--yes"), "", False, True),
        # Nobody is cut off.
        (("rotate",), "", False, True),
    ],
)
def test_whoever_sits_at_a_terminal_is_asked_before_tokens_are_cut(
    wirefeed: Command,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    answer: str,
    asked: bool,
    turned: bool,
):
    monkeypatch.setattr(sys, "argv", ["wirefeed", "keys", *arguments])
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    exits = 0
    try:
        main()
    except SystemExit as end:
        exits = int(end.code or 0)
    assert ("Go on?" in capsys.readouterr().err) is asked
    assert exits == (0 if turned else 1)
    assert (len(states(wirefeed)) == 2) is turned


@pytest.mark.parametrize(
    ("arguments", "exits", "told"),
    [
        (("--now", "--overlap", "20m"), 2, "--now leaves no overlap"),
        (("--overlap", "soon"), 1, r"--overlap: 'soon' is no time span \(write 30m or 2h\)"),
        (("--overlap", "401d"), 1, "overlap: no token lives longer than 400 days"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(wirefeed: Command, arguments, exits, told):
    ran = wirefeed("keys", "rotate", *arguments)
    assert ran.exit == exits
    assert re.search(told, ran.err)
    assert states(wirefeed) == ["active"]
