"""Webhooks by the API, as an administrator has them for any subscriber."""

from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Permission
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Param, Result
from wirefeed.web.api.webhook_operations import (
    Operations,
    added,
    listed,
    logged,
    removed,
    replayed,
    rotated,
    told,
)
from wirefeed.web.api.webhook_shapes import Replay, WebhookRotation, WebhookTerms

_ANY = Operations(
    all="/api/v1/admin/subscribers/{owner}/webhooks",
    calls="/api/v1/admin/subscribers/{owner}/webhook-attempts",
    one="/api/v1/admin/webhooks/{id}",
    reads=Permission.CREDENTIALS_READ,
    writes=Permission.CREDENTIALS_WRITE,
    owner={"owner": Param(pattern=NAME, description="The subscriber.", example="gazette")},
)


@_ANY.listing
async def list_webhooks(call: Call[None, Page]) -> Result:
    """List the webhooks of a subscriber, and how it goes with them."""
    return await listed(call, call.params["owner"])


@_ANY.adding
async def add_webhook(call: Call[WebhookTerms, None]) -> Result:
    """Have what a subscriber hears from now on sent to an address.

    Each change is a POST of its entry on the wire, signed as Standard Webhooks says: verify it
    with the secret, which stands in this answer and nowhere else. Changes come in order, one at a
    time, and until they are answered with 2xx; kills come first. What came already has the
    `webhook-id` that it had. 410 ends it.
    """
    return await added(call, call.params["owner"], _ANY.one)


@_ANY.logging
async def list_webhook_attempts(call: Call[None, Page]) -> Result:
    """List the calls of a subscriber's webhooks: the last 1,000 are kept."""
    return await logged(call, call.params["owner"])


@_ANY.telling
async def get_webhook(call: Call[None, None]) -> Result:
    """Give a webhook, without its secret."""
    return await told(call, None)


@_ANY.rotating
async def rotate_webhook(call: Call[WebhookRotation, None]) -> Result:
    """Give a webhook another secret.

    Until the overlap is over, what is sent bears two signatures: by the new secret, and by the
    old one.
    """
    return await rotated(call, None)


@_ANY.replaying
async def replay_webhook(call: Call[Replay, None]) -> Result:
    """Send to a webhook once more, each story as it may be seen now.

    Since a time, everything that it hears, as far as the archive of its plans reaches; or what
    was sent in one attempt. It bears the `webhook-id` that it had.
    """
    return await replayed(call, None)


@_ANY.removing
async def remove_webhook(call: Call[None, None]) -> Result:
    """Send nothing to a webhook any more."""
    return await removed(call, None)


ENDPOINTS = [
    list_webhooks,
    add_webhook,
    list_webhook_attempts,
    get_webhook,
    rotate_webhook,
    replay_webhook,
    remove_webhook,
]
