"""What SQLite cannot do is said in our words, with what would help."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from wirefeed.storage.sqlite import BUSY, out_of_reach


def test_a_database_that_is_busy_is_said_with_what_would_help(tmp_path: Path):
    file = tmp_path / "wirefeed.db"
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as holder,
        closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other,
    ):
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as refused:
            other.execute("BEGIN IMMEDIATE")
    told = out_of_reach(refused.value)
    assert told.message == BUSY
    assert "another program holds it" in told.remedy


def test_a_database_that_cannot_be_opened_is_said_with_what_would_help(tmp_path: Path):
    with pytest.raises(sqlite3.OperationalError) as refused:
        sqlite3.connect(tmp_path)
    told = out_of_reach(refused.value)
    assert told.message == "the database cannot be opened"
    assert "database.url" in told.remedy
