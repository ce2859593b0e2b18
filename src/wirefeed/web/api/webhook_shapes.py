"""How webhooks and what was sent to them are asked for and told. Never a secret but once."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.domain.webhooks import Attempt, Disabled, Webhook
from wirefeed.web.api.operation import Listing
from wirefeed.web.api.shapes import maybe
from wirefeed.web.api.times import Time, moment

_Name = Annotated[str, Meta(max_length=64)]
_Topics = Annotated[
    list[_Name], Meta(max_length=200, description="Only these topics, by slug; empty: all.")
]
_Languages = Annotated[
    list[_Name], Meta(max_length=200, description="Only these languages; empty: all.")
]


class WebhookTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a webhook is to be."""

    url: Annotated[str, Meta(max_length=2048, description="Where changes are sent, by POST.")]
    topics: _Topics = []
    languages: _Languages = []


class WebhookShape(msgspec.Struct, kw_only=True):
    """A webhook, without its secret."""

    id: str
    subscriber: str
    url: str
    topics: list[str]
    languages: list[str]
    created: Time
    rotates_until: Annotated[
        Time | None, Meta(description="Until when the secret before the last signs, too.")
    ]
    called: Annotated[Time | None, Meta(description="When it was last called.")]
    status: Annotated[int | None, Meta(description="What it answered; null: nothing.")]
    failures: Annotated[int, Meta(description="How often it failed, one after the other.")]
    failing_since: Time | None
    failure: Annotated[
        str | None,
        Meta(
            description="Why it last failed: `name`, `address`, `refused`, `tls`, `timeout`,"
            " `broken`, `status` (no 2xx) or `gone` (410)."
        ),
    ]
    next: Annotated[Time | None, Meta(description="Not before this time again.")]
    disabled: Annotated[Time | None, Meta(description="When it was given up for good.")]
    reason: Disabled | None


class NewWebhook(WebhookShape, kw_only=True):
    """A webhook with a secret that was just made."""

    secret: Annotated[
        str,
        Meta(description="It signs what is sent (Standard Webhooks). It is never shown again."),
    ]


class WebhookListing(Listing, kw_only=True):
    """Some webhooks."""

    webhooks: Annotated[list[WebhookShape], Meta(description="By `id`.")]


class WebhookRotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How one secret gives way to another."""

    overlap_seconds: Annotated[
        int, Meta(ge=0, le=2_592_000, description="The old one signs this long, too.")
    ] = 86_400


class Replay(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be sent once more: one of the two."""

    since: Annotated[
        Time | None, Meta(description="Everything that was announced since this time.")
    ] = None
    attempt: Annotated[
        Annotated[int, Meta(ge=1, le=2**53)] | None,
        Meta(description="What was sent in this attempt."),
    ] = None


class AttemptShape(msgspec.Struct, kw_only=True):
    """A call of a webhook."""

    id: int
    webhook: str
    at: Time
    message: Annotated[
        str, Meta(description="`webhook-id`: the same however often a change is sent.")
    ]
    change: str
    guid: str
    version: int
    status: Annotated[int | None, Meta(description="What it answered; null: nothing.")]
    failure: Annotated[str | None, Meta(description="Why it failed; null: it did not.")]
    milliseconds: int


class AttemptListing(Listing, kw_only=True):
    """Some calls."""

    attempts: Annotated[list[AttemptShape], Meta(description="The newest first.")]


#: How one is told of.
ANSWER: Mapping[str, Any] = {
    "id": "0a1b2c3d4e5f",
    "subscriber": "gazette",
    "url": "https://gazette.example/wirefeed",
    "topics": ["sport"],
    "languages": [],
    "created": "2026-03-01T12:00:00Z",
    "rotates_until": None,
    "called": "2026-03-02T08:00:00Z",
    "status": 204,
    "failures": 0,
    "failing_since": None,
    "failure": None,
    "next": None,
    "disabled": None,
    "reason": None,
}
SECRET = {**ANSWER, "secret": "whsec_…"}
EXAMPLE = {"url": "https://gazette.example/wirefeed", "topics": ["sport"]}
ATTEMPT: Mapping[str, Any] = {
    "id": 17,
    "webhook": "0a1b2c3d4e5f",
    "at": "2026-03-02T08:00:00Z",
    "message": "msg_ak2v7nq4mzt6xw3rl5cy2hf7pd4gub6s",
    "change": "update",
    "guid": "tag:news.example,2026:1",
    "version": 3,
    "status": 503,
    "failure": "status",
    "milliseconds": 41,
}
LISTED = {"webhooks": [ANSWER], "next": None}
LOGGED = {"attempts": [ATTEMPT], "next": None}


def webhook_shape(row: Webhook) -> WebhookShape:
    """Tell of a webhook."""
    standing = row.standing
    return WebhookShape(
        id=row.id,
        subscriber=row.subscriber,
        url=row.url,
        topics=sorted(row.following.topics),
        languages=sorted(row.following.languages),
        created=moment(row.created),
        rotates_until=maybe(row.rotates_until or None),
        called=maybe(row.called),
        status=row.status or None,
        failures=standing.failures,
        failing_since=maybe(standing.since),
        failure=standing.reason or None,
        next=maybe(standing.again or None),
        disabled=maybe(row.disabled),
        reason=row.reason,
    )


def new_webhook(row: Webhook, secret: str) -> NewWebhook:
    """Tell of a webhook once, with its secret."""
    return NewWebhook(secret=secret, **msgspec.structs.asdict(webhook_shape(row)))


def attempt_shape(attempt: Attempt) -> AttemptShape:
    """Tell of a call."""
    return AttemptShape(
        id=attempt.id,
        webhook=attempt.webhook,
        at=moment(attempt.at),
        message=attempt.message,
        change=attempt.kind,
        guid=attempt.about,
        version=attempt.version,
        status=attempt.status or None,
        failure=attempt.reason or None,
        milliseconds=attempt.took // 1000,
    )
