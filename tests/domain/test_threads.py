"""Threads: what one is called to whoever may know the stories it has its name from, and who not."""

from dataclasses import replace

import pytest
from hypothesis import given

from tests.domain.strategies import (
    HOUR,
    NOW,
    entitled,
    entitlements,
    grant,
    held,
    moments,
    stories,
    then,
)
from wirefeed.domain.access import Level, decide, was_shown
from wirefeed.domain.stories import PubStatus, story_id
from wirefeed.domain.threads import called

KEY = bytes(range(32))
SPORT = entitled(grant("sport"))
EARLY = entitled(grant("sport", early=True))
OPEN = held("sport", guid="first")


def name(*namers, caller=SPORT, thread="first", key=KEY) -> str:
    return called(thread, namers, caller, key)


@pytest.mark.parametrize(
    "seen",
    [
        OPEN,
        then(OPEN, now=NOW + HOUR, status=PubStatus.WITHHELD),
        then(OPEN, now=NOW + HOUR, status=PubStatus.CANCELED),
        then(OPEN, "economy", now=NOW + HOUR),
        then(OPEN, now=NOW + HOUR, embargoed_until=NOW + 2 * HOUR),
    ],
)
def test_who_was_shown_the_first_story_knows_its_thread_by_it(seen):
    assert name(seen) == "first"


@pytest.mark.parametrize(
    "kept",
    [
        held("economy", guid="first"),
        held("sport", guid="first", status=PubStatus.WITHHELD),
        held("sport", guid="first", expires=NOW - HOUR),
        held("sport", guid="first", embargoed_until=NOW + HOUR),
        replace(OPEN, stood=frozenset(replace(s, inherited=True) for s in OPEN.stood)),
    ],
)
def test_to_all_others_it_is_called_as_if_the_story_had_never_come(kept):
    assert name(kept) == name() != "first"


def test_who_sees_stories_early_knows_it_by_them():
    kept = held("sport", guid="first", embargoed_until=NOW + HOUR)
    assert name(kept, caller=EARLY) == "first"


def test_one_of_several_that_gave_the_name_is_enough():
    one, other = held("economy", guid="a"), held("sport", guid="b", feed_guid="first")
    assert name(one, other) == "first"


def test_a_name_of_ours_is_the_same_for_a_thread_and_says_nothing_of_it():
    ours = name()
    assert ours == name()
    assert ours != name(thread="second")
    # Who guesses a GUID cannot find it confirmed, as by the id of a story.
    assert ours != name(key=bytes(32))
    assert story_id("first") not in ours
    assert name(thread="\udfff")


@given(story=stories, caller=entitlements, now=moments)
def test_whoever_sees_a_story_now_or_saw_it_go_was_shown_it(story, caller, now):
    access = decide(story, caller, now)
    own = replace(story, stood=frozenset(s for s in story.stood if not s.inherited))
    shown = access.level is not Level.HIDDEN or decide(own, caller, now).gone is not None
    # The clock may have ended an embargo before that is announced.
    waits = story.released is None and story.revision.embargoed_until is not None
    assert was_shown(story, caller) >= (shown and not waits)
