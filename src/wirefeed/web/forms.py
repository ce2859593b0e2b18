"""Reads what a form on a page of ours sends."""

from urllib.parse import parse_qs

from aiohttp import hdrs, web

from wirefeed.domain.errors import Invalid
from wirefeed.web.request import read_body

_MEDIA_TYPE = "application/x-www-form-urlencoded"
#: More boxes than any of our forms has, and all of them ticked.
_MOST_BYTES = 65_536
_MOST_FIELDS = 1_000


async def read_form(request: web.Request) -> dict[str, list[str]]:
    """Read the fields of a form, each with all its values. Raises `Invalid`."""
    coded = request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity"
    if coded or request.content_type != _MEDIA_TYPE:
        raise web.HTTPUnsupportedMediaType
    body = await read_body(request, most=_MOST_BYTES)
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Invalid("the form cannot be read") from error
