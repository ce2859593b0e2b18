"""How feeds write names, times, directions and characters. Pure."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What XML 1.0 §2.2 forbids; one such character would cost the whole feed, not one item.
_FORBIDDEN = dict.fromkeys(
    [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
)
#: An absolute IRI of a scheme that names things for good, if it is a URI (RFC 3986) as well.
_URI = re.compile(
    r"(?:https?://(?=[^/?#])|urn:(?!wirefeed:[^:]*\Z)|tag:)"
    r"(?:%[0-9a-f]{2}|[a-z0-9\-._~:/?@!$&'()*+,;=])+"
    r"(?:#(?:%[0-9a-f]{2}|[a-z0-9\-._~:/?@!$&'()*+,;=])*)?",
    re.ASCII | re.IGNORECASE,
)
#: What `xml:lang` may say (RFC 4287 §2, atomLanguageTag).
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_SCRIPT = re.compile(r"-([a-z]{4})(?:-|$)")
_RTL_SCRIPTS = frozenset({"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"})
_RTL_LANGUAGES = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "syr", "ug", "ur", "yi"}
)


def clean(text: str) -> str:
    """Take out what XML forbids; stored text is clean, and a feed must not hang on that."""
    return text.translate(_FORBIDDEN)


def iri(guid: str) -> str:
    """Make an absolute IRI of a feed GUID (RFC 4287 §4.2.6), a different one of each."""
    if _URI.fullmatch(guid):
        return guid
    # Percent-encoded it has no colon, which tells it from every URN that is left as it is.
    return "urn:wirefeed:" + quote(guid, safe="", errors="surrogatepass")


def language_tag(tag: str) -> str:
    """Give a language tag as it is; one that is none becomes empty."""
    return tag if _LANGUAGE.fullmatch(tag) else ""


def is_rtl(language: str) -> bool:
    """Say whether a language is written right to left; a script in the tag decides."""
    tag = language.lower()
    script = _SCRIPT.search(tag)
    if script:
        return script[1] in _RTL_SCRIPTS
    return tag.partition("-")[0] in _RTL_LANGUAGES


def directed(html: str, language: str) -> str:
    """Say the direction in the HTML itself: readers show it without the feed's language."""
    tag = language_tag(language)
    return f'<div dir="rtl" lang="{tag}">{html}</div>' if is_rtl(tag) else html


def rfc3339(at: int) -> str:
    """Write a time as Atom and JSON Feed do: to the second, since changes are a second apart."""
    return _moment(at).replace(tzinfo=None).isoformat() + "Z"


def rfc822(at: int) -> str:
    """Write a time as RSS does."""
    return format_datetime(_moment(at), usegmt=True)


def readable(at: int) -> str:
    """Write a time for people, in UTC."""
    text = _moment(at).replace(tzinfo=None).isoformat(sep=" ")
    return text.removesuffix(":00") + " UTC"


def _moment(at: int) -> datetime:
    return _EPOCH + timedelta(seconds=at // 1_000_000)
