"""What every request passes: typed keys, the credential gate, headers, and error kind → status.

No rules here: who a credential belongs to, and what they may see, is decided below.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import HttpVersion10, HttpVersion11, hdrs, web

from wirefeed.config import Settings
from wirefeed.domain.credentials import Presented, parse_authorization
from wirefeed.domain.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NoCredential,
    NotFound,
    Outdated,
    Outlived,
    Overdrawn,
    TooMany,
    Unacceptable,
    Unauthenticated,
    Unavailable,
    Unconditional,
    WirefeedError,
)
from wirefeed.domain.topics import Taxonomy
from wirefeed.services.accounts import Accounts
from wirefeed.services.administrators import Administrators
from wirefeed.services.audit import Audit
from wirefeed.services.bulk import Bulk
from wirefeed.services.endings import Endings
from wirefeed.services.feed_keys import FeedKeys
from wirefeed.services.follower import Follower
from wirefeed.services.guessing import Guesses
from wirefeed.services.handovers import HandOvers
from wirefeed.services.house import House
from wirefeed.services.hub import Hub
from wirefeed.services.keyring import Keyring
from wirefeed.services.kills import Kills
from wirefeed.services.leak_reports import LeakReports
from wirefeed.services.leaks import Leaks
from wirefeed.services.ledger import Ledger
from wirefeed.services.media import Media
from wirefeed.services.newsdesk import Newsdesk
from wirefeed.services.plans import Plans
from wirefeed.services.prospects import Prospects
from wirefeed.services.publishing import Publishing
from wirefeed.services.quotas import Quotas
from wirefeed.services.readers import Readers
from wirefeed.services.signing_keys import SigningKeys
from wirefeed.services.story_pages import StoryPages
from wirefeed.services.syndication import Syndication
from wirefeed.services.tokens import Tokens
from wirefeed.services.usage import Usage
from wirefeed.services.webhooks import Webhooks
from wirefeed.services.wire_pages import WirePages
from wirefeed.services.wire_streams import WireStreams

SETTINGS = web.AppKey("settings", Settings)
TAXONOMY = web.AppKey("taxonomy", Taxonomy)
CLOCK: web.AppKey[Callable[[], int]] = web.AppKey("clock")
AUDIT = web.AppKey("audit", Audit)
PLANS = web.AppKey("plans", Plans)
ACCOUNTS = web.AppKey("accounts", Accounts)
TOKENS = web.AppKey("tokens", Tokens)
FEED_KEYS = web.AppKey("feed_keys", FeedKeys)
HANDOVERS = web.AppKey("handovers", HandOvers)
ADMINISTRATORS = web.AppKey("administrators", Administrators)
READERS = web.AppKey("readers", Readers)
KEYRING = web.AppKey("keyring", Keyring)
KILLS = web.AppKey("kills", Kills)
LEDGER = web.AppKey("ledger", Ledger)
SIGNING_KEYS = web.AppKey("signing_keys", SigningKeys)
PUBLISHING = web.AppKey("publishing", Publishing)
NEWSDESK = web.AppKey("newsdesk", Newsdesk)
SYNDICATION = web.AppKey("syndication", Syndication)
STORY_PAGES = web.AppKey("story_pages", StoryPages)
MEDIA = web.AppKey("media", Media)
PROSPECTS = web.AppKey("prospects", Prospects)
ENDINGS = web.AppKey("endings", Endings)
BULK = web.AppKey("bulk", Bulk)
FOLLOWER = web.AppKey("follower", Follower)
HOUSE = web.AppKey("house", House)
HUB = web.AppKey("hub", Hub)
WEBHOOKS = web.AppKey("webhooks", Webhooks)
GUESSES = web.AppKey("guesses", Guesses)
LEAKS = web.AppKey("leaks", Leaks)
LEAK_REPORTS = web.AppKey("leak_reports", LeakReports)
USAGE = web.AppKey("usage", Usage)
QUOTAS = web.AppKey("quotas", Quotas)
WIRE = web.AppKey("wire", WirePages)
STREAMS = web.AppKey("streams", WireStreams)
#: Called when the server begins to drain: what would go on for long is to end.
ENDING: web.AppKey[Callable[[], None]] = web.AppKey("ending")
#: What everybody may have is kept by caches for seconds, and shown by them while we are away.
PUBLIC_CACHE = "public, max-age=60, s-maxage=10, stale-while-revalidate=30, stale-if-error=86400"
#: The cookie that holds a feed key, so that its owner's browser can read stories in full.
KEY_COOKIE = "wirefeed_key"
#: Makes a page of a problem, for people.
PROBLEM_PAGE: web.AppKey[Callable[[web.Request, HTTPStatus, str], web.Response]] = web.AppKey(
    "problem_page"
)
#: Set while the server is taking requests and not yet draining.
READY = web.AppKey("ready", asyncio.Event)

REQUEST_ID = web.RequestKey("request_id", str)
#: What became of a look for the request's credential before it was routed.
FAILURE = web.RequestKey("failure", Exception)
#: Set for one who reads what went wrong as text.
AS_TEXT = web.RequestKey("as_text", bool)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = structlog.get_logger("wirefeed.web")

STATUS: Mapping[type[WirefeedError], HTTPStatus] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    Unacceptable: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unconditional: HTTPStatus.PRECONDITION_REQUIRED,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Gone: HTTPStatus.GONE,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Conflict: HTTPStatus.CONFLICT,
    Outdated: HTTPStatus.PRECONDITION_FAILED,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_AFTER = "2"
#: RFC 9110 §9.2.1: they change nothing.
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_VERSIONS = frozenset({HttpVersion10, HttpVersion11})
#: A credential in a query would be in every log between here and the client.
_QUERY_CREDENTIALS = ("access_token", "token", "key")


def status_of(error: WirefeedError) -> HTTPStatus:
    """Give the status of an error by its kind."""
    kinds = (kind for kind in type(error).__mro__ if kind in STATUS)
    return STATUS[next(kinds, Unavailable)]


def presented(request: web.Request) -> Presented:
    """Take the one credential of a request.

    RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token".
    Raises `NoCredential` for none, `Unauthenticated` for one that cannot be ours, `Invalid`
    for several.
    """
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    in_query = sum(name in request.query for name in _QUERY_CREDENTIALS)
    if len(headers) + (in_query if headers else 0) > 1:
        raise Invalid("send one credential, in one way", field=hdrs.AUTHORIZATION)
    if not headers:
        raise NoCredential
    return parse_authorization(headers[0])


async def read_body(request: web.Request, most: int | None = None) -> bytes:
    """Read a body that is neither longer nor slower than the settings allow."""
    settings = request.app[SETTINGS]
    limit = settings.ingest.max_bytes if most is None else most
    try:
        async with asyncio.timeout(settings.server.body_seconds):
            body = bytearray()
            async for chunk in request.content.iter_chunked(65536):
                body += chunk
                if len(body) > limit:
                    raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(body))
            return bytes(body)
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error


def json_response(
    value: object, *, cache: str = "no-store", status: int = HTTPStatus.OK
) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: cache},
    )


@web.middleware
async def harden(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what has a second spelling: an address, or a way to frame the request."""
    request[REQUEST_ID] = secrets.token_hex(8)
    if request.version not in _VERSIONS:
        # RFC 9110 §15.6.6. aiohttp takes the line of any version and answers as in HTTP/1.
        refusal = _document(request, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, {}, {})
        refusal.force_close()
        return refusal
    if request.version == HttpVersion11 and hdrs.HOST not in request.headers:
        # RFC 9112 §3.2: "A server MUST respond with a 400".
        return problem(request, Invalid("the request names no host", field=hdrs.HOST))
    path = request.rel_url.raw_path
    # A percent sign, a parameter or an empty segment would spell a closed address anew.
    if any(mark in path for mark in ("%", ";", "\\", "//")):
        return problem(request, NotFound())
    return await handler(request)


