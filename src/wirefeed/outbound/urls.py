"""Addresses that others ask us to call: which can be taken at all. Pure.

A name is judged when it is dialled (`guard.py`); here is what needs no name server.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from yarl import URL

from wirefeed.domain.errors import Unacceptable
from wirefeed.outbound.guard import Guard

#: Bytes of an address.
LONGEST = 2_048
#: RFC 3986 §2: all that a URI is made of. A backslash or a space is read differently by different
#: programs.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
#: RFC 3986 §2.3.
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
#: https://url.spec.whatwg.org/#ends-in-a-number-checker: some programs read such a name as an
#: address, in octal, hexadecimal, or short of parts.
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)\.?")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """An address that may be called, unless its name turns out to lead to where none may be."""

    url: str
    #: In lower case, without a dot at its end.
    host: str
    port: int
    is_secure: bool


class Urls:
    """Says which addresses can be taken."""

    def __init__(
        self, guard: Guard, *, ports: Collection[int], private_networks: bool, own_url: str
    ) -> None:
        self._guard = guard
        self._ports = frozenset(ports)
        #: What runs in a local network may listen anywhere.
        self._any_port = private_networks
        self._private_networks = private_networks
        self._own = _parts(own_url, "server.public_url")

    def parse(self, text: str, field: str) -> Callback:
        """Take an address, its unreserved characters decoded. Raises `Unacceptable`."""
        found = _parts(decoded(text), field)
        if found.port not in self._ports and not (self._any_port and found.port):
            allowed = ", ".join(map(str, sorted(self._ports)))
            raise Unacceptable(
                f"port {found.port} is not called from here",
                field=field,
                remedy=f"use one of {allowed}",
            )
        if (found.host, found.port) == (self._own.host, self._own.port):
            raise Unacceptable(
                "this is our own address", field=field, remedy="use the address of your server"
            )
        self._check_host(found, field)
        return found

    def _check_host(self, found: Callback, field: str) -> None:
        host, allowed = found.host, True
        if _literal(host):
            allowed = self._guard.allows(host, found.port)
        elif host == "localhost" or host.endswith(".localhost"):
            # RFC 6761 §6.3: such a name leads here, whatever a name server says.
            allowed = self._private_networks
        if not allowed:
            raise Unacceptable(
                f"{host} is not called from here",
                field=field,
                remedy="use an address that is reached over the internet",
            )


def decoded(text: str) -> str:
    """Decode what need not be encoded, and nothing else.

    WebSub §5.1: hubs "MUST always decode non-reserved characters for these URL parameters".
    """

    def plain(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if _UNRESERVED.fullmatch(character) else match[0]

    return _ENCODED.sub(plain, text)


def _parts(text: str, field: str) -> Callback:
    if len(text) > LONGEST:
        raise Unacceptable(
            f"the address is longer than {LONGEST} bytes", field=field, remedy="use a shorter one"
        )
    if not _URI.fullmatch(text):
        raise Unacceptable(
            "there are characters in it that no address has",
            field=field,
            remedy="percent-encode them, and write the host's name in ASCII (xn--...)",
        )
    if "#" in text:
        raise Unacceptable("it has a fragment", field=field, remedy="leave out # and what follows")
    try:
        # What is taken apart here is what is dialled: nothing is rewritten on the way.
        url = URL(text, encoded=True)
        scheme, host, port = url.scheme, (url.raw_host or "").lower(), url.explicit_port
    except ValueError as error:
        raise _no_address(field) from error
    if scheme not in _PORTS:
        raise Unacceptable(
            f"{scheme or 'nothing'}: is not called from here", field=field, remedy="use https://"
        )
    if url.raw_user is not None or url.raw_password is not None or "@" in url.raw_authority:
        raise Unacceptable(
            "it holds a user or a password", field=field, remedy="put a secret into its path"
        )
    if not (_HOST.fullmatch(host) or _literal(host)) or _is_odd(host):
        raise _no_address(field)
    port = _PORTS[scheme] if port is None else port
    return Callback(url=text, host=host.rstrip("."), port=port, is_secure=scheme == "https")


def _no_address(field: str) -> Unacceptable:
    return Unacceptable("this is no address", field=field, remedy="use https://host/path")


def _literal(host: str) -> bool:
    """Say whether a host is an address, in its one spelling."""
    try:
        IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return False
    return "%" not in host


def _is_odd(host: str) -> bool:
    """Say whether a host is no address, and some program would read it as one."""
    last = host.rstrip(".").rpartition(".")[2]
    return _NUMBER.fullmatch(last) is not None and not _literal(host)
