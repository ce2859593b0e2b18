"""What is counted: each process counts, any of them tells for all, and nothing counted is lost."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import pytest

from wirefeed.domain.errors import Unavailable
from wirefeed.services.metrics import Metrics
from wirefeed.storage.shared_counts import SharedCounts

Counts = Counter[tuple[str, ...]]
RENDERS: tuple[str, ...] = ("renders",)
FOUND: tuple[str, ...] = ("cache", "memory")


def worker(folder: Path | None, number: str = "0", **counts: int) -> Metrics:
    counted: Counts = Counter({(name,): value for name, value in counts.items()})
    metrics = Metrics(counted, worker=number, folder=folder)
    metrics.watch("memory", lambda: float(number) + 1)
    if folder is not None:
        folder.mkdir(exist_ok=True)
    metrics.enter()
    return metrics


async def told(metrics: Metrics) -> tuple[Counts, dict[str, float]]:
    """Give the sums over all workers, and the memory of each."""
    sums: Counts = Counter()
    memory = {}
    for snapshot in await metrics.all():
        sums.update(snapshot.counts)
        if "memory" in snapshot.gauges:
            memory[snapshot.worker] = snapshot.gauges["memory"]
    return sums, memory


def killed(metrics: Metrics) -> None:
    """Let its lock go, as the system does, and say no last word."""
    assert metrics._place is not None
    metrics._place.leave()


async def test_alone_a_process_tells_its_own(tmp_path):
    counts: Counts = Counter({RENDERS: 3})
    metrics = Metrics(counts)
    metrics.watch("memory", lambda: 7)
    metrics.watch("log", lambda: None)
    counts[FOUND] += 2
    (snapshot,) = await metrics.all()
    assert (snapshot.counts, snapshot.gauges) == ({RENDERS: 3, FOUND: 2}, {"memory": 7})
    assert list(tmp_path.iterdir()) == []


async def test_whichever_worker_is_asked_tells_of_all(tmp_path):
    workers = [worker(tmp_path, str(n), renders=10**n, looks=n) for n in range(3)]
    for each in workers:
        await each.all()
    for each in workers:
        sums, memory = await told(each)
        assert sums == Counter({("renders",): 111, ("looks",): 3})
        assert memory == {"0": 1, "1": 2, "2": 3}


@pytest.mark.parametrize("end", [Metrics.leave, killed], ids=["leaves", "is killed"])
async def test_what_a_worker_counted_stays_and_how_it_stood_does_not(tmp_path, end):
    left, stays = worker(tmp_path, "0", renders=5), worker(tmp_path, "1", renders=2)
    assert (await told(left))[0] == {RENDERS: 5}
    end(left)
    assert await told(stays) == ({RENDERS: 7}, {"1": 2})


async def test_the_next_worker_counts_on_and_takes_no_more_room(tmp_path):
    stays = worker(tmp_path, "9", renders=1)
    await stays.all()
    for n in range(5):
        each = worker(tmp_path, str(n), renders=1)
        sums, memory = await told(each)
        assert sums == {RENDERS: n + 2}
        assert set(memory) == {"9", str(n)}
        killed(each)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "0.counts", "0.lock", "1.counts", "1.lock",
    ]  # fmt: skip


async def test_what_was_told_of_a_worker_is_never_less_after_its_death(tmp_path):
    """It may be told more often than it writes of itself."""
    counts: Counts = Counter({RENDERS: 1})
    dies, stays = Metrics(counts, folder=tmp_path), worker(tmp_path, "1")
    dies.enter()
    counts[RENDERS] += 8
    assert (await told(dies))[0] == {RENDERS: 9}
    killed(dies)
    assert (await told(stays))[0] == {RENDERS: 9}


async def test_a_worker_at_rest_says_its_last_word(tmp_path):
    counts: Counts = Counter()
    leaves, stays = Metrics(counts, folder=tmp_path), worker(tmp_path, "1")
    leaves.enter()
    counts[RENDERS] += 4
    leaves.leave()
    assert (await told(stays))[0] == {RENDERS: 4}


async def test_it_may_be_asked_by_many_at_once(tmp_path):
    asked, other = worker(tmp_path, "0", renders=1), worker(tmp_path, "1", renders=2)
    await other.all()
    answers = await asyncio.gather(*(told(asked) for _ in range(40)))
    assert {sums[RENDERS] for sums, _ in answers} == {3}


async def test_without_the_folder_it_says_so_and_never_less(tmp_path):
    failures: list[Exception] = []
    asked = worker(tmp_path / "gone", "0", renders=1)
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(Unavailable):
        await asked.all()
    # It ends by itself where there is nothing to share, and ends no server with it.
    await Metrics(Counter(), folder=tmp_path / "gone").run(failures.append)
    assert [type(failure) for failure in failures] == [FileNotFoundError]


def test_what_workers_write_is_for_their_owner_alone(tmp_path):
    place = SharedCounts.enter(tmp_path)
    try:
        assert (tmp_path / "0.lock").stat().st_mode & 0o077 == 0
    finally:
        place.leave()
