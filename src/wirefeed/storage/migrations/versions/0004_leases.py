"""The WebSub hub: its leases, what was asked of it, and which process calls back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _leases()
    _intents()
    op.create_table(
        "duties",
        _text("name"),
        _text("holder"),
        _time("until"),
        sa.PrimaryKeyConstraint("name", name="pk_duties"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        *_asked(),
        _text("door"),
        _text("tail"),
        _time("created"),
        _time("verified"),
        _time("expires"),
        _time("position"),
        _text("tag"),
        _time("delivered", nullable=True),
        _time("turns", nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("since", nullable=True),
        _time("again"),
        _time("tried"),
        _text("reason"),
        *_keys("leases"),
    )
    for columns in ("position", "turns", "expires", "subscriber"):
        op.create_index(f"ix_leases_{columns}", "leases", [columns])


def _intents() -> None:
    op.create_table(
        "intents",
        *_asked(),
        _text("mode"),
        sa.Column("seconds", sa.Integer(), nullable=False),
        _time("received"),
        *_keys("intents"),
    )
    op.create_index("ix_intents_host_received", "intents", ["host", "received"])
    op.create_index("ix_intents_subscriber", "intents", ["subscriber"])


def _asked() -> tuple[sa.Column[str] | sa.Column[bytes], ...]:
    return (
        _text("id"),
        sa.Column("pair", sa.LargeBinary(), nullable=False),
        _text("callback"),
        _text("host"),
        sa.Column("topic", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        _text("subscriber", nullable=True),
        _text("feed_key", nullable=True),
        _text("token", nullable=True),
    )


def _keys(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("pair", name=f"uq_{table}_pair"),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.id"], f"fk_{table}_subscriber", ondelete="CASCADE"
        ),
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)
