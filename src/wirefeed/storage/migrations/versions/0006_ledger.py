"""Delays that end together are told apart."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Delays that plans have, of stories of which they had not ended when the wire was last written.
_DELAYS = """
INSERT OR IGNORE INTO due (at, guid, kind, delay)
SELECT stories.released + delays.delay, stories.guid, 'release', delays.delay
FROM stories, (
    SELECT DISTINCT json_extract(grants.value, '$.delay') AS delay
    FROM plans, json_each(CAST(plans.definition AS TEXT), '$.grants') AS grants
    WHERE json_extract(grants.value, '$.level') = 'full'
) AS delays
WHERE delays.delay > 0 AND stories.status = 'usable'
  AND stories.released + delays.delay > (SELECT at FROM head)
  AND (stories.expires IS NULL OR stories.released + delays.delay < stories.expires)
"""


def upgrade() -> None:
    _due()
    op.execute(_DELAYS)


def _due() -> None:
    """Let the delay be a part of the key of what is due."""
    op.drop_index("ix_due_guid", "due")
    op.rename_table("due", "due_before")
    op.create_table(
        "due",
        sa.Column("at", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("guid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delay", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("at", "guid", "kind", "delay", name="pk_due"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_due_guid", "due", ["guid"])
    op.execute("INSERT INTO due SELECT at, guid, kind, delay FROM due_before")
    op.drop_table("due_before")
