"""Webhooks by the API, as a partner has its own."""

from wirefeed.domain.credentials import Scope
from wirefeed.domain.errors import Forbidden, NotFound
from wirefeed.domain.readers import Reader, remedy
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Caller, Result
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

_OWN = Operations(
    all="/api/v1/account/webhooks",
    calls="/api/v1/account/webhook-attempts",
    one="/api/v1/account/webhooks/{id}",
    reads=Caller.ACCOUNT,
    writes=Caller.ACCOUNT,
)


@_OWN.listing
async def list_own_webhooks(call: Call[None, Page]) -> Result:
    """List your webhooks, and how it goes with them."""
    return await listed(call, _own(call.reader))


@_OWN.adding
async def add_own_webhook(call: Call[WebhookTerms, None]) -> Result:
    """Have what you hear from now on sent to an address of yours.

    It takes a token with the scope `wire:read` that is narrowed to no plan. Each change is a
    POST of its entry on the wire, signed as Standard Webhooks says: verify it with the secret,
    which stands in this answer and nowhere else. Changes come in order, one at a time, and until
    they are answered with 2xx; kills come first. What came already has the `webhook-id` that it
    had. 410 ends it.
    """
    return await added(call, _whole(call.reader), _OWN.one)


@_OWN.logging
async def list_own_webhook_attempts(call: Call[None, Page]) -> Result:
    """List the calls of your webhooks: the last 1,000 are kept."""
    return await logged(call, _own(call.reader))


@_OWN.telling
async def get_own_webhook(call: Call[None, None]) -> Result:
    """Give a webhook of yours, without its secret."""
    return await told(call, _own(call.reader))


@_OWN.rotating
async def rotate_own_webhook(call: Call[WebhookRotation, None]) -> Result:
    """Give a webhook of yours another secret.

    Until the overlap is over, what is sent bears two signatures: by the new secret, and by the
    old one.
    """
    return await rotated(call, _whole(call.reader))


@_OWN.replaying
async def replay_own_webhook(call: Call[Replay, None]) -> Result:
    """Send to a webhook of yours once more, each story as it may be seen now.

    Since a time, everything that you hear, as far as the archive of your plans reaches; or what
    was sent in one attempt. It bears the `webhook-id` that it had.
    """
    return await replayed(call, _whole(call.reader))


@_OWN.removing
async def remove_own_webhook(call: Call[None, None]) -> Result:
    """Send nothing to a webhook of yours any more."""
    return await removed(call, _own(call.reader))


def _who(reader: Reader) -> str:
    if reader.subscriber is None:
        raise NotFound
    return reader.subscriber.id


def _own(reader: Reader) -> str:
    """Say whose account it is, for a token that may read all that a webhook is sent."""
    if reader.token is not None and reader.token.entitlements is not None:
        raise Forbidden(
            "this token is narrowed to some plans, and a webhook is sent all of them",
            field="entitlements",
            remedy="use a token that is not",
        )
    return _who(reader)


def _whole(reader: Reader) -> str:
    """Say whose account it is, for a token that may do all that a webhook does.

    What is sent is everything that the subscriber hears: it is not for who may read less.
    """
    token = reader.token
    if reader.lapse is not None:
        raise Forbidden(f"the subscription is {reader.lapse}", remedy=remedy(reader.lapse))
    if token is None or Scope.WIRE_READ not in token.scopes:
        raise Forbidden(f"the token lacks the scope {Scope.WIRE_READ}", field="scope")
    return _own(reader)


ENDPOINTS = [
    list_own_webhooks,
    add_own_webhook,
    list_own_webhook_attempts,
    get_own_webhook,
    rotate_own_webhook,
    replay_own_webhook,
    remove_own_webhook,
]
