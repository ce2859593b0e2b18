"""What a reader does on its own page: choose topics, replace its address. No rules here."""

from http import HTTPStatus

from aiohttp import hdrs, web

from wirefeed.domain.audit import Actor, Via
from wirefeed.domain.credentials import FeedKey
from wirefeed.domain.errors import NotFound
from wirefeed.domain.offers import choosable, choose
from wirefeed.domain.readers import Reader
from wirefeed.web.forms import read_form
from wirefeed.web.key_pages import language_query, own_page, page_language, sign_in
from wirefeed.web.origin import refuse_cross_site
from wirefeed.web.rendering import KEY, NO_STORE, render
from wirefeed.web.request import FEED_KEYS, HOUSE, READERS, TAXONOMY
from wirefeed.web.usage import saw


async def choose_topics(request: web.Request) -> web.StreamResponse:
    """Keep which topics a reader wants in its feed `mine`, and show its page again."""
    reader, key = await _owner(request)
    if reader.lapse is not None:
        return await own_page(request, reader, HTTPStatus.CONFLICT)
    wanted = (await read_form(request)).get("topics", [])
    topics = choosable(reader, request.app[TAXONOMY], request.app[HOUSE].languages)
    await request.app[FEED_KEYS].select(key.id, choose(wanted, topics), _actor(key))
    return web.Response(
        status=HTTPStatus.SEE_OTHER,
        # Relative, so that no header holds the key.
        headers={
            hdrs.LOCATION: f"./{language_query(request)}#topics",
            hdrs.CACHE_CONTROL: NO_STORE,
        },
    )


async def rotate(request: web.Request) -> web.StreamResponse:
    """Give a reader a new private address in place of this one, and show it: this once."""
    reader, key = await _owner(request)
    if reader.is_cast_off:
        return await own_page(request, reader, HTTPStatus.CONFLICT)
    issued = await request.app[FEED_KEYS].rotate(key.id, _actor(key))
    own = request.app[HOUSE].url(f"/f/{issued.secret}/")
    response = render(
        request,
        "rotated.html",
        page_language(request),
        # No link leads away by a slip: this page cannot be had again.
        {"address": own, "opml_url": f"{own}opml", "languages": []},
        headers={hdrs.CACHE_CONTROL: NO_STORE, hdrs.VARY: hdrs.ACCEPT_LANGUAGE},
    )
    sign_in(request, response, issued.secret)
    return response


async def _owner(request: web.Request) -> tuple[Reader, FeedKey]:
    """Say whose address it is; nothing is done that a page of another site asked for."""
    reader = await request.app[READERS].by_feed_key(request.match_info["key"])
    refuse_cross_site(request)
    saw(request, reader)
    if reader.key is None:
        raise NotFound
    return reader, reader.key


def _actor(key: FeedKey) -> Actor:
    return Actor(id=f"subscriber:{key.subscriber}", via=Via.PAGE)


ROUTES = [
    web.post(f"/f/{KEY}/mine", choose_topics),
    web.post(f"/f/{KEY}/rotate", rotate),
]
