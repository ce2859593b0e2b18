"""Presence: who serves a database is seen by every process, and gone when it is."""

import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import running
from wirefeed.domain.errors import Unacceptable
from wirefeed.storage.presence import Presence


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wirefeed.db-serving"


Enter = Callable[..., Presence]


@pytest.fixture
def enter(url: str) -> Iterator[Enter]:
    """Let somebody be present at a database, until the test is over."""
    entered: list[Presence] = []

    def enter_it(named: str = url) -> Presence:
        entered.append(Presence(named))
        entered[-1].enter()
        return entered[-1]

    yield enter_it
    for presence in entered:
        presence.leave()


def test_nobody_is_present_where_nobody_ever_was(url: str, path: Path):
    assert not Presence(url).others()
    assert not path.exists(), "who only looks leaves nothing behind"


def test_one_is_not_among_the_others(url: str, enter: Enter):
    alone = enter()

    assert not alone.others()
    assert Presence(url).others()


def test_two_in_one_process_see_each_other_until_one_leaves(enter: Enter):
    first, second = enter(), enter()
    assert first.others()
    assert second.others()

    second.leave()
    assert not first.others()
    assert second.others()

    first.leave()
    assert not second.others()
    second.enter()
    assert not second.others()


def test_entering_and_leaving_twice_is_entering_and_leaving_once(url: str, enter: Enter):
    twice = enter()
    twice.enter()
    twice.leave()
    twice.leave()

    assert not Presence(url).others()


def test_the_file_is_its_owners_alone(path: Path, enter: Enter):
    before = os.umask(0)
    try:
        enter()
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def serve(url: str) -> None:
    """Be present, say so, and stay until a signal ends it."""
    Presence(url).enter()
    sys.stdout.write("present\n")
    signal.pause()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_another_process_is_present_until_it_ends_however_it_ends(
    url: str, tmp_path: Path, enter: Enter, end: signal.Signals
):
    here = enter()
    with running(serve, (url,), folder=tmp_path) as other:
        other.wait_for("present")
        assert here.others()

        other.signal(end)
        other.ended()

        assert not here.others()


def test_a_process_that_is_frozen_is_present(url: str, tmp_path: Path):
    with running(serve, (url,), folder=tmp_path) as other:
        other.wait_for("present")
        other.signal(signal.SIGSTOP)

        assert Presence(url).others()


def test_a_child_that_was_forked_holds_nobody_present_after_it_left(url: str, enter: Enter):
    parent = enter()
    assert parent._held is not None
    of_the_child = os.dup(parent._held)
    try:
        parent.leave()

        assert not Presence(url).others()
    finally:
        os.close(of_the_child)


def test_by_whatever_name_the_database_is_reached_it_is_the_same(tmp_path: Path, enter: Enter):
    (tmp_path / "wirefeed.db").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.db").symlink_to(tmp_path / "wirefeed.db")
    enter()

    assert Presence(f"sqlite:///{tmp_path}/elsewhere/link.db").others()


def test_who_serves_another_database_is_not_present_here(url: str, tmp_path: Path, enter: Enter):
    enter(f"sqlite:///{tmp_path}/other.db")

    assert not Presence(url).others()


def test_one_whose_file_was_removed_or_replaced_cannot_know_and_says_so(path: Path, enter: Enter):
    held = enter()
    path.unlink()
    assert held.others()
    later = enter()

    assert held.others()
    assert not later.others(), "nobody can see who holds a file without a name"

    held.leave()
    held.enter()
    assert later.others()


def test_a_file_that_cannot_be_looked_at_may_hide_somebody(url: str, path: Path):
    path.mkdir()

    assert Presence(url).others()


def test_a_file_that_cannot_be_made_is_one_error_that_names_the_setting(tmp_path: Path):
    with pytest.raises(Unacceptable, match=r"^database\.url: .*nowhere.*cannot be locked"):
        Presence(f"sqlite:///{tmp_path}/nowhere/wirefeed.db").enter()
