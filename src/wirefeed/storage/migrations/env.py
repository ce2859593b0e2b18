"""Runs migrations over the connection it is given; `storage/database.py` opens and commits it."""

from alembic import context

from wirefeed.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    # SQLite alters a table by making it anew.
    render_as_batch=True,
)
context.run_migrations()
