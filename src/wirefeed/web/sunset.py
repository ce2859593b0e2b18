"""Tells clients, by header, that what they are given will end (RFC 8594)."""

from collections.abc import Iterable
from urllib.parse import quote

from aiohttp import hdrs

from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import SECOND
from wirefeed.services.house import House
from wirefeed.web.conditions import http_date

#: What stays as it is in an address that goes between angle brackets (RFC 3986 §2.2, §2.3).
_ADDRESS = ":/?#[]@!$&'()*+,;=-._~%"


def with_sunset(
    house: House, reader: Reader, language: str, links: Iterable[str] = ()
) -> dict[str, str]:
    """Give the links of an answer as a header, and the end of its reader's rights if that is near.

    RFC 8594 §3: "HTTP-date" is the time; §6: what is at `sunset` tells more of it.
    """
    headers = {}
    given = list(links)
    if reader.sunset is not None:
        headers["Sunset"] = http_date(reader.sunset // SECOND)
        if url := house.renew_url(reader, language):
            given.append(f'<{quote(url, safe=_ADDRESS)}>; rel="sunset"')
    if given:
        headers[hdrs.LINK] = ", ".join(given)
    return headers
