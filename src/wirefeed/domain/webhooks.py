"""Webhooks: what is sent to an address of a subscriber's, and how far it was told. Pure."""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from wirefeed.domain.cursors import Following
from wirefeed.domain.deliveries import FINE, Standing
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import NAME

#: Nobody has more of them: each is called for each change.
MOST = 50
#: Changes that wait to be sent once more, at most.
MOST_REPEATS = 100
#: Entries of the log that are kept for each subscriber.
LOGGED = 1_000
#: How long the secret before goes on signing, unless something else is asked for.
OVERLAP = 86_400_000_000
#: As long as two secrets may be in use.
LONGEST_OVERLAP = 30 * OVERLAP
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")
_MOST_NAMES = 200
#: All that a subscriber hears.
EVERYTHING = Following()


class Disabled(StrEnum):
    """Why a webhook is sent nothing any more."""

    #: It answered 410: whoever runs it wants no more of it.
    GONE = "gone"


def following(topics: Iterable[str], languages: Iterable[str]) -> Following:
    """Read what a subscriber wants of that which it may have; nothing named: all of it.

    Raises `Unacceptable` for what cannot be the name of a topic or of a language.
    """
    wanted = Following(topics=frozenset(topics), languages=frozenset(languages))
    _check(wanted.topics, NAME, "topics", "no topic", "see `wirefeed topics list`")
    _check(wanted.languages, _LANGUAGE, "languages", "no language", "write en, or pt-br")
    return wanted


def _check(given: Iterable[str], form: re.Pattern[str], what: str, no: str, remedy: str) -> None:
    names = sorted(given)
    if len(names) > _MOST_NAMES:
        raise Unacceptable(f"there are more than {_MOST_NAMES}", field=what, remedy="name fewer")
    for name in names:
        if not form.fullmatch(name):
            raise Unacceptable(f"{name!r} is {no}", field=what, remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a webhook was told."""

    #: Of everything;
    position: int
    #: of kills, which go before all else.
    kills: int
    #: When it began: from there back, each grant reaches as far as its archive.
    began: int
    #: What its subscriber could see when it was last told anything.
    sight: str = ""
    #: While its subscriber has nothing: when that is looked at anew, unless access changes after
    #: this position; 0: it has.
    paused_until: int = 0
    paused_at: int = 0
    #: Positions of changes to be sent once more, before all else.
    repeats: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that is told of each change its subscriber hears of."""

    id: str
    subscriber: str
    url: str
    host: str
    following: Following = EVERYTHING
    created: int
    #: The token it was added with, by its owner: it goes with that, if that is taken back.
    token: str | None = None
    #: Encrypted, as it is kept: it signs what is sent, and so does
    secret: bytes = field(repr=False)
    #: the one before it, until a time.
    secret_before: bytes | None = field(default=None, repr=False)
    rotates_until: int = 0
    place: Place
    standing: Standing = FINE
    disabled: int | None = None
    reason: Disabled | None = None
    #: When it was last called, and what it answered; 0: nothing.
    called: int | None = None
    status: int = 0

    def sealed(self, now: int) -> tuple[bytes, ...]:
        """Give the secrets that sign now, the newest first."""
        if self.secret_before is None or now >= self.rotates_until:
            return (self.secret,)
        return self.secret, self.secret_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A call, as the log has it."""

    #: Storage numbers them.
    id: int = 0
    webhook: str
    subscriber: str
    at: int
    #: `webhook-id`: the same however often a change is sent.
    message: str
    kind: str
    #: The guid of the story, or `entitlement`.
    about: str
    version: int
    position: int
    #: 0: there was no answer.
    status: int
    #: Why it failed, in a word; empty: it did not.
    reason: str
    #: Microseconds.
    took: int


def message_id(key: bytes, webhook: str, position: int, says: str) -> str:
    """Name what a webhook is sent at a position: it is the same name each time.

    Keyed, since a position says how much else there was on the wire.
    """
    named = f"{webhook} {position} {says}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(named, key=key, digest_size=20).digest()
    return f"msg_{base64.b32encode(digest).decode('ascii').lower()}"


def check_overlap(overlap: int) -> None:
    """Refuse a rotation that is none. Raises `Unacceptable`."""
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise Unacceptable(
            "two secrets are in use for 30 days at most", field="overlap", remedy="write 24h"
        )
