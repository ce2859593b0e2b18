"""Credentials from contract to lapse: versions of plans, administrators, hand-overs, the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _plans()
    _subscribers()
    _tokens()
    _feed_keys()
    _signing_keys()
    _hand_overs()
    _audit()


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement=False)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _count(name: str, *, default: str | None = None) -> sa.Column[int]:
    return sa.Column(
        name, sa.Integer(), nullable=False, server_default=default, autoincrement=False
    )


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _number(name: str, *, autoincrement: bool = True) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=False, autoincrement=autoincrement)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _of(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [owner], f"fk_{table}_{column}", ondelete="CASCADE")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _plans() -> None:
    op.create_table(
        "plan_versions",
        _text("name"),
        _count("version"),
        _time("changed"),
        _text("definition"),
        _key("plan_versions", "name", "version"),
    )
    op.execute(
        "INSERT INTO plan_versions (name, version, changed, definition)"
        " SELECT name, version, changed, definition FROM plans"
    )


def _subscribers() -> None:
    op.add_column("subscribers", _text("kind", default="organisation"))
    op.add_column("subscribers", _time("suspended_since", nullable=True))
    op.execute("UPDATE subscribers SET suspended_since = changed WHERE suspended")
    op.add_column("subscriptions", _flag("suspended"))
    op.add_column("subscriptions", _time("suspended_since", nullable=True))
    op.add_column("subscriptions", _count("grace_days", default="0"))
    op.add_column("subscriptions", _flag("trial"))
    _index("subscriptions", "plan", "subscriber")
    _index("subscriptions", "ends", "subscriber")


def _tokens() -> None:
    op.create_table(
        "admins", _text("name"), _text("role"), _time("created"), _key("admins", "name")
    )
    for column in ("subscriber", "source"):
        op.drop_index(f"ix_tokens_{column}", "tokens")
    op.rename_table("tokens", "tokens_before")
    op.create_table(
        "tokens",
        _text("jti"),
        _text("subscriber", nullable=True),
        _text("source", nullable=True),
        _text("admin", nullable=True),
        _text("name"),
        _text("scopes"),
        _time("issued"),
        _time("expires"),
        _text("entitlements", nullable=True),
        _text("networks"),
        _text("kid"),
        _text("parent", nullable=True),
        _text("successor", nullable=True),
        _time("last_used", nullable=True),
        _time("revoked", nullable=True),
        _key("tokens", "jti"),
        _of("tokens", "subscriber", "subscribers.id"),
        _of("tokens", "source", "sources.name"),
        _of("tokens", "admin", "admins.name"),
        sa.CheckConstraint(
            "(CASE WHEN subscriber IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN source IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN admin IS NULL THEN 0 ELSE 1 END) = 1",
            name=op.f("ck_tokens_owner"),
        ),
    )
    # There was one signing key, and it signed them all.
    op.execute(
        "INSERT INTO tokens (jti, subscriber, source, name, scopes, issued, expires,"
        " entitlements, networks, kid, revoked)"
        " SELECT jti, subscriber, source, name, scopes, issued, expires, entitlements, '[]',"
        " coalesce((SELECT kid FROM signing_keys ORDER BY created DESC LIMIT 1), ''), revoked"
        " FROM tokens_before"
    )
    op.drop_table("tokens_before")
    for column in ("subscriber", "source", "admin", "parent"):
        _index("tokens", column)
    _index("tokens", "kid", "expires", "revoked")
    _index("tokens", "expires", "subscriber", "jti")


def _feed_keys() -> None:
    op.add_column("feed_keys", _text("reason", nullable=True))
    op.add_column("feed_keys", _text("feeds", default="[]"))
    op.add_column("feed_keys", _text("selection", default="[]"))
    op.add_column(
        "feed_keys", sa.Column("selected", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("feed_keys", _time("last_used", nullable=True))
    op.add_column("feed_keys", _time("flagged", nullable=True))
    op.execute("UPDATE feed_keys SET reason = 'revoked' WHERE revoked IS NOT NULL")
    op.create_table(
        "sightings",
        _text("feed_key"),
        _text("network"),
        _text("client"),
        _time("first"),
        _time("last"),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        _count("readers"),
        _key("sightings", "feed_key", "network", "client"),
        _of("sightings", "feed_key", "feed_keys.id"),
    )
    _index("sightings", "last")
    op.create_table(
        "flags",
        _text("feed_key"),
        _text("reason"),
        _count("count"),
        _time("at"),
        _time("dismissed", nullable=True),
        _key("flags", "feed_key", "reason"),
        _of("flags", "feed_key", "feed_keys.id"),
    )
    _index("flags", "at")
    op.create_table(
        "refusals",
        _number("id"),
        _text("subscriber"),
        _time("at"),
        _text("credential"),
        _text("reason"),
        _text("route"),
        _text("network"),
        _key("refusals", "id"),
        _of("refusals", "subscriber", "subscribers.id"),
    )
    _index("refusals", "subscriber", "id")


def _signing_keys() -> None:
    op.rename_table("signing_keys", "signing_keys_before")
    op.create_table(
        "signing_keys",
        _text("kid"),
        _blob("public"),
        _blob("private"),
        _time("created"),
        _time("activates"),
        _time("retires", nullable=True),
        _time("ends", nullable=True),
        _key("signing_keys", "kid"),
    )
    op.execute(
        "INSERT INTO signing_keys (kid, public, private, created, activates)"
        " SELECT kid, public, private, created, created FROM signing_keys_before"
    )
    op.drop_table("signing_keys_before")


def _hand_overs() -> None:
    op.create_table(
        "hand_overs",
        _text("id"),
        _blob("digest"),
        _text("subscriber"),
        _text("gives"),
        _text("terms"),
        _time("issued"),
        _time("expires"),
        _time("opened", nullable=True),
        _time("withdrawn", nullable=True),
        _key("hand_overs", "id"),
        sa.UniqueConstraint("digest", name="uq_hand_overs_digest"),
        _of("hand_overs", "subscriber", "subscribers.id"),
    )
    _index("hand_overs", "subscriber")


def _audit() -> None:
    op.create_table(
        "audit",
        _number("seq", autoincrement=False),
        _time("at"),
        _text("actor"),
        _text("via"),
        _text("verb"),
        _text("about"),
        _text("detail"),
        _blob("mac"),
        _key("audit", "seq"),
    )
    _index("audit", "about", "seq")
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        _blob("mac"),
        _key("audit_head", "id"),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_one")),
    )
    op.bulk_insert(head, [{"id": 1, "mac": b""}])
