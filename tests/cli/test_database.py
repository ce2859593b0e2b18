"""`wirefeed db`: backups, and whether a database, or one of them, is whole."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Command

DATABASE = "var/wirefeed.db"


def change(file: str, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def test_a_backup_is_whole_and_says_what_else_is_needed(wirefeed: Command):
    wirefeed("subscribers", "add", "gazette", "--name", "Gazette")

    ran = wirefeed("db", "backup", "copy.db")

    assert (ran.exit, ran.out) == (0, "")
    assert "copy.db is a whole copy" in ran.err
    assert "var/master.key" in ran.err
    assert Path("copy.db").stat().st_mode & 0o777 == 0o600
    checked = wirefeed("db", "check", "copy.db", "--json")
    assert (checked.exit, {found["state"] for found in checked.json}) == (0, {"ok"})
    assert {"integrity", "schema", "audit"} <= {found["name"] for found in checked.json}


def test_a_restored_backup_has_what_it_had(wirefeed: Command):
    wirefeed("subscribers", "add", "gazette", "--name", "Gazette")
    wirefeed("db", "backup", "copy.db")
    wirefeed("subscribers", "add", "herald", "--name", "Herald")
    Path("copy.db").replace(DATABASE)
    Path(f"{DATABASE}-journal").unlink(missing_ok=True)
    assert [s["id"] for s in wirefeed("subscribers", "list", "--json").json] == ["gazette"]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE head SET position = position + 1", "the head is the newest position"),
        ("UPDATE audit SET actor = 'mallory'", "audit"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy_and_fails(
    wirefeed: Command, statement: str, name: str
):
    wirefeed("subscribers", "add", "gazette", "--name", "Gazette")
    change(DATABASE, statement)

    ran = wirefeed("db", "check", "--json")

    (wrong,) = [found for found in ran.json if found["state"] != "ok"]
    assert (ran.exit, wrong["name"], wrong["state"]) == (1, name, "fail")
    assert wrong["remedy"]
    assert name in wirefeed("db", "check").out


def test_without_its_master_key_the_audit_of_a_backup_cannot_be_checked(wirefeed: Command):
    wirefeed("subscribers", "add", "gazette", "--name", "Gazette")
    wirefeed("db", "backup", "copy.db")
    Path("var/master.key").unlink()

    ran = wirefeed("db", "check", "copy.db", "--json")

    (wrong,) = [found for found in ran.json if found["state"] != "ok"]
    assert (ran.exit, wrong["name"]) == (1, "audit")
    assert "missing" in wrong["said"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["check"], "database.url: there is no database var/wirefeed.db"),
        (["check", "none.db"], "PATH: there is no database none.db"),
        (["backup", "copy.db"], "database.url: there is no database var/wirefeed.db"),
    ],
)
def test_a_database_that_is_not_there_is_not_made(
    wirefeed: Command, arguments: list[str], named: str
):
    ran = wirefeed("db", *arguments)
    assert (ran.exit, ran.out) == (1, "")
    assert named in ran.err
    assert ran.err.count("\n") == 1
    assert not Path("var").exists()
    assert not Path("copy.db").exists()
