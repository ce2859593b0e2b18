"""The pages behind a private address: a subscriber's own feeds, for people and for readers."""

from typing import Any

from aiohttp import hdrs, web

from wirefeed.domain.credentials import Lapse
from wirefeed.domain.plans import Entitlement
from wirefeed.formats import opml
from wirefeed.formats.opml import Outline
from wirefeed.web.rendering import KEY, NO_STORE, alternates, feeds, render, topic_feeds
from wirefeed.web.request import CLOCK, HOUSE, KEY_COOKIE, PLANS, READERS, TAXONOMY
from wirefeed.web.usage import saw

_COOKIE_DAYS = 30


async def key_page(request: web.Request) -> web.StreamResponse:
    """Show a subscriber its own feeds, and sign its browser in for stories in full."""
    key = request.match_info["key"]
    reader = await request.app[READERS].by_feed_key(key)
    saw(request, reader)
    house = request.app[HOUSE]
    language = house.languages[0]
    groups = _groups(request, key, reader.entitlement)
    plans = await request.app[PLANS].all()
    # Whoever holds a revoked key may be the reason it was revoked.
    owner = None if reader.lapse is Lapse.REVOKED else reader.subscriber
    live = owner.live(request.app[CLOCK]()) if owner else ()
    response = render(
        request,
        "key.html",
        language,
        {
            # The RSS of everything comes first: it is what a reader given this page subscribes to.
            "alternates": [
                link
                for group in groups
                for feed in group["feeds"]
                for link in alternates(feed["name"], feed["formats"])
            ],
            "subscriber": owner.name if owner else "",
            "plans": [plans[s.plan].label(language) for s in live if s.plan in plans],
            "until": max((s.ends for s in live if s.ends is not None), default=None),
            "lapsed": reader.lapse.value if reader.lapse else None,
            "opml_url": house.url(f"/f/{key}/opml"),
            "groups": groups,
        },
        headers={hdrs.CACHE_CONTROL: NO_STORE},
    )
    if owner is None:
        return response
    response.set_cookie(
        KEY_COOKIE,
        key,
        path="/subscriber/",
        max_age=_COOKIE_DAYS * 86_400,
        httponly=True,
        samesite="Lax",
        secure=house.is_secure,
    )
    return response


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
        for group in _groups(request, key, reader.entitlement)
    ]
    return web.Response(
        body=opml.opml(house.name, outlines),
        headers={
            hdrs.CONTENT_TYPE: opml.MEDIA_TYPE,
            hdrs.CACHE_CONTROL: NO_STORE,
            hdrs.CONTENT_DISPOSITION: 'attachment; filename="feeds.opml"',
        },
    )


def _groups(request: web.Request, key: str, entitlement: Entitlement) -> list[dict[str, Any]]:
    """List the feeds that are covered, by language, the one of everything first."""
    taxonomy = request.app[TAXONOMY]
    house = request.app[HOUSE]
    groups = []
    for language in house.languages:
        if not entitlement.subscribes(language):
            continue
        prefix = house.url(f"/f/{key}/{language}")
        words = house.texts(language)
        latest = {"name": words["latest"], "depth": 0, "formats": feeds(f"{prefix}/latest")}
        topics = [
            {"name": topic["name"], "depth": topic["depth"], "formats": topic["feeds"]}
            for topic in topic_feeds(request, language, prefix)
            if entitlement.subscribes(language, taxonomy.broader(topic["slug"]))
        ]
        groups.append({"code": language, "name": words["name"], "feeds": [latest, *topics]})
    return groups


ROUTES = [
    web.get(f"/f/{KEY}/", key_page),
    web.get(f"/f/{KEY}/opml", key_opml),
]
