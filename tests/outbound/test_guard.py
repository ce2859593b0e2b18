"""Which addresses may be dialled."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.outbound.guard import Guard, is_of_lan, is_own, is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ip_address(address))
    assert Guard().allows(address, 443)


@given(st.ip_addresses())
def test_no_address_is_both_public_and_of_a_local_network(address):
    assert not (is_public(address) and is_of_lan(address))


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_written(address):
    mapped = ip_address(f"::ffff:{address}")

    assert is_public(mapped) == is_public(address)
    assert is_of_lan(mapped) == is_of_lan(address)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_reached_by_a_translation(address):
    number = int(address)
    for prefix, shift in ((0x0064FF9B << 96, 0), (0x2002 << 112, 80), (0, 0)):
        assert not is_public(ip_address((prefix | number << shift).to_bytes(16, "big")))


def this_machines() -> str:
    """Give an address of this machine beside its loopback, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(probe.getsockname()[0])


def test_this_machines_addresses_are_its_own_and_no_others():
    own = this_machines()

    assert is_own(ip_address(own))
    assert is_own(ip_address(f"::ffff:{own}"))
    for one in ("127.0.0.1", "127.9.9.9", "::1", "::"):
        assert is_own(ip_address(one))
    assert not is_own(ip_address("8.8.8.8"))


def test_what_listens_here_is_not_called_where_local_networks_are_open():
    own = this_machines()
    guard = Guard(private_networks=True, own_ports=(8080,))

    assert not guard.allows(own, 8080)
    assert not guard.allows("127.0.0.1", 8080)
    assert guard.allows("127.0.0.1", 9000)
