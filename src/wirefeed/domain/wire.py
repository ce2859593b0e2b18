"""The wire: the append-only log of whatever changes what anyone may see. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    #: A story was written from one that was shown; `before` is to whom that one ever was. Heard as
    #: an update, or as published.
    EVOLVE = "evolve"
    #: Another story stands in its place from now on; `after` is to whom that one is announced.
    #: Heard as withheld, by whoever is not among those.
    REPLACE = "replace"
    #: A story stands in other topics, because these are other than they were, and nothing else of
    #: it has changed. Heard by whoever begins later, as published or withheld.
    REFILE = "refile"
    #: A plan, subscriber, token, key or the topic tree changed.
    ACCESS = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """To whom a story is announced: whose grants cover this language and these topics."""

    language: str
    topics: frozenset[str]
    #: Under embargo: only to those whose grants are `early`.
    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the wire, before it has a position."""

    kind: ChangeKind
    #: The story's guid, or what of access changed: `plan:…`, `subscriber:…`, `token:…`,
    #: `feed-key:…`, `signing-key:…`, `topics`.
    about: str
    version: int = 0
    #: To whom the story was announced until now, as far as they do not know that it went,
    before: frozenset[Audience] = frozenset()
    #: and to whom it is from now on.
    after: frozenset[Audience] = frozenset()
    #: Of a release: the delay that ended, for those whose grants have it; microseconds.
    #: Of a story that was filed anew: how long ago it last changed.
    delay: int = 0


#: What a change of access is about when the tree of topics is another; `before` and `after` hold
#: the topics that lost stories by it, and those that gained some.
TOPICS = "topics"
#: After these nobody is shown the story: they say by themselves that it went.
ENDS = frozenset({ChangeKind.KILL, ChangeKind.WITHHOLD, ChangeKind.EXPIRE})
#: After these, less may be shown to somebody than before.
_TAKING = frozenset({ChangeKind.KILL, ChangeKind.WITHHOLD, ChangeKind.REPLACE, ChangeKind.ACCESS})


def takes_away(change: Change) -> bool:
    """Say whether somebody's change takes something away: then it is to hold when it is done."""
    return change.kind in _TAKING


#: Of these, `before` is to whom a story ever was announced, or another one was.
_OF_EVER = frozenset({ChangeKind.EVOLVE, ChangeKind.REINSTATE})


def narrows(change: Change) -> bool:
    """Say whether a story is shown to somebody no more, or to fewer, whatever may take its place.

    One that is filed elsewhere, or comes under an embargo again, is announced to others than
    it was; also with one more topic it is, as there are those who have all but that.
    """
    if not is_of_story(change):
        return False
    if change.kind in ENDS or change.kind in _TAKING:
        return True
    if change.kind in _OF_EVER:
        return False
    # What an embargo ends for is announced to as many as before, and more.
    as_early = {replace(audience, early=True) for audience in change.after}
    return not change.before <= change.after | as_early


def supersedes(change: Change) -> bool:
    """Say whether what was sent of a story until now is to be sent no more: it was wrong."""
    return change.kind is ChangeKind.CORRECTION


def announces(change: Change) -> bool:
    """Say whether it tells of its own story anybody who follows the wire."""
    return bool(change.after) and change.kind not in {ChangeKind.REPLACE, ChangeKind.REFILE}


def is_of_story(change: Change) -> bool:
    """Say whether it is a story that changed."""
    return change.kind is not ChangeKind.ACCESS


#: What a change of access is about, where it is about one subscriber or credential.
_OF_ONE = ("subscriber:", "feed-key:", "token:")


def concerned(changes: Iterable[Change]) -> frozenset[str] | None:
    """Name the subscribers and credentials whose access changed; None: it may be anybody's."""
    about = frozenset(change.about for change in changes if change.kind is ChangeKind.ACCESS)
    return about if all(name.startswith(_OF_ONE) for name in about) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest position of the wire, and when it was written."""

    position: int
    at: int
