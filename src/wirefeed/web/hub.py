"""The WebSub hub over HTTP: takes requests for subscriptions. No rules here."""

from http import HTTPStatus

from aiohttp import hdrs, web

from wirefeed.domain.leases import parse_form
from wirefeed.web.client import client_address
from wirefeed.web.request import AS_TEXT, HUB, READERS, presented, read_body
from wirefeed.web.usage import saw

#: Bytes of a request: two addresses, a secret, and what others add to it.
_MOST = 16_384
_FORM = "application/x-www-form-urlencoded"


async def ask(request: web.Request) -> web.StreamResponse:
    """Take a request; whether it is granted, its callback will be told (WebSub §5.1).

    "If the hub encounters an error", it "SHOULD ... return a description of an error in the
    response body as plain text".
    """
    request[AS_TEXT] = True
    if request.content_type != _FORM:
        raise web.HTTPUnsupportedMediaType(
            reason=f"send it as {_FORM}", headers={hdrs.ACCEPT: _FORM}
        )
    form = parse_form(await read_body(request, _MOST))
    reader = None
    if hdrs.AUTHORIZATION in request.headers:
        address = client_address(request)
        reader = await request.app[READERS].by_credential(presented(request), address)
        saw(request, reader)
    await request.app[HUB].ask(form, reader)
    # WebSub §5.1: "MUST respond with an HTTP 202 "Accepted" response to indicate that the
    # request was received and will now be verified".
    return web.Response(
        status=HTTPStatus.ACCEPTED,
        text="The callback will be asked whether it wants this.\n",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


ROUTES = [web.post("/hub", ask)]
