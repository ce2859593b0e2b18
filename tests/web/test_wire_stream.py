"""The wire as a stream: as it comes, in order, resumed where it was, ended when it has to be."""

import asyncio
import base64
import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.agency import HOUR, Agency, running, settings_in
from tests.support.events import STREAM, Event, Listener, listening
from tests.support.partner import Partner, digest_of, partner, told
from wirefeed.domain.credentials import Presented, Scheme
from wirefeed.domain.cursors import Following
from wirefeed.domain.plans import Subscription
from wirefeed.domain.readers import Reader
from wirefeed.formats import wire_json
from wirefeed.services import wire_streams
from wirefeed.services.wire_lines import WireLines
from wirefeed.services.wire_streams import Stream, WireStreams


def changes(events: list[Event]) -> list[tuple[str, str, int]]:
    return [told(event.data) for event in events]


async def take(listener: Listener, count: int) -> list[Event]:
    found = [await listener.next() for _ in range(count)]
    return [event for event in found if event is not None]


async def test_changes_come_as_they_happen(agency: Agency):
    sport = await partner(agency, "sport")
    async with listening(agency, sport.token) as listener:
        await agency.publish("urn:a")
        await agency.publish("urn:m", topic="economy")
        await agency.publish("urn:a", version="2", headline="Another")
        events = await take(listener, 2)
    assert changes(events) == [("publish", "urn:a", 1), ("update", "urn:a", 2)]
    assert [event.name for event in events] == ["publish", "update"]
    assert all(event.id for event in events)
    assert events[0].data["bodies"]


async def test_a_stream_goes_on_from_the_last_event(agency: Agency):
    sport = await partner(agency, "sport")
    async with listening(agency, sport.token) as listener:
        await agency.publish("urn:a")
        await take(listener, 1)
        last = listener.last_id
    await agency.publish("urn:b")
    await agency.publish("urn:c")
    async with listening(agency, sport.token, last) as again:
        assert again.events[0].data["total"] == 1
        assert changes(await take(again, 2)) == [("publish", "urn:b", 1), ("publish", "urn:c", 1)]
        last = again.last_id
    # Pages take its ids, and it takes theirs.
    sport.cursor, sport.entries = last, [event.data for event in listener.events[1:]]
    sport.entries += [event.data for event in again.events[1:]]
    await agency.publish("urn:d")
    page = await sport.poll()
    assert [entry["uri"] for entry in page["items"]] == ["urn:d"]
    async with listening(agency, sport.token, after=sport.cursor) as third:
        await agency.publish("urn:e")
        assert changes(await take(third, 1)) == [("publish", "urn:e", 1)]


async def test_a_backlog_comes_in_order_and_its_kills_are_told_ahead(agency: Agency):
    sport = await partner(agency, "sport")
    for number in range(60):
        await agency.publish(f"urn:{number}")
    await agency.publish("urn:3", version="2", pubstatus="canceled", headline="Libel")
    async with listening(agency, sport.token, after="oldest") as listener:
        (ahead, *rest) = await listener.until("kill")
    assert (ahead.name, ahead.id) == (wire_streams.AHEAD, "")
    assert ahead.data == {"change": "kill", "uri": "urn:3", "version": "2"}
    assert [event.data["uri"] for event in rest] == [*(f"urn:{n}" for n in range(60)), "urn:3"]
    assert "bodies" not in rest[3].data
    # Whoever leaves what was told ahead out of its digest has that of a partner who polls.
    await sport.catch_up()
    assert digest_of([event.data for event in rest]) == sport.pages[-1]["digest"]
    assert rest[-1].id == sport.cursor


async def test_a_revoked_token_ends_its_stream_and_no_other(agency: Agency):
    sport = await partner(agency, "sport")
    other = await agency.token("gazette")
    async with (
        listening(agency, sport.token) as listener,
        listening(agency, other) as staying,
    ):
        tokens = await agency.services.tokens.all("gazette")
        mine = next(t for t in tokens if t.jti in _jti(sport.token["Authorization"]))
        await agency.services.tokens.revoke(mine.jti)
        await agency.publish("urn:a")
        (end,) = await listener.until("end")
        assert end.data["detail"] == "A valid credential is needed."
        assert await listener.next() is None
        assert changes(await take(staying, 1)) == [("publish", "urn:a", 1)]


