"""Content codings: the bytes of a document, compressed. Pure, and keeps no bytes."""

import sys
from enum import StrEnum

import brotli
from zlib_ng import zlib_ng

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Of each the last that gives something for its time: the next one takes a sixth to a quarter
#: longer, and saves less than a hundredth.
_GZIP_LEVEL, _BROTLI_QUALITY, _ZSTD_LEVEL = 5, 5, 6
#: A gzip header and trailer around a window as large as there is (`deflateInit2` of zlib).
_AS_GZIP = 16 + 15


class Coding(StrEnum):
    """The codings a document comes in, as `Content-Encoding` spells them."""

    IDENTITY = "identity"
    #: On real wire copy, of each the bytes of gzip and its time: 0.93 and 1.9,
    BR = "br"
    #: 0.96 and 1.1,
    ZSTD = "zstd"
    #: 1 and 1: 29 % of the text, at 100 kB in a millisecond.
    GZIP = "gzip"


def compress(body: bytes, coding: Coding) -> bytes:
    """Compress: the same bytes give the same bytes, whenever they are compressed.

    On another kind of processor they may be others, which decode to the same: an entity tag
    says nothing of them. It takes milliseconds: for another thread than that of the loop.
    """
    match coding:
        case Coding.IDENTITY:
            return body
        case Coding.BR:
            return bytes(brotli.compress(body, quality=_BROTLI_QUALITY))
        case Coding.ZSTD:
            return zstd.compress(body, _ZSTD_LEVEL)
        case Coding.GZIP:
            # One member: several clients silently stop reading after the first (RFC 1952 §2.2).
            # Its header names no time.
            return zlib_ng.compress(body, _GZIP_LEVEL, _AS_GZIP)
