"""Places on the wire as words that tell their holder nothing: sealed here, and opened again.

No position leaves the server: whoever could read one would learn how much there is that is not
for it. Nor does a cursor serve another subscriber, or another log.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from wirefeed.domain.cursors import Place
from wirefeed.domain.errors import Invalid, Outlived

#: By which the cursors of another log are told from what is none.
_LOG = 6
_LONGEST = 200


class WireCursors:
    """Seals places, and opens what was sealed.

    AES-SIV (RFC 5297) without a nonce: the same place is always the same word, so that an answer
    that is asked for twice is the same bytes, on whichever process.
    """

    def __init__(self, secret: bytes, log_id: str) -> None:
        # Two keys of 256 bits, one for each half of the mode.
        self._sealer = AESSIV(hashlib.blake2b(secret, digest_size=64).digest())
        self._log_id = log_id.encode()
        self._log = hashlib.blake2b(self._log_id, key=secret, digest_size=_LOG).digest()

    def seal(self, place: Place, subscriber: str) -> str:
        """Make the cursor of a place, for one subscriber."""
        sealed = self._sealer.encrypt(place.pack(), [self._log_id, subscriber.encode()])
        return base64.urlsafe_b64encode(self._log + sealed).rstrip(b"=").decode("ascii")

    def open(self, cursor: str, subscriber: str) -> Place:
        """Say which place a cursor names.

        Raises `Invalid` for what is none of this subscriber's, and `Outlived` for one of a log
        that is no longer this one.
        """
        data = _decoded(cursor)
        if data is None:
            raise _none()
        log, sealed = data[:_LOG], data[_LOG:]
        if log != self._log:
            raise Outlived("the cursor is of another log than the one that is here now")
        try:
            raw = self._sealer.decrypt(sealed, [self._log_id, subscriber.encode()])
            return Place.unpack(raw)
        except (InvalidTag, ValueError):
            raise _none() from None


def _decoded(cursor: str) -> bytes | None:
    if not 0 < len(cursor) <= _LONGEST:
        return None
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    # Padding and unused bits would give a cursor more than one spelling.
    spelt = base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
    return data if spelt == cursor and len(data) > _LOG else None


def _none() -> Invalid:
    return Invalid(
        "this is no cursor of yours",
        field="after",
        remedy="send `next` as it was given, or begin with after=oldest",
    )
