"""JSON in: one strict reading of a message, and the parting of a file into messages.

Pure. RFC 8259 leaves much to the reader; here whatever two readers could read differently is
refused, because a story that was checked must be the story that is shown.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from wirefeed.domain.errors import Invalid

#: No message is longer, in bytes.
LONGEST_MESSAGE: Final = 8 * 1024 * 1024
#: A JSON array is read whole, so it is bounded; JSON lines are not.
LONGEST_ARRAY: Final = 64 * 1024 * 1024

_AT_BYTE = re.compile(r"(?P<what>.*) \(byte (?P<at>\d+)\)")
_DECODER = msgspec.json.Decoder()
_ANY = msgspec.json.Decoder(type=msgspec.Raw)
_ARRAY = msgspec.json.Decoder(type=list[msgspec.Raw])


def read_object(message: bytes) -> dict[str, object]:
    """Read a message that is one JSON object; anything else is `Invalid`, with the place."""
    value = read(message)
    if not isinstance(value, dict):
        raise Invalid("the message is not a JSON object", remedy='send one story: { "uri": … }')
    return value


def read(message: bytes) -> object:
    """Read a message of JSON, whatever it is."""
    if len(message) > LONGEST_MESSAGE:
        raise Invalid(
            f"the message is longer than {LONGEST_MESSAGE // 1024**2} MiB",
            remedy="send pictures by address, not in the text",
        )
    characters = _characters(message)
    try:
        value: object = _DECODER.decode(message)
        json.loads(characters, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except msgspec.ValidationError:
        raise Invalid("a number is too large to be read", remedy="send it as a string") from None
    except msgspec.DecodeError as error:
        raise Invalid(_malformed(message, str(error))) from None
    except RecursionError:
        raise Invalid("the JSON is nested too deeply") from None
    except _TwiceError:
        _refuse_repeats(characters)
        value = _DECODER.decode(message)
    return value


def messages(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Part a file into messages: JSON lines, one object over many lines, or an array of objects.

    Takes lines or blocks of any size, and holds no more than one message, except of an array.
    The number is that of the line a message begins on; in an array it counts the objects from 1.
    A message that is too long comes cut short, but long enough for `read_object` to say so.
    Raises `Invalid` for an array that cannot be parted.
    """
    lines = _lines(chunks)
    first = next(lines, None)
    if first is None:
        return
    if first[1].startswith(b"["):
        yield from _array(chain([first], lines))
        return
    second = next(lines, None)
    rest = lines if second is None else chain([second], lines)
    if second is None or _stands_alone(first[1], second[1]):
        yield first
        yield from rest
        return
    yield first[0], _joined(chain([first], rest), LONGEST_MESSAGE)


def _characters(message: bytes) -> str:
    if message.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        # RFC 8259 §8.1: no byte order mark, and UTF-8 alone.
        raise Invalid("the message begins with a byte order mark", remedy="send plain UTF-8")
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place(message, error.start)
        raise Invalid(f"the message is not UTF-8: {place}", remedy="send UTF-8") from None


def _malformed(message: bytes, error: str) -> str:
    match = _AT_BYTE.fullmatch(error)
    if match is None:
        return "the JSON ends too soon, or within a surrogate pair"
    what = match["what"].removeprefix("JSON is malformed: ")
    return f"the JSON is malformed: {what}, near {_place(message, int(match['at']))}"


def _place(message: bytes, at: int) -> str:
    line = message.count(b"\n", 0, at) + 1
    return f"line {line}, byte {at - message.rfind(chr(10).encode(), 0, at)}"


class _TwiceError(Exception):
    """An object names a key twice."""


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > 1 and len({key for key, _ in pairs}) < len(pairs):
        raise _TwiceError


class _Pairs(list[tuple[str, Any]]):
    """An object with its keys as they were written."""


def _refuse_repeats(characters: str) -> None:
    """Refuse keys that stand twice, naming the first; which of the two holds is anybody's guess.

    Except names of renditions: in IPTC's own ninjs 1.x examples one rendition after the other
    is called `broadband`, and the last is taken, as most readers do.
    """
    value = json.loads(characters, object_pairs_hook=_Pairs, parse_int=str, parse_float=str)
    waiting: list[tuple[str, object]] = [("$", value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Pairs):
            seen: set[str] = set()
            for key, inner in value:
                inner_path = child(path, key)
                if key in seen and not path.endswith(".renditions"):
                    raise Invalid(
                        "the key stands twice in its object",
                        field=inner_path,
                        remedy="send it once",
                    )
                seen.add(key)
                waiting.append((inner_path, inner))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{i}]", inner) for i, inner in enumerate(value))


def child(path: str, key: str) -> str:
    """Extend a JSONPath by a key (RFC 9535 §2.5.1), shortened when the key is not for reading."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", key):
        return f"{path}.{key}"
    shown = "".join(c if c.isprintable() and c not in "'\\" else "?" for c in key[:64])
    return f"{path}['{shown}']"


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that hold something, numbered, none longer than a byte too long."""
    number, held = 1, bytearray()
    for chunk in chunks:
        *ended, last = chunk.split(b"\n")
        for line in ended:
            held += line[: LONGEST_MESSAGE + 1 - len(held)]
            if content := bytes(held).strip():
                yield number, content
            number += 1
            held.clear()
        held += last[: LONGEST_MESSAGE + 1 - len(held)]
    if content := bytes(held).strip():
        yield number, content


def _stands_alone(first: bytes, second: bytes) -> bool:
    """Say whether a file's first line is a message of its own, though perhaps a broken one."""
    try:
        _ANY.decode(first)
    except (msgspec.DecodeError, RecursionError):
        return first.endswith(b"}") and second.startswith(b"{")
    return True


def _joined(lines: Iterable[tuple[int, bytes]], longest: int) -> bytes:
    """Join lines up to a byte too many; line ends stay where they stood, for errors to name."""
    whole, at = bytearray(), None
    for number, line in lines:
        whole += b"\n" * (0 if at is None else number - at) + line
        at = number
        if len(whole) > longest:
            return bytes(whole[: longest + 1])
    return bytes(whole)


def _array(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    whole = _joined(lines, LONGEST_ARRAY)
    if len(whole) > LONGEST_ARRAY:
        raise Invalid(
            f"the array is longer than {LONGEST_ARRAY // 1024**2} MiB",
            remedy="send JSON lines: one story a line, without the brackets and commas around them",
        )
    try:
        stories = _ARRAY.decode(whole)
    except msgspec.DecodeError as error:
        raise Invalid(_malformed(whole, str(error))) from None
    except RecursionError:
        raise Invalid("the JSON is nested too deeply") from None
    for number, story in enumerate(stories, 1):
        yield number, bytes(story)
