"""The ledger outlives subscribers, knows of filters, and finds a story's changes by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _received()
    _beside_it()
    op.create_index("ix_wire_about", "wire", ["about"])
    op.add_column(
        "alarms",
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def _received() -> None:
    """Let what a subscriber was given stay when it goes."""
    op.rename_table("received", "received_before")
    op.create_table(
        "received",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.BigInteger(), nullable=True),
        sa.Column("sure", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subscriber", "way", "first", name="pk_received"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO received (subscriber, way, first, last, since, acknowledged)"
        " SELECT subscriber, way, first, last, since, acknowledged FROM received_before"
    )
    op.drop_table("received_before")


def _beside_it() -> None:
    op.create_table(
        "filters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("topics", sa.Text(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("plans", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_filters"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bequests",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "plan", "since", name="pk_bequests"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "departed",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", name="pk_departed"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_departed_at", "departed", ["at"])
