"""Runs migrations over the connection it is given; `storage/database.py` opens and commits it."""

from alembic import context

from wirefeed.storage.all_tables import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema,
    compare_type=True,
    # SQLite alters a table by making it anew.
    render_as_batch=True,
)
context.run_migrations()
