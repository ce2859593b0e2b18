"""Where the server listens: sockets, taken here for this process or for its workers."""

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from wirefeed.config import Server
from wirefeed.domain.errors import Unavailable

#: As many may wait to be accepted.
BACKLOG = 1024
_NOT_HERE = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})

_log = structlog.get_logger("wirefeed.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Sockets that listen: a name may stand for several addresses."""

    main: Sequence[socket.socket]
    #: For health checks and figures; none where the port is not free.
    ops: Sequence[socket.socket] = ()

    def close(self) -> None:
        """Close them in this process; others that have them go on."""
        for one in (*self.main, *self.ops):
            one.close()


def listen(settings: Server) -> Sockets:
    """Take the addresses of the settings. Raises `Unavailable`, naming the setting.

    From here on a client is not refused: it waits until a server accepts it.
    """
    main = _listen(settings.host, settings.port, "server.port")
    try:
        return Sockets(main=main, ops=_listen_for_ops(settings))
    except BaseException:
        Sockets(main=main).close()
        raise


def _listen_for_ops(settings: Server) -> list[socket.socket]:
    """Take what is set; by default one port above, if that one is free."""
    port = settings.ops_port or settings.port + 1
    try:
        return _listen(settings.ops_host, port, "server.ops_port")
    except Unavailable as error:
        if settings.ops_port:
            raise
        _log.warning("health checks have no port of their own", reason=error.message)
        return []


def _listen(host: str, port: int, setting: str) -> list[socket.socket]:
    taken: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                taken.append(_listen_at(socket.AddressFamily(family), address))
            except OSError as error:
                # A name may stand for an address of a family that this machine has not.
                if error.errno not in _NOT_HERE or len(found) == 1:
                    raise
    except (OSError, OverflowError) as error:
        Sockets(main=taken).close()
        raise _refusal(host, port, setting, error) from error
    if not taken:
        raise _refusal(host, port, setting, OSError(errno.EADDRNOTAVAIL, ""))
    return taken


def _listen_at(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a restart waits for the last connections of the process before.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The name's IPv4 addresses have sockets of their own.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _refusal(host: str, port: int, setting: str, error: Exception) -> Unavailable:
    number = error.errno if isinstance(error, OSError) else None
    # A name that is not known has a negative number of its own kind.
    reason = os.strerror(number) if number and number > 0 else str(error.args[-1])
    return Unavailable(
        f"cannot listen on {host}, port {port}: {reason}",
        field=setting,
        remedy="choose another with --port" if setting == "server.port" else "choose another",
    )
