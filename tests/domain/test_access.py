"""Access: how much of a story a caller may see, why, and until when."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import (
    DAY,
    HOUR,
    LINKS,
    MINUTE,
    NOW,
    PICTURE,
    entitled,
    entitlements,
    grant,
    grants,
    held,
    moments,
    stories,
    then,
)
from wirefeed.domain.access import ALL, PUBLIC, Access, Grant, Level, Reason, decide, next_change
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import Plan, entitlement
from wirefeed.domain.revising import release
from wirefeed.domain.stories import Concept, MediaItem, PubStatus, Rendition, Revision, Story
from wirefeed.domain.views import View, view

HIDDEN, SUMMARY, FULL = Level
LATER = NOW + HOUR
TEASERS = grant(plan=PUBLIC, level=SUMMARY)
NOBODY = entitled()


def public(*more: Grant):
    return entitled(TEASERS, *more, anonymous=True)


def on(*topics: str, **fields):
    """Give a subscriber of a plan of these topics, who also has what the public has."""
    return entitled(TEASERS, grant(*topics, **fields))


# --- grants ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "language", "topics", "covered"),
    [
        ({"topics": {ALL}}, "en", {"politics"}, True),
        ({"topics": {ALL}}, "en", set(), True),
        ({"topics": {"politics"}}, "en", {"politics", "economy"}, True),
        ({"topics": {"politics"}}, "en", {"economy"}, False),
        ({"topics": {"politics"}}, "en", set(), False),
        ({"topics": {ALL}, "languages": {"tr"}}, "en", {"politics"}, False),
        ({"topics": {ALL}, "languages": {"tr", "en"}}, "en", {"politics"}, True),
        ({"topics": {ALL}, "languages": {"tr"}}, "", {"politics"}, False),
        # Taking away wins, also over the same topic and over another that is granted.
        ({"topics": {ALL}, "excepted": {"sport"}}, "en", {"sport", "politics"}, False),
        ({"topics": {"sport"}, "excepted": {"sport"}}, "en", {"sport"}, False),
        ({"topics": {"sport"}, "excepted": {"football"}}, "en", {"sport", "football"}, False),
        ({"topics": {"sport"}, "excepted": {"football"}}, "en", {"sport"}, True),
    ],
)
def test_a_grant_covers_topics_and_languages(fields, language, topics, covered):
    named: dict[str, Any] = {name: frozenset(value) for name, value in fields.items()}
    made = Grant(plan="gold", **named)
    assert made.covers(language, frozenset(topics)) is covered


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"topics": frozenset()}, "topics"),
        ({"languages": frozenset()}, "topics"),
        ({"excepted": frozenset({ALL})}, "except"),
        ({"level": HIDDEN}, "level"),
        ({"delay": -1}, "delay"),
    ],
)
def test_a_grant_that_means_nothing_is_refused(fields, field):
    with pytest.raises(Unacceptable) as caught:
        Grant(**{"plan": "gold", "topics": frozenset({ALL}), **fields})
    assert caught.value.field == field


def test_levels_are_ranked_from_the_closed_one():
    assert [level.rank for level in (HIDDEN, SUMMARY, FULL)] == [0, 1, 2]


# --- the decision ---------------------------------------------------------------------------------

#: How a story is held, who asks, and what comes of it an hour later.
DECISIONS = [
    ({}, NOBODY, HIDDEN, Reason.NOT_COVERED),
    ({}, public(), SUMMARY, Reason.PUBLIC),
    ({}, entitled(grant(plan=PUBLIC), anonymous=True), FULL, Reason.PUBLIC),
    # What a subscriber has from the public plan alone is not of its own plan.
    ({}, entitled(TEASERS), SUMMARY, Reason.NOT_COVERED),
    ({}, on("economy"), SUMMARY, Reason.NOT_COVERED),
    ({}, entitled(grant("economy")), HIDDEN, Reason.NOT_COVERED),
    ({}, entitled(grant(plan=PUBLIC)), FULL, Reason.GRANTED),
    ({}, on("politics"), FULL, Reason.GRANTED),
    ({}, on("politics", level=SUMMARY), SUMMARY, Reason.GRANTED),
    ({}, on("politics", excepted=frozenset({"politics"})), SUMMARY, Reason.NOT_COVERED),
    ({}, on(ALL, languages=frozenset({"tr"})), SUMMARY, Reason.NOT_COVERED),
    # A delay counts from the release, here an hour ago.
    ({}, on(ALL, delay=HOUR), FULL, Reason.GRANTED),
    ({}, on(ALL, delay=HOUR + 1), SUMMARY, Reason.DELAYED),
    ({}, on(ALL, delay=HOUR + 1, level=SUMMARY), SUMMARY, Reason.GRANTED),
    ({"embargoed_until": LATER + 1}, public(), HIDDEN, Reason.EMBARGOED),
    ({"embargoed_until": LATER + 1}, on(ALL), HIDDEN, Reason.EMBARGOED),
    ({"embargoed_until": LATER + 1}, on(ALL, early=True), FULL, Reason.GRANTED),
    ({"embargoed_until": LATER + 1}, on("economy", early=True), HIDDEN, Reason.EMBARGOED),
    # The clock ends an embargo, even before anyone announces it.
    ({"embargoed_until": LATER}, on(ALL), FULL, Reason.GRANTED),
    ({"embargoed_until": LATER}, on(ALL, delay=1), SUMMARY, Reason.DELAYED),
    ({"embargoed_until": LATER - 1}, on(ALL, delay=1), FULL, Reason.GRANTED),
    ({"embargoed_until": LATER + 1}, on(ALL, delay=1, early=True), SUMMARY, Reason.DELAYED),
    ({"expires": LATER}, on(ALL), HIDDEN, Reason.EXPIRED),
    ({"expires": LATER}, NOBODY, HIDDEN, Reason.NOT_COVERED),
    ({"expires": LATER + 1}, on(ALL), FULL, Reason.GRANTED),
    # Nobody saw what came withheld or killed.
    ({"status": PubStatus.WITHHELD}, on(ALL), HIDDEN, Reason.NOT_COVERED),
    ({"status": PubStatus.CANCELED}, on(ALL), HIDDEN, Reason.NOT_COVERED),
]


@pytest.mark.parametrize(("fields", "caller", "level", "reason"), DECISIONS)
def test_decision(fields, caller, level, reason):
    access = decide(held("politics", **fields), caller, LATER)
    assert (access.level, access.reason) == (level, reason)


THEN = NOW + MINUTE
#: What is sent after a story in politics was shown, who asks, what comes of it, and when it went.
ENDS = [
    ({"status": PubStatus.CANCELED}, public(), SUMMARY, Reason.KILLED, None),
    ({"status": PubStatus.CANCELED}, on("politics"), SUMMARY, Reason.KILLED, None),
    ({"status": PubStatus.CANCELED}, entitled(grant("sport")), HIDDEN, Reason.NOT_COVERED, None),
    ({"status": PubStatus.CANCELED}, NOBODY, HIDDEN, Reason.NOT_COVERED, None),
    ({"status": PubStatus.WITHHELD}, public(), HIDDEN, Reason.WITHHELD, THEN),
    ({"status": PubStatus.WITHHELD}, on("politics"), HIDDEN, Reason.WITHHELD, THEN),
    ({"status": PubStatus.WITHHELD}, NOBODY, HIDDEN, Reason.NOT_COVERED, None),
    # A kill is told also when the rights ended, and under a new embargo.
    ({"status": PubStatus.CANCELED, "expires": NOW}, public(), SUMMARY, Reason.KILLED, None),
    ({"embargoed_until": LATER + 1}, public(), HIDDEN, Reason.EMBARGOED, THEN),
    ({"embargoed_until": LATER + 1}, NOBODY, HIDDEN, Reason.NOT_COVERED, None),
    ({"expires": LATER - 1}, public(), HIDDEN, Reason.EXPIRED, LATER - 1),
    ({"expires": LATER - 1}, NOBODY, HIDDEN, Reason.NOT_COVERED, None),
]


@pytest.mark.parametrize(("fields", "caller", "level", "reason", "gone"), ENDS)
def test_the_end_of_a_story_is_told_to_who_may_have_seen_it(fields, caller, level, reason, gone):
    story = then(held("politics"), now=THEN, **fields)
    access = decide(story, caller, LATER)
    assert (access.level, access.reason, access.gone) == (level, reason, gone)


@pytest.mark.parametrize("fields", [f for f, c, *_, g in ENDS if g and c != NOBODY])
@pytest.mark.parametrize("topic", ["economy", "politics"])
@pytest.mark.parametrize("after", [{}, {"status": PubStatus.WITHHELD}, {"expires": NOW}])
def test_what_is_sent_of_a_story_out_of_sight_moves_nothing(fields, topic, after):
    """Else the date of a feed would say when a hidden story changed."""
    gone = then(held("politics"), "economy", now=THEN, **fields)
    ahead = {"embargoed_until": LATER + DAY} if topic == "politics" else {}
    later = then(gone, topic, now=LATER, **fields | ahead | after)
    caller = entitled(grant("politics"))
    assert decide(gone, caller, LATER).gone == THEN
    assert decide(later, caller, LATER).gone == THEN


def test_a_kill_reaches_who_saw_the_story_before_it_moved():
    moved = then(held("politics"), "economy", now=NOW + MINUTE)
    killed = then(moved, "sport", now=NOW + HOUR, status=PubStatus.CANCELED)
    for topic in ("politics", "economy"):
        assert decide(killed, entitled(grant(topic)), LATER).reason is Reason.KILLED
    assert decide(killed, entitled(grant("sport")), LATER).level is HIDDEN


def test_a_story_that_moved_out_of_a_plan_vanishes_from_it():
    moved = then(held("politics"), "economy", now=NOW + MINUTE)
    access = decide(moved, entitled(grant("politics")), LATER)
    assert (access.level, access.reason) == (HIDDEN, Reason.NOT_COVERED)
    assert access.gone == NOW + MINUTE
    assert access.grant is None
    assert decide(moved, entitled(grant("sport")), LATER).gone is None


def test_the_kill_of_an_embargoed_story_reaches_only_who_saw_it_early():
    killed = then(
        held("politics", embargoed_until=LATER), now=NOW + MINUTE, status=PubStatus.CANCELED
    )
    assert decide(killed, on(ALL), LATER + DAY).level is HIDDEN
    assert decide(killed, on(ALL, early=True), LATER).reason is Reason.KILLED


@pytest.mark.parametrize(("tag", "languages"), [("de-AT", {"de"}), ("DE", {"de"}), ("", {ALL})])
def test_a_language_without_feeds_is_covered_by_its_own_tag(tag, languages):
    """Such a story has a page and a place on the wire, and so has its kill."""
    story = held("politics", language="")
    story = replace(story, revision=replace(story.revision, language=tag))
    caller = entitled(grant(languages=frozenset(languages)))
    assert decide(story, caller, LATER).level is FULL
    killed = then(story, now=NOW + MINUTE, status=PubStatus.CANCELED)
    assert decide(killed, caller, LATER).reason is Reason.KILLED
    assert decide(story, entitled(grant(languages=frozenset({"en"}))), LATER).level is HIDDEN


def test_a_delay_counts_from_the_first_release_not_from_an_update_or_a_second_one():
    story = then(held("politics"), now=NOW + MINUTE)
    caller = on(ALL, delay=30 * MINUTE)
    assert decide(story, caller, NOW + 30 * MINUTE).level is FULL
    again = release(then(story, now=NOW + HOUR, embargoed_until=LATER + HOUR), LATER + HOUR)
    assert decide(again, caller, LATER + HOUR).level is FULL


def test_the_end_of_rights_is_nothing_to_who_no_longer_sees_the_story():
    moved = then(held("politics"), "economy", now=NOW + MINUTE, expires=LATER)
    caller = entitled(grant("politics"))
    assert decide(moved, caller, LATER - 1) == decide(moved, caller, LATER)


def test_a_language_that_was_corrected_does_not_widen_who_is_told_of_a_kill():
    story = held("politics", language="")
    corrected = replace(
        then(story, "economy", now=NOW + MINUTE, status=PubStatus.CANCELED), language="en"
    )
    assert decide(corrected, entitled(grant(languages=frozenset({"en"}))), LATER).level is HIDDEN


@pytest.mark.parametrize(
    ("grants", "media", "notes"),
    [
        ([grant()], False, False),
        ([grant(media=True)], True, False),
        ([grant(notes=True)], False, True),
        # Two full grants join what they have.
        ([grant(media=True), grant(notes=True, plan="silver")], True, True),
        # Pictures and notes belong to the full story.
        ([grant(media=True, notes=True, level=SUMMARY)], False, False),
        ([grant(), grant(media=True, notes=True, level=SUMMARY)], False, False),
        ([grant(), grant(media=True, notes=True, delay=DAY)], False, False),
        ([grant(), grant("sport", media=True, notes=True)], False, False),
    ],
)
def test_pictures_and_notes_come_only_with_a_full_grant_that_has_them(grants, media, notes):
    access = decide(held("politics"), entitled(TEASERS, *grants), NOW)
    assert (access.media, access.notes) == (media, notes)


@pytest.mark.parametrize(
    ("fields", "caller", "until", "since"),
    [
        ({}, on(ALL), None, None),
        ({}, on(ALL, delay=DAY), NOW + DAY, None),
        ({}, on(ALL, delay=HOUR), None, LATER),
        ({}, on(ALL, delay=HOUR, level=SUMMARY), None, None),
        # Full without a delay from the start: the other grant's changed nothing.
        ({}, entitled(grant(), grant(delay=HOUR)), None, None),
        ({}, entitled(grant(delay=HOUR), grant(delay=MINUTE)), None, NOW + MINUTE),
        ({"embargoed_until": LATER + DAY}, public(), LATER + DAY, None),
        ({"embargoed_until": LATER + DAY}, on(ALL, early=True), LATER + DAY, None),
        ({"embargoed_until": LATER + DAY}, NOBODY, None, None),
        ({"embargoed_until": LATER}, public(), None, LATER),
        ({"embargoed_until": LATER}, on(ALL, delay=DAY), LATER + DAY, LATER),
        ({"expires": LATER + 1}, public(), LATER + 1, None),
        ({"expires": LATER}, public(), None, LATER),
        ({"expires": LATER + 1}, NOBODY, None, None),
        ({"expires": LATER + DAY}, on(ALL, delay=2 * HOUR), NOW + 2 * HOUR, None),
    ],
)
def test_a_decision_says_until_when_it_holds_and_since_when(fields, caller, until, since):
    access = decide(held("politics", **fields), caller, LATER)
    assert (access.until, access.since) == (until, since)


def test_under_a_second_embargo_a_delay_that_is_over_first_says_so():
    story = then(held(), now=NOW + 1, embargoed_until=NOW + DAY)
    caller = on(ALL, early=True, delay=HOUR)
    assert decide(story, caller, NOW + MINUTE).until == LATER
    assert decide(story, caller, LATER).level is FULL


# --- properties of the decision -------------------------------------------------------------------


def covering(story: Story, caller) -> list[Grant]:
    """Give the grants under which any version of a story could be seen by anyone."""
    language = story.language or story.revision.language.partition("-")[0]
    places = {(language, story.topics)}
    for standing in story.stood:
        # Stood in no feed, it was matched by its own language: that is the story's, if it still is.
        spoken = standing.language or ("" if story.language else language)
        places.add((spoken, standing.topics))
    return [g for g in caller.grants if any(g.covers(*place) for place in places)]


@given(stories, entitlements, moments)
def test_without_a_grant_that_covers_it_a_story_is_hidden(story, caller, now):
    access = decide(story, caller, now)
    if not covering(story, caller):
        assert access == Access(level=HIDDEN, reason=Reason.NOT_COVERED)


@given(stories, entitlements, moments)
def test_no_level_is_above_the_best_grant_that_covers_the_story(story, caller, now):
    access = decide(story, caller, now)
    best = max((g.level.rank for g in covering(story, caller)), default=0)
    assert access.level.rank <= best
    assert (access.level is FULL) <= (access.grant is not None and access.grant.level is FULL)


@given(stories, entitlements, moments)
def test_what_is_shown_is_usable_open_and_not_expired_or_the_notice_of_a_kill(story, caller, now):
    access = decide(story, caller, now)
    if access.level is HIDDEN:
        return
    revision = story.revision
    assert access.grant in caller.grants
    if access.reason is Reason.KILLED:
        assert story.is_killed
        assert (access.level, access.media, access.notes) == (SUMMARY, False, False)
        return
    assert revision.status is PubStatus.USABLE
    assert revision.expires is None or now < revision.expires
    assert access.early is (revision.embargoed_until is not None and now < revision.embargoed_until)
    if access.early:
        assert any(g.early for g in covering(story, caller))


@given(stories, entitlements, grants, moments)
def test_adding_a_grant_never_takes_anything_away(story, caller, extra, now):
    more = decide(story, replace(caller, grants=caller.grants | {extra}), now)
    less = decide(story, replace(caller, grants=caller.grants - {extra}), now)
    assert less.level.rank <= more.level.rank
    assert less.media <= more.media
    assert less.notes <= more.notes


@given(stories, grants, st.booleans(), moments)
def test_what_a_grant_excepts_it_does_not_show(story, given_grant, anonymous, now):
    caller = entitled(given_grant, anonymous=anonymous)
    places = {story.topics} | {s.topics for s in story.stood}
    if all(topics & given_grant.excepted for topics in places):
        assert decide(story, caller, now).level is HIDDEN


@given(stories, entitlements, moments)
def test_pictures_and_notes_never_come_from_grants_without_them(story, caller, now):
    access = decide(story, caller, now)
    full = [g for g in covering(story, caller) if g.level is FULL]
    assert access.media <= (access.level is FULL and any(g.media for g in full))
    assert access.notes <= (access.level is FULL and any(g.notes for g in full))


@given(stories, entitlements, moments, st.data())
def test_a_decision_holds_exactly_until_it_says(story, caller, now, data):
    access = decide(story, caller, now)
    if access.until is None:
        later = data.draw(st.integers(now, now + 10 * DAY))
    else:
        assert access.until > now
        later = data.draw(st.sampled_from((access.until - 1, (now + access.until) // 2)))
    assert decide(story, caller, later) == access


@given(stories, grants, moments)
def test_for_one_grant_the_decision_does_change_when_it_says(story, given_grant, now):
    caller = entitled(given_grant)
    access = decide(story, caller, now)
    if access.until is not None:
        assert decide(story, caller, access.until) != access


@given(stories, entitlements, moments)
def test_since_is_never_in_the_future(story, caller, now):
    access = decide(story, caller, now)
    assert access.since is None or access.since <= now


@given(st.lists(stories, max_size=4), entitlements, moments)
def test_the_next_change_is_the_first_of_all(drawn, caller, now):
    untils = [decide(story, caller, now).until for story in drawn]
    assert next_change(drawn, caller, now) == min((u for u in untils if u), default=None)


@given(stories, entitlements, moments)
def test_reasons_shown_to_the_public_are_the_publics(story, caller, now):
    access = decide(story, replace(caller, anonymous=True), now)
    assert access.reason is not Reason.GRANTED
    assert (access.level is FULL) <= (access.reason is Reason.PUBLIC)
    assert decide(story, replace(caller, anonymous=False), now).reason is not Reason.PUBLIC


@given(stories, st.lists(grants, max_size=3), moments)
def test_the_anonymous_public_sees_what_the_plan_public_shows(story, drawn, now):
    plan = Plan(name=PUBLIC, grants=tuple(replace(g, plan=PUBLIC) for g in drawn))
    other = Plan(name="gold", grants=(grant(),))
    caller = entitlement(None, {PUBLIC: plan, "gold": other}, now)
    assert caller.anonymous
    assert caller.grants == frozenset(plan.grants)
    seen = decide(story, caller, now)
    # Whoever has nothing but that plan sees as much, for another reason.
    same = decide(story, entitled(*plan.grants), now)
    assert (seen.level, seen.media, seen.notes, seen.until) == (
        same.level,
        same.media,
        same.notes,
        same.until,
    )


# --- the view -------------------------------------------------------------------------------------

CONCEPTS: dict[str, Any] = {
    name: (Concept(code=f"{name}-code", name=f"{name}-name"),)
    for name in ("subjects", "places", "services", "genres")
}
PLANTED_MEDIA = MediaItem(
    kind="media-kind",
    headline="media-headline",
    caption="media-caption",
    alt_text="media-alt",
    credit="media-credit",
    renditions=(
        Rendition(
            name="media-rendition",
            href="https://media.example/media-href.jpg",
            media_type="media-type",
        ),
    ),
)
#: A string of its own in every field of a revision that may hold one.
PLANTED = Revision(
    guid="guid-canary",
    version=1,
    kind="kind-canary",
    language="en",
    headline="headline-canary",
    slugline="slugline-canary",
    byline="byline-canary",
    located="located-canary",
    summary="<p>summary-canary</p>",
    body="<p>body-canary</p>",
    urgency=3,
    keywords=("keyword-canary",),
    media=(PLANTED_MEDIA,),
    copyright_holder="holder-canary",
    copyright_notice="notice-canary",
    ednote="ednote-canary",
    usage_terms="usage-canary",
    signals=("signal-canary",),
    first_created=NOW,
    version_created=NOW,
    evolved_from="origin-canary",
    feed_guid="feed-guid-canary",
    **CONCEPTS,
)
ALWAYS = {
    "feed-guid-canary",
    "headline-canary",
    "slugline-canary",
    "byline-canary",
    "located-canary",
    "summary-canary",
    "holder-canary",
    "notice-canary",
}
IN_FULL = (
    ALWAYS
    | {"body-canary", "keyword-canary"}
    | {f"{name}-{part}" for name in ("subjects", "genres") for part in ("code", "name")}
)
PICTURES = {
    f"media-{part}"
    for part in ("kind", "headline", "caption", "alt", "credit", "rendition", "type")
}
NOTES = {"ednote-canary", "usage-canary"}
EVERYTHING = (
    IN_FULL
    | PICTURES
    | NOTES
    | {"guid-canary", "kind-canary", "signal-canary", "origin-canary"}
    # Where the newsroom has its pictures: a link of ours leads there, and is asked each time.
    | {"media-href"}
    | {f"{name}-{part}" for name in CONCEPTS for part in ("code", "name")}
)


def canaries(shown: View) -> set[str]:
    # `feed-guid-canary` holds `guid-canary`.
    text = repr(shown)
    rest = text.replace("feed-guid-canary", "")
    return {c for c in EVERYTHING if c in (text if c == "feed-guid-canary" else rest)}


def planted(*topics: str, **changes) -> Story:
    names = {f.name: getattr(PLANTED, f.name) for f in fields(PLANTED)} | changes
    language = names.pop("language")
    story = held(*topics, **names)
    return replace(story, revision=replace(story.revision, language=language))


def test_every_field_that_holds_words_is_planted():
    words = {f.name for f in fields(Revision)} - {
        "version",
        "status",
        "language",
        "urgency",
        "first_created",
        "version_created",
        "embargoed_until",
        "expires",
        "filed",
    }
    for name in words:
        assert any(c in repr(getattr(PLANTED, name)) for c in EVERYTHING), name


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        (public(), ALWAYS),
        (on("sport"), ALWAYS),
        (on("politics", level=SUMMARY, media=True, notes=True), ALWAYS),
        (on("politics", delay=DAY, media=True, notes=True), ALWAYS),
        (on("politics"), IN_FULL),
        (on("politics", media=True), IN_FULL | PICTURES),
        (on("politics", notes=True), IN_FULL | NOTES),
        (on("politics", media=True, notes=True), IN_FULL | PICTURES | NOTES),
    ],
)
def test_a_view_holds_only_what_its_level_shows(caller, shown):
    story = planted("politics")
    assert canaries(view(story, decide(story, caller, NOW), words=40, links=LINKS)) == shown


@given(entitlements, moments)
def test_no_view_holds_anything_above_its_level(caller, now):
    story = planted("politics")
    access = decide(story, caller, now)
    if access.level is HIDDEN:
        return
    allowed = (
        (IN_FULL if access.level is FULL else ALWAYS)
        | (PICTURES if access.media else set())
        | (NOTES if access.notes else set())
    )
    assert canaries(view(story, access, words=40, links=LINKS)) == allowed


def test_a_hidden_story_has_no_view():
    with pytest.raises(ValueError, match="no view"):
        view(held(), decide(held(), NOBODY, NOW), words=40, links=LINKS)


def test_a_story_without_headline_is_headed_by_its_slugline():
    story = planted(headline="", slugline="FISH")
    assert view(story, decide(story, public(), NOW), words=40, links=LINKS).headline == "FISH"


def test_an_embargo_is_shown_to_who_sees_the_story_early():
    story = held(embargoed_until=LATER)
    early = on(ALL, early=True)
    assert view(story, decide(story, early, NOW), words=9, links=LINKS).embargoed_until == LATER
    assert view(story, decide(story, early, LATER), words=9, links=LINKS).embargoed_until is None


def test_a_correction_is_marked():
    story = then(held(), now=LATER, signals=("correction",))
    assert view(story, decide(story, public(), LATER), words=9, links=LINKS).correction


def killed(**changes) -> View:
    story = then(planted("politics"), now=LATER, status=PubStatus.CANCELED, **changes)
    return view(story, decide(story, on(ALL, media=True, notes=True), LATER), words=40, links=LINKS)


def test_the_notice_of_a_kill_shows_nothing_of_what_was_killed():
    """Sent with everything it said before, it keeps the slugline, the thread and whose it was."""
    shown = killed()
    assert shown.is_killed
    assert canaries(shown) == {"slugline-canary", "feed-guid-canary", "holder-canary"}
    assert (shown.headline, shown.reason) == ("KILL: slugline-canary", Reason.KILLED)


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        # A kill that names nothing is called as what it kills was.
        ({"slugline": ""}, "KILL: slugline-canary"),
        ({"slugline": "KILLINGS-TURKEY"}, "KILL: KILLINGS-TURKEY"),
        ({"slugline": "KILL BILL"}, "KILL: KILL BILL"),
        ({"headline": "Story withdrawn"}, "KILL: Story withdrawn"),
        ({"headline": "Kill: story withdrawn"}, "Kill: story withdrawn"),
        ({"headline": "Killer whale story withdrawn"}, "KILL: Killer whale story withdrawn"),
        ({"headline": "KILL: headline-canary"}, "KILL: slugline-canary"),
        ({"headline": ""}, "KILL: slugline-canary"),
    ],
)
def test_a_kill_is_headed_by_itself_its_slugline_or_its_date_and_topic(changes, headline):
    assert killed(**changes).headline == headline


def test_a_story_on_screen_is_no_kill():
    assert not view(held(), decide(held(), public(), NOW), words=9, links=LINKS).is_killed


@given(stories, st.frozensets(grants, min_size=1, max_size=3), moments)
def test_whatever_is_shown_can_be_viewed_at_its_level(story, drawn, now):
    access = decide(story, entitled(TEASERS, *drawn), now)
    if access.level is HIDDEN:
        return
    shown = view(story, access, words=20, links=LINKS)
    assert (shown.level, shown.reason, shown.version) == (
        access.level,
        access.reason,
        story.version,
    )
    assert bool(shown.body) <= (access.level is FULL)
    assert (shown.urgency is None) is (access.level is not FULL or story.is_killed)
    assert bool(shown.media) is (access.media and PICTURE in story.revision.media)
    assert bool(shown.ednote) <= access.notes


# --- what is for one alone ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "topics", "covers"),
    [
        ({"~ann"}, {"~", "~ann", "sport"}, True),
        ({"~bob"}, {"~", "~ann", "sport"}, False),
        ({ALL}, {"~", "~ann", "sport"}, False),
        ({"sport"}, {"~", "~ann", "sport"}, False),
        ({"~ann"}, {"sport"}, False),
        ({"sport", "~ann"}, {"~", "~ann"}, True),
    ],
)
def test_a_private_story_is_covered_by_a_grant_that_names_its_topic_alone(granted, topics, covers):
    grant = Grant(plan="p", topics=frozenset(granted))
    assert grant.covers("en", frozenset(topics)) is covers
