"""The properties of a ninjs object, whatever the edition spells them, each of its proper type.

Pure. A property that is no part of ninjs is ignored, unless it is one misspelt: a `pub_status`
passed over would publish what was to be withdrawn.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import NoReturn

from wirefeed.domain.errors import Unacceptable
from wirefeed.formats import markup
from wirefeed.formats.json_input import child

#: No list of a story's is longer.
MOST = 200
_LONGEST_ID = 1_024
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: As ninjs 3.x spells them; 1.x and 2.x use the same names in lower case.
_STRINGS = (
    "uri guid type mimetype contentType representationType profile firstCreated versionCreated"
    " contentCreated embargoed embargoedUntil expires pubStatus copyrightHolder copyrightNotice"
    " usageTerms edNote language title byline by headline slugline located evolvedFrom"
    # of what it holds
    " name rel scheme literal role value href"
)
_OBJECTS = (
    # 1.x
    "person organisation place subject event object infosource trustindicator genre service signal"
    # 2.x, 3.x
    " people organisations places subjects events objects infoSources trustIndicators genres"
    " headlines bodies descriptions"
)
_OTHERS = (
    "version urgency keywords renditions associations altIds code height width sizeInBytes duration"
)
_SYNONYMS = {"by": "byline", "embargoeduntil": "embargoed", "contenttype": "mimetype"}


def _spellings(names: str) -> dict[str, str]:
    both = {spelling: name.lower() for name in names.split() for spelling in (name, name.lower())}
    return {spelling: _SYNONYMS.get(name, name) for spelling, name in both.items()}


_NAMES = _spellings(f"{_STRINGS} {_OBJECTS} {_OTHERS}")
_IS_STRING = frozenset(_spellings(_STRINGS).values())
_IS_OBJECTS = frozenset(_spellings(_OBJECTS).values())
#: ninjs 1.x: properties that a newsroom extends by names of its own; their values are strings.
_EXTENDED = re.compile("(?:body|description|headline)_")
_EXTENSION = re.compile("(?:body|description|headline)_[a-zA-Z0-9_]+")
_FILLER = re.compile("[-_ ]")

#: RFC 3339 §5.6, and as Superdesk writes it: `2017-11-27T08:00:57+0000`; the zone may be missing.
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<part>\d{1,12}))?)?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d))?)?",
    re.ASCII,
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Fields:
    """A ninjs object, or one within it; `None` counts as absent, as newsrooms mean it."""

    def __init__(self, properties: Mapping[str, object], path: str = "$") -> None:
        self.path = path
        self._values: dict[str, object] = {}
        self._keys: dict[str, str] = {}
        for key, value in properties.items():
            if value is not None:
                self._take(key, value)

    def _take(self, key: str, value: object) -> None:
        name = _NAMES.get(key)
        if name is None:
            name = self._extension(key)
        if name is None:
            return
        if name in _IS_STRING or "_" in name:
            if not isinstance(value, str):
                self._refuse(key, "must be a string", "send it as a JSON string")
        elif name in _IS_OBJECTS and not (
            isinstance(value, list) and all(isinstance(item, dict) for item in value)
        ):
            self._refuse(key, "must be an array of objects", "put each in { }, all in [ ]")
        if self._values.get(name, value) != value:
            self._refuse(key, f"must not differ from {self._keys[name]}", "send one of the two")
        self._values[name] = value
        self._keys[name] = key

    def _extension(self, key: str) -> str | None:
        if _EXTENDED.match(key):
            if not _EXTENSION.fullmatch(key):
                self._refuse(key, "has characters that no property's name may have", "rename it")
            return key
        meant = _NAMES.get(_FILLER.sub("", key).lower())
        # Names with a leading underscore are a system's own: `_version`, `_type`.
        if meant is not None and not key.startswith("_"):
            self._refuse(key, "is no ninjs property", f"did you mean {meant}?")
        return None

    def _refuse(self, key: str, problem: str, remedy: str) -> NoReturn:
        raise Unacceptable(problem, field=child(self.path, key), remedy=remedy)

    def refuse(self, name: str, problem: str, remedy: str) -> NoReturn:
        """Refuse a property, by the name it came under; absent, by its ninjs 1.x name."""
        self._refuse(self._keys.get(name, name), problem, remedy)

    def get(self, name: str) -> object:
        """Give a property as it is; None when absent."""
        return self._values.get(name)

    def path_of(self, name: str) -> str:
        """Give the JSONPath of a property that is there."""
        return child(self.path, self._keys[name])

    def raw(self, name: str) -> str:
        """Give a string property as it is; empty when absent."""
        value = self._values.get(name)
        return value if isinstance(value, str) else ""

    def text(self, name: str) -> str:
        """Give plain text on one line; empty when absent."""
        text = markup.text(self.raw(name))
        if len(text) > markup.LONGEST_TEXT:
            self.refuse(name, markup.TOO_LONG, "shorten it")
        return text

    def identifier(self, name: str) -> str | None:
        """Give an identifier, which is never changed but for spaces around it; None when blank."""
        value = self.raw(name).strip()
        if len(value) > _LONGEST_ID:
            self.refuse(name, f"is longer than {_LONGEST_ID} characters", "use a shorter one")
        if _CONTROL.search(value):
            self.refuse(name, "holds control characters", "use printable ones")
        return value or None

    def one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Give one of a closed set of words."""
        value = self.raw(name) if name in self._values else default
        if value not in allowed:
            self.refuse(name, f"must be one of {', '.join(allowed)}", "send one, or leave it out")
        return value

    def time(self, name: str, *, ends_day: bool = False) -> int | None:
        """Give a time in microseconds since 1970; None when absent.

        Without a zone it is UTC. A date alone is that day's beginning, with `ends_day` its end.
        """
        value = self.raw(name).strip()
        if not value:
            if name in self._values:
                self.refuse(name, "is empty", "send a time, or leave it out")
            return None
        try:
            moment = _moment(value, ends_day=ends_day)
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            self.refuse(name, "is not a time", "write it like 2026-01-31T09:30:00+03:00")
        if not 1900 <= moment.year < 2200:  # noqa: PLR2004 - no wire is older; none plans so far
            self.refuse(name, "is outside the years 1900 to 2199", "correct the year")
        return (moment - _EPOCH) // _MICROSECOND

    def objects(self, *names: str, most: int = MOST) -> Iterator["Fields"]:
        """Give the objects of these lists, first those of the first name."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, list):
                self._bound(name, len(value), most)
                for at, item in enumerate(value):
                    yield Fields(item, f"{self.path_of(name)}[{at}]")

    def named(self, name: str, *, most: int = MOST) -> Iterator[tuple[str, "Fields"]]:
        """Give the objects of a map (ninjs 1.x) or of a list (2.x, 3.x), each with its name."""
        value = self._values.get(name)
        if isinstance(value, dict):
            self._bound(name, len(value), most)
            for key, item in value.items():
                if item is not None:
                    yield key, self._inner(item, child(self.path_of(name), key))
        elif isinstance(value, list):
            self._bound(name, len(value), most)
            for at, item in enumerate(value):
                inner = self._inner(item, f"{self.path_of(name)}[{at}]")
                yield inner.raw("name"), inner
        elif value is not None:
            self.refuse(name, "must be an object or an array", "see the ninjs schema")

    def _bound(self, name: str, length: int, most: int) -> None:
        if length > most:
            self.refuse(name, f"has {length} entries; {most} are the most", "send fewer")

    def _inner(self, item: object, path: str) -> "Fields":
        if not isinstance(item, dict):
            raise Unacceptable("must be an object", field=path, remedy="put it in { }")
        return Fields(item, path)


def _moment(value: str, *, ends_day: bool) -> datetime | None:
    match = _TIME.fullmatch(value)
    if match is None:
        return None
    day = datetime.fromisoformat(match["day"]).replace(tzinfo=UTC)
    if match["hour"] is None:
        return day + _DAY if ends_day else day
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    hours, minutes = int(match["hours"] or 0), int(match["minutes"] or 0)
    # RFC 3339 §5.7: the second after a minute's 59th is a leap second.
    if hour > 23 or minute > 59 or second > 60 or hours > 23 or minutes > 59:  # noqa: PLR2004
        return None
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if match["sign"] == "-" else 1)
    part = int((match["part"] or "0")[:6].ljust(6, "0"))
    since = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=part)
    return (day.replace(tzinfo=timezone(offset)) + since).astimezone(UTC)
