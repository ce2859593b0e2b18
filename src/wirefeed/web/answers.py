"""What feeds are answered with: validators, headers, bytes. The same whether routed to or not."""

from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeAlias

from aiohttp import hdrs, web
from multidict import CIMultiDict

from wirefeed.composition import Services
from wirefeed.domain.archives import Asked, links
from wirefeed.domain.errors import Overdrawn
from wirefeed.domain.networks import network
from wirefeed.domain.readers import Reader
from wirefeed.formats.coding import Coding
from wirefeed.services.addresses import Door, Named
from wirefeed.services.documents import Document, Format
from wirefeed.services.house import House
from wirefeed.web.client import address_of
from wirefeed.web.coding import choose
from wirefeed.web.conditions import Validators
from wirefeed.web.pages import levels
from wirefeed.web.polling import CACHE_STATUS, Origin
from wirefeed.web.prepared import Head
from wirefeed.web.request import COMMON_HEADERS, PUBLIC_CACHE
from wirefeed.web.sunset import with_sunset

PRIVATE_CACHE = "private, max-age=60, stale-if-error=86400"
#: RFC 3229 §10.5.2: that it is a delta, and by which instance manipulation.
_DELTA = ((hdrs.CACHE_CONTROL, "private, no-store"), ("IM", "feed"))
#: Sets of headers that are remembered.
_HEADS = 4096
#: Stands for a key; in no address of ours.
KEY = "\0"
_NOTHING: Mapping[str, str] = {}
#: By coding; None is a 304.
Heads: TypeAlias = dict[Coding | None, Head]
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
        self.counts = services.counts
        self.house = services.house
        self._usage = services.usage
        self._ledger = services.ledger
        self._quotas = services.quotas
        self._clock = services.clock
        self._trusted = services.settings.server.trusted_proxies
        #: Every feed there is, by the end of its address.
        self.named = services.named
        #: The same of the doors whose addresses hold no key, by the whole address.
        self.open = {
            f"{door}{tail}": (door, one)
            for tail, one in self.named.items()
            if one.standing is not None
            for door in (Door.PUBLIC, Door.SUBSCRIBER)
        }
        #: The links of each document, parted where a key stands in an address.
        self._links: OrderedDict[tuple[str, ...], list[str]] = OrderedDict()
        self._heads: OrderedDict[tuple[object, ...], Heads] = OrderedDict()

    def answer(
        self,
        path: str,
        door: Door,
        named: Named,
        feed: Asked,
        document: Document,
        reader: Reader,
    ) -> "Answer":
        """Prepare what is said of a document to one who asks for it."""
        modified = document.modified(feed, reader)
        validators = Validators(document.tag, modified, self._clock())
        return Answer(self, path, door, named, feed, document, reader, validators)

    def address(self, request: web.BaseRequest) -> str:
        """Give the address of the client."""
        return address_of(request, self._trusted)

    def saw(self, request: web.BaseRequest, reader: Reader) -> None:
        """Note where a feed key was used."""
        if reader.key is not None:
            user_agent = request.headers.get(hdrs.USER_AGENT, "")
            self._usage.saw_key(reader.key, self.address(request), user_agent)

    def gave(self, request: web.BaseRequest, answer: "Answer") -> None:
        """Note what a subscriber was given, in full or what was new in it."""
        reader = answer.reader
        if reader.subscriber is not None and request.method == hdrs.METH_GET:
            tail, plans = answer.named.tail, reader.narrowed_to
            self._ledger.fetched(reader.subscriber.id, tail, answer.document, plans)

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

    def heads(self, answer: "Answer") -> Heads:
        """Give the heads of an answer, as far as they hang on neither the key nor its holder.

        They are made once for all who are told the same.
        """
        document, lapse = answer.document, answer.reader.lapse
        last_modified = answer.validators.last_modified
        made_for = (answer.door, answer.named.tail, document.name, last_modified, lapse)
        heads = self._heads.get(made_for)
        if heads is None:
            heads = self._heads[made_for] = {}
            if len(self._heads) > _HEADS:
                self._heads.popitem(last=False)
        return heads

    def head(self, answer: "Answer", coding: Coding | None) -> Head:
        """Give one of them; None is that of a 304."""
        heads = self.heads(answer)
        head = heads.get(coding)
        if head is None:
            status = HTTPStatus.NOT_MODIFIED if coding is None else HTTPStatus.OK
            head = heads[coding] = Head(status, _headers(answer, coding))
        return head

    def own(self, answer: "Answer") -> Mapping[str, str]:
        """Give the headers of an answer that are its reader's own."""
        if answer.door is Door.PUBLIC:
            return _NOTHING
        link = self._link(answer)
        if answer.reader.sunset is None:
            return {hdrs.LINK: link}
        return with_sunset(self.house, answer.reader, answer.feed.language, [link])

    def _link(self, answer: "Answer") -> str:
        """Give the links of a document whose address is nobody's but its reader's."""
        trail = answer.document.trail
        names = (answer.door, answer.named.tail, trail.older, trail.newer)
        parts = self._links.get(names)
        if parts is None:
            url = self.house.url(f"{answer.door}{'' if answer.self_url else KEY + '/'}")
            parts = self._links[names] = ", ".join(answer.links(url)).split(KEY)
            if len(self._links) > _HEADS:
                self._links.popitem(last=False)
        if len(parts) == 1:
            return parts[0]
        return answer.path.split("/", 3)[2].join(parts)


