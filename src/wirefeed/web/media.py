"""Pictures, films and sounds over HTTP: a link leads on to the newsroom's address, or nowhere.

wirefeed keeps no media and passes none on. No rules here.
"""

from http import HTTPStatus
from urllib.parse import quote

from aiohttp import hdrs, web

from wirefeed.web.rendering import NO_STORE
from wirefeed.web.request import MEDIA

#: RFC 3986 §2: of these an address is made, and what is encoded in it already stays as it is.
_URI = "".join(map(chr, range(0x21, 0x7F)))


async def lead(request: web.Request) -> web.StreamResponse:
    """Lead on to where a picture is, for as long as its story may be shown with it.

    RFC 9110 §15.4.3: "Since the redirection might be altered on occasion, the client ought to
    continue to use the target URI for future requests."
    """
    named = request.match_info
    href = await request.app[MEDIA].address(named["id"], named["signature"], named["file"])
    return web.Response(
        status=HTTPStatus.FOUND,
        headers={hdrs.LOCATION: quote(href, safe=_URI), hdrs.CACHE_CONTROL: NO_STORE},
    )


ROUTES = [
    web.get(
        "/media/{id:[a-z2-7]{16}}/{signature:[0-9a-f]{32}}"
        r"/{file:[a-z2-7]{16}(?:\.[a-z0-9]{2,4})?}",
        lead,
    )
]