def _jti(header: str) -> str:
    body = header.split(".")[1]
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()


async def test_the_end_of_a_subscription_ends_its_stream(agency: Agency):
    await agency.subscriber("gazette", "sport", ends=agency.clock.now + HOUR)
    async with listening(agency, await agency.token("gazette")) as listener:
        agency.clock.advance(HOUR)
        (end,) = await listener.until("end")
        assert end.data == {"detail": "the subscription is ended", "remedy": "renew it"}
        assert await listener.next() is None


async def test_other_rights_are_told_before_what_comes_by_them(agency: Agency):
    sport = await partner(agency, "sport")
    async with listening(agency, sport.token) as listener:
        held = await agency.services.accounts.subscriber("gazette")
        more = Subscription(plan="economy", starts=agency.clock.now)
        await agency.services.accounts.put_subscriber(
            replace(held, subscriptions=(*held.subscriptions, more))
        )
        await agency.publish("urn:m", topic="economy")
        events = await take(listener, 2)
    assert changes(events) == [("entitlement", "entitlement", 0), ("publish", "urn:m", 1)]
    assert all(event.id for event in events)


async def test_a_server_that_drains_ends_its_streams_and_long_polls(tmp_path: Path):
    async with running(settings_in(tmp_path)) as agency:
        sport = await partner(agency, "sport")
        await sport.catch_up()
        async with listening(agency, sport.token) as listener:
            waiting = asyncio.create_task(sport.poll(wait=60))
            await agency.publish("urn:a")
            await take(listener, 1)
            await waiting
            again = asyncio.create_task(sport.poll(wait=60))
            while not agency.services.wire.log.waiting:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            agency.services.wire.log.close()
            assert await listener.next() is None
            async with asyncio.timeout(5):
                assert (await again)["items"] == []


