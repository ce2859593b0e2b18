"""What an item of a feed says, whatever its format: composed of a view, which holds no more.

Pure. Nothing here writes XML or JSON; `rss`, `atom` and `jsonfeed` do, and add no words.
"""

from dataclasses import dataclass, replace
from html import escape

from wirefeed.domain.access import Level, Reason
from wirefeed.domain.feeds import Notice, Wording
from wirefeed.domain.stories import MediaItem
from wirefeed.domain.views import View
from wirefeed.formats.renditions import (
    Enclosure,
    enclosure,
    figure,
    is_picture,
    page_rendition,
    shows,
    usable,
)
from wirefeed.formats.writing import clean, directed, iri, language_tag, readable, rfc3339

#: Categories of this scheme are our topics, by slug; others are the newsroom's keywords.
TOPICS = "urn:wirefeed:topics"

#: Why a level is what it is, as far as feeds tell.
_TOLD = frozenset({Reason.PUBLIC, Reason.GRANTED, Reason.DELAYED, Reason.NOT_COVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A topic or keyword of an item."""

    term: str
    label: str
    scheme: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What machines are told of how a story is shown; the words are those of ninjs."""

    level: str
    #: Empty for a killed story: nothing was decided about its text, there is none.
    reason: str
    representation_type: str
    status: str
    version: int
    correction: bool
    #: RFC 3339; empty when there is no embargo.
    embargoed_until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An item of a feed; every text in it is fit for XML."""

    #: An absolute IRI, the same at every level and in every format.
    id: str
    url: str
    #: Plain text, never empty.
    title: str
    published: int
    updated: int
    #: BCP 47; empty when there is no usable one.
    language: str = ""
    author: str = ""
    #: HTML, never empty.
    summary: str
    #: Plain text.
    summary_text: str = ""
    #: HTML; empty for a teaser, which is a summary alone.
    content: str = ""
    rights: str = ""
    categories: tuple[Category, ...] = ()
    media: tuple[MediaItem, ...] = ()
    #: The largest form of each of the media.
    enclosures: tuple[Enclosure, ...] = ()
    #: The address of the lead picture, in a size for pages.
    image: str = ""
    #: None for an item that is no story.
    mark: Mark | None = None
    #: For editors only.
    ednote: str = ""
    usage_terms: str = ""


def entry_of(view: View, wording: Wording) -> Entry:
    """Say of a story what its view holds."""
    entry = Entry(
        id=iri(view.feed_guid),
        url=clean(wording.story_url.replace("{id}", view.id)),
        title=_title(view),
        published=view.published,
        updated=view.updated,
        language=language_tag(view.language),
        author=clean(view.byline or view.copyright_holder).strip(),
        summary="",
        rights=clean(view.copyright_notice).strip(),
        categories=_categories(view, wording),
        mark=_mark(view),
    )
    if view.is_killed:
        return _killed(entry, wording)
    if view.level is not Level.FULL:
        return _teaser(entry, view, wording)
    return _full(entry, view, wording)


def notice_entry(notice: Notice, language: str) -> Entry:
    """Tell a reader something of its subscription."""
    html = directed(clean(notice.html), language)
    title = clean(notice.title).strip()
    return Entry(
        id=iri(notice.guid),
        url=clean(notice.url),
        title=title,
        published=notice.at,
        updated=notice.at,
        language=language_tag(language),
        summary=html,
        summary_text=title,
        content=html,
    )


def _killed(entry: Entry, wording: Wording) -> Entry:
    """Replace the text, also where a reader keeps content and summary apart."""
    text = clean(wording.killed_notice)
    html = directed(f"<p>{escape(text, quote=False)}</p>", entry.language)
    return replace(entry, author="", summary=html, summary_text=text, content=html)


def _teaser(entry: Entry, view: View, wording: Wording) -> Entry:
    notice = f"<p>{clean(wording.teaser_notice)}</p>" if wording.teaser_notice else ""
    html = _embargo(view, wording) + _teaser_html(view, entry) + notice
    return replace(
        entry,
        summary=directed(html, entry.language),
        summary_text=_summary_text(view, wording),
    )


def _full(entry: Entry, view: View, wording: Wording) -> Entry:
    media = tuple(item for item in map(usable, view.media) if item.renditions)
    lead = next((item for item in media if is_picture(item)), None)
    body = clean(view.body)
    embargo = _embargo(view, wording)
    teaser = _teaser_html(view, entry)
    picture = figure(lead) if lead and not shows(body, lead) else ""
    return replace(
        entry,
        summary=directed(embargo + teaser, entry.language),
        summary_text=_summary_text(view, wording),
        content=directed(embargo + picture + (body.strip() or teaser), entry.language),
        categories=entry.categories + _keywords(view),
        media=media,
        enclosures=tuple(map(enclosure, media)),
        image=page_rendition(lead).href if lead else "",
        ednote=clean(view.ednote).strip(),
        usage_terms=clean(view.usage_terms).strip(),
    )


def _title(view: View) -> str:
    """Never leave it empty: Atom requires a title, and one story must not cost the feed."""
    given = (view.headline, view.slugline, view.teaser.text[:80], view.id)
    return next((text for text in (clean(one).strip() for one in given) if text), "–")


def _teaser_html(view: View, entry: Entry) -> str:
    return clean(view.teaser.html).strip() or f"<p>{escape(entry.title, quote=False)}</p>"


def _summary_text(view: View, wording: Wording) -> str:
    text = clean(view.teaser.text).strip()
    if view.embargoed_until is None:
        return text
    notice = clean(wording.embargo_notice).replace("{time}", readable(view.embargoed_until))
    return f"{notice} {text}".strip()


def _embargo(view: View, wording: Wording) -> str:
    if view.embargoed_until is None:
        return ""
    # Isolated from text that runs right to left.
    time = (
        f'<time datetime="{rfc3339(view.embargoed_until)}" dir="ltr">'
        f"{readable(view.embargoed_until)}</time>"
    )
    notice = escape(clean(wording.embargo_notice), quote=False).replace("{time}", time)
    return f"<p><strong>{notice}</strong></p>"


def _mark(view: View) -> Mark:
    full = view.level is Level.FULL and not view.is_killed
    until = view.embargoed_until
    return Mark(
        level=view.level.value,
        reason=view.reason.value if view.reason in _TOLD else "",
        representation_type="complete" if full else "incomplete",
        status=view.status.value,
        version=view.version,
        correction=view.correction,
        embargoed_until="" if until is None else rfc3339(until),
    )


def _categories(view: View, wording: Wording) -> tuple[Category, ...]:
    """Name its topics; one without a name is not for the catalogue, so not for readers."""
    names = dict(wording.topics)
    return tuple(
        Category(term=slug, label=clean(names[slug]), scheme=TOPICS)
        for slug in view.topics
        if slug in names
    )


def _keywords(view: View) -> tuple[Category, ...]:
    texts = (clean(keyword).strip() for keyword in view.keywords)
    return tuple(Category(term=text, label=text) for text in dict.fromkeys(texts) if text)
