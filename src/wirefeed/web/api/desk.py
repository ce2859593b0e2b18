"""The desk by the API: what is held, what was refused, and taking a story back."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.roles import Permission
from wirefeed.domain.stories import PubStatus, Story
from wirefeed.domain.wire import ChangeKind
from wirefeed.web.api.operation import Call, Operation, Result
from wirefeed.web.api.shapes import maybe
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import NEWSDESK, PUBLISHING, TAXONOMY

_TAG = "Desk"
_Guid = Annotated[
    str,
    Meta(min_length=1, max_length=2000, description="The story's guid, or its id."),
]
_ANSWER = {
    "guid": "urn:newsml:news.example:20260301:harbour",
    "id": "abcdefghijklmnop",
    "version": 2,
    "status": "usable",
    "change": "correction",
    "changed": "2026-03-01T12:00:00Z",
    "language": "en",
    "headline": "Harbour opens again",
    "slugline": "Harbour",
    "topics": ["economy"],
    "feeds": ["en/economy", "en/latest"],
    "published": "2026-03-01T11:00:00Z",
    "updated": "2026-03-01T12:00:00Z",
    "embargoed_until": None,
    "expires": None,
}


class StoryShape(msgspec.Struct, kw_only=True):
    """A story as it is held."""

    guid: str
    id: str
    version: int
    status: PubStatus
    change: Annotated[ChangeKind, Meta(description="What happened to it last.")]
    changed: Time
    language: str
    headline: str
    slugline: str
    topics: list[str]
    feeds: Annotated[list[str], Meta(description="Where it stands, or stood.")]
    published: Time
    updated: Time
    embargoed_until: Time | None
    expires: Time | None


class WholeStory(StoryShape, kw_only=True):
    """A story as it is held, with its text."""

    summary: str
    body: Annotated[str, Meta(description="HTML.")]


class Stories(msgspec.Struct, kw_only=True):
    """Some stories."""

    stories: Annotated[list[StoryShape], Meta(description="The last changed first.")]


class Asked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which stories."""

    topic: Annotated[str, Meta(max_length=64, description="Only of this topic.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many at most.")] = 50


