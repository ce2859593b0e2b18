"""Leaks by the API: reports of credentials found in public, and addresses that seem shared."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from wirefeed.domain.errors import TooMany, Unacceptable
from wirefeed.domain.leaks import Flag, Reason
from wirefeed.domain.roles import Permission
from wirefeed.domain.signatures import Signature
from wirefeed.formats import json_input
from wirefeed.services.leaks import Flagged
from wirefeed.web.api import reading, shapes
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.feed_keys import ANSWER as KEY_ANSWER
from wirefeed.web.api.feed_keys import KEY_ID
from wirefeed.web.api.operation import Call, Caller, Listing, Operation, Raw, Result
from wirefeed.web.api.shapes import FeedKeyShape
from wirefeed.web.api.times import Time, moment
from wirefeed.web.guessing import check, count
from wirefeed.web.request import FEED_KEYS, LEAK_REPORTS, LEAKS

_TAG = "Leaks"
_MOST = 100
_LONGEST = 64 * 1024
_SEVERAL = "send several reports"
_LONGEST_TEXT = 4096
_LONGEST_WHERE = 2048


# --- reports -------------------------------------------------------------------------------------

_Text = Annotated[str, Meta(max_length=_LONGEST_TEXT)]
_Where = Annotated[str, Meta(max_length=_LONGEST_WHERE)]


class _Report(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A report in our own words."""

    secrets: Annotated[list[_Text], Meta(max_length=_MOST)]
    where: _Where = ""


class _Found(msgspec.Struct, kw_only=True):
    """One of a list as those send it who search code for secrets; they may say more."""

    token: _Text
    url: _Where = ""


_SECRET = {"type": "string", "maxLength": _LONGEST_TEXT, "description": "What was found."}
_URL = {
    "type": "string",
    "maxLength": _LONGEST_WHERE,
    "description": "Where it was found. It is not kept.",
}
_BODY = Raw(
    media_types=("application/json",),
    schema={
        "description": f"At most {_MOST} texts, in {_LONGEST // 1024} KiB, in either form.",
        "oneOf": [
            {
                "type": "object",
                "required": ["secrets"],
                "properties": {
                    "secrets": {"type": "array", "maxItems": _MOST, "items": _SECRET},
                    "where": _URL,
                },
                "additionalProperties": False,
            },
            {
                "type": "array",
                "maxItems": _MOST,
                "items": {
                    "type": "object",
                    "required": ["token"],
                    "properties": {"token": _SECRET, "url": _URL},
                    "additionalProperties": True,
                },
            },
        ],
    },
)


class Receipt(msgspec.Struct, kw_only=True):
    """What came of a report."""

    reported: Annotated[int, Meta(description="How many texts it held.")]
    revoked: Annotated[int, Meta(description="How many credentials no longer hold because of it.")]


