"""Signing keys by the API."""

import re
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.roles import Permission
from wirefeed.domain.signing_keys import KeyState
from wirefeed.services.signing_keys import KeyOutcome, KeyStanding
from wirefeed.web.api.operation import Call, Operation, Param, Result
from wirefeed.web.api.shapes import maybe
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import SIGNING_KEYS

_SECOND = 1_000_000
_TAG = "Signing keys"
_KID = {
    "kid": Param(
        pattern=re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII),
        description="The key's id.",
        example="854f3e97503db1c6",
    )
}
_DryRun = Annotated[bool, Meta(description="Only say what would come of it.")]
_CONFLICT = frozenset({HTTPStatus.CONFLICT})


class KeyShape(msgspec.Struct, kw_only=True):
    """A key, without its private part."""

    kid: str
    state: Annotated[
        KeyState,
        Meta(description="`next` is published; `active` signs; `retiring` is still believed."),
    ]
    tokens: Annotated[int, Meta(description="How many tokens that hold now it signed.")]
    created: Time
    activates: Annotated[Time, Meta(description="From when it signs.")]
    retires: Annotated[Time | None, Meta(description="Until when it signs.")]
    ends: Annotated[
        Time | None,
        Meta(description="Until when what it signed is believed; null: that is not settled."),
    ]


class KeyListing(msgspec.Struct, kw_only=True):
    """All keys."""

    keys: Annotated[list[KeyShape], Meta(description="The oldest first.")]


class KeyRotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How one key gives way to another."""

    overlap_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=36_500 * 86_400)] | None,
        Meta(
            description="What the old key signed is believed this long after the new one begins to"
            " sign; null: as long as its tokens live."
        ),
    ] = None
    dry_run: _DryRun = False


class KeyRetirement(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How a key is given up."""

    dry_run: _DryRun = False


class KeyChanged(msgspec.Struct, kw_only=True):
    """What came of a change of the keys."""

    old: Annotated[str, Meta(description="The key that is given up, or that goes on after all.")]
    ends: Annotated[
        Time | None,
        Meta(
            description="Until when what it signed is believed; null: as long as its tokens live."
        ),
    ]
    new: Annotated[
        str | None, Meta(description="The key that follows it; null: none does, or in a dry run.")
    ]
    activates: Annotated[Time | None, Meta(description="From when the new one signs.")]
    refused: Annotated[
        int, Meta(description="How many tokens hold now, and are refused from `ends` on.")
    ]


_KEY = {
    "kid": "854f3e97503db1c6",
    "state": "active",
    "tokens": 12,
    "created": "2026-03-01T12:00:00Z",
    "activates": "2026-03-01T12:10:00Z",
    "retires": None,
    "ends": None,
}
_CHANGED = {
    "old": "854f3e97503db1c6",
    "ends": "2026-06-01T12:30:00Z",
    "new": "f378d090082b719e",
    "activates": "2026-06-01T12:10:00Z",
    "refused": 3,
}


@Operation(
    method="GET",
    path="/api/v1/admin/keys",
    access=Permission.KEYS_READ,
    tag=_TAG,
    gives=KeyListing,
    answer={"keys": [_KEY]},
)
async def list_keys(call: Call[None, None]) -> Result:
    """List the signing keys.

    Their public parts are at `/.well-known/jwks.json`.
    """
    found = await call.app[SIGNING_KEYS].all()
    return Result(value=KeyListing(keys=[_shape(standing) for standing in found]))


@Operation(
    method="POST",
    path="/api/v1/admin/keys/rotate",
    access=Permission.KEYS_WRITE,
    tag=_TAG,
    body=KeyRotation,
    gives=KeyChanged,
    problems=frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}),
    example={"overlap_seconds": 1200},
    answer=_CHANGED,
)
async def rotate_keys(call: Call[KeyRotation, None]) -> Result:
    """Let a new key sign.

    It is published at once, and signs ten minutes later, when everybody can know it. Until then
    the rotation can be taken back, and no other begins.
    """
    seconds = call.body.overlap_seconds
    overlap = None if seconds is None else seconds * _SECOND
    try:
        outcome = await call.app[SIGNING_KEYS].rotate(overlap, call.by, dry_run=call.body.dry_run)
    except Unacceptable as error:
        error.field = "$.overlap_seconds"
        raise
    return Result(value=_changed(outcome))


@Operation(
    method="POST",
    path="/api/v1/admin/keys/revert",
    access=Permission.KEYS_WRITE,
    tag=_TAG,
    gives=KeyChanged,
    problems=_CONFLICT,
    answer=_CHANGED | {"ends": None, "new": None, "activates": None, "refused": 0},
)
async def revert_keys(call: Call[None, None]) -> Result:
    """Take back a rotation whose new key does not sign yet.

    The one that signs goes on.
    """
    return Result(value=_changed(await call.app[SIGNING_KEYS].revert(call.by)))


@Operation(
    method="POST",
    path="/api/v1/admin/keys/{kid}/retire",
    params=_KID,
    access=Permission.KEYS_WRITE,
    tag=_TAG,
    body=KeyRetirement,
    gives=KeyChanged,
    problems=_CONFLICT,
    example={"dry_run": True},
    answer=_CHANGED,
)
async def retire_key(call: Call[KeyRetirement, None]) -> Result:
    """Give a key up at once: for an emergency.

    Whatever it signed is refused from the next request on, the token of this very call perhaps
    among it. In place of the key that signs another one does at once.
    """
    outcome = await call.app[SIGNING_KEYS].retire(
        call.params["kid"], call.by, dry_run=call.body.dry_run
    )
    return Result(value=_changed(outcome))


def _shape(standing: KeyStanding) -> KeyShape:
    key = standing.key
    return KeyShape(
        kid=key.kid,
        state=standing.state,
        tokens=standing.tokens,
        created=moment(key.created),
        activates=moment(key.activates),
        retires=maybe(key.retires),
        ends=maybe(standing.ends),
    )


def _changed(outcome: KeyOutcome) -> KeyChanged:
    new = outcome.new
    return KeyChanged(
        old=outcome.old.kid,
        ends=maybe(outcome.old.ends),
        new=None if new is None else new.kid,
        activates=None if new is None else moment(new.activates),
        refused=outcome.refused,
    )


ENDPOINTS = [list_keys, rotate_keys, revert_keys, retire_key]
