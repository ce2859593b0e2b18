"""Stories: what a message makes of the story held."""

import re
from dataclasses import replace
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    held,
    placing,
    revisions,
    sent,
    stories,
    then,
)
from wirefeed.domain.errors import Conflict
from wirefeed.domain.revising import Outcome, Revised, expire, release, replaced, revise
from wirefeed.domain.stories import SECOND, Feed, PubStatus, Revision, Standing, Story, story_id
from wirefeed.domain.threads import Member, thread_guid
from wirefeed.domain.wire import Change, ChangeKind, Head

USABLE, WITHHELD, CANCELED = PubStatus
LATER = NOW + HOUR
PLACE = placing("politics")


def feed(topic: str = "", language: str = "en") -> Feed:
    return Feed(language=language, topic=topic)


def places(story: Story) -> set[Standing]:
    """Give how a story stood, whenever that ended."""
    return {replace(s, ended=None) for s in story.stood}


# --- what a first message makes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "change", "released", "early_only"),
    [
        ({}, ChangeKind.PUBLISH, NOW, False),
        ({"signals": ("correction",)}, ChangeKind.PUBLISH, NOW, False),
        ({"embargoed_until": LATER}, ChangeKind.PUBLISH, None, True),
        ({"embargoed_until": NOW}, ChangeKind.PUBLISH, NOW, False),
        ({"embargoed_until": NOW - 1}, ChangeKind.PUBLISH, NOW, False),
        ({"status": WITHHELD}, ChangeKind.WITHHOLD, None, None),
        ({"status": CANCELED}, ChangeKind.KILL, None, None),
    ],
)
def test_a_first_message_creates_the_story(fields, change, released, early_only):
    revised = revise(None, sent(**fields), PLACE, NOW)
    story = revised.story
    assert (revised.outcome, revised.change, story.change) == (Outcome.CREATED, change, change)
    assert story.released == released
    assert story.changed == NOW
    # What was never shown stands nowhere.
    shown = {Standing(language="en", topics=frozenset({"politics"}), early=bool(early_only))}
    assert story.stood == (set() if early_only is None else shown)
    assert story.feeds == (set() if early_only is None else {feed(), feed("politics")})


@pytest.mark.parametrize(
    ("fields", "published", "updated"),
    [
        ({"version_created": NOW - HOUR}, NOW - HOUR, NOW - HOUR),
        ({"first_created": NOW - DAY, "version_created": NOW - HOUR}, NOW - DAY, NOW - HOUR),
        ({"version_created": None}, NOW, NOW),
        ({"version_created": NOW + DAY}, NOW, NOW),
        ({"first_created": NOW + DAY, "version_created": NOW + DAY}, NOW, NOW),
        # Dated the other way round, it is updated when it was published, not before.
        ({"first_created": NOW - HOUR, "version_created": NOW - DAY}, NOW - HOUR, NOW - HOUR),
        # An embargo over at arrival: published when it ended, unless written later still.
        ({"embargoed_until": NOW - MINUTE}, NOW - MINUTE, NOW - MINUTE),
        ({"embargoed_until": NOW - DAY}, NOW - HOUR, NOW - HOUR),
        ({"embargoed_until": LATER}, NOW - HOUR, NOW - HOUR),
    ],
)
def test_a_first_message_is_dated_by_the_newsroom_but_never_in_the_future(
    fields, published, updated
):
    story = revise(None, sent(**fields), PLACE, NOW).story
    assert (story.published, story.updated) == (published, updated)


def test_a_story_in_a_language_without_feeds_stands_in_none():
    story = held("politics", language="")
    assert story.feeds == frozenset()
    assert len(story.stood) == 1


# --- what the next message makes ------------------------------------------------------------------

#: What is held, what is sent next, and the change it comes to.
NEXT = [
    ({}, {}, ChangeKind.UPDATE),
    ({}, {"signals": ("correction",)}, ChangeKind.CORRECTION),
    ({}, {"status": WITHHELD}, ChangeKind.WITHHOLD),
    ({}, {"status": CANCELED}, ChangeKind.KILL),
    ({"status": WITHHELD}, {}, ChangeKind.PUBLISH),
    ({"status": WITHHELD}, {"status": CANCELED}, ChangeKind.KILL),
    ({"status": CANCELED}, {"status": CANCELED}, ChangeKind.KILL),
    ({"embargoed_until": LATER}, {"embargoed_until": LATER}, ChangeKind.UPDATE),
    ({"embargoed_until": LATER}, {"embargoed_until": LATER + DAY}, ChangeKind.UPDATE),
    ({"embargoed_until": LATER}, {"embargoed_until": NOW + MINUTE}, ChangeKind.RELEASE),
    ({"embargoed_until": LATER}, {}, ChangeKind.RELEASE),
    ({"embargoed_until": LATER}, {"status": CANCELED}, ChangeKind.KILL),
    ({}, {"embargoed_until": LATER}, ChangeKind.UPDATE),
]


