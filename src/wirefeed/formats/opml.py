"""OPML 2.0: a list of feeds for readers to subscribe to at once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from wirefeed.formats.writing import clean

MEDIA_TYPE = "text/x-opml; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A feed, or a folder of feeds when it has no `xml_url`."""

    text: str
    xml_url: str = ""
    html_url: str = ""
    #: BCP 47.
    language: str = ""
    outlines: tuple["Outline", ...] = ()


def opml(title: str, outlines: Sequence[Outline]) -> bytes:
    """Write the list. It has no date: the same feeds give the same bytes."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = clean(title)
    body = etree.SubElement(root, "body")
    for outline in outlines:
        _write(body, outline)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _write(parent: etree._Element, outline: Outline) -> None:
    text = clean(outline.text)
    element = etree.SubElement(parent, "outline", text=text)
    if outline.xml_url:
        element.set("type", "rss")  # OPML 2.0: whatever the format, a feed is `rss`
        element.set("title", text)
        element.set("xmlUrl", clean(outline.xml_url))
    if outline.html_url:
        element.set("htmlUrl", clean(outline.html_url))
    if outline.language:
        element.set("language", clean(outline.language))
    for inner in outline.outlines:
        _write(element, inner)
