"""Addresses and networks: one spelling each, and which holds which."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.networks import (
    UNKNOWN,
    contains,
    network,
    parse_address,
    parse_network,
    within,
)

addresses = st.ip_addresses().map(str)
networks = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 128)),
).map(lambda pair: str(ipaddress.ip_network(pair, strict=False)))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:0db8::0001", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%2", "fe80::1"),
        ("::", UNKNOWN),
        ("", None),
        (" ", None),
        ("203.0.113", None),
        ("203.0.113.7 ", None),
        ("203.0.113.07", None),
        ("203.0.113.256", None),
        ("203.0.113.7:8080", None),
        ("[2001:db8::1]", None),
        ("[2001:db8::1]:443", None),
        ("203.0.113.7/32", None),
        ("2001:db8:::1", None),
        ("0x7f000001", None),
        ("3405803783", None),
        ("٢٠٣.0.113.7", None),
        ("localhost", None),
        ("unknown", None),
        ("_hidden", None),
        ("203.0.113.7\n", None),
        ("203.0.113.7\x00", None),
        ("1" * 5_000, None),
        (":" * 5_000, None),
    ],
)
def test_an_address_has_one_spelling_and_nothing_else_is_one(text: str, address: str | None):
    assert parse_address(text) == address


@given(st.text())
def test_reading_an_address_never_fails(text: str):
    address = parse_address(text)
    assert address is None or parse_address(address) == address


@given(addresses)
def test_an_address_read_again_is_the_same(text: str):
    address = parse_address(text)
    assert address is not None
    assert parse_address(address) == address


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_mapped_into_ipv6_is_that_address(address: ipaddress.IPv4Address):
    assert parse_address(f"::ffff:{address}") == str(address)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8:0::7", "2001:db8::7/128"),
        ("::/0", "::/0"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
    ],
)
def test_a_network_has_one_spelling(text: str, canonical: str):
    assert parse_network(text) == canonical


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "192.0.2.0/24"),
        ("office", "192.0.2.0/24"),
        ("192.0.2.0/33", "192.0.2.0/24"),
        ("192.0.2.0/-1", "192.0.2.0/24"),
        ("192.0.2.0/24/24", "192.0.2.0/24"),
        ("192.0.2.0 /24", "192.0.2.0/24"),
        ("192.0.2.0/٢٤", "192.0.2.0/24"),
        ("192.0.2.*", "192.0.2.0/24"),
        ("10.1.2.3/8", "write 10.0.0.0/8"),
        ("2001:db8::1/32", "write 2001:db8::/32"),
        ("fe80::1%eth0", "write fe80::1/128"),
    ],
)
def test_what_is_no_network_is_refused_by_field_with_a_remedy(text: str, remedy: str):
    with pytest.raises(Unacceptable) as refused:
        parse_network(text, "server.trusted_proxies")
    assert refused.value.field == "server.trusted_proxies"
    assert remedy in refused.value.remedy


@given(networks)
def test_a_network_read_again_is_the_same(text: str):
    assert parse_network(parse_network(text)) == parse_network(text)


@pytest.mark.parametrize(
    ("address", "shared"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        (UNKNOWN, "::/64"),
    ],
)
def test_neighbours_share_a_network(address: str, shared: str):
    assert network(address) == shared


@given(addresses.map(parse_address).filter(bool))
def test_an_address_lies_in_the_network_it_shares(address: str):
    assert contains([network(address)], address)
    assert parse_network(network(address)) == network(address)


@pytest.mark.parametrize(
    ("held", "address", "inside"),
    [
        ([], "203.0.113.7", False),
        (["203.0.113.0/24"], "203.0.113.7", True),
        (["203.0.113.0/24"], "203.0.114.7", False),
        (["10.0.0.0/8", "203.0.113.7/32"], "203.0.113.7", True),
        (["2001:db8::/32"], "2001:db8:ffff::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["0.0.0.0/0"], "::1", False),
        (["::/0"], "203.0.113.7", False),
        (["::ffff:10.0.0.0/104"], "10.1.2.3", True),
        (["::ffff:10.0.0.0/104"], "11.1.2.3", False),
    ],
)
def test_an_address_lies_in_a_network_of_its_kind(held: list[str], address: str, inside: bool):
    assert contains(held, address) is inside


@given(networks, addresses.map(parse_address).filter(bool))
def test_a_network_holds_what_its_bits_say(text: str, address: str):
    held, asked = ipaddress.ip_network(parse_network(text)), ipaddress.ip_address(address)
    same = held.version == asked.version and (
        int(asked) >> (held.max_prefixlen - held.prefixlen)
        == int(held.network_address) >> (held.max_prefixlen - held.prefixlen)
    )
    assert contains([text], address) is same


@pytest.mark.parametrize(
    ("inner", "outer", "inside"),
    [
        ("192.0.2.0/24", [], False),
        ("192.0.2.0/24", ["192.0.2.0/24"], True),
        ("192.0.2.7/32", ["10.0.0.0/8", "192.0.2.0/24"], True),
        ("192.0.0.0/16", ["192.0.2.0/24"], False),
        ("192.0.2.0/24", ["192.0.2.0/25", "192.0.2.128/25"], False),
        ("2001:db8:1::/48", ["2001:db8::/32"], True),
        ("2001:db8::/32", ["0.0.0.0/0"], False),
        ("192.0.2.0/24", ["::/0"], False),
        ("::ffff:10.1.0.0/112", ["10.0.0.0/8"], True),
    ],
)
def test_a_network_lies_wholly_in_another_or_not_at_all(inner: str, outer: list[str], inside: bool):
    assert within(inner, outer) is inside


@given(networks, networks)
def test_what_lies_within_is_held_from_its_first_address_to_its_last(inner: str, outer: str):
    held = ipaddress.ip_network(parse_network(inner))
    ends = all(contains([outer], str(held[n])) for n in (0, -1))
    assert within(inner, [outer]) is ends
