"""The database as a file: copied whole while it is in use, and looked through."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.agency import running, settings_in
from wirefeed.domain.errors import Unacceptable, Unavailable
from wirefeed.domain.findings import State, judge
from wirefeed.storage.database import Database
from wirefeed.storage.files import back_up, examine
from wirefeed.storage.schema import newest_schema


async def _build(folder: Path) -> Path:
    """Make the database of an agency whose stories were updated, killed, and are under embargo."""
    async with running(settings_in(folder)) as agency:
        for name in ("a", "b", "c"):
            await agency.publish(f"tag:news.example,2026:{name}")
        await agency.publish("tag:news.example,2026:a", version="2")
        await agency.publish("tag:news.example,2026:b", version="2", pubstatus="canceled")
        await agency.publish("tag:news.example,2026:d", embargoed="2027-01-01T00:00:00Z")
        await agency.publish("tag:news.example,2026:e", evolvedfrom="tag:news.example,2026:c")
        await agency.subscriber("gazette", "sport")
        await agency.feed_key("gazette")
        return agency.file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(_build(tmp_path_factory.mktemp("made")))


@pytest.fixture
def house(made: Path, tmp_path: Path) -> Path:
    """Give a database of one's own, in a folder beside."""
    (tmp_path / "house").mkdir()
    return Path(shutil.copy(made, tmp_path / "house" / "agency.db"))


def content(file: Path) -> list[str]:
    """Give all that it holds but the name of its log."""
    with closing(sqlite3.connect(file)) as connection:
        return [line for line in connection.iterdump() if "'log_id'" not in line]


def log_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        (name,) = connection.execute("SELECT value FROM meta WHERE key = 'log_id'").fetchone()
        return str(name)


def copy_of(
    house: Path, target: Path, told: Callable[[float], None] = lambda _: None, pages: int = 100
) -> Path:
    back_up(f"sqlite:///{house}", target, told, pages=pages)
    return target


def states(file: Path) -> dict[str, State]:
    return {finding.name: finding.state for finding in judge(examine(file), newest_schema())}


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# --- copies --------------------------------------------------------------------------------------


def test_a_copy_holds_all_and_is_for_its_owner_alone(house: Path, tmp_path: Path):
    heard: list[float] = []
    copy = copy_of(house, tmp_path / "copy.db", heard.append, pages=5)
    assert content(copy) == content(house)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {"house", "copy.db"}
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert set(states(copy).values()) == {State.OK}


async def test_the_log_of_a_copy_is_another_each_time_that_it_is_opened_as_one(
    house: Path, tmp_path: Path
):
    copy = copy_of(house, tmp_path / "copy.db")
    names = {log_of(house)}
    for restored in ("one.db", "two.db"):
        url = f"sqlite:///{shutil.copy(copy, tmp_path / restored)}"
        opened = [await Database.open(url) for _ in range(2)]
        await asyncio.gather(*(database.begin_log() for database in opened))
        for database in opened:
            await database.close()
        (name,) = {database.log_id for database in opened}
        assert name == log_of(tmp_path / restored)
        names.add(name)
    assert len(names - {""}) == 3
    assert log_of(copy) == ""


def test_a_copy_takes_the_place_of_an_older_one(house: Path, tmp_path: Path):
    copy = copy_of(house, tmp_path / "copy.db")
    change(house, "UPDATE head SET at = at + 1")
    assert content(copy) != content(house)
    assert content(copy_of(house, copy)) == content(house)


