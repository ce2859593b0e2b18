"""Signatures of what machines send one another, as Standard Webhooks has them. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from wirefeed.domain.errors import Unacceptable

_PREFIX = "whsec_"
_SECOND = 1_000_000
#: A message may be this old, or this far ahead (seconds): later it is a replay.
_TOLERANCE = 300
#: Of several signatures, one for each secret in use, no more are looked at.
_AT_MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The headers of a signed message, as they came."""

    #: `webhook-id`.
    id: str
    #: `webhook-timestamp`: seconds since 1970.
    timestamp: str
    #: `webhook-signature`: `v1,` and base64; several stand apart by spaces.
    signatures: str


def parse_secret(text: str, field: str) -> bytes:
    """Read a secret: `whsec_` and the base64 of 24 to 64 bytes. Raises `Unacceptable`."""
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(_PREFIX) or not 24 <= len(secret) <= 64:  # noqa: PLR2004 - the standard
        raise Unacceptable(
            "it is no secret for signatures",
            field=field,
            remedy=f"write {_PREFIX} and the base64 of 32 random bytes",
        )
    return secret


def secret_text(secret: bytes) -> str:
    """Write a secret as `parse_secret` reads it."""
    return f"{_PREFIX}{base64.b64encode(secret).decode('ascii')}"


def sign(secret: bytes, id_: str, at: int, body: bytes) -> Signature:
    """Sign a message at a time."""
    return sign_by_each((secret,), id_, at, body)


def sign_by_each(secrets: Iterable[bytes], id_: str, at: int, body: bytes) -> Signature:
    """Sign a message at a time with each secret in use: whoever has one of them believes it.

    The header is a list, parted by spaces, so that a secret is replaced while nothing is missed.
    """
    timestamp = str(at // _SECOND)
    macs = (_mac(secret, id_, timestamp, body) for secret in secrets)
    return Signature(id=id_, timestamp=timestamp, signatures=" ".join(macs))


def holds(secret: bytes, given: Signature, body: bytes, now: int) -> bool:
    """Say whether a signature holds; the work is the same if it does not."""
    expected = _mac(secret, given.id, given.timestamp, body).encode("ascii")
    is_ours = False
    for one in given.signatures.split(" ")[:_AT_MOST]:
        # The first one that holds must not end it sooner.
        is_ours |= hmac.compare_digest(expected, one.encode("utf-8", "surrogateescape"))
    return is_ours & _is_of_now(given.timestamp, now)


def _mac(secret: bytes, id_: str, timestamp: str, body: bytes) -> str:
    signed = f"{id_}.{timestamp}.".encode("utf-8", "surrogateescape") + body
    made = hmac.digest(secret, signed, hashlib.sha256)
    return f"v1,{base64.b64encode(made).decode('ascii')}"


def _is_of_now(timestamp: str, now: int) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= len(str(now))):
        return False
    return abs(now // _SECOND - int(timestamp)) <= _TOLERANCE
