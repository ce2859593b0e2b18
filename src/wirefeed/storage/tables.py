"""The tables of the log and of stories: what is kept, in which columns, by which index. No rules.

Times are microseconds since 1970, UTC. Lists and structures are JSON text; what the code
never searches for is kept as bytes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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

Time = BigInteger
#: SQLite numbers rows by itself only where the column says INTEGER, of any size.
Number = BigInteger().with_variant(Integer, "sqlite")

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
    Column("at", Time, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

#: In these words an index says it, and so must whoever asks by it.
IS_KILL = text("kind = 'kill'")

wire = Table(
    "wire",
    metadata,
    Column("position", Number, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    #: Audiences: language, topics, whether under embargo.
    Column("audience_before", Text, nullable=False, server_default="[]"),
    Column("audience_after", Text, nullable=False, server_default="[]"),
    #: Of a release: the delay that ended.
    Column("delay", BigInteger, nullable=False, server_default="0"),
    #: What became of one story, however long ago.
    Index(None, "about"),
    # Kills are few, and go before all else: only they are in it.
    Index("ix_wire_kills", "position", sqlite_where=IS_KILL, postgresql_where=IS_KILL),
)

#: What the clock will change, and when.
due = Table(
    "due",
    metadata,
    Column("at", Time, primary_key=True, autoincrement=False),
    Column("guid", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    #: Of a release: the delay that ends; 0: an embargo does.
    Column("delay", BigInteger, primary_key=True, autoincrement=False),
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
    Column("changed", Time, nullable=False),
    Column("released", Time),
    Column("published", Time, nullable=False),
    Column("updated", Time, nullable=False),
    Column("embargoed_until", Time),
    Column("expires", Time),
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
    Column("received", Time, nullable=False),
    Column("source", Text, nullable=False),
    #: zstd; zlib in rows of earlier releases.
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
    Column("killed", Time),
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
    Column("id", Number, primary_key=True),
    Column("at", Time, nullable=False),
    Column("source", Text, nullable=False),
    #: Where in the input: a file, and which message of it.
    Column("name", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    #: zstd; zlib in rows of earlier releases.
    Column("raw", LargeBinary, nullable=False),
)
