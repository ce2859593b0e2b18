"""What a changed plan would do to those who have it, and what a subscriber has above all. Pure.

Both are differences between what `decide` says for two callers: nothing is judged anew here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from wirefeed.domain.access import Access, Entitled, Level, decide
from wirefeed.domain.feeds import Item, Window
from wirefeed.domain.plans import Entitlement, Plan, Subscriber, grants_of
from wirefeed.domain.stories import Story


class Right(StrEnum):
    """What a caller may have of a story."""

    #: To see that it is there, and its teaser.
    SUMMARY = "summary"
    FULL = "full"
    #: In full from its release on, not after a delay.
    AT_ONCE = "at-once"
    MEDIA = "media"
    NOTES = "notes"
    #: Before its embargo ends.
    EARLY = "early"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A story of which a caller would have more or less; without its text, for many are kept."""

    guid: str
    headline: str
    changed: int
    before: Level
    after: Level
    gained: frozenset[Right]
    lost: frozenset[Right]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a change means to callers who have the same."""

    #: The live plans they have besides `public`; None: the anonymous public.
    plans: frozenset[str] | None
    #: How many subscribers they are, and the first of their ids.
    count: int
    subscribers: tuple[str, ...]
    #: Of how many stories they would gain or lose something, and what.
    gaining: int
    losing: int
    gained: Mapping[Right, int]
    lost: Mapping[Right, int]
    #: The newest of these stories.
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a change of a plan would do, by the stories that changed of late."""

    plan: str
    #: The version it was compared with; 0: there was none.
    version: int
    prospects: tuple[Prospect, ...]
    #: Subscribers who have the plan, or had it, and have none of it now.
    idle: int
    #: How many stories were looked at, and since when they changed.
    stories: int
    since: int
    #: Not all that changed of late, or not all who have the plan, were looked at.
    stories_cut: bool = False
    subscribers_cut: bool = False


def rights(story: Story, caller: Entitled, now: int) -> tuple[Access, frozenset[Right]]:
    """Say what a caller may have of a story now."""
    access = decide(story, caller, now)
    full = access.level is Level.FULL
    # What came by a delay has a time at which it came; without one, or when the embargo
    # ended, it came with the story.
    at_once = access.since in {None, story.revision.embargoed_until}
    has = {
        Right.SUMMARY: access.level is not Level.HIDDEN,
        Right.FULL: full,
        Right.AT_ONCE: full and at_once,
        Right.MEDIA: access.media,
        Right.NOTES: access.notes,
        Right.EARLY: access.early and access.level is not Level.HIDDEN,
    }
    return access, frozenset(right for right, held in has.items() if held)


def shift(story: Story, before: Entitled, after: Entitled, now: int) -> Shift | None:
    """Say what of a story a caller would gain and lose; None: nothing.

    A killed story is withdrawn from everybody, and one that was replaced is shown to nobody.
    """
    if story.is_killed or story.superseded:
        return None
    was, had = rights(story, before, now)
    will_be, has = rights(story, after, now)
    if had == has:
        return None
    return Shift(
        guid=story.guid,
        headline=story.revision.headline,
        changed=story.changed,
        before=was.level,
        after=will_be.level,
        gained=has - had,
        lost=had - has,
    )


