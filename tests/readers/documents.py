"""What a feed reader makes of a document: its items, and what it says of itself. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from lxml import etree

from tests.support.agency import HOUR, MINUTE, SECOND

_ATOM = "{http://www.w3.org/2005/Atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_SY = "{http://purl.org/rss/1.0/modules/syndication/}"
_PERIODS = {"hourly": HOUR, "daily": 24 * HOUR, "weekly": 168 * HOUR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item."""

    guid: str
    title: str
    #: The content, else the summary; as it stands.
    text: str
    #: None when it does not say.
    published: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One feed."""

    items: tuple[Item, ...]
    #: Where it says it is; empty when it does not.
    self_url: str = ""
    #: RSS `ttl`, in microseconds.
    ttl: int = 0
    #: `sy:updatePeriod` by `sy:updateFrequency`, in microseconds.
    period: int = 0


def parse(body: bytes, *, lenient: bool = False) -> Document:
    """Read a document; a lenient one takes what there is of one that was cut off.

    Raises `ValueError` for what is no feed.
    """
    if body.lstrip().startswith(b"{"):
        return _json(body)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=lenient)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("no feed") from error
    if root is None:
        raise ValueError("no feed")
    return _atom(root) if root.tag == f"{_ATOM}feed" else _rss(root)


def _json(body: bytes) -> Document:
    feed = json.loads(body)
    if "items" not in feed:
        raise ValueError("no feed")
    return Document(
        self_url=feed.get("feed_url", ""),
        items=tuple(
            Item(
                guid=item["id"],
                title=item.get("title", ""),
                text=item["content_html"],
                published=_instant(item.get("date_published")),
            )
            for item in feed["items"]
        ),
    )


def _atom(feed: etree._Element) -> Document:
    return Document(
        self_url=_self(feed),
        items=tuple(
            Item(
                guid=entry.findtext(f"{_ATOM}id", ""),
                title=entry.findtext(f"{_ATOM}title", ""),
                text=entry.findtext(f"{_ATOM}content") or entry.findtext(f"{_ATOM}summary") or "",
                published=_instant(entry.findtext(f"{_ATOM}published")),
            )
            for entry in feed.iter(f"{_ATOM}entry")
        ),
    )


def _rss(root: etree._Element) -> Document:
    channel = root.find("channel")
    if root.tag != "rss" or channel is None:
        raise ValueError("no feed")
    frequency = int(channel.findtext(f"{_SY}updateFrequency", "1"))
    return Document(
        self_url=_self(channel),
        ttl=int(channel.findtext("ttl", "0")) * MINUTE,
        period=_PERIODS.get(channel.findtext(f"{_SY}updatePeriod", ""), 0) // frequency,
        items=tuple(
            Item(
                guid=item.findtext("guid", ""),
                title=item.findtext("title", ""),
                text=item.findtext(_CONTENT) or item.findtext("description") or "",
                published=_date(item.findtext("pubDate")),
            )
            for item in channel.iter("item")
        ),
    )


def _self(element: etree._Element) -> str:
    link = element.find(f"{_ATOM}link[@rel='self']")
    return "" if link is None else link.get("href", "")


def _instant(text: str | None) -> int | None:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND if text else None


def _date(text: str | None) -> int | None:
    return int(parsedate_to_datetime(text).timestamp()) * SECOND if text else None
