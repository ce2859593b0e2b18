"""All the tables there are, for who makes or checks a schema. No rules."""

from wirefeed.storage import account_tables, lease_tables, webhook_tables
from wirefeed.storage.tables import metadata

#: To have imported these is what fills it.
PARTS = (account_tables, lease_tables, webhook_tables)
schema = metadata
