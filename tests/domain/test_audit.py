"""The audit's chain: every edit, removal and move shows, and where it begins."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.audit import START, Checking, Entry, Unreadable, Verb, Via, chain, seal

KEY = b"k" * 32


def chained(count: int, key: bytes = KEY) -> list[Entry]:
    rows: list[Entry] = []
    for seq in range(1, count + 1):
        row = Entry(
            seq=seq,
            at=seq * 10,
            actor="admin:eva",
            via=Via.API,
            verb=Verb.TOKEN_REVOKE,
            about=f"token:{seq}",
            detail={"plans": ["gold"], "count": seq},
        )
        rows.append(replace(row, mac=chain(key, rows[-1].mac if rows else START, row)))
    return rows


def sealed(rows: list[Entry], key: bytes = KEY) -> bytes:
    return seal(key, len(rows), rows[-1].mac if rows else START)


def checked(rows: Sequence[Entry | Unreadable], end: bytes) -> int | None:
    checking = Checking(KEY)
    for row in rows:
        checking.take([row])
    return checking.finish(end)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_a_chain_that_nobody_touched_holds(count):
    rows = chained(count)
    assert checked(rows, sealed(rows)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"at": 1},
        {"actor": "admin:tom"},
        {"via": Via.CLI},
        {"verb": Verb.TOKEN_ISSUE},
        {"about": "token:x"},
        {"detail": {}},
        {"detail": {"plans": ["gold"], "count": "4"}},
        {"seq": 5},
        {"mac": b"\0" * 32},
    ],
)
def test_an_edited_row_is_the_first_bad_one(change):
    rows = chained(7)
    end = sealed(rows)
    rows[3] = replace(rows[3], **change)
    assert checked(rows, end) == 4


def test_a_row_that_was_chained_anew_breaks_at_the_next():
    rows = chained(7)
    end = sealed(rows)
    forged = replace(rows[3], actor="admin:tom")
    rows[3] = replace(forged, mac=chain(KEY, rows[2].mac, forged))
    assert checked(rows, end) == 5


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_a_row_that_is_gone_is_missed_where_it_stood(drawn):
    count, gone = drawn
    rows = chained(count)
    assert checked(rows[:gone] + rows[gone + 1 :], sealed(rows)) == gone + 1


@given(st.permutations(range(5)))
def test_rows_that_were_moved_show(order):
    rows = chained(5)
    broken = checked([rows[n] for n in order], sealed(rows))
    first = next((n + 1 for n, place in enumerate(order) if place != n), None)
    assert broken == first


def test_rows_cut_off_from_the_end_are_missed_though_the_end_is_moved_up():
    rows = chained(5)
    assert checked(rows[:3], sealed(rows)) == 4
    # Who can write the table knows the MAC of every row, and not the key that seals the end.
    assert checked(rows[:3], rows[2].mac) == 4
    assert checked(rows[:3], sealed(rows[:3], b"x" * 32)) == 4
    assert checked(rows, sealed(rows[:3])) == 6
    assert checked([], START) == 1
    assert checked([], sealed(rows)) == 1


def test_a_row_that_cannot_be_read_is_a_bad_one():
    rows = chained(5)
    assert checked([*rows[:3], Unreadable(seq=4), rows[4]], sealed(rows)) == 4


def test_without_the_key_no_chain_can_be_written():
    rows = chained(3, b"x" * 32)
    assert checked(rows, sealed(rows, b"x" * 32)) == 1
