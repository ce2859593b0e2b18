"""Use of credentials by the API: where they are used, and what was refused and why."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.domain.errors import NotFound
from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Permission
from wirefeed.domain.sightings import Refused, Sighting
from wirefeed.services.usage import KeyUse
from wirefeed.web.api import shapes
from wirefeed.web.api.feed_keys import ANSWER as KEY_ANSWER
from wirefeed.web.api.leaks import FLAG, FlagShape, flag_shape
from wirefeed.web.api.operation import Call, Caller, Operation, Param, Result
from wirefeed.web.api.shapes import FeedKeyShape, TokenShape
from wirefeed.web.api.times import Time, moment
from wirefeed.web.api.tokens import ANSWER as TOKEN_ANSWER
from wirefeed.web.request import ACCOUNTS, TOKENS, USAGE

_TAG = "Use"
_ID = {"id": Param(pattern=NAME, description="The subscriber.", example="gazette")}
_REFUSAL: Mapping[str, Any] = {
    "at": "2026-03-01T12:00:00Z",
    "credential": TOKEN_ANSWER["jti"],
    "reason": "expired",
    "route": "/subscriber/{lang}/latest.{format}",
    "network": "203.0.113.0/24",
}
_SIGHTING: Mapping[str, Any] = {
    "network": "203.0.113.0/24",
    "client": "NetNewsWire",
    "first": "2026-02-01T07:00:00Z",
    "last": "2026-03-01T12:00:00Z",
    "requests": 1200,
    "readers": 1,
}


class SightingShape(msgspec.Struct, kw_only=True):
    """Where a private address was used, and with what. It is forgotten after 30 days."""

    network: Annotated[str, Meta(description="IPv4 /24 or IPv6 /48.")]
    client: Annotated[str, Meta(description="The kind of client, as it names itself.")]
    first: Time
    last: Time
    requests: int
    readers: Annotated[int, Meta(description="For how many the client says it reads.")]


class FeedKeyUse(msgspec.Struct, kw_only=True):
    """How a private address is used."""

    feed_key: FeedKeyShape
    sightings: Annotated[list[SightingShape], Meta(description="The latest first.")]
    flags: list[FlagShape]


class RefusalShape(msgspec.Struct, kw_only=True):
    """A credential that was refused."""

    at: Time
    credential: Annotated[str, Meta(description="The `jti` of the token, or the address's id.")]
    reason: Annotated[
        str,
        Meta(
            description="`revoked`, `expired`, `key-retired` (its signing key was given up),"
            " `network`, `scope`, `role`, or as the account is."
        ),
    ]
    route: Annotated[str, Meta(description="The address that was asked for, as a template.")]
    network: str


class Refusals(msgspec.Struct, kw_only=True):
    """What was refused of late."""

    refusals: Annotated[list[RefusalShape], Meta(description="The newest first; 50 at most.")]


class SubscriberUse(Refusals, kw_only=True):
    """How a subscriber uses what it has."""

    feed_keys: list[FeedKeyUse]
    tokens: Annotated[list[TokenShape], Meta(description="With the last use of each.")]


@Operation(
    method="GET",
    path="/api/v1/admin/subscribers/{id}/usage",
    params=_ID,
    access=Permission.USAGE_READ,
    tag=_TAG,
    gives=SubscriberUse,
    answer={
        "feed_keys": [{"feed_key": KEY_ANSWER, "sightings": [_SIGHTING], "flags": [FLAG]}],
        "tokens": [TOKEN_ANSWER],
        "refusals": [_REFUSAL],
    },
)
async def get_usage(call: Call[None, None]) -> Result:
    """Say how a subscriber's credentials are used.

    When each was last used; of private addresses, where and with what, and what of that looks
    like a leak; and the last refusals with their reasons.
    """
    subscriber = (await call.app[ACCOUNTS].subscriber(call.params["id"])).id
    refused = await call.app[USAGE].refusals(subscriber)
    return Result(
        value=SubscriberUse(
            feed_keys=[_use(use) for use in await call.app[USAGE].keys(subscriber)],
            tokens=[shapes.token_shape(t) for t in await call.app[TOKENS].all(subscriber)],
            refusals=[_refusal(one) for one in refused],
        )
    )


@Operation(
    method="GET",
    path="/api/v1/account/refusals",
    access=Caller.ACCOUNT,
    tag="Account",
    gives=Refusals,
    answer={"refusals": [_REFUSAL]},
)
async def list_own_refusals(call: Call[None, None]) -> Result:
    """List what was refused to your credentials, and why: the last 50."""
    if call.reader.subscriber is None:
        raise NotFound
    refused = await call.app[USAGE].refusals(call.reader.subscriber.id)
    return Result(value=Refusals(refusals=[_refusal(one) for one in refused]))


def _use(use: KeyUse) -> FeedKeyUse:
    return FeedKeyUse(
        feed_key=shapes.feed_key_shape(use.key),
        sightings=[_sighting(one) for one in use.sightings],
        flags=[flag_shape(flag) for flag in use.flags],
    )


def _sighting(one: Sighting) -> SightingShape:
    return SightingShape(
        network=one.network,
        client=one.client,
        first=moment(one.first),
        last=moment(one.last),
        requests=one.requests,
        readers=one.readers,
    )


def _refusal(one: Refused) -> RefusalShape:
    return RefusalShape(
        at=moment(one.at),
        credential=one.credential,
        reason=one.reason,
        route=one.route,
        network=one.network,
    )


ENDPOINTS = [get_usage, list_own_refusals]
