"""The commands for webhooks: a secret is printed once, and errors say what would help."""

import pytest

from tests.cli.conftest import Command
from wirefeed.domain.signatures import parse_secret

URL = "https://gazette.example/in"


@pytest.fixture
def gazette(wirefeed: Command) -> Command:
    assert wirefeed("subscribers", "add", "gazette", "--name", "x", "--plan", "sport").exit == 0
    return wirefeed


def test_a_webhook_from_its_first_day_to_its_last(gazette: Command):
    added = gazette("webhooks", "add", "gazette", URL, "--topics", "sport,markets")
    assert added.exit == 0, added.err
    secret = added.out.strip()
    assert len(parse_secret(secret, "secret")) == 32

    (told,) = gazette("webhooks", "list", "gazette", "--json").json
    assert (told["url"], told["topics"], told["languages"]) == (URL, ["markets", "sport"], [])
    assert told["called"] is None
    webhook = told["id"]

    rotated = gazette("webhooks", "rotate", webhook, "--overlap", "1h", "--json")
    said = rotated.json
    assert said["secret"] != secret
    assert said["rotates_until"] is not None
    listed = gazette("webhooks", "list")
    assert webhook in listed.out
    for kept in (secret, said["secret"]):
        assert kept not in listed.out + rotated.err + added.err

    assert gazette("webhooks", "replay", webhook, "--since", "2026-01-01").exit == 0
    assert gazette("webhooks", "log", "gazette", "--json").json == []
    assert gazette("webhooks", "remove", webhook).exit == 0
    assert gazette("webhooks", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "nobody", URL), ["nobody", "subscribers list"]),
        (("add", "gazette", "http://gazette.example/"), ["url", "443"]),
        (("add", "gazette", "https://127.0.0.1/"), ["url", "internet"]),
        (("add", "gazette", URL, "--topics", "Sport"), ["topics", "Sport"]),
        (("add", "gazette", URL, "--topics", "golf"), ["topics", "golf", "topics list"]),
        (("add", "gazette", URL, "--languages", "english"), ["languages", "english"]),
        (("add", "gazette", URL, "--languages", "fr"), ["languages", "fr", "en"]),
        (("rotate", "0a1b2c3d4e5f"), ["0a1b2c3d4e5f", "webhooks list"]),
        (("rotate", "0a1b2c3d4e5f", "--overlap", "31d"), ["overlap", "30 days"]),
        (("remove", "0a1b2c3d4e5f"), ["0a1b2c3d4e5f", "webhooks list"]),
        (("log", "nobody"), ["nobody", "subscribers list"]),
        (("replay", "0a1b2c3d4e5f", "--since", "noon"), ["--since", "2026-12-31"]),
        (("replay", "0a1b2c3d4e5f", "--attempt", "1"), ["0a1b2c3d4e5f", "webhooks list"]),
    ],
)
def test_an_error_names_what_is_wrong_and_what_helps(gazette: Command, arguments, told):
    ran = gazette("webhooks", *arguments)
    assert ran.exit == 1
    (line,) = ran.err.splitlines()
    assert all(word in line for word in told), line


@pytest.mark.parametrize("arguments", [(), ("--since", "2026-01-01", "--attempt", "1")])
def test_a_replay_says_what_is_to_be_sent(gazette: Command, arguments):
    assert gazette("webhooks", "replay", "0a1b2c3d4e5f", *arguments).exit == 2
