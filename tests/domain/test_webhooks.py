"""Webhooks, as they are kept: what is wanted, what signs, and what a change is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.webhooks import (
    LONGEST_OVERLAP,
    OVERLAP,
    Place,
    Webhook,
    check_overlap,
    following,
    message_id,
)

HOOK = Webhook(
    id="0a1b2c3d4e5f",
    subscriber="gazette",
    url="https://gazette.example/in",
    host="gazette.example",
    created=1,
    secret=b"new",
    place=Place(position=7, kills=7, began=1),
)


def test_whoever_names_nothing_wants_all_of_it():
    assert following([], []) == HOOK.following


@pytest.mark.parametrize(
    ("topics", "languages", "field"),
    [
        (["Sport"], [], "topics"),
        (["sport", ""], [], "topics"),
        (["../x"], [], "topics"),
        ([f"t{n}" for n in range(201)], [], "topics"),
        ([], ["english"], "languages"),
        ([], ["EN"], "languages"),
        ([], ["en", "*"], "languages"),
    ],
)
def test_what_cannot_be_a_name_is_refused_by_its_field(topics, languages, field):
    with pytest.raises(Unacceptable) as refused:
        following(topics, languages)
    assert refused.value.field == field
    assert refused.value.remedy


def test_one_secret_signs_and_two_while_one_gives_way_to_the_other():
    rotated = Webhook(
        **{name: getattr(HOOK, name) for name in HOOK.__dataclass_fields__}
        | {"secret_before": b"old", "rotates_until": 100}
    )
    assert HOOK.sealed(50) == (b"new",)
    assert rotated.sealed(99) == (b"new", b"old")
    assert rotated.sealed(100) == (b"new",)


def test_no_secret_is_in_what_a_log_would_show():
    assert "new" not in repr(HOOK)


@pytest.mark.parametrize("overlap", [0, OVERLAP, LONGEST_OVERLAP])
def test_two_secrets_may_be_in_use_for_a_month(overlap):
    check_overlap(overlap)


@pytest.mark.parametrize("overlap", [-1, LONGEST_OVERLAP + 1])
def test_and_no_longer(overlap):
    with pytest.raises(Unacceptable) as refused:
        check_overlap(overlap)
    assert refused.value.field == "overlap"


NAMED = st.tuples(st.binary(min_size=32, max_size=32), st.text(), st.integers(0), st.text())


@given(NAMED, NAMED)
def test_a_change_has_one_name_at_each_webhook_and_no_other_has_it(one, other):
    assert message_id(*one) == message_id(*one)
    assert (message_id(*one) == message_id(*other)) is (one == other)


def test_a_name_does_not_tell_where_on_the_wire_it_is():
    names = {message_id(b"k" * 32, "w", position, "guid") for position in range(100)}
    assert len(names) == 100
    assert all(name.startswith("msg_") and len(name) == 36 for name in names)