async def finish(_: web.Request, response: web.StreamResponse) -> None:
    """Put on every answer what belongs there."""
    response.headers.update(COMMON_HEADERS)


COMMON_HEADERS = {
    "Server": "wirefeed",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what went wrong into a problem document (RFC 9457), by its kind."""
    try:
        return await handler(request)
    except WirefeedError as error:
        if isinstance(error, Unavailable):
            _log.warning("unavailable", reason=error.message, request_id=request[REQUEST_ID])
        return problem(request, error)
    except web.HTTPException as error:
        return _http_problem(request, error)
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:  # noqa: BLE001 - the last resort: the client learns the request id alone
        _log.exception("bug", request_id=request[REQUEST_ID], route=route_of(request))
        members = {"request_id": request[REQUEST_ID]}
        return _document(request, HTTPStatus.INTERNAL_SERVER_ERROR, members, {})


@web.middleware
async def in_force(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let what a request took from somebody be so in every process before it is answered.

    What fails may have done a part of it before. Who is refused is not kept waiting: how long
    would tell that something was taken from somebody else.
    """
    if request.method in _SAFE:
        return await handler(request)
    follower = request.app[FOLLOWER]
    before = follower.written
    try:
        response = await handler(request)
    except (WirefeedError, web.HTTPException):
        if follower.written != before:
            await follower.in_force()
        raise
    await follower.in_force()
    return response


def problem(request: web.Request, error: WirefeedError) -> web.Response:
    """Answer an error of ours."""
    status = status_of(error)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        # What is out of reach, and where, is for the log.
        error = Unavailable()
    members: dict[str, str] = {"detail": error.message}
    if error.field:
        # A header's name is aiohttp's own kind of string, which msgspec does not write.
        members["field"] = str(error.field)
    if error.remedy:
        members["remedy"] = error.remedy
    if isinstance(error, Outlived):
        members["restart"] = error.restart
    headers: dict[str, str] = {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers[hdrs.RETRY_AFTER] = _RETRY_AFTER
    if isinstance(error, TooMany):
        # RFC 9110 §10.2.3: seconds or a date; not every feed reader can read dates.
        headers[hdrs.RETRY_AFTER] = str(error.wait)
    if isinstance(error, Overdrawn):
        # draft-ietf-httpapi-ratelimit-headers-10: a quota `q` in `w` seconds, of
        # which `r` is left, and more in `t` seconds.
        headers["RateLimit-Policy"] = f'"answers";q={error.quota};w={error.window}'
        headers["RateLimit"] = f'"answers";r=0;t={error.wait}'
    response = _document(request, status, members, headers)
    if status is HTTPStatus.UNAUTHORIZED:
        _challenge(request, response)
    return response


def _challenge(request: web.Request, response: web.Response) -> None:
    """RFC 9110 §11.6.1: a 401 says which schemes there are; RFC 6750 §3.1: and what was wrong."""
    tried = hdrs.AUTHORIZATION in request.headers
    bearer = 'Bearer realm="wirefeed"' + (', error="invalid_token"' if tried else "")
    response.headers.add(hdrs.WWW_AUTHENTICATE, bearer)
    if request.path.startswith("/subscriber/"):
        response.headers.add(hdrs.WWW_AUTHENTICATE, 'Basic realm="wirefeed", charset="UTF-8"')


def _http_problem(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    if error.status < HTTPStatus.BAD_REQUEST:
        return error
    if error.status == HTTPStatus.NOT_FOUND:
        # A malformed key and an unknown one are answered alike.
        return problem(request, NotFound())
    headers: dict[str, str] = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers[hdrs.ALLOW] = ", ".join(sorted(error.allowed_methods))
    if isinstance(error, web.HTTPUnsupportedMediaType):
        # RFC 9110 §15.5.16: what would have been taken.
        told = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING)
        headers |= {name: error.headers[name] for name in told if name in error.headers}
    status = HTTPStatus(error.status)
    members = {"detail": error.reason} if error.reason != status.phrase else {}
    return _document(request, status, members, headers)


def _document(
    request: web.Request,
    status: HTTPStatus,
    members: Mapping[str, str],
    headers: Mapping[str, str],
) -> web.Response:
    """RFC 9457 §3: `type` is about:blank, so `title` is the phrase of the status.

    A person with a browser gets a page.
    """
    if request.headers.get("Sec-Fetch-Dest") == "document" and PROBLEM_PAGE in request.app:
        page = request.app[PROBLEM_PAGE](request, status, members.get("request_id", ""))
        page.headers.update(headers)
        return page
    if request.get(AS_TEXT):
        return _text(status, members, headers)
    content = {"type": "about:blank", "title": status.phrase, "status": status.value, **members}
    return web.Response(
        body=msgspec.json.encode(content),
        status=status,
        content_type="application/problem+json",
        headers={hdrs.CACHE_CONTROL: "no-store", **headers},
    )


def _text(
    status: HTTPStatus, members: Mapping[str, str], headers: Mapping[str, str]
) -> web.Response:
    """Say in a line what is wrong, with what, and what would put it right."""
    line = members.get("detail") or members.get("request_id") or status.phrase
    line = f"{members['field']}: {line}" if "field" in members else line
    line = f"{line} ({members['remedy']})" if "remedy" in members else line
    told = {hdrs.CACHE_CONTROL: "no-store", **headers}
    return web.Response(text=f"{line}\n", status=status, headers=told)


def route_of(request: web.Request) -> str:
    """Name a request by its route: a path may hold a key."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"
