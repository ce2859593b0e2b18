"""Feeds over HTTP: public, by credential, by private address; conditional requests and deltas.

What needs nothing but memory does not come here: `remembered.py` has answered it.
"""

from collections.abc import Iterable

from aiohttp import web

from wirefeed.domain.archives import Asked
from wirefeed.domain.errors import NotFound
from wirefeed.domain.readers import Reader
from wirefeed.services.addresses import Door, Named
from wirefeed.services.documents import Moved
from wirefeed.web.answers import ANSWERS, Answer, coding_for
from wirefeed.web.client import client_address
from wirefeed.web.conditions import Conditions, conditions
from wirefeed.web.pages import feed_page
from wirefeed.web.polling import Origin, takes_delta
from wirefeed.web.rendering import KEY, LANG
from wirefeed.web.request import FAILURE, READERS, SYNDICATION, presented


async def public(request: web.Request) -> web.StreamResponse:
    """Give a public feed: the same bytes for everyone, whatever credential is sent along."""
    return await _answer(request, Door.PUBLIC, await request.app[READERS].public())


async def subscriber(request: web.Request) -> web.StreamResponse:
    """Give a feed by bearer token or HTTP Basic."""
    reader = await request.app[READERS].by_credential(presented(request), client_address(request))
    return await _answer(request, Door.SUBSCRIBER, reader)


async def private(request: web.Request) -> web.StreamResponse:
    """Give a feed by private address. Its document names no address: many keys share it."""
    if (failure := request.get(FAILURE)) is not None:
        # The key was looked for already, and nobody is to wait for that twice.
        raise failure
    reader = await request.app[READERS].by_feed_key(request.match_info["key"])
    return await _answer(request, Door.PRIVATE, reader)


async def _answer(request: web.Request, door: Door, reader: Reader) -> web.StreamResponse:
    request.app[ANSWERS].saw(request, reader)
    named = _named(request)
    if request.headers.get("Sec-Fetch-Dest") == "document":
        return await feed_page(request, _asked(request, named, reader), named.form, reader)
    held = conditions(request.headers)
    if held.tags and not any(map(request.app[SYNDICATION].knows, held.tags)):
        # It may come from a process that knows of a later change.
        await request.app[SYNDICATION].catch_up(reader)
    while True:
        answer, origin = await _prepare(request, door, named, reader, held)
        if held.is_ahead(answer.validators):
            # As above, by its date.
            await request.app[SYNDICATION].catch_up(reader)
            answer, origin = await _prepare(request, door, named, reader, held)
        if held.hold(answer.validators):
            if held.tags:
                # Whoever names the tag of a document holds it, whichever process gave it that.
                request.app[ANSWERS].gave(request, answer)
            return answer.not_modified()
        if (delta := await _delta(request, answer, held)) is not None:
            return delta
        try:
            return await _whole(request, answer, held, origin)
        except Moved:
            continue


async def _prepare(
    request: web.Request, door: Door, named: Named, reader: Reader, held: Conditions
) -> tuple[Answer, Origin]:
    """Have the document, and say whether it had to be rendered for this request.

    It is not rendered for one who has it: its name is known before.
    """
    answers, syndication = request.app[ANSWERS], request.app[SYNDICATION]
    feed, self_url = _asked(request, named, reader), named.self_urls[door]
    document = await syndication.known(held.tags or (), feed, named.form, reader, self_url=self_url)
    origin = Origin.MEMORY
    if document is None:
        document = await syndication.document(feed, named.form, reader, self_url=self_url)
        origin = Origin.MADE if document.rendered else Origin.MEMORY
    return answers.answer(request.path, door, named, feed, document, reader), origin


async def _delta(
    request: web.Request, answer: Answer, held: Conditions
) -> web.StreamResponse | None:
    """Give no more than what is new, if that is asked for and known (RFC 3229)."""
    if not held.tags or not takes_delta(request.headers.get("A-IM")):
        return None
    form, self_url = answer.named.form, answer.self_url
    found = await request.app[SYNDICATION].delta(
        held.tags, answer.feed, form, answer.reader, self_url=self_url
    )
    if found is None:
        return None
    request.app[ANSWERS].gave(request, answer)
    return answer.delta(*found)


async def _whole(
    request: web.Request, answer: Answer, held: Conditions, origin: Origin
) -> web.StreamResponse:
    """Give all of it. Raises `Moved`, and `Overdrawn` for one that asks for it all the time."""
    coding = coding_for(request)
    if held.are_none:
        request.app[ANSWERS].spend(request, answer.reader)
    body = await request.app[SYNDICATION].body(
        answer.document, coding, answer.feed, answer.reader, self_url=answer.self_url
    )
    request.app[ANSWERS].gave(request, answer)
    return answer.full(body, coding, origin)


def _named(request: web.Request) -> Named:
    """Read which feed the address names. Raises `NotFound` for one there is not."""
    tail = request.path.removeprefix(Door.SUBSCRIBER)
    if "key" in request.match_info:
        tail = tail.removeprefix(f"{Door.PRIVATE}{request.match_info['key']}/")
    tail = tail.removeprefix(Door.PUBLIC)
    page = request.match_info.get("page", "")
    if page:
        tail = tail.replace(f"/archive/{page}.", ".")
    named = request.app[ANSWERS].named.get(tail)
    if named is None:
        raise NotFound
    return named.archived(page) if page else named


def _asked(request: web.Request, named: Named, reader: Reader) -> Asked:
    """Say what is asked for: a feed, or a page of its archive. Raises `NotFound`."""
    feed = named.feed(reader)
    return request.app[SYNDICATION].archived(feed, named.page) if named.page else feed


_FORMAT = "{format:rss|atom|json}"
_PAGE = r"{page:\d{4}-\d{2}-\d{2}(?:-\d{12}-[0-9a-f]{10})?}"
_STEMS = ("/latest", "/topics/{topic:[a-z0-9][a-z0-9-]{0,63}}")


def _tails(stems: Iterable[str]) -> list[str]:
    """Give the ends of addresses: of each feed, and of the pages of its archive."""
    return [f"{stem}{page}.{_FORMAT}" for stem in stems for page in ("", f"/archive/{_PAGE}")]


ROUTES = [
    *(web.get(f"/{LANG}{tail}", public) for tail in _tails(_STEMS)),
    *(web.get(f"/subscriber/{LANG}{tail}", subscriber) for tail in _tails(_STEMS)),
    *(web.get(f"/f/{KEY}/{LANG}{tail}", private) for tail in _tails((*_STEMS, "/mine"))),
]
