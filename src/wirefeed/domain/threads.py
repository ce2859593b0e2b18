"""Threads: a story and what it evolved into, under one feed GUID. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


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
