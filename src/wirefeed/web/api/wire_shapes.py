"""What the wire API takes and gives, as its description has it. No rules here."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.web.api.operation import Raw

#: What any of this can come to: a cursor that leads nowhere any more.
GONE = frozenset({HTTPStatus.GONE})
CURSOR = "AAECAwQFBgcICQoLDA0ODw"
_OURS: dict[str, Any] = {
    "change": "update",
    "changed": ["headline", "body"],
    "material": True,
    "id": "q7h2mzk4tdxwa3ce",
    "thread": "urn:newsml:news.example:20260301:4711",
    "level": "full",
    "reason": "granted",
    "topics": ["economy"],
    "published": "2026-03-01T11:58:00Z",
}
#: The same of a story that is no change.
STANDING = {
    name: value for name, value in _OURS.items() if name not in {"change", "changed", "material"}
}
EXAMPLE: dict[str, Any] = {
    "uri": "urn:newsml:news.example:20260301:4711",
    "standard": {"name": "ninjs", "version": "3.1"},
    "representationType": "full",
    "version": "2",
    "versionCreated": "2026-03-01T12:00:00Z",
    "pubStatus": "usable",
    "urgency": 4,
    "language": "en",
    "headlines": [
        {"value": "Port opens its new quay", "role": "main", "contentType": "text/plain"}
    ],
    "bodies": [{"value": "<p>…</p>", "role": "main", "contentType": "text/html"}],
    "subjects": [{"name": "Shipping", "uri": "http://cv.iptc.org/newscodes/mediatopic/20000209"}],
    "genres": [{"name": "Actuality", "uri": "http://cv.iptc.org/newscodes/genre/Actuality"}],
    "altIds": [{"role": "feed", "value": "urn:newsml:news.example:20260301:4711"}],
    "wirefeed": _OURS,
}
DIGEST = "5c4a3a0e6a1d0e7b2f9a8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f"
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_NAMED = {
    "type": "object",
    "required": ["change", "uri", "version"],
    "properties": {"change": _TEXT, "uri": _TEXT, "version": _TEXT},
}
_PAGE_MEMBERS: dict[str, Any] = {
    "count": {**_COUNT, "description": "Entries on this page."},
    "total": {**_COUNT, "description": "Changes since the cursor was begun."},
    "digest": {**_TEXT, "description": "The digest of all of them, in hexadecimal."},
    "next": {**_TEXT, "description": "The cursor behind the last of these; keep it."},
    "more": {"type": "boolean", "description": "More follows now: ask at once."},
}
PAGE = Raw(
    media_types=("application/json",),
    schema={
        "type": "object",
        "required": ["items", *_PAGE_MEMBERS],
        "properties": {
            "items": {
                "type": "array",
                "items": {"type": "object", "required": ["uri", "version", "wirefeed"]},
                "description": "Changes, each an object of ninjs 3 with the member wirefeed.",
            },
            **_PAGE_MEMBERS,
            "kills": {
                "type": "array",
                "items": _NAMED,
                "description": "Kills that follow in their place, told ahead: act on them now. They"
                " are neither counted nor digested here.",
            },
        },
    },
)
CHANGES = Raw(
    media_types=("application/json",),
    schema={
        "type": "object",
        "required": ["items", "from", *_PAGE_MEMBERS],
        "properties": {
            "items": {"type": "array", "items": _NAMED},
            "from": {**_TEXT, "description": "The cursor before the first of these."},
            **_PAGE_MEMBERS,
            "agrees": {
                "type": "boolean",
                "description": "Whether total and digest are those of the cursor `until`.",
            },
        },
    },
)
EVENTS = Raw(
    media_types=("text/event-stream",), schema={"type": "string", "contentMediaType": "text/plain"}
)
STORY = Raw(media_types=("application/json",), schema={"type": "object", "required": ["uri"]})


class Filters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of the wire is asked for."""

    topics: Annotated[
        str, Meta(description="Only these topics, by slug, with commas between them.")
    ] = ""
    languages: Annotated[str, Meta(description="Only these languages, with commas.")] = ""


AFTER = Annotated[
    str,
    Meta(description="The cursor to go on from; oldest: as far back as your plans reach."),
]
_SINCE = Annotated[
    str, Meta(description="Begin with what came from this time on, instead of a cursor.")
]


class Asked(Filters, kw_only=True, forbid_unknown_fields=True):
    """Which page is asked for, and for how long."""

    after: AFTER = ""
    since: _SINCE = ""
    limit: Annotated[int, Meta(ge=1, le=500, description="How many entries at most.")] = 100
    wait: Annotated[
        int, Meta(ge=0, le=60, description="Seconds to hold the request while there is nothing.")
    ] = 0


class Listened(Filters, kw_only=True, forbid_unknown_fields=True):
    """Where a stream begins."""

    after: AFTER = ""


class Range(Filters, kw_only=True, forbid_unknown_fields=True):
    """From where to where."""

    after: Annotated[
        str, Meta(description="The cursor to begin with; empty or oldest: where you began.")
    ] = ""
    until: Annotated[str, Meta(description="The cursor you have come to; empty: all there is.")] = (
        ""
    )
    limit: Annotated[int, Meta(ge=1, le=5_000, description="How many at most.")] = 1_000


class Received(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a partner has, and keeps."""

    cursor: Annotated[str, Meta(min_length=1, max_length=200)]
