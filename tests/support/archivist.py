"""A reader of archives as RFC 5005 §4.2 has it: walks back until it meets what it has read."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import feedparser

from tests.support.agency import PUBLIC_URL, Agency


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A document, as far as an archivist looks at it."""

    url: str
    #: Entries by their identifier.
    entries: dict[str, dict[str, Any]]
    prev: str
    next: str = ""
    current: str = ""
    #: Its links by relation, as its headers name them.
    told: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Archivist:
    """Holds what it read of one feed."""

    agency: Agency
    #: The address of the feed, without the host.
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The pages that it need not read again.
    known: set[str] = field(default_factory=set)

    async def visit(self, between: Callable[[int], Awaitable[None]] | None = None) -> list[Read]:
        """Catch up; let something happen after each document."""
        read: list[Read] = []
        seen: set[str] = set()
        url = self.path
        while url and url not in self.known:
            document = await self.read(url)
            for guid, entry in document.entries.items():
                # What was read first is the newer: the walk goes back.
                if guid not in seen:
                    self.held[guid] = entry
            seen |= document.entries.keys()
            read.append(document)
            assert len(read) < 2_000, "it does not end"
            if between is not None:
                await between(len(read))
            url = document.prev
        self.known |= {document.url for document in read[1:]}
        return read

    async def read(self, path: str) -> Read:
        """Read one document."""
        async with self.agency.http.get(path, headers=self.headers) as answer:
            body = await answer.read()
            assert answer.status == 200, (path, answer.status, body)
            told = {
                str(link["rel"]): str(link["url"]).removeprefix(PUBLIC_URL)
                for link in answer.links.values()
                if "rel" in link
            }
        links, entries = _parsed(path, body)

        def find(rel: str) -> str:
            return (
                urljoin(path, links.get(rel, "").removeprefix(PUBLIC_URL)) if rel in links else ""
            )

        found = [find(rel) for rel in ("prev-archive", "next-archive", "current")]
        return Read(
            url=path, entries=entries, prev=found[0], next=found[1], current=found[2], told=told
        )


def _parsed(path: str, body: bytes) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    if not path.endswith(".json"):
        feed = feedparser.parse(body)
        assert not feed.bozo, feed.bozo_exception
        links = {link.rel: link.href for link in feed.feed.links}
        return links, {entry.id: dict(entry) for entry in feed.entries}
    feed = json.loads(body)
    own = feed["_wirefeed"]
    links = {
        "prev-archive": feed.get("next_url"),
        "next-archive": own.get("next_archive"),
        "current": own.get("current"),
    }
    entries = {item["id"]: item for item in feed["items"]}
    assert len(entries) == len(feed["items"])
    return {rel: href for rel, href in links.items() if href}, entries
