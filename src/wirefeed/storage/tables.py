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
    false,
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

#: Every version a plan ever had, also of plans that are gone.
plan_versions = Table(
    "plan_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("changed", _Time, nullable=False),
    Column("definition", Text, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("suspended", Boolean, nullable=False),
    Column("changed", _Time, nullable=False),
    Column("kind", Text, nullable=False, server_default="organisation"),
    Column("suspended_since", _Time),
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
    Column("suspended", Boolean, nullable=False, server_default=false()),
    Column("suspended_since", _Time),
    Column("grace_days", Integer, nullable=False, server_default="0"),
    Column("trial", Boolean, nullable=False, server_default=false()),
    Index(None, "subscriber"),
    Index(None, "plan", "subscriber"),
    Index(None, "ends"),
)

# --- credentials ---------------------------------------------------------------------------------

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created", _Time, nullable=False),
)

#: People who administer, each with one role.
admins = Table(
    "admins",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("created", _Time, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("jti", Text, primary_key=True),
    _subscriber(nullable=True),
    Column("source", Text, ForeignKey("sources.name", ondelete="CASCADE")),
    Column("admin", Text, ForeignKey("admins.name", ondelete="CASCADE")),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("issued", _Time, nullable=False),
    Column("expires", _Time, nullable=False),
    Column("entitlements", Text),
    #: The networks it may come from (CIDR); empty: from anywhere.
    Column("networks", Text, nullable=False),
    #: The key that signed it.
    Column("kid", Text, nullable=False),
    #: The token it was issued with, by its owner.
    Column("parent", Text),
    Column("last_used", _Time),
    Column("revoked", _Time),
    CheckConstraint(
        "(CASE WHEN subscriber IS NULL THEN 0 ELSE 1 END)"
        " + (CASE WHEN source IS NULL THEN 0 ELSE 1 END)"
        " + (CASE WHEN admin IS NULL THEN 0 ELSE 1 END) = 1",
        name="owner",
    ),
    Index(None, "subscriber"),
    Index(None, "source"),
    Index(None, "admin"),
    Index(None, "parent"),
    #: All that is needed to count those of a key that hold.
    Index(None, "kid", "expires", "revoked"),
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
    #: Why it was: `revoked`, `rotated` or `leaked`.
    Column("reason", Text),
    #: The feeds it is restricted to (`en/sport`); empty: all.
    Column("feeds", Text, nullable=False, server_default="[]"),
    #: The topics its reader chose for the feed `mine`.
    Column("selection", Text, nullable=False, server_default="[]"),
    #: When that choice last changed.
    Column("selected", _Time, nullable=False, server_default="0"),
    Column("last_used", _Time),
    #: Since when its reader is told that others seem to know it.
    Column("flagged", _Time),
    Index(None, "subscriber"),
)


def _feed_key() -> Column[str]:
    """Give a column that names a feed key and goes with it."""
    return Column(
        "feed_key", Text, ForeignKey("feed_keys.id", ondelete="CASCADE"), primary_key=True
    )


#: Where a feed key was seen, and with which client.
sightings = Table(
    "sightings",
    metadata,
    _feed_key(),
    #: A prefix: /24 of IPv4, /48 of IPv6.
    Column("network", Text, primary_key=True),
    #: A family of clients, without versions.
    Column("client", Text, primary_key=True),
    Column("first", _Time, nullable=False),
    Column("last", _Time, nullable=False),
    Column("requests", BigInteger, nullable=False),
    #: For how many the client last said it reads.
    Column("readers", Integer, nullable=False),
    Index(None, "last"),
)

#: Signs that a feed key is known to more people than its owner.
flags = Table(
    "flags",
    metadata,
    _feed_key(),
    Column("reason", Text, primary_key=True),
    #: What was counted, as a number.
    Column("count", Integer, nullable=False),
    Column("at", _Time, nullable=False),
    #: When an administrator said that it is in order.
    Column("dismissed", _Time),
    Index(None, "at"),
)

#: The last refusals of each subscriber's credentials, for its own eyes.
refusals = Table(
    "refusals",
    metadata,
    Column("id", _Number, primary_key=True),
    _subscriber(),
    Column("at", _Time, nullable=False),
    #: The `jti` or the id of the feed key.
    Column("credential", Text, nullable=False),
    Column("reason", Text, nullable=False),
    #: By its template: an address may hold a key.
    Column("route", Text, nullable=False),
    Column("network", Text, nullable=False),
    Index(None, "subscriber", "id"),
)

#: Links that give a credential to whom it was meant, once.
hand_overs = Table(
    "hand_overs",
    metadata,
    Column("id", Text, primary_key=True),
    #: SHA-256 of the secret in the link.
    Column("digest", LargeBinary, nullable=False, unique=True),
    _subscriber(),
    #: What it gives: `token`, `feed-key` or `sign-in`.
    Column("gives", Text, nullable=False),
    #: What the credential is to be; it is made when the link is opened.
    Column("terms", Text, nullable=False),
    Column("issued", _Time, nullable=False),
    Column("expires", _Time, nullable=False),
    Column("opened", _Time),
    Column("withdrawn", _Time),
    Index(None, "subscriber"),
)

#: A key's state is what these dates make of it: next, active, retiring, retired.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("public", LargeBinary, nullable=False),
    #: Encrypted under the master key, which is not in the database.
    Column("private", LargeBinary, nullable=False),
    Column("created", _Time, nullable=False),
    #: From when it signs.
    Column("activates", _Time, nullable=False),
    #: Until when it signs.
    Column("retires", _Time),
    #: Until when what it signed is believed.
    Column("ends", _Time),
)

# --- who did what --------------------------------------------------------------------------------

#: Hash-chained; it names ids, never people, so that erasing a person leaves it whole.
audit = Table(
    "audit",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("at", _Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Index(None, "about", "seq"),
)

#: One row: the end of the chain, sealed, so that none is cut off.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("mac", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
