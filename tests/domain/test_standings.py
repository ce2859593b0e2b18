"""Standings: what is remembered of how a story was shown, and what each caller may know by it."""

import pytest

from tests.domain.strategies import DAY, HOUR, LINKS, MINUTE, NOW, entitled, grant, held, then
from wirefeed.domain.access import ALL, PUBLIC, Level, Reason, decide, stands_in
from wirefeed.domain.revising import replaced
from wirefeed.domain.stories import Feed, PubStatus
from wirefeed.domain.views import view

USABLE, WITHHELD, CANCELED = PubStatus
LATER = NOW + HOUR
POLITICS, SPORT = entitled(grant("politics")), entitled(grant("sport"))
EVERYTHING = entitled(grant(early=True))
#: Everybody but for the economy.
OTHERS = entitled(grant(plan=PUBLIC, excepted=frozenset({"economy"}), level=Level.SUMMARY))


def feed(topic: str = "", language: str = "en") -> Feed:
    return Feed(language=language, topic=topic)


# --- their ends -----------------------------------------------------------------------------------


def test_a_standing_ends_with_the_version_that_no_longer_stands_so():
    story = held("politics")
    moved = then(story, "economy", now=NOW + MINUTE)
    back = then(moved, "politics", now=LATER)
    ends = {next(iter(s.topics)): s.ended for s in moved.stood}
    assert ends == {"politics": NOW + MINUTE, "economy": None}
    assert {next(iter(s.topics)): s.ended for s in back.stood} == {
        "politics": None,
        "economy": LATER,
    }


def test_a_standing_ends_with_the_rights_in_it_whenever_the_next_message_comes():
    story = held("politics", expires=NOW + MINUTE)
    for next_one in ({"expires": None}, {"status": WITHHELD}):
        (*_, standing) = [s for s in then(story, "economy", now=LATER, **next_one).stood if s.ended]
        assert standing.ended == NOW + MINUTE


@pytest.mark.parametrize("status", [CANCELED, WITHHELD, USABLE])
def test_a_story_whose_rights_end_under_embargo_was_never_open(status):
    story = held("politics", embargoed_until=NOW + HOUR, expires=NOW + MINUTE)
    following = then(story, now=LATER, status=status, expires=NOW + MINUTE)
    assert {s.early for s in following.stood} == {True}


def test_a_story_that_came_too_late_for_its_rights_was_never_shown():
    late = held("politics", expires=NOW - MINUTE)
    assert then(late, now=LATER, status=WITHHELD).stood == frozenset()


# --- what replaced what ---------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [True, False])
def test_a_successor_is_dated_as_of_its_threads_first_publication_to_who_saw_that(shown):
    first = held("politics", first_created=NOW - 2 * DAY)
    second = replaced(held("sport", guid="t", first_created=NOW - DAY), first, shown=shown)
    third = replaced(held("sport", "economy", guid="u", evolved_from="t"), second, shown=shown)
    assert decide(third, EVERYTHING, LATER).published == NOW - 2 * DAY
    no_politics = entitled(grant(excepted=frozenset({"politics"})))
    assert decide(third, no_politics, LATER).published == NOW - DAY
    assert decide(third, entitled(grant("economy")), LATER).published is None
    assert third.published == NOW - HOUR


def test_who_never_saw_what_a_story_replaced_does_not_see_it_go():
    """It came after the one that replaces it."""
    late = held("politics", guid="s")
    heir = replaced(held("sport", guid="t", evolved_from="s"), late, shown=False)
    assert decide(heir, POLITICS, LATER).gone is None
    early = replaced(held("sport", guid="t", evolved_from="s"), late)
    assert decide(early, POLITICS, LATER).gone == NOW


@pytest.mark.parametrize(
    "hidden",
    [
        {},
        {"status": WITHHELD},
        {"expires": NOW},
        # In topics that are for this caller, and not for it yet.
        {"topics": ("sport",), "embargoed_until": LATER + DAY},
        {"topics": ("sport",), "expires": NOW},
    ],
)
def test_who_saw_what_a_story_replaced_sees_it_go_however_that_is_hidden(hidden):
    heir = replaced(held("economy", guid="t", evolved_from="s"), held("politics"))
    fields = dict(hidden)
    topics = fields.pop("topics", ("economy",))
    now_hidden = then(heir, *topics, now=NOW + MINUTE, **fields)
    access = decide(now_hidden, OTHERS, LATER)
    assert (access.level, access.gone) == (Level.HIDDEN, NOW)
    assert stands_in(now_hidden, {feed("politics")}, OTHERS, access)


