"""Feeds as feed readers have them: fetched over HTTP, read by several, compared."""

import http.client
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from reader import Entry, Reader, make_reader

from tests.formats.reading import Read, by_fastfeedparser, by_feedparser, by_json, check, text_of

FORMATS = ("rss", "atom", "json")


def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """GET an address; give status, headers in lower case, and body."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request("GET", f"/{path}", headers=headers)
        answer = connection.getresponse()
        return (
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
            answer.read(),
        )
    finally:
        connection.close()


def agreed(stem: str) -> list[Read]:
    """Fetch a feed in its three formats: all readers make the same of it. Gives what."""
    documents = {}
    for form in FORMATS:
        status, _, documents[form] = fetch(f"{stem}.{form}")
        assert status == 200, stem
        check(form, documents[form])
    read = by_json(documents["json"])
    for form in ("rss", "atom"):
        assert by_feedparser(form, documents[form]) == read, f"feedparser, {stem}.{form}"
        assert by_fastfeedparser(documents[form]) == read, f"fastfeedparser, {stem}.{form}"
    return read


def unchanged(stem: str) -> None:
    """Ask again with what was answered: 304 and no body, by tag and by date."""
    for form in FORMATS:
        _, headers, body = fetch(f"{stem}.{form}")
        assert body
        for validator in (
            {"If-None-Match": headers["etag"]},
            {"If-None-Match": headers["etag"], "If-Modified-Since": headers["last-modified"]},
        ):
            status, again, nothing = fetch(f"{stem}.{form}", **validator)
            assert (status, nothing) == (304, b""), stem
            assert again["etag"] == headers["etag"]


def subscribed(folder: Path, addresses: Iterable[str]) -> Reader:
    """Give lemon24's `reader` with subscriptions to these addresses, fetched once."""
    reader = make_reader(str(folder / "reader.sqlite"))
    for address in addresses:
        reader.add_feed(address)
    reader.update_feeds()
    failed = {feed.url: feed.last_exception for feed in reader.get_feeds(broken=True)}
    assert not failed
    return reader


def by_reader(reader: Reader, address: str) -> dict[str, tuple[str, ...]]:
    """Give what `reader` holds of a feed, by id."""
    return {entry.id: _seen(entry) for entry in reader.get_entries(feed=address)}


def as_reader_has(read: Iterable[Read]) -> dict[str, tuple[str, ...]]:
    """Give what `reader` is to hold of what was read; it keeps no tags."""
    return {
        item.id: (
            item.link, item.title, item.author, item.published, item.updated, item.shown,
        )
        for item in read
    }  # fmt: skip


def _seen(entry: Entry) -> tuple[str, ...]:
    content = entry.get_content()
    return (
        entry.link or "",
        entry.title or "",
        entry.authors_str or "",
        _zulu(entry.published),
        _zulu(entry.updated),
        text_of(content.value if content else entry.summary or ""),
    )


def _zulu(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
