"""Archives (RFC 5005): where the pages behind a feed's window are cut, and how far they reach.

Pure. A page is what one caller may see of a feed up to a change, back to the next cut. Its
address names that change, so nothing that comes later is ever added to a page; what changes
leaves it for the present. Where the cuts are hangs on the stories beside them alone.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from wirefeed.domain.access import Grant
from wirefeed.domain.feeds import AnyFeed, Bound, Item, Link, Trail, Window
from wirefeed.domain.plans import DAY
from wirefeed.domain.stories import Story

_EPOCH = date(1970, 1, 1)
_TAG_BYTES = 5
_TIME = "%H%M%S%f"


def day_of(at: int) -> int:
    """Give the day of a time, in days since 1970, UTC."""
    return at // DAY


# --- addresses ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as its address names it: `2026-11-20`, or `2026-11-20-093000000000-0a1b2c3d4e`."""

    day: int
    #: When the last change on it came; None: it reaches to the end of the day.
    at: int | None = None
    #: Shows that the address is one of ours, and at which of the changes of one time it begins.
    tag: str = ""

    def __str__(self) -> str:
        """Write the address."""
        written = (_EPOCH + timedelta(days=self.day)).isoformat()
        if self.at is None:
            return written
        moment = datetime.fromtimestamp(self.at // 1_000_000, UTC)
        return f"{written}-{moment:%H%M%S}{self.at % 1_000_000:06}-{self.tag}"

    @classmethod
    def read(cls, name: str) -> "Page | None":
        """Read an address of the form that is ours; None for a time there is not."""
        try:
            day = (date.fromisoformat(name[:10]) - _EPOCH).days
            if len(name) == len("2026-11-20"):
                return cls(day=day)
            time, _, tag = name[11:].partition("-")
            moment = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(day=day, at=day * DAY + (moment - start) // timedelta(microseconds=1), tag=tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A page of a feed's archive, as another thing to ask for beside the feed."""

    feed: AnyFeed
    page: Page

    @property
    def language(self) -> str:
        """The language of the feed."""
        return self.feed.language


#: What an address may name: a feed, or a page behind it.
Asked: TypeAlias = AnyFeed | Archived


def feed_of(asked: Asked) -> AnyFeed:
    """Give the feed that is asked for, or whose page is."""
    return asked.feed if isinstance(asked, Archived) else asked


def page_at(bound: Bound, key: bytes) -> Page:
    """Give the page that begins with a change."""
    if bound.at is None:
        return Page(day=bound.day)
    return Page(day=bound.day, at=bound.at, tag=tag(bound.at, bound.guid, key))


def tag(at: int, guid: str, key: bytes) -> str:
    """Sign a time, or one of the changes of that time.

    Only addresses that were given out open pages: otherwise each microsecond would have one,
    and one could ask which of them begin with a story that is hidden.
    """
    said = f"{at} {guid}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, key=key, digest_size=_TAG_BYTES).hexdigest()


def is_tag(given: str, at: int, guid: str, key: bytes) -> bool:
    """Say whether a tag is of this."""
    return hmac.compare_digest(given, tag(at, guid, key))


def links(trail: Trail, stem: str, form: str) -> tuple[Link, ...]:
    """Say where the documents beside one are (RFC 5005 §4).

    `stem` is the feed's address without its format: whole, or relative to the document, where
    no document is to name its own address.
    """
    names = (("prev-archive", trail.older), ("next-archive", trail.newer))
    pages = [Link(rel=rel, href=f"{stem}/archive/{name}.{form}") for rel, name in names if name]
    return (Link(rel="current", href=f"{stem}.{form}"), *pages) if trail.page else tuple(pages)


# --- where pages are cut --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """Where the archives of all feeds are cut."""

    #: One in so many changes ends a page, so that pages are about as long as windows.
    length: int = 50

    @property
    def most(self) -> int:
        """So many stories end a page, marked or not."""
        return 4 * self.length

    def lies(self, older: Story, newer: Story) -> bool:
        """Say whether a page ends between two stories that follow one another.

        RFC 5005 §4: the set of entries of an archive document "SHOULD NOT change over time".
        Counted from either end, every cut would move whenever a story leaves; so a change is
        marked as the end of a page by what it is, and a day is one for everybody.
        """
        if day_of(older.changed) != day_of(newer.changed):
            return True
        return older.changed < newer.changed and self._marks(older)

    def _marks(self, story: Story) -> bool:
        said = f"{story.changed} {story.guid}".encode("utf-8", "surrogatepass")
        drawn = int.from_bytes(hashlib.blake2b(said, digest_size=4).digest())
        return drawn % self.length == 0

    def behind(self, first: Story, above: Iterable[Story]) -> Bound:
        """Say where the archive goes on behind a document that does not show `first` any more.

        `above` are the stories it shows, the nearest one first. The page begins with the nearest
        cut, so that it is the same one for all windows until there is another cut; what stands
        between the two is shown by both.
        """
        older, nearest = first, None
        for newer in above:
            if self.lies(older, newer):
                return bound_of(older, newer)
            nearest = nearest or newer
            older = newer
        if nearest is None:
            return Bound(day=day_of(first.changed), at=first.changed, guid=first.guid)
        return bound_of(first, nearest)

    def behind_part(self, window: Window, shown: int, *, is_page: bool) -> Bound | None:
        """Say where the archive goes on if no more than so many items of a document are shown."""
        own = window.items[window.lost :]
        reached = sorted(own, key=_place)[len(own) - window.reached :]
        left = {item.story.guid for item in window.items[shown:]}
        first = next((i.story for i in reversed(reached) if i.story.guid in left), None)
        if first is None:
            return window.older
        above = above_of(first, window.items[window.lost : shown])
        # A page must lead away from itself, so only to what it does not show.
        return self.behind(first, above[:1] if is_page else above)


def above_of(first: Story, items: Iterable[Item]) -> list[Story]:
    """Give the stories that changed after one, the nearest first."""
    above = (item for item in items if item.story.position > first.position)
    return [item.story for item in sorted(above, key=_place)]


def _place(item: Item) -> int:
    return item.story.position


def bound_of(older: Story, newer: Story) -> Bound:
    """Say how the page is named that begins with a story, the next one above it being `newer`.

    Whatever bears an earlier time than a change that is on the wire is on the wire, too: such
    a page is complete from the moment that it is named.
    """
    day = day_of(older.changed)
    if day_of(newer.changed) != day:
        return Bound(day=day)
    if newer.changed != older.changed:
        return Bound(day=day, at=older.changed)
    return Bound(day=day, at=older.changed, guid=older.guid)


class Cutting:
    """A page in the making: offer it what stands below its bound, the last changed first."""

    def __init__(self, cuts: Cuts, day: int) -> None:
        self._cuts = cuts
        self._day = day
        self.items: list[Item] = []
        #: Where the next page begins; None: nothing is left.
        self.older: Bound | None = None

    def offer(self, item: Item) -> bool:
        """Take a story in; False: the page ends before it."""
        story = item.story
        if day_of(story.changed) != self._day:
            # Whatever stood on this page may have left it meanwhile; then it leads on, empty.
            self.older = Bound(day=day_of(story.changed))
            return False
        if self.items:
            above = self.items[-1].story
            if len(self.items) >= self._cuts.most or self._cuts.lies(story, above):
                self.older = bound_of(story, above)
                return False
        self.items.append(item)
        return True


# --- how far they reach ---------------------------------------------------------------------------


def reaching(grants: Iterable[Grant], day: int, today: int) -> frozenset[Grant]:
    """Give the grants whose archives hold a day: without any, nothing of it is shown."""
    return frozenset(g for g in grants if _reaches(g.archive_days, day, today))


def _reaches(days: int | None, day: int, today: int) -> bool:
    # 0 days are no archive, not one of today.
    return days is None or (days > 0 and today - day <= days)


def reached(items: Iterable[Item], grants: Collection[Grant], today: int) -> int:
    """Count the items whose days are in the archive: the last changed ones."""
    days = [day_of(item.story.changed) for item in items]
    held = {day for day in set(days) if reaching(grants, day, today)}
    return sum(day in held for day in days)


def oldest_day(grants: Collection[Grant], today: int) -> int | None:
    """Say which day is the last that any of these archives holds; None: they have no end."""
    if any(grant.archive_days is None for grant in grants):
        return None
    most = max((grant.archive_days or 0 for grant in grants), default=0)
    return today - most if most > 0 else today + 1


def has_end(grants: Iterable[Grant]) -> bool:
    """Say whether a day's end changes what these archives hold."""
    return any(grant.archive_days for grant in grants)


def closed(grants: Iterable[Grant], day: int, today: int) -> int:
    """Say when the archive of one of these last let go of a day; 0: none did."""
    ends = ((day + (g.archive_days or 0) + 1) * DAY for g in grants if g.archive_days)
    return max((end for end in ends if end <= today * DAY), default=0)
