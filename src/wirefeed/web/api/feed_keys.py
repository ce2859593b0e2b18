"""Private feed addresses by the API."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from msgspec import Meta

from wirefeed.domain.credentials import FeedKey
from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Permission
from wirefeed.services.feed_keys import IssuedFeedKey
from wirefeed.web.api import shapes
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Listing, Operation, Param, Result
from wirefeed.web.api.shapes import FeedKeyShape, FeedKeyTerms, Name, NewFeedKey
from wirefeed.web.request import FEED_KEYS, HOUSE

_TAG = "Private addresses"
_OWNER = {"owner": Param(pattern=NAME, description="The subscriber.", example="gazette")}
KEY_ID = {
    "id": Param(
        pattern=re.compile(r"[0-9a-f]{12}", re.ASCII),
        description="The address's id. It is no secret.",
        example="0a1b2c3d4e5f",
    )
}
_LIST = "/api/v1/admin/subscribers/{owner}/feed-keys"
_ONE = "/api/v1/admin/feed-keys/{id}"
_CREATED = (HTTPStatus.CREATED,)
_CONFLICT = frozenset({HTTPStatus.CONFLICT})
#: How one is told of.
ANSWER: Mapping[str, Any] = {
    "id": "0a1b2c3d4e5f",
    "subscriber": "gazette",
    "name": "reading desk",
    "tail": "x7Qa",
    "feeds": ["en/latest"],
    "selection": [],
    "issued": "2026-03-01T12:00:00Z",
    "last_used": None,
    "flagged": None,
    "revoked": None,
    "reason": None,
}
_SECRET = {**ANSWER, "url": "https://news.example/f/wf_feed_…/"}


class FeedKeyListing(Listing, kw_only=True):
    """Some private addresses."""

    feed_keys: Annotated[list[FeedKeyShape], Meta(description="By `id`.")]


@Operation(
    method="GET",
    path=_LIST,
    params=_OWNER,
    access=Permission.CREDENTIALS_READ,
    tag=_TAG,
    query=Page,
    gives=FeedKeyListing,
    answer={"feed_keys": [ANSWER], "next": None},
)
async def list_feed_keys(call: Call[None, Page]) -> Result:
    """List the private addresses of a subscriber."""
    found = await call.app[FEED_KEYS].all(
        call.params["owner"], after=call.after() or "", limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    more = call.cursor(shown[-1].id) if len(found) > len(shown) else None
    keys = [shapes.feed_key_shape(key) for key in shown]
    return Result(value=FeedKeyListing(feed_keys=keys, next=more))


@Operation(
    method="POST",
    path=_LIST,
    params=_OWNER,
    access=Permission.CREDENTIALS_WRITE,
    tag=_TAG,
    body=FeedKeyTerms,
    gives=NewFeedKey,
    statuses=_CREATED,
    problems=frozenset({HTTPStatus.UNPROCESSABLE_ENTITY}),
    example={"name": "reading desk", "feeds": ["en/latest"]},
    answer=_SECRET,
)
async def issue_feed_key(call: Call[FeedKeyTerms, None]) -> Result:
    """Make a private address for a subscriber.

    The address stands in this answer and nowhere else. To give it to somebody without seeing
    it, make a hand-over instead.
    """
    with shapes.fields_of_the_body():
        issued = await call.app[FEED_KEYS].issue(
            call.params["owner"], call.body.name, feeds=call.body.feeds, by=call.by
        )
    return _once(call, issued)


@Operation(
    method="GET",
    path=_ONE,
    params=KEY_ID,
    access=Permission.CREDENTIALS_READ,
    tag=_TAG,
    gives=FeedKeyShape,
    answer=ANSWER,
)
async def get_feed_key(call: Call[None, None]) -> Result:
    """Give a private address, without its secret."""
    return _told(await call.app[FEED_KEYS].get(call.params["id"]))


@Operation(
    method="PATCH",
    path=_ONE,
    params=KEY_ID,
    access=Permission.CREDENTIALS_WRITE,
    tag=_TAG,
    body=Name,
    gives=FeedKeyShape,
    example={"name": "phone"},
    answer=ANSWER,
)
async def name_feed_key(call: Call[Name, None]) -> Result:
    """Call a private address by another name."""
    return _told(await call.app[FEED_KEYS].rename(call.params["id"], call.body.name, call.by))


@Operation(
    method="POST",
    path=f"{_ONE}/rotate",
    params=KEY_ID,
    access=Permission.CREDENTIALS_WRITE,
    tag=_TAG,
    gives=NewFeedKey,
    statuses=_CREATED,
    problems=_CONFLICT,
    answer=_SECRET,
)
async def rotate_feed_key(call: Call[None, None]) -> Result:
    """Make a private address in place of another.

    The old one goes on as the public feed, with a notice that says so.
    """
    return _once(call, await call.app[FEED_KEYS].rotate(call.params["id"], call.by))


@Operation(
    method="POST",
    path=f"{_ONE}/revoke",
    params=KEY_ID,
    access=Permission.CREDENTIALS_WRITE,
    tag=_TAG,
    gives=FeedKeyShape,
    answer=ANSWER,
)
async def revoke_feed_key(call: Call[None, None]) -> Result:
    """Take a private address back.

    From the next request on it shows what is public, with a notice, and after 90 days it is
    unknown. Once more it changes nothing.
    """
    return _told(await call.app[FEED_KEYS].revoke(call.params["id"], call.by))


def _told(key: FeedKey) -> Result:
    return Result(value=shapes.feed_key_shape(key))


def _once(call: Call[Any, Any], issued: IssuedFeedKey) -> Result:
    url = call.app[HOUSE].url(f"/f/{issued.secret}/")
    return Result(
        value=shapes.new_feed_key(issued.row, url),
        location=f"/api/v1/admin/feed-keys/{issued.row.id}",
    )


ENDPOINTS = [
    list_feed_keys,
    issue_feed_key,
    get_feed_key,
    name_feed_key,
    rotate_feed_key,
    revoke_feed_key,
]
