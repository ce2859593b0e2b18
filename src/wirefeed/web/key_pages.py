"""The pages behind a private address: a subscriber's own feeds, for people and for readers.

No rules here: what it covers, what is told of it and what may be chosen is decided below.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web

from wirefeed.domain.feeds import AnyFeed, Selection
from wirefeed.domain.holdings import Holding, holdings
from wirefeed.domain.offers import choosable, offered
from wirefeed.domain.plans import Plan
from wirefeed.domain.readers import Reader
from wirefeed.domain.sightings import UNNAMED
from wirefeed.domain.stories import Feed
from wirefeed.formats import opml
from wirefeed.formats.opml import Outline
from wirefeed.services.house import feed_tail
from wirefeed.web.languages import preferred_language
from wirefeed.web.reader_links import app_link, web_links
from wirefeed.web.rendering import KEY, NO_STORE, alternates, feeds, languages, render
from wirefeed.web.request import CLOCK, HOUSE, KEY_COOKIE, PLANS, READERS, TAXONOMY, USAGE
from wirefeed.web.sunset import with_sunset
from wirefeed.web.usage import saw

_COOKIE_DAYS = 30
#: Rows of where an address was used: enough to see who does not belong there.
_SEEN = 20


async def key_page(request: web.Request) -> web.StreamResponse:
    """Show a subscriber its own feeds, and sign its browser in for stories in full."""
    reader = await request.app[READERS].by_feed_key(request.match_info["key"])
    saw(request, reader)
    return await own_page(request, reader)


async def own_page(
    request: web.Request, reader: Reader, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    """Make a reader's own page."""
    key = request.match_info["key"]
    house = request.app[HOUSE]
    language = page_language(request)
    groups = _groups(request, key, reader, language)
    # Whoever holds a key that was taken back may be the reason for it.
    own = {} if reader.is_cast_off else await _own(request, reader, language)
    response = render(
        request,
        "key.html",
        language,
        {
            "languages": languages(request, language, "?lang={}"),
            "query": language_query(request),
            # The RSS of everything comes first: it is what a reader given this page subscribes to.
            "alternates": [
                link
                for group in groups
                for feed in group["feeds"]
                for link in alternates(feed["name"], feed["formats"])
            ],
            "told": house.told(reader, language),
            "renew_url": house.renew_url(reader, language),
            "opml_url": house.url(f"/f/{key}/opml"),
            "groups": groups,
            "own": own,
        },
        status=status,
        headers=_headers(request, reader, language),
    )
    if own:
        sign_in(request, response, key)
    return response


def page_language(request: web.Request) -> str:
    """Give the language a person chose on the page, or else the browser's."""
    chosen = request.query.get("lang", "")
    return chosen if chosen in request.app[HOUSE].languages else preferred_language(request)


def language_query(request: web.Request) -> str:
    """Give the query that keeps the language a person chose."""
    return f"?lang={page_language(request)}" if "lang" in request.query else ""


def sign_in(request: web.Request, response: web.Response, key: str) -> None:
    """Let a browser read stories in full: by the key, in a cookie for nothing else."""
    response.set_cookie(
        KEY_COOKIE,
        key,
        path="/subscriber/",
        max_age=_COOKIE_DAYS * 86_400,
        httponly=True,
        samesite="Lax",
        secure=request.app[HOUSE].is_secure,
    )


def _headers(request: web.Request, reader: Reader, language: str) -> dict[str, str]:
    return {
        hdrs.CACHE_CONTROL: NO_STORE,
        hdrs.VARY: hdrs.ACCEPT_LANGUAGE,
        **with_sunset(request.app[HOUSE], reader, language),
    }


