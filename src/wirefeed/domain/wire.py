"""The wire: the append-only log of whatever changes what anyone may see. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What a row of the wire announces."""

    PUBLISH = "publish"
    UPDATE = "update"
    CORRECTION = "correction"
    KILL = "kill"
    WITHHOLD = "withhold"
    REINSTATE = "reinstate"
    #: An embargo ended.
    RELEASE = "release"
    #: The rights in a story ended.
    EXPIRE = "expire"
    #: A plan, subscriber, token, key or the topic tree changed.
    ACCESS = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the wire, before it has a position."""

    kind: ChangeKind
    #: The story's guid, or what of access changed: `plan:…`, `subscriber:…`, `token:…`, `key:…`,
    #: `signing-key:…`.
    about: str
    version: int = 0
    topics_before: frozenset[str] = frozenset()
    topics_after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest position of the wire, and when it was written."""

    position: int
    at: int
