"""Pages for everybody: the catalogue, a story, a feed in a browser."""

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from aiohttp import hdrs, web
from markupsafe import Markup

from wirefeed.domain.access import Level
from wirefeed.domain.archives import Archived, Asked, feed_of, links
from wirefeed.domain.credentials import Presented, Scheme, SecretKind, is_secret
from wirefeed.domain.errors import Invalid, NotFound, Unauthenticated
from wirefeed.domain.feeds import DAY, AnyFeed, Item, count_levels, stretch, why
from wirefeed.domain.ledger import Stretch
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.domain.views import View
from wirefeed.domain.ways import ARCHIVE, FEED, STORY_PAGE, Filter
from wirefeed.services.documents import Format
from wirefeed.services.house import feed_tail, iso
from wirefeed.services.story_pages import KilledStory
from wirefeed.web.client import client_address
from wirefeed.web.rendering import LANG, NO_STORE, alternates, feeds, render, shown, topic_feeds
from wirefeed.web.request import (
    HOUSE,
    KEY_COOKIE,
    LEDGER,
    PUBLIC_CACHE,
    READERS,
    STORY_PAGES,
    SYNDICATION,
    TAXONOMY,
    presented,
)
from wirefeed.web.sunset import with_sunset
from wirefeed.web.usage import saw

_WEEK = "public, max-age=604800"
#: On a front page; the feeds hold more.
_FRONT = 25
#: On the page of a feed.
_LISTED = 50
#: The lead, and the stories beside it.
_TOP = 4


async def root(request: web.Request) -> web.StreamResponse:
    """Show the front page of the first language."""
    return await _catalogue(request, request.app[HOUSE].languages[0])


async def catalogue(request: web.Request) -> web.StreamResponse:
    """Show the front page of a language: the newest stories, the topics and their feeds."""
    return await _catalogue(request, request.match_info["lang"])


async def _catalogue(request: web.Request, language: str) -> web.StreamResponse:
    feed = Feed(language=language)
    reader = await request.app[READERS].public()
    request.app[SYNDICATION].check(feed, reader)
    window = await request.app[SYNDICATION].window(feed, reader)
    house = request.app[HOUSE]
    words = house.texts(language)
    latest = feeds(f"/{language}/latest")
    topics = topic_feeds(request, language, f"/{language}")
    return render(
        request,
        "catalogue.html",
        language,
        {
            "description": words["catalogue"]["description"].format(site=house.name),
            "canonical": house.url(f"/{language}/"),
            "alternates": [
                *alternates(house.name, latest),
                *(alternates(topic["name"], topic["feeds"])[0] for topic in topics),
            ],
            "stories": [
                shown(request, view, language)
                for view in request.app[SYNDICATION].views(_laid_out(window.items)[:_FRONT])
            ],
            "latest_feeds": latest,
            "topics": topics,
        },
        headers={hdrs.CACHE_CONTROL: PUBLIC_CACHE},
    )


def _laid_out(items: Sequence[Item]) -> list[Item]:
    """Order a front page: what is withdrawn stands high, and never for the news itself."""
    news = [item for item in items if not item.story.is_killed]
    kills = [item for item in items if item.story.is_killed]
    return news[:_TOP] + kills + news[_TOP:]


async def story(request: web.Request) -> web.StreamResponse:
    """Show a story as the public sees it, whoever asks."""
    reader = await request.app[READERS].public()
    return await _story(request, reader, headers={hdrs.CACHE_CONTROL: PUBLIC_CACHE})


async def subscriber_story(request: web.Request) -> web.StreamResponse:
    """Show a story as a subscriber sees it: by token, HTTP Basic, or the cookie of its page."""
    reader = await request.app[READERS].by_credential(_presented(request), client_address(request))
    saw(request, reader)
    headers: dict[str, str] = {
        hdrs.CACHE_CONTROL: NO_STORE,
        hdrs.VARY: "Authorization, Cookie",
    }
    return await _story(request, reader, headers=headers)


def _presented(request: web.Request) -> Presented:
    key = request.cookies.get(KEY_COOKIE, "")
    if not key or hdrs.AUTHORIZATION in request.headers:
        credential = presented(request)
        # A browser sends its cookie along with HTTP Basic unasked; a machine has no cookie.
        if key and credential.scheme is Scheme.BEARER:
            raise Invalid("send one credential, in one way", field=hdrs.AUTHORIZATION)
        return credential
    if not is_secret(SecretKind.FEED, key):
        raise Unauthenticated
    return Presented(scheme=Scheme.BASIC, secret=key)


async def _story(
    request: web.Request, reader: Reader, *, headers: Mapping[str, str]
) -> web.StreamResponse:
    language = request.match_info["lang"]
    if language not in request.app[HOUSE].languages:
        raise NotFound
    status = HTTPStatus.OK

    def given(position: int) -> None:
        if reader.subscriber is not None and request.method == hdrs.METH_GET:
            request.app[LEDGER].read(reader.subscriber.id, STORY_PAGE, position)

    try:
        view = await request.app[STORY_PAGES].page(
            request.match_info["id"], language, reader, given
        )
    except KilledStory as killed:
        status, view = HTTPStatus.GONE, killed.view
    house = request.app[HOUSE]
    canonical = house.url(house.story_path(view, language))
    own = _is_subscribers(request)
    told = {"Wirefeed-Levels": levels({view.level: 1}, why([view.reason]))} if own else {}
    return render(
        request,
        "story.html",
        language,
        {
            "canonical": canonical,
            "subscriber_href": "" if own else f"/subscriber/{language}/stories/{view.id}",
            "description": view.teaser.text[:300],
            "alternates": alternates(house.name, feeds(f"/{language}/latest")),
            "view": shown(request, view, language)
            | {"topics": _topic_links(request, view, language)},
            "json_ld": _json_ld(request, view, canonical),
        },
        status=status,
        headers={**headers, **told, **with_sunset(request.app[HOUSE], reader, language)},
    )


