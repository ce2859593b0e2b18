"""Standings: each way in which a story was announced, and when that ended. Pure.

Who was entitled to one of them may have seen the story, and may know that it went; what
became of it out of their sight is not for them, so each standing keeps its own end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

from wirefeed.domain.stories import PubStatus, Standing, Story
from wirefeed.domain.wire import ENDS, Audience, Change

Standings = frozenset[Standing]
#: The end of what nobody saw: a story that came after the one that replaces it.
NEVER = 0


def announced(stood: Standings, standing: Standing, at: int) -> Standings:
    """Announce a story in a way; what it was announced as before has ended."""
    return frozenset({*(s for s in ended(stood, at) if not _alike(s, standing)), standing})


def ended(stood: Standings, at: int) -> Standings:
    """End however a story stands."""
    return frozenset(s if s.ended is not None else replace(s, ended=at) for s in stood)


def moved(stood: Standings, topics: frozenset[str], at: int) -> Standings:
    """Let a story stand in other topics, as openly as it did."""
    for standing in [s for s in stood if s.ended is None]:
        stood = announced(stood, replace(standing, topics=topics), at)
    return stood


def inherited(own: Standings, predecessor: Story, at: int) -> Standings:
    """Give a story's standings, and those of the one it replaces: who saw that one is told so much.

    `at` is when it replaces it; `NEVER` for one that came replaced. The predecessor's own
    date of publication goes with them.
    """
    known = {_place(s): s for s in own if s.inherited}
    end = end_of(predecessor, at) if at != NEVER else NEVER
    for standing in ended(predecessor.stood, end):
        published = standing.published if standing.inherited else predecessor.published
        heir = replace(standing, inherited=True, published=published)
        known[_place(heir)] = _joined(heir, known.get(_place(heir)))
    return frozenset({*(s for s in own if not s.inherited), *known.values()})


def end_of(story: Story, now: int) -> int:
    """Say when a story, shown as it is, goes from sight if that is now: earlier if rights ended."""
    expires = story.revision.expires
    if story.revision.status is PubStatus.USABLE and expires is not None and expires <= now:
        return expires
    return max(now, story.changed)


def audiences(story: Story, *, ever: bool = False) -> frozenset[Audience]:
    """Say to whom a story is announced as it stands; with `ever`, to whom it ever was.

    What it inherited is not its own: who saw the story it replaced hears of that one.
    """
    if story.change in ENDS and not ever:
        return frozenset()
    return frozenset(
        Audience(
            language=standing.language or story.own_language,
            topics=standing.topics,
            early=standing.early,
        )
        for standing in story.stood
        if not standing.inherited and (ever or standing.ended is None)
    )


def refiled(changes: Iterable[Change], so_far: Change) -> Change:
    """Say which topics lost stories as these were filed anew, and which gained some."""
    lost, gained = _by_place(so_far.before), _by_place(so_far.after)
    for change in changes:
        for old, new in product(change.before, change.after):
            if (old.language, old.early) == (new.language, new.early):
                place = replace(old, topics=frozenset())
                lost.setdefault(place, set()).update(old.topics - new.topics)
                gained.setdefault(place, set()).update(new.topics - old.topics)
    return replace(so_far, before=_of(lost), after=_of(gained))


def _by_place(audiences: Iterable[Audience]) -> dict[Audience, set[str]]:
    return {replace(one, topics=frozenset()): set(one.topics) for one in audiences}


def _of(topics: Mapping[Audience, Iterable[str]]) -> frozenset[Audience]:
    return frozenset(
        replace(place, topics=frozenset(names)) for place, names in topics.items() if names
    )


def _joined(one: Standing, other: Standing | None) -> Standing:
    if other is None:
        return one
    return replace(
        one,
        ended=max(_times(one.ended, other.ended), default=None),
        published=min(_times(one.published, other.published), default=None),
    )


def _times(*times: int | None) -> Iterable[int]:
    return [time for time in times if time is not None]


def _alike(one: Standing, other: Standing) -> bool:
    return _place(one) == _place(other)


def _place(standing: Standing) -> Standing:
    return replace(standing, ended=None, published=None)