async def test_who_takes_nothing_holds_up_nobody_and_goes_on_where_it_was(agency: Agency):
    sport = await partner(agency, "sport")
    text = "<p>" + "word " * 20_000 + "</p>"
    reader, writer = await asyncio.open_connection("127.0.0.1", agency.port, limit=1024)
    head = f"GET {STREAM} HTTP/1.1\r\nHost: a\r\nAuthorization: {sport.token['Authorization']}\r\n"
    writer.write(head.encode() + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    async with listening(agency, sport.token) as listener:
        for number in range(60):
            await agency.publish(f"urn:{number}", body_html=text)
        events = await take(listener, 60)
        assert [event.data["uri"] for event in events] == [f"urn:{n}" for n in range(60)]
    # Now it reads what it was sent: whole events, from the first on, none left out.
    raw = b""
    async with asyncio.timeout(20):
        while raw.count(b"event: publish") < 60:
            raw += await reader.read(65_536)
    writer.close()
    ids = [part.split(b"\n")[0] for part in raw.split(b"id: ")[2:]]
    assert len(set(ids)) == len(ids) == 60


async def test_a_sign_of_life_has_the_digest_so_far(agency: Agency):
    agency.services.streams.heartbeat = 0.3
    sport = await partner(agency, "sport")
    async with listening(agency, sport.token) as listener:
        await agency.publish("urn:a")
        events = await listener.until("digest")
        assert events[-1].data == {
            "total": 1,
            "digest": hashlib.sha256(bytes(32) + b"\npublish 1 urn:a").hexdigest(),
        }
        assert events[-1].id == ""
        await listener.comment()
        await agency.publish("urn:b")
        assert changes(await take(listener, 1)) == [("publish", "urn:b", 1)]


async def test_filters_hold_for_a_stream_too(agency: Agency):
    mixed = await partner(agency, "sport", "economy")
    async with listening(agency, mixed.token, topics="economy") as listener:
        await agency.publish("urn:a")
        await agency.publish("urn:m", topic="economy")
        assert changes(await take(listener, 1)) == [("publish", "urn:m", 1)]
    async with agency.http.get(
        STREAM, headers={**mixed.token, "Last-Event-ID": listener.last_id}
    ) as refused:
        assert refused.status == 400


async def test_whoever_may_not_is_refused_before_anything_is_sent(agency: Agency):
    sport = Partner(agency, {})
    async with agency.http.get(STREAM, headers=sport.token) as answer:
        assert answer.status == 401
    async with agency.http.head(STREAM, headers=(await partner(agency, "sport")).token) as answer:
        assert answer.status == 200


@dataclass(slots=True)
class Stuck:
    """A line whose client takes nothing."""

    is_open: bool = True
    waiting: int = 0
    written: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.waiting += 65_537

    def abort(self) -> None:
        self.is_open = False


async def test_who_takes_nothing_for_ten_seconds_is_dropped_with_its_place(agency: Agency):
    sport = await partner(agency, "sport")
    services = agency.services
    seconds = itertools.count()
    streams = WireStreams(
        services.wire,
        services.follower,
        WireLines(0),
        clock=agency.clock,
        monotonic=lambda: next(seconds),
    )
    reader = await services.readers.as_subscriber("gazette")
    place = await services.wire.begin(reader, Following(), since=0)
    line = Stuck()

    async def again() -> Reader:
        return reader

    stream = Stream(reader=reader, following=Following(), place=place, line=line, again=again)
    await agency.publish("urn:a")
    failed: list[Exception] = []
    running_streams = asyncio.create_task(streams.run(failed.append))
    try:
        following = asyncio.create_task(streams.follow(stream))
        await agency.publish("urn:b")
        async with asyncio.timeout(10):
            await following
    finally:
        running_streams.cancel()
    assert not failed
    assert not line.is_open
    # It has the first, and nothing was written on top of that.
    assert [b"urn:a" in data for data in line.written] == [True]
    sport.cursor = line.written[0].split(b"\n")[0].removeprefix(b"id: ").decode()
    answer = await agency.json("/api/v1/wire?after=" + sport.cursor, **sport.token)
    assert [entry["uri"] for entry in answer["items"]] == ["urn:b"]
    assert len(streams) == 0


# --- rights that change while others are sent something -------------------------------------------

LookedAt = Callable[[], Awaitable[Reader]]
Again = Callable[[LookedAt], Awaitable[Reader]]


@dataclass(slots=True)
class Taken:
    """A line whose client takes everything."""

    #: Called before something is written.
    first: Callable[[bytes], None] = lambda _: None
    is_open: bool = True
    waiting: int = 0
    written: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.first(data)
        self.written.append(data)

    def abort(self) -> None:
        self.is_open = False

    def has(self, text: str) -> bool:
        return any(text.encode() in data for data in self.written)


@dataclass(slots=True)
class Sender:
    """Streams whose lines and look-ups are a test's own."""

    agency: Agency
    streams: WireStreams
    failed: list[Exception] = field(default_factory=list)
    following: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(
        self, name: str, line: Taken, again: Again | None = None, *topics: str
    ) -> Stream:
        """Open the stream of a subscriber."""
        services = self.agency.services
        token = (await self.agency.token(name))["Authorization"].removeprefix("Bearer ")
        presented = Presented(scheme=Scheme.BEARER, secret=token)

        async def looked_at() -> Reader:
            return await services.readers.of_wire(presented, "192.0.2.1")

        reader, following = await looked_at(), Following(topics=frozenset(topics))
        place = await services.wire.begin(reader, following, since=None)
        stream = Stream(reader=reader, following=following, place=place, line=line, again=looked_at)
        before = len(self.streams)
        self.following.append(asyncio.create_task(self.streams.follow(stream)))
        await eventually(lambda: len(self.streams) > before)
        if again is not None:
            stream.again = lambda: again(looked_at)
        return stream


async def test_signs_of_life_come_while_a_backlog_is_sent(agency: Agency):
    await partner(agency, "sport")
    for number in range(45):
        await agency.publish(f"urn:{number}")
    services = agency.services
    streams = WireStreams(
        services.wire, services.follower, WireLines(0), clock=agency.clock, heartbeat=0
    )
    reader = await services.readers.as_subscriber("gazette")
    place = await services.wire.begin(reader, Following(), since=0)
    line = Taken()

    async def again() -> Reader:
        return reader

    stream = Stream(reader=reader, following=Following(), place=place, line=line, again=again)
    following = asyncio.create_task(streams.follow(stream))
    # Nobody takes turns here: all that is written is of the backlog.
    await eventually(lambda: len(streams) == 1)
    kinds = ["sign" if b"id: " not in data else "changes" for data in line.written]
    assert kinds == ["sign", "changes"] * 3
    assert line.written[0] == wire_json.HEARTBEAT
    assert b'"total":40' in line.written[-2]
    stream.end()
    await following


@asynccontextmanager
async def sending(agency: Agency) -> AsyncIterator[Sender]:
    services = agency.services
    sender = Sender(
        agency, WireStreams(services.wire, services.follower, WireLines(0), clock=agency.clock)
    )
    turning = asyncio.create_task(sender.streams.run(sender.failed.append))
    try:
        yield sender
    finally:
        for task in (turning, *sender.following):
            task.cancel()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        # Nobody tells what is written to a line.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_comes_after_a_suspension_is_not_sent_by_a_turn_that_began_before(
    agency: Agency,
):
    await agency.subscriber("gazette", "sport")
    await agency.subscriber("herald", "sport")
    is_suspended = False

    async def meanwhile(looked_at: LookedAt) -> Reader:
        nonlocal is_suspended
        if not is_suspended:
            is_suspended = True
            await agency.services.accounts.suspend("gazette")
            await agency.publish("urn:after")
        return await looked_at()

    async with sending(agency) as sender:
        suspended, other = Taken(), Taken()
        await sender.open("gazette", suspended)
        await sender.open("herald", other, meanwhile)
        # It concerns the herald alone, so that the other is not looked at in this turn.
        held = await agency.services.accounts.subscriber("herald")
        more = Subscription(plan="late", starts=agency.clock.now)
        await agency.services.accounts.put_subscriber(
            replace(held, subscriptions=(*held.subscriptions, more))
        )
        await eventually(lambda: other.has("urn:after") and suspended.has("event: end"))
    assert not suspended.has("urn:after")
    assert not sender.failed