class Named(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which story."""

    guid: _Guid


class OfTheDesk(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A story to withhold, or to bring back."""

    guid: _Guid


class Kill(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A story to withdraw."""

    guid: _Guid
    headline: Annotated[
        str, Meta(max_length=500, description="What its notice is called; empty: its slugline.")
    ] = ""


class Letter(msgspec.Struct, kw_only=True):
    """A message that was refused."""

    at: Time
    source: str
    name: Annotated[str, Meta(description="Where in the input it stood.")]
    field: str
    reason: str
    message: str


class Letters(msgspec.Struct, kw_only=True):
    """Some messages that were refused."""

    refused: Annotated[list[Letter], Meta(description="The newest first.")]


class Last(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="How many at most.")] = 50


class Moved(msgspec.Struct, kw_only=True):
    """What came of filing anew."""

    moved: Annotated[int, Meta(description="How many stories stand elsewhere now.")]


@Operation(
    method="GET",
    path="/api/v1/admin/stories",
    access=Permission.STORIES_READ,
    tag=_TAG,
    query=Asked,
    gives=Stories,
    query_example={"topic": "economy"},
    answer={"stories": [_ANSWER]},
)
async def list_stories(call: Call[None, Asked]) -> Result:
    """List the stories that changed last."""
    topic = call.query.topic
    if topic and topic not in call.app[TAXONOMY]:
        return Result(value=Stories(stories=[]))
    found = await call.app[PUBLISHING].listing(topic=topic, limit=call.query.limit)
    return Result(value=Stories(stories=[_shape(story) for story in found]))


@Operation(
    method="GET",
    path="/api/v1/admin/story",
    access=Permission.STORIES_READ,
    tag=_TAG,
    query=Named,
    gives=WholeStory,
    problems=frozenset({HTTPStatus.NOT_FOUND}),
    query_example={"guid": "urn:newsml:news.example:20260301:harbour"},
    answer={**_ANSWER, "summary": "Ships pass again.", "body": "<p>The harbour opened.</p>"},
)
async def show_story(call: Call[None, Named]) -> Result:
    """Give a story as it is held, whoever may read it."""
    story = await call.app[PUBLISHING].find(call.query.guid)
    told = msgspec.structs.asdict(_shape(story))
    revision = story.revision
    return Result(value=WholeStory(summary=revision.summary, body=revision.body, **told))


@Operation(
    method="POST",
    path="/api/v1/admin/stories/kill",
    access=Permission.STORIES_WRITE,
    tag=_TAG,
    body=Kill,
    gives=StoryShape,
    problems=frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}),
    example={"guid": "urn:newsml:news.example:20260301:harbour"},
    answer={**_ANSWER, "status": "canceled", "change": "kill"},
)
async def kill_story(call: Call[Kill, None]) -> Result:
    """Withdraw a story for good.

    It is gone from every feed and page when this answers, and those who could have seen it
    are told. Once more it changes nothing.
    """
    killed = await call.app[NEWSDESK].kill(call.body.guid, call.by, headline=call.body.headline)
    return Result(value=_shape(killed))


@Operation(
    method="POST",
    path="/api/v1/admin/stories/withhold",
    access=Permission.STORIES_WRITE,
    tag=_TAG,
    body=OfTheDesk,
    gives=StoryShape,
    problems=frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}),
    example={"guid": "urn:newsml:news.example:20260301:harbour"},
    answer={**_ANSWER, "status": "withheld", "change": "withhold"},
)
async def withhold_story(call: Call[OfTheDesk, None]) -> Result:
    """Take a story out of sight for a while, without a notice.

    A later version brings it back. Once more it changes nothing; one that was killed stays so.
    """
    return Result(value=_shape(await call.app[NEWSDESK].withhold(call.body.guid, call.by)))


@Operation(
    method="POST",
    path="/api/v1/admin/stories/reinstate",
    access=Permission.STORIES_WRITE,
    tag=_TAG,
    body=OfTheDesk,
    gives=StoryShape,
    problems=frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}),
    example={"guid": "urn:newsml:news.example:20260301:harbour"},
    answer={**_ANSWER, "version": 4, "change": "reinstate"},
)
async def reinstate_story(call: Call[OfTheDesk, None]) -> Result:
    """Bring back a story that was killed or withheld, with the text it had last.

    It is a higher version, and the only way back from a kill. Of a story that is usable it
    changes nothing.
    """
    return Result(value=_shape(await call.app[NEWSDESK].reinstate(call.body.guid, call.by)))


@Operation(
    method="GET",
    path="/api/v1/admin/refused",
    access=Permission.STORIES_READ,
    tag=_TAG,
    query=Last,
    gives=Letters,
    answer={
        "refused": [
            {
                "at": "2026-03-01T12:00:00Z",
                "source": "newsroom",
                "name": "",
                "field": "$.uri",
                "reason": "$.uri: it is missing",
                "message": "{}",
            }
        ]
    },
)
async def list_refused(call: Call[None, Last]) -> Result:
    """List the messages that were refused last, and why."""
    found = await call.app[PUBLISHING].refused(call.query.limit)
    letters = [
        Letter(
            at=moment(letter.at),
            source=letter.source,
            name=letter.name,
            field=letter.field,
            reason=letter.reason,
            message=letter.raw.decode("utf-8", "replace"),
        )
        for letter in found
    ]
    return Result(value=Letters(refused=letters))


@Operation(
    method="POST",
    path="/api/v1/admin/topics/apply",
    access=Permission.TOPICS_WRITE,
    tag=_TAG,
    gives=Moved,
    answer={"moved": 12},
)
async def apply_topics(call: Call[None, None]) -> Result:
    """File every story by the topics this server started with.

    After a change of the topic tree and a restart; each story keeps its place among the others.
    """
    return Result(value=Moved(moved=await call.app[PUBLISHING].refile(call.by)))


def _shape(story: Story) -> StoryShape:
    revision = story.revision
    return StoryShape(
        guid=story.guid,
        id=story.id,
        version=story.version,
        status=revision.status,
        change=story.change,
        changed=moment(story.changed),
        language=revision.language,
        headline=revision.headline,
        slugline=revision.slugline,
        topics=sorted(story.topics),
        feeds=sorted(f"{feed.language}/{feed.topic or 'latest'}" for feed in story.feeds),
        published=moment(story.published),
        updated=moment(story.updated),
        embargoed_until=maybe(revision.embargoed_until),
        expires=maybe(revision.expires),
    )


ENDPOINTS = [
    list_stories,
    show_story,
    kill_story,
    withhold_story,
    reinstate_story,
    list_refused,
    apply_topics,
]
