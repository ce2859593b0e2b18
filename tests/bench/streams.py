"""Streams of the wire: how soon one story is on all that are open, and what each of them holds."""

import resource
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from tests.bench import machine
from tests.bench.datasets import LENGTH, Dataset, dataset
from tests.bench.load import Line
from tests.bench.machine import Server
from tests.bench.rows import Row, Sizes, median
from tests.bench.subscribers import PLANS
from tests.bench.wire_copy import killed, stories

_STREAMS = 5_000
#: Files that this process needs besides; the server has as many as this one may.
_SPARE = 200
_PATIENCE = 60
#: Opened at once: no more than the listener's queue takes.
_AT_ONCE = 100


def figures(sizes: Sizes) -> list[Row]:
    """Open streams, and publish stories to all of them."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(_STREAMS, allowed - _SPARE)
    with (
        dataset(stories=sizes.few, subscribers=sizes.few) as agency,
        machine.wirefeed(agency.folder) as server,
    ):
        messages = list(stories(sizes.rounds + 1, seed=31, name="streamed", length=LENGTH))
        _send(agency, server, messages[0])
        before = server.memory()
        with _streams(agency, server.port, count) as streams:
            held = (server.memory() - before) * 1000 / count
            took = [_publish(agency, server, message, streams) for message in messages[1:]]
            cpu = server.cpu()
            _publish(agency, server, killed(messages[1]), streams)
            cpu = server.cpu() - cpu
    return [
        Row(
            what=f"one story on {count:,} streams of {PLANS} plans, {LENGTH:,} bytes",
            figure=median(took),
            unit="s",
            goal="≤ 1 s for 5,000",
        ),
        Row(
            what="processor time for one kill on all of them",
            figure=cpu * 1e6 / count,
            unit="µs a stream",
        ),
        Row(what="memory of an open stream", figure=held, unit="kB", goal="≤ 25 kB"),
    ]


@contextmanager
def _streams(agency: Dataset, port: int, count: int) -> Iterator[Sequence[socket.socket]]:
    """Open streams, each by a token of its own as far as there are so many, and hear them begin."""
    opened: list[socket.socket] = []
    try:
        asks = [ask.raw() for ask in agency.streams()]
        for first in range(0, count, _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, count))
            few = [_open(asks[number % len(asks)], port) for number in some]
            opened += few
            _until(few, b"event: open")
        yield opened
    finally:
        for one in opened:
            one.close()


def _open(ask: bytes, port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port))
    line.sendall(ask)
    line.setblocking(False)
    return line


def _publish(
    agency: Dataset, server: Server, message: bytes, streams: Sequence[socket.socket]
) -> float:
    """Publish, and give the seconds until it is on every stream."""
    began = time.perf_counter()
    _send(agency, server, message)
    _until(streams, b"data: ")
    return time.perf_counter() - began


def _send(agency: Dataset, server: Server, message: bytes) -> None:
    # The server closes a connection that is idle for as long as streams take to open.
    with Line(server.port) as line:
        assert line.ask(agency.post(message)).status in {HTTPStatus.CREATED, HTTPStatus.OK}


def _until(streams: Sequence[socket.socket], mark: bytes) -> None:
    """Read every stream until it has said something, and then to the end of that."""
    end = time.monotonic() + _PATIENCE
    with selectors.DefaultSelector() as ready:
        said = dict.fromkeys(streams, b"")
        for one in streams:
            ready.register(one, selectors.EVENT_READ)
        while ready.get_map():
            if time.monotonic() > end:
                raise TimeoutError(f"{len(ready.get_map())} streams said nothing")
            for key, _ in ready.select(1):
                line = key.fileobj
                assert isinstance(line, socket.socket)
                said[line] += line.recv(65_536)
                if mark in said[line] and b"\n\n" in said[line].partition(mark)[2]:
                    ready.unregister(line)
