"""Cursors: where a list goes on, in a form that promises nothing of what it holds. Pure."""

import base64
import binascii
import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.errors import NotFound

#: Long enough that a text is not taken for a cursor by chance. It keeps nobody out: a cursor
#: leads only to a place in a list that its caller may read from beginning to end.
_CHECK = 6
_LONGEST = 400


class Page(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which part of a list is asked for; filters stand in the structs made of this one."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="How many at most.")] = 100
    after: Annotated[str, Meta(description="The cursor `next` of the part before.")] = ""


def cursor(listing: str, position: str) -> str:
    """Make the cursor of the place behind an item in a list."""
    raw = position.encode("utf-8")
    return base64.urlsafe_b64encode(_check(listing, raw) + raw).rstrip(b"=").decode("ascii")


def position(listing: str, text: str) -> str:
    """Say which place a cursor names. Raises `NotFound` for none of this list's."""
    found = _position(listing, text) if len(text) <= _LONGEST else None
    # A cursor has one spelling: padding and unused bits would give it more.
    if found is None or cursor(listing, found) != text:
        raise NotFound(
            "this list has no such place", field="after", remedy="begin again without it"
        )
    return found


def _position(listing: str, text: str) -> str | None:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        check, raw = data[:_CHECK], data[_CHECK:]
        return raw.decode("utf-8") if check == _check(listing, raw) else None
    except (ValueError, binascii.Error):
        return None


def _check(listing: str, raw: bytes) -> bytes:
    # The name of the list is the key, so that its cursors mean nothing in another list.
    return hashlib.blake2b(raw, key=listing.encode("utf-8")[:64], digest_size=_CHECK).digest()