def test_a_copy_that_is_overtaken_again_and_again_comes_to_its_end(house: Path, tmp_path: Path):
    """Whoever writes at each step is made to wait in the end, and whoever reads never is."""
    written, refused, read = [0], [0], [0]
    with closing(sqlite3.connect(house, timeout=0, isolation_level=None)) as other:

        def write(_: float) -> None:
            other.execute("SELECT count(*) FROM stories").fetchone()
            read[0] += 1
            try:
                other.execute("UPDATE head SET at = at + 1")
                written[0] += 1
            except sqlite3.OperationalError:
                refused[0] += 1

        copy = copy_of(house, tmp_path / "copy.db", write, pages=1)
    assert content(copy) == content(house)
    assert written[0] >= 3
    assert refused[0] > 0
    assert read[0] == written[0] + refused[0]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("house/agency.db", "the database itself"),
        ("notes.txt", "is no backup"),
        ("house", "is no backup"),
        ("nowhere/copy.db", "cannot be made"),
    ],
)
def test_a_copy_takes_no_place_that_is_not_its_own(
    house: Path, tmp_path: Path, name: str, told: str
):
    (tmp_path / "notes.txt").write_text("what only stands here", "utf-8")
    before = content(house)
    with pytest.raises(Unacceptable, match=told):
        copy_of(house, tmp_path / name)
    assert (tmp_path / "notes.txt").read_text("utf-8") == "what only stands here"
    assert content(house) == before
    assert {file.name for file in tmp_path.iterdir()} == {"house", "notes.txt"}


def test_what_is_not_there_is_not_made_to_be_copied(tmp_path: Path):
    with pytest.raises(Unacceptable, match="there is no database"):
        back_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db", lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_is_not_whole_is_not_kept(house: Path, tmp_path: Path):
    good = copy_of(house, tmp_path / "copy.db").read_bytes()
    change(house, "DELETE FROM wire WHERE position = 1")
    with pytest.raises(Unavailable, match="not whole"):
        copy_of(house, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_bytes() == good
    assert {file.name for file in tmp_path.iterdir()} == {"house", "copy.db"}


# --- what is in it -------------------------------------------------------------------------------


def test_a_sound_database_is_found_so(house: Path):
    found = examine(house)
    assert (found.damage, found.dangling, set(found.wrong.values())) == ((), 0, {0})
    assert found.position > 5
    assert set(states(house).values()) == {State.OK}


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("the head is the newest position", "UPDATE head SET position = position + 1"),
        ("no position is missing", "DELETE FROM wire WHERE position = 2"),
        ("time on the wire never goes back", "UPDATE wire SET at = 1 WHERE position = 3"),
        ("no story is ahead of the wire", "UPDATE stories SET position = 9999 WHERE superseded"),
        (
            "what stands in a feed is a story, where it last changed",
            "INSERT INTO placements VALUES ('en', 'sport', 77, 'nobody', NULL)",
        ),
        (
            "what stands in a feed is a story, where it last changed",
            "UPDATE placements SET position = position + 100",
        ),
        ("a story of a feed stands in it", "DELETE FROM placements"),
        ("what falls due is a story's", "UPDATE due SET guid = 'nobody'"),
        ("references", "DELETE FROM subscribers"),
    ],
)
def test_what_breaks_a_rule_is_found_by_its_name(house: Path, rule: str, statement: str):
    change(house, "PRAGMA foreign_keys = OFF", statement)
    found = states(house)
    assert [name for name, state in found.items() if state is State.FAIL] == [rule]


@pytest.mark.parametrize(
    ("revision", "told"), [("0001", "older"), ("9999", "newer"), (None, "not a database")]
)
def test_the_schema_of_another_release_is_named_and_no_more_is_said(
    house: Path, revision: str | None, told: str
):
    if revision is None:
        change(house, "DROP TABLE alembic_version")
    else:
        change(house, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608 - of this table
    whole, schema, *_ = judge(examine(house), newest_schema())
    assert (whole.state, schema.state) == (State.OK, State.FAIL)
    assert told in schema.said


def test_damage_is_found_and_nothing_else_believed(house: Path, tmp_path: Path):
    copy = copy_of(house, tmp_path / "copy.db")
    raw = bytearray(copy.read_bytes())
    for page in range(4, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    copy.write_bytes(raw)
    (finding,) = judge(examine(copy), newest_schema())
    assert (finding.name, finding.state) == ("integrity", State.FAIL)


def test_what_is_no_database_is_damage(tmp_path: Path):
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    (finding,) = judge(examine(tmp_path / "x.db"), newest_schema())
    assert (finding.name, finding.state) == ("integrity", State.FAIL)
