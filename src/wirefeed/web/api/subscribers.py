"""Subscribers by the API: what a shop or a person sells to whom, and what those see of it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from wirefeed.domain.bulk import Draft, subscriber_from
from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.plans import NAME, Subscriber
from wirefeed.domain.readers import State, state
from wirefeed.domain.roles import Permission
from wirefeed.domain.stories import Feed
from wirefeed.formats.accounts_json import (
    SubscriberChanges,
    SubscriberShape,
    subscriber_given,
    subscriber_shape,
)
from wirefeed.formats.prospects_json import PairShape, pair_shape
from wirefeed.services.accounts import Part
from wirefeed.web.api.conditions import Match
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Listing, Operation, Param, Result
from wirefeed.web.api.plans import in_body
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import ACCOUNTS, HOUSE, PROSPECTS

_TAG = "Subscribers"
_ID = {
    "id": Param(
        pattern=NAME,
        description="The subscriber's id: a shop's own number will do.",
        example="gazette",
    )
}
_ONE = "/api/v1/admin/subscribers/{id}"
_EXAMPLE = {
    "name": "The Gazette",
    "contact": "desk@gazette.example",
    "subscriptions": [{"plan": "gold", "ends": "2027-01-01T00:00:00Z", "grace_days": 14}],
}
_ANSWER = {
    "id": "gazette",
    "changed": "2026-03-01T12:00:00Z",
    "kind": "organisation",
    "name": "The Gazette",
    "contact": "desk@gazette.example",
    "notes": "",
    "suspended": False,
    "subscriptions": [
        {
            "plan": "gold",
            "starts": "2026-01-01T00:00:00Z",
            "ends": "2027-01-01T00:00:00Z",
            "grace_days": 14,
            "trial": False,
            "suspended": False,
        }
    ],
}


class SubscriberOut(SubscriberShape, kw_only=True):
    """A subscriber."""

    id: str
    changed: Time


class SubscriberListed(SubscriberOut, kw_only=True):
    """A subscriber in a list."""

    state: Annotated[State, Meta(description="How it stands now.")]


class Subscribers(Listing, kw_only=True):
    """Some subscribers."""

    subscribers: list[SubscriberListed]


class Filter(Page, kw_only=True, forbid_unknown_fields=True):
    """Which subscribers."""

    plan: Annotated[
        str,
        Meta(
            pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$",
            description="Only those who have or had this plan.",
        ),
    ] = ""
    state: Annotated[
        Literal["", "live", "not-begun", "suspended", "ended"],
        Meta(description="Only those who stand so now."),
    ] = ""


class OnePlan(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much of a subscriber's is meant."""

    plan: Annotated[
        str,
        Meta(
            pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$",
            description="Only what it has of this plan; empty: all.",
        ),
    ] = ""


