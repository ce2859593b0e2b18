"""What the demo adds to the server: its pictures, and one story seen by four callers."""

from dataclasses import replace
from importlib.resources import files
from typing import Any

from aiohttp import hdrs, web
from markupsafe import Markup

from wirefeed.demo.agency import OTHER, PARTNER, Credentials
from wirefeed.domain.access import Level, decide
from wirefeed.domain.errors import NotFound
from wirefeed.domain.feeds import Item
from wirefeed.domain.readers import Reader
from wirefeed.domain.revising import Placing, revise
from wirefeed.domain.stories import PubStatus, Story
from wirefeed.web.rendering import render
from wirefeed.web.request import CLOCK, HOUSE, PUBLISHING, READERS, SYNDICATION

#: A body that is visibly more than its teaser, in characters.
_LONG = 1200
_PICTURES = files("wirefeed.demo").joinpath("pictures")


def routes(credentials: Credentials) -> list[web.RouteDef]:
    """Give the demo's routes; the page of four callers links their feeds."""

    async def callers(request: web.Request) -> web.StreamResponse:
        """Show one story as four callers see it at this moment."""
        return await _callers(request, credentials)

    return [
        web.get("/demo", callers),
        web.get("/demo/pictures/{name:[a-z-]{1,40}}.jpg", picture),
    ]


async def picture(request: web.Request) -> web.StreamResponse:
    """Give a picture of the demo's own stories."""
    file = _PICTURES.joinpath(f"{request.match_info['name']}.jpg")
    if not file.is_file():
        raise NotFound
    return web.Response(
        body=file.read_bytes(),
        content_type="image/jpeg",
        headers={hdrs.CACHE_CONTROL: "public, max-age=86400"},
    )


async def _callers(request: web.Request, credentials: Credentials) -> web.StreamResponse:
    readers = request.app[READERS]
    language = "en"
    story = await _example(request, language)
    killed = _killed(story, request.app[CLOCK]())
    url, name = request.app[HOUSE].url, request.app[HOUSE].texts(language)["latest"]
    public, other, subscriber = (
        await readers.public(),
        await readers.as_subscriber(OTHER),
        await readers.as_subscriber(PARTNER),
    )
    own = {"href": f"{credentials.private}{language}/latest.rss", "name": name}
    columns = [
        _column(request, "The public", "none", story, public)
        | {"feed": {"href": url(f"/{language}/latest.rss"), "name": name}},
        _column(request, "Harbour Capital: another plan", "feed-key", story, other)
        | {"feed": {"href": f"{credentials.other}{language}/latest.rss", "name": name}},
        _column(request, "The Bosphorus Daily: subscribed", "feed-key", story, subscriber)
        | {"feed": own},
        _column(request, "The Bosphorus Daily, were it killed", "feed-key", killed, subscriber)
        | {"feed": own},
    ]
    return render(request, "demo.html", language, {"columns": columns})


async def _example(request: web.Request, language: str) -> Story:
    """Choose a story that the three callers see differently, and that is not killed."""
    readers = request.app[READERS]
    now = request.app[CLOCK]()
    other = (await readers.as_subscriber(OTHER)).entitlement
    subscriber = (await readers.as_subscriber(PARTNER)).entitlement
    public = (await readers.public()).entitlement
    for story in await request.app[PUBLISHING].listing(limit=1000):
        seen = tuple(decide(story, who, now).level for who in (public, other, subscriber))
        told = story.language == language and len(story.revision.body) > _LONG
        if told and seen == (Level.SUMMARY, Level.SUMMARY, Level.FULL):
            return story
    raise NotFound


def _killed(story: Story, now: int) -> Story:
    """Say what the story would be after its kill."""
    kill = replace(
        story.revision,
        status=PubStatus.CANCELED,
        version=story.version + 1,
        version_created=now,
        body="",
    )
    placing = Placing(language=story.language, topics=story.topics, thread=story.thread)
    return revise(story, kill, placing, now).story


def _column(
    request: web.Request, caller: str, credential: str, story: Story, reader: Reader
) -> dict[str, Any]:
    access = decide(story, reader.entitlement, request.app[CLOCK]())
    column: dict[str, Any] = {
        "caller": caller,
        "credential": credential,
        "level": access.level.value,
        "reason": access.reason.value,
        "feed": None,
        "headline": "",
        "html": "",
    }
    if access.level is Level.HIDDEN:
        return column
    view = request.app[SYNDICATION].view(Item(story=story, access=access))
    words = request.app[HOUSE].texts("en")["feed"]
    html = view.body or view.teaser.html or f"<p>{words['killed_notice']}</p>"
    return column | {"headline": view.headline, "html": Markup(html)}  # noqa: S704 - clean
