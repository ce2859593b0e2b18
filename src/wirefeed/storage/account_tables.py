"""The tables of accounts: who may see what, with which credentials, and who did what. No rules.

Times are microseconds since 1970, UTC. Lists and structures are JSON text.
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
    Table,
    Text,
    false,
    true,
)

from wirefeed.storage.tables import Number, Time, metadata

# --- who may see what ----------------------------------------------------------------------------

plans = Table(
    "plans",
    metadata,
    Column("name", Text, primary_key=True),
    #: Counts its changes.
    Column("version", Integer, nullable=False),
    Column("changed", Time, nullable=False),
    Column("definition", Text, nullable=False),
)

#: Every version a plan ever had, also of plans that are gone.
plan_versions = Table(
    "plan_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("changed", Time, nullable=False),
    Column("definition", Text, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("suspended", Boolean, nullable=False),
    Column("changed", Time, nullable=False),
    Column("kind", Text, nullable=False, server_default="organisation"),
    Column("suspended_since", Time),
    #: Until when a drill is held with it.
    Column("drilled", Time),
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
    Column("id", Number, primary_key=True),
    _subscriber(),
    Column("plan", Text, nullable=False),
    Column("starts", Time, nullable=False),
    Column("ends", Time),
    Column("suspended", Boolean, nullable=False, server_default=false()),
    Column("suspended_since", Time),
    Column("grace_days", Integer, nullable=False, server_default="0"),
    Column("trial", Boolean, nullable=False, server_default=false()),
    Index(None, "subscriber"),
    Index(None, "plan", "subscriber"),
    Index(None, "ends", "subscriber"),
)

#: Plans that a subscriber had for a time, where no subscription says so any more.
former = Table(
    "former",
    metadata,
    Column("id", Number, primary_key=True),
    _subscriber(),
    Column("plan", Text, nullable=False),
    Column("since", Time, nullable=False),
    Column("until", Time, nullable=False),
    Index(None, "subscriber"),
)

# --- credentials ---------------------------------------------------------------------------------

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created", Time, nullable=False),
)

#: People who administer, each with one role.
admins = Table(
    "admins",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("created", Time, nullable=False),
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
    Column("issued", Time, nullable=False),
    Column("expires", Time, nullable=False),
    Column("entitlements", Text),
    #: The networks it may come from (CIDR); empty: from anywhere.
    Column("networks", Text, nullable=False),
    #: The key that signed it.
    Column("kid", Text, nullable=False),
    #: The token it was issued with, by its owner.
    Column("parent", Text),
    #: The token that was issued in its place.
    Column("successor", Text),
    Column("last_used", Time),
    Column("revoked", Time),
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
    Index(None, "expires", "subscriber", "jti"),
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
    Column("issued", Time, nullable=False),
    Column("revoked", Time),
    #: Why it was: `revoked`, `rotated` or `leaked`.
    Column("reason", Text),
    #: The feeds it is restricted to (`en/sport`); empty: all.
    Column("feeds", Text, nullable=False, server_default="[]"),
    #: The topics its reader chose for the feed `mine`.
    Column("selection", Text, nullable=False, server_default="[]"),
    #: When that choice last changed.
    Column("selected", Time, nullable=False, server_default="0"),
    Column("last_used", Time),
    #: Since when its reader is told that others seem to know it.
    Column("flagged", Time),
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
    Column("first", Time, nullable=False),
    Column("last", Time, nullable=False),
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
    Column("at", Time, nullable=False),
    #: When an administrator said that it is in order.
    Column("dismissed", Time),
    Index(None, "at"),
)

#: The last refusals of each subscriber's credentials, for its own eyes.
refusals = Table(
    "refusals",
    metadata,
    Column("id", Number, primary_key=True),
    _subscriber(),
    Column("at", Time, nullable=False),
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
    Column("issued", Time, nullable=False),
    Column("expires", Time, nullable=False),
    Column("opened", Time),
    Column("withdrawn", Time),
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
    Column("created", Time, nullable=False),
    #: From when it signs.
    Column("activates", Time, nullable=False),
    #: Until when it signs.
    Column("retires", Time),
    #: Until when what it signed is believed.
    Column("ends", Time),
)

# --- who was given what --------------------------------------------------------------------------

#: The stretches of the wire that a subscriber was given by one way. They stay when it goes: who
#: left has what it was given all the same.
received = Table(
    "received",
    metadata,
    Column("subscriber", Text, primary_key=True),
    #: As `domain/ways.py` names it.
    Column("way", Text, primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("since", Time, nullable=False),
    #: When it was given the last of its kills; NULL: as soon as any of it.
    Column("late", Time),
    #: Whether every kill in it was given.
    Column("sure", Boolean, nullable=False, server_default=true()),
    #: When its kills were acknowledged.
    Column("acknowledged", Time),
    sqlite_with_rowid=False,
)

#: What of the wire was asked for by the ways that bear these names.
filters = Table(
    "filters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("topics", Text, nullable=False),
    Column("languages", Text, nullable=False),
    #: NULL: all that its subscriber has.
    Column("plans", Text),
    sqlite_with_rowid=False,
)

#: Subscribers that are gone, by their ids alone.
departed = Table(
    "departed",
    metadata,
    Column("subscriber", Text, primary_key=True),
    Column("at", Time, nullable=False),
    Index(None, "at"),
    sqlite_with_rowid=False,
)

#: Plans that they had for a time. Whoever is given the id of one that is gone has none of them.
bequests = Table(
    "bequests",
    metadata,
    Column("subscriber", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("since", Time, primary_key=True, autoincrement=False),
    Column("until", Time, nullable=False),
    sqlite_with_rowid=False,
)

#: Kills of late that somebody did not fetch in time, and that operators were told of, and those
#: that nobody waits for.
alarms = Table(
    "alarms",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("settled", Boolean, nullable=False, server_default=false()),
)

# --- who did what --------------------------------------------------------------------------------

#: Hash-chained; it names ids, never people, so that erasing a person leaves it whole.
audit = Table(
    "audit",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
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
