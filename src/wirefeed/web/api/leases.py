"""Leases of the WebSub hub by the API: who is told of what, how that goes, and their end.

Never an address: a callback's may be a secret of its subscriber's, a feed's may hold a key.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.domain.roles import Permission
from wirefeed.services.hub import Held
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Listing, Operation, Param, Result
from wirefeed.web.api.shapes import maybe
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import HUB

_TAG = "Leases"
_ID = {
    "id": Param(
        pattern=re.compile(r"[0-9a-f]{32}", re.ASCII),
        description="The lease's id. It is no secret.",
        example="0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    )
}
#: How one is told of.
ANSWER: Mapping[str, Any] = {
    "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "subscriber": "gazette",
    "feed_key": "0a1b2c3d4e5f",
    "token": None,
    "door": "private",
    "feed": "en/latest.rss",
    "host": "reader.example",
    "signed": True,
    "created": "2026-03-01T12:00:00Z",
    "verified": "2026-03-08T12:00:00Z",
    "expires": "2026-03-18T12:00:00Z",
    "delivered": "2026-03-09T08:00:00Z",
    "current": True,
    "failures": 0,
    "failing_since": None,
    "failure": None,
    "next": None,
}


class LeaseShape(msgspec.Struct, kw_only=True):
    """A callback that is sent a feed whenever it changes."""

    id: str
    subscriber: Annotated[str | None, Meta(description="Whose feed it is; null: everybody's.")]
    feed_key: Annotated[str | None, Meta(description="The private address it was asked with.")]
    token: Annotated[str | None, Meta(description="The token it was asked with.")]
    door: Annotated[str, Meta(description="How it comes to the feed: as who, in its address.")]
    feed: Annotated[str, Meta(description="The end of the feed's address.")]
    host: Annotated[str, Meta(description="The callback's host; its address is not told.")]
    signed: Annotated[bool, Meta(description="Whether what is sent is signed.")]
    created: Time
    verified: Annotated[Time, Meta(description="When the callback last said that it asked.")]
    expires: Time
    delivered: Annotated[Time | None, Meta(description="When it last took the feed.")]
    current: Annotated[bool, Meta(description="Whether it was told everything.")]
    failures: Annotated[int, Meta(description="How often it failed, one after the other.")]
    failing_since: Time | None
    failure: Annotated[
        str | None,
        Meta(
            description="Why it last failed: `name`, `address`, `refused`, `tls`, `timeout`,"
            " `broken` or `status` (no 2xx)."
        ),
    ]
    next: Annotated[Time | None, Meta(description="Not before this time again.")]


class LeaseListing(Listing, kw_only=True):
    """Some leases."""

    leases: Annotated[list[LeaseShape], Meta(description="By `id`.")]


class Filter(Page, kw_only=True, forbid_unknown_fields=True):
    """Which leases."""

    subscriber: Annotated[
        str,
        Meta(
            pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$",
            description="Only those of this subscriber's feeds.",
        ),
    ] = ""
    failing: Annotated[bool, Meta(description="Only those whose callbacks could not be told.")] = (
        False
    )


@Operation(
    method="GET",
    path="/api/v1/admin/leases",
    access=Permission.CREDENTIALS_READ,
    tag=_TAG,
    query=Filter,
    gives=LeaseListing,
    query_example={"subscriber": "gazette"},
    answer={"leases": [ANSWER], "next": None},
)
async def list_leases(call: Call[None, Filter]) -> Result:
    """List the leases of the hub as they were granted, and how their callbacks do."""
    query = call.query
    found = await call.app[HUB].held(
        query.subscriber or None,
        failing=query.failing,
        after=call.after() or "",
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    more = call.cursor(shown[-1].lease.id) if len(found) > len(shown) else None
    return Result(value=LeaseListing(leases=list(map(_shape, shown)), next=more))


@Operation(
    method="DELETE",
    path="/api/v1/admin/leases/{id}",
    params=_ID,
    access=Permission.CREDENTIALS_WRITE,
    tag=_TAG,
    statuses=(HTTPStatus.NO_CONTENT,),
)
async def end_lease(call: Call[None, None]) -> Result:
    """End a lease: nothing is sent to its callback any more, which is not told so.

    It may ask for another.
    """
    await call.app[HUB].end(call.params["id"], call.by)
    return Result()


def _shape(one: Held) -> LeaseShape:
    lease, standing = one.lease, one.lease.standing
    return LeaseShape(
        id=lease.id,
        subscriber=lease.owner.subscriber,
        feed_key=lease.owner.feed_key,
        token=lease.owner.token,
        door=lease.door,
        feed=lease.tail,
        host=lease.host,
        signed=lease.secret is not None,
        created=moment(lease.created),
        verified=moment(lease.verified),
        expires=moment(lease.expires),
        delivered=maybe(lease.delivered),
        current=one.is_current,
        failures=standing.failures,
        failing_since=maybe(standing.since),
        failure=standing.reason or None,
        next=maybe(standing.again if standing.failures else None),
    )


ENDPOINTS = [list_leases, end_lease]
