"""The table of the HTTP API: every endpoint there is, and the document about them."""

from aiohttp import web

from wirefeed.config import Settings
from wirefeed.web import ingest
from wirefeed.web.api import reference, serving
from wirefeed.web.api.openapi import document

#: The headings under which endpoints are told, in their order.
TAGS = {
    "Stories in": "What newsrooms send.",
    "About": "What there is to know of this API.",
}
ENDPOINTS = (*ingest.ENDPOINTS, *reference.ENDPOINTS)
ROUTES = [*serving.routes(ENDPOINTS), *reference.ROUTES]


def set_up(app: web.Application, settings: Settings) -> None:
    """Describe the API of this installation, once."""
    app[reference.DOCUMENT] = document(
        ENDPOINTS, TAGS, name=settings.site.name, url=settings.public_url
    )
