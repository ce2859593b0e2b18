"""Places on the wire: what moves them, and what two that agree have in common."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.cursors import (
    NOTHING,
    Following,
    Place,
    reach,
    reaching,
    sight_mark,
    there_are,
)
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import DAY, Sight
from wirefeed.domain.wire import Audience, Change, ChangeKind

NOW = 500_000 * 3_600_000_000
K = ChangeKind
places = st.builds(
    Place,
    position=st.integers(0, 2**63),
    began=st.integers(0, 2**63),
    day=st.integers(0, 2**31),
    sight=st.binary(min_size=8, max_size=8),
    following=st.binary(min_size=8, max_size=8),
    count=st.integers(0, 2**63),
    digest=st.binary(min_size=32, max_size=32),
    base=st.integers(0, 2**63),
    base_count=st.integers(0, 2**63),
    base_digest=st.binary(min_size=32, max_size=32),
)
#: Bytes of a place as it was written before it held where its rights became what they are.
_EARLIER = 76
START = Place(position=7, began=NOW, day=3, sight=bytes(8), following=bytes(8))


@given(places)
def test_a_place_is_read_as_it_was_written(place: Place):
    assert Place.unpack(place.pack()) == place


@given(places, places)
def test_every_place_is_as_long_as_any_other(one: Place, other: Place):
    assert len(one.pack()) == len(other.pack())


@given(st.binary(max_size=130))
def test_other_bytes_are_no_place(raw: bytes):
    if len(raw) in {len(START.pack()), _EARLIER}:
        return
    with pytest.raises(ValueError, match="no place"):
        Place.unpack(raw)


def test_a_change_moves_position_count_and_digest():
    behind = START.after(K.KILL, 2, "urn:x:ş", 9)
    assert (behind.position, behind.count) == (9, 1)
    assert behind.digest == hashlib.sha256(NOTHING + "\nkill 2 urn:x:ş".encode()).digest()
    assert behind.after(K.KILL, 2, "urn:x:ş", 9).digest != behind.digest


def test_what_is_no_storys_is_counted_where_it_is():
    behind = START.after("entitlement", 0, "entitlement")
    assert (behind.position, behind.count) == (START.position, 1)
    assert behind.digest != NOTHING


def test_the_order_of_changes_is_in_the_digest():
    one, two = ("publish", 1, "a"), ("publish", 1, "b")
    assert START.after(*one).after(*two).digest != START.after(*two).after(*one).digest


# --- what is asked for ----------------------------------------------------------------------------

SPORT = Audience(language="en", topics=frozenset({"sport", "football"}))
MONEY = Audience(language="tr", topics=frozenset({"money"}))


@pytest.mark.parametrize(
    ("following", "before", "after"),
    [
        (Following(), {SPORT}, {MONEY}),
        (Following(topics=frozenset({"sport"})), {SPORT}, set()),
        (Following(topics=frozenset({"football", "money"})), {SPORT}, {MONEY}),
        (Following(languages=frozenset({"tr"})), set(), {MONEY}),
        (Following(languages=frozenset({"tr"}), topics=frozenset({"sport"})), set(), set()),
    ],
)
def test_a_change_concerns_who_asks_for_its_topic_and_language(following, before, after):
    change = Change(kind=K.UPDATE, about="s", before=frozenset({SPORT}), after=frozenset({MONEY}))
    seen = following.of(change)
    assert (seen.before, seen.after) == (before, after)


def test_other_filters_have_another_mark():
    marks = {
        Following().mark,
        Following(topics=frozenset({"a", "b"})).mark,
        Following(topics=frozenset({"a"}), languages=frozenset({"b"})).mark,
        Following(languages=frozenset({"a", "b"})).mark,
    }
    assert len(marks) == 4
    assert Following(topics=frozenset({"b", "a"})).mark in marks


# --- what one is entitled to ----------------------------------------------------------------------

WHOLE = Grant(plan="", topics=frozenset({ALL}), level=Level.FULL)


@pytest.mark.parametrize(
    "other",
    [
        replace(WHOLE, topics=frozenset({"sport"})),
        replace(WHOLE, languages=frozenset({"en"})),
        replace(WHOLE, excepted=frozenset({"sport"})),
        replace(WHOLE, level=Level.SUMMARY),
        replace(WHOLE, delay=1),
        replace(WHOLE, media=True),
        replace(WHOLE, early=True),
        replace(WHOLE, notes=True),
        replace(WHOLE, plan="public"),
        replace(WHOLE, archive_days=30),
        replace(WHOLE, archive_days=0),
    ],
)
def test_another_right_has_another_mark(other: Grant):
    marks = {
        sight_mark(Sight(frozenset(grants), anonymous=False))
        for grants in ([WHOLE], [other], [WHOLE, other])
    }
    assert len(marks) == 3


def test_an_archive_of_another_length_is_another_right():
    marks = {
        sight_mark(Sight(frozenset({replace(WHOLE, archive_days=days)}), anonymous=False))
        for days in (None, 0, 7, 30)
    }
    assert len(marks) == 4


MONTH = replace(WHOLE, archive_days=30)
NEVER_BACK = replace(WHOLE, archive_days=0)


@pytest.mark.parametrize(
    ("at", "reached"),
    [
        (NOW + 1, {WHOLE, MONTH, NEVER_BACK}),
        (NOW, {WHOLE, MONTH, NEVER_BACK}),
        (NOW - 1, {WHOLE, MONTH}),
        (NOW - 30 * DAY, {WHOLE, MONTH}),
        (NOW - 30 * DAY - 1, {WHOLE}),
    ],
)
def test_a_grant_reaches_back_as_far_as_its_archive(at: int, reached: set[Grant]):
    assert reaching(frozenset({WHOLE, MONTH, NEVER_BACK}), NOW, at) == reached


@pytest.mark.parametrize(
    ("grants", "earliest"),
    [([WHOLE, MONTH], 0), ([MONTH, NEVER_BACK], NOW - 30 * DAY), ([NEVER_BACK], NOW), ([], NOW)],
)
def test_all_together_reach_as_far_as_the_longest(grants: list[Grant], earliest: int):
    assert reach(frozenset(grants), NOW) == earliest


def test_other_rights_are_where_a_proof_begins():
    before = START.after(K.PUBLISH, 1, "urn:x", 9)
    turned = before.turned(b"8" * 8)
    assert turned.sight == b"8" * 8
    assert turned == replace(
        before.after("entitlement", 0, "entitlement"),
        sight=b"8" * 8,
        base=9,
        base_count=2,
        base_digest=turned.digest,
    )
    behind = turned.after(K.KILL, 2, "urn:x", 12)
    assert behind.start == turned
    assert behind.start.start == turned


def test_a_place_of_an_earlier_release_is_read_as_one_from_which_a_proof_begins():
    place = START.after(K.PUBLISH, 1, "urn:x", 9)
    earlier = Place.unpack(place.pack()[:_EARLIER])
    assert (earlier.position, earlier.count, earlier.digest) == (9, 1, place.digest)
    assert earlier.start == earlier


@pytest.mark.parametrize(
    ("topics", "languages", "heard"),
    [
        ((), (), ()),
        (("sport",), ("en",), ("en",)),
        ((), ("en-GB", "EN", "tr"), ("en", "tr")),
    ],
)
def test_what_is_asked_for_is_heard_in_the_languages_of_feeds(topics, languages, heard):
    wanted = Following(topics=frozenset(topics), languages=frozenset(languages))
    found = there_are(wanted, {"sport", "arts"}, ("en", "tr"))
    assert found == Following(topics=frozenset(topics), languages=frozenset(heard))


@pytest.mark.parametrize(
    ("wanted", "field", "said"),
    [
        (Following(topics=frozenset({"sport", "golf"})), "topics", "golf"),
        (Following(languages=frozenset({"en", "fr-CA"})), "languages", "fr-CA"),
    ],
)
def test_what_there_are_no_feeds_of_is_refused_by_its_name(wanted, field, said):
    with pytest.raises(Unacceptable, match=said) as refused:
        there_are(wanted, {"sport"}, ("en", "tr"))
    assert refused.value.field == field
    assert refused.value.remedy