def _is_subscribers(request: web.Request) -> bool:
    return request.path.startswith("/subscriber/")


def levels(counts: Mapping[Level, int], reasons: Iterable[str]) -> str:
    """Say to machines how many items are at which level, and why not full (RFC 8941)."""
    told = [f"{level}={counts[level]}" for level in (Level.FULL, Level.SUMMARY) if level in counts]
    because = "+".join(reasons)
    return (", ".join(told) or "full=0") + (f"; why={because}" if because else "")


async def feed_page(
    request: web.Request, asked: Asked, form: Format, reader: Reader
) -> web.StreamResponse:
    """Show a feed to a browser, or a page of its archive: its address to copy, its stories."""
    request.app[SYNDICATION].check(asked, reader)
    window = await request.app[SYNDICATION].window(asked, reader)
    house, feed = request.app[HOUSE], feed_of(asked)
    title = f"{house.name}: {house.topic_name(feed, request.app[TAXONOMY])}"
    trail = request.app[SYNDICATION].trail(asked, window, len(window.items))
    # What is to be copied is the feed: nobody is to subscribe to a page of its archive.
    stem = request.path.removesuffix(f".{form}").removesuffix(f"/archive/{trail.page}")
    formats = [f for f in feeds(house.url(stem)) if f["format"] != form]
    listed = window.items[:_LISTED]
    archived = bool(trail.page)
    given = stretch(listed, window.head, is_page=archived)
    _note(request, reader, feed, given, archived=archived)
    reasons = why(item.access.reason for item in window.items)
    key = request.match_info.get("key")
    own = _is_subscribers(request)
    told = {"Wirefeed-Levels": levels(count_levels(window.items), reasons)} if own else {}
    return render(
        request,
        "feed.html",
        feed.language,
        {
            "robots": "noindex",
            "title": title,
            "address": house.url(f"{stem}.{form}"),
            "hub": "" if trail.page else house.hub_of(public=not (own or key)),
            "archived": asked.page.day * DAY if isinstance(asked, Archived) else None,
            "beside": {link.rel: link.href for link in links(trail, stem, form)},
            "format": form.value,
            "formats": formats,
            "own_page": house.url(f"/f/{key}/") if key else "",
            "told": house.told(reader, feed.language),
            "renew_url": house.renew_url(reader, feed.language),
            "stories": [
                shown(request, view, feed.language)
                for view in request.app[SYNDICATION].views(listed)
            ],
        },
        headers={
            hdrs.CACHE_CONTROL: NO_STORE,
            hdrs.VARY: "Authorization, Sec-Fetch-Dest" if own else "Sec-Fetch-Dest",
            **told,
            **with_sunset(house, reader, feed.language),
        },
    )


def _note(
    request: web.Request, reader: Reader, feed: AnyFeed, given: Stretch, *, archived: bool
) -> None:
    """Note in the ledger that a subscriber was shown a feed, or a page of its archive."""
    if reader.subscriber is None or request.method != hdrs.METH_GET:
        return
    ledger, subscriber = request.app[LEDGER], reader.subscriber.id
    channel = f"{ARCHIVE if archived else FEED}{feed.language}/{feed_tail(feed)}"
    way = ledger.through(channel, subscriber, Filter(plans=reader.narrowed_to))
    ledger.given(subscriber, way, given)


async def stylesheet(request: web.Request) -> web.StreamResponse:
    """Give the one stylesheet, or what the reference of the API has on top of it."""
    return web.Response(
        body=_STYLESHEETS[request.path],
        content_type="text/css",
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: _WEEK},
    )


_STYLESHEETS = {
    f"/static/{name}": files("wirefeed.web").joinpath("static", name).read_bytes()
    for name in ("wirefeed.css", "api.css")
}


def _topic_links(request: web.Request, view: View, language: str) -> list[dict[str, str]]:
    names = dict(request.app[HOUSE].wording(language, request.app[TAXONOMY]).topics)
    return [
        {"name": names[slug], "href": f"/{language}/topics/{slug}.rss"}
        for slug in view.topics
        if slug in names
    ]


def _json_ld(request: web.Request, view: View, canonical: str) -> Markup:
    """Describe the story to machines: schema.org NewsArticle, with what is behind the paywall."""
    house = request.app[HOUSE]
    free = view.level is Level.FULL and not _is_subscribers(request)
    article: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": view.headline,
        "url": canonical,
        "datePublished": iso(view.published),
        "dateModified": iso(view.updated),
        "inLanguage": view.language,
        "isAccessibleForFree": free,
        "publisher": {"@type": "NewsMediaOrganization", "name": house.name},
        "description": view.teaser.text,
    }
    if view.byline:
        article["author"] = {"@type": "Person", "name": view.byline}
    if not free:
        article["hasPart"] = {
            "@type": "WebPageElement",
            "isAccessibleForFree": False,
            "cssSelector": ".paywall",
        }
    text = json.dumps(article, ensure_ascii=False, sort_keys=True)
    # In a script element a `<` could end it: HTML Standard §4.12.1.3.
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704 - escaped


_STORY = LANG + r"/stories/{id:[a-z2-7]{16}}"

ROUTES = [
    web.get("/", root),
    web.get(f"/{LANG}/", catalogue),
    web.get(f"/{_STORY}", story),
    web.get(f"/{_STORY}/{{slug:[a-z0-9-]{{0,64}}}}", story),
    web.get(f"/subscriber/{_STORY}", subscriber_story),
    *(web.get(path, stylesheet) for path in _STYLESHEETS),
]
