"""The bench measures what it says: copy of a real shape, loads that notice errors, fair turns."""

import asyncio
import json
import shutil
import socketserver
import ssl
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, pairwise
from pathlib import Path

import pytest

from tests.bench import load
from tests.bench.load import Ask, Line, Load
from tests.bench.rows import Row, in_turn, p99, table
from tests.bench.wire_copy import TOPICS, killed, stories
from tests.support.nginx import certificate
from wirefeed.domain.stories import PubStatus
from wirefeed.formats import ninjs


def test_copy_has_the_lengths_of_a_real_wire():
    lengths = sorted(len(json.loads(raw)["body_html"]) for raw in stories(8000))
    tenths = [lengths[int(len(lengths) * share)] for share in (0.5, 0.9, 0.99)]
    assert tenths == pytest.approx([3_900, 14_000, 64_000], rel=0.2)


def test_copy_comes_in_its_order_and_now_and_then_in_bursts():
    sent = [ninjs.parse(raw).version_created or 0 for raw in stories(2000)]
    gaps = [after - before for before, after in pairwise(sent)]
    assert min(gaps) > 0
    assert 0.05 < sum(gap == 1000 for gap in gaps) / len(gaps) < 0.15
    assert statistics.mean(gaps) == pytest.approx(36_000_000, rel=0.1)


def test_copy_is_the_same_for_the_same_seed_and_no_other():
    assert list(stories(20)) == list(stories(20))
    assert not set(stories(20)) & set(stories(20, seed=2))


def test_copy_stands_in_every_topic():
    assert {json.loads(raw)["keywords"][0] for raw in stories(1000)} == set(TOPICS)


def test_a_kill_is_of_the_story_it_names():
    (raw,) = stories(1)
    sent, kill = ninjs.parse(raw), ninjs.parse(killed(raw))
    assert (kill.guid, kill.status) == (sent.guid, PubStatus.CANCELED)
    assert (sent.version, kill.version) == (1, 2)


def test_works_are_done_in_turn_and_the_other_way_round():
    done: list[str] = []
    figures = iter([3.0, 30.0, 10.0, 1.0, 2.0, 20.0])

    def work(name: str) -> float:
        done.append(name)
        return next(figures)

    found = in_turn(3, {"a": lambda: work("a"), "b": lambda: work("b")})

    assert "".join(done) == "baabba"
    assert found == {"a": 20.0, "b": 2.0}


@pytest.mark.parametrize(
    ("figures", "value"),
    [([5.0], 5.0), ([3.0, 1.0, 2.0], 3.0), ([float(n) for n in range(1000)], 990.0)],
)
def test_one_in_a_hundred_is_above_the_99th(figures, value):
    assert p99(figures) == value


def test_a_table_says_figure_reference_and_ratio():
    rows = [
        Row(what="hot", figure=850.0, unit="/s", reference=1000.0, against="bare", goal="≥ 0.85"),
        Row(what="alone", figure=0.5, unit="ms"),
    ]
    _, first, second = table(rows).splitlines()
    assert first.split() == ["hot,", "/s", "850", "1,000", "0.85", "≥", "0.85", "bare"]
    assert second.split() == ["alone,", "ms", "0.50"]


@contextmanager
def answering(*answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Give the port of a server that gives these answers in turn, on each connection anew."""

    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for answer in cycle(answers):
                if not self.rfile.readline():
                    return
                while self.rfile.readline() != b"\r\n":
                    pass
                self.wfile.write(answer)

    class Server(socketserver.ThreadingTCPServer):
        #: All connections of a load at once: the end of one that finds no place may get lost.
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Answering) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"
HELD = b'HTTP/1.1 304 Not Modified\r\nETag: W/"a"\r\n\r\n'
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
ASK = Ask(path="/x", headers=(("Accept-Encoding", "gzip"),))


def test_a_line_reads_each_answer_to_its_end_and_no_further():
    with answering(OK, HELD, OK) as port, Line(port) as line:
        answers = [line.ask(ASK) for _ in range(3)]
    assert [(a.status, a.body) for a in answers] == [(200, b"hello"), (304, b""), (200, b"hello")]
    assert answers[0].headers["x-a"] == "b"
    assert all(a.milliseconds > 0 for a in answers)


def by_ourselves(
    port: int, asks: list[Ask], seconds: float, tls: ssl.SSLContext | None = None
) -> Load:
    return asyncio.run(load._by_ourselves(port, asks, seconds, tls))


LOADS = [
    by_ourselves,
    pytest.param(
        load._by_wrk,
        marks=pytest.mark.skipif(not shutil.which("wrk"), reason="there is no wrk on the PATH"),
    ),
]


@pytest.mark.parametrize("asks", [[ASK], [ASK, Ask(path="/y")]], ids=["one", "in turn"])
@pytest.mark.parametrize("by", LOADS)
def test_a_load_counts_what_is_answered(by, asks):
    with answering(OK, HELD) as port:
        given = by(port, asks, 0.2)
    assert given.answers > 10
    assert 0.1 < given.seconds < 5


@pytest.mark.parametrize("by", LOADS)
def test_a_load_counts_what_is_answered_over_tls(by, tmp_path: Path):
    certificate(tmp_path)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    theirs = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
    with answering(OK, tls=ours) as port:
        assert load.ask(port, ASK, theirs).body == b"hello"
        assert by(port, [ASK], 0.2, theirs).answers > 10


@pytest.mark.parametrize("by", LOADS)
def test_a_load_notices_an_error_among_many_answers(by):
    with answering(*[OK] * 9, BUSY) as port, pytest.raises(RuntimeError):
        by(port, [ASK], 0.2)


def test_a_load_begins_with_the_status_it_is_to_be_answered_with():
    with answering(OK) as port, pytest.raises(RuntimeError, match="200"):
        load.rate(port, [ASK], 304, 0.2)


def test_a_paced_load_asks_as_often_as_it_is_told():
    with answering(OK, HELD) as port:
        waited = load.paced(port, [ASK, Ask(path="/y")], 200, 0.5)
    assert len(waited) == 100
    assert all(each > 0 for each in waited)


def test_a_paced_load_notices_an_error():
    with answering(OK, BUSY) as port, pytest.raises(RuntimeError, match="503"):
        load.paced(port, [ASK], 200, 0.5)
