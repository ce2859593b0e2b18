"""ninjs out: a change of a story as one caller may see it, in edition 3. Pure.

What is ours stands in the member `wirefeed`, beside the properties of ninjs. Of a story that
went, or that is not shown in this version, there is its name and nothing of its text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import starmap
from typing import Final

import msgspec

from wirefeed.domain.access import Level
from wirefeed.domain.cursors import ENTITLEMENT
from wirefeed.domain.stories import Concept, MediaItem, PubStatus, Rendition
from wirefeed.domain.views import View
from wirefeed.formats.ninjs import KINDS
from wirefeed.formats.renditions import media_type, usable
from wirefeed.formats.writing import clean, rfc3339

MEDIA_TYPE: Final = "application/json"
#: Part of every entry's key: raise it when the same change gives other bytes.
EDITION: Final = 3
#: What of a text matters to whoever has printed it.
MATTERS: Final = frozenset({"headline", "summary", "body", "media", "rights"})


#: ninjs 3: the `uri` of a concept is a URI (RFC 3986 §3); any other code of it is a `literal`.
_URI = re.compile(
    r"[a-z][a-z0-9+.\-]*:(?:%[0-9a-f]{2}|[a-z0-9\-._~:/?@!$&'()*+,;=])+"
    r"(?:#(?:%[0-9a-f]{2}|[a-z0-9\-._~:/?@!$&'()*+,;=])*)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an entry says of the change."""

    #: The kind it is heard as; empty: it is no change, but the story as it stands.
    change: str = ""
    guid: str
    version: int
    #: What is other than in the version before, if that is known; None: there is none to compare.
    changed: tuple[str, ...] | None = None


