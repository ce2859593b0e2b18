"""What goes between a feed reader and a server: a request, an answer, and what its headers say."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from tests.support.agency import SECOND

#: In place of a status when nobody answered.
REFUSED = 0
#: What a reader is to hear of an address that is well.
WELL = frozenset({200, 226, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a reader sends."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, from the address that was asked at last."""

    url: str
    status: int
    #: By name in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.body).digest()

    @property
    def max_age(self) -> int:
        """The `max-age` of Cache-Control in microseconds; 0 for none."""
        for directive in self.header("cache-control").split(","):
            name, _, value = directive.strip().partition("=")
            if name.lower() == "max-age" and value.isdigit():
                return int(value) * SECOND
        return 0

    def expires_in(self, now: int) -> int:
        """How long until `Expires`, in microseconds; 0 for none, and for one that is past."""
        return max(0, (_date(self.header("expires")) or now) - now)

    @property
    def retry_seconds(self) -> int | None:
        """`Retry-After` to those that read seconds alone, in microseconds."""
        value = self.header("retry-after")
        return int(value) * SECOND if value.isdigit() else None

    def retry_after(self, now: int) -> int | None:
        """`Retry-After` to those that read dates as well, in microseconds from now."""
        if self.retry_seconds is not None:
            return self.retry_seconds
        date = _date(self.header("retry-after"))
        return None if date is None else max(0, date - now)


def host_of(url: str) -> str:
    return urlsplit(url).netloc


def _date(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp()) * SECOND if text else None
    except ValueError:
        return None
