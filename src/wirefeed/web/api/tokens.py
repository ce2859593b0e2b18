"""Tokens by the API: of subscribers, of newsrooms and of administrators, each under its owner.

Whoever may issue to one kind of owner may not to another, so each has permissions of its own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from msgspec import Meta

from wirefeed.domain.credentials import Token
from wirefeed.domain.errors import Forbidden, NotFound
from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Permission
from wirefeed.domain.terms import Terms
from wirefeed.web.api import shapes
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Endpoint, Listing, Operation, Param, Result
from wirefeed.web.api.shapes import Name, NewToken, Revoked, Rotation, TokenShape, TokenTerms
from wirefeed.web.request import TOKENS

SECOND = 1_000_000
_TAG = "Tokens"
JTI = Param(
    pattern=re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII),
    description="The token's `jti`.",
    example="5f0c1d0a9a7e4b7fb0c1d0a9a7e4b7f0",
)
EXAMPLE: Mapping[str, Any] = {"name": "newsroom cms", "days": 365, "networks": ["192.0.2.0/24"]}
ANSWER: Mapping[str, Any] = {
    "jti": "5f0c1d0a9a7e4b7fb0c1d0a9a7e4b7f0",
    "owner": "subscriber:gazette",
    "name": "newsroom cms",
    "scopes": ["feeds:read", "wire:read"],
    "entitlements": None,
    "networks": ["192.0.2.0/24"],
    "issued": "2026-03-01T12:00:00Z",
    "expires": "2027-03-01T12:00:00Z",
    "last_used": None,
    "issued_with": None,
    "revoked": None,
}
#: It contradicts what is held, or asks for more than this installation gives.
REFUSED = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
SECRET = {**ANSWER, "token": "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJ1cm46In0.c2lnbmF0dXJl"}


class TokenListing(Listing, kw_only=True):
    """Some tokens."""

    tokens: Annotated[list[TokenShape], Meta(description="By `jti`.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """Whose tokens these are."""

    #: As `Terms` and `Tokens.all` call the owner.
    owner: str
    #: As people do.
    word: str
    path: str
    reads: Permission
    writes: Permission
    #: What is said of the limits of a token that is issued.
    bounds: str = ""

    @property
    def params(self) -> dict[str, Param]:
        return {"owner": Param(pattern=NAME, description=f"Whose: {self.word}.", example="gazette")}

    @property
    def one(self) -> str:
        """The address of one of them."""
        return f"{self.path}/{{jti}}"

    @property
    def owned(self) -> dict[str, Param]:
        return {**self.params, "jti": JTI}


_FAMILIES = (
    _Family(
        owner="subscriber",
        word="a subscriber",
        path="/api/v1/admin/subscribers/{owner}/tokens",
        reads=Permission.CREDENTIALS_READ,
        writes=Permission.CREDENTIALS_WRITE,
    ),
    _Family(
        owner="source",
        word="a newsroom",
        path="/api/v1/admin/sources/{owner}/tokens",
        reads=Permission.SOURCES_READ,
        writes=Permission.SOURCES_WRITE,
    ),
    _Family(
        owner="admin",
        word="an administrator",
        path="/api/v1/admin/admins/{owner}/tokens",
        reads=Permission.ADMINS_READ,
        writes=Permission.ADMINS_WRITE,
        bounds=" It may do no more than the token you ask with: not more scopes or networks.",
    ),
)


def terms(asked: TokenTerms, **owner: str) -> Terms:
    """Read what a token is to be."""
    return Terms(
        **owner,
        name=asked.name,
        days=asked.days,
        scopes=None if asked.scopes is None else frozenset(asked.scopes),
        entitlements=None if asked.entitlements is None else frozenset(asked.entitlements),
        networks=tuple(asked.networks),
    )


async def _limits(family: _Family, call: Call[Any, Any]) -> Token | None:
    """Give the token of the call, where what it makes might do what it may do itself."""
    if family.owner != "admin":
        return None
    return await call.app[TOKENS].get(call.administrator.jti)


async def _held(family: _Family, call: Call[Any, Any]) -> Token:
    """Give the token that a call names, if it is its owner's; another's is like none at all."""
    token = await call.app[TOKENS].get(call.params["jti"])
    if getattr(token, family.owner) != call.params["owner"]:
        raise NotFound
    return token


def _listing(family: _Family) -> Endpoint:
    """Make what lists the tokens of an owner."""

    async def listing(call: Call[None, Page]) -> Result:
        found = await call.app[TOKENS].all(
            **{family.owner: call.params["owner"]},
            after=call.after() or "",
            limit=call.query.limit + 1,
        )
        shown = found[: call.query.limit]
        more = call.cursor(shown[-1].jti) if len(found) > len(shown) else None
        tokens = [shapes.token_shape(token) for token in shown]
        return Result(value=TokenListing(tokens=tokens, next=more))

    return _named(listing, f"list_tokens_of_{family.owner}", f"List the tokens of {family.word}.")(
        Operation(
            method="GET",
            path=family.path,
            params=family.params,
            access=family.reads,
            tag=_TAG,
            query=Page,
            gives=TokenListing,
            answer={"tokens": [ANSWER], "next": None},
        )
    )


def _issuing(family: _Family) -> Endpoint:
    """Make what issues one."""

    async def issue(call: Call[TokenTerms, None]) -> Result:
        asked = terms(call.body, **{family.owner: call.params["owner"]})
        return await issued(call, asked, parent=await _limits(family, call))

    return _named(
        issue,
        f"issue_token_to_{family.owner}",
        f"Issue a token to {family.word}.\n\nIts secret stands in this answer and nowhere else."
        + family.bounds,
    )(
        Operation(
            method="POST",
            path=family.path,
            params=family.params,
            access=family.writes,
            tag=_TAG,
            body=TokenTerms,
            gives=NewToken,
            statuses=(HTTPStatus.CREATED,),
            problems=REFUSED,
            example=EXAMPLE,
            answer=SECRET,
        )
    )


def _naming(family: _Family) -> Endpoint:
    """Make what names one."""

    async def name(call: Call[Name, None]) -> Result:
        jti = (await _held(family, call)).jti
        named = await call.app[TOKENS].rename(jti, call.body.name, call.by)
        return Result(value=shapes.token_shape(named))

    return _named(
        name, f"name_token_of_{family.owner}", f"Call a token of {family.word} by another name."
    )(
        Operation(
            method="PATCH",
            path=family.one,
            params=family.owned,
            access=family.writes,
            tag=_TAG,
            body=Name,
            gives=TokenShape,
            example={"name": "old cms"},
            answer=ANSWER,
        )
    )


def _rotating(family: _Family) -> Endpoint:
    """Make what rotates one."""

    async def rotate(call: Call[Rotation, None]) -> Result:
        wanted, own = await _held(family, call), await _limits(family, call)
        if own is not None and not own.gives(wanted):
            raise Forbidden("this token may do less than the one it would rotate")
        return await rotated(call, wanted.jti)

    return _named(
        rotate,
        f"rotate_token_of_{family.owner}",
        f"Issue a token of {family.word} anew.\n\nThe old one holds until the overlap is over."
        + family.bounds,
    )(
        Operation(
            method="POST",
            path=f"{family.one}/rotate",
            params=family.owned,
            access=family.writes,
            tag=_TAG,
            body=Rotation,
            gives=NewToken,
            statuses=(HTTPStatus.CREATED,),
            problems=REFUSED,
            example={"overlap_seconds": 3600},
            answer=SECRET,
        )
    )


def _revoking(family: _Family) -> Endpoint:
    """Make what revokes one."""

    async def revoke(call: Call[None, None]) -> Result:
        gone = await call.app[TOKENS].revoke((await _held(family, call)).jti, call.by)
        return Result(value=Revoked(revoked=gone))

    return _named(
        revoke,
        f"revoke_token_of_{family.owner}",
        f"Revoke a token of {family.word}.\n\n"
        "It is refused from the next request on, and so are those that were issued with it. "
        "Once more it changes nothing.",
    )(
        Operation(
            method="POST",
            path=f"{family.one}/revoke",
            params=family.owned,
            access=family.writes,
            tag=_TAG,
            gives=Revoked,
            answer={"revoked": [ANSWER["jti"]]},
        )
    )


def _named(
    handler: Callable[..., Any], name: str, said: str
) -> Callable[[Operation[Any, Any]], Endpoint]:
    """Give a handler that several families share its own name and words."""
    handler.__name__, handler.__doc__ = name, said
    return lambda operation: operation(handler)


async def issued(call: Call[Any, Any], asked: Terms, parent: Token | None = None) -> Result:
    """Issue a token, and show it once."""
    with shapes.fields_of_the_body():
        made = await call.app[TOKENS].issue(asked, call.by, parent=parent)
    return Result(value=shapes.new_token(made.row, made.secret))


async def rotated(call: Call[Rotation, None], jti: str, of: str | None = None) -> Result:
    """Issue a token in place of another, and show it once."""
    asked = call.body
    with shapes.fields_of_the_body():
        made = await call.app[TOKENS].rotate(
            jti, call.by, overlap=asked.overlap_seconds * SECOND, days=asked.days, of=of
        )
    return Result(value=shapes.new_token(made.row, made.secret))


_ALL = (_listing, _issuing, _naming, _rotating, _revoking)
ENDPOINTS = [make(family) for family in _FAMILIES for make in _ALL]
