"""Feeds: which stories a window holds, in which order, and what a feed says of itself. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from wirefeed.domain.access import Access, Level, Reason
from wirefeed.domain.stories import Feed, Story
from wirefeed.domain.views import thread_to

DAY = 86_400_000_000
#: A kill stays at least this long, however many stories follow it.
KILL_STAYS = 7 * DAY
#: No window is larger: some aggregators read 300 items of a feed and no more.
MOST = 300

#: Why an item is not full, for the header that tells machines.
_WHY = {Reason.NOT_COVERED: "topic", Reason.DELAYED: "delay"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The topics a reader chose, merged in a language: its feed `mine`."""

    language: str
    topics: frozenset[str]


#: What the address of a feed may name.
AnyFeed: TypeAlias = Feed | Selection


def parts_of(feed: AnyFeed) -> frozenset[Feed]:
    """Give the feeds of which one is made."""
    if isinstance(feed, Feed):
        return frozenset({feed})
    return frozenset(Feed(language=feed.language, topic=topic) for topic in feed.topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How long a window is."""

    #: At least this many of the newest stories.
    items: int = 50
    #: And whatever changed within this time before the newest change, in microseconds.
    span: int = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The change with which a page of an archive begins; whatever is older may stand on it."""

    #: In days since 1970, UTC.
    day: int
    #: When the change came; None: it is the last of the day.
    at: int | None = None
    #: Which one it is, where the one above it came at the same time.
    guid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A story in a window, and how much of it the caller may see."""

    story: Story
    access: Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The newest stories of a feed for one caller: kills first, then by their last change."""

    items: tuple[Item, ...]
    #: The newest change the caller may know of, shown or gone; 0 when there is none.
    changed: int
    #: The newest `updated` of those stories; 0 when there is none.
    updated: int
    #: When the clock next changes it.
    until: int | None
    #: The page of the archive with what it does not show; None when there is nothing.
    older: Bound | None = None
    #: Of a page: the one that comes after it.
    newer: Bound | None = None
    #: So many of its items, the last changed ones, are in the archive as well.
    reached: int = 0
    #: Where the wire ended when it was chosen.
    head: int = 0
    #: So many of its items, the first, tell of stories that its caller has lost the right to.
    lost: int = 0


def with_lost(window: Window, lost: Iterable[Item]) -> Window:
    """Put kills at the top of a window of which its caller may see nothing else any more.

    A thread that it shows by the same name has its newest member there, or its kill in full.
    """
    threads = {thread_to(item.story, item.access) for item in window.items}
    told: dict[str, Item] = {}
    for item in lost:
        thread = thread_to(item.story, item.access)
        if thread not in threads:
            told.setdefault(thread, item)
    items = tuple(told.values())
    return replace(
        window,
        items=(*items, *window.items),
        lost=len(items),
        changed=max(window.changed, *(item.story.changed for item in items), 0),
        updated=max(window.updated, *(item.story.updated for item in items), 0),
    )


def count_levels(items: Iterable[Item]) -> dict[Level, int]:
    """Count items by level."""
    counts: dict[Level, int] = {}
    for item in items:
        counts[item.access.level] = counts.get(item.access.level, 0) + 1
    return counts


def why(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """Say why items are not full."""
    return tuple(sorted({_WHY[reason] for reason in reasons if reason in _WHY}))


def why_of(items: Iterable[Item]) -> tuple[str, ...]:
    """Say why these are not full."""
    return why(item.access.reason for item in items)


def stretch(items: Iterable[Item], head: int, *, is_page: bool) -> tuple[int, int]:
    """Say which stretch of the wire a document of these items tells; none where it ends first.

    A feed tells its kills for a time, wherever they are; a page behind it tells its own alone.
    """
    told = [item.story.position for item in items if is_page or not item.story.is_killed]
    return min(told, default=head + is_page), head


class Gathering:
    """A window in the making.

    Offer it the stories of a feed, the last changed first, until it `is_full`, then the
    feed's kills of the last `KILL_STAYS`. A thread is shown once, by its newest member
    that the caller may see.
    """

    def __init__(self, decide: Callable[[Story], Access], shape: Shape) -> None:
        self._decide = decide
        self._shape = shape
        #: What may be shown, by thread, the last changed first.
        self._threads: dict[str, list[Item]] = {}
        #: The story each one offered was written from.
        self._origins: dict[str, str | None] = {}
        #: The place of each one offered in their order.
        self._rank: dict[str, int] = {}
        self._changed = 0
        self._updated = 0
        #: When stories went out of the caller's sight.
        self._gone: list[int] = []
        self._newest: int | None = None
        self._untils: list[int] = []

    def is_full(self, story: Story) -> bool:
        """Say whether this story, and so every later one but a kill, is beyond the window."""
        count = len(self._threads)
        if count >= MOST:
            return True
        if self._newest is None or count < self._shape.items:
            return False
        return self._newest - story.changed >= self._shape.span

    @property
    def ended(self) -> set[str]:
        """Name the threads of which it holds the kill of a story that another has replaced.

        What replaced it may have changed too long ago to be offered, and is what they show.
        """
        members = (item.story for items in self._threads.values() for item in items)
        return {story.thread for story in members if story.is_killed and story.superseded}

    @property
    def left_out(self) -> list[Item]:
        """Give what there is no room for, kills having taken its place."""
        return self._in_order()[MOST:] if len(self._threads) > MOST else []

    @property
    def kills_since(self) -> int:
        """Say how far back kills stay; by the newest change, for a window knows no clock."""
        return (self._newest or 0) - KILL_STAYS

    def offer(self, story: Story) -> None:
        """Take a story in, if the caller may see it and it belongs."""
        if story.guid in self._origins:
            return
        access = self._decide(story)
        if access.until is not None:
            self._untils.append(access.until)
        self._origins[story.guid] = story.revision.evolved_from
        self._rank[story.guid] = len(self._rank)
        hidden = access.level is Level.HIDDEN
        if hidden:
            # That it went is known; what was sent of it since is not.
            self._gone.append(access.gone or 0)
            return
        self._changed = max(self._changed, story.changed, access.since or 0)
        self._updated = max(self._updated, story.updated)
        if self._newest is None:
            self._newest = story.changed
        if self._belongs(story):
            self._threads.setdefault(story.thread, []).append(Item(story=story, access=access))

    def _belongs(self, story: Story) -> bool:
        if story.thread in self._threads or len(self._threads) < self._shape.items:
            return True
        age = (self._newest or 0) - story.changed
        return age <= KILL_STAYS if story.is_killed else age < self._shape.span

    def window(self) -> Window:
        """Give the window as it stands."""
        shown = self._in_order()
        gone = max(filter(self._is_within, self._gone), default=0)
        return Window(
            items=tuple(shown[:MOST]),
            changed=max(self._changed, gone),
            updated=max(self._updated, gone),
            until=min(self._untils, default=None),
        )

    def _is_within(self, gone: int) -> bool:
        """Say whether a story that went then is of this window.

        One that went before all a full window shows is beyond it, though what was sent of it
        since, for others, brought it to the top.
        """
        shown = [item.story.changed for members in self._threads.values() for item in members]
        if len(self._threads) < min(self._shape.items, MOST):
            return True
        return gone >= min(shown) or max(shown) - gone < self._shape.span

    def _in_order(self) -> list[Item]:
        """Give one item of each thread: kills first, each group as it was offered."""
        shown = [newest_of(members, self._origins) for members in self._threads.values()]
        shown.sort(key=lambda item: (not item.story.is_killed, self._rank[item.story.guid]))
        return shown


def newest_of(members: Sequence[Item], origins: Mapping[str, str | None]) -> Item:
    """Give the last changed of a thread, or what was written from it since.

    `members` come the last changed first; `origins` says what each story was written from,
    the hidden ones too.
    """
    newest = members[0]
    for item in members[1:]:
        if _evolved(item, newest, origins) and not _evolved(newest, item, origins):
            newest = item
    return newest


def _evolved(item: Item, origin: Item, origins: Mapping[str, str | None]) -> bool:
    """Say whether one was written from the other, through hidden ones too."""
    seen: set[str] = set()
    at: str | None = item.story.guid
    while at and at not in seen:
        seen.add(at)
        at = origins.get(at)
        if at == origin.story.guid:
            return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of a document beside its own address and its home page: a hub, the page before it."""

    rel: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Where the pages beside a document are, by their names in addresses."""

    #: Of the document itself; empty for the feed, which is no page.
    page: str = ""
    older: str = ""
    newer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a feed says of itself."""

    #: Atom `id`: permanent, the same at every address and level.
    id: str
    title: str
    description: str
    #: BCP 47.
    language: str
    #: The page for people.
    home_url: str
    #: The document's own address; empty when it is shared between addresses.
    self_url: str
    #: Who tells of its changes (WebSub); empty: nobody.
    hub_url: str = ""
    updated: int
    site: str
    rights: str = ""
    contact: str = ""
    #: The feed's address without its format; relative where it is not to be named.
    stem: str = ""
    trail: Trail = field(default_factory=Trail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An item that tells the reader something of its subscription."""

    #: Stable per event, so that it is shown as new once.
    guid: str
    title: str
    html: str
    url: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What an item says beside the story, in the feed's language."""

    #: Below a teaser: that there is more, and how to get it. HTML.
    teaser_notice: str
    #: In place of a killed story. Plain text.
    killed_notice: str
    #: Before a story seen under embargo; `{time}` stands for its end. Plain text.
    embargo_notice: str
    #: Where a story's page is; `{id}` stands for its id.
    story_url: str
    #: Topic names by slug, in the feed's language; unlisted topics are not in it.
    topics: tuple[tuple[str, str], ...] = ()
    #: Where to learn how to subscribe.
    subscribe_url: str = ""
