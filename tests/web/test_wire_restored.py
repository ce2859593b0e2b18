"""A partner whose agency lost its disk, and goes on from a backup: it is told that it did."""

import shutil
from pathlib import Path

import pytest

from tests.support.agency import Agency, Clock, running, settings_in
from tests.support.partner import WIRE, Partner, partner
from wirefeed.storage.files import back_up


async def _publish(agency: Agency, *guids: str) -> None:
    for guid in guids:
        await agency.publish(guid)


def _restore(agency: Agency, copy: Path) -> None:
    """Put a copy in the place of a database, as the README says."""
    for file in agency.file.parent.glob(f"{agency.file.name}*"):
        file.unlink()
    shutil.copy(copy, agency.file)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_cursor_of_what_was_lost_is_of_another_log(tmp_path: Path, times: int):
    """Also once there is as much again: it would lead on from stories that nobody was told of.

    And of a copy that is restored a second time, the log is not the one of the first time.
    """
    settings, clock, copy = settings_in(tmp_path), Clock(), tmp_path / "copy.db"
    async with running(settings, clock) as agency:
        follows = await partner(agency, "sport")
        await _publish(agency, "urn:a", "urn:b")
        newsroom = agency.newsroom
        back_up(settings.database.url, copy, lambda _: None)
    for time in range(times):
        if time:
            _restore(agency, copy)
        async with running(settings, clock) as agency:
            agency.newsroom = newsroom
            follows = Partner(agency, follows.token)
            await _publish(agency, *(f"urn:lost:{n}" for n in range(3)))
            await follows.catch_up()
            assert len(follows.heard) == 5
    _restore(agency, copy)
    async with running(settings, clock) as agency:
        agency.newsroom = newsroom
        query = {"after": follows.cursor}
        for fresh in ("urn:new:0", "urn:new:1", "urn:new:2", "urn:new:3"):
            async with agency.http.get(WIRE, params=query, headers=follows.token) as answer:
                assert answer.status == 410, await answer.text()
            await _publish(agency, fresh)
        async with agency.http.get(WIRE, params=query, headers=follows.token) as answer:
            assert answer.status == 410
            restart = (await answer.json())["restart"]
        entries = (await agency.json(restart, **follows.token))["items"]
    held = ["urn:a", "urn:b", *(f"urn:new:{n}" for n in range(4))]
    assert [entry["uri"] for entry in entries] == held
