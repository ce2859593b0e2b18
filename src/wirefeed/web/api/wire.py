"""The wire for partners: page by page, waiting if need be, and proof that nothing was missed.

What somebody hears, and what of it is shown, is decided below.
"""

import asyncio
import re
import time
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs

from wirefeed.domain.cursors import ENTITLEMENT, Following, Place, there_are
from wirefeed.domain.errors import Invalid, Outlived, Unacceptable
from wirefeed.domain.readers import Reader
from wirefeed.domain.ways import ONE_STORY, WIRE
from wirefeed.formats import times, wire_json
from wirefeed.services.quotas import Left
from wirefeed.services.wire_pages import Draft, compact
from wirefeed.web.api.operation import Call, Caller, Operation, Param, Result
from wirefeed.web.api.wire_shapes import (
    CHANGES,
    CURSOR,
    DIGEST,
    EXAMPLE,
    GONE,
    PAGE,
    STANDING,
    STORY,
    Asked,
    Filters,
    Range,
    Received,
)
from wirefeed.web.client import client_address
from wirefeed.web.request import HOUSE, LEDGER, QUOTAS, READERS, STREAMS, TAXONOMY, presented
from wirefeed.web.request import WIRE as PAGES

_TAG = "Wire"
_PATH = "/api/v1/wire"
_SECOND = 1_000_000
_MOST_NAMES = 100


@Operation(
    method="GET",
    path=_PATH,
    access=Caller.WIRE,
    tag=_TAG,
    query=Asked,
    query_example={"after": "oldest", "wait": "30"},
    gives=PAGE,
    problems=GONE,
    answer={
        "items": [EXAMPLE],
        "count": 1,
        "total": 1,
        "digest": DIGEST,
        "next": CURSOR,
        "more": False,
    },
)
async def follow_wire(call: Call[None, Asked]) -> Result:
    """Give the changes of stories since a cursor.

    Ask with after=oldest once, and from then on with the `next` of the answer before, kept
    where a crash does not reach it. Without after, the wire begins now. An answer may be asked
    for again: the same cursor gives the same changes, each with the story as you may see it at
    that time. A change that a newer one follows says superseded, and has no text; a killed
    story never has any. On withhold, expire and kill remove the text: they never say superseded.
    Renditions are addresses here that redirect to the files, for anybody, for as long as the story
    may be shown with them: 410 after its kill, its end, or the version that left them out.

    The digest is a chain. It begins as 32 bytes of zero, and each entry makes it the SHA-256 of
    itself followed by a line feed, the change, a space, the version, a space and the uri, in
    UTF-8: sha256(digest ‖ LF ‖ change ‖ SP ‖ version ‖ SP ‖ uri). Change is the member
    wirefeed.change. Who comes to the same digest after as many entries has missed nothing.

    What your plans give may change between two answers. Then an entry with the change
    entitlement says so, with where to fetch what you may see besides; it is counted and digested
    like any other. A cursor belongs to its topics and languages: with others it is refused.

    A cursor that comes back tells us that you have what came before it. An answer with entries
    counts as one towards your limit, one without costs nothing. Of requests that wait, and of
    streams, one subscriber may have so many open: another is answered with 429.
    """
    if not call.query.wait:
        return await _page(call)
    with call.app[STREAMS].lines.one(holder_of(call.reader)):
        return await _page(call)


async def _page(call: Call[None, Asked]) -> Result:
    reader, following = call.reader, following_of(call, call.query)
    pages = call.app[PAGES]
    place = await place_of(call, call.query.after, following, since=call.query.since)
    end = time.monotonic() + call.query.wait
    while True:
        bell = pages.log.bell
        draft, reader = await _draft(call, reader, following, place)
        left = end - time.monotonic()
        if draft or draft.more or left <= 0 or pages.log.closing or _went(call):
            break
        await _wait(call, bell, left, reader)
        # Its rights may have ended meanwhile, or be others.
        reader = await again(call)
    headers = _spent(call, reader, draft)
    page = await pages.page(reader, following, draft, None if _is_head(call) else WIRE)
    body = wire_json.page(
        page.items,
        total=page.ends.count,
        digest=page.ends.digest,
        cursor=page.cursor,
        more=page.more,
        kills=compact(page.kills),
    )
    return Result(value=body, headers=headers)


