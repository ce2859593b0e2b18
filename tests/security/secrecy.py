"""Parts of secrets, found wherever they are and however they are written."""

import base64
from collections.abc import Iterator, Mapping

#: So many bytes of a secret in a row are a part of it.
PART = 12


def unguessable(secret: str) -> bytes:
    """Give what makes a secret one: of a token its signature; what it says is no secret."""
    return secret.rpartition(".")[2].encode()


def found_in(content: bytes, secrets: Mapping[str, bytes]) -> set[str]:
    """Name the secrets of which a part is in there."""
    return {
        name for name, secret in secrets.items() if any(part in content for part in parts(secret))
    }


def parts(secret: bytes) -> Iterator[bytes]:
    """Give every part of a secret, as it is, in hexadecimal and in base64."""
    for start in range(len(secret) - PART + 1):
        part = secret[start : start + PART]
        yield part
        yield part.hex().encode()
        yield part.hex().upper().encode()
        # Whatever it is encoded with: one part in three begins where a group of base64 does.
        yield base64.b64encode(part)
        yield base64.urlsafe_b64encode(part)
