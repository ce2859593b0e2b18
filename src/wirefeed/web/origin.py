"""Where a form was sent from: only a page of ours may do something in a reader's name."""

from aiohttp import hdrs, web
from yarl import URL

from wirefeed.domain.errors import Forbidden
from wirefeed.web.request import HOUSE

#: W3C Fetch Metadata §2.3. `none`: the person itself, who repeats what it did.
_OURS = frozenset({"same-origin", "none"})


def refuse_cross_site(request: web.Request) -> None:
    """Raise `Forbidden` for what a page of another site lets a browser send.

    `Sec-Fetch-Site` is the browser's own word, and decides where there is one; `same-site`, a
    neighbour below the same domain, is another site. Browsers leave it out where there is no
    TLS: there the `Origin` has to be ours. What has neither is no browser, and nobody's name
    comes with it.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        is_ours = site in _OURS
    else:
        ours = str(URL(request.app[HOUSE].url("/")).origin())
        is_ours = request.headers.get(hdrs.ORIGIN, ours) == ours
    if not is_ours:
        raise Forbidden("it was sent by a page of another site")
