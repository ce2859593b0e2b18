"""Where a request comes from: its peer, or whom a listed proxy names. Nobody else is believed."""

from collections.abc import Collection

from aiohttp import hdrs, web

from wirefeed.domain.networks import UNKNOWN, contains, parse_address
from wirefeed.web.request import SETTINGS

#: No chain of proxies is longer, and nobody is to make us read on.
_HOPS = 16


def client_address(request: web.Request) -> str:
    """Give the address of the client, in its one spelling."""
    return address_of(request, request.app[SETTINGS].server.trusted_proxies)


def address_of(request: web.BaseRequest, trusted: Collection[str]) -> str:
    """Give the address of the client, with proxies of these networks in front of us.

    Each proxy appends the peer it was asked by, so `X-Forwarded-For` is read from its end, and
    no further than the proxies go that `server.trusted_proxies` lists: what stands before that,
    anybody may have written. A value that is no address ends it there, too.
    """
    address = parse_address(request.remote or "") or UNKNOWN
    if not trusted:
        return address
    forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, []))
    for hop in reversed(forwarded.rsplit(",", _HOPS)[-_HOPS:]):
        named = parse_address(hop.strip(" \t")) if contains(trusted, address) else None
        if named is None:
            break
        address = named
    return address
