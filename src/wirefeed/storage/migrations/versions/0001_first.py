"""The first schema, and the names and the empty log a database is made with."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _log()
    _stories()
    _subscribers()
    _credentials()


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement=False)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _number(name: str, *, autoincrement: bool = True) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=False, autoincrement=autoincrement)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _of_subscriber(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_subscriber"
    return sa.ForeignKeyConstraint(["subscriber"], ["subscribers.id"], name, ondelete="CASCADE")


def _index(table: str, column: str) -> None:
    op.create_index(f"ix_{table}_{column}", table, [column])


def _log() -> None:
    meta = op.create_table("meta", _text("key"), _text("value"), _key("meta", "key"))
    names = ("log_id", "issuer")
    op.bulk_insert(meta, [{"key": name, "value": uuid.uuid4().urn} for name in names])
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        _time("at"),
        _key("head", "id"),
        sa.CheckConstraint("id = 1", name=op.f("ck_head_one")),
    )
    op.bulk_insert(head, [{"id": 1, "position": 0, "at": 0}])
    op.create_table(
        "wire",
        _number("position", autoincrement=False),
        _time("at"),
        _text("kind"),
        _text("about"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _text("topics_before"),
        _text("topics_after"),
        _key("wire", "position"),
    )
    op.create_table(
        "due",
        _time("at"),
        _text("guid"),
        _text("kind"),
        _key("due", "at", "guid", "kind"),
        sqlite_with_rowid=False,
    )
    _index("due", "guid")


def _stories() -> None:
    op.create_table(
        "stories",
        _text("guid"),
        _text("id"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _text("status"),
        _text("language"),
        _text("thread"),
        _text("evolved_from", nullable=True),
        _text("feed_guid", nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        _time("changed"),
        _time("released", nullable=True),
        _time("published"),
        _time("updated"),
        _time("embargoed_until", nullable=True),
        _time("expires", nullable=True),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        _text("kind"),
        _text("kill_headline"),
        sa.Column("kill_version", sa.BigInteger(), nullable=False),
        _text("topics"),
        _text("stood"),
        _text("feeds"),
        _blob("revision"),
        sa.Column("sanitiser", sa.Integer(), nullable=True),
        _text("source", nullable=True),
        _key("stories", "guid"),
        sa.UniqueConstraint("id", name="uq_stories_id"),
    )
    for column in ("thread", "evolved_from", "position"):
        _index("stories", column)
    op.create_table(
        "revisions",
        _text("guid"),
        sa.Column("version", sa.BigInteger(), nullable=False, autoincrement=False),
        _time("received"),
        _text("source"),
        _blob("raw"),
        _key("revisions", "guid", "version"),
    )
    op.create_table(
        "placements",
        _text("language"),
        _text("topic"),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("guid"),
        _time("killed", nullable=True),
        _key("placements", "language", "topic", "position"),
        sqlite_with_rowid=False,
    )
    _index("placements", "guid")
    op.create_index(
        "ix_placements_killed",
        "placements",
        ["language", "topic", "killed"],
        sqlite_where=sa.text("killed IS NOT NULL"),
        postgresql_where=sa.text("killed IS NOT NULL"),
    )
    op.create_table(
        "dead_letters",
        _number("id"),
        _time("at"),
        _text("source"),
        _text("name"),
        _text("field"),
        _text("reason"),
        _blob("raw"),
        _key("dead_letters", "id"),
    )


def _subscribers() -> None:
    op.create_table(
        "plans",
        _text("name"),
        sa.Column("version", sa.Integer(), nullable=False),
        _time("changed"),
        _text("definition"),
        _key("plans", "name"),
    )
    op.create_table(
        "subscribers",
        _text("id"),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        _time("changed"),
        _key("subscribers", "id"),
    )
    op.create_table(
        "persons",
        _text("subscriber"),
        _text("name"),
        _text("contact"),
        _text("notes", default=""),
        _key("persons", "subscriber"),
        _of_subscriber("persons"),
    )
    op.create_table(
        "subscriptions",
        _number("id"),
        _text("subscriber"),
        _text("plan"),
        _time("starts"),
        _time("ends", nullable=True),
        _key("subscriptions", "id"),
        _of_subscriber("subscriptions"),
    )
    _index("subscriptions", "subscriber")


def _credentials() -> None:
    op.create_table("sources", _text("name"), _time("created"), _key("sources", "name"))
    op.create_table(
        "tokens",
        _text("jti"),
        _text("subscriber", nullable=True),
        _text("source", nullable=True),
        _text("name"),
        _text("scopes"),
        _time("issued"),
        _time("expires"),
        _text("entitlements", nullable=True),
        _time("revoked", nullable=True),
        _key("tokens", "jti"),
        _of_subscriber("tokens"),
        sa.ForeignKeyConstraint(
            ["source"], ["sources.name"], "fk_tokens_source", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "(subscriber IS NULL) <> (source IS NULL)", name=op.f("ck_tokens_owner")
        ),
    )
    _index("tokens", "subscriber")
    _index("tokens", "source")
    op.create_table(
        "feed_keys",
        _text("id"),
        _blob("digest"),
        _text("subscriber"),
        _text("name"),
        _text("tail"),
        _time("issued"),
        _time("revoked", nullable=True),
        _key("feed_keys", "id"),
        sa.UniqueConstraint("digest", name="uq_feed_keys_digest"),
        _of_subscriber("feed_keys"),
    )
    _index("feed_keys", "subscriber")
    op.create_table(
        "signing_keys",
        _text("kid"),
        _text("state"),
        _blob("public"),
        _blob("private"),
        _time("created"),
        _key("signing_keys", "kid"),
    )
