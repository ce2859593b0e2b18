"""A process that writes to the wire: `python writer.py URL NAME COUNT`."""

import asyncio
import sys

from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.storage import wire
from wirefeed.storage.database import Database


async def write(url: str, name: str, count: int) -> None:
    """Append `count` times, one change or three at once, and say where they went."""
    database = await Database.open(url)
    for number in range(count):
        change = Change(kind=ChangeKind.ACCESS, about=f"{name}-{number}")
        rows = [change] * (1 if number % 3 else 3)
        async with database.writing() as conn:
            head = await wire.append(conn, rows, now=1)
        sys.stdout.write(f"{change.about} {head.position} {len(rows)}\n")
    await database.close()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
