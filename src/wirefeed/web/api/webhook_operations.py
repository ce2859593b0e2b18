"""What can be done with webhooks by the API, described and done alike whoever has them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.readers import Reader
from wirefeed.domain.webhooks import following
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Access, Call, Operation, Param, Result
from wirefeed.web.api.shapes import fields_of_the_body
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

_TAG = "Webhooks"
_SECOND = 1_000_000
_ID = {
    "id": Param(
        pattern=re.compile(r"[0-9a-f]{12}", re.ASCII),
        description="The webhook's id. It is no secret.",
        example="0a1b2c3d4e5f",
    )
}
_REFUSED = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
_UNPROCESSABLE = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY})
#: What a refusal may be about, as the bodies call it.
_FIELDS = {name: name for name in ("url", "topics", "languages", "attempt")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The operations on the webhooks that one kind of caller has: where they are, and for whom."""

    #: The addresses of all of them, of their calls, and of one.
    all: str
    calls: str
    one: str
    reads: Access
    writes: Access
    #: What the first two addresses hold.
    owner: Mapping[str, Param] = field(default_factory=dict)

    @property
    def listing(self) -> Operation[None, Page]:
        """List them."""
        return Operation(
            method="GET",
            path=self.all,
            params=self.owner,
            access=self.reads,
            tag=_TAG,
            query=Page,
            gives=WebhookListing,
            answer=LISTED,
        )

    @property
    def adding(self) -> Operation[WebhookTerms, None]:
        """Add one."""
        return Operation(
            method="POST",
            path=self.all,
            params=self.owner,
            access=self.writes,
            tag=_TAG,
            body=WebhookTerms,
            gives=NewWebhook,
            statuses=(HTTPStatus.CREATED,),
            problems=_REFUSED,
            example=EXAMPLE,
            answer=SECRET,
        )

    @property
    def logging(self) -> Operation[None, Page]:
        """List their calls."""
        return Operation(
            method="GET",
            path=self.calls,
            params=self.owner,
            access=self.reads,
            tag=_TAG,
            query=Page,
            gives=AttemptListing,
            answer=LOGGED,
        )

    @property
    def telling(self) -> Operation[None, None]:
        """Tell of one."""
        return Operation(
            method="GET",
            path=self.one,
            params=_ID,
            access=self.reads,
            tag=_TAG,
            gives=WebhookShape,
            answer=ANSWER,
        )

    @property
    def rotating(self) -> Operation[WebhookRotation, None]:
        """Give one another secret."""
        return Operation(
            method="POST",
            path=f"{self.one}/rotate",
            params=_ID,
            access=self.writes,
            tag=_TAG,
            body=WebhookRotation,
            gives=NewWebhook,
            statuses=(HTTPStatus.CREATED,),
            problems=_UNPROCESSABLE,
            example={"overlap_seconds": 3600},
            answer=SECRET,
        )

    @property
    def replaying(self) -> Operation[Replay, None]:
        """Send to one once more."""
        return Operation(
            method="POST",
            path=f"{self.one}/replay",
            params=_ID,
            access=self.writes,
            tag=_TAG,
            body=Replay,
            gives=WebhookShape,
            statuses=(HTTPStatus.ACCEPTED,),
            problems=_REFUSED,
            example={"attempt": 17},
            answer=ANSWER,
        )

    @property
    def removing(self) -> Operation[None, None]:
        """Remove one."""
        return Operation(
            method="DELETE",
            path=self.one,
            params=_ID,
            access=self.writes,
            tag=_TAG,
            statuses=(HTTPStatus.NO_CONTENT,),
        )


async def listed(call: Call[None, Page], owner: str) -> Result:
    """List the webhooks of a subscriber."""
    limit = call.query.limit
    found = await call.app[WEBHOOKS].all(owner, after=call.after() or "", limit=limit + 1)
    shown = found[:limit]
    more = call.cursor(shown[-1].id) if len(found) > limit else None
    return Result(value=WebhookListing(webhooks=list(map(webhook_shape, shown)), next=more))


async def added(call: Call[WebhookTerms, None], owner: str, one: str) -> Result:
    """Add a webhook to a subscriber, and tell its secret; `one` is where it is to be had."""
    token = call.caller.token if isinstance(call.caller, Reader) else None
    with fields_of_the_body(names=_FIELDS):
        added = await call.app[WEBHOOKS].add(
            owner,
            call.body.url,
            following(call.body.topics, call.body.languages),
            call.by,
            token=None if token is None else token.jti,
        )
    return Result(
        value=new_webhook(added.row, added.secret), location=one.replace("{id}", added.row.id)
    )


async def logged(call: Call[None, Page], owner: str) -> Result:
    """List the calls of a subscriber's webhooks."""
    limit, after = call.query.limit, call.after()
    before = None if after is None else int(after)
    found = await call.app[WEBHOOKS].log(owner, before=before, limit=limit + 1)
    shown = found[:limit]
    more = call.cursor(str(shown[-1].id)) if len(found) > limit else None
    return Result(value=AttemptListing(attempts=list(map(attempt_shape, shown)), next=more))


async def told(call: Call[object, None], of: str | None) -> Result:
    """Tell of a webhook; `of` says whose it has to be, None that it may be anybody's."""
    return Result(value=webhook_shape(await call.app[WEBHOOKS].get(call.params["id"], of=of)))


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
        with fields_of_the_body(names=_FIELDS):
            await webhooks.repeat(webhook_id, attempt, call.by, of=of)
    else:
        raise Unacceptable(
            "one of the two says what is to be sent", field="$.since", remedy="or send $.attempt"
        )
    return await told(call, of)


async def removed(call: Call[None, None], of: str | None) -> Result:
    """Remove a webhook."""
    await call.app[WEBHOOKS].remove(call.params["id"], call.by, of=of)
    return Result()
