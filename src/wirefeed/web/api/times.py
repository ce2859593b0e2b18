"""Times as the API tells them: RFC 3339 outside, microseconds inside. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from wirefeed.domain.errors import Unacceptable

#: A time of a body or an answer. Without an offset it would be anybody's guess.
Time = Annotated[datetime, Meta(tz=True)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 12, 31, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """Give a time for an answer."""
    return _EPOCH + timedelta(microseconds=micros)


def micros(time: datetime, field: str) -> int:
    """Take a time of a body. Raises `Unacceptable` for one that no clock of ours will show."""
    if not _EPOCH <= time < _END:
        raise Unacceptable("a time between 1970 and 9999 is needed", field=field)
    return (time - _EPOCH) // _MICROSECOND
