"""Conditional requests for feeds: what a client says it holds, and whether it still does. Pure."""

import re
from collections.abc import Collection
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from aiohttp import hdrs
from multidict import CIMultiDictProxy

_SECOND = 1_000_000
#: Seconds until all know what bears a time: it may wait 5 to be written, and processes look for it
#: every 0.4.
_SETTLES = 6
#: Seconds until nobody holds anything newer than its date says and than every process knows.
_KNOWN = _SETTLES + 2
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')
#: What proxies append to the tag of a response they compress.
_CODING_SUFFIX = re.compile(r"-(?:gzip|br|zstd|df)$")
#: No client sends more tags; nobody is to make us look all of them up.
_MOST_TAGS = 16


class Validators(NamedTuple):
    """What an answer is known by (RFC 9110 §8.8)."""

    #: The opaque part of the entity tag, which is weak: the same for every content coding.
    tag: str
    #: When it last changed, in microseconds.
    modified: int
    #: When it is answered.
    now: int

    @property
    def last_modified(self) -> int:
        """A time in whole seconds that no change can share which is not known by now.

        RFC 9110 §8.8.2.2: a date is a weak validator while the content may change again within
        its second. What changes later may bear an earlier time: it had to wait to be written.
        """
        return min(self.modified // _SECOND, self.now // _SECOND - _SETTLES)

    @property
    def span(self) -> tuple[int, int | None]:
        """From when on the clock does not change what they say, and when it does; None: never."""
        if self.last_modified == self.modified // _SECOND:
            return (self.last_modified + _SETTLES) * _SECOND, None
        second = self.now // _SECOND
        return second * _SECOND, (second + 1) * _SECOND

    def headers(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Write them down."""
        return (
            (hdrs.ETAG, f'W/"{self.tag}"'),
            (hdrs.LAST_MODIFIED, http_date(self.last_modified)),
        )


class Conditions(NamedTuple):
    """What a client says it holds."""

    #: The opaque parts of the tags; None: it names none, and `since` counts.
    tags: Collection[str] | None = None
    #: Seconds since 1970.
    since: float | None = None

    @property
    def are_none(self) -> bool:
        """Whether everything is asked for, whatever is held: no tag of any form, and no date."""
        return not self.tags and self.since is None

    def is_ahead(self, known: Validators) -> bool:
        """Say whether the client may have seen a later change, by its own account.

        A date of the last seconds does not tell, since it may be earlier than what was given.
        """
        if self.tags is not None or self.since is None:
            return False
        return self.since > min(known.last_modified, known.now // _SECOND - _KNOWN)

    def hold(self, known: Validators) -> bool:
        """Say whether the client holds what it would be given."""
        if self.tags is not None:
            # `*` matches nothing here: it would keep what a lost right once gave.
            return known.tag in self.tags
        settled = known.modified // _SECOND == known.last_modified
        return self.since is not None and settled and known.last_modified <= self.since


_NOTHING = Conditions()


def conditions(headers: CIMultiDictProxy[str]) -> Conditions:
    """Read what a client says it holds (RFC 9110 §13.2.2: tags come first)."""
    tags = headers.getall(hdrs.IF_NONE_MATCH, None)
    if tags is not None:
        return _tagged(",".join(tags))
    since = headers.get(hdrs.IF_MODIFIED_SINCE)
    return _NOTHING if since is None else Conditions(since=_date(since))


@lru_cache(maxsize=256)
def _tagged(text: str) -> Conditions:
    found = _ENTITY_TAG.findall(text)[:_MOST_TAGS]
    return Conditions(tags=tuple(_CODING_SUFFIX.sub("", tag) for tag in found))


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    """Write a time as RFC 9110 §5.6.7 wants it."""
    return formatdate(seconds, usegmt=True)


@lru_cache(maxsize=256)
def _date(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if date is None:
        return None
    # RFC 9110 §5.6.7: an HTTP-date is in UTC, also in the obsolete forms that do not say so.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
