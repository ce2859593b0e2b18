"""The sockets a server listens on: all addresses of a name, given back when one is taken."""

import socket

import pytest

from tests.support.process import free_ports
from wirefeed.config import Server
from wirefeed.domain.errors import Unavailable
from wirefeed.web.listening import listen


def test_a_client_is_not_refused_from_then_on():
    port = free_ports(2)
    sockets = listen(Server(port=port))
    for number in (port, port + 1):
        socket.create_connection(("127.0.0.1", number)).close()

    sockets.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize("host", ["", "localhost"])
def test_a_name_may_stand_for_several_addresses(host: str):
    port = free_ports(2)
    sockets = listen(Server(host=host, port=port))
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    families = {family for family, *_ in found}

    assert {one.family for one in sockets.main} <= families
    assert socket.AF_INET in {one.family for one in sockets.main}
    socket.create_connection(("127.0.0.1", port)).close()
    sockets.close()


def test_when_one_cannot_be_had_the_others_are_given_back():
    port = free_ports(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + 1))
        other.listen()
        with pytest.raises(Unavailable, match=rf"^server\.ops_port: .*{port + 1}"):
            listen(Server(port=port, ops_port=port + 1))

    listen(Server(port=port)).close()