@pytest.mark.parametrize(("first", "second", "change"), NEXT)
def test_a_higher_version_is_taken_and_announced(first, second, change):
    story = held(**first)
    at = NOW + MINUTE
    revised = revise(story, sent(version=2, version_created=at, **second), PLACE, at)
    assert (revised.outcome, revised.change, revised.story.change) == (
        Outcome.UPDATED,
        change,
        change,
    )
    assert revised.story.version == 2
    assert revised.story.changed == at


def test_a_withheld_story_that_was_shown_is_reinstated():
    story = then(held(), now=NOW + MINUTE, status=WITHHELD)
    assert then(story, now=NOW + HOUR, status=USABLE).change is ChangeKind.REINSTATE


def test_a_kill_is_final():
    killed = then(held(), now=NOW + MINUTE, status=CANCELED)
    for status in (USABLE, WITHHELD):
        with pytest.raises(Conflict, match="a kill is final"):
            revise(killed, sent(version=9, status=status), PLACE, LATER)


def test_a_kill_is_undone_only_on_purpose_and_by_a_higher_version():
    killed = then(held(), now=NOW + MINUTE, status=CANCELED)
    back = sent(version=3, version_created=LATER)
    revised = revise(killed, back, PLACE, LATER, reinstate=True)
    assert revised.change is ChangeKind.REINSTATE
    assert not revised.story.is_killed
    assert revise(killed, sent(), PLACE, LATER, reinstate=True).story.is_killed
    with pytest.raises(Conflict, match="other content"):
        revise(killed, replace(back, version=2), PLACE, LATER, reinstate=True)


def test_a_reinstated_story_stays_when_its_kill_is_sent_again():
    killed = then(held(), now=NOW + MINUTE, status=CANCELED)
    back = revise(killed, sent(version=3), PLACE, LATER, reinstate=True).story
    again = revise(back, killed.revision, PLACE, LATER)
    assert (again.outcome, again.story) == (Outcome.OLDER, back)


def test_a_story_that_was_killed_unseen_and_reinstated_is_new_to_everyone():
    killed = held(status=CANCELED)
    revised = revise(killed, sent(version=2), PLACE, LATER, reinstate=True)
    assert revised.change is ChangeKind.PUBLISH


def test_a_late_message_changes_nothing():
    story = held(version=3)
    for status in (USABLE, WITHHELD):
        revised = revise(story, sent(version=2, status=status, headline="old"), PLACE, LATER)
        assert revised == Revised(outcome=Outcome.OLDER, story=story)


@pytest.mark.parametrize("version", [2, 3])
def test_a_kill_wins_also_when_it_comes_late(version):
    story = held(version=3)
    kill = sent(version=version, status=CANCELED)
    revised = revise(story, kill, PLACE, LATER)
    assert (revised.change, revised.story.version) == (ChangeKind.KILL, 3)
    assert revised.story.is_killed
    again = revise(revised.story, kill, PLACE, LATER + HOUR)
    assert (again.story, again.change) == (revised.story, None)
    back = revise(revised.story, sent(version=4), PLACE, LATER, reinstate=True).story
    assert revise(back, kill, PLACE, LATER + HOUR).story == back


@pytest.mark.parametrize(
    "message",
    [
        sent(),
        sent(version=None),
        sent(version_created=None),
        sent(version=None, version_created=None),
        sent(version=0),
    ],
)
def test_a_repeated_message_changes_nothing(message):
    story = revise(None, message, PLACE, NOW).story
    revised = revise(story, message, PLACE, LATER)
    assert revised == Revised(outcome=Outcome.UNCHANGED, story=story)


def test_a_newsroom_may_count_from_0():
    story = held(version=0)
    assert story.version == 0
    assert then(story, now=LATER, headline="More").version == 1


def test_other_content_under_the_version_held_is_a_conflict():
    with pytest.raises(Conflict) as caught:
        revise(held(headline="A"), sent(headline="B"), PLACE, LATER)
    assert caught.value.field == "version"


