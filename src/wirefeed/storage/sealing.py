"""Seals on bytes that are kept where others can write. Pure: no bytes count but those we sealed.

A seal says that we wrote these bytes under this name. It keeps nothing secret.
"""

import hashlib
import hmac

_SIZE = 16
#: Another format of what is sealed would be another word here.
_USE = b"wirefeed cache 1"


def seal(secret: bytes, kind: str, key: bytes, value: bytes) -> bytes:
    """Give the bytes with a seal before them."""
    return _mac(secret, kind, key, value) + value


def unseal(secret: bytes, kind: str, key: bytes, sealed: bytes) -> bytes | None:
    """Give what was sealed under this name; None for anything else."""
    mac, value = sealed[:_SIZE], sealed[_SIZE:]
    if not hmac.compare_digest(mac, _mac(secret, kind, key, value)):
        return None
    return value


def _mac(secret: bytes, kind: str, key: bytes, value: bytes) -> bytes:
    mac = hashlib.blake2b(key=secret, digest_size=_SIZE, person=_USE)
    for part in (kind.encode(), key):
        # With its length before it, no part can run over into the next.
        mac.update(len(part).to_bytes(8, "big") + part)
    mac.update(value)
    return mac.digest()
