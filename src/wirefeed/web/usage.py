"""Use of credentials over HTTP: where feed keys come from, and what was refused. No rules here.

Tokens are noted by `services/readers.py`, which every one of them passes.
"""

from aiohttp import hdrs, web

from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.readers import Reader
from wirefeed.web.client import client_address
from wirefeed.web.metrics import count_refusal
from wirefeed.web.request import USAGE, Handler, route_of


def saw(request: web.Request, reader: Reader) -> None:
    """Note where a feed key was used, if it was by one that the request was let in."""
    if reader.key is not None:
        user_agent = request.headers.get(hdrs.USER_AGENT, "")
        request.app[USAGE].saw_key(reader.key, client_address(request), user_agent)


@web.middleware
async def note_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note whose credential was refused, for the eyes of its owner, and count why."""
    try:
        return await handler(request)
    except WirefeedError as error:
        if error.refusal is not None:
            request.app[USAGE].refused(error.refusal, route_of(request), client_address(request))
        count_refusal(request, error)
        raise
