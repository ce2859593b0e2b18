"""S-66: requests framed so that two readers would read them apart. Raw, over a socket."""

import pytest

from tests.security import raw
from tests.security.feeding import EVIL, JSON
from tests.security.guarded import READING, WRITING, Gate

pytestmark = pytest.mark.asyncio(loop_scope="module")

_HEAD = b"POST /api/v1/stories HTTP/1.1\r\nHost: news.example\r\n"
_NEXT = b"GET /smuggled HTTP/1.1\r\nHost: news.example\r\nConnection: close\r\n\r\n"
_CHUNKS = b"0\r\n\r\n"


async def test_s66_a_request_that_is_framed_well_is_followed_by_the_next(gate: Gate):
    """So that what is refused below is refused for its framing."""
    for framed in (
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ):
        answers = await raw.send(gate.agency.port, _HEAD + framed + _NEXT)
        assert [a.check().status for a in answers] == [401, 404], answers


@pytest.mark.parametrize(
    "request_bytes",
    [
        _HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKS,
        _HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + _CHUNKS,
        _HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + _CHUNKS,
        _HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + _CHUNKS,
        _HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + _CHUNKS,
        _HEAD + b"Transfer-Encoding: identity, chunked, chunked\r\n\r\n" + _CHUNKS,
        _HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + _CHUNKS,
        _HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + _CHUNKS,
        _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        _HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
        _HEAD + b"Content-Length: +5\r\n\r\nhello",
        _HEAD + b"Content-Length: -5\r\n\r\nhello",
        _HEAD + b"Content-Length: 0x5\r\n\r\nhello",
        _HEAD + b"Content-Length: 0_2e\r\n\r\nhello",
        _HEAD + b"Content-Length: 5 5\r\n\r\nhello",
        _HEAD + b"Content-Length: \xd9\xa5\r\n\r\nhello",
        _HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
        _HEAD + b"Content-Length:\r\n\r\nhello",
        _HEAD + b"Content Length: 5\r\n\r\nhello",
        _HEAD + b"X: y\r\n Content-Length: 5\r\n\r\nhello",
        _HEAD + b"X: y\rContent-Length: 5\r\n\r\nhello",
        _HEAD + b"X: y\x00\r\n\r\n",
        _HEAD + b": y\r\n\r\n",
        _HEAD + b"X\r\n\r\n",
        b"GET /en/ HTTP/1.1 \r\nHost: a\r\n\r\n",
        b"GET /en/ HTTP/1.1\rHost: a\r\n\r\n",
        b"GET /en/ http/1.1\r\nHost: a\r\n\r\n",
        b"GET /en/ HTTP/11\r\nHost: a\r\n\r\n",
        b"GET /en/ HTTP/1.1.1\r\nHost: a\r\n\r\n",
        b"GET /en/ HTTPS/1.1\r\nHost: a\r\n\r\n",
        b"GET /en/ x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_s66_an_ambiguous_request_is_refused_and_the_connection_closed(
    gate: Gate, request_bytes: bytes
):
    """What follows it on the connection is not read as another request."""
    answers = await raw.send(gate.agency.port, request_bytes + _NEXT)
    assert [a.check().status for a in answers] == [400], answers


@pytest.mark.parametrize(
    "chunks",
    [
        b"5;ext\nx\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"0_5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
    ],
)
async def test_s66_a_chunk_that_two_readers_read_apart_begins_no_second_request(
    gate: Gate, chunks: bytes
):
    bearer = f"Authorization: Bearer {gate.writing.token}\r\n{JSON}\r\n".encode()
    head = _HEAD + bearer + b"Transfer-Encoding: chunked\r\n\r\n"
    answers = await raw.send(gate.agency.port, head + chunks + _NEXT)
    assert {a.check().status for a in answers} <= {400}, answers


@pytest.mark.parametrize(
    ("version", "status"),
    # What is no version at all is a malformed request to the parser.
    [("0.9", 505), ("2.0", 505), ("1.2", 400), ("3.0", 400), ("9.9", 400), ("0.0", 400)],
)
async def test_s66_versions_of_http_that_it_does_not_speak(gate: Gate, version: str, status: int):
    """And what follows on the connection is not read."""
    for path in ("/en/latest.rss", "/nowhere", READING):
        alone = raw.get(path, version=version)
        kept = alone.replace(b"Connection: close", b"Connection: keep-alive") + _NEXT
        for request in (alone, kept):
            answers = await raw.send(gate.agency.port, request)
            assert [a.check().status for a in answers] == [status], answers


async def test_s66_upgrades_and_tunnels_are_not_taken(gate: Gate):
    for lines in (
        ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
        ["Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
    ):
        request = raw.get("/en/latest.rss", *lines).replace(b": close", b": Upgrade, close")
        answers = await raw.send(gate.agency.port, request)
        assert [a.check().status for a in answers] in ([200], [400])
    for target in (f"{EVIL}:443", "/en/latest.rss"):
        answers = await raw.send(gate.agency.port, raw.get(target, method="CONNECT"))
        assert {a.check().status for a in answers} <= {400, 404, 405}


async def test_s66_trailers_add_nothing(gate: Gate):
    bearer = f"Authorization: Bearer {gate.writing.token}"
    head = raw.get(WRITING, JSON, "Transfer-Encoding: chunked", method="POST")
    body = b"2\r\n{}\r\n0\r\n" + bearer.encode() + b"\r\n\r\n"
    answers = await raw.send(gate.agency.port, head + body)
    assert [a.check().status for a in answers] in ([401], [400])