@pytest.mark.parametrize(
    ("caller", "feeds"),
    [
        (EVERYTHING, {"", "economy", "sport"}),
        # It took the place of one that was not for them.
        (OTHERS, {"", "sport"}),
        (SPORT, {"", "sport"}),
    ],
)
@pytest.mark.parametrize("shown", [True, False])
def test_a_story_stands_where_another_stood_for_who_saw_that_one(caller, feeds, shown):
    old = held("economy")
    heir = replaced(held("sport", guid="t", evolved_from="s"), old, shown=shown)
    access = decide(heir, caller, LATER)
    found = {t for t in ("", "economy", "sport") if stands_in(heir, {feed(t)}, caller, access)}
    assert found == feeds


# --- where it is found ----------------------------------------------------------------------------


def test_a_story_is_not_found_where_it_stood_unseen():
    moved = then(held("economy"), "sport", now=NOW + MINUTE)
    killed = then(moved, now=LATER, status=CANCELED)
    for story in (moved, killed):
        for caller, there in ((EVERYTHING, True), (OTHERS, False)):
            access = decide(story, caller, LATER)
            assert stands_in(story, {feed("economy")}, caller, access) is there
            assert stands_in(story, {feed("sport")}, caller, access)
            assert not stands_in(story, {feed(language="tr")}, caller, access)


def test_a_story_out_of_sight_is_missed_where_it_was_seen_and_not_where_it_is():
    hidden = then(held("sport"), "economy", now=NOW + MINUTE)
    access = decide(hidden, OTHERS, LATER)
    assert access.gone == NOW + MINUTE
    assert stands_in(hidden, {feed("sport")}, OTHERS, access)
    assert not stands_in(hidden, {feed("economy")}, OTHERS, access)


# --- what a kill says -----------------------------------------------------------------------------


def test_a_kill_names_the_topics_in_which_it_was_seen():
    hidden = then(held("sport"), "politics", now=NOW + MINUTE, embargoed_until=LATER + DAY)
    killed = then(hidden, now=LATER, status=CANCELED)
    for caller, topics in ((OTHERS, {"sport"}), (EVERYTHING, {"sport", "politics"})):
        access = decide(killed, caller, LATER)
        assert access.reason is Reason.KILLED
        assert set(view(killed, access, words=60, links=LINKS).topics) == access.topics == topics


#: What became of a story in sport before its kill, and whether the kill may be called by that.
BEFORE_THE_KILL = [
    ([("sport", {})], True),
    # Open to all, it was the same story to all.
    (
        [("sport", {"embargoed_until": NOW + 2 * MINUTE}), ("sport", {"embargoed_until": None})],
        True,
    ),
    ([("economy", {})], False),
    ([("sport", {"status": WITHHELD})], False),
    ([("sport", {"embargoed_until": LATER + DAY})], False),
]


@pytest.mark.parametrize(("versions", "told"), BEFORE_THE_KILL)
def test_a_kill_that_names_nothing_says_no_word_of_a_version_that_some_never_saw(versions, told):
    story = held("sport", slugline="BRIDGE")
    for number, (topic, fields) in enumerate(versions, 1):
        secret = {"slugline": f"BRIDGE-{number}", "headline": "Bridge falls"}
        story = then(story, topic, now=NOW + number * MINUTE, **secret | fields)
    killed = then(story, now=LATER, status=CANCELED, slugline="", headline="")
    title = view(killed, decide(killed, OTHERS, LATER), words=60, links=LINKS).headline
    assert title == (f"KILL: BRIDGE-{len(versions)}" if told else "KILL: 2026-03-01 sport")
    assert decide(killed, entitled(grant(ALL)), LATER).reason is Reason.KILLED
