"""Signing keys: which one signs, which are believed, and what a rotation makes of them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.errors import Conflict, NotFound, Unavailable
from wirefeed.domain.signing_keys import (
    AHEAD,
    KEPT,
    KeyChange,
    KeyState,
    SigningKey,
    published,
    retirement,
    revert,
    rotation,
    signing,
)

NEXT, ACTIVE, RETIRING, RETIRED = KeyState
SECOND = 1_000_000
HOUR = 3_600 * SECOND


def a_key(kid: str = "a", activates: int = 10, **dates: int) -> SigningKey:
    return SigningKey(kid=kid, public=b"", private=b"", created=0, activates=activates, **dates)


# --- states --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "now", "state", "end"),
    [
        (a_key(), 9, NEXT, None),
        (a_key(), 10, ACTIVE, None),
        (a_key(last=90), 99, ACTIVE, None),
        # A rotation is under way: what will have been its last token is not known.
        (a_key(retires=20, last=90), 19, ACTIVE, None),
        (a_key(retires=20, last=90), 20, RETIRING, 90),
        (a_key(retires=20, last=90), 89, RETIRING, 90),
        (a_key(retires=20, last=90), 90, RETIRED, 90),
        (a_key(retires=20, last=15), 20, RETIRED, 20),
        (a_key(retires=20), 20, RETIRED, 20),
        # An overlap that is set ends it, whatever it signed.
        (a_key(retires=20, ends=30, last=90), 19, ACTIVE, 30),
        (a_key(retires=20, ends=30, last=90), 29, RETIRING, 30),
        (a_key(retires=20, ends=30, last=90), 30, RETIRED, 30),
        (a_key(retires=20, ends=30), 29, RETIRING, 30),
        # It was taken back before it signed, or after it signed ahead of its time.
        (a_key(retires=5), 5, RETIRED, 5),
        (a_key(retires=5), 10, RETIRED, 5),
        (a_key(retires=5, last=40), 7, RETIRING, 40),
        (a_key(retires=5, last=40), 11, RETIRING, 40),
        (a_key(retires=5, last=40), 40, RETIRED, 40),
    ],
)
def test_a_state_is_what_the_dates_make_of_a_key(key, now, state, end):
    assert key.state(now) is state
    assert key.end(now) == end


OLD = a_key("old", 0, retires=20, last=90)
NEW = a_key("new", 20)
SHORT = replace(OLD, ends=30)


@pytest.mark.parametrize(
    ("keys", "now", "until", "kid"),
    [
        ([OLD, NEW], 0, 99, "old"),
        ([OLD, NEW], 19, 99, "old"),
        ([OLD, NEW], 20, 99, "new"),
        ([NEW, OLD], 20, 99, "new"),
        # A token that its key would not outlive is signed by the one that will.
        ([SHORT, NEW], 19, 30, "old"),
        ([SHORT, NEW], 19, 31, "new"),
        ([SHORT, NEW], 20, 21, "new"),
        ([SHORT], 19, 31, "old"),
        # The clock was set back to before the first key.
        ([a_key("b", 30), NEW], 5, 99, "new"),
    ],
)
def test_a_token_is_signed_by_the_active_key_unless_that_ends_sooner(keys, now, until, kid):
    assert signing(keys, now, until).kid == kid


@pytest.mark.parametrize("keys", [[], [a_key(retires=20, ends=20)], [a_key(retires=5, last=9)]])
def test_without_a_key_nothing_is_signed(keys):
    with pytest.raises(Unavailable):
        signing(keys, 20, 99)


@pytest.mark.parametrize(
    ("now", "kids"),
    [(0, ["old", "new"]), (20, ["old", "new"]), (89, ["old", "new"]), (90, ["new"])],
)
def test_what_is_published_is_what_is_believed_now_or_next(now, kids):
    assert [key.kid for key in published([NEW, OLD], now)] == kids


# --- rotations -----------------------------------------------------------------------------------


def test_everybody_who_keeps_the_keys_knows_a_new_one_before_it_signs():
    assert AHEAD == 2 * KEPT * SECOND
    assert AHEAD >= 10 * 60 * SECOND


@pytest.mark.parametrize(
    ("overlap", "ends"), [(None, None), (0, 50 + AHEAD), (HOUR, 50 + AHEAD + HOUR)]
)
def test_a_rotation_lets_the_new_key_sign_when_the_old_one_stops(overlap, ends):
    key = a_key()
    change = rotation([a_key("before", 0, retires=10, last=90), key], 50, overlap)
    assert change == KeyChange(old=replace(key, retires=50 + AHEAD, ends=ends), makes=50 + AHEAD)


def test_one_rotation_at_a_time():
    with pytest.raises(Conflict, match="under way"):
        rotation([OLD, NEW], 19)
    assert rotation([OLD, NEW], 20).old.kid == "new"


def test_a_rotation_is_taken_back_until_the_new_key_signs():
    for old in (OLD, SHORT):
        change = revert([old, NEW], 19)
        assert change.old == replace(old, retires=None, ends=None)
        assert change.new is not None
        assert change.new.state(19) is RETIRED
        # It signed ahead of its time.
        assert replace(change.new, last=60).state(59) is RETIRING
    for keys, now in (([OLD, NEW], 20), ([a_key()], 50), ([NEW], 5), ([], 5)):
        with pytest.raises(Conflict, match="no rotation"):
            revert(keys, now)


def test_a_key_is_given_up_at_once():
    key = a_key()
    gone = replace(key, retires=50, ends=50)
    assert retirement([key], "a", 50) == KeyChange(old=gone, makes=50)
    assert gone.state(50) is RETIRED
    # The one that waits is brought forward.
    assert retirement([OLD, NEW], "old", 15) == KeyChange(
        old=replace(OLD, retires=15, ends=15), new=replace(NEW, activates=15)
    )
    # Others stay as they are.
    assert retirement([OLD, NEW], "old", 40) == KeyChange(old=replace(OLD, ends=40))
    assert retirement([SHORT, NEW], "old", 40) == KeyChange(old=SHORT)
    with pytest.raises(Conflict, match="not sign yet"):
        retirement([OLD, NEW], "new", 19)
    with pytest.raises(NotFound):
        retirement([OLD, NEW], "other", 19)


# --- whatever is done ----------------------------------------------------------------------------


class Ring:
    """Keys under a clock, as the service keeps them."""

    def __init__(self) -> None:
        self.now = 0
        self.keys = [a_key("0", 0)]
        #: The tokens that were signed: by which key, until when.
        self.tokens: list[tuple[str, int]] = []

    def apply(self, change: KeyChange) -> None:
        changed = {key.kid: key for key in (change.old, change.new) if key is not None}
        self.keys = [changed.get(key.kid, key) for key in self.keys]
        if change.makes is not None:
            self.keys.append(a_key(str(len(self.keys)), change.makes))

    def sign(self, life: int) -> None:
        until = self.now + life
        kid = signing(self.keys, self.now, until).kid
        self.tokens.append((kid, until))
        self.keys = [
            replace(key, last=max(key.last or 0, until)) if key.kid == kid else key
            for key in self.keys
        ]

    def believes(self, kid: str) -> bool:
        """Say whether a token that has not expired is let in, as its row decides."""
        (key,) = (key for key in self.keys if key.kid == kid)
        return key.ends is None or self.now < key.ends


Step = tuple[str, int | None]
WAIT = st.tuples(st.just("wait"), st.integers(0, 3 * AHEAD))
SIGN = st.tuples(st.just("sign"), st.integers(1, 6 * AHEAD))
ROTATE = st.tuples(st.just("rotate"), st.none())
OVERLAP = st.tuples(st.just("rotate"), st.integers(0, 3 * AHEAD))
REVERT = st.tuples(st.just("revert"), st.none())
RETIRE = st.tuples(st.just("retire"), st.integers(0, 3))


def played(steps: list[Step]) -> Iterator[Ring]:
    """Do one thing after the other, as far as it can be done; look at the keys after each."""
    ring = Ring()
    for what, value in steps:
        with suppress(Conflict):
            if what == "wait":
                ring.now += value or 0
            elif what == "sign":
                ring.sign(value or 1)
            elif what == "rotate":
                ring.apply(rotation(ring.keys, ring.now, value))
            elif what == "revert":
                ring.apply(revert(ring.keys, ring.now))
            else:
                kid = ring.keys[(value or 0) % len(ring.keys)].kid
                ring.apply(retirement(ring.keys, kid, ring.now))
        yield ring


@given(steps=st.lists(WAIT | SIGN | ROTATE | OVERLAP | REVERT | RETIRE, max_size=25))
def test_one_key_signs_at_every_moment_and_whatever_is_believed_is_published(steps):
    for ring in played(steps):
        states = [key.state(ring.now) for key in ring.keys]
        assert states.count(ACTIVE) == 1
        assert states.count(NEXT) <= 1
        known = {key.kid for key in published(ring.keys, ring.now)}
        for kid, until in ring.tokens:
            if ring.now < until and ring.believes(kid):
                assert kid in known


@given(steps=st.lists(WAIT | SIGN | ROTATE | REVERT, max_size=25))
def test_without_an_overlap_that_is_set_no_token_ends_before_it_expires(steps):
    for ring in played(steps):
        assert all(ring.believes(kid) for kid, until in ring.tokens if ring.now < until)


@given(
    steps=st.lists(WAIT | ROTATE | OVERLAP | REVERT, max_size=25), life=st.integers(1, 6 * AHEAD)
)
def test_a_token_is_not_cut_by_what_was_decided_before_it_was_signed(steps, life):
    *_, ring = played([*steps, ("sign", life)])
    ((kid, until),) = ring.tokens
    while ring.now < until:
        assert ring.believes(kid)
        ring.now += min(AHEAD, until - ring.now)
