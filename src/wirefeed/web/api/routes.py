"""The table of the HTTP API: every endpoint there is, and the document about them."""

from aiohttp import web

from wirefeed.config import Settings
from wirefeed.web import ingest
from wirefeed.web.api import (
    account,
    admins,
    audit,
    desk,
    feed_keys,
    hand_overs,
    keys,
    leaks,
    reference,
    serving,
    tokens,
    usage,
)
from wirefeed.web.api.openapi import document

#: The headings under which endpoints are told, in their order.
TAGS = {
    "Stories in": "What newsrooms send.",
    "Account": "What a partner sees of its own, with a token of its own.",
    "Tokens": "The credentials of machines: of subscribers, newsrooms and administrators.",
    "Private addresses": "The credentials of people with feed readers.",
    "One-time links": "How a credential reaches whom it is meant for, seen by nobody else.",
    "Leaks": "Credentials found in public, and private addresses that seem shared.",
    "Use": "Where credentials are used, and what was refused.",
    "Desk": "Stories as they are held, and taking one back.",
    "Administrators": "Who administers, in which role.",
    "Signing keys": "What tokens are signed with.",
    "Audit": "Who did what, in a chain that shows every edit.",
    "About": "What there is to know of this API.",
}
ENDPOINTS = (
    *ingest.ENDPOINTS,
    *account.ENDPOINTS,
    *tokens.ENDPOINTS,
    *feed_keys.ENDPOINTS,
    *hand_overs.ENDPOINTS,
    *leaks.ENDPOINTS,
    *usage.ENDPOINTS,
    *desk.ENDPOINTS,
    *admins.ENDPOINTS,
    *keys.ENDPOINTS,
    *audit.ENDPOINTS,
    *reference.ENDPOINTS,
)
ROUTES = [*serving.routes(ENDPOINTS), *reference.ROUTES]


def set_up(app: web.Application, settings: Settings) -> None:
    """Describe the API of this installation, once."""
    app[reference.DOCUMENT] = document(
        ENDPOINTS, TAGS, name=settings.site.name, url=settings.public_url
    )
