"""Webhooks by the API, as an administrator has them for any subscriber."""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar

from wirefeed.domain.errors import Unacceptable, WirefeedError
from wirefeed.domain.plans import NAME
from wirefeed.domain.readers import Reader
from wirefeed.domain.roles import Permission
from wirefeed.domain.webhooks import following
from wirefeed.services.webhooks import IssuedWebhook
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Operation, Param, Result
from wirefeed.web.api.times import micros
from wirefeed.web.api.webhook_shapes import (
    ANSWER,
    EXAMPLE,
    LISTED,
    LOGGED,
    SECRET,
    AttemptListing,
    NewWebhook,
    Replay,
    WebhookListing,
    WebhookRotation,
    WebhookShape,
    WebhookTerms,
    attempt_shape,
    new_webhook,
    webhook_shape,
)
from wirefeed.web.request import WEBHOOKS

TAG = "Webhooks"
_SECOND = 1_000_000
_OWNER = {"owner": Param(pattern=NAME, description="The subscriber.", example="gazette")}
ID = {
    "id": Param(
        pattern=re.compile(r"[0-9a-f]{12}", re.ASCII),
        description="The webhook's id. It is no secret.",
        example="0a1b2c3d4e5f",
    )
}
_OF_ONE = "/api/v1/admin/subscribers/{owner}"
_ADMIN = "/api/v1/admin/webhooks/{id}"
#: One of a subscriber's own.
OWN = "/api/v1/account/webhooks/{id}"
CREATED = (HTTPStatus.CREATED,)
REMOVED = (HTTPStatus.NO_CONTENT,)
TAKEN = (HTTPStatus.ACCEPTED,)
REFUSED = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
UNPROCESSABLE = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY})
_READ, _WRITE = Permission.CREDENTIALS_READ, Permission.CREDENTIALS_WRITE
_Done = TypeVar("_Done")


@Operation(
    method="GET",
    path=f"{_OF_ONE}/webhooks",
    params=_OWNER,
    access=_READ,
    tag=TAG,
    query=Page,
    gives=WebhookListing,
    answer=LISTED,
)
async def list_webhooks(call: Call[None, Page]) -> Result:
    """List the webhooks of a subscriber, and how it goes with them."""
    return await listed(call, call.params["owner"])


@Operation(
    method="POST",
    path=f"{_OF_ONE}/webhooks",
    params=_OWNER,
    access=_WRITE,
    tag=TAG,
    body=WebhookTerms,
    gives=NewWebhook,
    statuses=CREATED,
    problems=REFUSED,
    example=EXAMPLE,
    answer=SECRET,
)
async def add_webhook(call: Call[WebhookTerms, None]) -> Result:
    """Have what a subscriber hears from now on sent to an address.

    Each change is a POST of its entry on the wire, signed as Standard Webhooks says: verify it
    with the secret, which stands in this answer and nowhere else. Changes come in order, one at a
    time, and until they are answered with 2xx; kills come first. What came already has the
    `webhook-id` that it had. 410 ends it.
    """
    return await added(call, call.params["owner"])


@Operation(
    method="GET",
    path=f"{_OF_ONE}/webhook-attempts",
    params=_OWNER,
    access=_READ,
    tag=TAG,
    query=Page,
    gives=AttemptListing,
    answer=LOGGED,
)
async def list_webhook_attempts(call: Call[None, Page]) -> Result:
    """List the calls of a subscriber's webhooks: the last 1,000 are kept."""
    return await logged(call, call.params["owner"])


@Operation(
    method="GET",
    path=_ADMIN,
    params=ID,
    access=_READ,
    tag=TAG,
    gives=WebhookShape,
    answer=ANSWER,
)
async def get_webhook(call: Call[None, None]) -> Result:
    """Give a webhook, without its secret."""
    return await told(call, None)


@Operation(
    method="POST",
    path=f"{_ADMIN}/rotate",
    params=ID,
    access=_WRITE,
    tag=TAG,
    body=WebhookRotation,
    gives=NewWebhook,
    statuses=CREATED,
    problems=UNPROCESSABLE,
    example={"overlap_seconds": 3600},
    answer=SECRET,
)
async def rotate_webhook(call: Call[WebhookRotation, None]) -> Result:
    """Give a webhook another secret.

    Until the overlap is over, what is sent bears two signatures: by the new secret, and by the
    old one.
    """
    return await rotated(call, None)