class _Text(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    value: str
    role: str = ""
    content_type: str = ""


class _Concept(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    uri: str = ""
    literal: str = ""


class _AltId(msgspec.Struct, frozen=True):
    role: str
    value: str


class _Rendition(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    name: str
    href: str
    content_type: str = ""
    width: int | None = None
    height: int | None = None
    size_in_bytes: int | None = None
    duration: float | None = None


class _Association(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    uri: str
    type: str
    by: str = ""
    headlines: tuple[_Text, ...] = ()
    descriptions: tuple[_Text, ...] = ()
    renditions: tuple[_Rendition, ...] = ()


class _Standard(msgspec.Struct, frozen=True):
    name: str = "ninjs"
    version: str = "3.1"


class _Ours(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    change: str = ""
    changed: tuple[str, ...] | None = None
    material: bool | None = None
    id: str = ""
    thread: str = ""
    level: str = ""
    reason: str = ""
    representation_type: str = ""
    topics: tuple[str, ...] = ()
    published: str = ""
    correction: bool = False
    embargoed: bool = False
    superseded: bool = False
    backfill: str = ""


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    uri: str
    standard: _Standard | None = None
    representation_type: str = ""
    version: str
    version_created: str = ""
    embargoed_until: str = ""
    pub_status: str = ""
    urgency: int | None = None
    language: str = ""
    headlines: tuple[_Text, ...] = ()
    slugline: str = ""
    by: str = ""
    located: str = ""
    descriptions: tuple[_Text, ...] = ()
    bodies: tuple[_Text, ...] = ()
    keywords: tuple[str, ...] = ()
    subjects: tuple[_Concept, ...] = ()
    genres: tuple[_Concept, ...] = ()
    associations: tuple[_Association, ...] = ()
    copyright_holder: str = ""
    copyright_notice: str = ""
    usage_terms: str = ""
    ed_note: str = ""
    alt_ids: tuple[_AltId, ...] = ()
    wirefeed: _Ours


def entry(view: View, told: Told) -> bytes:
    """Write a change with the story as it is shown now, or the notice that it was killed."""
    full = view.level is Level.FULL
    # ninjs 3 says `full` or `partial`; `incomplete` is what its first edition said, and feeds do.
    killed = view.is_killed
    representation = "" if killed else "full" if full else "partial"
    return msgspec.json.encode(
        _Entry(
            uri=told.guid,
            standard=_Standard(),
            representation_type=representation,
            version=str(told.version),
            version_created=rfc3339(view.updated),
            embargoed_until=_time(view.embargoed_until),
            pub_status=view.status.value,
            urgency=view.urgency,
            language=view.language,
            headlines=_texts(view.headline, "main", "text/plain"),
            slugline=clean(view.slugline),
            by=clean(view.byline),
            located=clean(view.located),
            descriptions=_texts(view.teaser.html, "summary", "text/html"),
            bodies=_texts(view.body, "main", "text/html"),
            keywords=tuple(map(clean, view.keywords)),
            subjects=tuple(map(_concept, view.subjects)),
            genres=tuple(map(_concept, view.genres)),
            associations=tuple(_associations(view.media, told.guid)),
            copyright_holder=clean(view.copyright_holder),
            copyright_notice=clean(view.copyright_notice),
            usage_terms=clean(view.usage_terms),
            ed_note=clean(view.ednote),
            alt_ids=(_AltId(role="feed", value=view.feed_guid),),
            wirefeed=_ours(view, told, "" if full or killed else "incomplete"),
        )
    )


def _ours(view: View, told: Told, representation: str) -> _Ours:
    changed = told.changed
    return _Ours(
        change=told.change,
        changed=changed,
        material=(changed is None or not MATTERS.isdisjoint(changed)) if told.change else None,
        id=view.id,
        thread=view.feed_guid,
        level="" if view.is_killed else view.level.value,
        reason=view.reason.value,
        representation_type=representation,
        topics=view.topics,
        published=rfc3339(view.published),
        correction=view.correction,
        embargoed=view.embargoed_until is not None,
    )


def bare(told: Told, status: PubStatus, *, thread: str = "", superseded: bool = False) -> bytes:
    """Write a change by its name alone: the story went, or something newer follows."""
    return msgspec.json.encode(
        _Entry(
            uri=told.guid,
            version=str(told.version),
            pub_status=status.value,
            alt_ids=(_AltId(role="feed", value=thread),) if thread else (),
            wirefeed=_Ours(change=told.change, thread=thread, superseded=superseded),
        )
    )


def entitlement(backfill: str) -> bytes:
    """Write that what the caller is entitled to is no longer what it was before this entry.

    It has the members by which a change is counted and digested.
    """
    return msgspec.json.encode(
        _Entry(uri=ENTITLEMENT, version="0", wirefeed=_Ours(change=ENTITLEMENT, backfill=backfill))
    )


def changes(before: View, now: View) -> tuple[str, ...]:
    """Say what of a story is shown otherwise than in the version before."""
    pairs = {
        "headline": (before.headline, now.headline),
        "summary": (before.teaser.text, now.teaser.text),
        "body": (before.body, now.body),
        "media": (before.media, now.media),
        "rights": (_rights(before), _rights(now)),
        "byline": (before.byline, now.byline),
        "located": (before.located, now.located),
        "slugline": (before.slugline, now.slugline),
        "keywords": (before.keywords, now.keywords),
        "urgency": (before.urgency, now.urgency),
        "subjects": (before.subjects, now.subjects),
        "genres": (before.genres, now.genres),
        "notes": (before.ednote, now.ednote),
    }
    return tuple(name for name, (old, new) in pairs.items() if old != new)


def _rights(view: View) -> tuple[str, str, str]:
    return view.copyright_holder, view.copyright_notice, view.usage_terms


def _texts(value: str, role: str, content_type: str) -> tuple[_Text, ...]:
    value = clean(value)
    return (_Text(value=value, role=role, content_type=content_type),) if value else ()


def _concept(concept: Concept) -> _Concept:
    name, code = clean(concept.name), clean(concept.code)
    is_uri = _URI.fullmatch(code) is not None
    return _Concept(name=name, uri=code if is_uri else "", literal="" if is_uri else code)


def _time(micros: int | None) -> str:
    return "" if micros is None else rfc3339(micros)


def _associations(media: Iterable[MediaItem], guid: str) -> Iterable[_Association]:
    for number, item in enumerate(map(usable, media), 1):
        if item.renditions:
            yield _Association(
                name=f"media-{number}",
                uri=f"{guid}#media-{number}",
                type=item.kind if item.kind in KINDS else "component",
                by=item.credit,
                headlines=_texts(item.headline, "main", "text/plain"),
                descriptions=(
                    *_texts(item.caption, "caption", "text/plain"),
                    *_texts(item.alt_text, "alternative", "text/plain"),
                ),
                renditions=tuple(starmap(_rendition, enumerate(item.renditions, 1))),
            )


def _rendition(number: int, rendition: Rendition) -> _Rendition:
    # What the newsroom calls it is its own affair.
    return _Rendition(
        name=f"rendition-{number}",
        href=rendition.href,
        content_type=media_type(rendition),
        width=rendition.width,
        height=rendition.height,
        size_in_bytes=rendition.size,
        duration=rendition.duration,
    )