async def test_who_is_sent_something_later_in_a_turn_is_sent_it_by_the_rights_of_then(
    agency: Agency,
):
    ends = agency.clock.now + HOUR
    lines = []

    def overtake(data: bytes) -> None:
        if b"urn:a" in data:
            agency.clock.now = max(agency.clock.now, ends)

    async with sending(agency) as sender:
        for name, topic in (("gazette", "sport"), ("herald", "")):
            await agency.subscriber(name, "sport", ends=ends)
            lines.append(Taken(first=overtake))
            await sender.open(name, lines[-1], None, *filter(None, [topic]))
        await agency.publish("urn:a")
        await eventually(lambda: all(line.has("event: end") for line in lines))
    assert sum(line.has("urn:a") for line in lines) == 1


async def test_a_look_up_that_fails_leaves_nobody_else_the_rights_of_before(agency: Agency):
    await agency.subscriber("gazette", "sport")

    async def broken(_: LookedAt) -> Reader:
        raise RuntimeError("broken")

    async with sending(agency) as sender:
        failing = await sender.open("gazette", Taken(), broken)
        lines = [Taken() for _ in range(8)]
        for line in lines:
            await sender.open("gazette", line)
        await agency.services.accounts.suspend("gazette")
        await eventually(lambda: all(line.has("event: end") for line in lines))
        assert failing.ended.is_set()
    assert [str(error) for error in sender.failed] == ["broken"]


async def test_what_cannot_be_sent_to_some_holds_up_nobody_behind_them(agency: Agency):
    await agency.subscriber("gazette", "sport")

    def broken(_: bytes) -> None:
        raise RuntimeError("broken")

    async with sending(agency) as sender:
        await sender.open("gazette", Taken(first=broken))
        lines = [Taken() for _ in range(5)]
        topics = ("sport", "economy", "markets", "politics", "desk-only")
        for line, other in zip(lines, topics, strict=True):
            await sender.open("gazette", line, None, "sport", other)
        await agency.publish("urn:a")
        await eventually(lambda: all(line.has("urn:a") for line in lines))
    assert sender.failed
