"""S-54: whatever a callback does, a call ends within ten seconds and reads hardly anything."""

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from wirefeed.outbound.calls import Calls, Reason, Reply
from wirefeed.outbound.guard import Guard

pytestmark = pytest.mark.asyncio(loop_scope="module")

Behaviour = Callable[[asyncio.StreamReader, "Counting"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = 1024 * 1024
#: How much one may push into a call before it is cut off: what is read, and what kernels hold.
ROOM = MEGABYTE // 2


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[tuple[int, list[int]]]:
    """Serve on the loopback interface; gives the port, and what was written on each connection."""
    written: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Else this side's kernel would take megabytes that nobody reads.
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        writer.transport.set_write_buffer_limits(16 * 1024)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await behaviour(reader, Counting(writer, written))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], written


class Counting:
    """A writer that counts what it got rid of."""

    def __init__(self, writer: asyncio.StreamWriter, written: list[int]) -> None:
        self._writer = writer
        self._written = written
        self._place = len(written)
        written.append(0)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
        self._written[self._place] += len(data)

    def reset(self) -> None:
        """End the connection by a RST."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._writer.close()


async def stalls(reader: asyncio.StreamReader, _: Counting) -> None:
    await reader.read()


async def drips(_: asyncio.StreamReader, writer: Counting) -> None:
    for byte in OK + b"Content-Length: 5\r\n\r\nhello":
        await writer.send(bytes([byte]))
        await asyncio.sleep(1)


async def informs_for_ever(_: asyncio.StreamReader, writer: Counting) -> None:
    while True:
        await writer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await asyncio.sleep(0)


async def heads_for_ever(_: asyncio.StreamReader, writer: Counting) -> None:
    await writer.send(OK)
    while True:
        await writer.send(b"X-More: " + b"x" * 1_000 + b"\r\n")


async def cookies(_: asyncio.StreamReader, writer: Counting) -> None:
    await writer.send(OK)
    for number in range(100_000):
        await writer.send(b"Set-Cookie: c%d=1\r\n" % number)
    await writer.send(b"\r\n")


async def ten_gigabytes(_: asyncio.StreamReader, writer: Counting) -> None:
    await writer.send(OK + b"Content-Length: 10737418240\r\n\r\n")
    while True:
        await writer.send(b"x" * 65_536)


async def a_gzip_bomb(_: asyncio.StreamReader, writer: Counting) -> None:
    await writer.send(OK + b"Content-Encoding: gzip\r\nContent-Length: 10737418240\r\n\r\n")
    while True:
        await writer.send(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + bytes(65_536))


async def resets(reader: asyncio.StreamReader, writer: Counting) -> None:
    await reader.read(100)
    await writer.send(OK + b"Content-Length: 100\r\n\r\nhalf")
    writer.reset()


async def talks_nonsense(_: asyncio.StreamReader, writer: Counting) -> None:
    await writer.send(b"\0\1\2SSH-2.0-OpenSSH_9.2\r\n" * 3)


BEHAVIOURS: dict[str, tuple[Behaviour, set[Reason | None]]] = {
    "accepts and stalls": (stalls, {Reason.TIMEOUT}),
    "a byte a second": (drips, {Reason.TIMEOUT}),
    "1xx for ever": (informs_for_ever, {Reason.BROKEN}),
    "headers for ever": (heads_for_ever, {Reason.BROKEN}),
    "100,000 cookies": (cookies, {Reason.BROKEN}),
    "10 GB": (ten_gigabytes, {None}),
    "a gzip bomb": (a_gzip_bomb, {None}),
    "RST in the body": (resets, {None, Reason.BROKEN}),
    "no HTTP": (talks_nonsense, {Reason.BROKEN}),
}


async def timed(call: Awaitable[Reply]) -> tuple[Reply, float]:
    began = time.monotonic()
    return await call, time.monotonic() - began


@pytest.mark.parametrize(("behaviour", "reasons"), BEHAVIOURS.values(), ids=BEHAVIOURS)
async def test_s54_no_call_takes_long_or_reads_much(
    behaviour: Behaviour, reasons: set[Reason | None]
):
    calls = Calls(Guard(private_networks=True), user_agent="test")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = b"feed" * 25_000
    try:
        async with serving(behaviour) as (port, written):
            url = f"http://127.0.0.1:{port}/"
            told = await asyncio.gather(
                *(timed(calls.post(url, body, {})) for _ in range(8)),
                *(timed(calls.get(url, most=1_024)) for _ in range(8)),
            )
    finally:
        await calls.close()

    for reply, seconds in told:
        assert reply.reason in reasons
        assert len(reply.body) <= 1_024
        assert seconds < 11
    assert max(written) < ROOM
    # In kilobytes: what is read of sixteen calls at once is not kept.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_s54_tls_that_never_finishes_ends_with_the_call():
    calls = Calls(Guard(private_networks=True), user_agent="test")
    try:
        async with serving(stalls) as (port, _):
            reply, seconds = await timed(calls.get(f"https://127.0.0.1:{port}/", most=1))
    finally:
        await calls.close()

    assert reply.reason is Reason.TIMEOUT
    assert seconds < 11


async def test_s54_what_is_read_is_as_it_came():
    async def compressed(reader: asyncio.StreamReader, writer: Counting) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"accept-encoding: identity" in head.lower()
        assert b"cookie" not in head.lower()
        body = b"\x1f\x8b not gzip at all"
        await writer.send(
            OK + b"Content-Encoding: gzip\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n" + body
        )

    calls = Calls(Guard(private_networks=True), user_agent="test")
    try:
        async with serving(compressed) as (port, _):
            replies = [await calls.get(f"http://127.0.0.1:{port}/", most=1_024) for _ in range(2)]
    finally:
        await calls.close()

    assert [reply.body for reply in replies] == [b"\x1f\x8b not gzip at all"] * 2
