"""The wire: positions follow one another in the order of commits, and none is lost."""

import asyncio
import os
import sys
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.samples import announce, changes, numbers, words
from wirefeed.domain.due import Due
from wirefeed.domain.wire import Audience, Change, ChangeKind, Head
from wirefeed.storage import wire
from wirefeed.storage.database import Database
from wirefeed.storage.wire import Row

RELEASE, EXPIRE = ChangeKind.RELEASE, ChangeKind.EXPIRE

audiences = st.frozensets(
    st.builds(
        Audience, language=words, topics=st.frozensets(words, max_size=3), early=st.booleans()
    ),
    max_size=3,
)
drawn = st.builds(
    Change,
    kind=st.sampled_from(ChangeKind),
    about=words,
    version=numbers,
    before=audiences,
    after=audiences,
    delay=numbers,
)


async def test_a_new_log_is_empty(database):
    async with database.writing() as conn:
        assert await wire.head(conn) == Head(position=0, at=0)
        assert await wire.append(conn, [], now=9) == Head(position=0, at=0)
        assert await wire.since(conn, 0, 10) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(drawn, min_size=1, max_size=5))
async def test_changes_come_back_as_they_were_appended(conn, rows):
    before = await wire.head(conn)
    head = await wire.append(conn, rows, now=7)
    found = await wire.since(conn, before.position, 100)
    assert found == [Row(before.position + n, 7, change) for n, change in enumerate(rows, 1)]
    assert head == Head(position=before.position + len(rows), at=7)


@settings(max_examples=50)
@given(pauses=st.lists(st.integers(0, 2), min_size=1, max_size=12))
async def test_where_a_time_is_over_is_found_however_many_changes_share_it(pauses):
    with TemporaryDirectory() as folder:
        database = await Database.open(f"sqlite:///{folder}/agency.db")
        try:
            await _look_for_times(database, list(accumulate(pauses, initial=10)))
        finally:
            await database.close()


async def _look_for_times(database: Database, moments: list[int]) -> None:
    async with database.writing() as conn:
        for now in moments:
            await wire.append(conn, changes(2), now=now)
        times = list(enumerate([now for now in moments for _ in range(2)], 1))
        for at in range(moments[0] - 1, moments[-1] + 2):
            later = [n for n, time in times if time > at]
            assert await wire.later(conn, at) == min(later, default=len(times) + 1)
            then = [n for n, time in times if time == at]
            assert [n for n, _ in await wire.changed_at(conn, at)] == then


async def test_what_changed_at_a_time_is_named(database):
    async with database.writing() as conn:
        rows = [Change(kind=ChangeKind.UPDATE, about=guid) for guid in ("a", "b")]
        await wire.append(conn, rows, now=5)
        assert await wire.changed_at(conn, 5) == [(1, "a"), (2, "b")]


async def test_time_on_the_wire_never_goes_back(database):
    async with database.writing() as conn:
        assert (await wire.append(conn, changes(1), now=100)).at == 100
        assert (await wire.append(conn, changes(1), now=40)).at == 100
        assert (await wire.append(conn, changes(1), now=101)).at == 101


async def test_the_wire_is_read_in_pieces(database):
    async with database.writing() as conn:
        await announce(conn, 5)
    async with database.reading() as conn:
        assert [row.position for row in await wire.since(conn, 0, 2)] == [1, 2]
        assert [row.position for row in await wire.since(conn, 2, 9)] == [3, 4, 5]
        assert await wire.since(conn, 5, 9) == []


async def test_many_tasks_append_without_a_gap(database):
    async def append(number: int) -> Head:
        async with database.writing() as conn:
            return await announce(conn, number % 3 + 1, about=f"task:{number}")

    heads = await asyncio.gather(*(append(number) for number in range(60)))
    async with database.reading() as conn:
        rows = await wire.since(conn, 0, 1000)
    assert [row.position for row in rows] == list(range(1, 121))
    for number, head in enumerate(heads):
        own = [row.position for row in rows if row.change.about == f"task:{number}"]
        assert own == list(range(head.position - number % 3, head.position + 1))


