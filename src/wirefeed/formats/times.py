"""Times as machines tell them: RFC 3339 outside, microseconds inside. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from wirefeed.domain.errors import Unacceptable

#: A time of a body or an answer. Without an offset it would be anybody's guess.
Time = Annotated[datetime, Meta(tz=True)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 12, 31, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def moment(micros: int) -> datetime:
    """Give a time for an answer."""
    return _EPOCH + timedelta(microseconds=micros)


def micros(time: datetime, field: str) -> int:
    """Take a time of a body. Raises `Unacceptable` for one that no clock of ours will show."""
    if not _EPOCH <= time < _END:
        raise Unacceptable("a time between 1970 and 9999 is needed", field=field)
    return (time - _EPOCH) // _MICROSECOND


def spell(micros: int) -> str:
    """Write a time in a table, to the microsecond if need be."""
    return moment(micros).isoformat().replace("+00:00", "Z")


def read(text: str, field: str, *, whole_day: bool = False) -> int:
    """Read a time of a table, or a day: its beginning or, as `whole_day`, its end, in UTC.

    Raises `Unacceptable`.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    is_day = _DAY.fullmatch(text) is not None
    if time is None or (time.tzinfo is None and not is_day):
        remedy = "write 2026-12-31, or a time with its zone: 2026-12-31T23:00:00Z"
        raise Unacceptable(f"{text!r} is no date", field=field, remedy=remedy)
    if is_day:
        time = time.replace(tzinfo=UTC) + timedelta(days=whole_day)
    return micros(time, field)
