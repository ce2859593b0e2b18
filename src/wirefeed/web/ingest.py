"""Stories in over HTTP: one ninjs message a request. No rules here."""

import asyncio
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.errors import Invalid
from wirefeed.domain.revising import Outcome
from wirefeed.domain.stories import PubStatus
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message
from wirefeed.web.api.operation import Call, Caller, Operation, Raw, Result
from wirefeed.web.request import HOUSE, PUBLISHING

_LARGE = 16 * 1024
_NINJS = Raw(
    media_types=("application/json", "application/ninjs+json"),
    schema={
        "type": "object",
        "description": "A story as ninjs 1, 2 or 3, with whatever else the newsroom writes.",
        "required": ["uri"],
        "properties": {"uri": {"type": "string", "description": "The story's identifier."}},
        "additionalProperties": True,
    },
)


class Receipt(msgspec.Struct, kw_only=True, rename={"status": "pubStatus"}):
    """What became of a story that was sent."""

    outcome: Outcome
    uri: Annotated[str, Meta(description="The story's identifier.")]
    version: str
    status: PubStatus
    topics: Annotated[list[str], Meta(description="The topics it stands in.")]
    url: Annotated[
        str | None, Meta(description="Its public page; null in a language that has none.")
    ]


@Operation(
    method="POST",
    path="/api/v1/stories",
    access=Caller.SOURCE,
    tag="Stories in",
    body=_NINJS,
    gives=Receipt,
    statuses=(HTTPStatus.CREATED, HTTPStatus.OK),
    problems=frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}),
    example={
        "uri": "urn:newsml:news.example:20260301:harbour",
        "version": "1",
        "versioncreated": "2026-03-01T11:00:00Z",
        "language": "en",
        "headline": "Harbour opens again",
        "body_html": "<p>The harbour opened on Sunday.</p>",
        "subject": [{"code": "medtop:04000000"}],
    },
    answer={
        "outcome": "created",
        "uri": "urn:newsml:news.example:20260301:harbour",
        "version": "1",
        "pubStatus": "usable",
        "topics": ["economy"],
        "url": "https://news.example/en/stories/abcdefghijklmnop/harbour-opens-again",
    },
)
async def post_story(call: Call[bytes, None]) -> Result:
    """Send a story.

    A new one, a newer version, a correction or a kill. 201 when it is new, 200 otherwise; either
    way it is on disk when this answers. Sent again it changes nothing, so whatever went wrong
    may be retried. The same version with other content is a conflict.
    """
    receipt = await call.app[PUBLISHING].accept(await _read(call.body), call.source)
    if receipt.error is not None:
        raise receipt.error
    if receipt.story is None or receipt.outcome is None:
        raise Invalid
    story = receipt.story
    address = f"/{story.language}/stories/{story.id}" if story.language else ""
    created = receipt.outcome is Outcome.CREATED
    return Result(
        value=Receipt(
            outcome=receipt.outcome,
            uri=story.guid,
            version=str(story.version),
            status=story.revision.status,
            topics=sorted(story.topics),
            url=call.app[HOUSE].url(address) if address else None,
        ),
        status=HTTPStatus.CREATED if created else HTTPStatus.OK,
        location=address if created else "",
    )


async def _read(raw: bytes) -> Message:
    """Read a message; a large one beside the loop, which others wait for."""
    return await asyncio.to_thread(_message, raw) if len(raw) > _LARGE else _message(raw)


def _message(raw: bytes) -> Message:
    try:
        return Message(raw=raw, revision=ninjs.parse(raw))
    except Invalid as error:
        return Message(raw=raw, error=error)


ENDPOINTS = [post_story]
