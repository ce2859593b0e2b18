"""Which form of a picture, film or sound a feed shows, offers and puts in the text. Pure."""

import math
import re
from dataclasses import dataclass, replace
from html import escape

from wirefeed.domain.stories import MediaItem, Rendition
from wirefeed.formats.writing import clean

#: A picture in running text need not be wider.
_PAGE_WIDTH = 640
_MEDIUMS = {"picture": "image", "graphic": "image", "video": "video", "audio": "audio"}
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+", re.ASCII | re.IGNORECASE)
_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that comes with an item."""

    url: str
    media_type: str
    title: str = ""
    #: Bytes.
    size: int | None = None
    #: Seconds.
    duration: int | None = None


def is_picture(item: MediaItem) -> bool:
    """Say whether it can stand in a text."""
    return _MEDIUMS.get(item.kind) == "image"


def medium_of(item: MediaItem, rendition: Rendition) -> str:
    """Give the Media RSS medium of a rendition: image, video or audio; empty when unknown.

    A video's still is an image, so what the rendition says of itself goes first.
    """
    medium = rendition.media_type.partition("/")[0]
    return medium if medium in _MEDIUMS.values() else _MEDIUMS.get(item.kind, "")


def page_rendition(item: MediaItem) -> Rendition:
    """Choose the form of a picture for running text: the smallest that is wide enough."""
    wide = [r for r in item.renditions if (r.width or 0) >= _PAGE_WIDTH]
    return min(wide, key=_extent) if wide else largest(item)


def largest(item: MediaItem) -> Rendition:
    """Choose the largest form, the first of equal ones: of a film the film, not its poster."""
    medium = _MEDIUMS.get(item.kind, "")
    own = [r for r in item.renditions if medium_of(item, r) == medium]
    return max(own or item.renditions, key=_extent)


def media_type(rendition: Rendition) -> str:
    """Give its media type, else by the address: enclosures need one."""
    if _MEDIA_TYPE.fullmatch(rendition.media_type):
        return rendition.media_type
    suffix = rendition.href.partition("?")[0].rpartition(".")[2].lower()
    return _TYPES.get(suffix, "application/octet-stream")


def _extent(rendition: Rendition) -> tuple[int, int]:
    return (rendition.width or 0) * (rendition.height or 0), rendition.size or 0


def usable(item: MediaItem) -> MediaItem:
    """Clean its words and keep the renditions a reader could fetch: a feed has no base address."""
    return replace(
        item,
        headline=clean(item.headline).strip(),
        caption=clean(item.caption).strip(),
        alt_text=clean(item.alt_text).strip(),
        credit=clean(item.credit).strip(),
        renditions=tuple(
            _sound(rendition)
            for rendition in item.renditions
            if rendition.href.startswith(("https://", "http://"))
        ),
    )


def _sound(rendition: Rendition) -> Rendition:
    duration = rendition.duration
    known = duration is not None and math.isfinite(duration) and duration > 0
    return replace(
        rendition,
        href=clean(rendition.href),
        media_type=clean(rendition.media_type),
        width=_positive(rendition.width),
        height=_positive(rendition.height),
        size=_positive(rendition.size),
        duration=duration if known else None,
    )


def _positive(number: int | None) -> int | None:
    return number if number and number > 0 else None


def enclosure(item: MediaItem) -> Enclosure:
    """Offer its largest form."""
    rendition = largest(item)
    return Enclosure(
        url=rendition.href,
        media_type=media_type(rendition),
        title=item.headline,
        size=rendition.size,
        duration=round(rendition.duration) if rendition.duration else None,
    )


def shows(body: str, item: MediaItem) -> bool:
    """Say whether the text has the picture already."""
    addresses = (rendition.href for rendition in item.renditions)
    return any(href in body or escape(href) in body for href in addresses)


def figure(item: MediaItem) -> str:
    """Put the lead picture in the text: not every reader knows Media RSS."""
    rendition = page_rendition(item)
    size = "".join(
        f' {name}="{value}"'
        for name, value in (("width", rendition.width), ("height", rendition.height))
        if value
    )
    alt = escape(item.alt_text or item.headline)
    words = " ".join(text for text in (item.caption, item.credit) if text)
    caption = f"<figcaption>{escape(words, quote=False)}</figcaption>" if words else ""
    return f'<figure><img src="{escape(rendition.href)}" alt="{alt}"{size}>{caption}</figure>'
