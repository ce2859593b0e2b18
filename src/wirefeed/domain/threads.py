"""Threads: a story and what it evolved into, under one feed GUID. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from wirefeed.domain.access import Entitled, was_shown
from wirefeed.domain.stories import Story

#: Bytes of a name of ours.
_NAME = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A story's links within its thread."""

    guid: str
    evolved_from: str | None = None
    feed_guid: str | None = None


def thread_guid(members: Iterable[Member]) -> str:
    """Give the one feed GUID of a thread, the same in whatever order its stories came.

    The GUID the newsroom gave (the first by name, should it give several), else that of
    the story all others evolved from, even when that story has not arrived.
    """
    members = tuple(members)
    given = min((m.feed_guid for m in members if m.feed_guid), default=None)
    if given:
        return given
    parents = {m.guid: m.evolved_from for m in members}
    roots = {m.guid for m in members if not m.evolved_from}
    roots |= {p for p in parents.values() if p and p not in parents}
    # Stories that name each other in a ring have no first one.
    return min(roots or parents)


def called(thread: str, namers: Iterable[Story], caller: Entitled, key: bytes) -> str:
    """Give what a caller knows a thread by: its GUID, if it was shown a story that it comes from.

    `namers` are those: the first story, and whichever brought a GUID of the newsroom's. Else the
    GUID may be that of a story under embargo or among topics of others. One that never came is
    no namer either: to this caller that is the same.
    """
    if any(was_shown(story, caller) for story in namers):
        return thread
    # Under a key: who guesses a GUID must not find it confirmed.
    name = hashlib.blake2b(thread.encode("utf-8", "surrogatepass"), key=key, digest_size=_NAME)
    return f"urn:wirefeed:thread:{name.hexdigest()}"
