"""Migrations: what they make is what the code expects."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.exc import OperationalError

from wirefeed.storage.all_tables import schema as metadata
from wirefeed.storage.schema import upgrade


def engine(path: Path) -> Engine:
    return create_engine(f"sqlite:///{path}", poolclass=NullPool)


def schema(path: Path) -> dict[str, set[str]]:
    """Give the clauses of every table and index, but for their order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE sql IS NOT NULL AND name <> 'alembic_version'"
        )
        return {name: _clauses(re.sub(r" +", " ", sql)) for name, sql in rows}


def _clauses(sql: str) -> set[str]:
    """Part a statement; a column that was added later stands in the last line of it."""
    parts = re.split(r"\n|, (?=[a-z_]+ [A-Z])", sql)
    return {part.strip(" ,\t()") for part in parts} - {""}


def test_alembic_finds_nothing_to_migrate(tmp_path):
    upgrade(f"sqlite:///{tmp_path}/migrated.db")
    with engine(tmp_path / "migrated.db").connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_migrated_database_is_what_the_tables_say_to_the_letter(tmp_path):
    upgrade(f"sqlite:///{tmp_path}/migrated.db")
    metadata.create_all(engine(tmp_path / "declared.db"))
    assert schema(tmp_path / "migrated.db") == schema(tmp_path / "declared.db")


def test_a_migration_that_fails_leaves_nothing(tmp_path):
    """All of it is one transaction: a database is never half made."""
    path = tmp_path / "migrated.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE signing_keys (kid)")
    with pytest.raises(OperationalError, match="already exists"):
        upgrade(f"sqlite:///{path}")
    assert set(schema(path)) == {"signing_keys"}