def _is_head(call: Call[Any, Any]) -> bool:
    """Say whether the answer has no content, so that nobody is given anything by it."""
    return call.request.method == hdrs.METH_HEAD


async def _draft(
    call: Call[None, Asked], reader: Reader, following: Following, place: Place
) -> tuple[Draft, Reader]:
    """Draft what comes next, and say for whom: its rights may be others when that is found."""
    while True:
        draft = await call.app[PAGES].draft(reader, following, place, call.query.limit)
        before, reader = reader, await again(call)
        if reader.entitlement.sight == before.entitlement.sight:
            return draft, reader


async def _wait(call: Call[Any, Any], bell: asyncio.Event, left: float, reader: Reader) -> None:
    """Wait for something new, no longer than the reader's rights are sure to be the same."""
    turn = reader.until(call.now)
    if turn is not None:
        left = min(left, max(0.0, (turn - call.now) / _SECOND))
    await call.app[PAGES].log.wait(bell, left)


def _went(call: Call[Any, Any]) -> bool:
    """Say whether nobody waits for the answer any more."""
    transport = call.request.transport
    return transport is None or transport.is_closing()


def holder_of(reader: Reader) -> str:
    """Say whose lines are counted."""
    return "" if reader.subscriber is None else reader.subscriber.id


async def again(call: Call[Any, Any]) -> Reader:
    """Say who calls now: its rights may have ended. Raises `Unauthenticated` or `Forbidden`."""
    readers = call.app[READERS]
    return await readers.of_wire(presented(call.request), client_address(call.request))


def following_of(call: Call[Any, Any], asked: Filters) -> Following:
    """Say what of the wire is asked for. Raises `Invalid`."""
    wanted = Following(
        topics=_names(asked.topics, "topics"), languages=_names(asked.languages, "languages")
    )
    taxonomy, house = call.app[TAXONOMY], call.app[HOUSE]
    try:
        return there_are(wanted, taxonomy, house.languages)
    except Unacceptable as error:
        raise Invalid(error.message, field=error.field, remedy=error.remedy) from None


def _names(text: str, field: str) -> frozenset[str]:
    names = [name.strip() for name in text.split(",")] if text else []
    if len(names) > _MOST_NAMES or not all(names):
        raise Invalid("names stand there with a comma between each two", field=field)
    return frozenset(names)


async def place_of(
    call: Call[Any, Any], after: str, following: Following, *, since: str = "", way: str = WIRE
) -> Place:
    """Say where a caller goes on, or begins. Raises `Invalid`, and `Outlived` with where to."""
    pages, reader = call.app[PAGES], call.reader
    if after and since:
        raise Invalid("after says already where to begin", field="since", remedy="send one of them")
    if since:
        try:
            return await pages.begin(reader, following, since=times.read(since, "since"))
        except Unacceptable as error:
            raise Invalid(error.message, field="since", remedy=error.remedy) from None
    if after in {"", "oldest"}:
        return await pages.begin(reader, following, since=0 if after else None)
    try:
        return await pages.open(reader, following, after, way)
    except Outlived as error:
        raise _with_restart(call, error) from None


def _with_restart(call: Call[Any, Any], error: Outlived) -> Outlived:
    """Say where the wire can be read again: with the same filters, from its beginning."""
    kept = {
        name: call.request.query[name]
        for name in ("topics", "languages")
        if name in call.request.query
    }
    error.restart = str(call.request.rel_url.with_path(_PATH).with_query(after="oldest", **kept))
    return error


def _spent(call: Call[Any, Any], reader: Reader, draft: Draft) -> dict[str, str]:
    """Take an answer with entries out of the caller's quota. Raises `Overdrawn`."""
    if reader.token is None:
        return {}
    quotas, client = call.app[QUOTAS], reader.token.jti
    if draft:
        quotas.spend(client, call.now)
    return _told(quotas.left(client, call.now))


def _told(left: Left | None) -> dict[str, str]:
    """Say what is left (draft-ietf-httpapi-ratelimit-headers-10)."""
    if left is None:
        return {}
    return {
        "RateLimit-Policy": f'"answers";q={left.quota};w={left.window}',
        "RateLimit": f'"answers";r={left.answers};t={left.whole_in}',
    }


