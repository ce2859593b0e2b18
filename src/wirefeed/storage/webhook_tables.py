"""The tables of webhooks: what is sent where, how far that got, and how it went. No rules.

Times are microseconds since 1970, UTC. Lists are JSON text.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from wirefeed.storage.tables import Number, Time, metadata


def _of(column: str, owner: str) -> Column[str]:
    """Give a column that names an owner and goes with it."""
    return Column(column, Text, ForeignKey(owner, ondelete="CASCADE"), nullable=False)


webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    _of("subscriber", "subscribers.id"),
    Column("url", Text, nullable=False),
    Column("host", Text, nullable=False),
    #: Names; empty: all.
    Column("topics", Text, nullable=False, server_default="[]"),
    Column("languages", Text, nullable=False, server_default="[]"),
    Column("created", Time, nullable=False),
    #: The token it was added with, by its owner.
    Column("token", Text),
    #: Encrypted under a key that is not in the database.
    Column("secret", LargeBinary, nullable=False),
    Column("secret_before", LargeBinary),
    #: Until when that one signs, too.
    Column("rotates_until", Time, nullable=False, server_default="0"),
    #: On the wire: up to where it was told of everything, up to where of kills.
    Column("position", BigInteger, nullable=False),
    Column("kills", BigInteger, nullable=False),
    #: When it began: further back its archive reaches, and no further.
    Column("began", Time, nullable=False),
    #: What its subscriber could see when it was last told anything.
    Column("sight", Text, nullable=False, server_default=""),
    #: While its subscriber has nothing: when that is looked at anew, and where the wire ended.
    Column("paused_until", Time, nullable=False, server_default="0"),
    Column("paused_at", BigInteger, nullable=False, server_default="0"),
    #: Positions of changes that are to be sent once more.
    Column("repeats", Text, nullable=False, server_default="[]"),
    #: How it goes: failures in a row, since when, until when it is let be, ...
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", Time),
    Column("next_at", Time, nullable=False, server_default="0"),
    #: where the wire ended when it was last tried, and why that failed.
    Column("tried", BigInteger, nullable=False, server_default="0"),
    Column("failure", Text, nullable=False, server_default=""),
    Column("called", Time),
    Column("status", Integer, nullable=False, server_default="0"),
    #: When it was given up for good, and why.
    Column("disabled", Time),
    Column("reason", Text),
    Index(None, "subscriber", "id"),
    Index(None, "position"),
    Index(None, "token"),
)

#: The log of calls, the newest of each subscriber.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Number, primary_key=True),
    #: It may have been removed since.
    Column("webhook", Text, nullable=False),
    _of("subscriber", "subscribers.id"),
    Column("at", Time, nullable=False),
    Column("message", Text, nullable=False),
    Column("kind", Text, nullable=False),
    #: A guid, or `entitlement`.
    Column("about", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("took", BigInteger, nullable=False),
    Index(None, "subscriber", "id"),
    # A number is not given a second time: whoever names an attempt means that one.
    sqlite_autoincrement=True,
)
