"""One-time links by the API: how a shop, a CRM or an identity provider hands access over."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.handovers import DAYS, Gives, HandOver, KeyTerms, Promise, SignIn, State
from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Permission
from wirefeed.web.api import shapes, tokens
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Listing, Operation, Param, Result
from wirefeed.web.api.shapes import FeedKeyTerms, TokenTerms
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import HANDOVERS, HOUSE

_TAG = "One-time links"
_OWNER = {"owner": Param(pattern=NAME, description="The subscriber.", example="gazette")}
_OWNED = _OWNER | {
    "id": Param(
        pattern=re.compile(r"[0-9a-f]{12}", re.ASCII),
        description="The link's id. It is no secret.",
        example="0a1b2c3d4e5f",
    )
}
_LIST = "/api/v1/admin/subscribers/{owner}/hand-overs"
_ONE = f"{_LIST}/{{id}}"
_ANSWER: Mapping[str, Any] = {
    "id": "0a1b2c3d4e5f",
    "subscriber": "gazette",
    "gives": "feed-key",
    "state": "waiting",
    "issued": "2026-03-01T12:00:00Z",
    "expires": "2026-03-08T12:00:00Z",
    "opened": None,
    "withdrawn": None,
}


class LostKeyTerms(FeedKeyTerms, kw_only=True, forbid_unknown_fields=True):
    """What a private feed address is to be, or in whose place it stands."""

    replaces: Annotated[
        Annotated[str, Meta(pattern="^[0-9a-f]{12}$")] | None,
        Meta(
            description="The id of an address that was lost: it is retired when the link is"
            " opened, and the new one keeps its name, its feeds and its selection."
        ),
    ] = None


class HandOverTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a link is to give, and for how long it can be opened."""

    gives: Gives
    token: Annotated[TokenTerms | None, Meta(description="On which terms, if it is a token.")] = (
        None
    )
    feed_key: Annotated[
        LostKeyTerms | None, Meta(description="On which terms, if it is a private address.")
    ] = None
    days: Annotated[int, Meta(ge=1, le=30, description="How long it can be opened.")] = DAYS


class HandOverShape(msgspec.Struct, kw_only=True):
    """A link, without its secret, and never with what it gave."""

    id: str
    subscriber: str
    gives: Gives
    state: State
    issued: Time
    expires: Time
    opened: Time | None
    withdrawn: Time | None


class NewHandOver(HandOverShape, kw_only=True):
    """A link that was just issued."""

    url: Annotated[
        str,
        Meta(
            description="The link, for nobody but whom it is meant for. It is shown here, and"
            " never again."
        ),
    ]


class HandOverListing(Listing, kw_only=True):
    """Some links."""

    hand_overs: Annotated[list[HandOverShape], Meta(description="By `id`.")]


@Operation(
    method="POST",
    path=_LIST,
    params=_OWNER,
    access=Permission.CREDENTIALS_WRITE,
    tag=_TAG,
    body=HandOverTerms,
    gives=NewHandOver,
    statuses=(HTTPStatus.CREATED,),
    problems=frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}),
    example={"gives": "feed-key", "feed_key": {"name": "reading desk"}},
    answer={**_ANSWER, "url": "https://news.example/h/wf_hand_…"},
)
async def issue_hand_over(call: Call[HandOverTerms, None]) -> Result:
    """Issue a link that gives a token, a private address or a signed-in browser, once.

    Send it to the subscriber. What it gives is made when it is opened, and shown to whoever
    opens it and to nobody else.
    """
    asked = call.body
    at = {Gives.TOKEN: "$.token", Gives.FEED_KEY: "$.feed_key", Gives.SIGN_IN: "$"}[asked.gives]
    with shapes.fields_of_the_body(at):
        issued = await call.app[HANDOVERS].issue(
            call.params["owner"],
            _promise(asked, call.params["owner"]),
            call.by,
            days=asked.days,
        )
    url = call.app[HOUSE].url(f"/h/{issued.secret}")
    shape = msgspec.structs.asdict(_shape(issued.row, call.now))
    return Result(
        value=NewHandOver(url=url, **shape),
        location=f"/api/v1/admin/subscribers/{issued.row.subscriber}/hand-overs/{issued.row.id}",
    )


@Operation(
    method="GET",
    path=_LIST,
    params=_OWNER,
    access=Permission.CREDENTIALS_READ,
    tag=_TAG,
    query=Page,
    gives=HandOverListing,
    answer={"hand_overs": [_ANSWER], "next": None},
)
async def list_hand_overs(call: Call[None, Page]) -> Result:
    """List the links of a subscriber: which were opened, and never what they gave."""
    found = await call.app[HANDOVERS].all(
        call.params["owner"], after=call.after() or "", limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    more = call.cursor(shown[-1].id) if len(found) > len(shown) else None
    rows = [_shape(row, call.now) for row in shown]
    return Result(value=HandOverListing(hand_overs=rows, next=more))


@Operation(
    method="GET",
    path=_ONE,
    params=_OWNED,
    access=Permission.CREDENTIALS_READ,
    tag=_TAG,
    gives=HandOverShape,
    answer=_ANSWER,
)
async def get_hand_over(call: Call[None, None]) -> Result:
    """Say what has become of a link."""
    row = await call.app[HANDOVERS].get(call.params["id"], of=call.params["owner"])
    return Result(value=_shape(row, call.now))


@Operation(
    method="POST",
    path=f"{_ONE}/withdraw",
    params=_OWNED,
    access=Permission.CREDENTIALS_WRITE,
    tag=_TAG,
    gives=HandOverShape,
    problems=frozenset({HTTPStatus.CONFLICT}),
    answer={**_ANSWER, "state": "withdrawn", "withdrawn": "2026-03-02T12:00:00Z"},
)
async def withdraw_hand_over(call: Call[None, None]) -> Result:
    """Withdraw a link, so that it can no longer be opened.

    Once more it changes nothing. One that was opened cannot be withdrawn: revoke what it gave.
    """
    row = await call.app[HANDOVERS].withdraw(call.params["id"], call.by, of=call.params["owner"])
    return Result(value=_shape(row, call.now))


def _promise(asked: HandOverTerms, owner: str) -> Promise:
    """Read what a link is to give. Raises `Unacceptable` for terms of something else."""
    for gives, terms, name in (
        (Gives.TOKEN, asked.token, "token"),
        (Gives.FEED_KEY, asked.feed_key, "feed_key"),
    ):
        if terms is not None and asked.gives is not gives:
            raise Unacceptable(f"the link gives a {asked.gives}", field=f"$.{name}")
    match asked.gives:
        case Gives.TOKEN:
            return tokens.terms(asked.token or TokenTerms(), subscriber=owner)
        case Gives.FEED_KEY:
            key = asked.feed_key or LostKeyTerms()
            return KeyTerms(name=key.name, feeds=frozenset(key.feeds), replaces=key.replaces)
        case Gives.SIGN_IN:
            return SignIn()


def _shape(row: HandOver, now: int) -> HandOverShape:
    return HandOverShape(
        id=row.id,
        subscriber=row.subscriber,
        gives=row.gives,
        state=row.state(now),
        issued=moment(row.issued),
        expires=moment(row.expires),
        opened=shapes.maybe(row.opened),
        withdrawn=shapes.maybe(row.withdrawn),
    )


ENDPOINTS = [issue_hand_over, list_hand_overs, get_hand_over, withdraw_hand_over]
