"""What several parts of the API say in the same words: credentials, as they are asked for and told.

Never a secret: that stands in the one answer to the request that made it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.credentials import FeedKey, Lapse, Scope, Token
from wirefeed.domain.errors import Unacceptable, WirefeedError
from wirefeed.web.api.times import Time, moment

NAME_TEXT = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Days = Annotated[int, Meta(ge=1, le=36_500, description="How long it lives.")]
_PLAN = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class TokenTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a token is to be."""

    name: Annotated[NAME_TEXT, Meta(description="What it is for.")] = ""
    days: _Days = 90
    scopes: Annotated[
        list[Scope] | None, Meta(description="What it may be used for; null: all its owner may.")
    ] = None
    entitlements: Annotated[
        Annotated[list[_PLAN], Meta(max_length=100)] | None,
        Meta(description="The plans it is narrowed to; null: all there are."),
    ] = None
    networks: Annotated[
        list[Annotated[str, Meta(max_length=64)]],
        Meta(max_length=32, description="The networks it may come from, by CIDR; empty: any."),
    ] = []


class TokenShape(msgspec.Struct, kw_only=True):
    """A token, without its secret."""

    jti: str
    owner: Annotated[str, Meta(description="`subscriber:…`, `source:…` or `admin:…`.")]
    name: str
    scopes: list[Scope]
    entitlements: list[str] | None
    networks: list[str]
    issued: Time
    expires: Annotated[Time, Meta(description="When it ends, by itself or with its signing key.")]
    last_used: Time | None
    issued_with: Annotated[
        str | None, Meta(description="The token it was issued with, and goes with.")
    ]
    revoked: Time | None


class NewToken(TokenShape, kw_only=True):
    """A token that was just issued."""

    token: Annotated[str, Meta(description="The JWT. It is shown here, and never again.")]


class Name(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Another name."""

    name: NAME_TEXT


class Rotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How one token gives way to another."""

    overlap_seconds: Annotated[
        int, Meta(ge=0, le=2_592_000, description="The old one holds this long.")
    ] = 86_400
    days: Annotated[
        Annotated[int, Meta(ge=1, le=36_500)] | None,
        Meta(description="How long the new one lives; null: as long as the old one was given."),
    ] = None


class Revoked(msgspec.Struct, kw_only=True):
    """What was revoked."""

    revoked: Annotated[
        list[str], Meta(description="This token, if it held, and those issued with it.")
    ]


class FeedKeyTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a private feed address is to be."""

    name: Annotated[NAME_TEXT, Meta(description="What it is for: a reader, a device.")] = ""
    feeds: Annotated[
        list[Annotated[str, Meta(max_length=100)]],
        Meta(
            max_length=200, description="The feeds it opens (`en/latest`, `en/sport`); empty: all."
        ),
    ] = []


class FeedKeyShape(msgspec.Struct, kw_only=True):
    """A private feed address, without its secret."""

    id: str
    subscriber: str
    name: str
    tail: Annotated[str, Meta(description="Its last characters, to tell one from another.")]
    feeds: list[str]
    selection: Annotated[list[str], Meta(description="The topics its reader chose for `mine`.")]
    issued: Time
    last_used: Time | None
    flagged: Annotated[Time | None, Meta(description="Since when others seem to know it.")]
    revoked: Time | None
    reason: Annotated[Lapse | None, Meta(description="Why it no longer holds.")]


class NewFeedKey(FeedKeyShape, kw_only=True):
    """A private feed address that was just made."""

    url: Annotated[str, Meta(description="The private address. It is shown here, and never again.")]


def token_shape(token: Token) -> TokenShape:
    """Tell of a token."""
    return TokenShape(
        jti=token.jti,
        owner=token.owner,
        name=token.name,
        scopes=sorted(token.scopes),
        entitlements=None if token.entitlements is None else sorted(token.entitlements),
        networks=list(token.networks),
        issued=moment(token.issued),
        expires=moment(token.ends),
        last_used=maybe(token.last_used),
        issued_with=token.parent,
        revoked=maybe(token.revoked),
    )


def new_token(token: Token, secret: str) -> NewToken:
    """Tell of a token once, with its secret."""
    return NewToken(token=secret, **msgspec.structs.asdict(token_shape(token)))


def feed_key_shape(key: FeedKey) -> FeedKeyShape:
    """Tell of a feed key."""
    return FeedKeyShape(
        id=key.id,
        subscriber=key.subscriber,
        name=key.name,
        tail=key.tail,
        feeds=sorted(key.feeds),
        selection=sorted(key.selection),
        issued=moment(key.issued),
        last_used=maybe(key.last_used),
        flagged=maybe(key.flagged),
        revoked=maybe(key.revoked),
        reason=key.reason,
    )


def new_feed_key(key: FeedKey, url: str) -> NewFeedKey:
    """Tell of a feed key once, with its address."""
    return NewFeedKey(url=url, **msgspec.structs.asdict(feed_key_shape(key)))


def maybe(micros: int | None) -> Time | None:
    """Tell a time, if there is one."""
    return None if micros is None else moment(micros)


#: What the services call a field of a credential's terms, and what the API calls it.
_FIELDS = {
    "scope": "scopes",
    "days": "days",
    "overlap_seconds": "overlap_seconds",
    "networks": "networks",
    "entitlements": "entitlements",
    "feeds": "feeds",
    "replaces": "replaces",
}


@contextmanager
def fields_of_the_body(at: str = "$", names: Mapping[str, str] = _FIELDS) -> Iterator[None]:
    """Name the field of the body that a refusal of its terms is about: it is the body's fault.

    `at` says where in the body the terms are, and `names` what it calls them.
    """
    try:
        yield
    except WirefeedError as error:
        if error.field not in names:
            raise
        raise Unacceptable(
            error.message, field=f"{at}.{names[error.field]}", remedy=error.remedy
        ) from error
