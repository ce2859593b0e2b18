"""What pollers say in headers, and are told in headers. Pure: reads and writes text."""

from enum import StrEnum

from wirefeed.web.weighted import weights


def takes_delta(a_im: str | None) -> bool:
    """Say whether by `A-IM` a client takes a feed with only what is new (RFC 3229 §10.5.3).

    `feed` is the instance manipulation that pollers of RSS and Atom ask for; no other is made
    here. One that is refused, or wanted less than the whole, is not taken.
    """
    wished = (weights(a_im) if a_im else None) or {}
    return wished.get("feed", 0) > 0 and wished["feed"] >= wished.get("identity", 0)


class Origin(StrEnum):
    """Where the bytes of an answer came from."""

    #: They had been made before.
    MEMORY = "memory"
    #: They were made for this request, or for one that came at the same time.
    MADE = "made"


#: RFC 9211 §2: `hit`, or `fwd` and why, here to the renderer; §2.8: `detail` is our own.
CACHE_STATUS = {
    Origin.MEMORY: "wirefeed; hit; detail=memory",
    Origin.MADE: "wirefeed; fwd=miss; stored",
}
