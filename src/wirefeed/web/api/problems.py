"""Problem documents as they are described: which can come of an operation, and what they hold."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.web.api.conditions import Match
from wirefeed.web.api.operation import Caller, Operation

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What went wrong (RFC 9457)."""

    type: str
    title: Annotated[str, Meta(description="The phrase of the status.")]
    status: int
    detail: Annotated[str, Meta(description="What is wrong, in a sentence.")] = ""
    field: Annotated[
        str, Meta(description="What is at fault: a JSONPath into the body, a parameter, a header.")
    ] = ""
    remedy: Annotated[str, Meta(description="What would put it right.")] = ""
    restart: Annotated[str, Meta(description="The path at which the wire can be read again.")] = ""
    request_id: Annotated[str, Meta(description="To name to us when the fault is ours.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a status means here, and an example: what is wrong, where, what would put it right."""

    meaning: str
    detail: str = ""
    field: str = ""
    remedy: str = ""


KINDS = {
    HTTPStatus.BAD_REQUEST: Kind(
        meaning="What was sent cannot be read, or a parameter is not one of these.",
        detail="there is no such parameter",
        field="limt",
        remedy="use limit, after",
    ),
    HTTPStatus.UNAUTHORIZED: Kind(
        meaning="There is no credential, or it does not hold.",
        detail="A valid credential is needed.",
    ),
    HTTPStatus.FORBIDDEN: Kind(
        meaning="The credential is good, and not for this.",
        detail="the token lacks the scope admin:write",
        field="scope",
    ),
    HTTPStatus.NOT_FOUND: Kind(
        meaning="There is no such thing, or it is another's.", detail="There is no such thing here."
    ),
    HTTPStatus.REQUEST_TIMEOUT: Kind(meaning="The body took too long."),
    HTTPStatus.CONFLICT: Kind(
        meaning="It contradicts what is held.", detail="It contradicts what is held."
    ),
    HTTPStatus.GONE: Kind(
        meaning="It was there, and is no more; a cursor says with `restart` where to go on.",
        detail="It was withdrawn.",
    ),
    HTTPStatus.PRECONDITION_FAILED: Kind(
        meaning="Somebody else has changed it since: read it again, and decide anew.",
        detail="it has changed since, or is gone",
        field="If-Match",
        remedy="GET it again",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Kind(meaning="The body is too long."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Kind(
        meaning="The body is of another kind, or compressed.",
        detail="send JSON in UTF-8, as application/json",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: Kind(
        meaning="A field of the body cannot be taken; it is named.",
        detail="it is missing",
        field="$.subscriptions[0].plan",
    ),
    HTTPStatus.PRECONDITION_REQUIRED: Kind(
        meaning="The change has to say which state it changes.",
        detail="this change has to name the state it changes",
        field="If-Match",
        remedy="send If-Match with the ETag that a GET of this address gave",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: Kind(
        meaning="Too many credentials that do not hold came from your network; one that holds is"
        " answered even so.",
        detail="Too many credentials that do not hold have come from this network.",
        remedy="wait, and check yours: one that holds is answered even now",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: Kind(
        meaning="It cannot be answered now. Try again after the seconds in Retry-After.",
        detail="The service cannot answer now; try again shortly.",
    ),
}
_SENT = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_GUARDED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.TOO_MANY_REQUESTS: "Retry-After",
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
}


def of(operation: Operation[Any, Any]) -> frozenset[HTTPStatus]:
    """Say what can go wrong with an operation: what follows from it, and what it names itself."""
    found = {HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE, *operation.problems}
    if operation.access is not Caller.ANYONE:
        found |= _GUARDED
    if operation.params or operation.is_listing:
        found.add(HTTPStatus.NOT_FOUND)
    if operation.body is not None:
        found |= _SENT
    if operation.match is not Match.UNUSED:
        found.add(HTTPStatus.PRECONDITION_FAILED)
    if operation.match.is_required:
        found.add(HTTPStatus.PRECONDITION_REQUIRED)
    return frozenset(found)


def response(status: HTTPStatus) -> dict[str, Any]:
    """Describe the answer of a status."""
    kind = KINDS[status]
    example = Problem(
        type="about:blank",
        title=status.phrase,
        status=status.value,
        detail=kind.detail,
        field=kind.field,
        remedy=kind.remedy,
    )
    described: dict[str, Any] = {
        "description": kind.meaning,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": msgspec.to_builtins(example),
            }
        },
    }
    if status in _HEADERS:
        header = _HEADERS[status]
        described["headers"] = {header: {"$ref": f"#/components/headers/{header}"}}
    return described
