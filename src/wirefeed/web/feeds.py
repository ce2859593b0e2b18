"""Feeds over HTTP: public, by credential, by private address; and conditional requests."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus

from aiohttp import hdrs, web

from wirefeed.domain.errors import NotFound
from wirefeed.domain.feeds import AnyFeed
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.services.syndication import Document, Format
from wirefeed.web.client import client_address
from wirefeed.web.pages import feed_page, levels
from wirefeed.web.rendering import KEY, LANG
from wirefeed.web.request import (
    CLOCK,
    FOLLOWER,
    HOUSE,
    PUBLIC_CACHE,
    READERS,
    SYNDICATION,
    presented,
)
from wirefeed.web.sunset import with_sunset
from wirefeed.web.usage import saw

PRIVATE_CACHE = "private, max-age=60, stale-if-error=86400"
_SECOND = 1_000_000
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')
#: What proxies append to the tag of a response they compress.
_CODING_SUFFIX = re.compile(r"-(?:gzip|br|zstd|df)$")


async def public(request: web.Request) -> web.StreamResponse:
    """Give a public feed: the same bytes for everyone, whatever credential is sent along."""
    reader = await request.app[READERS].public()
    return await _answer(
        request,
        _feed(request),
        reader,
        address=request.path,
        headers={
            hdrs.CACHE_CONTROL: PUBLIC_CACHE,
            hdrs.VARY: "Sec-Fetch-Dest",
        },
    )


async def subscriber(request: web.Request) -> web.StreamResponse:
    """Give a feed by bearer token or HTTP Basic."""
    reader = await request.app[READERS].by_credential(presented(request), client_address(request))
    return await _answer(
        request,
        _feed(request),
        reader,
        address=request.path,
        told=True,
        headers={
            hdrs.CACHE_CONTROL: PRIVATE_CACHE,
            hdrs.VARY: "Authorization, Sec-Fetch-Dest",
        },
    )


async def private(request: web.Request) -> web.StreamResponse:
    """Give a feed by private address. Its document names no address: many keys share it."""
    reader = await request.app[READERS].by_feed_key(request.match_info["key"])
    return await _private(request, _feed(request), reader)


async def mine(request: web.Request) -> web.StreamResponse:
    """Give the topics that a reader chose on its page, as one feed."""
    reader = await request.app[READERS].by_feed_key(request.match_info["key"])
    return await _private(request, reader.mine(request.match_info["lang"]), reader)


async def _private(request: web.Request, feed: AnyFeed, reader: Reader) -> web.StreamResponse:
    return await _answer(
        request,
        feed,
        reader,
        address="",
        told=True,
        headers={
            hdrs.CACHE_CONTROL: PRIVATE_CACHE,
            hdrs.VARY: "Sec-Fetch-Dest",
        },
    )


async def _answer(
    request: web.Request,
    feed: AnyFeed,
    reader: Reader,
    *,
    address: str,
    headers: Mapping[str, str],
    told: bool = False,
) -> web.StreamResponse:
    saw(request, reader)
    form = Format(request.match_info["format"])
    head = await request.app[FOLLOWER].look()
    if request.headers.get("Sec-Fetch-Dest") == "document":
        return await feed_page(request, feed, form, reader, head)
    house = request.app[HOUSE]
    document = await request.app[SYNDICATION].document(
        feed, form, reader, head, self_url=house.url(address) if address else ""
    )
    answer = {
        **headers,
        **_validators(document, request.app[CLOCK]()),
        **with_sunset(request, reader, feed.language, _links(request, form)),
        hdrs.CONTENT_SECURITY_POLICY: "default-src 'none'; sandbox",
    }
    if told:
        lapsed = [reader.lapse.value] if reader.lapse else []
        answer["Wirefeed-Levels"] = levels(document.levels, [*document.why, *lapsed])
    if _is_held(request, document, request.app[CLOCK]()):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=answer)
    return web.Response(
        body=document.body, headers={**answer, hdrs.CONTENT_TYPE: document.media_type}
    )


def _feed(request: web.Request) -> Feed:
    """Read which feed the address names."""
    topic = request.match_info.get("topic", "")
    if topic == "latest":
        raise NotFound
    return Feed(language=request.match_info["lang"], topic=topic)


def _links(request: web.Request, form: Format) -> list[str]:
    """RFC 8288: the feed's own address, and the same feed in the other formats."""
    house = request.app[HOUSE]
    stem = request.path.removesuffix(form)
    links = [f'<{house.url(request.path)}>; rel="self"; type="{_type(form)}"']
    links += [
        f'<{house.url(stem + other)}>; rel="alternate"; type="{_type(other)}"'
        for other in Format
        if other is not form
    ]
    return links


def _type(form: Format) -> str:
    return form.media_type.partition(";")[0]


def _validators(document: Document, now: int) -> dict[str, str]:
    """RFC 9110 §8.8: the tag is weak, the same for every content coding."""
    return {
        hdrs.ETAG: f'W/"{document.tag}"',
        hdrs.LAST_MODIFIED: formatdate(_last_modified(document, now), usegmt=True),
    }


def _last_modified(document: Document, now: int) -> int:
    """Give a time in whole seconds that no later change can share.

    RFC 9110 §8.8.2.2: a date is a weak validator while the content may change again within
    its second. Until that second is over, the one before is given.
    """
    changed = document.modified // _SECOND
    return min(changed, now // _SECOND - 1)


def _is_held(request: web.Request, document: Document, now: int) -> bool:
    """Say whether the client holds this document (RFC 9110 §13.2.2: the tag comes first)."""
    if hdrs.IF_NONE_MATCH in request.headers:
        sent = ",".join(request.headers.getall(hdrs.IF_NONE_MATCH))
        # `*` matches nothing here: it would keep what a lost right once gave.
        tags = (_CODING_SUFFIX.sub("", tag) for tag in _ENTITY_TAG.findall(sent))
        return document.tag in tags
    since = _date(request.headers.get(hdrs.IF_MODIFIED_SINCE, ""))
    settled = document.modified // _SECOND < now // _SECOND
    return since is not None and settled and _last_modified(document, now) <= since


def _date(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if date is None:
        return None
    # RFC 9110 §5.6.7: an HTTP-date is in UTC, also in the obsolete forms that do not say so.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


_FORMAT = "{format:rss|atom|json}"
_TAILS = (f"/latest.{_FORMAT}", "/topics/{topic:[a-z0-9][a-z0-9-]{0,63}}." + _FORMAT)

ROUTES = [
    *(web.get(f"/{LANG}{tail}", public) for tail in _TAILS),
    *(web.get(f"/subscriber/{LANG}{tail}", subscriber) for tail in _TAILS),
    *(web.get(f"/f/{KEY}/{LANG}{tail}", private) for tail in _TAILS),
    web.get(f"/f/{KEY}/{LANG}/mine.{_FORMAT}", mine),
]
