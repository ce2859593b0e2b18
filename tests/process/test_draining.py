"""How a server ends: what is open is answered, told of the end, and closed in time."""

import http.client
import signal

import pytest

from tests.process.test_serve import refused_while_draining
from tests.support.house import House, serving
from tests.support.process import PATIENCE


def test_one_process_ends_gracefully_at_sighup(house: House):
    with serving(house) as server:
        server.signal(signal.SIGHUP)
        assert server.ended() == 0


def test_while_draining_an_open_connection_is_answered_once_more_and_told_of_its_end(
    house: House,
):
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE)
    with serving(house, WIREFEED_SERVER__DRAIN="600") as server:
        assert ask(connection) == (200, None)
        server.signal(signal.SIGTERM)
        refused_while_draining(house)

        assert ask(connection) == (200, "close")
        assert server.ended() == 0


def ask(connection: http.client.HTTPConnection) -> tuple[int, str | None]:
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["Connection"]


@pytest.mark.parametrize(
    ("number", "drain"), [(signal.SIGTERM, "1"), (signal.SIGHUP, "1"), (signal.SIGINT, "600")]
)
def test_a_connection_nobody_uses_is_closed_before_the_drain_is_over_and_at_once_at_ctrl_c(
    house: House, number: signal.Signals, drain: str
):
    patient = {"WIREFEED_SERVER__DRAIN": drain, "WIREFEED_SERVER__HEAD_SECONDS": "600"}
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE)
    with serving(house, **patient) as server:
        assert ask(connection) == (200, None)
        server.signal(number)
        assert connection.sock.recv(1) == b"", "its end, and no reset"
        assert server.ended() == 0
    connection.close()