async def test_processes_append_in_the_order_they_commit_and_nothing_comes_late(url, soak):
    """Two processes write while a third follows: what it reads never grows below its place."""
    count = 400 if soak else 40
    database = await Database.open(url)
    writers = [await start(url, name, count) for name in ("one", "two")]
    outputs = asyncio.gather(*(writer.communicate() for writer in writers))
    followed: list[Row] = []
    while not outputs.done():
        followed += await after(database, followed)
        await asyncio.sleep(0)
    followed += await after(database, followed)
    said = [line.split() for out, _ in await outputs for line in out.decode().splitlines()]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert [row.position for row in followed] == list(range(1, len(followed) + 1))
    assert len(said) == 2 * count
    for about, last, length in said:
        own = [row.position for row in followed if row.change.about == about]
        assert own == list(range(int(last) - int(length) + 1, int(last) + 1))
    for name in ("one", "two"):
        order = [row.change.about for row in followed if row.change.about.startswith(name)]
        assert list(dict.fromkeys(order)) == [f"{name}-{number}" for number in range(count)]
    await database.close()


async def start(url: str, name: str, count: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("writer.py")),
        *(url, name, str(count)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def after(database: Database, followed: list[Row]) -> list[Row]:
    async with database.reading() as conn:
        return await wire.since(conn, followed[-1].position if followed else 0, 1000)


# --- what the clock will change ------------------------------------------------------------------


@pytest.fixture
async def scheduled(database):
    async with database.writing() as conn:
        await wire.schedule(
            conn, [Due(20, "b", EXPIRE), Due(10, "a", RELEASE), Due(30, "a", EXPIRE)]
        )
        await wire.schedule(conn, [Due(10, "a", RELEASE)])
    return database


@pytest.mark.parametrize(
    ("now", "limit", "rows"),
    [
        (9, 9, []),
        (10, 9, [Due(10, "a", RELEASE)]),
        (20, 9, [Due(10, "a", RELEASE), Due(20, "b", EXPIRE)]),
        (99, 1, [Due(10, "a", RELEASE)]),
    ],
)
async def test_what_is_due_comes_by_its_time(scheduled, now, limit, rows):
    async with scheduled.reading() as conn:
        assert await wire.due(conn, now, limit) == rows
        assert await wire.next_due(conn) == 10


async def test_what_is_done_is_due_no_more(scheduled):
    async with scheduled.writing() as conn:
        await wire.done(conn, await wire.due(conn, 20, 9))
        assert await wire.due(conn, 99, 9) == [Due(30, "a", EXPIRE)]
        await wire.done(conn, [Due(30, "a", EXPIRE)])
        assert await wire.next_due(conn) is None


async def test_what_is_unscheduled_is_due_no_more(scheduled):
    async with scheduled.writing() as conn:
        await wire.unschedule(conn, {"a", "unknown"}, 0)
        assert await wire.due(conn, 99, 9) == [Due(20, "b", EXPIRE)]


async def test_nothing_is_scheduled_or_done_without_complaint(database):
    async with database.writing() as conn:
        await wire.schedule(conn, [])
        await wire.unschedule(conn, [], 0)
        await wire.done(conn, [])
        assert await wire.next_due(conn) is None


async def test_kills_are_found_wherever_they_stand(conn):
    kinds = [ChangeKind.PUBLISH, ChangeKind.KILL, ChangeKind.UPDATE, ChangeKind.KILL]
    await wire.append(conn, [Change(kind=kind, about="a") for kind in kinds], now=1)
    assert [row.position for row in await wire.kills_since(conn, 0, 9)] == [2, 4]
    assert [row.position for row in await wire.kills_since(conn, 2, 9)] == [4]
    assert [row.position for row in await wire.kills_since(conn, 0, 1)] == [2]
    assert [row.position for row in await wire.at(conn, [4, 1, 7])] == [1, 4]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8])
async def test_a_time_is_found_on_the_wire(conn, count):
    for time in range(count):
        await wire.append(conn, [Change(kind=ChangeKind.UPDATE, about="a")] * 2, now=10 * time)
    assert [await wire.before(conn, time) for time in range(-5, 10 * count + 6, 5)] == [
        2 * sum(10 * n < time for n in range(count)) for time in range(-5, 10 * count + 6, 5)
    ]
