"""The wire says to whom each change is announced, and when a delay ends."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Of an older change: the language is the story's; what came before its release was for few.
_AUDIENCE = """
UPDATE wire SET audience_{side} = coalesce(
    (SELECT json_array(json_array(
        CASE WHEN stories.language = '' THEN 'und' ELSE stories.language END,
        json(wire.topics_{side}),
        json(CASE WHEN stories.released IS NULL OR wire.at < stories.released
             THEN 'true' ELSE 'false' END)))
     FROM stories WHERE stories.guid = wire.about),
    '[]')
WHERE kind NOT IN ({kinds})
"""


def upgrade() -> None:
    for column in ("audience_before", "audience_after"):
        op.add_column("wire", sa.Column(column, sa.Text(), nullable=False, server_default="[]"))
    for table in ("wire", "due"):
        op.add_column(
            table, sa.Column("delay", sa.BigInteger(), nullable=False, server_default="0")
        )
    # The first of a story had none before, and one that ends it has none after.
    op.execute(_AUDIENCE.format(side="before", kinds="'access', 'publish'"))
    op.execute(_AUDIENCE.format(side="after", kinds="'access', 'kill', 'withhold', 'expire'"))
    for column in ("topics_before", "topics_after"):
        op.drop_column("wire", column)