class WhichFeed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which feed."""

    topic: Annotated[str, Meta(max_length=64, description="Empty: everything.")] = ""
    language: Annotated[str, Meta(max_length=64, description="Empty: the first of the site's.")] = (
        ""
    )


class PreviewShape(msgspec.Struct, kw_only=True):
    """A feed as a subscriber has it, beside the public one."""

    feed: Annotated[str, Meta(description="`en/latest`, `en/sport`.")]
    threads: Annotated[list[PairShape], Meta(description="In the subscriber's order.")]


@Operation(
    method="GET",
    path="/api/v1/admin/subscribers",
    access=Permission.SUBSCRIBERS_READ,
    tag=_TAG,
    query=Filter,
    gives=Subscribers,
    query_example={"plan": "gold", "state": "live"},
    answer={"subscribers": [{**_ANSWER, "state": "live"}], "next": None},
)
async def list_subscribers(call: Call[None, Filter]) -> Result:
    """List the subscribers.

    By `state` a part may hold fewer than `limit`, or none: go on until `next` is null.
    """
    part = await _part(call)
    more = None if part.after is None else call.cursor(part.after)
    listed = [
        SubscriberListed(state=state(one, call.now)[0], **_fields(one)) for one in part.subscribers
    ]
    return Result(value=Subscribers(subscribers=listed, next=more))


async def _part(call: Call[None, Filter]) -> Part:
    query, accounts = call.query, call.app[ACCOUNTS]
    after, plan = call.after() or "", query.plan or None
    if query.state:
        return await accounts.standing(State(query.state), after, query.limit, plan=plan)
    found = await accounts.subscribers(after, query.limit + 1, plan=plan)
    shown = found[: query.limit]
    return Part(subscribers=shown, after=shown[-1].id if len(found) > len(shown) else None)


@Operation(
    method="GET",
    path=_ONE,
    params=_ID,
    access=Permission.SUBSCRIBERS_READ,
    tag=_TAG,
    gives=SubscriberOut,
    tagged=True,
    answer=_ANSWER,
)
async def get_subscriber(call: Call[None, None]) -> Result:
    """Give a subscriber with all its subscriptions, also those that are over."""
    return Result(value=_out(await call.app[ACCOUNTS].subscriber(call.params["id"])))


@Operation(
    method="PUT",
    path=_ONE,
    params=_ID,
    access=Permission.SUBSCRIBERS_WRITE,
    tag=_TAG,
    body=SubscriberShape,
    gives=SubscriberOut,
    statuses=(HTTPStatus.OK, HTTPStatus.CREATED),
    problems=frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}),
    tagged=True,
    match=Match.OPTIONAL,
    example=_EXAMPLE,
    answer=_ANSWER,
)
async def put_subscriber(call: Call[SubscriberShape, None]) -> Result:
    """Put a subscriber with all its subscriptions, whether it is new or not.

    For a shop or CRM that knows what was sold: it states the whole, under its own number, as
    often as it likes. The same again changes nothing. What is not sent is taken away; a
    subscription without a start keeps the one it has.
    """
    subscriber_id, now = call.params["id"], call.now
    draft = Draft(place="", name=subscriber_id, given=_given(call.body))
    created = False

    def check(held: Subscriber | None) -> None:
        nonlocal created
        created = held is None
        call.expect(None if held is None else _out(held))

    try:
        kept = await call.app[ACCOUNTS].upsert(
            subscriber_id, lambda held: subscriber_from(draft, held, now), call.by, check=check
        )
    except WirefeedError as error:
        raise in_body(error) from None
    if not created:
        return Result(value=_out(kept))
    location = f"/api/v1/admin/subscribers/{subscriber_id}"
    return Result(value=_out(kept), status=HTTPStatus.CREATED, location=location)


@Operation(
    method="PATCH",
    path=_ONE,
    params=_ID,
    access=Permission.SUBSCRIBERS_WRITE,
    tag=_TAG,
    body=SubscriberChanges,
    gives=SubscriberOut,
    problems=frozenset({HTTPStatus.UNPROCESSABLE_ENTITY}),
    tagged=True,
    match=Match.REQUIRED,
    example={"notes": "Pays late."},
    answer={**_ANSWER, "notes": "Pays late."},
)
async def change_subscriber(call: Call[SubscriberChanges, None]) -> Result:
    """Change some of a subscriber; what is not sent stays.

    `subscriptions` are all it is to have.
    """
    now = call.now
    draft = Draft(place="", name=call.params["id"], given=_given(call.body))
    try:
        kept = await call.app[ACCOUNTS].change_subscriber(
            draft.name, lambda held: subscriber_from(draft, held, now), call.by, check=_check(call)
        )
    except WirefeedError as error:
        raise in_body(error) from None
    return Result(value=_out(kept))


@Operation(
    method="DELETE",
    path=_ONE,
    params=_ID,
    access=Permission.SUBSCRIBERS_WRITE,
    tag=_TAG,
    statuses=(HTTPStatus.NO_CONTENT,),
    match=Match.REQUIRED,
)
async def remove_subscriber(call: Call[None, None]) -> Result:
    """Remove a subscriber with all its credentials, and all that is known of it."""
    await call.app[ACCOUNTS].remove_subscriber(call.params["id"], call.by, check=_check(call))
    return Result()


@Operation(
    method="POST",
    path=f"{_ONE}/suspend",
    params=_ID,
    access=Permission.SUBSCRIBERS_WRITE,
    tag=_TAG,
    body=OnePlan,
    gives=SubscriberOut,
    example={"plan": "gold"},
    answer={**_ANSWER, "suspended": True},
)
async def suspend_subscriber(call: Call[OnePlan, None]) -> Result:
    """Suspend a subscriber, or what it has of one plan.

    From the next request on its credentials give no more than the public has. Once more it
    changes nothing.
    """
    return await _suspend(call, suspended=True)


@Operation(
    method="POST",
    path=f"{_ONE}/resume",
    params=_ID,
    access=Permission.SUBSCRIBERS_WRITE,
    tag=_TAG,
    body=OnePlan,
    gives=SubscriberOut,
    example={"plan": "gold"},
    answer=_ANSWER,
)
async def resume_subscriber(call: Call[OnePlan, None]) -> Result:
    """End the suspension of a subscriber, or of what it has of one plan."""
    return await _suspend(call, suspended=False)


@Operation(
    method="GET",
    path=f"{_ONE}/preview",
    params=_ID,
    access=Permission.SUBSCRIBERS_READ,
    tag=_TAG,
    query=WhichFeed,
    gives=PreviewShape,
    query_example={"topic": "economy"},
    answer={
        "feed": "en/economy",
        "threads": [
            {
                "headline": "Harbour opens again",
                "own": {
                    "story": "urn:newsml:news.example:20260301:harbour",
                    "level": "full",
                    "reason": "granted",
                    "media": True,
                    "notes": False,
                    "early": False,
                },
                "public": None,
            }
        ],
    },
)
async def preview_subscriber(call: Call[None, WhichFeed]) -> Result:
    """Say what a feed holds for a subscriber now, and what it holds for the public."""
    language = call.query.language or call.app[HOUSE].languages[0]
    feed = Feed(language=language, topic=call.query.topic)
    preview = await call.app[PROSPECTS].feed(call.params["id"], feed)
    pairs = [pair_shape(headline, pair) for headline, pair in preview.pairs]
    shown = f"{feed.language}/{feed.topic or 'latest'}"
    return Result(value=PreviewShape(feed=shown, threads=pairs))


async def _suspend(call: Call[OnePlan, None], *, suspended: bool) -> Result:
    plan = call.body.plan or None
    try:
        kept = await call.app[ACCOUNTS].suspend(
            call.params["id"], call.by, suspended=suspended, plan=plan
        )
    except WirefeedError as error:
        raise in_body(error) from None
    return Result(value=_out(kept))


def _check(call: Call[Any, None]) -> Callable[[Subscriber | None], None]:
    def check(held: Subscriber | None) -> None:
        call.expect(None if held is None else _out(held))

    return check


def _given(shape: SubscriberShape | SubscriberChanges) -> dict[str, Any]:
    try:
        return subscriber_given(shape)
    except WirefeedError as error:
        raise in_body(error) from None


def _fields(subscriber: Subscriber) -> dict[str, Any]:
    return {
        "id": subscriber.id,
        "changed": moment(subscriber.changed),
        **subscriber_shape(subscriber),
    }


def _out(subscriber: Subscriber) -> SubscriberOut:
    return SubscriberOut(**_fields(subscriber))


ENDPOINTS = [
    list_subscribers,
    get_subscriber,
    put_subscriber,
    change_subscriber,
    remove_subscriber,
    suspend_subscriber,
    resume_subscriber,
    preview_subscriber,
]
