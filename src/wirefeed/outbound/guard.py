"""Which addresses may be called: those of the internet, never what is behind our own walls.

What a partner names is called by this server, from where this server stands. It is asked of
each address in the moment it is dialled, since a name may mean another one by then. No rules of
any protocol here.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

#: All that is given out of IPv6. What maps or translates to IPv4 (`::/96`, `64:ff9b::/96`,
#: `64:ff9b:1::/48`) is not in it, nor what is local (`fc00::/7`, `fe80::/10`, `fec0::/10`), nor are
#: groups (`ff00::/8`).
_UNICAST = IPv6Network("2000::/3")
_NOT_OF_IT = (
    # Special purposes (RFC 2928): Teredo and benchmarks among them.
    IPv6Network("2001::/23"),
    IPv6Network("2001:db8::/32"),
    # 6to4: an IPv4 address in other words.
    IPv6Network("2002::/16"),
    IPv6Network("3fff::/20"),
    IPv6Network("5f00::/16"),
)
#: Python's `is_global` has some of these among the rest.
_NOT_OF_IPV4 = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("198.18.0.0/15"),
)
#: What `private_networks` opens. Link-local addresses, where clouds tell their machines who they
#: are and what they may do, stay closed,
_LAN = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
#: and so does where one of them tells it by IPv6.
_NOT_OF_LAN = IPv6Address("fd00:ec2::254")
#: RFC 863: nothing is sent there, or anywhere.
_DISCARD = 9


class NotAllowed(PermissionError):
    """The address is not to be called."""


class Guard:
    """Says which addresses may be dialled."""

    def __init__(self, *, private_networks: bool = False, own_ports: Collection[int] = ()) -> None:
        self._private_networks = private_networks
        self._own_ports = frozenset(own_ports)

    def check(self, text: str, port: int) -> None:
        """Refuse an address as it is about to be dialled. Raises `NotAllowed`."""
        if not self.allows(text, port):
            raise NotAllowed(f"{text} is not to be called")

    def allows(self, text: str, port: int) -> bool:
        """Say whether an address may be dialled."""
        address = ip_address(text.partition("%")[0])
        if is_public(address):
            # What we are called by outside leads back in.
            return not is_own(address)
        if not self._private_networks or not is_of_lan(address):
            return False
        return port not in self._own_ports or not is_own(address)


def is_public(address: Address) -> bool:
    """Say whether an address is one of the internet, and of one machine there."""
    if isinstance(address, IPv4Address):
        if not address.is_global or address.is_multicast or address.is_reserved:
            return False
        return not any(address in network for network in _NOT_OF_IPV4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    return address in _UNICAST and not any(address in network for network in _NOT_OF_IT)


def is_of_lan(address: Address) -> bool:
    """Say whether an address is one of a local network, or of this machine."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return is_of_lan(address.ipv4_mapped)
    return address != _NOT_OF_LAN and any(address in network for network in _LAN)


def is_own(address: Address) -> bool:
    """Say whether an address is this machine's own.

    The kernel is asked from where it would be reached: it reaches its own from itself. No packet
    leaves for that.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), _DISCARD))
            return bool(ip_address(probe.getsockname()[0]) == address)
    except OSError:
        # It cannot be reached at all.
        return False
