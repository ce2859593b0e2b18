"""Why someone sees what it sees, what runs out, and which topics there are, by the API."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.plans import DAY
from wirefeed.domain.roles import Permission
from wirefeed.formats.prospects_json import (
    EndingShape,
    ExplanationShape,
    ending_shape,
    explanation_shape,
)
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Listing, Operation, Result
from wirefeed.web.request import ENDINGS, PROSPECTS, TAXONOMY

_TAG = "Who sees what"


class Question(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who, and which story."""

    subscriber: Annotated[
        str, Meta(max_length=64, description="Its id; `public`: the anonymous public.")
    ]
    guid: Annotated[
        str, Meta(min_length=1, max_length=2000, description="The story's guid, or its id.")
    ]


class HowSoon(Page, kw_only=True, forbid_unknown_fields=True):
    """How soon, and how many."""

    days: Annotated[int, Meta(ge=1, le=400, description="It ends within so many days.")] = 30


class Endings(Listing, kw_only=True):
    """What runs out."""

    ending: Annotated[list[EndingShape], Meta(description="The first to end first.")]


class TopicShape(msgspec.Struct, kw_only=True):
    """A topic: a named selection of stories."""

    slug: str
    names: Annotated[dict[str, str], Meta(description="By language.")]
    broader: str | None
    listed: Annotated[bool, Meta(description="It stands in the catalogue.")]


class Topics(msgspec.Struct, kw_only=True):
    """The topic tree."""

    topics: Annotated[list[TopicShape], Meta(description="Each below its broader one.")]


@Operation(
    method="GET",
    path="/api/v1/admin/explain",
    access=Permission.STORIES_READ,
    tag=_TAG,
    query=Question,
    gives=ExplanationShape,
    problems=frozenset({HTTPStatus.NOT_FOUND}),
    query_example={
        "subscriber": "gazette",
        "guid": "urn:newsml:news.example:20260301:harbour",
    },
    answer={
        "story": "urn:newsml:news.example:20260301:harbour",
        "subscriber": "gazette",
        "subscription": "live",
        "since": None,
        "level": "full",
        "reason": "granted",
        "plan": "gold",
        "grant": "full of economy in *",
        "topics": ["economy"],
        "media": True,
        "notes": False,
        "early": False,
        "until": "2027-01-01T00:00:00Z",
        "offers": [
            {
                "plan": "gold",
                "grant": "full of economy in *",
                "decides": True,
                "level": "full",
                "reason": "granted",
                "delay_seconds": 0,
                "media": True,
                "notes": False,
                "early": False,
                "until": None,
            }
        ],
        "turns": [
            {
                "at": "2027-01-01T00:00:00Z",
                "level": "hidden",
                "reason": "not-covered",
                "plan": None,
                "media": False,
                "notes": False,
                "early": False,
            }
        ],
    },
)
async def explain_story(call: Call[None, Question]) -> Result:
    """Say what a subscriber sees of a story now, why, and when that changes by itself."""
    query = call.query
    found = await call.app[PROSPECTS].explain(query.subscriber, query.guid)
    return Result(value=explanation_shape(query.subscriber, found))


@Operation(
    method="GET",
    path="/api/v1/admin/ending",
    access=Permission.SUBSCRIBERS_READ,
    tag=_TAG,
    query=HowSoon,
    gives=Endings,
    query_example={"days": "7"},
    answer={
        "ending": [
            {
                "subscriber": "gazette",
                "plan": "gold",
                "token": None,
                "name": "",
                "ends": "2026-03-08T00:00:00Z",
                "closes": "2026-03-22T00:00:00Z",
                "within_days": 7,
            }
        ],
        "next": None,
    },
)
async def list_ending(call: Call[None, HowSoon]) -> Result:
    """List what runs out soon: subscriptions that end, and tokens of subscribers that expire."""
    span, limit, after = call.query.days * DAY, call.query.limit, call.after()
    if after is None:
        part = await call.app[ENDINGS].within(span, limit)
    else:
        ends, subscriber, plan, token = after.split(" ")
        part = await call.app[ENDINGS].within(span, limit, (int(ends), subscriber, plan, token))
    more = None if part.after is None else call.cursor(" ".join(map(str, part.after)))
    shown = [ending_shape(each, call.now) for each in part.found]
    return Result(value=Endings(ending=shown, next=more))


@Operation(
    method="GET",
    path="/api/v1/admin/topics",
    access=Permission.TOPICS_READ,
    tag=_TAG,
    gives=Topics,
    answer={
        "topics": [{"slug": "economy", "names": {"en": "Economy"}, "broader": None, "listed": True}]
    },
)
async def list_topics(call: Call[None, None]) -> Result:
    """List the topics that plans are made of, as this server started with them."""
    topics = [
        TopicShape(
            slug=topic.slug, names=dict(topic.names), broader=topic.broader, listed=topic.listed
        )
        for topic in call.app[TAXONOMY]
    ]
    return Result(value=Topics(topics=topics))


ENDPOINTS = [explain_story, list_ending, list_topics]