@pytest.mark.parametrize(
    ("fields", "outcome", "version", "created"),
    [
        ({"version": None, "version_created": NOW}, Outcome.UPDATED, 6, NOW),
        ({"version": None, "version_created": None}, Outcome.UPDATED, 6, LATER),
        # As old as the one held, and different: it was sent after it.
        ({"version": None, "version_created": NOW - HOUR}, Outcome.UPDATED, 6, NOW - HOUR),
        ({"version": None, "version_created": NOW - DAY}, Outcome.OLDER, 5, NOW - HOUR),
        ({"version": 7, "version_created": None}, Outcome.UPDATED, 7, LATER),
        ({"version": 4, "version_created": None}, Outcome.OLDER, 5, NOW - HOUR),
    ],
)
def test_what_a_message_leaves_out_is_settled(fields, outcome, version, created):
    story = held(version=5)
    revised = revise(story, sent(headline="New", **fields), PLACE, LATER)
    assert revised.outcome is outcome
    assert revised.story.version == revised.story.revision.version == version
    assert revised.story.revision.version_created == created


def test_updates_within_a_second_are_still_told_apart():
    """Feeds date by the second, so a second update is dated after the first."""
    first = then(held(), now=NOW)
    second = then(first, now=NOW + 1)
    assert second.updated == first.updated + SECOND


# --- embargo --------------------------------------------------------------------------------------


def test_a_story_released_by_a_new_version_is_published_then():
    story = held(embargoed_until=LATER)
    lifted = then(story, now=NOW + MINUTE, embargoed_until=None)
    assert (lifted.released, lifted.published) == (NOW + MINUTE, NOW + MINUTE)
    assert {s.early for s in lifted.stood} == {True, False}


def test_a_story_never_shown_before_is_dated_by_the_message_that_shows_it():
    """When it was withheld, and how often, is nobody's business."""
    story = then(held(status=WITHHELD), now=LATER, status=USABLE)
    assert (story.released, story.published, story.updated) == (LATER, LATER, LATER)
    dated = then(held(status=WITHHELD, first_created=NOW - DAY), now=LATER, status=USABLE)
    assert (dated.published, dated.updated) == (NOW - DAY, LATER)


def test_an_embargo_that_ends_is_a_change():
    story = held("politics", embargoed_until=LATER)
    opened = release(story, LATER)
    assert opened.change is ChangeKind.RELEASE
    assert (opened.released, opened.published, opened.updated, opened.changed) == (LATER,) * 4
    assert Standing(language="en", topics=frozenset({"politics"})) in opened.stood
    assert opened.version == story.version


def test_a_second_embargo_does_not_move_the_first_release():
    story = held()
    again = then(story, now=NOW + MINUTE, embargoed_until=LATER)
    assert again.released == NOW
    opened = release(again, LATER)
    assert (opened.released, opened.published) == (story.released, story.published)
    assert opened.changed == LATER


def test_a_kill_reaches_who_saw_a_story_between_its_embargo_and_its_announced_release():
    story = held(embargoed_until=LATER)
    killed = then(story, now=LATER, status=CANCELED)
    assert Standing(language="en", topics=frozenset({"politics"}), ended=LATER) in killed.stood
    assert {s.early for s in then(story, now=LATER - 1, status=CANCELED).stood} == {True}


def test_rights_that_end_are_a_change():
    story = held(expires=LATER)
    ended = expire(story, LATER)
    assert (ended.change, ended.changed, ended.updated) == (ChangeKind.EXPIRE, LATER, LATER)
    assert (ended.published, ended.stood) == (story.published, story.stood)


# --- where a story stands -------------------------------------------------------------------------


def test_a_moved_story_and_its_kill_stand_where_every_version_stood():
    story = held("politics")
    moved = then(story, "economy", now=NOW + MINUTE)
    assert moved.topics == {"economy"}
    assert moved.feeds == {feed(), feed("politics"), feed("economy")}
    killed = then(moved, "sport", now=NOW + HOUR, status=CANCELED)
    # A kill's own topics are those of its template: nobody saw the story there.
    assert killed.topics == {"economy"}
    assert killed.feeds == moved.feeds
    assert places(killed) == places(moved)


def test_a_withheld_version_adds_no_place():
    story = then(held("politics"), "economy", now=LATER, status=WITHHELD)
    assert story.topics == {"politics"}
    assert story.feeds == {feed(), feed("politics")}


def test_a_successor_stands_where_its_predecessor_stood():
    old, new = held("politics"), held("economy", guid="t", evolved_from="s")
    assert replaced(new, old).feeds == {feed(), feed("politics"), feed("economy")}
    # Nobody saw it there; who saw its predecessor there may notice that it is gone.
    gone = Standing(
        language="en",
        topics=frozenset({"politics"}),
        inherited=True,
        ended=new.changed,
        published=old.published,
    )
    assert replaced(new, old).stood == new.stood | {gone}


