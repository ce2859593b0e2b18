"""How structures are kept in one column. Pure: the same value always gives the same bytes."""

import zlib
from typing import Any

import msgspec

#: Sets and mappings come out sorted.
_ENCODER = msgspec.json.Encoder(order="deterministic")
#: Raw messages are written at wire speed and hardly ever read.
_ZLIB_LEVEL = 1

_NAMES = msgspec.json.Decoder(frozenset[str])


def pack(value: Any) -> bytes:  # noqa: ANN401  # whatever msgspec knows
    return _ENCODER.encode(value)


def text(value: Any) -> str:  # noqa: ANN401  # as `pack`
    return _ENCODER.encode(value).decode()


def names(value: str) -> frozenset[str]:
    """Read what `text` made of a set of names."""
    return _NAMES.decode(value)


def squeeze(raw: bytes) -> bytes:
    return zlib.compress(raw, _ZLIB_LEVEL)


def unsqueeze(kept: bytes) -> bytes:
    return zlib.decompress(kept)
