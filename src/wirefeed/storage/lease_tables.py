"""The tables of the WebSub hub, and of what one process at a time does. No rules.

Times are microseconds since 1970, UTC. What would open a feed or forge a delivery is sealed under
a key that is not in the database.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from wirefeed.storage.tables import Time, metadata


def _asked() -> tuple[Column[str] | Column[bytes], ...]:
    """Give the columns of who is to be told of what."""
    return (
        Column("id", Text, primary_key=True),
        #: A MAC of topic and callback: of each pair there is one.
        Column("pair", LargeBinary, nullable=False, unique=True),
        Column("callback", Text, nullable=False),
        Column("host", Text, nullable=False),
        #: The address of the feed, sealed: there may be a key in it.
        Column("topic", LargeBinary, nullable=False),
        #: What signs deliveries, sealed.
        Column("secret", LargeBinary),
        #: For whom, and by which credential; none for what is public.
        Column("subscriber", Text, ForeignKey("subscribers.id", ondelete="CASCADE")),
        Column("feed_key", Text),
        Column("token", Text),
    )


leases = Table(
    "leases",
    metadata,
    *_asked(),
    #: The door of the feed, and the end of its address.
    Column("door", Text, nullable=False),
    Column("tail", Text, nullable=False),
    Column("created", Time, nullable=False),
    #: When it was last verified,
    Column("verified", Time, nullable=False),
    #: and until when it holds.
    Column("expires", Time, nullable=False),
    #: Up to here of the wire it was told,
    Column("position", BigInteger, nullable=False),
    #: and what it was sent last, by its entity tag.
    Column("tag", Text, nullable=False),
    Column("delivered", Time),
    #: When the clock next changes what its owner may have.
    Column("turns", Time),
    #: How it goes with it: see `domain/deliveries.py`.
    Column("failures", Integer, nullable=False),
    Column("since", Time),
    Column("again", Time, nullable=False),
    Column("tried", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "position"),
    Index(None, "turns"),
    Index(None, "expires"),
    Index(None, "subscriber"),
)

#: What was asked of the hub and is yet to be verified.
intents = Table(
    "intents",
    metadata,
    *_asked(),
    #: `subscribe` or `unsubscribe`.
    Column("mode", Text, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("received", Time, nullable=False),
    Index(None, "host", "received"),
    Index(None, "subscriber"),
)

#: What one process at a time does, which one, and until when the others wait for it.
duties = Table(
    "duties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Time, nullable=False),
)
