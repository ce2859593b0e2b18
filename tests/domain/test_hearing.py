"""Hearing: which changes of the wire a caller hears of, and as what."""

from dataclasses import replace

import pytest

from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.desk import Desk
from wirefeed.domain.hearing import heard
from wirefeed.domain.stories import PubStatus, Revision
from wirefeed.domain.topics import Taxonomy, Topic
from wirefeed.domain.wire import Audience, Change, ChangeKind

K = ChangeKind
HOUR = 3_600_000_000
NOW = 500_000 * HOUR
SPORT = Audience(language="en", topics=frozenset({"sport"}))
MONEY = Audience(language="en", topics=frozenset({"money"}))
SECRET = replace(SPORT, early=True)


def grant(*topics: str, **terms) -> Grant:
    return Grant(plan="p", topics=frozenset(topics), **terms)


def change(kind: K, before=(), after=(), delay: int = 0) -> Change:
    return Change(
        kind=kind, about="s", before=frozenset(before), after=frozenset(after), delay=delay
    )


sport, money = grant("sport"), grant("money")
early = grant("sport", early=True)
late = grant("sport", level=Level.FULL, delay=HOUR)
at_once = grant("sport", level=Level.FULL)


@pytest.mark.parametrize(
    ("what", "grants", "kind"),
    [
        (change(K.PUBLISH, (), [SPORT]), [sport], K.PUBLISH),
        (change(K.PUBLISH, (), [SPORT]), [grant(ALL)], K.PUBLISH),
        (change(K.PUBLISH, (), [SPORT]), [money], None),
        (change(K.PUBLISH, (), [SPORT]), [], None),
        (change(K.PUBLISH, (), [SPORT]), [grant("sport", languages=frozenset({"tr"}))], None),
        (change(K.PUBLISH, (), [SPORT]), [grant(ALL, excepted=frozenset({"sport"}))], None),
        (change(K.UPDATE, [SPORT], [SPORT]), [sport], K.UPDATE),
        (change(K.UPDATE, [SPORT], [MONEY]), [sport], K.WITHHOLD),
        (change(K.UPDATE, [SPORT], [MONEY]), [money], K.PUBLISH),
        (change(K.UPDATE, [SPORT], [MONEY]), [money, sport], K.UPDATE),
        (change(K.UPDATE, (), [SPORT]), [sport], K.UPDATE),
        # Written from another story, it is an update for whoever saw that one.
        (change(K.EVOLVE, [SPORT], [SPORT]), [sport], K.UPDATE),
        (change(K.EVOLVE, [MONEY], [SPORT]), [sport], K.PUBLISH),
        (change(K.EVOLVE, [MONEY], [SPORT]), [sport, money], K.UPDATE),
        (change(K.EVOLVE, [SPORT], [MONEY]), [sport], None),
        # Whoever sees the one that came in its place hears of that one.
        (change(K.REPLACE, [SPORT], [MONEY]), [sport], K.WITHHOLD),
        (change(K.REPLACE, [SPORT], [MONEY]), [sport, money], None),
        (change(K.REPLACE, [SPORT], [MONEY]), [money], None),
        (change(K.REPLACE, [SPORT], ()), [sport], K.WITHHOLD),
        (change(K.CORRECTION, [MONEY], [SPORT]), [sport], K.PUBLISH),
        # Under embargo, and then not.
        (change(K.PUBLISH, (), [SECRET]), [sport], None),
        (change(K.PUBLISH, (), [SECRET]), [early], K.PUBLISH),
        (change(K.RELEASE, [SECRET], [SPORT]), [sport], K.PUBLISH),
        (change(K.RELEASE, (), [SPORT]), [sport], K.PUBLISH),
        (change(K.RELEASE, [SECRET], [SPORT]), [early], K.RELEASE),
        (change(K.UPDATE, [SPORT], [SECRET]), [sport], K.WITHHOLD),
        (change(K.UPDATE, [SPORT], [SECRET]), [early], K.UPDATE),
        # What ends a story is for whoever may have seen it.
        *((change(kind, [SPORT]), [sport], kind) for kind in (K.KILL, K.WITHHOLD, K.EXPIRE)),
        *((change(kind, [SPORT]), [money], None) for kind in (K.KILL, K.WITHHOLD, K.EXPIRE)),
        *((change(kind, [SECRET]), [sport], None) for kind in (K.KILL, K.WITHHOLD, K.EXPIRE)),
        (change(K.REINSTATE, [SPORT], [SPORT]), [sport], K.REINSTATE),
        # Who never saw it does not learn that it was gone.
        (change(K.REINSTATE, [SECRET], [SPORT]), [sport], K.PUBLISH),
        (change(K.REINSTATE, [SPORT], [MONEY]), [sport], None),
        # The end of a delay is for those who have that one.
        (change(K.RELEASE, (), [SPORT], HOUR), [late], K.RELEASE),
        (change(K.RELEASE, (), [SPORT], HOUR), [late, sport], K.RELEASE),
        (change(K.RELEASE, (), [SPORT], HOUR), [late, at_once], None),
        (change(K.RELEASE, (), [SPORT], HOUR), [replace(late, delay=HOUR + 1)], None),
        (change(K.RELEASE, (), [SPORT], HOUR), [sport], None),
        (change(K.RELEASE, (), [MONEY], HOUR), [late], None),
        (change(K.PUBLISH, (), [SPORT]), [late], K.PUBLISH),
        (change(K.ACCESS), [grant(ALL)], None),
    ],
)
def test_a_caller_hears_of_what_is_announced_to_it(what, grants, kind):
    assert heard(what, frozenset(grants)) is kind