def test_an_update_of_a_successor_stays_where_its_predecessor_stood():
    heir = replaced(held("economy", guid="t", evolved_from="s"), held("politics"))
    assert then(heir, now=LATER).feeds >= {feed("politics"), feed("economy")}
    assert then(heir, now=LATER, status=CANCELED).feeds == heir.feeds


def test_feeds_are_ordered_by_language_and_topic():
    assert sorted([feed("b"), feed(language="ar"), feed()]) == [
        feed(language="ar"),
        feed(),
        feed("b"),
    ]


# --- a kill's own headline ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headline", "own"),
    [
        ("Bridge opens", ""),
        ("  bridge   OPENS ", ""),
        ("KILL: Bridge opens", ""),
        ("Story withdrawn", "Story withdrawn"),
        ("", ""),
    ],
)
def test_a_kill_has_a_headline_of_its_own_or_none(headline, own):
    story = held(headline="Bridge opens")
    killed = then(story, now=LATER, status=CANCELED, headline=headline)
    assert killed.kill_headline == own
    assert then(killed, now=LATER + HOUR, status=CANCELED).kill_headline == own


def test_a_kill_of_a_story_without_headline_may_bring_one():
    killed = then(held(headline=""), now=LATER, status=CANCELED, headline="Withdrawn")
    assert killed.kill_headline == "Withdrawn"


def test_a_reinstated_story_has_no_kill_headline():
    killed = then(held(headline="A"), now=LATER, status=CANCELED, headline="Withdrawn")
    assert then(killed, now=LATER + HOUR, status=USABLE).kill_headline == ""


# --- threads --------------------------------------------------------------------------------------

A, B, C = Member(guid="a"), Member(guid="b", evolved_from="a"), Member(guid="c", evolved_from="b")


@pytest.mark.parametrize(
    ("members", "guid"),
    [
        ([A], "a"),
        ([A, B, C], "a"),
        # The link came before its target.
        ([B], "a"),
        ([C, B], "a"),
        # A fork.
        ([A, B, Member(guid="c", evolved_from="a")], "a"),
        # The newsroom's own, wherever in the thread it says so.
        ([replace(A, feed_guid="z"), B], "z"),
        ([A, B, replace(C, feed_guid="z")], "z"),
        ([replace(A, feed_guid="z"), replace(B, feed_guid="y")], "y"),
        ([replace(A, feed_guid="")], "a"),
        # Rings have no first story.
        ([replace(A, evolved_from="a")], "a"),
        ([replace(A, evolved_from="c"), B, C], "a"),
        ([Member(guid="d", evolved_from="b"), replace(A, evolved_from="b"), B], "a"),
    ],
)
def test_a_thread_has_one_guid_in_whatever_order_its_stories_came(members, guid):
    assert {thread_guid(order) for order in permutations(members)} == {guid}


names = st.sampled_from("abcdef")


@given(
    st.lists(
        st.builds(Member, guid=names, evolved_from=st.none() | names, feed_guid=st.none() | names),
        min_size=1,
        unique_by=lambda m: m.guid,
    ).flatmap(lambda members: st.tuples(st.just(members), st.permutations(members)))
)
def test_the_guid_of_a_thread_is_independent_of_order(orders):
    one, other = orders
    guid = thread_guid(one)
    assert guid == thread_guid(other)
    assert guid in {n for m in one for n in (m.guid, m.evolved_from, m.feed_guid)}


# --- properties -----------------------------------------------------------------------------------


def arrive(messages: list[Revision]) -> Story:
    """Let messages come in one a minute, whatever is refused."""
    story: Story | None = None
    for minute, message in enumerate(messages):
        try:
            story = revise(story, message, PLACE, NOW + DAY + minute * MINUTE).story
        except Conflict:
            continue
    assert story is not None
    return story


@st.composite
def histories(draw) -> list[Revision]:
    """Draw the versions of a story as a newsroom makes them: a kill is the end."""
    versions = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=5)))
    drawn = [draw(revisions(version=version)) for version in versions]
    kill = next((n for n, r in enumerate(drawn) if r.status is CANCELED), len(drawn))
    return [replace(r, status=CANCELED) if n > kill else r for n, r in enumerate(drawn)]


@st.composite
def arrivals(draw) -> tuple[list[Revision], list[Revision]]:
    history = draw(histories())
    repeats = draw(st.lists(st.sampled_from(history), max_size=4))
    return history, draw(st.permutations(history + repeats))


