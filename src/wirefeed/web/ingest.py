"""Stories in over HTTP: one ninjs message a request. No rules here."""

import asyncio
from http import HTTPStatus

from aiohttp import hdrs, web

from wirefeed.domain.errors import Invalid
from wirefeed.domain.revising import Outcome
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message
from wirefeed.web.client import client_address
from wirefeed.web.request import (
    HOUSE,
    PUBLISHING,
    READERS,
    json_response,
    presented,
    read_body,
)

_LARGE = 16 * 1024
_MEDIA_TYPES = frozenset({"application/json", "application/ninjs+json"})


async def post_story(request: web.Request) -> web.StreamResponse:
    """Take a story in: 201 when it is new, 200 otherwise, durable when this answers."""
    source = await request.app[READERS].source(presented(request), client_address(request))
    if request.content_type not in _MEDIA_TYPES or _charset(request) != "utf-8":
        raise web.HTTPUnsupportedMediaType(reason="send JSON in UTF-8, as application/json")
    # A decompressed body may be a thousand times what was sent.
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
        raise web.HTTPUnsupportedMediaType(reason="send it without a content coding")
    raw = await read_body(request)
    receipt = await request.app[PUBLISHING].accept(await _read(raw), source)
    if receipt.error is not None:
        raise receipt.error
    if receipt.story is None or receipt.outcome is None:
        raise Invalid
    story = receipt.story
    address = f"/{story.language}/stories/{story.id}" if story.language else ""
    created = receipt.outcome is Outcome.CREATED
    response = json_response(
        {
            "outcome": receipt.outcome,
            "uri": story.guid,
            "version": str(story.version),
            "pubStatus": story.revision.status,
            "topics": sorted(story.topics),
            "url": request.app[HOUSE].url(address) if address else None,
        },
        status=HTTPStatus.CREATED if created else HTTPStatus.OK,
    )
    if created and address:
        response.headers[hdrs.LOCATION] = request.app[HOUSE].url(address)
    return response


def _charset(request: web.Request) -> str:
    """RFC 8259 §8.1: JSON between systems is UTF-8."""
    return (request.charset or "utf-8").lower()


async def _read(raw: bytes) -> Message:
    """Read a message; a large one beside the loop, which others wait for."""
    return await asyncio.to_thread(_message, raw) if len(raw) > _LARGE else _message(raw)


def _message(raw: bytes) -> Message:
    try:
        return Message(raw=raw, revision=ninjs.parse(raw))
    except Invalid as error:
        return Message(raw=raw, error=error)


ROUTES = [web.post("/api/v1/stories", post_story)]
