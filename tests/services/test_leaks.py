"""A feed key that seems shared: who hears of it, and what follows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.agency import DAY, HOUR, MINUTE, START, Clock, settings_in
from wirefeed.composition import Services, open_services
from wirefeed.config import Leaks
from wirefeed.domain.audit import CLI, Verb
from wirefeed.domain.credentials import FeedKey, Lapse
from wirefeed.domain.errors import NotFound
from wirefeed.domain.leaks import Reason
from wirefeed.domain.plans import Subscriber

FEEDBIN = "Feedbin feed-id:1 - {} subscribers"


class Watched:
    """An agency without a server, and one feed key of its."""

    def __init__(self, services: Services, clock: Clock, key: FeedKey) -> None:
        self.services = services
        self.clock = clock
        self.key = key

    async def read_by(self, readers: int) -> None:
        """Let a service read the key for so many."""
        self.clock.advance(MINUTE)
        self.services.usage.saw_key(self.key, "203.0.113.7", FEEDBIN.format(readers))
        await self.services.usage.flush()

    async def read_from(self, networks: int) -> None:
        self.clock.advance(MINUTE)
        for n in range(networks):
            self.services.usage.saw_key(self.key, f"10.0.{n}.1", "curl/8")
        await self.services.usage.flush()

    async def now(self) -> FeedKey:
        return await self.services.feed_keys.get(self.key.id)

    async def flags(self, *, dismissed: bool = False) -> dict[str, int]:
        found = await self.services.leaks.flagged(dismissed=dismissed)
        assert {one.key.id for one in found} <= {self.key.id}
        return {one.flag.reason.value: one.flag.count for one in found}

    async def audited(self) -> list[tuple[Verb, str, dict[str, Any]]]:
        rows = await self.services.audit.newest(about=f"feed-key:{self.key.id}")
        return [(row.verb, row.actor, dict(row.detail)) for row in reversed(rows)][1:]


@asynccontextmanager
async def watching(folder: Path, **settings: Any) -> AsyncIterator[Watched]:
    clock = Clock()
    async with open_services(settings_in(folder, leaks=Leaks(**settings)), clock) as services:
        await services.accounts.add_subscriber(Subscriber(id="reader"))
        key = (await services.feed_keys.issue("reader")).row
        yield Watched(services, clock, key)
        assert (await services.audit.verify()).broken is None


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watching(tmp_path) as opened:
        yield opened


async def test_a_key_that_one_person_reads_is_not_flagged(watched: Watched):
    await watched.read_by(1)
    await watched.read_from(11)
    assert await watched.flags() == {}
    assert await watched.audited() == []
    assert (await watched.now()).flagged is None


async def test_a_shared_key_is_flagged_once_and_its_reader_told(watched: Watched):
    with capture_logs() as logs:
        await watched.read_by(3)
        await watched.read_by(3)
    assert await watched.flags() == {"readers": 3}
    assert (await watched.now()).flagged == START + MINUTE
    flag = (Verb.FEED_KEY_FLAG, "system", {"reason": "readers", "count": 3})
    assert await watched.audited() == [flag]
    assert logs == [
        {
            "event": "feed key seems shared",
            "log_level": "warning",
            "key": watched.key.id,
            "reason": "readers",
            "count": 3,
        }
    ]


async def test_another_sign_is_another_flag_and_the_same_notice(watched: Watched):
    await watched.read_by(3)
    await watched.read_from(20)
    assert await watched.flags() == {"readers": 3, "networks": 21}
    assert (await watched.now()).flagged == START + MINUTE


async def test_what_was_seen_a_day_ago_no_longer_counts(watched: Watched):
    await watched.read_from(8)
    watched.clock.advance(DAY + 1)
    for n in range(8):
        watched.services.usage.saw_key(watched.key, f"10.1.{n}.1", "curl/8")
    await watched.services.usage.flush()
    assert await watched.flags() == {}


async def test_a_flag_keeps_up_with_what_is_counted(watched: Watched):
    for networks in (13, 30, 20):
        await watched.read_from(networks)
    assert await watched.flags() == {"networks": 30}
    assert len(await watched.audited()) == 1


async def test_what_is_dismissed_is_flagged_anew_when_half_as_many_have_come(watched: Watched):
    await watched.read_from(20)
    await watched.services.leaks.dismiss(watched.key.id, CLI)
    assert await watched.flags() == {}
    assert await watched.flags(dismissed=True) == {"networks": 20}
    assert (await watched.now()).flagged is None
    await watched.read_from(29)
    assert await watched.flags() == {}
    await watched.read_from(30)
    assert await watched.flags() == {"networks": 30}
    assert (await watched.now()).flagged == watched.clock.now
    assert [(verb, actor) for verb, actor, _ in await watched.audited()] == [
        (Verb.FEED_KEY_FLAG, "system"),
        (Verb.FEED_KEY_DISMISS, "cli"),
        (Verb.FEED_KEY_FLAG, "system"),
    ]


async def test_dismissing_once_more_changes_nothing(watched: Watched):
    await watched.services.leaks.dismiss(watched.key.id)
    assert await watched.audited() == []
    await watched.read_by(3)
    for _ in range(2):
        await watched.services.leaks.dismiss(watched.key.id)
    assert len(await watched.audited()) == 2
    with pytest.raises(NotFound):
        await watched.services.leaks.dismiss("nowhere")


async def test_one_policy_takes_the_key_back(tmp_path: Path):
    async with watching(tmp_path, policy="rotate") as watched:
        watched.services.usage.saw_key(watched.key, "203.0.113.7", FEEDBIN.format(3))
        await watched.read_from(20)
        key = await watched.now()
        assert (key.reason, key.revoked) == (Lapse.LEAKED, watched.clock.now)
        assert await watched.flags() == {"readers": 3, "networks": 21}
        # Whoever has it reads on, and that is no news.
        await watched.read_from(50)
        assert await watched.flags() == {"readers": 3, "networks": 21}
        assert [verb for verb, _, _ in await watched.audited()] == [
            Verb.FEED_KEY_FLAG,
            Verb.FEED_KEY_FLAG,
            Verb.FEED_KEY_REVOKE,
        ]
        await watched.services.leaks.dismiss(watched.key.id)
        assert (await watched.now()).reason is Lapse.LEAKED


async def test_one_policy_tells_administrators_alone(tmp_path: Path):
    async with watching(tmp_path, policy="none") as watched:
        await watched.read_by(3)
        assert await watched.flags() == {"readers": 3}
        assert ((await watched.now()).flagged, (await watched.now()).revoked) == (None, None)


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({"readers": 5}, {}),
        ({"readers": 0}, {}),
        ({"readers": 2}, {"readers": 3}),
        ({"networks": 3}, {"readers": 3, "networks": 4}),
        ({"clients": 1, "readers": 0}, {"clients": 2}),
    ],
)
async def test_the_limits_are_settings(tmp_path: Path, settings, flags):
    async with watching(tmp_path, **settings) as watched:
        await watched.read_by(3)
        await watched.read_from(3)
        assert await watched.flags() == flags


async def test_flags_are_listed_the_newest_first_with_their_keys(watched: Watched):
    await watched.read_by(3)
    watched.clock.advance(HOUR)
    await watched.read_from(20)
    found = await watched.services.leaks.flagged()
    assert [one.flag.reason for one in found] == [Reason.NETWORKS, Reason.READERS]
    assert {one.key.subscriber for one in found} == {"reader"}
    first = found[0].flag
    rest = await watched.services.leaks.flagged(
        before=(first.at, first.feed_key, first.reason), limit=5
    )
    assert [one.flag.reason for one in rest] == [Reason.READERS]
