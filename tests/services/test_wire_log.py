"""The end of the wire in memory: the same as in the database, however much of it is kept."""

import pytest

from tests.support.agency import Agency
from wirefeed.services import wire_log
from wirefeed.storage import wire


@pytest.mark.parametrize("kept", [1, 3, 2_000])
async def test_the_newest_kills_are_those_of_the_database(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, kept: int
):
    monkeypatch.setattr(wire_log, "_KEPT", kept)
    for number in range(4):
        await agency.publish(f"urn:news:{number}")
        await agency.publish(f"urn:news:{number}", version="2", pubstatus="canceled")
    log = agency.services.wire.log
    head = (await log.head()).position
    for above in range(head + 1):
        for limit in (1, 3, 100):
            found = await agency.services.database.read(wire.kills, above, limit)
            assert list(await log.kills(above, limit)) == found
    assert len(await log.kills(0, 100)) == 4
