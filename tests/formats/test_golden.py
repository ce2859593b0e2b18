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
from wirefeed.formats.opml import opml

GOLDEN = Path(__file__).parent.parent / "golden"
WRITE = os.environ.get("WIREFEED_GOLDEN") == "write"
SUFFIX = {"rss": "xml", "atom": "xml", "json": "json"}


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
