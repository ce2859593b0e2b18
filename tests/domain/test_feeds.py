"""Windows: which stories a feed holds for a caller, in which order."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.strategies import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    any_of,
    entitled,
    fallen_due,
    grant,
    held,
    sent,
    then,
)
from wirefeed.domain.access import PUBLIC, Access, Level, Reason, decide
from wirefeed.domain.feeds import (
    KILL_STAYS,
    MOST,
    Gathering,
    Item,
    Shape,
    Window,
    count_levels,
    stretch,
    with_lost,
)
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.revising import Placing, replaced, revise
from wirefeed.domain.stories import Feed, PubStatus, Story

SHOWN = Access(level=Level.FULL, reason=Reason.GRANTED)
HIDDEN = Access(level=Level.HIDDEN, reason=Reason.NOT_COVERED)
WIDE = Shape(items=1000, span=DAY)
PUBLIC_READER = entitled(grant(plan=PUBLIC, level=Level.SUMMARY), anonymous=True)
EARLY_READER = entitled(grant(early=True))


def gather(
    stories: Iterable[Story],
    judge: Callable[[Story], Access] = lambda _: SHOWN,
    shape: Shape = WIDE,
) -> Window:
    """Offer the stories of a feed as the service does: by position until full, then kills."""
    gathering = Gathering(judge, shape)
    newest_first = sorted(stories, key=lambda s: s.position, reverse=True)
    for story in newest_first:
        if gathering.is_full(story):
            break
        gathering.offer(story)
    for story in newest_first:
        if story.is_killed and story.changed >= gathering.kills_since:
            gathering.offer(story)
    return gathering.window()


def hiding(*guids: str) -> Callable[[Story], Access]:
    return lambda story: HIDDEN if story.guid in guids else SHOWN


def at(age: int, guid: str, *, position: int, killed: bool = False, **fields) -> Story:
    """Give a story last changed this long before NOW."""
    story = held(guid=guid, **fields)
    if killed:
        story = then(story, now=NOW, status=PubStatus.CANCELED)
    return replace(story, changed=NOW - age, updated=NOW - age, position=position)


def run(*ages: int, killed: Iterable[int] = ()) -> list[Story]:
    """Give stories of these ages, the newest first, named by their place."""
    return [
        at(age, str(n), position=len(ages) - n, killed=n in killed) for n, age in enumerate(ages)
    ]


def guids(window: Window) -> list[str]:
    return [item.story.guid for item in window.items]


# --- length ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ages", "shape", "length"),
    [
        ([], Shape(), 0),
        # At least `items`, however old.
        ([0, 2 * DAY, 9 * DAY], Shape(items=2, span=DAY), 2),
        # And all of the last day before the newest change.
        ([0, HOUR, 2 * HOUR], Shape(items=1, span=DAY), 3),
        ([0, HOUR, DAY, DAY + 1], Shape(items=1, span=DAY), 2),
        # The newest change may be long ago: a window knows no clock.
        ([90 * DAY, 90 * DAY + HOUR], Shape(items=1, span=DAY), 2),
        # Without a span exactly `items`, also of stories that came in one batch.
        ([0, 1, 2, 3], Shape(items=3, span=0), 3),
        ([0] * 8, Shape(items=5, span=0), 5),
        ([0] * (MOST + 9), Shape(items=50, span=DAY), MOST),
        ([0] * (MOST + 9), Shape(items=MOST + 5, span=0), MOST),
    ],
)
def test_a_window_holds_so_many_and_whatever_changed_lately(ages, shape, length):
    assert guids(gather(run(*ages), shape=shape)) == [str(n) for n in range(length)]


def test_no_more_is_read_than_the_window_holds():
    gathering = Gathering(lambda _: SHOWN, Shape(items=2, span=0))
    for story in run(0, 0):
        assert not gathering.is_full(story)
        gathering.offer(story)
    assert gathering.is_full(at(0, "x", position=0))


def test_a_window_of_nothing_has_no_dates():
    assert gather([]) == Window(items=(), changed=0, updated=0, until=None)


def test_an_item_offered_twice_is_shown_once():
    gathering = Gathering(lambda _: SHOWN, WIDE)
    story = held()
    gathering.offer(story)
    gathering.offer(story)
    assert guids(gathering.window()) == ["s"]


# --- kills ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ages", "killed", "expected"),
    [
        ([0, 1, 2, HOUR], {2}, ["2", "0", "1"]),
        # Beyond the first three and the span, a kill stays seven days.
        ([0, 1, 2, 2 * DAY, 3 * DAY], {3, 4}, ["3", "4", "0", "1", "2"]),
        ([0, 1, 2, KILL_STAYS], {3}, ["3", "0", "1", "2"]),
        ([0, 1, 2, KILL_STAYS + 1], {3}, ["0", "1", "2"]),
        # Among the first it stays, however old.
        ([0, KILL_STAYS + 1], {1}, ["1", "0"]),
        ([90 * DAY, 91 * DAY, 91 * DAY, 92 * DAY], {3}, ["3", "0", "1", "2"]),
    ],
)
def test_kills_come_first_and_stay_a_week(ages, killed, expected):
    shape = Shape(items=3, span=HOUR)
    assert guids(gather(run(*ages, killed=killed), shape=shape)) == expected


def test_kills_take_the_place_of_stories_in_a_window_that_is_full():
    window = gather(run(*[0] * MOST, HOUR, 2 * HOUR, killed={MOST, MOST + 1}))
    assert len(window.items) == MOST
    assert guids(window)[:3] == [str(MOST), str(MOST + 1), "0"]


def test_what_is_full_is_full_of_threads_the_caller_may_see():
    stories = run(0, DAY, 2 * DAY, 3 * DAY)
    assert guids(gather(stories, hiding("0", "2"), Shape(items=2, span=0))) == ["1", "3"]


# --- threads --------------------------------------------------------------------------------------

#: a ← b ← c, and d from a as well.
THREAD = {"a": None, "b": "a", "c": "b", "d": "a"}


def told(order: Iterable[str]) -> list[Story]:
    """Give the stories of the thread, the last of the order the last changed."""
    return [
        at(0, guid, position=n, evolved_from=THREAD[guid], feed_guid="a")
        for n, guid in enumerate(order)
    ]


@pytest.mark.parametrize("members", ["a", "ab", "ac", "bc", "abc"])
def test_a_thread_is_shown_once_by_its_newest_member_whatever_changed_last(members):
    for order in permutations(members):
        # With b hidden, c still follows a.
        for hidden in (set(), {"b"} & set(members[:-1])):
            stories = told(order) + [
                replace(s, position=-1) for s in told("b") if "b" not in members
            ]
            hides = hidden or {"b"} - set(members)
            window = gather(stories, hiding(*hides))
            assert guids(window) == [members[-1]], order


def test_of_a_fork_the_last_changed_is_shown():
    for order in permutations("abcd"):
        leaf = max("cd", key=order.index)
        # Changed after both leaves, b leads to c.
        expected = "c" if order.index("b") > order.index("d") else leaf
        assert guids(gather(told(order))) == [expected], order


def test_of_a_ring_the_last_changed_is_shown():
    stories = [
        at(0, "a", position=1, evolved_from="b", feed_guid="a"),
        at(0, "b", position=2, evolved_from="a", feed_guid="a"),
    ]
    assert guids(gather(stories)) == ["b"]


def test_the_public_keeps_the_old_story_while_its_update_is_under_embargo():
    old = held(guid="a")
    new = held(guid="b", evolved_from="a", feed_guid="a", embargoed_until=NOW + HOUR)
    stories = [replace(old, position=1), replace(new, position=2)]

    def window(caller: Entitlement, now: int) -> Window:
        return gather(stories, lambda story: decide(story, caller, now))

    assert guids(window(PUBLIC_READER, NOW)) == ["a"]
    assert guids(window(EARLY_READER, NOW)) == ["b"]
    assert window(PUBLIC_READER, NOW).until == window(EARLY_READER, NOW).until == NOW + HOUR
    assert guids(window(PUBLIC_READER, NOW + HOUR)) == ["b"]


def test_a_kill_of_the_newest_member_is_what_its_thread_shows():
    old, new = told("ab")
    new = replace(then(new, now=NOW, status=PubStatus.CANCELED), position=2)
    assert guids(gather([old, new])) == ["b"]


# --- dates ----------------------------------------------------------------------------------------


def test_a_hidden_story_moves_nothing():
    stories = run(0, HOUR)
    window = gather(stories, hiding("0"))
    assert (window.changed, window.updated) == (NOW - HOUR, NOW - HOUR)
    assert guids(window) == ["1"]


def test_a_vanished_story_moves_the_window_and_is_not_in_it():
    stories = run(0, HOUR)
    gone = Access(level=Level.HIDDEN, reason=Reason.WITHHELD, gone=NOW - MINUTE)
    window = gather(stories, lambda s: gone if s.guid == "0" else SHOWN)
    # By when it went: it has changed since, unseen.
    assert (window.changed, window.updated) == (NOW - MINUTE, NOW - MINUTE)
    assert guids(window) == ["1"]


def test_a_vanished_story_does_not_say_how_far_back_a_window_reaches():
    stories = run(0, HOUR, 3 * HOUR)
    gone = Access(level=Level.HIDDEN, reason=Reason.WITHHELD, gone=NOW - MINUTE)
    window = gather(
        stories, lambda s: gone if s.guid == "0" else SHOWN, Shape(items=1, span=2 * HOUR + 1)
    )
    assert guids(window) == ["1", "2"]


def test_what_the_clock_changed_moves_the_window():
    opened = replace(SHOWN, since=NOW + MINUTE)
    assert gather(run(0), lambda _: opened).changed == NOW + MINUTE


def test_a_window_holds_until_its_first_story_changes_hidden_ones_included():
    accesses = {
        "0": replace(SHOWN, until=NOW + 3),
        "1": replace(HIDDEN, until=NOW + 2),
        "2": replace(SHOWN, until=None),
    }
    assert gather(run(0, 1, 2), lambda s: accesses[s.guid]).until == NOW + 2
    assert gather(run(0, 1, 2)).until is None


def test_a_window_counts_its_items_by_level():
    teaser = Access(level=Level.SUMMARY, reason=Reason.PUBLIC)
    window = gather(run(0, 1, 2), lambda s: teaser if s.guid == "1" else SHOWN)
    assert count_levels(window.items) == {Level.FULL: 2, Level.SUMMARY: 1}
    assert count_levels(gather([]).items) == {}


# --- the model: any run of changes ----------------------------------------------------------------

#: Every feed of the model's world.
FEEDS = [Feed(language="en", topic=topic) for topic in ("", "economy", "politics")]
CALLERS = {
    "public": PUBLIC_READER,
    "politics": entitled(grant("politics")),
    "not politics": entitled(grant(excepted=frozenset({"politics"}))),
    "early": EARLY_READER,
    "delayed": entitled(grant("economy", delay=2 * HOUR), grant(level=Level.SUMMARY)),
}
#: a ← b ← c is a thread; d stands alone.
ORIGINS = {"a": None, "b": "a", "c": "b", "d": None}


class World:
    """An agency in little: messages come, the clock runs, everyone looks at every feed."""

    def __init__(self) -> None:
        self.now = NOW
        self.position = 0
        self.stories: dict[str, Story] = {}

    def send(self, guid: str, kind: str, topics: frozenset[str]) -> Story:
        before = self.stories.get(guid)
        origin = ORIGINS[guid]
        message = sent(
            guid=guid,
            version=before.version + 1 if before else 1,
            version_created=self.now,
            status={"kill": PubStatus.CANCELED, "withhold": PubStatus.WITHHELD}.get(
                kind, PubStatus.USABLE
            ),
            signals=("correction",) if kind == "correct" else (),
            embargoed_until=self.now + HOUR if kind == "embargo" else None,
            expires=self.now + 3 * HOUR if kind == "limit" else None,
            evolved_from=origin,
        )
        if before and kind != "move":
            topics = before.topics
        # c alone is of b's thread, until b says that this is a's.
        thread = before.thread if before else origin or guid
        place = Placing(language="en", topics=topics, thread=thread)
        story = revise(before, message, place, self.now, reinstate=True).story
        return self._announce(story)

    def pass_time(self, time: int) -> None:
        self.now += time
        for story in list(self.stories.values()):
            due = fallen_due(story, self.now)
            if due is not story and due.change is not story.change:
                self._announce(due)

    def _announce(self, story: Story) -> Story:
        self.position += 1
        story = replace(story, position=self.position, changed=self.now)
        self.stories[story.guid] = story
        for guid, origin in ORIGINS.items():
            if origin and {guid, origin} <= self.stories.keys():
                heir = replaced(self.stories[guid], self.stories[origin])
                self.stories[guid] = replace(heir, thread="a")
        return self.stories[story.guid]

    def look(self, feed: Feed, caller: Entitlement) -> Window:
        stories = [s for s in self.stories.values() if feed in s.feeds]
        return gather(stories, lambda s: decide(s, caller, self.now), Shape(items=2, span=DAY))


def check(world: World, feed: Feed, caller: Entitlement, window: Window) -> None:
    items = window.items
    shown = {item.story.thread: item.story for item in items}
    assert len(shown) == len(items)
    assert [i.story for i in items] == sorted(
        (i.story for i in items), key=lambda s: (not s.is_killed, -s.position)
    )
    visible = {
        s.guid: s
        for s in world.stories.values()
        if feed in s.feeds and decide(s, caller, world.now).level is not Level.HIDDEN
    }
    # Whatever may be seen is in every window it was ever in: itself, or a newer one of its thread.
    for story in visible.values():
        assert story.thread in shown
        assert shown[story.thread].guid >= story.guid
    for item in items:
        assert item == Item(story=item.story, access=decide(item.story, caller, world.now))
        assert item.story.guid in visible


changes = any_of(
    guid=tuple(ORIGINS),
    kind=("update", "correct", "kill", "withhold", "move", "embargo", "limit", "update"),
    topics=(frozenset({"economy"}), frozenset({"politics"})),
    pause=(MINUTE, HOUR, 20 * MINUTE, 4 * HOUR),
)


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(changes, min_size=2, max_size=8))
def test_after_any_run_of_changes_every_window_is_right_and_its_dates_never_go_back(run):
    world = World()
    looks = list(product(FEEDS, CALLERS.values()))
    before = dict.fromkeys(range(len(looks)), (0, 0))
    for change in run:
        world.pass_time(change["pause"])
        world.send(change["guid"], change["kind"], change["topics"])
        for n, (feed, caller) in enumerate(looks):
            window = world.look(feed, caller)
            check(world, feed, caller, window)
            assert window.changed >= before[n][0], (feed, caller)
            assert window.updated >= before[n][1], (feed, caller)
            assert window.changed <= world.now
            before[n] = (window.changed, window.updated)


@pytest.mark.parametrize("kind", ["update", "correct", "kill"])
@pytest.mark.parametrize("after", range(4))
def test_a_change_brings_a_story_back_into_every_window_it_was_in(kind, after):
    """A story that moved is changed once others have pushed it out, and pushed out again."""
    world = World()
    world.send("d", "publish", frozenset({"politics"}))
    world.send("d", "move", frozenset({"economy"}))

    def others() -> None:
        world.now += 25 * HOUR
        for feed in FEEDS[1:]:
            story = at(0, f"{feed.topic}-{world.now}", position=0, now=world.now)
            stood = {feed, Feed(language="en")}
            world._announce(replace(story, feeds=frozenset(stood)))

    for _ in range(3):
        others()
    assert not any("d" in guids(world.look(feed, PUBLIC_READER)) for feed in FEEDS)
    world.send("d", kind, frozenset())
    for _ in range(after):
        others()
    for feed in FEEDS:
        # A window holds two, and each time `latest` gets two of the others.
        stays = kind == "kill" or after < (2 if feed.topic else 1)
        assert ("d" in guids(world.look(feed, PUBLIC_READER))) is stays, feed


@pytest.mark.parametrize("sent_again", [3 * HOUR, MINUTE, 0])
def test_what_others_are_sent_of_a_story_that_went_before_dates_no_full_window(sent_again: int):
    """It went before what is shown; a version of it since, for others, comes before that."""
    shown = replace(at(HOUR, "shown", position=5), updated=NOW - 4 * HOUR)
    went = at(sent_again, "went", position=2 if sent_again == 3 * HOUR else 9)
    gone = Access(level=Level.HIDDEN, reason=Reason.NOT_COVERED, gone=NOW - 3 * HOUR)
    window = gather(
        [shown, went], lambda s: gone if s.guid == "went" else SHOWN, Shape(items=1, span=0)
    )
    # The first is how it stands where nothing was sent again.
    older = gather([shown, at(5 * HOUR, "older", position=1)], shape=Shape(items=1, span=0))
    assert (window.changed, window.updated) == (older.changed, NOW - 4 * HOUR)


@pytest.mark.parametrize(
    ("news", "kills", "feed", "page"),
    [
        ([5, 8], [], (5, 9), (5, 9)),
        # A feed tells kills from before it; a page has its own.
        ([5, 8], [3], (5, 9), (3, 9)),
        ([], [3], (9, 9), (3, 9)),
        # Of nothing a page tells nothing, and a feed that there is nothing new.
        ([], [], (9, 9), (10, 9)),
    ],
)
def test_a_document_tells_the_wire_from_its_oldest_story_on(news, kills, feed, page):
    shown = [at(0, f"n{n}", position=n) for n in news]
    shown += [at(0, f"k{n}", position=n, killed=True) for n in kills]
    items = [Item(story=one, access=SHOWN) for one in shown]
    assert stretch(items, 9, is_page=False) == feed
    assert stretch(items, 9, is_page=True) == page


def test_kills_of_what_was_lost_stand_at_the_top_and_no_thread_twice_by_one_name():
    killed = Access(level=Level.SUMMARY, reason=Reason.KILLED, bare=True)
    shown, again, new, old = (
        replace(held(guid=guid), thread=thread, position=position, changed=position)
        for guid, thread, position in (("a", "a", 1), ("b", "a", 2), ("c", "c", 4), ("d", "c", 3))
    )
    window = Window(
        items=(Item(story=shown, access=SHOWN),), changed=1, updated=1, until=None, reached=1
    )
    lost = [Item(story=story, access=killed) for story in (new, old, again)]
    full = with_lost(window, lost)
    assert [item.story.guid for item in full.items] == ["c", "a"]
    assert (full.lost, full.changed, full.updated) == (1, 4, max(1, new.updated))
    assert with_lost(window, []) == window
    # Its caller knows this one by another name, under which nothing else is shown.
    alone = replace(lost[2], access=replace(killed, thread="called"))
    assert [item.story.guid for item in with_lost(window, [alone]).items] == ["b", "a"]
