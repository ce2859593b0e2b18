"""Answers from memory: feeds that are known for sure, before any routing. No await, no rules here.

Whatever it does not know, or is not sure of, it leaves to the application, which answers the
same by the same functions.
"""

from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web

from wirefeed.domain.readers import Reader
from wirefeed.services.addresses import Door, Named
from wirefeed.web.answers import Answer, Answers, coding_for
from wirefeed.web.conditions import Conditions, conditions
from wirefeed.web.prepared import PreparedResponse, has_room

_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_BEARER = "Bearer "
#: What is not among the addresses without a key may be among the others.
_BEHIND_A_KEY: tuple[Door, Named | None] = (Door.PRIVATE, None)


def remembered(answers: Answers, request: web.BaseRequest) -> PreparedResponse | None:
    """Answer if everything is known; else give None, having done nothing."""
    path, _, query = request.raw_path.partition("?")
    door, named = answers.open.get(path, _BEHIND_A_KEY)
    secret = ""
    if named is None:
        secret, named = _opened(answers, path)
    # What a query says is ignored, but for a second credential.
    if named is None or (query and door is Door.SUBSCRIBER) or not _is_plain(request):
        return None
    reader = _reader(answers, request, door, secret)
    if reader is None:
        return None
    feed, held = named.feed(reader), conditions(request.headers)
    document = answers.syndication.held(
        feed, named.form, reader, self_url=named.self_urls[door], tags=held.tags or ()
    )
    if document is None:
        return None
    answer = answers.answer(path, door, named, feed, document, reader)
    response = _answered(answers, request, answer, held)
    if response is not None:
        answers.counts["answers", door.area, str(response.status)] += 1
        answers.saw(request, reader)
        answers.readers.saw(reader)
        if response.status == HTTPStatus.OK:
            answers.gave(request, answer)
    return response


def _answered(
    answers: Answers, request: web.BaseRequest, answer: Answer, held: Conditions
) -> PreparedResponse | None:
    knows = answers.syndication.knows
    if held.hold(answer.validators) and not held.is_ahead(answer.validators):
        return answer.prepared(None)
    if held.since is not None or (held.tags and not any(map(knows, held.tags))):
        # It may come from a process that knows of a later change.
        return None
    coding = coding_for(request)
    body = answers.syndication.held_body(answer.document, coding)
    if body is None or (held.are_none and not answers.affords(request, answer.reader)):
        return None
    return answer.prepared(coding, body)


def _opened(answers: Answers, path: str) -> tuple[str, Named | None]:
    """Take a private address apart: the key in it, and what it names."""
    if not path.startswith(Door.PRIVATE):
        return "", None
    secret, _, tail = path[len(Door.PRIVATE) :].partition("/")
    return secret, answers.named.get(tail)


def _is_plain(request: web.BaseRequest) -> bool:
    """Say whether a feed is asked for as it is, in a way that leaves nothing to refuse."""
    headers = request.headers
    return (
        request.method in _METHODS
        and request.version == HttpVersion11
        and hdrs.HOST in headers
        and headers.get("Sec-Fetch-Dest") != "document"
        and "A-IM" not in headers
        and hdrs.EXPECT not in headers
        and has_room(request.transport)
    )


def _reader(answers: Answers, request: web.BaseRequest, door: Door, secret: str) -> Reader | None:
    match door:
        case Door.PUBLIC:
            return answers.readers.held_public()
        case Door.PRIVATE:
            return answers.readers.held_by_feed_key(secret) if secret.isascii() else None
        case Door.SUBSCRIBER:
            sent = request.headers.getall(hdrs.AUTHORIZATION, ())
            if len(sent) != 1 or not sent[0].startswith(_BEARER):
                return None
            token = sent[0].removeprefix(_BEARER)
            return answers.readers.held_by_token(token, answers.address(request))
