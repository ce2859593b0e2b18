"""What a call brings, read strictly by its description: its query and its body. No rules here.

Whatever cannot be taken is refused by the name of its field.
"""

import asyncio
import re
from typing import Any, TypeVar

import msgspec
from aiohttp import hdrs, web

from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.formats import json_input
from wirefeed.web.api.operation import Caller, Operation, Raw
from wirefeed.web.request import read_body

JSON = "application/json"
_LARGE = 16 * 1024
_ABSENT = re.compile(r"Object (?:missing required|contains unknown) field `(.*)`")
_KEY = re.compile(r" - at `key` in `(.*)`$")
_PLACE = re.compile(r" - at `(.*)`$")
_Read = TypeVar("_Read")


def query(request: web.Request, operation: Operation[Any, Any]) -> object:
    """Read the query. Raises `Invalid`, naming the parameter.

    An unknown one is refused: misspelt, it would be taken for its default. What is public takes
    none, and is the same for everybody, whatever is sent along.
    """
    if operation.access is Caller.ANYONE and operation.query is None:
        return None
    sent: dict[str, str] = {}
    known = _names(operation.query)
    for name, value in request.query.items():
        if name not in known:
            remedy = f"use {', '.join(known)}" if known else "send none"
            raise Invalid("there is no such parameter", field=_shown(name), remedy=remedy)
        if name in sent:
            raise Invalid("the parameter stands there twice", field=name, remedy="send it once")
        sent[name] = value
    if operation.query is None:
        return None
    try:
        return msgspec.convert(sent, operation.query, strict=False)
    except msgspec.ValidationError as error:
        message, field = _told(error)
        raise Invalid(message, field=field.removeprefix("$.")) from None


async def body(request: web.Request, operation: Operation[Any, Any]) -> object:
    """Read the body. Raises `Invalid` for what cannot be read, else `Unacceptable`, by its field.

    A large one is read beside the loop, which others wait for.
    """
    kind = operation.body
    if kind is None:
        return None
    media_types = kind.media_types if isinstance(kind, Raw) else (JSON,)
    _check_type(request, media_types)
    raw = await read_body(request)
    if isinstance(kind, Raw):
        return raw
    if len(raw) > _LARGE:
        return await asyncio.to_thread(_read, raw, kind)
    return _read(raw, kind)


def _check_type(request: web.Request, media_types: tuple[str, ...]) -> None:
    # RFC 8259 §8.1: JSON between systems is UTF-8; the rest that is taken, too.
    if request.content_type not in media_types or (request.charset or "utf-8").lower() != "utf-8":
        sort = "JSON" if JSON in media_types else "text"
        raise web.HTTPUnsupportedMediaType(
            reason=f"send {sort} in UTF-8, as {media_types[0]}",
            headers={hdrs.ACCEPT: ", ".join(media_types)},
        )
    # A decompressed body may be a thousand times what was sent.
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
        raise web.HTTPUnsupportedMediaType(
            reason="send it without a content coding", headers={hdrs.ACCEPT_ENCODING: "identity"}
        )


def _read(raw: bytes, kind: type[_Read]) -> _Read:
    return convert(json_input.read_object(raw), kind)


def convert(value: object, kind: type[_Read]) -> _Read:
    """Take JSON for what it is to be. Raises `Unacceptable`, naming the field."""
    try:
        return msgspec.convert(_whole(value), kind)
    except msgspec.ValidationError as error:
        message, field = _told(error)
        raise Unacceptable(message, field=field, remedy=_remedy(message)) from None


def _remedy(message: str) -> str:
    """Say how a time is written: the format alone tells nobody."""
    return "write it as 2026-12-31T00:00:00Z" if "RFC3339" in message else ""


def _whole(value: object) -> object:
    """Take 4.0 for the integer it is: JSON Schema knows no other (2020-12, core §4.2.3)."""
    match value:
        case dict():
            return {name: _whole(inner) for name, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """Give what is wrong, and the JSONPath of where (RFC 9535)."""
    text = str(error)
    if match := _KEY.search(text):
        return f"a key in it: {text[: match.start()]}", match[1]
    match = _PLACE.search(text)
    message, path = (text[: match.start()], match[1]) if match else (text, "$")
    if match := _ABSENT.fullmatch(message):
        path = json_input.child(path, match[1])
        message = "it is missing" if message.startswith("Object missing") else "it is unknown"
    # msgspec writes `[...]` for any value of a mapping.
    return message, path.replace("[...]", "[*]")


def _names(kind: type[msgspec.Struct] | None) -> tuple[str, ...]:
    if kind is None:
        return ()
    return tuple(field.encode_name for field in msgspec.structs.fields(kind))


def _shown(name: str) -> str:
    """Repeat a name only as far as it is one."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", name) else "?"
