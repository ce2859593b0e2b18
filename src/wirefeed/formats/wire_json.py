"""Pages of the wire and frames of its stream: entries written before, put together. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

#: A frame that says no more than that the line is open (HTML, 9.2.7 "Authoring notes").
HEARTBEAT: Final = b":\n\n"


class _Change(msgspec.Struct, frozen=True):
    change: str
    uri: str
    version: str


class _Tally(msgspec.Struct, frozen=True):
    total: int
    digest: str


def page(
    items: Sequence[bytes],
    *,
    total: int,
    digest: bytes,
    cursor: str,
    more: bool,
    kills: Iterable[tuple[str, str, int]] = (),
) -> bytes:
    """Write a page of entries."""
    told = {
        "count": len(items),
        "total": total,
        "digest": digest.hex(),
        "next": cursor,
        "more": more,
    }
    ahead = list(map(_change, kills))
    if ahead:
        told["kills"] = ahead
    # The entries are JSON already.
    return b'{"items":[' + b",".join(items) + b"]," + msgspec.json.encode(told)[1:]


def changes(
    items: Sequence[tuple[str, str, int]],
    *,
    total: int,
    digest: bytes,
    begins: str,
    cursor: str,
    more: bool,
    agrees: bool | None,
) -> bytes:
    """Write which changes there were, by what they are counted and digested by, without text."""
    told = {
        "items": list(map(_change, items)),
        "from": begins,
        "count": len(items),
        "total": total,
        "digest": digest.hex(),
        "next": cursor,
        "more": more,
    }
    if agrees is not None:
        told["agrees"] = agrees
    return msgspec.json.encode(told)


def _change(item: tuple[str, str, int]) -> _Change:
    kind, guid, version = item
    return _Change(change=kind, uri=guid, version=str(version))


def announcement(item: tuple[str, str, int]) -> bytes:
    """Write a change without a story."""
    return msgspec.json.encode(_change(item))


def tally(total: int, digest: bytes) -> bytes:
    """Write how much was heard so far."""
    return msgspec.json.encode(_Tally(total=total, digest=digest.hex()))


def ending(detail: str, remedy: str) -> bytes:
    """Write why a stream ends."""
    told = {"detail": detail} | ({"remedy": remedy} if remedy else {})
    return msgspec.json.encode(told)


def frame(event: str, data: bytes, cursor: str = "") -> bytes:
    """Write an event (HTML, 9.2.6): JSON has no line ends but those that are escaped.

    An event without an id leaves the client's last one as it is.
    """
    written = b"event: %b\ndata: %b\n\n" % (event.encode("ascii"), data)
    return identified(cursor, written) if cursor else written


def identified(cursor: str, event: bytes) -> bytes:
    """Give an event the id from which its client goes on."""
    return b"id: %b\n%b" % (cursor.encode("ascii"), event)