ANSWERS = web.AppKey("answers", Answers)


class Answer:
    """What is said of a document to one who asks for it."""

    __slots__ = (
        "_answers",
        "document",
        "door",
        "feed",
        "named",
        "path",
        "reader",
        "validators",
    )

    def __init__(
        self,
        answers: Answers,
        path: str,
        door: Door,
        named: Named,
        feed: Asked,
        document: Document,
        reader: Reader,
        validators: Validators,
    ) -> None:
        self._answers = answers
        self.path = path
        self.door = door
        self.named = named
        self.feed = feed
        self.document = document
        self.reader = reader
        self.validators = validators

    @property
    def house(self) -> House:
        """Whose feed it is."""
        return self._answers.house

    def links(self, base: str) -> list[str]:
        """RFC 8288: link a document, its hub, its other formats, and its archive (RFC 5005 §4)."""
        named, trail = self.named, self.document.trail
        # A page of an archive is not what a hub tells of.
        hub_url = "" if trail.page else self.house.hub_of(public=self.door is Door.PUBLIC)
        media_type = _TYPES[named.form]
        return [
            *_links(f"{base}{named.tail}", named.form, hub_url),
            *(
                f'<{link.href}>; rel="{link.rel}"; type="{media_type}"'
                for link in links(trail, f"{base}{named.stem}", named.form)
            ),
        ]

    @property
    def self_url(self) -> str:
        """What the document says of its own address."""
        return self.named.self_urls[self.door]

    def not_modified(self) -> web.Response:
        """Say that the client holds it."""
        head = self._answers.head(self, None)
        return self._told(web.Response(status=head.status, headers=head.headers))

    def full(self, body: bytes, coding: Coding, origin: Origin) -> web.Response:
        """Give it whole."""
        headers = self._answers.head(self, coding).headers
        told = self._told(web.Response(body=body, headers=headers))
        if self.door is Door.PUBLIC:
            told.headers["Cache-Status"] = CACHE_STATUS[origin]
        return told

    def delta(self, tag: str, body: bytes) -> web.Response:
        """Give what is new in it; nobody but who asked can use that."""
        headers = _headers(self, Coding.IDENTITY)
        told = self._told(web.Response(status=226, reason="IM Used", body=body, headers=headers))
        told.headers.update(_DELTA)
        told.headers[hdrs.ETAG] = f'W/"{tag}"'
        told.headers.pop("Cache-Status", None)
        return told

    def _told(self, response: web.Response) -> web.Response:
        response.headers.update(self._answers.own(self))
        return response


def coding_for(request: web.BaseRequest) -> Coding:
    """Say how the client wants its bytes."""
    accepted = request.headers.getall(hdrs.ACCEPT_ENCODING, None)
    return choose(",".join(accepted) if accepted else None)


def _headers(answer: Answer, coding: Coding | None) -> CIMultiDict[str]:
    document, is_public = answer.document, answer.door is Door.PUBLIC
    headers: CIMultiDict[str] = CIMultiDict(COMMON_HEADERS)
    headers[hdrs.CACHE_CONTROL] = PUBLIC_CACHE if is_public else PRIVATE_CACHE
    headers[hdrs.VARY] = _VARY[answer.door]
    headers.update(answer.validators.headers())
    headers[hdrs.CONTENT_SECURITY_POLICY] = _POLICY
    if is_public:
        headers[hdrs.LINK] = ", ".join(answer.links(answer.house.url(answer.door)))
        # Of what is not for everybody, it is nobody's business whether others asked for it.
        headers["Cache-Status"] = CACHE_STATUS[Origin.MEMORY]
    else:
        lapsed = [answer.reader.lapse.value] if answer.reader.lapse else []
        headers["Wirefeed-Levels"] = levels(document.levels, [*document.why, *lapsed])
    if coding is not None:
        headers[hdrs.CONTENT_TYPE] = document.form.media_type
        if coding is not Coding.IDENTITY:
            headers[hdrs.CONTENT_ENCODING] = coding.value
    return headers


def _links(url: str, form: Format, hub_url: str) -> list[str]:
    """RFC 8288: the feed's own address, its hub, and the same feed in the other formats.

    WebSub §4: publishers SHOULD include "at least one Link Header with rel=hub" and "exactly one
    Link Header with rel=self".
    """
    stem = url.removesuffix(form)
    links = [f'<{url}>; rel="self"; type="{_TYPES[form]}"']
    links += [f'<{hub_url}>; rel="hub"'] if hub_url else []
    links += [
        f'<{stem}{other}>; rel="alternate"; type="{media_type}"'
        for other, media_type in _TYPES.items()
        if other is not form
    ]
    return links


_TYPES = {form: form.media_type.partition(";")[0] for form in Format}
