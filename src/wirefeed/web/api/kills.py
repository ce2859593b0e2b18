"""Kills by the API: who may have a killed story, and whether it was given the kill."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wirefeed.domain.access import Level
from wirefeed.domain.killed import Holder, Way
from wirefeed.domain.roles import Permission
from wirefeed.domain.ways import EVERYTHING
from wirefeed.services.kills import Account
from wirefeed.web.api.operation import Call, Operation, Param, Result
from wirefeed.web.api.shapes import maybe
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import KILLS

_TAG = "Desk"
_GUID = {
    "guid": Param(
        pattern=re.compile(r"[^/?#%\s]{1,2000}"),
        description="The story's guid, or its id: that also where the guid has a slash in it.",
        example="abcdefghijklmnop",
    )
}
_KILL: Mapping[str, Any] = {
    "guid": "urn:newsml:news.example:20260301:harbour",
    "headline": "Harbour – do not use",
    "killed": "2026-03-01T12:00:00Z",
    "holders": 12,
    "waiting": 1,
    "gone": 1,
    "late": True,
}
_HOLDER: Mapping[str, Any] = {
    "subscriber": "gazette",
    "gone": None,
    "level": "full",
    "since": "2026-03-01T11:58:00Z",
    "fetched": None,
    "acknowledged": None,
    "ways": [
        {
            "way": "wire:89abcdef01234567",
            "topics": ["economy"],
            "languages": [],
            "plans": None,
            "level": "full",
            "since": "2026-03-01T11:58:00Z",
            "fetched": None,
            "acknowledged": None,
        }
    ],
}
_Given = Annotated[Time | None, Meta(description="When it was given the kill; null: not yet.")]
_Told = Annotated[
    Time | None, Meta(description="When it said that it has the kill; null: it has not.")
]


class WayShape(msgspec.Struct, kw_only=True):
    """A way by which a subscriber may have been given the story."""

    way: Annotated[
        str,
        Meta(
            description="`wire`, `stream` or `webhook`, with a fingerprint where no more than a"
            " part was asked for; `feed:`, `archive:` or `hub:` and the feed's address; `story`"
            " by the API, or `page` for people."
        ),
    ]
    topics: Annotated[
        list[str], Meta(description="The topics that were asked for; empty: all there were.")
    ]
    languages: Annotated[list[str], Meta(description="The same of languages.")]
    plans: Annotated[
        list[str] | None,
        Meta(description="The plans that the token was narrowed to; null: it was not."),
    ]
    level: Annotated[
        Level, Meta(description="How much of it, at most; `hidden`: none, but the kill came so.")
    ]
    since: Annotated[Time, Meta(description="When it may first have had it.")]
    fetched: _Given
    acknowledged: _Told


class HolderShape(msgspec.Struct, kw_only=True):
    """A subscriber that may have the story."""

    subscriber: str
    gone: Annotated[
        Time | None,
        Meta(description="When it was removed: it has the story, and is told nothing any more."),
    ]
    level: Annotated[Level, Meta(description="How much of it, at most.")]
    since: Annotated[Time, Meta(description="When it may first have had it.")]
    fetched: _Given
    acknowledged: _Told
    ways: list[WayShape]


class KillShape(msgspec.Struct, kw_only=True):
    """A kill, and how many may have the story."""

    guid: str
    headline: Annotated[str, Meta(description="What its notice is called.")]
    killed: Time
    holders: Annotated[int, Meta(description="How many may have the story.")]
    waiting: Annotated[int, Meta(description="How many of them were not given the kill yet.")]
    gone: Annotated[
        int, Meta(description="How many were not, and cannot be: they are subscribers no more.")
    ]
    late: Annotated[bool, Meta(description="Whether they have had longer than is allowed.")]


class Ledger(KillShape, kw_only=True):
    """A kill, and those who may have the story."""

    subscribers: Annotated[
        list[HolderShape], Meta(description="Those who were not given the kill first.")
    ]


class KillsShape(msgspec.Struct, kw_only=True):
    """Some kills."""

    kills: Annotated[list[KillShape], Meta(description="The newest first.")]


class Newest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many at most.")] = 20


class Most(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=10_000, description="How many subscribers at most.")] = 1000


@Operation(
    method="GET",
    path="/api/v1/admin/kills",
    access=Permission.STORIES_READ,
    tag=_TAG,
    query=Newest,
    gives=KillsShape,
    answer={"kills": [_KILL]},
)
async def list_kills(call: Call[None, Newest]) -> Result:
    """List the last kills, and how many of those who may have the story wait for each."""
    found = await call.app[KILLS].listing(call.query.limit)
    return Result(value=KillsShape(kills=[KillShape(**_kill(account)) for account in found]))


@Operation(
    method="GET",
    path="/api/v1/admin/kills/{guid}",
    params=_GUID,
    access=Permission.STORIES_READ,
    tag=_TAG,
    query=Most,
    gives=Ledger,
    problems=frozenset({HTTPStatus.NOT_FOUND}),
    answer={**_KILL, "subscribers": [_HOLDER]},
)
async def show_kill(call: Call[None, Most]) -> Result:
    """Say who may have a killed story, by which way, and whether it was given the kill.

    A subscriber may have what was in a feed or a part of the wire that it was given, as far as its
    plans showed it then. Those who were not given the kill by any way come first, then those of
    them who are subscribers no more: they still have it, and somebody has to tell them. Of a kill
    that is more than a week old, the times are those by which it was given at the latest.
    """
    account = await call.app[KILLS].show(call.params["guid"], call.query.limit)
    listed = [_holder(one) for one in account.listed]
    return Result(value=Ledger(**_kill(account), subscribers=listed))


def _kill(account: Account) -> dict[str, Any]:
    return {
        "guid": account.killed.guid,
        "headline": account.killed.headline,
        "killed": moment(account.killed.at),
        "holders": account.holders,
        "waiting": account.waiting,
        "gone": account.gone,
        "late": account.late,
    }


def _holder(one: Holder) -> HolderShape:
    return HolderShape(
        subscriber=one.subscriber,
        gone=maybe(one.gone),
        level=one.level,
        since=moment(one.since),
        fetched=maybe(one.fetched),
        acknowledged=maybe(one.acknowledged),
        ways=[_way(way) for way in one.ways],
    )


def _way(way: Way) -> WayShape:
    part = way.filter or EVERYTHING
    return WayShape(
        way=way.name,
        topics=sorted(part.following.topics),
        languages=sorted(part.following.languages),
        plans=None if part.plans is None else sorted(part.plans),
        level=way.level,
        since=moment(way.since),
        fetched=maybe(way.fetched),
        acknowledged=maybe(way.acknowledged),
    )


ENDPOINTS = [list_kills, show_kill]
