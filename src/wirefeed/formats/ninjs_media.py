"""The pictures, films, sounds and graphics of a ninjs object. Pure.

What a message associates is taken one deep, and only what may be shown together with its story.
"""

import re
from collections.abc import Iterator
from typing import Final

from wirefeed.domain.stories import MediaItem, PubStatus, Rendition
from wirefeed.formats import markup
from wirefeed.formats.ninjs_fields import Fields
from wirefeed.formats.ninjs_texts import CAPTION, described, headline

KINDS: Final = ("picture", "video", "audio", "graphic")
_MOST_ASSOCIATIONS = 64
_MOST_RENDITIONS = 32
_OF_MEDIA_TYPE = {"image": "picture", "video": "video", "audio": "audio"}
_MEDIA_TYPE = re.compile("[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,63}")
_LARGEST = 2**53
_ALTERNATIVE = ("alt", "alttext", "alt-text", "alternative")
_CREDIT = ("creditline", "credit")


def media(story: Fields, kind: str) -> tuple[MediaItem, ...]:
    """Give a story's media: first its own, when it is a picture or the like, then what it names."""
    items = [_item(story, kind)] if kind in KINDS else []
    embargo = story.time("embargoed", ends_day=True)
    for _, associated in story.named("associations", most=_MOST_ASSOCIATIONS):
        if _goes_with_it(associated, embargo):
            items.append(_item(associated, associated.raw("type")))
    # Without an address there is nothing to show, and a text is a story of its own.
    return tuple(item for item in items if item.kind in KINDS and item.renditions)


def _goes_with_it(item: Fields, embargo: int | None) -> bool:
    """Say whether an item may be shown as soon as its story may."""
    if item.raw("pubstatus") not in {"", PubStatus.USABLE}:
        return False
    own = item.time("embargoed", ends_day=True)
    return own is None or (embargo is not None and own <= embargo)


def _item(item: Fields, kind: str) -> MediaItem:
    renditions = tuple(_renditions(item))
    if not kind and renditions:
        kind = _OF_MEDIA_TYPE.get(renditions[0].media_type.partition("/")[0], "")
    return MediaItem(
        kind=kind,
        headline=headline(item),
        caption=described(item, CAPTION),
        alt_text=described(item, _ALTERNATIVE),
        credit=described(item, _CREDIT) or item.text("byline") or item.text("copyrightholder"),
        renditions=renditions,
    )


def _renditions(item: Fields) -> Iterator[Rendition]:
    for name, rendition in item.named("renditions", most=_MOST_RENDITIONS):
        href = markup.web_address(rendition.raw("href"))
        if href is None:
            continue
        media_type = rendition.raw("mimetype").partition(";")[0].strip().lower()
        yield Rendition(
            name=markup.text(name)[:64],
            href=href,
            media_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "",
            width=_whole(rendition, "width"),
            height=_whole(rendition, "height"),
            size=_whole(rendition, "sizeinbytes"),
            duration=_number(rendition, "duration"),
        )


def _number(rendition: Fields, name: str) -> float | None:
    """Give a number above zero; one that measures nothing is as good as none."""
    value = rendition.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        rendition.refuse(name, "must be a number", "send it without quotation marks")
    return float(value) if 0 < value < _LARGEST else None


def _whole(rendition: Fields, name: str) -> int | None:
    number = _number(rendition, name)
    return None if number is None else int(number) or None
