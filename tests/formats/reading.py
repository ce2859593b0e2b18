"""Feeds as others read them: with two feed parsers, a grammar and a schema."""

import calendar
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urljoin

import fastfeedparser
import feedparser
import jsonschema
import rnc2rng
from lxml import etree, html

from tests.formats.examples import CHANNELS, WORDINGS, language_of
from wirefeed.domain.feeds import Channel
from wirefeed.domain.views import View
from wirefeed.formats import atom, jsonfeed, rss

DATA = Path(__file__).parent.parent / "data"
FORMATS: dict[str, ModuleType] = {"rss": rss, "atom": atom, "json": jsonfeed}
WF = "{urn:wirefeed:feed:1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a parser makes of an item."""

    id: str
    link: str
    title: str
    author: str
    published: str
    updated: str
    tags: tuple[str, ...]
    #: What a reader shows: the content, else the summary; as text.
    shown: str


def document(name: str, views: Iterable[View], channel: Channel | None = None) -> bytes:
    """Write views as a feed of their language."""
    views = tuple(views)
    language = language_of(views[0]) if views else "en"
    made = channel_of(name, language) if channel is None else channel
    items = [FORMATS[name].item(view, WORDINGS[language]) for view in views]
    written: bytes = FORMATS[name].feed(made, items)
    return written


def channel_of(name: str, language: str) -> Channel:
    """Give the channel of a language with the address of this format."""
    channel = CHANNELS[language]
    return replace(channel, self_url=f"{channel.self_url}.{name}") if channel.self_url else channel


def by_feedparser(name: str, written: bytes) -> list[Read]:
    """Read as most of Python does; it must find nothing wrong."""
    headers = {"content-type": FORMATS[name].MEDIA_TYPE}
    parsed = feedparser.parse(written, response_headers=headers)
    assert not parsed.bozo, parsed.bozo_exception
    return [
        Read(
            id=entry.id,
            link=entry.link,
            title=entry.title,
            author=entry.get("author", ""),
            published=_instant(entry.published_parsed),
            updated=_instant(entry.updated_parsed),
            tags=tuple(tag.label or tag.term for tag in entry.get("tags", ())),
            shown=text_of(entry.content[0].value if "content" in entry else entry.summary),
        )
        for entry in parsed.entries
    ]


def by_fastfeedparser(written: bytes) -> list[Read]:
    """Read as the quick ones do."""
    return [
        Read(
            id=entry["id"],
            link=entry["link"],
            title=entry["title"],
            author=entry.get("author") or "",
            published=_second(entry["published"]),
            updated=_second(entry["updated"]),
            tags=tuple(tag.get("label") or tag["term"] for tag in entry.get("tags") or ()),
            shown=text_of(
                entry["content"][0]["value"] if entry.get("content") else entry["description"]
            ),
        )
        for entry in fastfeedparser.parse(written)["entries"]
    ]


def by_json(written: bytes) -> list[Read]:
    """Read JSON Feed by its specification."""
    return [
        Read(
            id=item["id"],
            link=item["url"],
            title=item["title"],
            author=item["authors"][0]["name"] if "authors" in item else "",
            published=item["date_published"],
            updated=item["date_modified"],
            tags=tuple(item.get("tags", ())),
            shown=text_of(item["content_html"]),
        )
        for item in json.loads(written)["items"]
    ]


def marks(name: str, written: bytes) -> list[dict[str, Any]]:
    """Read what machines are told of each item."""
    if name == "json":
        return [item["_wirefeed"] for item in json.loads(written)["items"]]
    return [_said(element) for element in etree.fromstring(written).iter(f"{WF}access")]


def _said(element: etree._Element) -> dict[str, Any]:
    return {str(key): value for key, value in element.attrib.items()}


def check(name: str, written: bytes) -> None:
    """Hold a document against the rules of its format."""
    if name == "json":
        validator = jsonschema.Draft202012Validator(_schema())
        feed = json.loads(written)
        if "next_url" in feed:
            # Relative where no document is to name its address: a reference as RFC 3986 §4.2 has
            # it, and the schema knows only those with a scheme.
            feed["next_url"] = urljoin("https://lantern.example/f/key/en/latest", feed["next_url"])
        assert [error.message for error in validator.iter_errors(feed)] == []
        return
    root = etree.fromstring(written)
    if name == "atom":
        grammar = _grammar()
        assert grammar.validate(root), grammar.error_log
        _check_atom_by_words(root)


def _check_atom_by_words(root: etree._Element) -> None:
    """Check what RFC 4287 says beside its grammar (its Schematron rules, §4.1.1 and §4.1.2)."""
    ns = "{http://www.w3.org/2005/Atom}"
    assert root.find(f"{ns}author") is not None
    for entry in root.iter(f"{ns}entry"):
        content = entry.find(f"{ns}content")
        alternates = [link for link in entry.iter(f"{ns}link") if link.get("rel") == "alternate"]
        assert content is not None or alternates
        assert len({(link.get("type"), link.get("hreflang")) for link in alternates}) == len(
            alternates
        )
    ids = [entry.findtext(f"{ns}id") for entry in root.iter(f"{ns}entry")]
    assert len(ids) == len(set(ids))


def text_of(markup: str) -> str:
    """Give the text of HTML, spaces told as one."""
    if not markup.strip():
        return ""
    return " ".join(html.fragment_fromstring(markup, create_parent=True).text_content().split())


@cache
def _grammar() -> etree.RelaxNG:
    xml = rnc2rng.dumps(rnc2rng.load(str(DATA / "atom.rnc")))
    # The prefix stands for no namespace; the names it was for are written out already.
    return etree.RelaxNG(etree.fromstring(xml.replace('xmlns:local=""', "").encode()))


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((DATA / "jsonfeed-1.1.schema.json").read_text("utf-8"))
    return schema


def _instant(parsed: Sequence[int]) -> str:
    return _zulu(datetime.fromtimestamp(calendar.timegm(tuple(parsed)), tz=UTC))


def _second(text: str) -> str:
    return _zulu(datetime.fromisoformat(text))


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
