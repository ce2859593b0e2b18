"""One committed document for each format, level and kind of change: a changed byte shows in review.

`WIREFEED_GOLDEN=write` writes them anew; raise the `EDITION` of a format whose documents changed.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats.examples import NOTICE, OUTLINES, VIEWS
from tests.formats.reading import FORMATS, channel_of, check, document
from wirefeed.domain.feeds import Channel, Trail
from wirefeed.formats.opml import opml

GOLDEN = Path(__file__).parent.parent / "golden"
WRITE = os.environ.get("WIREFEED_GOLDEN") == "write"
SUFFIX = {"rss": "xml", "atom": "xml", "json": "json"}


def archived(name: str) -> dict[str, Channel]:
    """Give a feed that leads to its archive, a page of that, and both at a private address."""
    feed = channel_of(name, "en")
    stem = feed.self_url.removesuffix(f".{name}")
    older, day = "2026-11-01-101500000000-0a1b2c3d4e", "2026-11-01"
    page = Trail(page=day, older=older, newer="2026-11-02-083000000000-5f6a7b8c9d")
    return {
        "leading": replace(feed, stem=stem, trail=Trail(older=day)),
        "page": replace(feed, self_url=f"{stem}/archive/{day}.{name}", stem=stem, trail=page),
        "private-leading": replace(feed, self_url="", stem="economy", trail=Trail(older=day)),
        "private-page": replace(feed, self_url="", stem="../../economy", trail=page),
    }


def documents() -> Iterator[tuple[str, bytes]]:
    yield "opml.xml", opml("Lantern", OUTLINES)
    for name, module in FORMATS.items():
        for example, view in VIEWS.items():
            yield f"{name}/{example}.{SUFFIX[name]}", document(name, [view])
        notice = module.feed(channel_of(name, "tr"), [module.notice(NOTICE, "tr")])
        yield f"{name}/notice.{SUFFIX[name]}", notice
        yield f"{name}/empty.{SUFFIX[name]}", document(name, [])
        several = [
            VIEWS["kill"],
            replace(VIEWS["with-media"], feed_guid="urn:x:2"),
            replace(VIEWS["delayed"], feed_guid="urn:x:3"),
        ]
        yield f"{name}/several.{SUFFIX[name]}", document(name, several)
        for title, channel in archived(name).items():
            yield f"{name}/{title}.{SUFFIX[name]}", document(name, several, channel)


DOCUMENTS = dict(documents())


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_as_committed(path):
    file = GOLDEN / path
    if WRITE:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(DOCUMENTS[path])
    assert file.read_bytes() == DOCUMENTS[path]


def test_every_committed_document_is_of_a_format_and_keeps_to_it():
    found = {str(file.relative_to(GOLDEN)) for file in GOLDEN.rglob("*.*")}
    assert found == set(DOCUMENTS)
    for path in found - {"opml.xml"}:
        check(path.partition("/")[0], (GOLDEN / path).read_bytes())