@given(arrivals())
def test_any_order_and_repetition_of_a_storys_versions_ends_the_same(drawn):
    history, order = drawn
    story, expected = arrive(order), history[-1]
    assert story.version == expected.version
    assert story.revision == expected
    assert arrive([*order, *order]) == story


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=5, unique=True).flatmap(
        lambda versions: st.permutations([(v, n == 0) for n, v in enumerate(versions)])
    )
)
def test_a_story_that_is_killed_ends_killed_in_any_order(order):
    messages = [sent(version=v, status=CANCELED if kill else USABLE) for v, kill in order]
    assert arrive(messages).is_killed


@given(st.lists(revisions().map(lambda r: replace(r, version=None)), min_size=1, max_size=4))
def test_messages_without_version_end_with_the_newest_dated(drawn):
    messages = [
        replace(r, status=USABLE, version_created=NOW - n * HOUR) for n, r in enumerate(drawn)
    ]
    for order in permutations(messages):
        assert arrive(list(order)).revision.version_created == NOW


@given(st.lists(st.integers(0, 5).flatmap(lambda n: revisions(version=n)), max_size=6))
def test_once_killed_never_usable_again(messages):
    story = then(held(version=2), now=LATER, status=CANCELED)
    for message in messages:
        try:
            story = revise(story, message, PLACE, LATER + HOUR).story
        except Conflict:
            continue
        assert story.is_killed


@given(
    st.lists(st.tuples(revisions(), st.integers(0, 3), st.integers(1, 90)), min_size=1, max_size=6)
)
def test_versions_and_dates_only_rise_and_are_never_in_the_future(drawn):
    now = NOW
    story: Story | None = None
    for message, step, seconds in drawn:
        now += seconds * SECOND
        before = story
        place = placing("politics")
        version = (before.version if before else 0) + step
        try:
            story = revise(before, replace(message, version=version), place, now).story
        except Conflict:
            continue
        assert story.published <= story.updated <= now
        assert story.published <= now
        if before is not None:
            assert story.version >= before.version
            assert story.feeds >= before.feeds
            assert places(story) >= places(before)
            assert story.changed >= before.changed
        if before is not None and before.stood:
            assert story.published >= before.published
            assert (story.updated > before.updated) is (story is not before)
        if story.revision.embargoed_until and story.released is None:
            story = release(story, now)
            assert story.published == now


@given(stories)
def test_a_story_stands_in_the_feeds_of_all_its_standings(story):
    assert story.feeds == {f for s in story.stood for f in s.feeds}
    assert story.released is None or any(not s.early for s in story.stood)


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("guid", ["s", "urn:newsml:a:20260301:1", "İ", "\ud800", ""])
def test_a_storys_id_is_16_characters_that_say_nothing_of_its_guid(guid):
    assert re.fullmatch(r"[a-z2-7]{16}", story_id(guid))


def test_a_storys_id_is_stable():
    story = held()
    assert story.id == story_id("s") == then(story, now=LATER).id == "aq5hdb3uyvzl3crf"
    assert story_id("t") != story.id


def test_a_change_is_announced_to_nobody_unless_said():
    change = Change(kind=ChangeKind.ACCESS, about="plan:gold")
    assert change.version == 0
    assert not change.before | change.after
    assert Head(position=3, at=NOW).position == 3


def test_dates_rise_with_each_version_of_a_day():
    story = held()
    days = [story]
    for n in range(5):
        days.append(then(days[-1], now=NOW + n * HOUR))
    assert all(a.updated < b.updated for a, b in pairwise(days))


def test_a_kill_dated_before_the_version_held_kills():
    story = held(version=0)
    kill = sent(version=None, version_created=NOW - 2 * DAY, status=CANCELED)
    assert revise(story, kill, PLACE, LATER).story.is_killed


@pytest.mark.parametrize("own", ["Bridge opens.", "Bridge", "KILL: BRIDGE OPENS!"])
def test_no_kill_brings_the_killed_headline_back(own):
    killed = then(held(headline="Bridge opens"), now=LATER, status=CANCELED, headline=own)
    assert killed.kill_headline != own
    again = then(killed, now=LATER + HOUR, status=CANCELED, headline="Bridge opens")
    assert again.kill_headline == killed.kill_headline


def test_a_version_whose_rights_have_ended_stands_nowhere():
    withheld = held(status=WITHHELD)
    story = revise(withheld, sent(version=2, expires=NOW), PLACE, LATER).story
    assert story.stood == frozenset()
