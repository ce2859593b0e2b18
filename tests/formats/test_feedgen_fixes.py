"""What feedgen gets wrong, one by one; a later feedgen that needs no fix fails its test here."""

import sys
from dataclasses import replace

import feedparser
import pytest
from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator
from lxml import etree

from tests.formats.examples import CHANNEL, CHANNELS, FULL, VIEWS, WORDING
from wirefeed.domain.feeds import Link
from wirefeed.formats import atom, rss
from wirefeed.formats.entries import entry_of
from wirefeed.formats.feedgen_fixes import ATOM_NAMESPACES, RSS_NAMESPACES, Feed

LINKS = (
    Link(rel="hub", href="https://lantern.example/hub"),
    Link(rel="prev-archive", href="https://lantern.example/en/latest/archive/2026-11-01.rss"),
    Link(rel="payment", href="https://lantern.example/subscribe"),
)


def feed_with_links(namespaces):
    return Feed(CHANNEL, namespaces=namespaces, media_type="application/x", links=LINKS)


@pytest.mark.parametrize(
    "written",
    [feed_with_links(RSS_NAMESPACES).rss_str(), feed_with_links(ATOM_NAMESPACES).atom_str()],
    ids=["rss", "atom"],
)
def test_links_of_a_feed_are_kept_and_none_becomes_its_home_page(written):
    feed = feedparser.parse(written).feed
    assert feed.link == "https://lantern.example/en/"
    others = [(link.rel, link.href) for link in feed.links if link.rel not in {"self", "alternate"}]
    assert others == [(link.rel, link.href) for link in LINKS]


def test_feedgen_still_drops_what_we_give_back_to_links():
    entry = FeedEntry()
    entry.id("urn:x")
    entry.title("x")
    entry.content("x", type="html")
    entry.link(href="https://x.example/a.mp3", rel="enclosure", type="audio/mpeg", length="9")
    (link,) = entry.atom_entry().findall("link")
    assert dict(link.attrib) == {"href": "https://x.example/a.mp3"}


def test_feedgen_still_dates_by_its_clock_and_in_its_own_name():
    generator = FeedGenerator()
    generator.id("urn:x")
    generator.title("x")
    generator.link(href="https://x.example/")
    generator.description("x")
    written = generator.rss_str()
    assert b"<lastBuildDate>" in written
    assert b"python-feedgen" in written


@pytest.mark.parametrize("name", ["rss", "atom"])
def test_no_clock_and_no_other_name_is_in_a_document(name):
    old = replace(FULL, published=0, updated=0)
    channel = replace(CHANNEL, updated=0)
    module = {"rss": rss, "atom": atom}[name]
    written = module.feed(channel, [module.item(old, WORDING)]).decode()
    assert "feedgen" not in written
    root = etree.fromstring(written.encode())
    dates = [
        element.text or ""
        for element in root.iter()
        if etree.QName(element).localname in {"updated", "published", "pubDate", "lastBuildDate"}
    ]
    assert len(dates) == 3
    assert all("1970" in date for date in dates)


def test_feedgens_dates_which_switch_the_locale_of_the_process_are_never_asked_for():
    called = set()
    sys.setprofile(lambda frame, *_: called.add(frame.f_code.co_name))
    try:
        for module in (rss, atom):
            module.feed(CHANNEL, [module.item(one, WORDING) for one in VIEWS.values()])
    finally:
        sys.setprofile(None)
    assert "rss_entry" in called
    assert "formatRFC2822" not in called


def test_content_is_typed_as_html_and_never_cdata():
    found = etree.fromstring(atom.feed(CHANNEL, [atom.item(FULL, WORDING)]))
    assert found.xpath("//*[local-name()='content' or local-name()='summary']/@type") == [
        "html",
        "html",
    ]


@pytest.mark.parametrize(
    ("language", "author"),
    [
        ("en", {"name": "Lantern News", "email": "desk@lantern.example"}),
        ("tr", {"name": "Lantern News", "uri": "https://lantern.example/tr/contact"}),
        ("ar", {"name": "Lantern News"}),
    ],
)
def test_the_feeds_author_is_the_site_with_its_contact(language, author):
    root = etree.fromstring(atom.feed(CHANNELS[language], []))
    found = root.find("{*}author")
    assert found is not None
    assert {etree.QName(child).localname: child.text for child in found} == author


def test_an_item_added_to_feedgens_own_feed_is_not_extended_twice():
    whole = rss.feed_of(CHANNEL)
    whole.add_entry(rss.item_of(entry_of(FULL, WORDING)), order="append")
    assert whole.rss_str().count(b"<wf:access ") == 1
