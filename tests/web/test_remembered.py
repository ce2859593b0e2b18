"""Answers from memory: the same as those of the application, byte for byte, or none."""

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.support.agency import HOUR, Agency
from tests.support.answers import FORMATS, ask, basic
from wirefeed.web.answers import Answers
from wirefeed.web.remembered import remembered

STORY = "urn:news:story"
#: What the connection says, not the answer.
OF_THE_CONNECTION = {"Date", "Content-Length", "Connection", "Server"}


class Peer:
    """A connection from this machine."""

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 4711) if name == "peername" else default


def recall(
    agency: Agency, path: str, headers: Mapping[str, str], method: str = "GET"
) -> web.Response | None:
    """Ask memory alone."""
    sent = {"Host": "127.0.0.1", **headers}
    request = make_mocked_request(method, path, headers=sent, transport=Peer())
    return remembered(Answers(agency.services), request)


@pytest.fixture
async def doors(agency: Agency) -> list[tuple[str, Mapping[str, str]]]:
    """Give the ways to one feed, by address and credential."""
    await agency.publish(STORY)
    await agency.publish("urn:news:killed")
    await agency.publish("urn:news:killed", version="2", pubstatus="canceled")
    await agency.subscriber("ann", "everything")
    agency.clock.advance(HOUR)
    return [
        ("", {}),
        ("/subscriber", await agency.token("ann")),
        (await agency.feed_key("ann"), {}),
    ]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("coding", ["", "gzip", "br", "zstd", "gzip;q=0", "br;q=0.1, gzip"])
@pytest.mark.parametrize("tail", ["latest", "topics/sport"])
async def test_it_answers_as_the_application_does(agency: Agency, doors, form, coding, tail):
    for base, credential in doors:
        path = f"{base}/en/{tail}.{form}"
        headers = {**credential, "Accept-Encoding": coding}
        first = await ask(agency, path, headers)
        dated = {"If-Modified-Since": first.headers["Last-Modified"]}
        for extra in ({}, {"If-None-Match": first.tag}, dated, {"If-None-Match": 'W/"other", *'}):
            for method in ("GET", "HEAD"):
                told = await ask(agency, path, {**headers, **extra}, method=method)
                known = recall(agency, path, {**headers, **extra}, method)
                if "other" in extra.get("If-None-Match", ""):
                    # A tag it does not know may be one of a later document.
                    assert known is None
                    continue
                assert known is not None
                assert known.status == told.status
                kept = {n: v for n, v in told.headers.items() if n not in OF_THE_CONNECTION}
                assert {
                    n: v for n, v in known.headers.items() if n not in OF_THE_CONNECTION
                } == kept
        again = recall(agency, path, headers)
        assert again is not None
        # What a client decodes is the same, whatever the coding.
        assert again.headers.get("Content-Encoding") == first.headers.get("Content-Encoding")


UNKNOWN: dict[str, dict[str, Any]] = {
    "another method": {"method": "POST"},
    "a page is wanted": {"headers": {"Sec-Fetch-Dest": "document"}},
    "a delta is wanted": {"headers": {"A-IM": "feed"}},
    "an expectation": {"headers": {"Expect": "100-continue"}},
    "a query": {"path": "/en/latest.rss?x=1"},
    "a second spelling": {"path": "/en/%6Catest.rss"},
    "no such topic": {"path": "/en/topics/astrology.rss"},
    "no such language": {"path": "/de/latest.rss"},
    "what nobody chose": {"path": "/en/mine.rss"},
    "no credential": {"path": "/subscriber/en/latest.rss"},
    "no token of ours": {
        "path": "/subscriber/en/latest.rss",
        "headers": {"Authorization": "Bearer a.b.c"},
    },
    "no key of ours": {"path": "/f/wf_feed_1/en/latest.rss"},
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_whatever_has_to_be_looked_at_is_left_to_the_application(agency: Agency, doors, name):
    for base, credential in doors:
        await ask(agency, f"{base}/en/latest.rss", credential)
    assert recall(agency, "/en/latest.rss", {"Accept-Encoding": "gzip, deflate, br"}) is not None
    asked = {"path": "/en/latest.rss", "headers": {}, **UNKNOWN[name]}
    assert recall(agency, **asked) is None


async def test_two_credentials_or_none_of_a_machine_are_left_to_the_application(
    agency: Agency, doors
):
    _, token = doors[1]
    path = "/subscriber/en/latest.rss"
    await ask(agency, path, token)
    assert recall(agency, path, {**token, "Accept-Encoding": "gzip, deflate, br"}) is not None
    key = doors[2][0].removeprefix("/f/").strip("/")
    assert recall(agency, path, basic(key)) is None


async def test_nothing_is_answered_from_memory_once_anything_was_written(agency: Agency, doors):
    path = f"{doors[2][0]}/en/latest.rss"
    headers = {"Accept-Encoding": "gzip"}
    await ask(agency, path, headers)
    assert recall(agency, path, headers) is not None
    await agency.services.accounts.suspend("ann")
    assert recall(agency, path, headers) is None
    lapsed = await ask(agency, path, headers)
    assert lapsed.headers["Wirefeed-Levels"].endswith("suspended")
