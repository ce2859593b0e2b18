"""Content codings: which one a client is given, by what it says it takes. Pure."""

from functools import lru_cache

from wirefeed.formats.coding import Coding
from wirefeed.web.weighted import weights

#: Whoever invents new headers all day is not to fill the memory.
_REMEMBERED = 256
#: At equal weights the smallest is given, since it is made once and sent often.
_BY_SIZE = (Coding.BR, Coding.ZSTD, Coding.GZIP)


@lru_cache(_REMEMBERED)
def choose(accept_encoding: str | None) -> Coding:
    """Choose by `Accept-Encoding` (RFC 9110 §12.5.3), as one line if there were several.

    What cannot be read as such a list, and what refuses everything there is, is answered
    without a coding: RFC 9110 §12.1 lets a server "disregard" such a wish, and a feed reader
    takes any 4xx for the end of the feed.
    """
    wished = None if accept_encoding is None else weights(accept_encoding)
    if not wished:
        # RFC 9110 §12.5.3: without the header any coding would do, and clients that do not
        # send it can seldom decode one; an empty one wants none.
        return Coding.IDENTITY
    others = wished.get("*", 0)
    # RFC 9110 §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
    weighed = {
        Coding.BR: wished.get("br", 0),
        Coding.ZSTD: wished.get("zstd", 0),
        # Who takes anything by `*` decodes gzip at the least, and perhaps nothing newer.
        Coding.GZIP: wished.get("gzip", wished.get("x-gzip", others)),
    }
    best = max(_BY_SIZE, key=weighed.__getitem__)
    # RFC 9110 §12.5.3: no coding is acceptable unless refused, and preferred only where named.
    if weighed[best] == 0 or weighed[best] < wished.get("identity", 0):
        return Coding.IDENTITY
    return best
