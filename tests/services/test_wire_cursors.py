"""Cursors of the wire: opened by whom they were made for, and by nobody else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.test_cursors import START, places
from wirefeed.domain.cursors import Place
from wirefeed.domain.errors import Invalid, Outlived
from wirefeed.services.wire_cursors import WireCursors

CURSORS = WireCursors(b"k" * 32, "log")


@given(places, st.sampled_from(["gazette", "a" * 64]))
def test_a_cursor_leads_back_to_its_place(place: Place, subscriber: str):
    cursor = CURSORS.seal(place, subscriber)
    assert CURSORS.open(cursor, subscriber) == place
    assert cursor == CURSORS.seal(place, subscriber)
    assert len(cursor) == len(CURSORS.seal(START, subscriber))


def test_another_subscribers_is_none():
    with pytest.raises(Invalid) as refused:
        CURSORS.open(CURSORS.seal(START, "gazette"), "herald")
    assert refused.value.field == "after"


@pytest.mark.parametrize(
    "other", [WireCursors(b"k" * 32, "restored"), WireCursors(b"j" * 32, "log")]
)
def test_one_of_another_log_says_so(other: WireCursors):
    with pytest.raises(Outlived):
        CURSORS.open(other.seal(START, "gazette"), "gazette")


@given(st.data())
def test_one_that_was_changed_is_none(data: st.DataObject):
    cursor = CURSORS.seal(START, "gazette")
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from("AZaz09-_").filter(lambda c: c != cursor[at]))
    with pytest.raises((Invalid, Outlived)):
        CURSORS.open(cursor[:at] + other + cursor[at + 1 :], "gazette")


@given(st.text(max_size=300))
def test_any_other_text_is_none(text: str):
    with pytest.raises((Invalid, Outlived)):
        CURSORS.open(text, "gazette")


def test_a_cursor_has_one_spelling():
    cursor = CURSORS.seal(START, "gazette")
    for other in (cursor + "=", cursor + "==", cursor + "\n", " " + cursor):
        with pytest.raises(Invalid):
            CURSORS.open(other, "gazette")


def test_a_position_shows_in_no_cursor():
    near = [
        base64.urlsafe_b64decode(CURSORS.seal(Place.unpack(_at(position)), "gazette") + "==")
        for position in (7, 8)
    ]
    differing = sum(a != b for a, b in zip(*near, strict=True))
    # All but the mark of the log are other bytes, but for the odd one by chance.
    assert differing > len(near[0]) - 6 - 12


def _at(position: int) -> bytes:
    place = START
    return Place(
        position=position,
        began=place.began,
        day=place.day,
        sight=place.sight,
        following=place.following,
    ).pack()
