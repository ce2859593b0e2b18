"""One-time links by command: issued alone, told without what they give, withdrawn."""

import asyncio
import re

import pytest

from tests.cli.conftest import Command
from wirefeed.composition import open_services
from wirefeed.config import Settings
from wirefeed.domain.credentials import Scope
from wirefeed.domain.handovers import KeyTerms, Promise, SignIn
from wirefeed.domain.terms import Terms

LINK = re.compile(r"http://127\.0\.0\.1:8080/h/(wf_hand_[0-9A-Za-z]{36})\n")


@pytest.fixture(autouse=True)
def reader(wirefeed: Command) -> None:
    wirefeed("subscribers", "add", "reader", "--name", "R", "--plan", "sport")


def opened(secret: str) -> None:
    """Open a link as a server over the same database does."""

    async def work() -> None:
        async with open_services(Settings()) as services:
            await services.handovers.open(secret)

    asyncio.run(work())


def promised(secret: str) -> Promise:
    async def work() -> Promise:
        async with open_services(Settings()) as services:
            return (await services.handovers.peek(secret)).promise

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("options", "promise"),
    [
        (["--token"], Terms(subscriber="reader", days=90)),
        (
            ["--token", "--scope", "feeds:read", "--days", "30", "--network", "192.0.2.0/24",
             "--name", "cms"],
            Terms(
                subscriber="reader",
                days=30,
                name="cms",
                scopes=frozenset({Scope.FEEDS_READ}),
                networks=("192.0.2.0/24",),
            ),
        ),
        (["--address"], KeyTerms()),
        (
            ["--address", "--name", "phone", "--feed", "en/sport", "--feed", "en/latest"],
            KeyTerms(name="phone", feeds=frozenset({"en/sport", "en/latest"})),
        ),
        (["--sign-in"], SignIn()),
    ],
)  # fmt: skip
def test_a_link_is_issued_and_printed_alone(wirefeed: Command, options, promise):
    ran = wirefeed("handovers", "issue", "reader", *options)
    link = LINK.fullmatch(ran.out)
    assert (ran.exit, ran.err) == (0, "")
    assert link is not None
    assert promised(link[1]) == promise


def test_a_lost_address_is_named_by_its_key(wirefeed: Command):
    wirefeed("feedkeys", "issue", "reader")
    (key,) = wirefeed("feedkeys", "list", "--json").json
    ran = wirefeed("handovers", "issue", "reader", "--replaces", key["id"])
    link = LINK.fullmatch(ran.out)
    assert link is not None
    assert promised(link[1]) == KeyTerms(replaces=key["id"])
    opened(link[1])
    states = {k["id"]: k["reason"] for k in wirefeed("feedkeys", "list", "--json").json}
    assert states.pop(key["id"]) == "rotated"
    assert list(states.values()) == [None]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "say what the link gives"),
        (["--token", "--address"], "say what the link gives"),
        (["--sign-in", "--replaces", "a"], "say what the link gives"),
        (["--sign-in", "--name", "x"], "--name does not go with --sign-in"),
        (["--address", "--days", "0"], "--days does not go with --address"),
        (["--token", "--feed", "en/sport"], "--feed does not go with --token"),
        (["--replaces", "a", "--feed", "en/sport"], "--feed does not go with --replaces"),
    ],
)
def test_a_link_gives_one_thing(wirefeed: Command, options, told):
    ran = wirefeed("handovers", "issue", "reader", *options)
    assert (ran.exit, ran.out) == (2, "")
    assert told in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody", "--address"], "there is no subscriber 'nobody'"),
        (["reader", "--address", "--feed", "en/chess"], "there is no feed 'en/chess'"),
        (["reader", "--replaces", "none"], "there is no feed key 'none'"),
        (["reader", "--token", "--days", "401"], "days: a token lives 1 to 400 days"),
        (["reader", "--token", "--scope", "stories:write"], "a subscriber may have"),
    ],
)
def test_what_cannot_be_given_is_said_in_a_line(wirefeed: Command, arguments, told):
    ran = wirefeed("handovers", "issue", *arguments)
    assert (ran.exit, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert told in ran.err


def test_links_are_listed_with_what_became_of_them_and_never_with_what_they_gave(
    wirefeed: Command,
):
    assert wirefeed("handovers", "list", "--json").json == []
    link = LINK.fullmatch(wirefeed("handovers", "issue", "reader", "--address").out)
    assert link is not None
    opened(link[1])
    wirefeed("handovers", "issue", "reader", "--token")
    first, second = sorted(
        wirefeed("handovers", "list", "reader", "--json").json, key=lambda row: row["gives"]
    )
    assert (first["gives"], first["state"], first["withdrawn"]) == ("feed-key", "opened", None)
    assert first["opened"] >= first["issued"]
    assert (second["gives"], second["state"], second["opened"]) == ("token", "waiting", None)

    ran = wirefeed("handovers", "withdraw", second["id"])
    assert (ran.exit, ran.err) == (0, f"link {second['id']} withdrawn\n")
    refused = wirefeed("handovers", "withdraw", first["id"])
    assert (refused.exit, refused.err) == (
        1, "wirefeed: the link was opened (revoke what it gave)\n"
    )  # fmt: skip
    told = wirefeed("handovers", "list").out
    assert re.search(rf"{first['id']} +reader +feed-key .* opened 20", told)
    assert re.search(rf"{second['id']} +reader +token .* withdrawn 20", told)
    assert "wf_" not in told
    assert wirefeed("handovers", "list", "nobody", "--json").json == []
