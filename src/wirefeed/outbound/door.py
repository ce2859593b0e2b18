"""The door to the network, put together: what may be called, and the calls."""

from collections.abc import Collection
from dataclasses import dataclass

from wirefeed.outbound.calls import Calls
from wirefeed.outbound.guard import Guard
from wirefeed.outbound.urls import Urls


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """What is called with."""

    urls: Urls
    calls: Calls


def outbound(
    *,
    private_networks: bool,
    ports: Collection[int],
    own_ports: Collection[int],
    own_url: str,
    user_agent: str,
) -> Outbound:
    """Put it together; nothing is opened before the first call."""
    guard = Guard(private_networks=private_networks, own_ports=own_ports)
    urls = Urls(guard, ports=ports, private_networks=private_networks, own_url=own_url)
    return Outbound(urls=urls, calls=Calls(guard, user_agent=user_agent))
