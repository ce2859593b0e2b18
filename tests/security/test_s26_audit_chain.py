"""S-26, the chain: whoever can write the database cannot touch the audit unseen.

Rows are edited, removed, moved and cut off with sqlite3, as somebody without the master key
would; `wirefeed audit verify` then names the first bad row, now and after whatever is done next.
"""

import asyncio
import json
import shutil
import signal
import sqlite3
import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.house import House, house_in, run
from tests.support.process import running
from wirefeed.cli.output import run_loop
from wirefeed.composition import open_services
from wirefeed.config import load
from wirefeed.domain.audit import CLI
from wirefeed.domain.errors import Unavailable, WirefeedError
from wirefeed.domain.plans import Subscriber

#: Rows of the audit that are tampered with.
ROWS = 12
#: What is done to them, and the first row that no longer holds.
TAMPERED: dict[str, tuple[str, int]] = {
    "its time is edited": ("UPDATE audit SET at = at + 1 WHERE seq = 5", 5),
    "its time is no time": ("UPDATE audit SET at = 'noon' WHERE seq = 5", 5),
    "its actor is edited": ("UPDATE audit SET actor = 'admin:tom' WHERE seq = 5", 5),
    "its door is edited": ("UPDATE audit SET via = 'api' WHERE seq = 5", 5),
    "its door is none": ("UPDATE audit SET via = 'window' WHERE seq = 5", 5),
    "its verb is edited": ("UPDATE audit SET verb = 'plan.set' WHERE seq = 5", 5),
    "its verb is none": ("UPDATE audit SET verb = 'plan.eat' WHERE seq = 5", 5),
    "what it is about is edited": ("UPDATE audit SET about = 'plan:gold' WHERE seq = 5", 5),
    "its detail is edited": ("""UPDATE audit SET detail = '{"x":1}' WHERE seq = 5""", 5),
    "its detail is none": ("UPDATE audit SET detail = 'x' WHERE seq = 5", 5),
    "its detail is bytes": ("UPDATE audit SET detail = x'00' WHERE seq = 5", 5),
    "its actor is bytes": ("UPDATE audit SET actor = x'00' WHERE seq = 5", 5),
    "its MAC is edited": ("UPDATE audit SET mac = zeroblob(32) WHERE seq = 5", 5),
    "its MAC is text": ("UPDATE audit SET mac = 'x' WHERE seq = 5", 5),
    "its MAC is a number": ("UPDATE audit SET mac = 1000000000000 WHERE seq = 5", 5),
    "the first is removed": ("DELETE FROM audit WHERE seq = 1", 1),
    "one is removed": ("DELETE FROM audit WHERE seq = 5", 5),
    "one is removed, and the rest moved up": (
        (
            "DELETE FROM audit WHERE seq = 5; UPDATE audit SET seq = -seq WHERE seq > 5;"
            "UPDATE audit SET seq = -seq - 1 WHERE seq < 0"
        ),
        5,
    ),
    "two change places": (
        (
            "UPDATE audit SET seq = -1 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = 6;"
            "UPDATE audit SET seq = 6 WHERE seq = -1"
        ),
        5,
    ),
    "one is written twice": (
        (
            "INSERT INTO audit SELECT 13, at, actor, via, verb, about, detail, mac FROM audit"
            " WHERE seq = 12"
        ),
        13,
    ),
    "one is written before the first": (
        (
            "INSERT INTO audit SELECT 0, at, actor, via, verb, about, detail, mac FROM audit"
            " WHERE seq = 1"
        ),
        1,
    ),
    "the last is cut off": ("DELETE FROM audit WHERE seq = 12", 12),
    "the last are cut off": ("DELETE FROM audit WHERE seq > 8", 9),
    "the last are cut off, and the end is the row before": (
        (
            "DELETE FROM audit WHERE seq > 8;"
            "UPDATE audit_head SET mac = (SELECT mac FROM audit WHERE seq = 8)"
        ),
        9,
    ),
    "all are cut off": ("DELETE FROM audit", 1),
    "all are cut off, and the end is as it was first": (
        "DELETE FROM audit; UPDATE audit_head SET mac = x''",
        1,
    ),
    "the end is edited": ("UPDATE audit_head SET mac = zeroblob(32)", 13),
    "the end is text": ("UPDATE audit_head SET mac = 'x'", 13),
    "the end is gone": ("DELETE FROM audit_head", 13),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Give an agency whose audit has some rows."""
    house = house_in(tmp_path_factory.mktemp("whole"))
    asyncio.run(fill(house))
    return house


async def fill(house: House) -> None:
    async with open_services(house.settings()) as services:
        # Each of the first plans is a row.
        for n in range(ROWS - len(await services.plans.all())):
            await services.accounts.put_subscriber(Subscriber(id="gazelle", notes=f"{n}"), CLI)


@pytest.fixture
def house(whole: House, tmp_path: Path) -> House:
    """Give an agency to tamper with."""
    shutil.copytree(whole.folder, tmp_path / "house")
    return replace(whole, folder=tmp_path / "house")


def tamper(house: House, script: str) -> None:
    with closing(sqlite3.connect(house.database)) as database:
        database.executescript(script)


def test_s26_an_audit_that_nobody_touched_holds(house: House):
    told = run(house, "audit", "verify")
    assert (told.exit_code, told.stderr) == (0, f"the audit holds: {ROWS} rows\n")


@pytest.mark.parametrize("tampered", TAMPERED)
def test_s26_verify_names_the_first_bad_row_now_and_ever_after(house: House, tampered: str):
    script, row = TAMPERED[tampered]
    tamper(house, script)
    told = run(house, "audit", "verify")
    assert told.exit_code == 1
    assert f"broken at row {row}:" in told.stderr
    # What is done goes on being done, and heals nothing.
    done = run(house, "subscribers", "add", "s", "--name", "x")
    assert done.exit_code == 0, done.exception
    told = run(house, "audit", "verify", "--json")
    assert (told.exit_code, json.loads(told.stdout)["row"]) == (1, row)
    listed = run(house, "audit", "list")
    assert isinstance(listed.exception, WirefeedError | None), listed.exception


def test_s26_the_audit_of_an_older_database_begins_with_its_upgrade(house: House):
    # What it is after the migration that made the audit, which has no key to seal it with.
    tamper(house, TAMPERED["all are cut off, and the end is as it was first"][0])
    for arguments in (
        ("db", "upgrade"),
        ("audit", "verify"),
        ("subscribers", "add", "s", "--name", "x"),
        ("db", "upgrade"),
        ("audit", "verify"),
    ):
        assert run(house, *arguments).exit_code == 0, arguments


def test_s26_erasing_a_subscriber_leaves_the_chain_whole(house: House):
    add = ("subscribers", "add", "gazette", "--name", "zq-name", "--contact", "zq@mail.example")
    for arguments in (add, ("feedkeys", "issue", "gazette"), ("subscribers", "remove", "gazette")):
        assert run(house, *arguments).exit_code == 0
    assert run(house, "audit", "verify").exit_code == 0
    told = run(house, "audit", "list", "--about", "subscriber:gazette", "--json")
    assert [row["verb"] for row in json.loads(told.stdout)] == [
        "subscriber.remove",
        "subscriber.add",
    ]


# --- several at once -----------------------------------------------------------------------------

WRITERS, EACH = 3, 25


def test_s26_processes_that_write_at_once_leave_no_gap_and_no_fork(house: House):
    with ExitStack() as started:
        writers = [
            started.enter_context(
                running(write, (f"w-{n}", EACH), folder=house.folder, environ=house.environ)
            )
            for n in range(WRITERS)
        ]
        for writer in writers:
            assert writer.ended() == 0, writer.said
    check_chain(house, ROWS + WRITERS * EACH)


def test_s26_a_process_that_is_killed_leaves_no_gap_and_no_fork(house: House):
    with (
        running(write, ("a", 10_000), folder=house.folder, environ=house.environ) as killed,
        running(write, ("b", EACH), folder=house.folder, environ=house.environ) as other,
    ):
        killed.wait_for("did 5")
        killed.signal(signal.SIGKILL)
        assert killed.ended() == -signal.SIGKILL
        assert other.ended() == 0, other.said
    did = int(killed.said[-1].split()[1]) + 1
    count = check_chain(house, None)
    # The last thing may have been done, and its teller killed before it said so.
    assert count - ROWS - EACH in {did, did + 1}


def write(name: str, count: int) -> None:
    """Change a subscriber again and again (in a process of its own), saying so each time."""

    async def work() -> None:
        async with open_services(load(None)) as services:
            done = 0
            while done < count:
                try:
                    await services.accounts.put_subscriber(
                        Subscriber(id=name, notes=f"{done}"), CLI
                    )
                except Unavailable:
                    # Another writes just now.
                    continue
                sys.stdout.write(f"did {done}\n")
                done += 1

    run_loop(work())


def check_chain(house: House, expected: int | None) -> int:
    """Find every row there is to be, in a chain that holds; give how many."""
    assert run(house, "audit", "verify").exit_code == 0
    with closing(sqlite3.connect(house.database)) as database:
        ((count, first, last),) = database.execute("SELECT count(*), min(seq), max(seq) FROM audit")
    assert (first, last) == (1, count)
    assert expected in {None, count}
    return int(count)
