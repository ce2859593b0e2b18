"""The floor under every request: deadlines, one name on every answer, and what a bug gives away.

R12 and R13 of the threat model, and the parts of S-41 and S-67 that rest on them.
"""

import asyncio
import re
import time
from pathlib import Path

import pytest
from aiohttp import web

import wirefeed
from tests.security import raw
from tests.security.oracle import Log
from tests.support.agency import PUBLIC_URL, Agency, running, settings_in
from wirefeed.config import Server
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.errors import Unavailable

#: Far above a deadline of a second, far below the seconds that no deadline would mean.
_LONG = 8
IMPATIENT = Server(public_url=PUBLIC_URL, head_seconds=1, body_seconds=1)
SECRET = make_secret(SecretKind.FEED, b"\x03" * 32)


async def crash(_: web.Request) -> web.StreamResponse:
    raise RuntimeError(f"cannot answer {SECRET} of the reader")


async def away(_: web.Request) -> web.StreamResponse:
    raise Unavailable("/srv/secret-place is full", field="keys.master", remedy="look there")


@pytest.fixture(autouse=True)
def nothing_is_given_away_in_the_log():
    """Here bugs are met on purpose; the tests look at the log themselves."""


async def until_closed(port: int, *parts: bytes) -> tuple[bytes, float]:
    """Send part after part, and give what came until the server closed, and how long it took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(_LONG):
            return await reader.read(-1), time.monotonic() - began
    except ConnectionError:
        return b"", time.monotonic() - began
    finally:
        writer.close()


HALF_HEADS = (
    b"",
    b"G",
    b"GET /en/ HTTP/1.1\r\nHost: news",
    b"GET /en/ HTTP/1.1\r\nHost: news.example\r\nX: y\r\n",
)
#: The second request of a connection begins and does not end.
ANSWERED = b"GET /healthz HTTP/1.1\r\nHost: news.example\r\n\r\n"
HALF_BODIES = (
    b"Content-Length: 1000\r\n\r\n{",
    b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
)


async def test_a_connection_that_does_not_finish_its_head_is_closed(tmp_path: Path, log: Log):
    async with running(settings_in(tmp_path, server=IMPATIENT)) as agency:
        sent = [*((half,) for half in HALF_HEADS), (ANSWERED,), (ANSWERED, b"GET /healthz HT")]
        ends = await asyncio.gather(*(until_closed(agency.port, *parts) for parts in sent))
        for parts, (answer, took) in zip(sent, ends, strict=True):
            assert answer.count(b"HTTP/1.1 200 ") == (ANSWERED in parts), parts
            assert took < _LONG


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path, log: Log):
    async with running(settings_in(tmp_path, server=IMPATIENT)) as agency:
        await agency.publish("urn:test:first")
        bare = "POST /api/v1/stories HTTP/1.1\r\nHost: news.example\r\n"
        known = f"Authorization: Bearer {agency.newsroom}\r\nContent-Type: application/json\r\n"
        sent = [
            (head.encode() + framing, status)
            for framing in HALF_BODIES
            # Without a credential it is not waited for at all.
            for head, status in ((bare + known, b"408"), (bare, b"401"))
        ]
        ends = await asyncio.gather(*(until_closed(agency.port, half) for half, _ in sent))
        for (half, status), (answer, took) in zip(sent, ends, strict=True):
            assert answer.startswith(b"HTTP/1.1 " + status), half
            assert took < _LONG


async def served(agency: Agency, request: bytes) -> raw.Answer:
    (answer,) = await raw.send(agency.port, request)
    return answer.check()


async def test_a_bug_is_told_to_the_log_and_its_number_to_the_client(tmp_path: Path, log: Log):
    async with running(settings_in(tmp_path), routes=[web.get("/crash", crash)]) as agency:
        for path in ("/crash", f"/crash?key={SECRET}"):
            answer = await served(agency, raw.get(path, f"Referer: https://x/{SECRET}"))
            assert answer.status == 500
            problem = answer.problem()
            assert set(problem) == {"type", "title", "status", "request_id"}
            bugs = [event for event in log.events() if event["event"] == "bug"]
            assert bugs[-1]["request_id"] == problem["request_id"]
            assert "RuntimeError: cannot answer [redacted]" in bugs[-1]["exception"]
        page = await served(agency, raw.get("/crash", "Sec-Fetch-Dest: document"))
        assert page.status == 500
        assert SECRET[8:] not in log.text()
        assert (await served(agency, raw.get("/healthz"))).status == 200


async def test_what_is_out_of_reach_is_for_the_log_alone(tmp_path: Path, log: Log):
    async with running(settings_in(tmp_path), routes=[web.get("/away", away)]) as agency:
        answer = await served(agency, raw.get("/away"))
        assert answer.status == 503
        assert answer.header("retry-after")
        assert b"secret-place" not in answer.body
        assert b"keys.master" not in answer.body
        assert "secret-place" in log.text()


async def test_one_name_on_every_answer(tmp_path: Path, log: Log):
    """`Server` and its like, also where aiohttp answers by itself (`Answer.check`)."""
    async with running(settings_in(tmp_path), routes=[web.get("/crash", crash)]) as agency:
        requests = {
            200: raw.get("/en/latest.rss"),
            304: raw.get("/en/latest.rss", "If-Modified-Since: Mon, 01 Jan 2035 00:00:00 GMT"),
            400: b"nonsense\r\n\r\n",
            401: raw.get("/subscriber/en/latest.rss"),
            404: raw.get("/nowhere"),
            405: raw.get("/en/", method="PUT"),
            417: raw.get("/en/", "Expect: x"),
            500: raw.get("/crash"),
            505: raw.get("/en/", version="0.9"),
        }
        await agency.publish("urn:test:one")
        agency.clock.advance(10_000_000)
        for status, request in requests.items():
            answer = await served(agency, request)
            assert answer.status == status, answer
            assert answer.header("server") == "wirefeed"
            assert answer.header("x-content-type-options") == "nosniff"
            assert answer.header("referrer-policy") == "no-referrer"
            assert "surrogate-control" not in dict(answer.headers)


async def test_no_check_is_left_out_by_an_optimising_python():
    sources = list(Path(wirefeed.__file__).parent.rglob("*.py"))
    assert len(sources) > 30
    for source in sources:
        found = re.findall(r"(?m)^\s*(?:assert\b.*|if __debug__.*)$", source.read_text("utf-8"))
        assert found == [], source
