"""Answers from memory: the same as those of the application, byte for byte, or none."""

import asyncio
import gc
import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.security.guarded import statements
from tests.support.agency import DAY, HOUR, MINUTE, SECOND, Agency, running, settings_in
from tests.support.answers import FORMATS, ask, basic
from wirefeed.config import LimitSettings
from wirefeed.domain.errors import UnknownKey
from wirefeed.web.answers import Answers
from wirefeed.web.prepared import PreparedResponse, written
from wirefeed.web.remembered import Memory
from wirefeed.web.request import FAILURE

STORY = "urn:news:story"
#: It wants a delta least of all, but memory does not read so far.
BY_THE_APPLICATION = {"A-IM": "identity"}
#: What the connection says, not the answer.
OF_THE_CONNECTION = {"Date", "Content-Length", "Connection", "Server"}


class Peer:
    """A connection from this machine."""

    def __init__(self, waiting: int = 0) -> None:
        self._waiting = waiting

    def get_write_buffer_size(self) -> int:
        return self._waiting

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 4711) if name == "peername" else default


class Recall:
    """The memory of an agency, asked alone, and twice: to find out, and to give what it found."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency
        self.memory = Memory(Answers(agency.services), agency.services)

    async def __call__(
        self, path: str, headers: Mapping[str, str], method: str = "GET", waiting: int = 0
    ) -> PreparedResponse | None:
        """Ask right after a look at the wire."""
        follower = self._agency.services.follower
        while True:
            await follower.look()
            first, again = self._twice(path, headers, method, waiting)
            # A busy machine may take longer than the lease to get here.
            if follower.head is not None:
                assert said(first) == said(again)
                return again

    def now(
        self, path: str, headers: Mapping[str, str], method: str = "GET", waiting: int = 0
    ) -> PreparedResponse | None:
        """Ask without a look."""
        first, again = self._twice(path, headers, method, waiting)
        assert said(first) == said(again)
        return again

    def _twice(
        self, path: str, headers: Mapping[str, str], method: str, waiting: int
    ) -> tuple[PreparedResponse | None, PreparedResponse | None]:
        request = asked(path, headers, method, waiting)
        return self.memory.answer(request), self.memory.answer(request)


def asked(
    path: str, headers: Mapping[str, str], method: str = "GET", waiting: int = 0
) -> web.Request:
    sent = {"Host": "127.0.0.1", **headers}
    return make_mocked_request(method, path, headers=sent, transport=Peer(waiting))


@pytest.fixture
def recall(agency: Agency) -> Recall:
    return Recall(agency)


def said(response: PreparedResponse | None) -> object:
    """Give all of an answer that memory has a part in."""
    if response is None:
        return None
    return response.status, list(response.headers.items()), response.body


def settled(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name not in OF_THE_CONNECTION]


@pytest.fixture
async def doors(agency: Agency) -> list[tuple[str, Mapping[str, str]]]:
    """Give the ways to one feed, by address and credential."""
    await agency.publish(STORY)
    await agency.publish("urn:news:killed")
    await agency.publish("urn:news:killed", version="2", pubstatus="canceled")
    await agency.subscriber("ann", "everything")
    agency.clock.advance(HOUR)
    # Whatever ended within that hour is announced now, and not amid what is looked at.
    await agency.services.publishing.announce_due()
    return [
        ("", {}),
        ("/subscriber", await agency.token("ann")),
        (await agency.feed_key("ann"), {}),
    ]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("coding", ["", "gzip", "br", "zstd", "gzip;q=0", "br;q=0.1, gzip"])
@pytest.mark.parametrize("tail", ["latest", "topics/sport"])
async def test_it_answers_as_the_application_does(
    agency: Agency, recall: Recall, doors, form, coding, tail
):
    for base, credential in doors:
        path = f"{base}/en/{tail}.{form}"
        headers = {**credential, "Accept-Encoding": coding}
        first = await ask(agency, path, headers)
        dated = {"If-Modified-Since": first.headers["Last-Modified"]}
        for extra in ({}, {"If-None-Match": first.tag}, dated, {"If-None-Match": 'W/"other", *'}):
            for method in ("GET", "HEAD"):
                sent = {**headers, **extra, **BY_THE_APPLICATION}
                told = await ask(agency, path, sent, method=method)
                known = await recall(path, {**headers, **extra}, method)
                if "other" in extra.get("If-None-Match", ""):
                    # A tag it does not know may be one of a later document.
                    assert known is None
                    continue
                assert known is not None
                assert known.status == told.status
                # In the same order, and each once.
                assert settled(known.headers) == settled(told.headers)
        again = await recall(path, headers)
        assert again is not None
        # What a client decodes is the same, whatever the coding.
        assert again.headers.get("Content-Encoding") == first.headers.get("Content-Encoding")
        if "Content-Encoding" not in again.headers:
            assert again.body == first.body


UNKNOWN: dict[str, dict[str, Any]] = {
    "another method": {"method": "POST"},
    "an earlier answer that is not taken yet": {"waiting": 1},
    "a page is wanted": {"headers": {"Sec-Fetch-Dest": "document"}},
    "a delta is wanted": {"headers": {"A-IM": "feed"}},
    "an expectation": {"headers": {"Expect": "100-continue"}},
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
async def test_whatever_has_to_be_looked_at_is_left_to_the_application(
    agency: Agency, recall: Recall, doors, name
):
    for base, credential in doors:
        await ask(agency, f"{base}/en/latest.rss", credential)
    assert await recall("/en/latest.rss", {"Accept-Encoding": "gzip, deflate, br"}) is not None
    asked = {"path": "/en/latest.rss", "headers": {}, **UNKNOWN[name]}
    assert await recall(**asked) is None


async def test_what_a_query_says_changes_nothing(agency: Agency, recall: Recall, doors):
    headers = {"Accept-Encoding": "gzip"}
    for base in ("", doors[2][0]):
        await ask(agency, f"{base}/en/latest.rss", headers)
        plain = await recall(f"{base}/en/latest.rss", headers)
        asked = await recall(f"{base}/en/latest.rss?utm_source=x&lang=tr", headers)
        assert plain is not None
        assert asked is not None
        assert settled(asked.headers) == settled(plain.headers)


async def test_who_holds_what_nobody_has_asked_for_since_is_told_so_from_memory(
    agency: Agency, recall: Recall, doors
):
    path, headers = f"{doors[2][0]}/en/latest.rss", {"Accept-Encoding": "gzip"}
    held = {**headers, "If-None-Match": (await ask(agency, path, headers)).tag}
    # All feeds are chosen anew, and this one is what it was.
    await agency.services.signing_keys.rotate()
    assert await recall(path, held) is None
    assert (await ask(agency, path, held)).status == 304
    told = await recall(path, held)
    assert told is not None
    assert told.status == 304
    assert await recall(path, {**headers, "If-None-Match": 'W/"0"'}) is None


async def test_two_credentials_or_none_of_a_machine_are_left_to_the_application(
    agency: Agency, recall: Recall, doors
):
    _, token = doors[1]
    path = "/subscriber/en/latest.rss"
    await ask(agency, path, token)
    sent = {**token, "Accept-Encoding": "gzip, deflate, br"}
    assert await recall(path, sent) is not None
    assert await recall(f"{path}?access_token=x", sent) is None
    key = doors[2][0].removeprefix("/f/").strip("/")
    assert await recall(path, basic(key)) is None


async def test_nothing_is_answered_from_memory_once_anything_was_written(
    agency: Agency, recall: Recall, doors
):
    path = f"{doors[2][0]}/en/latest.rss"
    headers = {"Accept-Encoding": "gzip"}
    await ask(agency, path, headers)
    assert await recall(path, headers) is not None
    await agency.services.accounts.suspend("ann")
    assert recall.now(path, headers) is None
    lapsed = await ask(agency, path, headers)
    assert lapsed.headers["Wirefeed-Levels"].endswith("suspended")


@pytest.mark.parametrize("passes", [SECOND // 2, SECOND, 5 * SECOND, 6 * SECOND, -HOUR])
async def test_its_date_is_that_of_the_application_wherever_the_clock_stands(
    agency: Agency, recall: Recall, passes
):
    await agency.subscriber("ann", "everything")
    base = await agency.feed_key("ann")
    await agency.publish(STORY)
    path, headers = f"{base}/en/latest.rss", {"Accept-Encoding": "identity"}
    for moved in (0, passes):
        agency.clock.advance(moved)
        told = await ask(agency, path, {**headers, **BY_THE_APPLICATION})
        known = await recall(path, headers)
        assert known is not None
        assert settled(known.headers) == settled(told.headers)


async def test_it_answers_no_longer_than_the_reader_has_its_right(agency: Agency, recall: Recall):
    await agency.publish(STORY)
    await agency.subscriber("ann", "everything", ends=agency.clock.now + HOUR)
    path, headers = f"{await agency.feed_key('ann')}/en/latest.rss", {"Accept-Encoding": "identity"}
    await ask(agency, path, headers)
    agency.clock.advance(HOUR - 2 * MINUTE)
    await ask(agency, path, headers)
    assert await recall(path, headers) is not None
    agency.clock.advance(2 * MINUTE)
    assert await recall(path, headers) is None
    lapsed = await ask(agency, path, headers)
    known = await recall(path, headers)
    assert known is not None
    assert known.headers["Wirefeed-Levels"] == lapsed.headers["Wirefeed-Levels"]
    assert known.headers["Wirefeed-Levels"].endswith("ended")


async def test_it_answers_no_longer_than_a_story_is_late(agency: Agency, recall: Recall):
    await agency.publish(STORY)
    await agency.subscriber("ann", "late")
    path, headers = f"{await agency.feed_key('ann')}/en/latest.rss", {"Accept-Encoding": "identity"}
    agency.clock.advance(MINUTE)
    early = await ask(agency, path, headers)
    known = await recall(path, headers)
    assert known is not None
    assert known.body == early.body
    agency.clock.advance(29 * MINUTE)
    assert await recall(path, headers) is None
    # Else that its delay has ended is announced at any moment, and nothing is known for sure.
    await agency.services.publishing.announce_due()
    late = await ask(agency, path, headers)
    known = await recall(path, headers)
    assert known is not None
    assert known.body == late.body != early.body


async def test_another_choice_is_another_answer(agency: Agency, recall: Recall):
    await agency.publish(STORY, topic="sport")
    await agency.publish("urn:news:other", topic="politics")
    await agency.subscriber("ann", "everything")
    path, headers = f"{await agency.feed_key('ann')}/en/mine.rss", {"Accept-Encoding": "identity"}
    (row,) = await agency.services.feed_keys.all()
    bodies = []
    for topic in ("sport", "politics"):
        await agency.services.feed_keys.select(row.id, frozenset({topic}))
        assert recall.now(path, headers) is None
        told = await ask(agency, path, {**headers, **BY_THE_APPLICATION})
        known = await recall(path, headers)
        assert known is not None
        assert (known.body, settled(known.headers)) == (told.body, settled(told.headers))
        bodies.append(known.body)
    assert bodies[0] != bodies[1]


async def test_a_key_is_told_its_own_address_and_no_text_of_it_is_kept(
    agency: Agency, recall: Recall, doors
):
    await agency.subscriber("ben", "everything")
    keys = [doors[2][0], await agency.feed_key("ben")]
    headers = {"Accept-Encoding": "gzip"}
    links = []
    for key in keys:
        await ask(agency, f"{key}/en/latest.rss", headers)
        known = await recall(f"{key}/en/latest.rss", headers)
        assert known is not None
        links.append(known.headers["Link"])
    assert links[0].replace(keys[0], keys[1]) == links[1] != links[0]
    texts = list(texts_within(recall.memory._known._held))
    assert any("everything" in text for text in texts)
    for key in keys:
        assert not [text for text in texts if key.removeprefix("/f/") in text]


def texts_within(value: object) -> Iterator[str]:
    """Give every text that an object leads to, but through what makes answers for all."""
    found, waiting = {id(value)}, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str | bytes):
            yield one if isinstance(one, str) else one.decode("latin-1")
        for held in gc.get_referents(one):
            if id(held) not in found and not isinstance(held, type | Answers):
                found.add(id(held))
                waiting.append(held)


async def test_a_key_first_seen_is_answered_as_the_application_does(
    agency: Agency, recall: Recall, doors
):
    known, new, other = doors[2][0], await agency.feed_key("ann"), await agency.feed_key("ann")
    headers = {"Accept-Encoding": "identity"}
    tail = "/en/latest.rss"
    first = await ask(agency, f"{known}{tail}", headers)
    for more in ({}, {"If-None-Match": first.tag}):
        told = await ask(agency, f"{other}{tail}", {**headers, **more, **BY_THE_APPLICATION})
        await agency.services.follower.look()
        agency.services.readers._memo.forget()
        recall.memory._known.forget()
        assert recall.now(f"{new}{tail}", {**headers, **more}) is None
        learnt = await recall.memory.learn(asked(f"{new}{tail}", {**headers, **more}))
        assert learnt is not None
        assert (learnt.status, learnt.body) == (told.status, told.body)
        own = [(name, value.replace(new, other)) for name, value in settled(learnt.headers)]
        assert own == settled(told.headers)


NO_KEYS = {
    "unknown": "wf_feed_0000000000000000000000000000002frUzS",
    "no key at all": "guess",
}


@pytest.mark.parametrize("name", NO_KEYS)
async def test_what_came_of_looking_for_a_key_is_left_to_the_application(
    agency: Agency, recall: Recall, name
):
    request = asked(f"/f/{NO_KEYS[name]}/en/latest.rss", {})
    assert await recall.memory.learn(request) is None
    assert isinstance(request[FAILURE], UnknownKey)
    with statements(agency, "feed_keys") as looks:
        answer = await ask(agency, f"/f/{NO_KEYS[name]}/en/latest.rss")
    assert answer.status == 404
    assert len(looks) == (name == "unknown")


@pytest.mark.parametrize(
    ("tail", "headers"),
    [
        ("/en/latest.rss", {"A-IM": "feed"}),
        ("/en/latest.rss", {"Sec-Fetch-Dest": "document"}),
        ("/de/latest.rss", {}),
        ("/", {}),
    ],
)
async def test_nobody_is_looked_for_whom_memory_would_not_answer(
    agency: Agency, recall: Recall, doors, tail, headers
):
    path = f"{await agency.feed_key('ann')}{tail}"
    with statements(agency, "feed_keys") as looks:
        assert await recall.memory.learn(asked(path, headers)) is None
    assert looks == []


async def test_every_use_of_a_key_counts_whoever_answers(agency: Agency, recall: Recall, doors):
    path, headers = f"{doors[2][0]}/en/latest.rss", {"Accept-Encoding": "gzip"}
    held = {**headers, "If-None-Match": (await ask(agency, path, headers)).tag}
    for sent in (headers, held):
        assert await recall(path, sent) is not None
    (use,) = await agency.services.usage.keys("ann")
    # That one, and each of the others twice.
    assert sum(seen.requests for seen in use.sightings) == 5
    assert use.key.last_used == agency.clock.now


async def test_full_answers_from_memory_are_taken_out_of_the_quota(tmp_path: Path):
    async with running(settings_in(tmp_path, limits=LimitSettings(per_minute=5))) as agency:
        await agency.subscriber("ann", "everything")
        path, headers = f"{await agency.feed_key('ann')}/en/latest.rss", {"Accept-Encoding": "gzip"}
        held = {**headers, "If-None-Match": (await ask(agency, path, headers)).tag}
        recall = Recall(agency)
        for sent in (headers, held, headers, held):
            assert await recall(path, sent) is not None
        assert await recall(path, headers) is None
        assert (await ask(agency, path, headers)).status == 429
        assert await recall(path, held) is not None


async def talk(agency: Agency, sent: str) -> tuple[str, dict[str, str], bytes]:
    """Send bytes on a connection of their own, and read until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", agency.port)
    writer.write(sent.encode("ascii"))
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    status, *lines = head.decode("latin-1").split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


