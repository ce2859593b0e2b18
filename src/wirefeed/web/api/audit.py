"""The audit by the API: who did what, and whether the record of it is whole."""

from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.audit import Entry, Verb, Via
from wirefeed.domain.errors import NotFound
from wirefeed.domain.roles import Permission
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Listing, Operation, Result
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import AUDIT

_TAG = "Audit"
_ANSWER = {
    "row": 17,
    "at": "2026-03-01T12:00:00Z",
    "actor": "admin:eva",
    "via": "api",
    "verb": "token.revoke",
    "about": "token:5f0c1d0a9a7e4b7fb0c1d0a9a7e4b7f0",
    "detail": {},
}


class Row(msgspec.Struct, kw_only=True):
    """Something that was done. It names ids, never people."""

    row: int
    at: Time
    actor: Annotated[str, Meta(description="`admin:…`, `subscriber:…`, `source:…`, `cli`.")]
    via: Via
    verb: Verb
    about: Annotated[str, Meta(description="What it was done to.")]
    detail: dict[str, str | int | list[str] | None]


class Rows(Listing, kw_only=True):
    """Some rows of the audit."""

    rows: Annotated[list[Row], Meta(description="The newest first.")]


class Filter(Page, kw_only=True, forbid_unknown_fields=True):
    """Which rows."""

    about: Annotated[str, Meta(max_length=500, description="Only what was done to this.")] = ""


class VerdictShape(msgspec.Struct, kw_only=True):
    """What a walk along the chain found."""

    holds: bool
    good: Annotated[int, Meta(description="How many rows hold.")]
    broken: Annotated[int | None, Meta(description="The first row that does not.")]


@Operation(
    method="GET",
    path="/api/v1/admin/audit",
    access=Permission.AUDIT_READ,
    tag=_TAG,
    query=Filter,
    gives=Rows,
    query_example={"about": "subscriber:gazette"},
    answer={"rows": [_ANSWER], "next": None},
)
async def list_audit(call: Call[None, Filter]) -> Result:
    """List what was done, the newest first."""
    found = await call.app[AUDIT].newest(
        before=_place(call.after()), limit=call.query.limit + 1, about=call.query.about or None
    )
    shown = found[: call.query.limit]
    more = call.cursor(str(shown[-1].seq)) if len(found) > len(shown) else None
    return Result(value=Rows(rows=[_row(entry) for entry in shown], next=more))


@Operation(
    method="GET",
    path="/api/v1/admin/audit/verdict",
    access=Permission.AUDIT_READ,
    tag=_TAG,
    gives=VerdictShape,
    answer={"holds": True, "good": 17, "broken": None},
)
async def verify_audit(call: Call[None, None]) -> Result:
    """Walk along the whole chain, and say whether it holds."""
    verdict = await call.app[AUDIT].verify()
    return Result(
        value=VerdictShape(holds=verdict.broken is None, good=verdict.good, broken=verdict.broken)
    )


def _place(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise NotFound("this list has no such place", field="after")
    return int(text)


def _row(entry: Entry) -> Row:
    return Row(
        row=entry.seq,
        at=moment(entry.at),
        actor=entry.actor,
        via=entry.via,
        verb=entry.verb,
        about=entry.about,
        detail=dict(entry.detail),
    )


ENDPOINTS = [list_audit, verify_audit]
