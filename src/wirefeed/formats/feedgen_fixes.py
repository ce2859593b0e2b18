"""All that touches feedgen: what it leaves out or gets wrong is put right here, and only here.

Pure: feedgen's own clock (it dates what has no date) and its switching of the process's locale
(`formatRFC2822`) are kept out by writing every date ourselves.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from wirefeed.domain.feeds import Channel, Link
from wirefeed.domain.stories import MediaItem
from wirefeed.formats.entries import Entry, Mark
from wirefeed.formats.renditions import Enclosure, largest, media_type, medium_of
from wirefeed.formats.writing import clean, rfc822, rfc3339

ATOM: Final = "http://www.w3.org/2005/Atom"
CONTENT: Final = "http://purl.org/rss/1.0/modules/content/"
DC: Final = "http://purl.org/dc/elements/1.1/"
MEDIA: Final = "http://search.yahoo.com/mrss/"
#: RFC 6721.
TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"
#: RFC 5005 §1.1.
HISTORY: Final = "http://purl.org/syndication/history/1.0"
WIREFEED: Final = "urn:wirefeed:feed:1"
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

#: Declared once, at the root of every document; feedgen adds its own to those of RSS.
RSS_NAMESPACES: Final = {
    "atom": ATOM,
    "content": CONTENT,
    "dc": DC,
    "media": MEDIA,
    "wf": WIREFEED,
}
ATOM_NAMESPACES: Final = {"at": TOMBSTONES, "media": MEDIA, "wf": WIREFEED}


class Feed(FeedGenerator):
    """A feed without its items."""

    def __init__(
        self,
        channel: Channel,
        *,
        namespaces: dict[str, str],
        media_type: str,
        links: Sequence[Link] = (),
        tombstones: Sequence[etree._Element] = (),
    ) -> None:
        super().__init__()
        title = clean(channel.title)
        self.id(clean(channel.id))
        self.title(title)
        self.description(clean(channel.description) or title)
        self.generator("wirefeed")
        self.author(_author(channel))
        if channel.language:
            self.language(channel.language)
        if channel.rights:
            self.rights(clean(channel.rights))
        if channel.self_url:
            self.link(href=clean(channel.self_url), rel="self", type=media_type)
        # Last: feedgen makes the last link, whatever its rel, the RSS channel's home page.
        self.link(href=clean(channel.home_url), rel="alternate", type="text/html")
        # There is no public way to keep feedgen from dating the RSS channel by its clock.
        self._FeedGenerator__rss_lastBuildDate = None
        self.register_extension("wirefeed", _FeedExtension, _ItemExtension)
        extension: _FeedExtension = self.wirefeed
        extension.channel = channel
        # Only a page needs the namespace by which it says that it is one.
        extension.namespaces = namespaces | ({"fh": HISTORY} if channel.trail.page else {})
        # WebSub §4: XML feeds SHOULD embed their hub, beside naming it in a header.
        hubs = [Link(rel="hub", href=channel.hub_url)] if channel.hub_url else []
        extension.links = (*hubs, *links)
        extension.tombstones = tombstones


class _FeedExtension(BaseExtension):
    """What feedgen cannot say of a feed."""

    channel: Channel
    namespaces: dict[str, str]
    links: Sequence[Link]
    tombstones: Sequence[etree._Element]

    def extend_ns(self) -> dict[str, str]:
        return self.namespaces

    def extend_rss(self, rss: etree._Element) -> etree._Element:
        channel = rss[0]
        # feedgen writes only `self` of the links in RSS.
        for link in self.links:
            etree.SubElement(channel, f"{{{ATOM}}}link", rel=link.rel, href=clean(link.href))
        self._mark(channel)
        _add(channel, f"{{{DC}}}creator", clean(self.channel.site))
        _add(channel, "lastBuildDate", rfc822(self.channel.updated))
        return rss

    def extend_atom(self, feed: etree._Element) -> etree._Element:
        _redate(feed, self.channel.updated)
        # feedgen takes a few values of `rel` only.
        for link in self.links:
            etree.SubElement(feed, "link", rel=link.rel, href=clean(link.href))
        self._mark(feed)
        feed.extend(self.tombstones)
        return feed

    def _mark(self, head: etree._Element) -> None:
        """Tell readers that nobody should subscribe to a page."""
        if self.channel.trail.page:
            etree.SubElement(head, f"{{{HISTORY}}}archive")


class Item(FeedEntry):
    """An item of a feed."""

    def __init__(self, entry: Entry, enclosures: Iterable[Enclosure] | None = None) -> None:
        super().__init__()
        self.id(entry.id)
        self.title(entry.title)
        links = [{"href": entry.url, "rel": "alternate", "type": "text/html"}] if entry.url else []
        self.link(links + [_link(one) for one in enclosures or ()])
        self.summary(entry.summary, type="html")
        if entry.content:
            # Not CDATA: feedgen writes `type="CDATA"` in Atom, which has no such type.
            self.content(entry.content, type="html")
        if entry.author:
            self.author(name=entry.author)
        if entry.rights:
            self.rights(entry.rights)
        self.category([_category(c.term, c.label, c.scheme) for c in entry.categories])
        self.register_extension("wirefeed", _ItemExtension)
        extension: _ItemExtension = self.wirefeed
        extension.entry = entry

    def atom_entry(self, extensions: bool = True) -> etree._Element:  # noqa: FBT001, FBT002 (feedgen's)
        """Give links back what feedgen 1.0.0 drops of them (its issue 135)."""
        element: etree._Element = super().atom_entry(extensions)
        for link, given in zip(element.findall("link"), self.link(), strict=True):
            for name in ("rel", "type", "title", "length"):
                if given.get(name):
                    link.set(name, given[name])
        return element


class _ItemExtension(BaseEntryExtension):
    """What feedgen cannot say of an item."""

    entry: Entry

    def extend_rss(self, item: etree._Element) -> etree._Element:
        entry = self.entry
        _add(item, "pubDate", rfc822(entry.published))
        _add(item, f"{{{ATOM}}}updated", rfc3339(entry.updated))
        # An RSS author is an e-mail address, which a byline is not.
        _add(item, f"{{{DC}}}creator", entry.author)
        _add(item, f"{{{DC}}}rights", entry.rights)
        _add(item, f"{{{DC}}}language", entry.language)
        _describe(item, entry)
        return item

    def extend_atom(self, element: etree._Element) -> etree._Element:
        entry = self.entry
        if entry.language:
            element.set(_XML_LANG, entry.language)
        _redate(element, entry.updated)
        _add(element, "published", rfc3339(entry.published))
        _describe(element, entry)
        return element


def tombstone(entry: Entry) -> etree._Element:
    """Say that an entry was deleted (RFC 6721)."""
    name = f"{{{TOMBSTONES}}}deleted-entry"
    return etree.Element(name, ref=entry.id, when=rfc3339(entry.updated))


def fragment(element: etree._Element, namespaces: dict[str, str]) -> bytes:
    """Write an item as it will stand in its document, whose root declares the namespaces."""
    root = etree.Element("root", nsmap=namespaces)
    root.append(element)  # only within a tree are prefixes the declared ones
    whole = etree.tostring(root, encoding="UTF-8")
    return whole[whole.index(b">") + 1 : -len(b"</root>")]


def splice(empty: bytes, items: Iterable[bytes], tail: bytes) -> bytes:
    """Put items into a document written without any."""
    return b"".join((empty.removesuffix(tail), *items, tail))


def _describe(parent: etree._Element, entry: Entry) -> None:
    for item in entry.media:
        _add_media(parent, item)
    _add(parent, f"{{{WIREFEED}}}ednote", entry.ednote)
    _add(parent, f"{{{WIREFEED}}}usageTerms", entry.usage_terms)
    if entry.mark:
        etree.SubElement(parent, f"{{{WIREFEED}}}access", _mark(entry.mark))
    else:
        etree.SubElement(parent, f"{{{WIREFEED}}}notice")


def _mark(mark: Mark) -> dict[str, str]:
    said = {
        "level": mark.level,
        "reason": mark.reason,
        "representationType": mark.representation_type,
        "status": mark.status,
        "version": str(mark.version),
        "correction": "true" if mark.correction else "",
        "embargoedUntil": mark.embargoed_until,
    }
    return {name: value for name, value in said.items() if value}


def _add_media(parent: etree._Element, item: MediaItem) -> None:
    """Write a Media RSS group; feedgen's extension knows no words, and one group an item."""
    group = etree.SubElement(parent, f"{{{MEDIA}}}group")
    default = largest(item)
    for rendition in item.renditions:
        said = {
            "url": rendition.href,
            "fileSize": str(rendition.size or ""),
            "type": media_type(rendition),
            "medium": medium_of(item, rendition),
            "isDefault": "true" if rendition is default else "",
            "duration": str(round(rendition.duration)) if rendition.duration else "",
            "height": str(rendition.height or ""),
            "width": str(rendition.width or ""),
        }
        content = {name: value for name, value in said.items() if value}
        etree.SubElement(group, f"{{{MEDIA}}}content", content)
    _add(group, f"{{{MEDIA}}}title", item.headline, type="plain")
    _add(group, f"{{{MEDIA}}}description", item.caption, type="plain")
    _add(group, f"{{{MEDIA}}}credit", item.credit)


def _add(parent: etree._Element, name: str, text: str, **attributes: str) -> None:
    if text:
        etree.SubElement(parent, name, attributes).text = text


def _redate(element: etree._Element, updated: int) -> None:
    """Replace the time feedgen read from its clock."""
    found = element.find("updated")
    if found is not None:
        found.text = rfc3339(updated)


def _author(channel: Channel) -> dict[str, str]:
    author = {"name": clean(channel.site)}
    if channel.contact.startswith(("https://", "http://")):
        author["uri"] = clean(channel.contact)
    elif "@" in channel.contact:
        author["email"] = clean(channel.contact).removeprefix("mailto:")
    return author


def _link(enclosure: Enclosure) -> dict[str, Any]:
    link = {"href": enclosure.url, "rel": "enclosure", "type": enclosure.media_type}
    if enclosure.size:
        link["length"] = str(enclosure.size)
    return link


def _category(term: str, label: str, scheme: str) -> dict[str, str]:
    said = {"term": term, "scheme": scheme, "label": label if label != term else ""}
    return {name: value for name, value in said.items() if value}