async def test_it_keeps_to_http_on_its_connection(agency: Agency, doors):
    await ask(agency, "/en/latest.rss", {"Accept-Encoding": "identity"})
    end = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    told, headers, body = await talk(agency, f"GET /en/latest.rss {end}")
    assert told == "HTTP/1.1 200 OK"
    assert headers["Cache-Status"] == "wirefeed; hit; detail=memory"
    assert headers["Connection"] == "close"
    assert int(headers["Content-Length"]) == len(body)
    assert parsedate_to_datetime(headers["Date"]).tzinfo is not None
    told, of_head, body = await talk(agency, f"HEAD /en/latest.rss {end}")
    assert (told, body) == ("HTTP/1.1 200 OK", b"")
    assert of_head["Content-Length"] == headers["Content-Length"]
    held = end.replace("\r\n\r\n", f"\r\nIf-None-Match: {headers['Etag']}\r\n\r\n")
    told, unchanged, body = await talk(agency, f"GET /en/latest.rss {held}")
    assert (told, body) == ("HTTP/1.1 304 Not Modified", b"")
    # RFC 9110 §15.4.5: what would have been sent in a 200, but nothing of a body.
    assert "Content-Length" not in unchanged
    assert unchanged["Etag"] == headers["Etag"]


async def test_nobody_can_tell_by_the_order_of_headers_what_an_answer_came_from(
    agency: Agency, doors
):
    agency.clock.advance(20 * DAY)
    for base, credential in doors:
        sent = f"GET {base}/en/latest.rss HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        sent += "".join(f"{name}: {value}\r\n" for name, value in credential.items())
        orders = [list((await talk(agency, f"{sent}\r\n"))[1]) for _ in range(2)]
        assert orders[0] == orders[1]


async def test_requests_sent_ahead_are_answered_in_their_order(agency: Agency, doors):
    for form in FORMATS:
        await ask(agency, f"/en/latest.{form}", {"Accept-Encoding": "identity"})
    sent = "".join(f"GET /en/latest.{form} HTTP/1.1\r\nHost: x\r\n\r\n" for form in FORMATS)
    last = "GET /en/latest.rss HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    _, _, rest = await talk(agency, sent + last)
    kinds = re.findall(rb"\r\nContent-Type: ([a-z/+]+)", rest)
    assert kinds == [b"application/atom+xml", b"application/feed+json", b"application/rss+xml"]


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
def test_a_header_that_would_be_two_is_not_written(value):
    assert written({"X": "a"}) == b"X: a\r\n"
    with pytest.raises(ValueError, match="end of a line"):
        written({"X": value})
