"""Webhooks: what is sent where, how far that got, and how each call went."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _webhooks()
    _attempts()


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def _big(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, server_default=default)


def _count(name: str, *, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=default)


def _of(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [owner], f"fk_{table}_{column}", ondelete="CASCADE")


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        _text("id"),
        _text("subscriber"),
        _text("url"),
        _text("host"),
        _text("topics", default="[]"),
        _text("languages", default="[]"),
        _big("created"),
        _text("token", nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("secret_before", sa.LargeBinary()),
        _big("rotates_until", default="0"),
        _big("position"),
        _big("kills"),
        _big("began"),
        _text("sight", default=""),
        _big("paused_until", default="0"),
        _big("paused_at", default="0"),
        _text("repeats", default="[]"),
        _count("failures", default="0"),
        _big("failing_since", nullable=True),
        _big("next_at", default="0"),
        _big("tried", default="0"),
        _text("failure", default=""),
        _big("called", nullable=True),
        _count("status", default="0"),
        _big("disabled", nullable=True),
        _text("reason", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        _of("webhooks", "subscriber", "subscribers.id"),
    )
    op.create_index("ix_webhooks_subscriber_id", "webhooks", ["subscriber", "id"])
    op.create_index("ix_webhooks_position", "webhooks", ["position"])
    op.create_index("ix_webhooks_token", "webhooks", ["token"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        _text("webhook"),
        _text("subscriber"),
        _big("at"),
        _text("message"),
        _text("kind"),
        _text("about"),
        _big("version"),
        _big("position"),
        _count("status"),
        _text("reason"),
        _big("took"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        _of("attempts", "subscriber", "subscribers.id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_subscriber_id", "attempts", ["subscriber", "id"])
