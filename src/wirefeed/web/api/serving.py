"""How an endpoint is served: let in, read, done, answered. No rules here.

The order is the same for all, and what a caller may do is decided before anything that it
sent is looked at.
"""

from collections.abc import Iterable
from http import HTTPStatus

from aiohttp import hdrs, web

from wirefeed.domain.readers import Reader
from wirefeed.domain.roles import demand
from wirefeed.web.api import conditions, reading
from wirefeed.web.api.conditions import Match
from wirefeed.web.api.operation import Access, Call, Caller, Endpoint, Listing, Raw, Result
from wirefeed.web.client import client_address
from wirefeed.web.request import HOUSE, READERS, Handler, presented
from wirefeed.web.sunset import with_sunset


def routes(endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
    """Give the routes of endpoints."""
    return [
        web.RouteDef(
            endpoint.operation.method,
            endpoint.operation.route,
            serve(endpoint),
            # RFC 9110 §9.3.2: HEAD is GET without the content.
            {"allow_head": True} if endpoint.operation.method == hdrs.METH_GET else {},
        )
        for endpoint in endpoints
    ]


def serve(endpoint: Endpoint) -> Handler:
    """Make the handler of a route."""
    operation = endpoint.operation

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = await _let_in(request, operation.access)
        query = reading.query(request, operation)
        conditions.look(request, operation.match)
        call = Call(
            request=request,
            endpoint=endpoint,
            caller=caller,
            params=dict(request.match_info),
            query=query,
            body=await reading.body(request, operation),
        )
        result = await endpoint.handler(call)
        if operation.match is not Match.UNUSED and not conditions.was_checked(request):
            raise RuntimeError(f"{endpoint.id} never compared states: it lacks call.expect(…)")
        return _answer(call, result)

    return handle


async def _let_in(request: web.Request, access: Access) -> object:
    """Say who calls. Raises `Unauthenticated` or `Forbidden` for whoever may not."""
    if access is Caller.ANYONE:
        return None
    readers = request.app[READERS]
    credential, address = presented(request), client_address(request)
    if access is Caller.SOURCE:
        return await readers.source(credential, address)
    if access is Caller.ACCOUNT:
        return await readers.account(credential, address)
    if access is Caller.WIRE:
        return await readers.of_wire(credential, address)
    administrator = await readers.administrator(credential, address)
    demand(administrator, access)
    return administrator


def _answer(call: Call[object, object], result: Result) -> web.StreamResponse:
    operation = call.endpoint.operation
    if isinstance(result.value, web.StreamResponse):
        return result.value
    status = result.status or operation.statuses[0]
    if status not in operation.statuses:
        raise RuntimeError(f"{call.endpoint.id} answers {status}, which it does not describe")
    headers = {hdrs.CACHE_CONTROL: operation.cache, **result.headers}
    if operation.access is not Caller.ANYONE:
        headers[hdrs.VARY] = hdrs.AUTHORIZATION
    if result.location:
        headers[hdrs.LOCATION] = call.app[HOUSE].url(result.location)
    cursor = result.value.next if isinstance(result.value, Listing) else None
    headers |= _links(call, [_next(call, cursor)] if cursor else [])
    if operation.gives is None:
        return web.Response(status=status, headers=headers)
    return _with_content(call, result, status, headers)


def _links(call: Call[object, object], links: list[str]) -> dict[str, str]:
    """Give the links of an answer; a partner's tell of the end of its rights, too."""
    if isinstance(call.caller, Reader):
        return with_sunset(call.app[HOUSE], call.caller, call.app[HOUSE].languages[0], links)
    return {hdrs.LINK: ", ".join(links)} if links else {}


def _with_content(
    call: Call[object, object], result: Result, status: HTTPStatus, headers: dict[str, str]
) -> web.StreamResponse:
    operation = call.endpoint.operation
    headers[hdrs.CONTENT_TYPE], content = _content(call.endpoint, result.value)
    # RFC 9110 §9.3.4: no validator in the answer to a PUT, unless it was stored as it was sent.
    if operation.tagged and operation.method != hdrs.METH_PUT:
        headers[hdrs.ETAG] = conditions.tag(content)
        if conditions.is_held(call.request, headers[hdrs.ETAG]):
            del headers[hdrs.CONTENT_TYPE]
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(status=status, body=content, headers=headers)


def _content(endpoint: Endpoint, value: object) -> tuple[str, bytes]:
    kind = endpoint.operation.gives
    if not isinstance(kind, Raw):
        return reading.JSON, conditions.encode(value)
    if not isinstance(value, bytes):
        raise TypeError(f"{endpoint.id} gives no bytes")
    media_type = kind.media_types[0]
    return media_type + "; charset=utf-8" * media_type.startswith("text/"), value


def _next(call: Call[object, object], cursor: str) -> str:
    """RFC 8288: where the list goes on, for clients that do not read the body for it."""
    address = call.request.rel_url.update_query(after=cursor)
    return f'<{call.app[HOUSE].url(str(address))}>; rel="next"'
