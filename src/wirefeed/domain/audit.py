"""The audit: who did what, from where, in a chain that shows every edit. Pure.

Rows hold ids, never names or addresses of people, so that erasing a person leaves the
chain whole.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: The MAC before the first row.
START = b""
#: In place of the last MAC where the end is not as it was sealed: what is cut off stays missed.
CUT = b"cut"


class Via(StrEnum):
    """Through which door it was done."""

    CLI = "cli"
    #: An administrator's token.
    API = "api"
    #: A partner's own token.
    ACCOUNT = "account"
    #: A private address or a link, in a browser.
    PAGE = "page"
    #: A newsroom's message.
    INGEST = "ingest"
    #: Nobody: the clock, or a policy.
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something: `admin:eva`, `subscriber:gazette`, `source:desk`, `cli`, `system`."""

    id: str
    via: Via


#: Whoever has a shell on the host.
CLI = Actor(id="cli", via=Via.CLI)
SYSTEM = Actor(id="system", via=Via.SYSTEM)


class Verb(StrEnum):
    """What was done."""

    PLAN_ADD = "plan.add"
    PLAN_SET = "plan.set"
    PLAN_REMOVE = "plan.remove"
    SUBSCRIBER_ADD = "subscriber.add"
    SUBSCRIBER_SET = "subscriber.set"
    SUBSCRIBER_SUSPEND = "subscriber.suspend"
    SUBSCRIBER_RESUME = "subscriber.resume"
    SUBSCRIBER_REMOVE = "subscriber.remove"
    TOKEN_ISSUE = "token.issue"  # noqa: S105 - a verb
    TOKEN_NAME = "token.name"  # noqa: S105 - a verb
    TOKEN_ROTATE = "token.rotate"  # noqa: S105 - a verb
    TOKEN_REVOKE = "token.revoke"  # noqa: S105 - a verb
    FEED_KEY_ISSUE = "feed-key.issue"
    FEED_KEY_NAME = "feed-key.name"
    FEED_KEY_ROTATE = "feed-key.rotate"
    FEED_KEY_REVOKE = "feed-key.revoke"
    FEED_KEY_SELECT = "feed-key.select"
    FEED_KEY_FLAG = "feed-key.flag"
    FEED_KEY_DISMISS = "feed-key.dismiss"
    LEAK_REPORT = "leak.report"
    HAND_OVER_ISSUE = "hand-over.issue"
    HAND_OVER_OPEN = "hand-over.open"
    HAND_OVER_WITHDRAW = "hand-over.withdraw"
    WEBHOOK_ADD = "webhook.add"
    WEBHOOK_ROTATE = "webhook.rotate"
    WEBHOOK_REMOVE = "webhook.remove"
    WEBHOOK_REPLAY = "webhook.replay"
    SIGNING_KEY_ROTATE = "signing-key.rotate"
    SIGNING_KEY_REVERT = "signing-key.revert"
    SIGNING_KEY_RETIRE = "signing-key.retire"
    ADMIN_ADD = "admin.add"
    ADMIN_ROLE = "admin.role"
    ADMIN_REMOVE = "admin.remove"
    STORY_KILL = "story.kill"
    STORY_WITHHOLD = "story.withhold"
    STORY_REINSTATE = "story.reinstate"
    LEASE_END = "lease.end"
    KILL_DRILL = "kill.drill"
    TOPICS_APPLY = "topics.apply"


Detail = Mapping[str, str | int | list[str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A row that was never written here, since nothing can be made of it."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the audit."""

    seq: int
    at: int
    actor: str
    via: Via
    verb: Verb
    #: What it was done to: `plan:gold`, `subscriber:gazette`, `token:…`, `story:…`.
    about: str
    detail: Detail = field(default_factory=dict)
    #: Over this row and the MAC of the one before.
    mac: bytes = b""


def chain(key: bytes, previous: bytes, entry: Entry) -> bytes:
    """Make the MAC of a row (HMAC-SHA-256) over it and its predecessor's.

    Keyed, so that who can write the table alone cannot write a chain that holds.
    """
    row = [entry.seq, entry.at, entry.actor, entry.via, entry.verb, entry.about, entry.detail]
    text = json.dumps([previous.hex(), *row], sort_keys=True, ensure_ascii=True)
    return hmac.digest(key, text.encode("ascii"), hashlib.sha256)


def seal(key: bytes, seq: int, mac: bytes) -> bytes:
    """Make the MAC of the chain's end: without the key nobody can move it up."""
    return hmac.digest(key, f"end {seq} {mac.hex()}".encode("ascii"), hashlib.sha256)


def ends(key: bytes, seq: int, mac: bytes, end: bytes) -> bool:
    """Say whether a sealed end is that of a chain whose last row is this one."""
    return hmac.compare_digest(seal(key, seq, mac), end)


class Checking:
    """A walk along the chain, a part at a time: remembers where it first breaks."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._previous = START
        self._seq = 0
        #: The first row that is not what was written there; None while all are.
        self.broken: int | None = None

    def take(self, entries: Iterable[Entry | Unreadable]) -> None:
        """Go on with the next rows, in their order."""
        for entry in entries:
            if self.broken is not None:
                return
            if isinstance(entry, Unreadable) or not self._follows(entry):
                self.broken = self._seq + 1
                return
            self._seq, self._previous = entry.seq, entry.mac

    def _follows(self, entry: Entry) -> bool:
        expected = chain(self._key, self._previous, entry)
        return entry.seq == self._seq + 1 and hmac.compare_digest(expected, entry.mac)

    def finish(self, end: bytes) -> int | None:
        """Say which row is the first bad one, given the sealed end; None: the chain holds.

        The end is kept apart from the rows, so that those cut off are missed.
        """
        if self.broken is None and not ends(self._key, self._seq, self._previous, end):
            self.broken = self._seq + 1
        return self.broken