@Operation(
    method="POST",
    path="/api/v1/leaks",
    access=Caller.ANYONE,
    tag=_TAG,
    body=_BODY,
    gives=Receipt,
    problems=frozenset(
        {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
    ),
    example={
        "secrets": ["wf_feed_000000000000000000000000000000000000"],
        "where": "https://code.example/somebody/something/config.ini",
    },
    answer={"reported": 1, "revoked": 1},
)
async def report_leaks(call: Call[bytes, None]) -> Result:
    """Report credentials of ours that were found in public.

    Whatever of them holds is taken back before this answers, so nothing needs to be proved: who
    can show a credential has it. A private address goes on as the public feed and tells its
    reader why; a token goes with all that were issued with it; a one-time link opens no more.
    Which of several texts were ours is not said. Lists as scanners of code send them are taken,
    too.

    A report with the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` of
    Standard Webhooks has to be signed with the secret that was agreed on. Of one without, texts
    that are no credentials of ours count as guesses, and after too many of them nothing is looked
    at until the wait is over: send it again then.
    """
    if len(call.body) > _LONGEST:
        raise Unacceptable(f"it is longer than {_LONGEST // 1024} KiB", field="$", remedy=_SEVERAL)
    signature = _signature(call.request)
    if signature is not None:
        call.app[LEAK_REPORTS].check(signature, call.body)
    else:
        # Each text of a report is a look-up: who has guessed too often is given none.
        check(call.request)
    reported, shown = _read(call.body)
    outcome = await call.app[LEAK_REPORTS].take(shown, signed=signature is not None)
    if signature is None:
        wait = await count(call.request, outcome.unknown)
        if wait and not outcome.revoked:
            raise TooMany(wait)
    return Result(value=Receipt(reported=reported, revoked=outcome.revoked))


def _signature(request: web.Request) -> Signature | None:
    """Take the signature of a report; None if it claims to have none."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    if not any(name in request.headers for name in names):
        return None
    id_, timestamp, signatures = (request.headers.get(name, "") for name in names)
    return Signature(id=id_, timestamp=timestamp, signatures=signatures)


def _read(body: bytes) -> tuple[int, tuple[str, ...]]:
    """Give how many texts a report holds, and each once.

    Where they were found may say something of a person: it is not kept.
    """
    match json_input.read(body):
        case dict() as value:
            report = reading.convert(value, _Report)
            return len(report.secrets), tuple(dict.fromkeys(report.secrets))
        case list() as value if len(value) <= _MOST:
            found = reading.convert(value, list[_Found])
            return len(found), tuple(dict.fromkeys(one.token for one in found))
        case list():
            raise Unacceptable(f"it holds more than {_MOST} texts", field="$", remedy=_SEVERAL)
        case _:
            raise Unacceptable("it is neither a JSON object nor an array", field="$")


# --- what seems shared ---------------------------------------------------------------------------

#: How one is told of.
FLAG: Mapping[str, Any] = {
    "reason": "networks",
    "count": 31,
    "at": "2026-03-01T12:00:00Z",
    "dismissed": None,
}


class FlagShape(msgspec.Struct, kw_only=True):
    """A sign that a private address is known to more people than its owner."""

    reason: Annotated[
        Reason,
        Meta(description="`readers`: a service reads it for several; or it is read from so many."),
    ]
    count: int
    at: Time
    dismissed: Annotated[Time | None, Meta(description="When it was said to be in order.")]


class FlaggedShape(FlagShape, kw_only=True):
    """A sign, and the address it is about."""

    feed_key: FeedKeyShape


class Flags(Listing, kw_only=True):
    """Some signs of leaks."""

    flags: Annotated[list[FlaggedShape], Meta(description="The newest first.")]


class Asked(Page, kw_only=True, forbid_unknown_fields=True):
    """Which signs."""

    dismissed: Annotated[bool, Meta(description="Those, too, that were dismissed.")] = False


def flag_shape(flag: Flag) -> FlagShape:
    """Tell of a flag."""
    return FlagShape(
        reason=flag.reason,
        count=flag.count,
        at=moment(flag.at),
        dismissed=shapes.maybe(flag.dismissed),
    )


@Operation(
    method="GET",
    path="/api/v1/admin/flags",
    access=Permission.USAGE_READ,
    tag=_TAG,
    query=Asked,
    gives=Flags,
    answer={"flags": [{**FLAG, "feed_key": KEY_ANSWER}], "next": None},
)
async def list_flags(call: Call[None, Asked]) -> Result:
    """List the private addresses that seem shared.

    Each is raised once for a reason, until it is dismissed. What follows by itself, a notice to
    the reader or taking the address back, is for the setting `leaks.policy`.
    """
    found = await call.app[LEAKS].flagged(
        before=_place(call.after()), limit=call.query.limit + 1, dismissed=call.query.dismissed
    )
    shown = found[: call.query.limit]
    more = call.cursor(_position(shown[-1].flag)) if len(found) > len(shown) else None
    return Result(value=Flags(flags=[_flagged(one) for one in shown], next=more))


def _position(flag: Flag) -> str:
    return f"{flag.at} {flag.feed_key} {flag.reason}"


def _place(position: str | None) -> tuple[int, str, str] | None:
    if position is None:
        return None
    at, feed_key, reason = position.split(" ")
    return int(at), feed_key, reason


def _flagged(one: Flagged) -> FlaggedShape:
    return FlaggedShape(
        feed_key=shapes.feed_key_shape(one.key), **msgspec.structs.asdict(flag_shape(one.flag))
    )


@Operation(
    method="POST",
    path="/api/v1/admin/feed-keys/{id}/dismiss",
    params=KEY_ID,
    access=Permission.FLAGS_WRITE,
    tag=_TAG,
    gives=FeedKeyShape,
    answer=KEY_ANSWER,
)
async def dismiss_flags(call: Call[None, None]) -> Result:
    """Say that all is in order with a private address.

    Its reader is told no more. It is flagged anew for the same reason when half as many have
    come on top. One that was taken back stays so. Once more it changes nothing.
    """
    key_id = call.params["id"]
    await call.app[LEAKS].dismiss(key_id, call.by)
    return Result(value=shapes.feed_key_shape(await call.app[FEED_KEYS].get(key_id)))


ENDPOINTS = [report_leaks, list_flags, dismiss_flags]
