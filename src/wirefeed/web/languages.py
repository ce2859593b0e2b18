"""In which language a page speaks whose address names none."""

from aiohttp import hdrs, web

from wirefeed.domain.languages import look_up
from wirefeed.web.request import HOUSE

#: No browser says more, and nobody is to make us read on.
_LONGEST = 256


def preferred_language(request: web.Request) -> str:
    """Give the language of ours that a browser's reader likes best; without one, the first."""
    languages = request.app[HOUSE].languages
    for wanted in _ranges(request.headers.get(hdrs.ACCEPT_LANGUAGE, "")[:_LONGEST]):
        if language := look_up(wanted, languages):
            return language
    return languages[0]


def _ranges(header: str) -> list[str]:
    """RFC 9110 §12.5.4: language ranges, the one of the highest weight first."""
    weighed = []
    for part in header.lower().split(","):
        wanted, _, weight = part.replace(" ", "").partition(";q=")
        if value := _weight(weight):
            weighed.append((value, wanted))
    return [wanted for _, wanted in sorted(weighed, key=lambda pair: -pair[0])]


def _weight(text: str) -> int:
    """Give thousandths: 0 means "not acceptable", and so does what is no weight."""
    if not text:
        return 1000
    whole, _, fraction = text.partition(".")
    digits = (whole + fraction.ljust(3, "0"))[:4]
    return int(digits) if digits.isascii() and digits.isdigit() else 0
