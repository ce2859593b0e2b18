"""Where feeds and the pages of their archives lead, as RFC 5005 and JSON Feed have it."""

import json
from dataclasses import replace

import pytest
from lxml import etree

from tests.formats.examples import VIEWS
from tests.formats.reading import (
    FORMATS,
    by_fastfeedparser,
    by_json,
    channel_of,
    check,
    document,
)
from wirefeed.domain.feeds import Trail

formats = pytest.mark.parametrize("name", FORMATS)
PAGE = Trail(page="2026-11-01", older="2026-10-31", newer="2026-11-02")
HISTORY = "{http://purl.org/syndication/history/1.0}archive"
STEM = "https://lantern.example/en/latest"
#: What RFC 5005 §4 defines, and nothing else that a feed links.
RELATIONS = frozenset({"current", "prev-archive", "next-archive"})


def led(name: str, trail: Trail, stem: str = STEM) -> bytes:
    """Write a document that says where the pages beside it are."""
    return document(name, [VIEWS["full"]], replace(channel_of(name, "en"), stem=stem, trail=trail))


def beside(name: str, written: bytes) -> dict[str, str]:
    """Read where a document leads."""
    if name == "json":
        feed = json.loads(written)
        said = feed["_wirefeed"] | {"prev_archive": feed.get("next_url")}
        told = {rel: said.get(rel.replace("-", "_")) for rel in RELATIONS}
        return {rel: href for rel, href in told.items() if href}
    links = etree.fromstring(written).iter("{http://www.w3.org/2005/Atom}link")
    found = {str(link.get("rel")): str(link.get("href")) for link in links}
    return {rel: href for rel, href in found.items() if rel in RELATIONS}


@formats
@pytest.mark.parametrize("stem", [STEM, "../../latest"])
def test_a_page_leads_to_those_beside_it_and_to_its_feed(name, stem):
    assert beside(name, led(name, PAGE, stem)) == {
        "prev-archive": f"{stem}/archive/2026-10-31.{name}",
        "next-archive": f"{stem}/archive/2026-11-02.{name}",
        "current": f"{stem}.{name}",
    }


@formats
def test_a_feed_leads_to_the_newest_page_and_says_no_more(name):
    written = led(name, Trail(older="2026-11-01"))
    assert beside(name, written) == {"prev-archive": f"{STEM}/archive/2026-11-01.{name}"}
    assert beside(name, led(name, Trail())) == {}


@formats
def test_only_a_page_says_that_it_is_one(name):
    for trail, is_page in ((PAGE, True), (Trail(older="2026-11-01"), False), (Trail(), False)):
        written = led(name, trail)
        if name == "json":
            assert json.loads(written)["_wirefeed"].get("archive", False) is is_page
        else:
            assert len(list(etree.fromstring(written).iter(HISTORY))) == is_page
            assert (b"syndication/history" in written) is is_page


@formats
def test_where_it_leads_changes_nothing_of_what_it_shows(name):
    read = by_json if name == "json" else by_fastfeedparser
    assert read(led(name, PAGE)) == read(document(name, [VIEWS["full"]]))
    check(name, led(name, PAGE))