async def _own(request: web.Request, reader: Reader, language: str) -> dict[str, Any]:
    """Give a template what it shows to nobody but the owner of a key."""
    app, key, subscriber = request.app, reader.key, reader.subscriber
    if key is None or subscriber is None:
        return {}
    topics = choosable(reader, app[TAXONOMY], app[HOUSE].languages)
    plans = await app[PLANS].all()
    seen = await app[USAGE].seen(key.id)
    return {
        "subscriber": subscriber.name,
        "plans": _plans(request, holdings(subscriber, app[CLOCK]()), plans, language),
        "key": {"name": key.name, "issued": key.issued},
        "topics": [
            {
                "slug": topic.slug,
                "name": topic.name(language),
                "depth": app[TAXONOMY].depth(topic.slug),
                "chosen": topic.slug in key.selection,
            }
            for topic in topics
        ],
        "sightings": [
            {
                "client": "" if one.client == UNNAMED else one.client,
                "network": one.network,
                "last": one.last,
            }
            for one in seen[:_SEEN]
        ],
    }


def _plans(
    request: web.Request, held: Iterable[Holding], plans: Mapping[str, Plan], language: str
) -> list[dict[str, str]]:
    house = request.app[HOUSE]
    terms = house.texts(language)["key"]["term"]
    return [
        {
            "label": plans[one.plan].label(language),
            "price": plans[one.plan].price(language),
            "term": terms[one.state].format(
                begins=house.date(one.begins or 0, language),
                ends=house.last_day(one.ends or 0, language),
                closes=house.last_day(one.closes or 0, language),
            ),
        }
        for one in held
        if one.plan in plans
    ]


async def key_opml(request: web.Request) -> web.StreamResponse:
    """List a subscriber's feeds for its reader to take all at once."""
    key = request.match_info["key"]
    reader = await request.app[READERS].by_feed_key(key)
    saw(request, reader)
    house = request.app[HOUSE]
    outlines = [
        Outline(
            text=group["name"],
            outlines=tuple(
                Outline(
                    text=feed["name"],
                    xml_url=feed["formats"][0]["href"],
                    html_url=house.url(f"/{group['code']}/"),
                    language=group["code"],
                )
                for feed in group["feeds"]
            ),
        )
        for group in _groups(request, key, reader, house.languages[0])
    ]
    return web.Response(
        body=opml.opml(house.name, outlines),
        headers={
            hdrs.CONTENT_TYPE: opml.MEDIA_TYPE,
            hdrs.CONTENT_DISPOSITION: 'attachment; filename="feeds.opml"',
            hdrs.CACHE_CONTROL: NO_STORE,
            **with_sunset(house, reader, house.languages[0]),
        },
    )


def _groups(request: web.Request, key: str, reader: Reader, language: str) -> list[dict[str, Any]]:
    """List the feeds a reader is offered, by language, that of the page first."""
    house = request.app[HOUSE]
    groups = []
    for code in sorted(house.languages, key=lambda code: code != language):
        found = [
            # Links to every reader for each of the topics would bury what is chosen first.
            _feed(request, key, feed, linked=number == 0 or isinstance(feed, Selection))
            for number, feed in enumerate(offered(reader, request.app[TAXONOMY], code))
        ]
        if found:
            groups.append({"code": code, "name": house.texts(code)["name"], "feeds": found})
    return groups


def _feed(request: web.Request, key: str, feed: AnyFeed, *, linked: bool) -> dict[str, Any]:
    house, taxonomy = request.app[HOUSE], request.app[TAXONOMY]
    formats = feeds(house.url(f"/f/{key}/{feed.language}/{feed_tail(feed)}"))
    address = formats[0]["href"]
    return {
        "name": house.topic_name(feed, taxonomy),
        "depth": taxonomy.depth(feed.topic) if isinstance(feed, Feed) and feed.topic else 0,
        "formats": formats,
        "app": app_link(address) if linked else "",
        "web": web_links(address) if linked else [],
    }


ROUTES = [
    web.get(f"/f/{KEY}/", key_page),
    web.get(f"/f/{KEY}/opml", key_opml),
]