class Gathering:
    """Who has what, so that each entitlement is looked at once, however many have it.

    Holds a few ids of each, and no more than `most` different ones.
    """

    def __init__(self, plan: str, *, named: int, most: int) -> None:
        self._plan = plan
        self._named = named
        self._most = most
        self._counts: Counter[frozenset[str] | None] = Counter()
        self._ids: dict[frozenset[str] | None, list[str]] = {}
        self.idle = 0
        #: Some were left out.
        self.is_cut = False

    def public(self) -> None:
        """Take in the anonymous public."""
        self._ids[None] = []

    def take(self, subscribers: Iterable[Subscriber], now: int, *, everybody: bool) -> None:
        """Take in subscribers; unless everybody has the plan, those who have it now."""
        for subscriber in subscribers:
            plans = frozenset(s.plan for s in subscriber.live(now))
            if not everybody and self._plan not in plans:
                self.idle += 1
                continue
            if plans not in self._ids and len(self._ids) >= self._most:
                self.is_cut = True
                continue
            ids = self._ids.setdefault(plans, [])
            self._counts[plans] += 1
            if len(ids) < self._named:
                ids.append(subscriber.id)

    def weigh(
        self, before: Mapping[str, Plan], after: Mapping[str, Plan], now: int, *, listed: int
    ) -> "tuple[Weighing, ...]":
        """Give a weighing for each entitlement: the public's first, then those of the most."""
        order = sorted(self._ids, key=lambda p: (p is not None, -self._counts[p], sorted(p or ())))
        return tuple(
            Weighing(
                _entitlement(plans, before),
                _entitlement(plans, after),
                now,
                listed=listed,
                who=(plans, self._counts[plans], tuple(self._ids[plans])),
            )
            for plans in order
        )


def _entitlement(names: frozenset[str] | None, plans: Mapping[str, Plan]) -> Entitlement:
    return Entitlement(grants=grants_of(names or (), plans), anonymous=names is None)


class Weighing:
    """What a change means to one entitlement, story by story."""

    def __init__(
        self,
        before: Entitled,
        after: Entitled,
        now: int,
        *,
        listed: int,
        who: tuple[frozenset[str] | None, int, tuple[str, ...]],
    ) -> None:
        self._before = before
        self._after = after
        self._now = now
        self._listed = listed
        self._who = who
        self._gained: Counter[Right] = Counter()
        self._lost: Counter[Right] = Counter()
        self._gaining = 0
        self._losing = 0
        self._shifts: list[Shift] = []
        self._longest = max((g.delay for g in before.grants | after.grants), default=0)
        self._alike: dict[tuple[object, ...], Shift | None] = {}

    def take(self, stories: Iterable[Story]) -> None:
        """Weigh more stories, the newest first."""
        if self._before.grants == self._after.grants:
            return
        for story in stories:
            found = self._shift(story)
            if found is None:
                continue
            self._gained.update(found.gained)
            self._lost.update(found.lost)
            self._gaining += bool(found.gained)
            self._losing += bool(found.lost)
            if len(self._shifts) < self._listed:
                self._shifts.append(found)

    def _shift(self, story: Story) -> Shift | None:
        """Compare once for all stories of the same topics that the clock has done with."""
        revision = story.revision
        timeless = revision.embargoed_until is None and revision.expires is None
        if not timeless or story.released is None or self._now < story.released + self._longest:
            return shift(story, self._before, self._after, self._now)
        kind = (
            *(story.language, revision.language, story.topics, story.stood),
            *(revision.status, story.superseded),
        )
        if kind not in self._alike:
            self._alike[kind] = shift(story, self._before, self._after, self._now)
        like = self._alike[kind]
        return like and replace(
            like, guid=story.guid, headline=revision.headline, changed=story.changed
        )

    def prospect(self) -> Prospect:
        """Give what came of it."""
        plans, count, ids = self._who
        return Prospect(
            plans=plans,
            count=count,
            subscribers=ids,
            gaining=self._gaining,
            losing=self._losing,
            gained=dict(self._gained),
            lost=dict(self._lost),
            shifts=tuple(self._shifts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A thread as it stands in two feeds; None where it does not."""

    own: Item | None
    public: Item | None


def beside(own: Window, public: Window) -> tuple[Pair, ...]:
    """Lay a subscriber's feed beside the public one, thread by thread, in its own order."""
    theirs = {item.story.thread: item for item in public.items}
    pairs = [Pair(own=item, public=theirs.pop(item.story.thread, None)) for item in own.items]
    return (*pairs, *(Pair(own=None, public=item) for item in theirs.values()))
