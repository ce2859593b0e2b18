"""The table of the HTTP API: every endpoint there is, and the document about them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from aiohttp import web

from wirefeed.config import Settings
from wirefeed.web import ingest
from wirefeed.web.api import (
    account,
    admins,
    audit,
    bulk,
    desk,
    explaining,
    feed_keys,
    hand_overs,
    keys,
    kills,
    leaks,
    leases,
    own_webhooks,
    plans,
    reference,
    serving,
    subscribers,
    tokens,
    usage,
    webhooks,
    wire,
    wire_stream,
)
from wirefeed.web.api.openapi import document

#: The headings under which endpoints are told, in their order.
TAGS = {
    "Stories in": "What newsrooms send.",
    "Wire": "What partners follow: every change of a story, in order, none missed.",
    "Account": "What a partner sees of its own, with a token of its own.",
    "Plans": "What is sold, version by version.",
    "Subscribers": "Whom it is sold to, from contract to lapse.",
    "Who sees what": "Why someone sees what it sees, and what runs out.",
    "In bulk": "Plans and subscribers as files, out and in.",
    "Tokens": "The credentials of machines: of subscribers, newsrooms and administrators.",
    "Private addresses": "The credentials of people with feed readers.",
    "One-time links": "How a credential reaches whom it is meant for, seen by nobody else.",
    "Webhooks": "Where changes are sent, signed, as they come.",
    "Leases": "Callbacks that asked the hub to be sent a feed whenever it changes (WebSub).",
    "Leaks": "Credentials found in public, and private addresses that seem shared.",
    "Use": "Where credentials are used, and what was refused.",
    "Desk": "Stories as they are held, taking one back, and who has heard of that.",
    "Administrators": "Who administers, in which role.",
    "Signing keys": "What tokens are signed with.",
    "Audit": "Who did what, in a chain that shows every edit.",
    "About": "What there is to know of this API.",
}
ENDPOINTS = (
    *ingest.ENDPOINTS,
    *wire.ENDPOINTS,
    *wire_stream.ENDPOINTS,
    *account.ENDPOINTS,
    *plans.ENDPOINTS,
    *subscribers.ENDPOINTS,
    *explaining.ENDPOINTS,
    *bulk.ENDPOINTS,
    *tokens.ENDPOINTS,
    *feed_keys.ENDPOINTS,
    *hand_overs.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *own_webhooks.ENDPOINTS,
    *leases.ENDPOINTS,
    *leaks.ENDPOINTS,
    *usage.ENDPOINTS,
    *desk.ENDPOINTS,
    *kills.ENDPOINTS,
    *admins.ENDPOINTS,
    *keys.ENDPOINTS,
    *audit.ENDPOINTS,
    *reference.ENDPOINTS,
)
ROUTES = [*serving.routes(ENDPOINTS), *reference.ROUTES]


def set_up(app: web.Application, settings: Settings) -> None:
    """Describe the API of this installation, once."""
    app[reference.DOCUMENT] = _described(settings.site.name, settings.public_url)


@cache
def _described(name: str, url: str) -> Mapping[str, Any]:
    return document(ENDPOINTS, TAGS, name=name, url=url)
