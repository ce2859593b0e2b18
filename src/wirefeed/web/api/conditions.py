"""Conditional requests on what has one representation: who changes it says from which state.

No I/O. Two administrators who edit the same thing would otherwise overwrite each other.
"""

import hashlib
import re
from enum import StrEnum

import msgspec
from aiohttp import hdrs, web

from wirefeed.domain.errors import Invalid, Outdated, Unconditional

_ENCODER = msgspec.json.Encoder(order="deterministic")
_ANY = "*"
#: RFC 9110 §8.8.3: the characters of an entity tag.
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_CONDITIONS = (hdrs.IF_MATCH, hdrs.IF_NONE_MATCH)
_CHECKED = web.RequestKey("checked", bool)
_REMEDY = "send If-Match with the ETag that a GET of this address gave"
_NEW = ", or If-None-Match: * to make what there is not yet"


def encode(value: object) -> bytes:
    """Give the one JSON of a value, whatever the order of its sets and mappings."""
    return _ENCODER.encode(value)


def tag(content: bytes) -> str:
    """Give the strong entity tag of a representation (RFC 9110 §8.8.1)."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def is_held(request: web.Request, current: str) -> bool:
    """Say whether the client of a GET holds this representation (RFC 9110 §13.1.2).

    `*` matches nothing, as for feeds: it names no state.
    """
    if request.method not in _SAFE:
        return False
    sent = re.findall(_TAG, ",".join(request.headers.getall(hdrs.IF_NONE_MATCH, [])))
    # If-None-Match is compared weakly: a proxy that compressed the answer made its tag weak.
    return current in (tag.removeprefix("W/") for tag in sent)


class Match(StrEnum):
    """Whether a change names the state it is made from, so that no other change is lost."""

    UNUSED = "unused"
    OPTIONAL = "optional"
    #: Without it: 428 (RFC 6585 §3).
    REQUIRED = "required"
    #: And `*` is none: so much hangs on it that whoever changes it has to have seen it.
    SEEN = "seen"

    @property
    def is_required(self) -> bool:
        """Whether a change without it is refused."""
        return self in {Match.REQUIRED, Match.SEEN}


def look(request: web.Request, match: Match) -> None:
    """Look whether a change names its state where it has to, and does not where it cannot.

    Raises `Unconditional`, or `Invalid`: a condition that is not heeded would be broken.
    """
    if request.method in _SAFE:
        return
    sent = [name for name in _CONDITIONS if name in request.headers]
    if sent and match is Match.UNUSED:
        raise Invalid("this takes no condition", field=sent[0], remedy="send it without")
    # Who creates by PUT says so by `If-None-Match: *`.
    blind = match is Match.SEEN and _sent(request, hdrs.IF_MATCH) == [_ANY]
    if blind or (match.is_required and not sent):
        raise Unconditional(
            "this change has to name the state it changes",
            field=hdrs.IF_MATCH,
            remedy=_REMEDY + (_NEW if request.method == hdrs.METH_PUT else ""),
        )
    _sent(request, hdrs.IF_MATCH)
    if _sent(request, hdrs.IF_NONE_MATCH) not in ([], [_ANY]):
        raise Invalid("only * can be said of a change", field=hdrs.IF_NONE_MATCH)


def was_checked(request: web.Request) -> bool:
    """Say whether a change was compared with the state that is held."""
    return _CHECKED in request


def check(request: web.Request, current: object | None) -> None:
    """Compare the state a change is made from with the one that is held; None: nothing is.

    Raises `Outdated`. RFC 9110 §13.1.1: "An origin server MUST use the strong comparison
    function when comparing entity tags for If-Match".
    """
    request[_CHECKED] = True
    if hdrs.IF_MATCH in request.headers:
        held = None if current is None else tag(encode(current))
        sent = _sent(request, hdrs.IF_MATCH)
        if held is None or (_ANY not in sent and held not in sent):
            raise Outdated(
                "it has changed since, or is gone", field=hdrs.IF_MATCH, remedy="GET it again"
            )
    if hdrs.IF_NONE_MATCH in request.headers and current is not None:
        raise Outdated("there is one already", field=hdrs.IF_NONE_MATCH, remedy=_REMEDY)


def _sent(request: web.Request, header: str) -> list[str]:
    """Give the tags of a header, or `*`."""
    text = ", ".join(request.headers.getall(header, [])).strip()
    if text in ("", _ANY):
        return [text] if text else []
    if not _LIST.fullmatch(text):
        raise Invalid(
            "this is no list of entity tags", field=header, remedy='send them as given: "…"'
        )
    return re.findall(_TAG, text)