# --- to whom the desk announces -------------------------------------------------------------------

SLUGS = ("sport", "money")
TAXONOMY = Taxonomy(
    [
        Topic(slug=slug, names={"en": slug}, keywords=frozenset({slug}))
        for slug in ("sport", "money")
    ]
)


class Told:
    """A desk at which one story is worked on, and what is announced of it."""

    def __init__(self) -> None:
        self.desk = Desk({})
        self.now = NOW
        self.version = 0

    def send(self, *keywords: str, **fields) -> Change:
        return self.told(*keywords, **fields)[-1]

    def heir(self, *keywords: str, **fields) -> list[Change]:
        """Send one that was written from it."""
        return self.told(*keywords, guid="heir", evolved_from="s", **fields)

    def told(self, *keywords: str, guid: str = "s", **fields) -> list[Change]:
        self.now += HOUR
        self.version += guid == "s"
        revision = Revision(
            guid=guid,
            version=self.version if guid == "s" else 1,
            language="en",
            headline="h",
            keywords=keywords,
            **fields,
        )
        before = len(self.desk.changes)
        self.desk.take(revision, "en", TAXONOMY, self.now)
        return self.desk.changes[before:]

    def due(self, kind: K) -> Change:
        self.now += HOUR
        self.desk.fall_due("s", kind, self.now, self.now)
        return self.desk.changes[-1]


def test_an_update_is_announced_to_those_it_reaches_and_those_it_leaves():
    told = Told()
    assert told.send("sport").after == {SPORT}
    moved = told.send("money")
    assert moved.before == {SPORT}
    assert moved.after == {MONEY}
    # Who was told that it went is not told of what became of it.
    assert told.send("money").before == {MONEY}


def test_a_kill_is_announced_to_whoever_ever_saw_the_story():
    told = Told()
    told.send("sport")
    told.send("money")
    killed = told.send("money", status=PubStatus.CANCELED)
    assert killed.before == {SPORT, MONEY}
    assert killed.after == frozenset()


def test_a_withheld_story_is_announced_to_those_who_see_it_and_its_kill_to_them_again():
    told = Told()
    told.send("sport")
    held = told.send("sport", status=PubStatus.WITHHELD)
    assert held.before == {SPORT}
    assert held.after == frozenset()
    assert told.send("sport", status=PubStatus.CANCELED).before == {SPORT}


def test_an_embargo_is_announced_to_few_and_its_end_to_all():
    told = Told()
    under = told.send("sport", embargoed_until=NOW + 2 * HOUR)
    assert under.before == frozenset()
    assert under.after == {SECRET}
    opened = told.due(K.RELEASE)
    assert opened.before == {SECRET}
    assert opened.after == {SPORT}


def test_a_story_killed_under_embargo_is_announced_to_those_who_saw_it():
    told = Told()
    told.send("sport", embargoed_until=NOW + 2 * HOUR)
    assert told.send("sport", status=PubStatus.CANCELED).before == {SECRET}


def test_the_end_of_rights_is_announced_to_those_who_see_the_story_once():
    told = Told()
    told.send("sport", expires=NOW + 2 * HOUR)
    gone = told.due(K.EXPIRE)
    assert gone.before == {SPORT}
    assert gone.after == frozenset()
    assert told.send("sport").before == frozenset()


def test_what_was_never_shown_is_announced_to_nobody():
    told = Told()
    killed = told.send("sport", status=PubStatus.CANCELED)
    assert not killed.before | killed.after
    told = Told()
    over = told.send("sport", expires=NOW)
    assert not over.before | over.after


def test_a_story_written_from_another_is_announced_as_that_to_whoever_ever_saw_it():
    told = Told()
    told.send("sport")
    told.send("money")
    evolved, replaced = told.heir("sport")
    assert (evolved.kind, evolved.about) == (K.EVOLVE, "heir")
    assert evolved.before == {SPORT, MONEY}
    assert evolved.after == {SPORT}
    assert (replaced.kind, replaced.about, replaced.version) == (K.REPLACE, "s", 2)
    assert replaced.before == {MONEY}
    assert replaced.after == {SPORT}


def test_a_story_is_taken_back_from_nobody_where_all_see_what_replaces_it():
    told = Told()
    told.send("sport")
    (evolved,) = told.heir("sport")
    assert evolved.kind is K.EVOLVE


def test_a_story_under_embargo_replaces_nothing_before_its_release():
    told = Told()
    told.send("sport")
    (under,) = told.heir("money", embargoed_until=NOW + 5 * HOUR)
    assert under.kind is K.EVOLVE
    told.now = NOW + 5 * HOUR
    told.desk.fall_due("heir", K.RELEASE, told.now, told.now)
    assert [one.kind for one in told.desk.changes[-2:]] == [K.RELEASE, K.REPLACE]


def test_a_story_that_comes_after_what_replaces_it_is_taken_back_at_once():
    told = Told()
    told.heir("money")
    published = told.told("sport")
    assert [one.kind for one in published] == [K.PUBLISH, K.REPLACE]
    assert published[1].before == {SPORT}
    assert published[1].after == {MONEY}
