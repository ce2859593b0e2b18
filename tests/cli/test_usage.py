"""Use of credentials by command: where they were seen, what was refused, what seems shared."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from tests.cli.conftest import Command
from wirefeed.composition import Services, open_services
from wirefeed.config import load
from wirefeed.domain.errors import Refusal
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.terms import Terms

FEEDBIN = "Feedbin feed-id:1 - 3 subscribers"


def in_the_server(work: Callable[[Services], Awaitable[None]]) -> None:
    """Do what a server does beside the commands."""

    async def main() -> None:
        async with open_services(load(None)) as services:
            await work(services)
            await services.usage.flush()

    with capture_logs():
        asyncio.run(main())


@pytest.fixture
def key(wirefeed: Command) -> str:
    """Give the id of a key that is used, beside one and a token that are not."""

    async def work(services: Services) -> None:
        for name in ("gazette", "herald"):
            await services.accounts.add_subscriber(Subscriber(id=name))
        used = (await services.feed_keys.issue("gazette", "phone")).row
        await services.feed_keys.issue("herald", "desk")
        token = (await services.tokens.issue(Terms(subscriber="gazette", days=1))).row
        services.usage.saw_key(used, "203.0.113.7", FEEDBIN)
        services.usage.saw_key(used, "198.51.100.9", "curl/8")
        services.usage.saw_token(token)
        refusal = Refusal(subscriber="gazette", credential=token.jti, reason="network")
        services.usage.refused(refusal, "/subscriber/{lang}/latest.{format}", "203.0.113.7")

    in_the_server(work)
    used = wirefeed("usage", "gazette", "--json").json["feed_keys"]
    return str(used[0]["id"])


def test_the_use_of_a_subscribers_credentials_is_shown(wirefeed: Command, key: str):
    ran = wirefeed("usage", "gazette")
    assert ran.exit == 0
    line = next(line for line in ran.out.splitlines() if key in line)
    for word in ("gazette", "phone", "Feedbin", "curl", " 2 ", "3 readers"):
        assert word in line
    assert "token" in ran.out
    assert "203.0.113.0/24" in ran.out
    assert "network" in ran.out
    assert "herald" not in ran.out


def test_it_is_shown_to_machines_too(wirefeed: Command, key: str):
    shown = wirefeed("usage", "gazette", "--json").json
    (used,) = shown["feed_keys"]
    assert {(one["network"], one["client"], one["readers"]) for one in used["sightings"]} == {
        ("203.0.113.0/24", "Feedbin", 3),
        ("198.51.100.0/24", "curl", 1),
    }
    assert [(flag["reason"], flag["count"]) for flag in used["flags"]] == [("readers", 3)]
    assert used["last_used"] is not None
    assert used["flagged"] is not None
    assert shown["tokens"][0]["last_used"] is not None
    assert [(one["reason"], one["network"]) for one in shown["refusals"]] == [
        ("network", "203.0.113.0/24")
    ]


def test_without_a_name_it_is_that_of_all(wirefeed: Command, key: str):
    ran = wirefeed("usage")
    assert "gazette" in ran.out
    assert "herald" in ran.out
    assert "never" in ran.out
    assert len(wirefeed("usage", "--json").json["feed_keys"]) == 2


def test_of_whom_there_is_not_there_is_no_use(wirefeed: Command, key: str):
    ran = wirefeed("usage", "nobody")
    assert (ran.exit, ran.out) == (1, "")
    assert "nobody" in ran.err


def test_what_seems_shared_is_listed_until_it_is_dismissed(wirefeed: Command, key: str):
    listed = wirefeed("feedkeys", "flags")
    for word in (key, "gazette", "phone", "3 readers", "flagged"):
        assert word in listed.out
    (flag,) = wirefeed("feedkeys", "flags", "--json").json
    assert (flag["id"], flag["reason"], flag["count"]) == (key, "readers", 3)
    ran = wirefeed("feedkeys", "dismiss", key)
    assert (ran.exit, ran.out, ran.err) == (0, "", f"flags of feed key {key} dismissed\n")
    assert wirefeed("feedkeys", "flags", "--json").json == []
    (flag,) = wirefeed("feedkeys", "flags", "--all", "--json").json
    assert flag["dismissed"] is not None
    assert "dismissed" in wirefeed("feedkeys", "flags", "--all").out
    assert wirefeed("feedkeys", "dismiss", "nowhere").exit == 1
