"""Media links: our own address for each picture, film and sound, and when it leads on. Pure.

wirefeed keeps no media. What is shown of a story has addresses here in the place of the
newsroom's, and each leads on to that for as long as the story may be shown with it. A link
holds no time, since documents are named by what is in them, and nothing of who was given it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from html import escape, unescape
from typing import Final

from wirefeed.domain.access import ALL, Access, Grant, Level, Reason, decide
from wirefeed.domain.errors import Gone, NotFound
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.stories import MediaItem, Revision, Story

#: A picture within a text; the text is sanitised, so it is spelt in one way.
PICTURE: Final = re.compile(r'<img(?:[^>"]|"[^"]*")*>')
_SOURCE = re.compile(r'(?<= src=")[^"]*(?=")')
#: Bytes of a signature, and of the name of a file.
_SIGNATURE, _FILE = 16, 10
_WEB = ("https://", "http://")
#: By the end of an address readers tell what an enclosure is.
_ENDING = re.compile(
    r"https?://[^/?#]+/[^?#]*(\.[a-z0-9]{2,4})(?:[?#]|\Z)", re.ASCII | re.IGNORECASE
)
#: Why a story is no longer shown that was.
_ENDED = frozenset({Reason.KILLED, Reason.WITHHELD, Reason.EXPIRED})


class Circle(StrEnum):
    """To whom a link is given."""

    #: Whoever is shown a story with its media.
    MEDIA = "media"
    #: Whoever is shown it before its embargo ends.
    EARLY = "early"


def _whoever(circle: Circle) -> Entitlement:
    """Give what everybody in a circle has: who it was of them, a link does not say."""
    grant = Grant(
        plan="media",
        topics=frozenset({ALL}),
        level=Level.FULL,
        media=True,
        early=circle is Circle.EARLY,
    )
    return Entitlement(grants=frozenset({grant}))


_WHOEVER = {circle: _whoever(circle) for circle in Circle}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLinks:
    """Makes links, and says what they lead to."""

    #: Where all of them begin.
    base: str
    key: bytes = field(repr=False)

    def of(self, story_id: str, access: Access) -> Callable[[str], str]:
        """Give what makes a link of each address that a story is shown with."""
        return partial(self.link, story_id, Circle.EARLY if access.early else Circle.MEDIA)

    def link(self, story_id: str, circle: Circle, href: str) -> str:
        """Make a link that leads to an address of the newsroom's."""
        file = self.file(href)
        return f"{self.base}/{story_id}/{self._signature(story_id, file, circle)}/{file}"

    def file(self, href: str) -> str:
        """Name a file by its address, without telling it.

        By its place among a story's media, a link to one that was taken out would lead to the
        next, under the words of the other.
        """
        given = href.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(given, key=self.key, digest_size=_FILE, person=b"file").digest()
        ending = _ENDING.match(href)
        name = base64.b32encode(digest).decode("ascii").lower()
        return name + (ending[1].lower() if ending else "")

    def _signature(self, story_id: str, file: str, circle: Circle) -> str:
        signed = f"{story_id}\n{file}\n{circle}".encode("utf-8", "surrogatepass")
        mac = hashlib.blake2b(signed, key=self.key, digest_size=_SIGNATURE, person=b"link")
        return mac.hexdigest()

    def circle(self, story_id: str, signature: str, file: str) -> Circle | None:
        """Say to whom a link was given; None: it is none of ours."""
        given = signature.encode("utf-8", "surrogatepass")
        found = None
        for circle in Circle:
            expected = self._signature(story_id, file, circle).encode("ascii")
            # All are compared, so that time tells nothing either.
            if hmac.compare_digest(given, expected):
                found = circle
        return found

    def leads_to(self, story: Story, file: str, circle: Circle, now: int) -> str:
        """Give the address that a link of ours leads to.

        Raises `NotFound` before an embargo ends, and `Gone` for what is no longer shown: the
        link says that it was.
        """
        access = decide(story, _WHOEVER[circle], now)
        ended = access.reason in _ENDED
        if access.level is Level.HIDDEN and not ended:
            raise NotFound
        if ended or story.superseded:
            raise Gone
        for href in _addresses(story.revision):
            if self.file(href) == file:
                return href
        raise Gone


def linked(media: Iterable[MediaItem], link: Callable[[str], str]) -> tuple[MediaItem, ...]:
    """Put links into media; what is not on the web nobody could fetch."""
    return tuple(
        replace(
            item,
            renditions=tuple(
                replace(one, href=link(one.href))
                for one in item.renditions
                if one.href.startswith(_WEB)
            ),
        )
        for item in media
    )


def linked_text(html: str, link: Callable[[str], str]) -> str:
    """Put links into the pictures of a text."""

    def source(found: re.Match[str]) -> str:
        return escape(link(unescape(found[0])))

    return PICTURE.sub(lambda picture: _SOURCE.sub(source, picture[0]), html)


def _addresses(revision: Revision) -> Iterator[str]:
    """Give all addresses that a story is shown with."""
    held = [one.href for item in revision.media for one in item.renditions]
    pictures = PICTURE.findall(revision.body)
    held += [unescape(src) for picture in pictures for src in _SOURCE.findall(picture)]
    return (href for href in held if href.startswith(_WEB))