@Operation(
    method="GET",
    path=f"{_PATH}/reconcile",
    access=Caller.WIRE,
    tag=_TAG,
    query=Range,
    query_example={"after": "oldest"},
    gives=CHANGES,
    problems=GONE,
    answer={
        "items": [{"change": "update", "uri": EXAMPLE["uri"], "version": "2"}],
        "from": CURSOR,
        "count": 1,
        "total": 1,
        "digest": DIGEST,
        "next": CURSOR,
        "more": False,
        "agrees": True,
    },
)
async def reconcile_wire(call: Call[None, Range]) -> Result:
    """Give which changes there were between two cursors, to compare with what you hold.

    It has the names of changes, and no text, so that a year is read in minutes. With the cursor
    that you have come to as until, the total and the digest are those that you have; agrees says
    whether they are. With more, ask again with its next as after, and the same until.

    What your plans give today decides what is told again. So it begins where you began, or where
    after says, but not before the last entry with the change entitlement: from is the cursor with
    which it really began, and of all before that the total and the digest are taken as they were
    sealed into until. Where your plans have changed since until, there is that entry alone and
    no agrees: ask for the next page, and then with its cursor.
    """
    query, pages, reader = call.query, call.app[PAGES], call.reader
    following = following_of(call, query)
    until = await _until(call, following)
    if until is None:
        begins = await place_of(call, query.after or "oldest", following)
    else:
        given = query.after not in {"", "oldest"}
        place = await place_of(call, query.after, following) if given else None
        begins = await pages.proof(reader, following, place, until)
    stop = None if until is None else until.position
    draft = await pages.draft(reader, following, begins, query.limit, stop)
    items = compact(draft.heard)
    if draft.is_other:
        items.insert(0, (ENTITLEMENT, ENTITLEMENT, 0))
    ends, agrees = draft.ends, None
    if until is not None and not draft.more and not draft.is_other:
        agrees = (ends.count, ends.digest) == (until.count, until.digest)
    body = wire_json.changes(
        items,
        total=ends.count,
        digest=ends.digest,
        begins=pages.seal(begins, reader),
        cursor=pages.seal(ends, reader),
        more=draft.more,
        agrees=agrees,
    )
    return Result(value=body)


async def _until(call: Call[None, Range], following: Following) -> Place | None:
    """Say up to where is asked; None: to the end."""
    if not call.query.until:
        return None
    try:
        return await call.app[PAGES].open(call.reader, following, call.query.until, WIRE)
    except Outlived as error:
        raise _with_restart(call, error) from None


@Operation(
    method="POST",
    path=f"{_PATH}/ack",
    access=Caller.WIRE,
    tag=_TAG,
    body=Received,
    statuses=(HTTPStatus.NO_CONTENT,),
    problems=GONE,
    example={"cursor": CURSOR},
)
async def acknowledge_wire(call: Call[Received, None]) -> Result:
    """Say that you have what came before a cursor.

    Who asks for the next page says so by that; this is for who has nothing else to ask, above
    all after a kill.
    """
    try:
        await call.app[PAGES].acknowledge(call.reader, call.body.cursor)
    except Outlived as error:
        raise _with_restart(call, error) from None
    except Invalid as error:
        raise Unacceptable(error.message, field="$.cursor", remedy=error.remedy) from None
    return Result()


@Operation(
    method="GET",
    path="/api/v1/stories/{guid}",
    params={
        "guid": Param(
            pattern=re.compile(r"[A-Za-z0-9._~:@!$&'()*+,=-]{1,512}"),
            description="Its guid, or the id that its entries have, where the guid holds a slash"
            " or anything else that an address would have to encode.",
            example="urn:newsml:news.example:20260301:4711",
        )
    },
    access=Caller.WIRE,
    tag=_TAG,
    gives=STORY,
    problems=GONE,
    answer={**EXAMPLE, "wirefeed": STANDING},
)
async def get_story(call: Call[None, None]) -> Result:
    """Give one story, as you may see it now.

    A story that was withdrawn is 410, for whoever could see it.
    """
    reader, entries = call.reader, call.app[PAGES].entries

    def given(position: int) -> None:
        if reader.subscriber is not None and not _is_head(call):
            call.app[LEDGER].read(reader.subscriber.id, ONE_STORY, position)

    return Result(value=await entries.story(call.params["guid"], reader, given))


ENDPOINTS = [follow_wire, reconcile_wire, acknowledge_wire, get_story]
