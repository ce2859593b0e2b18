"""A partner's own account: what it has and until when, its tokens, what was refused and why."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.domain.credentials import Lapse, Token
from wirefeed.domain.errors import Forbidden, NotFound
from wirefeed.domain.plans import Plan, Subscriber, SubscriberKind, Subscription, endings
from wirefeed.domain.readers import Reader, remedy
from wirefeed.services.quotas import Left
from wirefeed.web.api import shapes, tokens
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Caller, Operation, Result
from wirefeed.web.api.shapes import Name, NewToken, Revoked, Rotation, TokenShape, TokenTerms, maybe
from wirefeed.web.api.times import Time, moment
from wirefeed.web.api.tokens import ANSWER, EXAMPLE, JTI, REFUSED, SECRET, TokenListing
from wirefeed.web.request import HOUSE, PLANS, QUOTAS, SETTINGS, TOKENS

_TAG = "Account"
_TOKENS = "/api/v1/account/tokens"
_ONE = f"{_TOKENS}/{{jti}}"
_OWNED = {"jti": JTI}
_CREATED = (HTTPStatus.CREATED,)


class OwnSubscription(msgspec.Struct, kw_only=True):
    """A right to a plan, over a time."""

    plan: str
    label: Annotated[str, Meta(description="What the plan is called.")]
    starts: Time
    ends: Annotated[Time | None, Meta(description="The end of the contract; null: open.")]
    closes: Annotated[Time | None, Meta(description="When it stops, days of grace included.")]
    trial: bool
    suspended: bool
    live: Annotated[bool, Meta(description="Whether it counts now.")]


class Quota(msgspec.Struct, kw_only=True):
    """How many answers a token may take."""

    answers: Annotated[int, Meta(description="So many it may have")]
    seconds: Annotated[int, Meta(description="in so many seconds;")]
    left: Annotated[int, Meta(description="so many are left,")]
    whole_in: Annotated[int, Meta(description="and all again in so many seconds.")]


class Limits(msgspec.Struct, kw_only=True):
    """What an account may make and take."""

    wire_days: Annotated[int, Meta(description="For how long a cursor of the wire leads on.")]
    quota: Annotated[Quota | None, Meta(description="Of this token; null: there is no limit.")]
    tokens: Annotated[int, Meta(description="Tokens that hold, at most.")]
    token_days: Annotated[int, Meta(description="How long a token lives, at most.")]


class Account(msgspec.Struct, kw_only=True):
    """A subscriber, as it may see itself."""

    id: str
    kind: SubscriberKind
    name: str
    state: Annotated[Lapse | None, Meta(description="Why nothing counts now; null: it does.")]
    expires_at: Annotated[
        Time | None, Meta(description="When the first live plan stops; null: none does.")
    ]
    subscriptions: list[OwnSubscription]
    token: Annotated[TokenShape, Meta(description="The token this was asked with.")]
    limits: Limits


@Operation(
    method="GET",
    path="/api/v1/account",
    access=Caller.ACCOUNT,
    tag=_TAG,
    gives=Account,
    answer={
        "id": "gazette",
        "kind": "organisation",
        "name": "The Gazette",
        "state": None,
        "expires_at": "2027-01-01T00:00:00Z",
        "subscriptions": [
            {
                "plan": "gold",
                "label": "Gold",
                "starts": "2026-01-01T00:00:00Z",
                "ends": "2027-01-01T00:00:00Z",
                "closes": "2027-01-01T00:00:00Z",
                "trial": False,
                "suspended": False,
                "live": True,
            }
        ],
        "token": ANSWER,
        "limits": {
            "wire_days": 400,
            "quota": {"answers": 300_000, "seconds": 60, "left": 299_999, "whole_in": 1},
            "tokens": 50,
            "token_days": 400,
        },
    },
)
async def get_account(call: Call[None, None]) -> Result:
    """Give your account: plans, ends and limits.

    It answers also when nothing counts any more, so that a machine can say why. From 30 days
    before an end on, each answer carries the header `Sunset` (RFC 8594).
    """
    reader = call.reader
    subscriber, token = _who(reader)
    plans = await call.app[PLANS].all()
    ends, live = endings(subscriber, call.now), subscriber.live(call.now)
    language = call.app[HOUSE].languages[0]
    settings = call.app[SETTINGS]
    left = call.app[QUOTAS].left(token.jti, call.now)
    return Result(
        value=Account(
            id=subscriber.id,
            kind=subscriber.kind,
            name=subscriber.name,
            state=reader.lapse,
            expires_at=moment(ends[0].closes) if ends else None,
            subscriptions=[
                _subscription(one, plans.get(one.plan), language, live=one in live)
                for one in subscriber.subscriptions
            ],
            token=shapes.token_shape(token),
            limits=Limits(
                wire_days=settings.wire.days,
                quota=None if left is None else _quota(left),
                tokens=settings.tokens.max_live,
                token_days=settings.tokens.max_days,
            ),
        )
    )


def _quota(left: Left) -> Quota:
    return Quota(answers=left.quota, seconds=left.window, left=left.answers, whole_in=left.whole_in)


def _subscription(
    one: Subscription, plan: Plan | None, language: str, *, live: bool
) -> OwnSubscription:
    return OwnSubscription(
        plan=one.plan,
        label=plan.label(language) if plan else one.plan,
        starts=moment(one.starts),
        ends=maybe(one.ends),
        closes=maybe(one.closes),
        trial=one.trial,
        suspended=one.suspended,
        live=live,
    )


@Operation(
    method="GET",
    path=_TOKENS,
    access=Caller.ACCOUNT,
    tag=_TAG,
    query=Page,
    gives=TokenListing,
    answer={"tokens": [ANSWER], "next": None},
)
async def list_own_tokens(call: Call[None, Page]) -> Result:
    """List your tokens."""
    subscriber, _ = _who(call.reader)
    found = await call.app[TOKENS].all(
        subscriber.id, after=call.after() or "", limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    more = call.cursor(shown[-1].jti) if len(found) > len(shown) else None
    return Result(
        value=TokenListing(tokens=[shapes.token_shape(token) for token in shown], next=more)
    )


@Operation(
    method="POST",
    path=_TOKENS,
    access=Caller.ACCOUNT,
    tag=_TAG,
    body=TokenTerms,
    gives=NewToken,
    statuses=_CREATED,
    problems=REFUSED,
    example=EXAMPLE,
    answer=SECRET,
)
async def issue_own_token(call: Call[TokenTerms, None]) -> Result:
    """Issue a token of your own.

    It may do no more than the token you ask with: not more scopes, plans or networks. Its
    secret stands in this answer and nowhere else.
    """
    subscriber, token = _live(call.reader)
    asked = tokens.terms(call.body, subscriber=subscriber.id)
    return await tokens.issued(call, asked, parent=token)


@Operation(
    method="PATCH",
    path=_ONE,
    params=_OWNED,
    access=Caller.ACCOUNT,
    tag=_TAG,
    body=Name,
    gives=TokenShape,
    example={"name": "old cms"},
    answer=ANSWER,
)
async def name_own_token(call: Call[Name, None]) -> Result:
    """Call a token of yours by another name: this one, or one that may do no more than it."""
    owner, jti = await _within(call, _live(call.reader))
    named = await call.app[TOKENS].rename(jti, call.body.name, call.by, of=owner)
    return Result(value=shapes.token_shape(named))


@Operation(
    method="POST",
    path=f"{_ONE}/rotate",
    params=_OWNED,
    access=Caller.ACCOUNT,
    tag=_TAG,
    body=Rotation,
    gives=NewToken,
    statuses=_CREATED,
    problems=REFUSED,
    example={"overlap_seconds": 3600},
    answer=SECRET,
)
async def rotate_own_token(call: Call[Rotation, None]) -> Result:
    """Issue a token of yours anew.

    The old one holds until the overlap is over. A token may rotate itself, and those that may
    do no more than it.
    """
    owner, jti = await _within(call, _live(call.reader))
    return await tokens.rotated(call, jti, of=owner)


@Operation(
    method="POST",
    path=f"{_ONE}/revoke",
    params=_OWNED,
    access=Caller.ACCOUNT,
    tag=_TAG,
    gives=Revoked,
    answer={"revoked": [ANSWER["jti"]]},
)
async def revoke_own_token(call: Call[None, None]) -> Result:
    """Revoke a token of yours.

    It is refused from the next request on; those that were issued with it hold on. Once more
    it changes nothing. A token may revoke itself, and those that may do no more than it.
    """
    owner, jti = await _within(call, _who(call.reader))
    gone = await call.app[TOKENS].revoke(jti, call.by, of=owner, derived=False)
    return Result(value=Revoked(revoked=gone))


def _who(reader: Reader) -> tuple[Subscriber, Token]:
    if reader.subscriber is None or reader.token is None:
        raise NotFound
    return reader.subscriber, reader.token


async def _within(call: Call[Any, None], who: tuple[Subscriber, Token]) -> tuple[str, str]:
    """Give the owner and the `jti` of the token that this is about.

    Raises `NotFound`, and `Forbidden` for one that may do more than the token of the call.
    """
    subscriber, token = who
    wanted = await call.app[TOKENS].get(call.params["jti"], of=subscriber.id)
    if not token.gives(wanted):
        raise Forbidden("this token may do less than the one it would change")
    return subscriber.id, wanted.jti


def _live(reader: Reader) -> tuple[Subscriber, Token]:
    """Give whose account it is. Raises `Forbidden` when nothing of it counts now."""
    if reader.lapse is not None:
        raise Forbidden(f"the subscription is {reader.lapse}", remedy=remedy(reader.lapse))
    return _who(reader)


ENDPOINTS = [
    get_account,
    list_own_tokens,
    issue_own_token,
    name_own_token,
    rotate_own_token,
    revoke_own_token,
]
