"""One-time links: a page that says what a link gives, and a button that opens it. No rules here.

Looking never opens: mail is scanned, and links are fetched for previews and ahead of a click.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, assert_never

from aiohttp import hdrs, web

from wirefeed.domain.credentials import Scope, SecretKind, Token
from wirefeed.domain.errors import Conflict, Gone, UnknownKey
from wirefeed.domain.handovers import HandOver, SignIn, State
from wirefeed.domain.readers import lapse
from wirefeed.services.feed_keys import IssuedFeedKey
from wirefeed.services.handovers import Opened
from wirefeed.services.tokens import IssuedToken
from wirefeed.web.languages import preferred_language
from wirefeed.web.origin import refuse_cross_site
from wirefeed.web.rendering import NO_STORE, render
from wirefeed.web.request import ACCOUNTS, CLOCK, HANDOVERS, HOUSE

_HEADERS: Mapping[str, str] = {hdrs.CACHE_CONTROL: NO_STORE, hdrs.VARY: hdrs.ACCEPT_LANGUAGE}


async def show(request: web.Request) -> web.StreamResponse:
    """Say what a link gives and until when, or what has become of it. It stays as it is."""
    return _told(request, await request.app[HANDOVERS].peek(request.match_info["secret"]))


async def open_link(request: web.Request) -> web.StreamResponse:
    """Open a link, and show what it gives: this once."""
    refuse_cross_site(request)
    handovers = request.app[HANDOVERS]
    secret = request.match_info["secret"]
    try:
        opened = await handovers.open(secret)
    except UnknownKey:
        raise
    except Gone:
        return _told(request, await handovers.peek(secret))
    except Conflict:
        return _told(request, await handovers.peek(secret), is_stuck=True)
    return await _handed_over(request, opened)


def _told(request: web.Request, row: HandOver, *, is_stuck: bool = False) -> web.StreamResponse:
    """Name what a link gives; for whom it is, nobody learns here."""
    state = row.state(request.app[CLOCK]())
    status = HTTPStatus.OK if state is State.WAITING else HTTPStatus.GONE
    return render(
        request,
        "hand_over.html",
        preferred_language(request),
        {
            "gives": row.gives.value,
            "state": "stuck" if is_stuck else state.value,
            "at": {
                State.WAITING: row.expires,
                State.EXPIRED: row.expires,
                State.OPENED: row.opened,
                State.WITHDRAWN: row.withdrawn,
            }[state],
        },
        status=HTTPStatus.CONFLICT if is_stuck else status,
        headers=_HEADERS,
    )


async def _handed_over(request: web.Request, opened: Opened) -> web.StreamResponse:
    language = preferred_language(request)
    match opened.made:
        case IssuedFeedKey(secret=key) if isinstance(opened.row.promise, SignIn):
            # The reader's own page signs its browser in.
            return web.Response(
                status=HTTPStatus.SEE_OTHER,
                headers={hdrs.LOCATION: f"/f/{key}/", hdrs.CACHE_CONTROL: NO_STORE},
            )
        case IssuedFeedKey(secret=key):
            shown = _address(request, key)
        case IssuedToken(secret=token, row=row):
            shown = _token(request, token, row, language)
        case _:
            assert_never(opened.made)
    subscriber = await request.app[ACCOUNTS].subscriber(opened.row.subscriber)
    lapsed = lapse(subscriber, request.app[CLOCK]())
    return render(
        request,
        "handed_over.html",
        language,
        {
            "gives": opened.row.gives.value,
            "lapsed": lapsed[0].value if lapsed else None,
            **shown,
        },
        headers=_HEADERS,
    )


def _address(request: web.Request, key: str) -> dict[str, Any]:
    own = request.app[HOUSE].url(f"/f/{key}/")
    return {"address": own, "opml_url": f"{own}opml"}


def _token(request: web.Request, secret: str, row: Token, language: str) -> dict[str, Any]:
    feed = request.app[HOUSE].url(f"/subscriber/{language}/latest.json")
    command = f"curl --header 'Authorization: Bearer {secret}' {feed}"
    return {
        "token": secret,
        "expires": row.expires,
        "command": command if Scope.FEEDS_READ in row.scopes else "",
    }


_LINK = f"/h/{{secret:{SecretKind.HAND_OVER.pattern}}}"

ROUTES = [
    web.get(_LINK, show),
    web.post(_LINK, open_link),
]
