"""What operators and machines ask: is it alive, is it ready, which keys sign. No rules here."""

from http import HTTPStatus

from aiohttp import hdrs, web

from wirefeed.domain.errors import Unavailable
from wirefeed.domain.signing_keys import KEPT
from wirefeed.web.api import conditions
from wirefeed.web.request import FOLLOWER, KEYRING, READY, SETTINGS, json_response

#: Seconds for which a database that cannot be looked at may be one that is being written to: a
#: disk that stands still for a moment is no reason to take every server out at once.
_STALL = 5


async def alive(_: web.Request) -> web.StreamResponse:
    """Say that the process runs its loop."""
    return json_response({"status": "ok"})


async def ready(request: web.Request) -> web.StreamResponse:
    """Say whether requests can be answered: the authority is in reach, and it is not draining.

    One that was in reach a moment ago counts, for as long as subscribers have their text by it.
    """
    if not request.app[READY].is_set():
        raise Unavailable("draining")
    grace = request.app[SETTINGS].database.authority_grace
    await request.app[FOLLOWER].newest(min(grace, _STALL))
    return json_response({"status": "ready"})


async def jwks(request: web.Request) -> web.StreamResponse:
    """Publish the keys that sign tokens (RFC 7517)."""
    content = conditions.encode(await request.app[KEYRING].jwks())
    tag = conditions.tag(content)
    headers = {hdrs.CACHE_CONTROL: f"public, max-age={KEPT}", hdrs.ETAG: tag}
    if conditions.is_held(request, tag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=content, content_type="application/json", headers=headers)


async def robots(_: web.Request) -> web.StreamResponse:
    """Ask crawlers to leave private addresses alone (RFC 9309)."""
    text = "User-agent: *\nDisallow: /f/\nDisallow: /h/\nDisallow: /subscriber/\nDisallow: /api/\n"
    return web.Response(
        text=text, status=HTTPStatus.OK, headers={hdrs.CACHE_CONTROL: "public, max-age=3600"}
    )


ROUTES = [
    web.get("/.well-known/jwks.json", jwks),
    web.get("/robots.txt", robots),
]
#: On a listener of their own, and on the main one for those who balance load.
HEALTH = [web.get("/healthz", alive), web.get("/readyz", ready)]
