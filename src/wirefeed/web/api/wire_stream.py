"""The wire as a stream of events, for who stays connected. No rules here."""

import asyncio
from contextlib import suppress
from functools import partial

from aiohttp import HttpVersion11, hdrs, web

from wirefeed.domain.cursors import Following, Place
from wirefeed.domain.errors import Unavailable
from wirefeed.domain.ways import STREAM
from wirefeed.formats import wire_json
from wirefeed.services.wire_streams import Stream
from wirefeed.web.api.operation import Call, Caller, Operation, Result
from wirefeed.web.api.wire import again, following_of, holder_of, place_of
from wirefeed.web.api.wire_shapes import CURSOR, EVENTS, GONE, Listened
from wirefeed.web.request import STREAMS, WIRE

_LAST = "Last-Event-ID"
_HEADERS = {
    hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
    # Nothing in between is to collect events, or to compress them.
    hdrs.CACHE_CONTROL: "private, no-store, no-transform",
    "X-Accel-Buffering": "no",
    hdrs.VARY: hdrs.AUTHORIZATION,
}
#: Seconds in which the end of a stream is taken, or not.
_LAST_WORDS = 1.0


class _Line:
    """The connection of a stream. Whatever is written waits in it until the client takes it.

    aiohttp's own response would wait for the client, and with it everybody else.
    """

    __slots__ = ("_chunked", "_transport")

    def __init__(self, request: web.Request) -> None:
        self._transport = request.transport
        self._chunked = request.version >= HttpVersion11

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def waiting(self) -> int:
        if self._transport is None or self._transport.is_closing():
            return 0
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._chunked:
            # RFC 9112 §7.1: as the head of the response has said.
            self._transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
        else:
            self._transport.write(data)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


@Operation(
    method="GET",
    path="/api/v1/wire/stream",
    access=Caller.WIRE,
    tag="Wire",
    query=Listened,
    gives=EVENTS,
    problems=GONE,
    answer=f"id: {CURSOR}\nevent: open\ndata: {{…}}\n\nid: {CURSOR}\nevent: publish\ndata: {{…}}\n",
)
async def stream_wire(call: Call[None, Listened]) -> Result:
    """Send changes as they come, as server-sent events.

    The event is the kind of change, its data the entry that a page would have, its id the cursor
    behind it. Who connects again sends that as Last-Event-ID, as browsers do, or as after, and
    misses nothing; pages take it, too, and the stream takes theirs. Without either it begins now.
    The first event, open, has the cursor to begin with, the total and the digest.

    Every 15 seconds without a change there is a sign of life: a line with a colon, or, if
    anything came since the last one, an event digest with the total and the digest of all so far.
    Neither has an id. With a backlog to be sent, kills among it come first, as kill-ahead without
    an id; each comes again in its place, and is counted and digested there.

    Who takes nothing for 10 seconds is disconnected, and goes on where it was. When a token is
    revoked or a subscription ends, an event end says why, and the stream closes. Of streams and
    requests that wait, one subscriber may have so many open: another is answered with 429.
    """
    if call.app[WIRE].log.closing:
        raise Unavailable("this process ends, and another is there or comes")
    following = following_of(call, call.query)
    after = call.request.headers.get(_LAST, "") or call.query.after
    place = await place_of(call, after, following, way=STREAM)
    with call.app[STREAMS].lines.one(holder_of(call.reader)):
        return await _stream(call, following, place)


async def _stream(call: Call[None, Listened], following: Following, place: Place) -> Result:
    request, reader = call.request, call.reader
    response = web.StreamResponse(headers=_HEADERS)
    response.force_close()
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return Result(value=response)
    line = _Line(request)
    tally = wire_json.tally(place.count, place.digest)
    line.write(wire_json.frame("open", tally, call.app[WIRE].seal(place, reader)))
    stream = Stream(
        reader=reader,
        following=following,
        place=place,
        line=line,
        again=partial(again, call),
        tallied=place.count,
    )
    await call.app[STREAMS].follow(stream)
    await _end(response)
    return Result(value=response)


async def _end(response: web.StreamResponse) -> None:
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(_LAST_WORDS):
            await response.write_eof()


ENDPOINTS = [stream_wire]
