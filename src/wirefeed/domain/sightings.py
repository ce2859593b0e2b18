"""Where credentials were seen or refused, and with which client, in words of ours. Pure.

What a client says of itself is anybody's text: nothing of it is kept but a short name.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from wirefeed.domain.networks import network

#: For a client that says nothing of itself that could be a name.
UNNAMED = "unknown"
#: A client says who it is at the beginning, if at all.
_READ = 512
_LONGEST = 40
_MOST_READERS = 1_000_000
#: RFC 6177 §2: sites get a /48 or a little less; a smaller prefix would count one home twice.
_SITE = 48

#: Services that fetch once for all who read there, from wherever their machines stand.
SERVICES = frozenset(
    {
        "BazQux",
        "Feedbin",
        "Feedly",
        "Inoreader",
        "NewsBlur",
        "Overcast",
        "Superfeedr",
        "The Old Reader",
    }
)
#: How clients are recognised, and their names. Several may be in one text: the first of these
#: is believed, so browsers, as which all others pose, come last, and Safari after those that
#: pose as Safari.
_KNOWN = {
    "netnewswire": "NetNewsWire",
    "miniflux": "Miniflux",
    "freshrss": "FreshRSS",
    "feedbin": "Feedbin",
    "inoreader": "Inoreader",
    "feedlybot": "Feedly",
    "feedlyapp": "Feedly",
    "feedly": "Feedly",
    "newsblur": "NewsBlur",
    "the old reader": "The Old Reader",
    "theoldreader.com": "The Old Reader",
    "bazqux": "BazQux",
    "overcast": "Overcast",
    "superfeedr": "Superfeedr",
    "tiny tiny rss": "tt-rss",
    "tt-rss": "tt-rss",
    "newsboat": "newsboat",
    "liferea": "Liferea",
    "reeder": "Reeder",
    "readkit": "ReadKit",
    "rssguard": "RSS Guard",
    "rss guard": "RSS Guard",
    "quiterss": "QuiteRSS",
    "akregator": "Akregator",
    "thunderbird": "Thunderbird",
    "nextcloud-news": "Nextcloud News",
    "commafeed": "CommaFeed",
    "feedbro": "Feedbro",
    "feedparser": "feedparser",
    "universalfeedparser": "feedparser",
    "simplepie": "SimplePie",
    "curl": "curl",
    "wget": "Wget",
    "python-requests": "python-requests",
    "aiohttp": "aiohttp",
    "go-http-client": "Go-http-client",
    "edg": "Edge",
    "edga": "Edge",
    "edgios": "Edge",
    "opr": "Opera",
    "firefox": "Firefox",
    "fxios": "Firefox",
    "chrome": "Chrome",
    "chromium": "Chrome",
    "crios": "Chrome",
    "safari": "Safari",
}
_ORDER = {needle: place for place, needle in enumerate(_KNOWN)}
_NEEDLES = re.compile(
    # The longer first, where one begins like another.
    rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, sorted(_KNOWN, key=len, reverse=True)))})(?![a-z])"
)
#: RFC 9110 §10.1.5: a product, then its version, further products and comments. Many put their
#: name into a comment behind `Mozilla/5.0 (compatible;`.
_PRODUCT = re.compile(
    r"(?:Mozilla/[0-9.]+ \(compatible; *)?([A-Za-z][A-Za-z0-9.-]*)(?=[/;,:() ]|$)", re.ASCII
)
_TOLD = re.compile(r"(?<![0-9.,])([0-9]{1,12}) (?:subscriber|reader)s?(?![a-z])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A feed key, from one network, with one kind of client."""

    feed_key: str
    #: The prefix that its addresses share.
    network: str
    client: str
    first: int
    last: int
    requests: int
    #: For how many the client last said it reads; 1 if it does not say.
    readers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A refusal of a subscriber's credential, and where that happened."""

    subscriber: str
    at: int
    #: The `jti` of a token, or the id of a feed key.
    credential: str
    #: In a word.
    reason: str
    #: The template of the address: an address may hold a key.
    route: str
    network: str


def place(address: str) -> str:
    """Give the network of an address, as it is kept: /24 of IPv4, /48 of IPv6."""
    return network(address, ipv6=_SITE)


def seen(address: str, user_agent: str) -> tuple[str, str, int]:
    """Give the network, the kind of client, and for how many it reads."""
    return _seen(address, user_agent[:_READ])


@lru_cache(maxsize=4096)
def _seen(address: str, user_agent: str) -> tuple[str, str, int]:
    return place(address), client_family(user_agent), told_readers(user_agent)


def client_family(user_agent: str) -> str:
    """Name the kind of a client by its `User-Agent`, without a version."""
    return _family(user_agent[:_READ])


def told_readers(user_agent: str) -> int:
    """Give the number of people a service says it reads for: `Feedbin … - 3 subscribers`."""
    return _readers(user_agent[:_READ])


@lru_cache(maxsize=1024)
def _readers(user_agent: str) -> int:
    told = (int(number) for number in _TOLD.findall(user_agent.lower()))
    return min(max(told, default=1) or 1, _MOST_READERS)


@lru_cache(maxsize=1024)
def _family(user_agent: str) -> str:
    found = _NEEDLES.findall(user_agent.lower())
    if found:
        return _KNOWN[min(found, key=_ORDER.__getitem__)]
    match = _PRODUCT.match(user_agent)
    # What is longer is no name: it may be a secret that went astray.
    if match is None or len(match[1]) > _LONGEST:
        return UNNAMED
    return match[1].rstrip("0123456789.-") or UNNAMED
