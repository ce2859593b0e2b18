"""What is sent by a right leaves if that holds when the connection stands, else not a byte."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.callbacks import Subscriber, subscriber
from wirefeed.domain.errors import Unavailable
from wirefeed.outbound.calls import Calls, Reason
from wirefeed.outbound.guard import Guard


class Known:
    """A right that ends with somebody's first byte, or has ended, or cannot be known."""

    def __init__(self, *, holds: bool = True, is_known: bool = True) -> None:
        self._holds = holds
        self._is_known = is_known

    async def holds(self) -> bool:
        if not self._is_known:
            raise Unavailable("the database is out of reach")
        return self._holds

    def watch(self, cut: Callable[[], None]) -> None:
        self.cut = cut


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    calls = Calls(Guard(private_networks=True), user_agent="test")
    yield calls
    await calls.close()


@pytest.fixture
async def callback() -> AsyncIterator[Subscriber]:
    async with subscriber() as one:
        yield one


async def test_it_is_sent_as_it_is_while_that_holds(calls: Calls, callback: Subscriber):
    body = "ş€".encode() * 50_000
    right = Known()

    reply = await calls.post(callback.url, body, {"Content-Type": "text/plain"}, right)

    assert (reply.status, reply.reason) == (200, None)
    (seen,) = callback.delivered
    assert seen.body == body
    assert seen.headers["Content-Length"] == str(len(body))
    assert seen.headers["Content-Type"] == "text/plain"
    assert "Transfer-Encoding" not in seen.headers
    # Whatever ends later has nothing to keep back.
    right.cut()


@pytest.fixture
async def written() -> AsyncIterator[tuple[str, asyncio.Queue[bytes]]]:
    """A server that takes whatever comes; its address, and what came on each connection."""
    came = asyncio.Queue[bytes]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", came


async def test_not_a_byte_leaves_when_it_has_ended(
    calls: Calls, written: tuple[str, asyncio.Queue[bytes]]
):
    url, came = written
    reply = await calls.post(url, b"text", {}, Known(holds=False))
    assert (reply.status, reply.reason) == (0, Reason.OVERTAKEN)
    assert await came.get() == b""


async def test_nor_when_nobody_can_say(calls: Calls, written: tuple[str, asyncio.Queue[bytes]]):
    url, came = written
    with pytest.raises(Unavailable):
        await calls.post(url, b"text", {}, Known(is_known=False))
    assert await came.get() == b""
