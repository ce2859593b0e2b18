"""Views: what one caller is shown of a story. Pure.

A caller sees a view, never a story: it holds only what the level shows, so that no format
or page can leak what it was not handed.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from wirefeed.domain.access import PRIVATE, Access, Level, Reason
from wirefeed.domain.media import PICTURE, MediaLinks, linked, linked_text
from wirefeed.domain.stories import SECOND, Concept, MediaItem, PubStatus, Story
from wirefeed.domain.teaser import Teaser, teaser

_NO_TEASER = Teaser(html="", text="")
_KILL = re.compile(r"KILL\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one caller is shown of a story; nothing else reaches a format or a page."""

    id: str
    #: The thread's, the same at every level; one of ours where that would name a hidden story.
    feed_guid: str
    version: int
    level: Level
    reason: Reason
    status: PubStatus
    language: str
    #: Plain text; a killed story's is "KILL: …", never its old headline.
    headline: str
    published: int
    updated: int
    #: The topics it stands in, by slug; names are the taxonomy's.
    topics: tuple[str, ...] = ()
    slugline: str = ""
    byline: str = ""
    located: str = ""
    teaser: Teaser = _NO_TEASER
    #: Clean HTML; empty below `full`.
    body: str = ""
    #: Under addresses of ours, as the pictures in the text are.
    media: tuple[MediaItem, ...] = ()
    keywords: tuple[str, ...] = ()
    #: How urgent its newsroom takes it to be, and what that says it is about and is: with `full`.
    urgency: int | None = None
    subjects: tuple[Concept, ...] = ()
    genres: tuple[Concept, ...] = ()
    copyright_holder: str = ""
    copyright_notice: str = ""
    ednote: str = ""
    usage_terms: str = ""
    correction: bool = False
    #: Shown under embargo: not for publication before this time.
    embargoed_until: int | None = None

    @property
    def is_killed(self) -> bool:
        """Whether only the notice of its end is left."""
        return self.status is PubStatus.CANCELED


def view(story: Story, access: Access, *, words: int, links: MediaLinks) -> View:
    """Show what the access allows; `words` bounds the teaser, `links` stand for media.

    Raises `ValueError` for a hidden story: there is nothing to show.
    """
    if access.level is Level.HIDDEN:
        message = "a hidden story has no view"
        raise ValueError(message)
    if access.reason is Reason.KILLED:
        return _killed(story, access)
    revision = story.revision
    full = access.level is Level.FULL
    topics = _shown(story.topics)
    headline = revision.headline or revision.slugline
    link = links.of(story.id, access)
    return replace(
        _named(story, access, headline or _date_and_topic(story, access, topics)),
        topics=topics,
        slugline=revision.slugline,
        byline=revision.byline,
        located=revision.located,
        teaser=teaser(
            summary=revision.summary,
            body=revision.body,
            headline=revision.headline,
            words=words,
            language=revision.language,
        ),
        body=_body(revision.body, access, link) if full else "",
        media=linked(revision.media, link) if access.media else (),
        keywords=revision.keywords if full else (),
        urgency=revision.urgency if full else None,
        subjects=revision.subjects if full else (),
        genres=revision.genres if full else (),
        copyright_holder=revision.copyright_holder,
        copyright_notice=revision.copyright_notice,
        ednote=revision.ednote if access.notes else "",
        usage_terms=revision.usage_terms if access.notes else "",
        correction=revision.is_correction,
        embargoed_until=revision.embargoed_until if access.early else None,
    )


def _shown(topics: Iterable[str]) -> tuple[str, ...]:
    """Give the topics that have a name, in order."""
    return tuple(sorted(topic for topic in topics if not topic.startswith(PRIVATE)))


def published_to(story: Story, access: Access) -> int:
    """Say when a story was published as far as this access tells."""
    return story.published if access.published is None else access.published


def thread_to(story: Story, access: Access) -> str:
    """Give the GUID of a story's thread as far as this access tells."""
    return story.thread if access.thread is None else access.thread


def _body(html: str, access: Access, link: Callable[[str], str]) -> str:
    """Give the text as this access shows it: without the right to media, without pictures."""
    return linked_text(html, link) if access.media else PICTURE.sub("", html)


def _killed(story: Story, access: Access) -> View:
    """Show that a story was withdrawn: by its slugline, never by what it said.

    The headline is the kill's own, when the kill brings one.
    """
    if access.bare:
        return _bare(story, access)
    revision = story.revision
    # It may stand in topics by now in which this caller never saw it.
    topics = _shown(access.topics)
    headline = story.kill_headline
    if not _KILL.match(headline):
        named = headline or revision.slugline or _date_and_topic(story, access, topics)
        headline = f"KILL: {named}"
    return replace(
        _named(story, access, headline),
        topics=topics,
        slugline=revision.slugline,
        copyright_holder=revision.copyright_holder,
    )


def _bare(story: Story, access: Access) -> View:
    """Show that a story was withdrawn by no more than the name and the date it had.

    Its caller may see nothing of it any more, and so nothing that came with its kill.
    """
    return replace(
        _named(story, access, f"KILL: {_date_and_topic(story, access)}"),
        status=PubStatus.CANCELED,
        language=story.language,
    )


def _named(story: Story, access: Access, headline: str) -> View:
    """Show what every view has of a story: which it is, since when, and under which headline."""
    return View(
        id=story.id,
        feed_guid=thread_to(story, access),
        version=story.version,
        level=access.level,
        reason=access.reason,
        status=story.revision.status,
        language=story.revision.language,
        headline=headline,
        published=published_to(story, access),
        updated=story.updated,
    )


def _date_and_topic(story: Story, access: Access, topics: Iterable[str] = ()) -> str:
    published = published_to(story, access)
    day = datetime.fromtimestamp(published // SECOND, tz=UTC).date().isoformat()
    return " ".join([day, *topics])