@Operation(
    method="POST",
    path=f"{_ADMIN}/replay",
    params=ID,
    access=_WRITE,
    tag=TAG,
    body=Replay,
    gives=WebhookShape,
    statuses=TAKEN,
    problems=REFUSED,
    example={"attempt": 17},
    answer=ANSWER,
)
async def replay_webhook(call: Call[Replay, None]) -> Result:
    """Send to a webhook once more, each story as it may be seen now.

    Since a time, everything that it hears, as far as the archive of its plans reaches; or what
    was sent in one attempt. It bears the `webhook-id` that it had.
    """
    return await replayed(call, None)


@Operation(method="DELETE", path=_ADMIN, params=ID, access=_WRITE, tag=TAG, statuses=REMOVED)
async def remove_webhook(call: Call[None, None]) -> Result:
    """Send nothing to a webhook any more."""
    await call.app[WEBHOOKS].remove(call.params["id"], call.by)
    return Result()


async def listed(call: Call[None, Page], owner: str) -> Result:
    """List the webhooks of a subscriber."""
    limit = call.query.limit
    found = await call.app[WEBHOOKS].all(owner, after=call.after() or "", limit=limit + 1)
    shown = found[:limit]
    more = call.cursor(shown[-1].id) if len(found) > limit else None
    return Result(value=WebhookListing(webhooks=list(map(webhook_shape, shown)), next=more))


async def logged(call: Call[None, Page], owner: str) -> Result:
    """List the calls of a subscriber's webhooks."""
    limit, after = call.query.limit, call.after()
    before = None if after is None else int(after)
    found = await call.app[WEBHOOKS].log(owner, before=before, limit=limit + 1)
    shown = found[:limit]
    more = call.cursor(str(shown[-1].id)) if len(found) > limit else None
    return Result(value=AttemptListing(attempts=list(map(attempt_shape, shown)), next=more))


async def told(call: Call[Any, None], of: str | None) -> Result:
    """Tell of a webhook; `of` says whose it has to be."""
    return Result(value=webhook_shape(await call.app[WEBHOOKS].get(call.params["id"], of=of)))


async def added(call: Call[WebhookTerms, None], owner: str) -> Result:
    """Add a webhook to a subscriber, and tell its secret."""
    token = call.caller.token if isinstance(call.caller, Reader) else None

    async def add() -> IssuedWebhook:
        return await call.app[WEBHOOKS].add(
            owner,
            call.body.url,
            following(call.body.topics, call.body.languages),
            call.by,
            token=None if token is None else token.jti,
        )

    added = await _of_the_body(add)
    path = _ADMIN if token is None else OWN
    return Result(
        value=new_webhook(added.row, added.secret), location=path.replace("{id}", added.row.id)
    )


async def rotated(call: Call[WebhookRotation, None], of: str | None) -> Result:
    """Give a webhook another secret, and tell that."""
    overlap = call.body.overlap_seconds * _SECOND
    rotated = await call.app[WEBHOOKS].rotate(call.params["id"], call.by, overlap=overlap, of=of)
    return Result(value=new_webhook(rotated.row, rotated.secret))


async def replayed(call: Call[Replay, None], of: str | None) -> Result:
    """Have something sent once more."""
    webhook_id, since, attempt = call.params["id"], call.body.since, call.body.attempt
    webhooks = call.app[WEBHOOKS]
    if since is not None and attempt is None:
        await webhooks.replay(webhook_id, micros(since, "$.since"), call.by, of=of)
    elif attempt is not None and since is None:
        number = attempt
        await _of_the_body(lambda: webhooks.repeat(webhook_id, number, call.by, of=of))
    else:
        raise Unacceptable(
            "one of the two says what is to be sent", field="$.since", remedy="or send $.attempt"
        )
    return await told(call, of)


async def _of_the_body(work: Callable[[], Awaitable[_Done]]) -> _Done:
    """Name the field of the body that a refusal is about: it is the body's fault."""
    try:
        return await work()
    except WirefeedError as error:
        if error.field not in {"url", "topics", "languages", "attempt"}:
            raise
        raise Unacceptable(error.message, field=f"$.{error.field}", remedy=error.remedy) from error


ENDPOINTS = [
    list_webhooks,
    add_webhook,
    list_webhook_attempts,
    get_webhook,
    rotate_webhook,
    replay_webhook,
    remove_webhook,
]
