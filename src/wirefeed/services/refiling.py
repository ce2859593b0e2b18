"""Topics that hold other stories than they did: tells whoever follows the wire. It moves none."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import Actor, Verb
from wirefeed.domain.standings import refiled
from wirefeed.domain.wire import TOPICS, Change, ChangeKind
from wirefeed.services.audit import Audit
from wirefeed.storage import subscribers, wire
from wirefeed.storage.database import Database

_CHUNK = 1000


async def tell(
    database: Database, audit: Audit, by: Actor, moved: int, clock: Callable[[], int]
) -> None:
    """Tell of all that was filed anew since that was last told.

    Stories are filed in many transactions, and a run that was cut off between two of them has told
    nothing: so what there is to tell is read off the wire, for whoever files them again.
    """
    change = Change(kind=ChangeKind.ACCESS, about=TOPICS)
    async with database.reading() as connection:
        told = await wire.newest_about(connection, TOPICS)
        read, change = await untold(connection, told, change)
    async with database.writing() as connection:
        # What another run has filed meanwhile: few enough to make others wait for.
        _, change = await untold(connection, read, change)
        head = await wire.append(connection, [change], clock())
        await subscribers.touch_plans(connection, head.at)
        await audit.record(connection, by, Verb.TOPICS_APPLY, "topics", moved=moved)


async def untold(
    connection: AsyncConnection, after: int, so_far: Change, *, chunk: int = _CHUNK
) -> tuple[int, Change]:
    """Add what was filed anew behind a position; say, too, up to where it was read."""
    while rows := await wire.refiled(connection, after, chunk):
        so_far = refiled((row.change for row in rows), so_far)
        after = rows[-1].position
    return after, so_far
