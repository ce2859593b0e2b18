"""Answers from memory: feeds that are known for sure, before any routing. No await, no rules here.

Whatever it does not know, or is not sure of, it leaves to the application, which answers the
same by the same functions.
"""

from collections.abc import Collection
from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web
from multidict import istr

from wirefeed.composition import Services
from wirefeed.domain.credentials import digest
from wirefeed.domain.readers import Reader
from wirefeed.services.addresses import Door, Named
from wirefeed.services.memo import Memo
from wirefeed.web.answers import KEY, Answers, coding_for
from wirefeed.web.conditions import Conditions, conditions
from wirefeed.web.known import Known
from wirefeed.web.prepared import PreparedResponse, has_room
from wirefeed.web.request import FAILURE

_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_BEARER = "Bearer "
_A_IM, _SEC_FETCH_DEST = istr("A-IM"), istr("Sec-Fetch-Dest")
#: What is not among the addresses without a key may be among the others.
_BEHIND_A_KEY: tuple[Door, Named | None] = (Door.PRIVATE, None)
#: Of so many addresses it is remembered what they are answered with: as many as there are readers.
_ADDRESSES = 10_000


class Memory:
    """What was found out for one request, for those that come after it."""

    def __init__(self, answers: Answers, services: Services) -> None:
        self._answers = answers
        self._readers = services.readers
        self._syndication = services.syndication
        self._counts = services.counts
        self._clock = services.clock
        #: By the address; one with a key in it by its digest.
        self._known: Memo[str | bytes, Known] = Memo(services.follower, _ADDRESSES, services.clock)
        # Of any change at all: nothing here is worth finding out what it hangs on.
        services.follower.heed(lambda _: self._known.forget())

    def answer(self, request: web.BaseRequest) -> PreparedResponse | None:
        """Answer if everything is known; else give None, having done nothing."""
        if not _is_plain(request):
            return None
        path, _, query = request.raw_path.partition("?")
        door, named = self._answers.open.get(path, _BEHIND_A_KEY)
        held = conditions(request.headers)
        if door is Door.SUBSCRIBER:
            # What a query says is ignored, but for a second credential.
            known = None if query else self._by_token(request, named, held.tags or ())
        else:
            known = self._by_address(path, door, named, held.tags or ())
        return None if known is None else self._answered(request, path, known, held)

    async def learn(self, request: web.BaseRequest) -> PreparedResponse | None:
        """Answer once it is known whose the key is; a failure is noted for the application.

        Whatever else has to be waited for is left to it, too.
        """
        if not _is_plain(request):
            return None
        secret, named = self._opened(request.raw_path.partition("?")[0])
        if named is None or self._readers.held_by_feed_key(secret) is not None:
            return None
        try:
            await self._readers.by_feed_key(secret)
        except Exception as error:  # noqa: BLE001 - the application answers it, whatever it is
            request[FAILURE] = error
            return None
        return self.answer(request)

    def _opened(self, path: str) -> tuple[str, Named | None]:
        """Take a private address apart: the key in it, and what it names."""
        if not (path.startswith(Door.PRIVATE) and path.isascii()):
            return "", None
        secret, _, tail = path[len(Door.PRIVATE) :].partition("/")
        return secret, self._answers.named.get(tail)

    def _answered(
        self, request: web.BaseRequest, path: str, known: Known, held: Conditions
    ) -> PreparedResponse | None:
        response = self._response(request, path, known, held)
        if response is not None:
            reader = known.answer.reader
            self._counts["answers", known.area, response.code] += 1
            self._answers.saw(request, reader)
            self._readers.saw(reader)
            # Whoever names the tag of a document holds it, whichever process gave it that.
            if response.status == HTTPStatus.OK or held.tags:
                self._answers.gave(request, known.answer)
        return response

    def _response(
        self, request: web.BaseRequest, path: str, known: Known, held: Conditions
    ) -> PreparedResponse | None:
        if not held.are_none:
            validators = known.validators(self._clock())
            if held.hold(validators) and not held.is_ahead(validators):
                return known.told(path, None)
            if held.since is not None or not any(map(self._syndication.knows, held.tags or ())):
                # It may come from a process that knows of a later change.
                return None
        coding = coding_for(request)
        body = self._syndication.held_body(known.answer.document, coding)
        if body is None:
            return None
        if held.are_none and not self._answers.affords(request, known.answer.reader):
            return None
        return known.told(path, coding, body)

    def _by_address(
        self, path: str, door: Door, named: Named | None, tags: Collection[str]
    ) -> Known | None:
        """Give what is known of an address that says by itself who asks."""
        private = named is None
        if private and not (path.startswith(Door.PRIVATE) and path.isascii()):
            return None
        address = digest(path) if private else path
        known = self._known.get(address)
        if known is not None and known.since <= self._clock():
            return known
        if private:
            secret, named = self._opened(path)
            reader = self._readers.held_by_feed_key(secret)
        else:
            reader = self._readers.held_public()
        return self._found(address, door, named, reader, tags)

    def _by_token(
        self, request: web.BaseRequest, named: Named | None, tags: Collection[str]
    ) -> Known | None:
        """Give what is known of an address for whoever presents a token there."""
        sent = request.headers.getall(hdrs.AUTHORIZATION, ())
        if len(sent) != 1 or not sent[0].startswith(_BEARER):
            return None
        token = sent[0].removeprefix(_BEARER)
        reader = self._readers.held_by_token(token, self._answers.address(request))
        return self._found(None, Door.SUBSCRIBER, named, reader, tags)

    def _found(
        self,
        address: str | bytes | None,
        door: Door,
        named: Named | None,
        reader: Reader | None,
        tags: Collection[str],
    ) -> Known | None:
        """Find out what a reader is answered with, and remember it under an address."""
        if named is None or reader is None:
            return None
        feed, self_url = named.feed(reader), named.self_urls[door]
        document = self._syndication.held(feed, named.form, reader, self_url=self_url)
        if document is None:
            # It is for whoever has it: of one that was never rendered, less is known.
            address = None
            document = self._syndication.outlined(tags, feed, named.form, reader, self_url=self_url)
        if document is None:
            return None
        path = f"{door}{KEY}/{named.tail}"
        known = Known(
            self._answers, self._answers.answer(path, door, named, feed, document, reader)
        )
        if address is not None:
            self._known.keep(address, known, known.until)
        return known


MEMORY = web.AppKey("memory", Memory)


def _is_plain(request: web.BaseRequest) -> bool:
    """Say whether a feed is asked for as it is, in a way that leaves nothing to refuse."""
    headers = request.headers
    return (
        request.method in _METHODS
        and request.version == HttpVersion11
        and hdrs.HOST in headers
        and headers.get(_SEC_FETCH_DEST) != "document"
        and _A_IM not in headers
        and hdrs.EXPECT not in headers
        and has_room(request.transport)
    )
