"""What feeds are answered with: validators, headers, bytes. The same whether routed to or not."""

from http import HTTPStatus

from aiohttp import hdrs, web
from multidict import CIMultiDict

from wirefeed.composition import Services
from wirefeed.domain.errors import Overdrawn
from wirefeed.domain.feeds import AnyFeed
from wirefeed.domain.networks import network
from wirefeed.domain.readers import Reader
from wirefeed.formats.coding import Coding
from wirefeed.services.documents import Document, Format
from wirefeed.services.house import House
from wirefeed.web.addresses import Door, tails
from wirefeed.web.client import address_of
from wirefeed.web.coding import choose
from wirefeed.web.conditions import Validators
from wirefeed.web.pages import levels
from wirefeed.web.polling import CACHE_STATUS, Origin
from wirefeed.web.request import COMMON_HEADERS, PUBLIC_CACHE
from wirefeed.web.sunset import with_sunset

PRIVATE_CACHE = "private, max-age=60, stale-if-error=86400"
#: RFC 3229 §10.5.2: that it is a delta, and by which instance manipulation.
_DELTA = ((hdrs.CACHE_CONTROL, "private, no-store"), ("IM", "feed"))
_IM_USED = 226
_POLICY = "default-src 'none'; sandbox"
#: What an answer hangs on beside its address; the public one ignores credentials.
_VARY = {
    Door.PUBLIC: "Accept-Encoding, A-IM, Sec-Fetch-Dest",
    Door.SUBSCRIBER: "Authorization, Accept-Encoding, A-IM, Sec-Fetch-Dest",
    Door.PRIVATE: "Accept-Encoding, A-IM, Sec-Fetch-Dest",
}


class Answers:
    """Makes answers, and notes whom they are for."""

    def __init__(self, services: Services) -> None:
        self.readers = services.readers
        self.syndication = services.syndication
        self.house = services.house
        self.counts = services.counts
        self._usage = services.usage
        self._quotas = services.quotas
        self._clock = services.clock
        self._trusted = services.settings.server.trusted_proxies
        #: Every feed there is, by the end of its address.
        self.named = tails(self.house.languages, (topic.slug for topic in services.taxonomy))

    def self_url(self, request: web.BaseRequest, door: Door) -> str:
        """Give what a document says of its own address: nothing where many share it."""
        return "" if door is Door.PRIVATE else self.house.url(request.path)

    def answer(
        self,
        request: web.BaseRequest,
        door: Door,
        feed: AnyFeed,
        document: Document,
        reader: Reader,
    ) -> "Answer":
        """Prepare what is said of a document to one who asks for it."""
        modified = document.modified(feed, reader)
        validators = Validators(document.tag, modified, self._clock())
        return Answer(self.house, request.path, door, feed, document, reader, validators)

    def address(self, request: web.BaseRequest) -> str:
        """Give the address of the client."""
        return address_of(request, self._trusted)

    def saw(self, request: web.BaseRequest, reader: Reader) -> None:
        """Note where a feed key was used."""
        if reader.key is not None:
            user_agent = request.headers.get(hdrs.USER_AGENT, "")
            self._usage.saw_key(reader.key, self.address(request), user_agent)

    def spend(self, request: web.BaseRequest, reader: Reader) -> None:
        """Take a full answer that was asked for unconditionally out of the client's quota.

        Raises `Overdrawn`.
        """
        if reader.token is not None:
            client = reader.token.jti
        elif reader.key is not None:
            client = reader.key.id
        else:
            client = network(self.address(request))
        self._quotas.spend(client, self._clock())

    def affords(self, request: web.BaseRequest, reader: Reader) -> bool:
        """Do the same if there is enough left; else say so."""
        try:
            self.spend(request, reader)
        except Overdrawn:
            return False
        return True


ANSWERS = web.AppKey("answers", Answers)


class Answer:
    """What is said of a document to one who asks for it."""

    __slots__ = ("_house", "_path", "document", "door", "feed", "reader", "validators")

    def __init__(
        self,
        house: House,
        path: str,
        door: Door,
        feed: AnyFeed,
        document: Document,
        reader: Reader,
        validators: Validators,
    ) -> None:
        self._house = house
        self._path = path
        self.door = door
        self.feed = feed
        self.document = document
        self.reader = reader
        self.validators = validators

    def not_modified(self) -> web.Response:
        """Say that the client holds it."""
        headers = self._headers()
        if self.door is Door.PUBLIC:
            headers["Cache-Status"] = CACHE_STATUS[Origin.MEMORY]
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)

    def full(self, body: bytes, coding: Coding, origin: Origin) -> web.Response:
        """Give it whole."""
        headers = self._headers()
        headers[hdrs.CONTENT_TYPE] = self.document.form.media_type
        if coding is not Coding.IDENTITY:
            headers[hdrs.CONTENT_ENCODING] = coding.value
        if self.door is Door.PUBLIC:
            # Of what is not for everybody, it is nobody's business whether others asked for it.
            headers["Cache-Status"] = CACHE_STATUS[origin]
        return web.Response(body=body, headers=headers)

    def delta(self, tag: str, body: bytes) -> web.Response:
        """Give what is new in it; nobody but who asked can use that."""
        self.validators = Validators(tag, self.validators.modified, self.validators.now)
        headers = self._headers()
        headers[hdrs.CONTENT_TYPE] = self.document.form.media_type
        headers.update(_DELTA)
        return web.Response(status=_IM_USED, reason="IM Used", body=body, headers=headers)

    def _headers(self) -> CIMultiDict[str]:
        headers: CIMultiDict[str] = CIMultiDict(COMMON_HEADERS)
        headers[hdrs.CACHE_CONTROL] = PUBLIC_CACHE if self.door is Door.PUBLIC else PRIVATE_CACHE
        headers[hdrs.VARY] = _VARY[self.door]
        headers.update(self.validators.headers())
        headers[hdrs.CONTENT_SECURITY_POLICY] = _POLICY
        links = _links(self._house, self._path, self.document.form)
        headers.update(with_sunset(self._house, self.reader, self.feed.language, links))
        if self.door is not Door.PUBLIC:
            lapsed = [self.reader.lapse.value] if self.reader.lapse else []
            headers["Wirefeed-Levels"] = levels(self.document.levels, [*self.document.why, *lapsed])
        return headers


def coding_for(request: web.BaseRequest) -> Coding:
    """Say how the client wants its bytes."""
    accepted = request.headers.getall(hdrs.ACCEPT_ENCODING, None)
    return choose(",".join(accepted) if accepted else None)


def _links(house: House, path: str, form: Format) -> list[str]:
    """RFC 8288: the feed's own address, and the same feed in the other formats."""
    stem = path.removesuffix(form)
    links = [f'<{house.url(path)}>; rel="self"; type="{_TYPES[form]}"']
    links += [
        f'<{house.url(stem + other)}>; rel="alternate"; type="{media_type}"'
        for other, media_type in _TYPES.items()
        if other is not form
    ]
    return links


_TYPES = {form: form.media_type.partition(";")[0] for form in Format}
