"""S-22, the rows: what hangs on a subscriber, a key or an administrator goes with its row.

The columns are found in the schema: a new one that names an owner fails here until it has its
place.
"""

import secrets
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, LargeBinary, Table, Text, delete, func, select

from tests.support.agency import Agency
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms
from wirefeed.storage.all_tables import schema as metadata

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Each column that names an owner whose row it goes with, and what that takes away.
PLACED = {
    ("persons", "subscriber"): "who it is",
    ("subscriptions", "subscriber"): "what it may see",
    ("former", "subscriber"): "what it could",
    ("tokens", "subscriber"): "what its machines come with",
    ("tokens", "source"): "what a newsroom sends with",
    ("tokens", "admin"): "what an administrator comes with",
    ("feed_keys", "subscriber"): "what its people come with",
    ("sightings", "feed_key"): "where a key was seen",
    ("flags", "feed_key"): "what was said of a key",
    ("refusals", "subscriber"): "what it was told",
    ("hand_overs", "subscriber"): "the links that would give it credentials",
    ("leases", "subscriber"): "where it is told of changes",
    ("intents", "subscriber"): "where it asked to be",
    ("webhooks", "subscriber"): "where it has its stories sent",
    ("attempts", "subscriber"): "what was sent there",
}
#: What outlives a subscriber, by its id alone: who left has what it was given.
STAYS = {"received", "bequests", "departed"}


#: What a server at work reads, and would say to be a bug if it could not.
READ = {"mode": "subscribe"}


def hanging() -> list[tuple[Table, Column[Any], Table]]:
    """Give each column that refers to another table, and that table."""
    return [
        (table, key.parent, key.column.table)
        for table in metadata.sorted_tables
        # A set, and workers have to agree on the order of tests.
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
    ]


async def test_s22_whatever_hangs_on_an_owner_has_its_place():
    assert {(table.name, column.name) for table, column, _ in hanging()} == PLACED.keys()


async def test_s22_what_names_a_subscriber_goes_with_it_or_is_known_to_stay():
    named = {table.name for table in metadata.sorted_tables if "subscriber" in table.columns}
    assert named - {name for name, _ in PLACED} == STAYS


def a_row(table: Table, owned_by: Column[Any], owner: str) -> dict[str, object]:
    """Fill in what a row must have."""
    row: dict[str, object] = {owned_by.name: owner}
    for column in table.columns:
        if column is owned_by or column.nullable or column.server_default is not None:
            continue
        match column.type:
            case Text() if column.name in READ:
                row[column.name] = READ[column.name]
            case Text():
                row[column.name] = secrets.token_hex(4)
            case LargeBinary():
                row[column.name] = secrets.token_bytes(32)
            case Boolean():
                row[column.name] = False
            case _:
                row[column.name] = secrets.randbelow(2**30)
    return row


async def an_owner(agency: Agency, table: str) -> str:
    """Add a row that others hang on; give what they name it by."""
    name = f"owner-{secrets.token_hex(4)}"
    services = agency.services
    match table:
        case "subscribers":
            return await agency.subscriber(name)
        case "feed_keys":
            return (await services.feed_keys.issue(await agency.subscriber(name))).row.id
        case "admins":
            return (await services.administrators.add(name, Role.DESK)).name
        case "sources":
            await services.tokens.issue(Terms(source=name, days=1))
            return name
        case _:
            raise AssertionError(f"say how a row of {table} is made, and how it goes")


async def remove(agency: Agency, table: str, owner: str) -> None:
    services = agency.services
    match table:
        case "subscribers":
            await services.accounts.remove_subscriber(owner)
        case "feed_keys":
            held = await services.feed_keys.get(owner)
            await services.accounts.remove_subscriber(held.subscriber)
        case "admins":
            await services.administrators.remove(owner)
        case _:
            # Nothing removes a source: its tokens are revoked one by one.
            async with services.database.writing() as connection:
                row = metadata.tables[table]
                await connection.execute(delete(row).where(row.primary_key.columns[0] == owner))


@pytest.mark.parametrize(
    ("table", "column", "owners"),
    hanging(),
    ids=lambda part: getattr(part, "name", None),
)
async def test_s22_no_row_is_left_of_what_hung_on_an_owner(
    agency: Agency, table: Table, column: Column[Any], owners: Table
):
    owner, other = [await an_owner(agency, owners.name) for _ in range(2)]
    database = agency.services.database
    async with database.writing() as connection:
        for one in (owner, other):
            await connection.execute(delete(table).where(column == one))
            await connection.execute(table.insert().values(**a_row(table, column, one)))

    await remove(agency, owners.name, owner)

    async with database.reading() as connection:
        for one, left in ((owner, 0), (other, 1)):
            rows = select(func.count()).select_from(table).where(column == one)
            assert (await connection.execute(rows)).scalar_one() == left
