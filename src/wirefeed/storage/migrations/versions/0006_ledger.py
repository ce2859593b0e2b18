"""Delays that end together are told apart; who was given what of the wire."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
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
    _received()
    op.add_column("subscribers", sa.Column("drilled", sa.BigInteger(), nullable=True))


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


def _received() -> None:
    op.create_table(
        "received",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.id"], "fk_received_subscriber", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", "way", "first", name="pk_received"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alarms",
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_alarms"),
    )
    killed = sa.text("kind = 'kill'")
    op.create_index(
        "ix_wire_kills", "wire", ["position"], sqlite_where=killed, postgresql_where=killed
    )
