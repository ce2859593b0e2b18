"""Addresses and networks of the internet: their one spelling, and which holds which. Pure."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from wirefeed.domain.errors import Unacceptable

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: RFC 4291 §2.5.2: the unspecified address "indicates the absence of an address".
UNKNOWN = "::"
#: RFC 4291 §2.5.1: the last 64 bits of an IPv6 address are the host's own to choose.
_HOST = 64
#: Of IPv4, a /24 is the least that networks announce to one another.
_ANNOUNCED = 24
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


@lru_cache(maxsize=4096)
def parse_address(text: str) -> str | None:
    """Give an address in its one spelling; None for what is none."""
    try:
        return str(_plain(ipaddress.ip_address(text)))
    except ValueError:
        return None


def parse_network(text: str, field: str = "networks") -> str:
    """Give a network in its one spelling, `192.0.2.0/24`; an address is a network of one.

    Raises `Unacceptable`, naming the field.
    """
    try:
        return str(_network(text))
    except ValueError as error:
        raise Unacceptable(f"{text!r} is no network", field=field, remedy=_remedy(text)) from error


@lru_cache(maxsize=4096)
def network(address: str, *, ipv6: int = _HOST) -> str:
    """Give the network that an address shares with its neighbours: /24 of IPv4, /64 of IPv6."""
    parsed = ipaddress.ip_address(address)
    bits = _ANNOUNCED if parsed.version == 4 else ipv6  # noqa: PLR2004 - the protocol's number
    return str(ipaddress.ip_network((address, bits), strict=False))


def contains(networks: Iterable[str], address: str) -> bool:
    """Say whether an address lies in one of these networks."""
    parsed = ipaddress.ip_address(address)
    return any(parsed in _network(text) for text in networks)


def within(network: str, networks: Iterable[str]) -> bool:
    """Say whether a network lies wholly in one of these."""
    inner = _network(network)
    return any(_holds(_network(text), inner) for text in networks)


def _holds(outer: _Network, inner: _Network) -> bool:
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _plain(address: _Address) -> _Address:
    """Take off what gives one address two spellings: the zone, and the mapping of IPv4 into IPv6.

    RFC 4007 §11.2: a zone has a meaning on this host alone. RFC 4291 §2.5.5.2: an IPv4 peer
    of a socket for both kinds appears as `::ffff:192.0.2.1`.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


@lru_cache(maxsize=1024)
def _network(text: str) -> _Network:
    if "%" in text:
        raise ValueError(text)
    parsed = ipaddress.ip_network(text)
    if isinstance(parsed, ipaddress.IPv6Network) and parsed.subnet_of(_MAPPED):
        # A mapped address is compared as the IPv4 address that it is.
        low = parsed.network_address.ipv4_mapped
        return ipaddress.IPv4Network((int(low or 0), parsed.prefixlen - 96))
    return parsed


def _remedy(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text.partition("%")[0], strict=False)
    except ValueError:
        return "write it as 192.0.2.0/24 or 2001:db8::/32"
    return f"write {meant}: no bit may stand behind the prefix"
