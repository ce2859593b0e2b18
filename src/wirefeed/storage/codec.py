"""How structures are kept in one column. Pure: the same value always gives the same bytes."""

import sys
import zlib
from typing import Any

import msgspec

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Sets and mappings come out sorted.
_ENCODER = msgspec.json.Encoder(order="deterministic")
#: Raw messages are written at wire speed and hardly ever read.
_ZSTD_LEVEL = 1
#: RFC 8878 §3.1.1: how every frame begins. The first byte of zlib's ends in 8 (RFC 1950 §2.2: CM).
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_NAMES = msgspec.json.Decoder(frozenset[str])
_AUDIENCES = msgspec.json.Decoder(list[tuple[str, frozenset[str], bool]])


def pack(value: Any) -> bytes:  # noqa: ANN401  # whatever msgspec knows
    return _ENCODER.encode(value)


def text(value: Any) -> str:  # noqa: ANN401  # as `pack`
    return _ENCODER.encode(value).decode()


def names(value: str) -> frozenset[str]:
    """Read what `text` made of a set of names."""
    return _NAMES.decode(value)


def audiences(value: str) -> list[tuple[str, frozenset[str], bool]]:
    """Read what `text` made of to whom a change is announced: language, topics, under embargo."""
    return _AUDIENCES.decode(value)


def squeeze(raw: bytes) -> bytes:
    return zstd.compress(raw, _ZSTD_LEVEL)


def unsqueeze(kept: bytes) -> bytes:
    """Give back what was squeezed, also by the releases that did it with zlib."""
    return zstd.decompress(kept) if kept.startswith(_ZSTD_MAGIC) else zlib.decompress(kept)
