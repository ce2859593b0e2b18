"""The tables: what is kept, in which columns, found by which index. No rules here.

Times are microseconds since 1970, UTC. Lists and structures are JSON text; what the code
never searches for is kept as bytes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import insert

#: `INSERT … ON CONFLICT`. PostgreSQL's; SQLite's compiler writes it in the same words.
upsert = insert

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Time = BigInteger
#: SQLite numbers rows by itself only where the column says INTEGER, of any size.
_Number = BigInteger().with_variant(Integer, "sqlite")

# --- the log -------------------------------------------------------------------------------------

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

#: One row: the newest position, so that taking the next ones is one statement and one lock.
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("at", _Time, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

wire = Table(
    "wire",
    metadata,
    Column("position", _Number, primary_key=True, autoincrement=False),
    Column("at", _Time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("topics_before", Text, nullable=False),
    Column("topics_after", Text, nullable=False),
)

#: What the clock will change, and when.
due = Table(
    "due",
    metadata,
    Column("at", _Time, primary_key=True, autoincrement=False),
    Column("guid", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Index(None, "guid"),
    sqlite_with_rowid=False,
)

# --- stories -------------------------------------------------------------------------------------

stories = Table(
    "stories",
    metadata,
    Column("guid", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("version", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    #: Of its feeds; the newsroom's own tag is in `revision`.
    Column("language", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("evolved_from", Text),
    Column("feed_guid", Text),
    Column("position", BigInteger, nullable=False),
    Column("changed", _Time, nullable=False),
    Column("released", _Time),
    Column("published", _Time, nullable=False),
    Column("updated", _Time, nullable=False),
    Column("embargoed_until", _Time),
    Column("expires", _Time),
    Column("superseded", Boolean, nullable=False),
    #: Of the last change.
    Column("kind", Text, nullable=False),
    Column("kill_headline", Text, nullable=False),
    Column("kill_version", BigInteger, nullable=False),
    Column("topics", Text, nullable=False),
    Column("stood", Text, nullable=False),
    Column("feeds", Text, nullable=False),
    Column("revision", LargeBinary, nullable=False),
    #: The edition of the sanitiser its HTML went through.
    Column("sanitiser", Integer),
    #: Who sent the newest version.
    Column("source", Text),
    Index(None, "thread"),
    Index(None, "evolved_from"),
    Index(None, "position"),
)

#: Every version as it arrived.
revisions = Table(
    "revisions",
    metadata,
    Column("guid", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("received", _Time, nullable=False),
    Column("source", Text, nullable=False),
    #: zlib.
    Column("raw", LargeBinary, nullable=False),
)

#: Which story stands where in which feed: a window is a range of its primary key.
placements = Table(
    "placements",
    metadata,
    Column("language", Text, primary_key=True),
    #: Empty for everything in the language.
    Column("topic", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("guid", Text, nullable=False),
    #: When it was killed; NULL for a story that was not.
    Column("killed", _Time),
    Index(None, "guid"),
    # Kills are few: only they are in it.
    Index(
        "ix_placements_killed",
        "language",
        "topic",
        "killed",
        sqlite_where=text("killed IS NOT NULL"),
        postgresql_where=text("killed IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("at", _Time, nullable=False),
    Column("source", Text, nullable=False),
    #: Where in the input: a file, and which message of it.
    Column("name", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    #: zlib.
    Column("raw", LargeBinary, nullable=False),
)

# --- who may see what ----------------------------------------------------------------------------

plans = Table(
    "plans",
    metadata,
    Column("name", Text, primary_key=True),
    #: Counts its changes.
    Column("version", Integer, nullable=False),
    Column("changed", _Time, nullable=False),
    Column("definition", Text, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("suspended", Boolean, nullable=False),
    Column("changed", _Time, nullable=False),
)


def _subscriber(*, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    """Give a column that names a subscriber and goes with it."""
    return Column(
        "subscriber",
        Text,
        ForeignKey("subscribers.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=nullable,
    )


#: All personal data there is, so that it can be shown, and taken away, in one place.
persons = Table(
    "persons",
    metadata,
    _subscriber(primary_key=True),
    Column("name", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("notes", Text, nullable=False, server_default=""),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", _Number, primary_key=True),
    _subscriber(),
    Column("plan", Text, nullable=False),
    Column("starts", _Time, nullable=False),
    Column("ends", _Time),
    Index(None, "subscriber"),
)

# --- credentials ---------------------------------------------------------------------------------

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created", _Time, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("jti", Text, primary_key=True),
    _subscriber(nullable=True),
    Column("source", Text, ForeignKey("sources.name", ondelete="CASCADE")),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("issued", _Time, nullable=False),
    Column("expires", _Time, nullable=False),
    Column("entitlements", Text),
    Column("revoked", _Time),
    CheckConstraint("(subscriber IS NULL) <> (source IS NULL)", name="owner"),
    Index(None, "subscriber"),
    Index(None, "source"),
)

feed_keys = Table(
    "feed_keys",
    metadata,
    Column("id", Text, primary_key=True),
    #: SHA-256; the key itself is kept nowhere.
    Column("digest", LargeBinary, nullable=False, unique=True),
    _subscriber(),
    Column("name", Text, nullable=False),
    Column("tail", Text, nullable=False),
    Column("issued", _Time, nullable=False),
    Column("revoked", _Time),
    Index(None, "subscriber"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("public", LargeBinary, nullable=False),
    #: Encrypted under the master key, which is not in the database.
    Column("private", LargeBinary, nullable=False),
    Column("created", _Time, nullable=False),
)
