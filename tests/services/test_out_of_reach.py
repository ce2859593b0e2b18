"""The database out of reach: the public is served on, subscribers for a while, nobody more."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from tests.support.agency import Agency, running, settings_in
from tests.support.pictures import links_in, picture
from tests.support.process import PATIENCE
from wirefeed.config import DatabaseSettings
from wirefeed.domain.errors import Unavailable
from wirefeed.storage.sqlite import PATIENCE as SQLITE_WAITS
from wirefeed.storage.sqlite import journal_mode

MODE = journal_mode(sqlite3.sqlite_version_info)
FEED = "/en/topics/sport.json"
#: In the body alone, after what a summary shows.
REST = "Paragraph 7 of"
TOPICS = ("sport", "politics", "economy")
#: Seconds that subscribers are served from memory.
GRACE = 2
#: Seconds that a database which is locked takes to say so.
LOCKED = 0.5


class Locked:
    """A way to a database that another holds: it takes its time to fail."""

    def connect(self) -> "Locked":
        return self

    async def __aenter__(self) -> Any:
        await asyncio.sleep(LOCKED)
        raise Unavailable("the database is busy")

    async def __aexit__(self, *_: object) -> None:
        raise AssertionError("it was never entered")


class LockedInOneGo:
    """The same for who asks in a thread."""

    def __init__(self) -> None:
        self.asked = 0

    def connect(self) -> NoReturn:
        self.asked += 1
        time.sleep(LOCKED)
        raise Unavailable("the database is busy")


class Cut:
    """What keeps an agency from reading its database, and lets it again."""

    def __init__(self, agency: Agency) -> None:
        self._database = agency.services.database
        self._in_one_go = self._database._in_one_go
        self._reader = self._database._reader
        self._engines = [lane._engine for lane in self._lanes()]
        #: What a look at the wire meets.
        self.look = LockedInOneGo()

    def begin(self) -> None:
        # That is all that is asked of any of them.
        locked: Any = Locked()
        self._database._reader = locked
        for lane in self._lanes():
            lane._engine = LockedInOneGo()
        self._in_one_go._looking._engine = self.look  # type: ignore[assignment]

    def end(self) -> None:
        self._database._reader = self._reader
        for lane, engine in zip(self._lanes(), self._engines, strict=True):
            lane._engine = engine

    def _lanes(self) -> tuple[Any, ...]:
        ways = self._in_one_go
        return ways._reading, ways._finding, ways._looking


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    settings = settings_in(tmp_path)
    database = msgspec.structs.replace(settings.database, authority_grace=GRACE)
    async with running(msgspec.structs.replace(settings, database=database)) as agency:
        await agency.publish("urn:news:1")
        await agency.subscriber("daily", "sport")
        yield agency


async def ask(agency: Agency, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    async with agency.http.get(path, headers=headers) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


@pytest.fixture
async def cut(agency: Agency) -> AsyncIterator[Cut]:
    cut = Cut(agency)
    yield cut
    cut.end()


async def test_subscribers_have_their_text_for_the_grace_and_then_503_and_the_public_goes_on(
    agency: Agency, cut: Cut
):
    key, bearer = await agency.feed_key("daily"), await agency.token("daily")
    doors: list[tuple[str, dict[str, str]]] = [(key + FEED, {}), ("/subscriber" + FEED, bearer)]
    fresh_key, fresh_token = await agency.feed_key("daily"), await agency.token("daily")
    _, public, _ = await ask(agency, FEED)
    full = [(await ask(agency, path, **headers))[1] for path, headers in doors]
    assert all(REST in text for text in full)
    assert REST not in public

    began = time.monotonic()
    cut.begin()
    ended: set[str] = set()
    while len(ended) < len(doors):
        assert (await ask(agency, FEED))[:2] == (200, public)
        for (path, headers), text in zip(doors, full, strict=True):
            sent = time.monotonic()
            status, body, told = await ask(agency, path, **headers)
            if status == 200:
                assert body == text
                assert sent - began < GRACE
            else:
                assert status == 503
                assert told["Retry-After"]
                assert REST not in body
                assert time.monotonic() - began >= GRACE - 0.5
                ended.add(path)
        assert time.monotonic() - began < PATIENCE
    assert (await ask(agency, FEED))[:2] == (200, public)
    # Of what was never presented before nobody knows that it does not hold.
    assert (await ask(agency, "/subscriber" + FEED, **fresh_token))[0] == 503
    assert (await ask(agency, fresh_key + FEED))[0] == 503

    cut.end()
    async with asyncio.timeout(PATIENCE):
        while (await ask(agency, key + FEED))[:2] != (200, full[0]):  # noqa: ASYNC110 - it looks
            await asyncio.sleep(0.01)
    assert (await ask(agency, "/subscriber" + FEED, **bearer))[:2] == (200, full[1])


async def test_a_server_is_ready_while_subscribers_have_their_text_and_no_longer(
    agency: Agency, cut: Cut
):
    assert (await ask(agency, "/readyz"))[0] == 200
    cut.begin()
    began = time.monotonic()
    while (await ask(agency, "/readyz"))[0] == 200:
        assert time.monotonic() - began < GRACE + LOCKED + 1
    assert time.monotonic() - began >= GRACE - 0.5


async def test_without_grace_there_is_no_text_at_once(tmp_path: Path):
    settings = settings_in(
        tmp_path,
        database=DatabaseSettings(url=f"sqlite:///{tmp_path / 'agency.db'}", authority_grace=0),
    )
    async with running(settings) as agency:
        await agency.publish("urn:news:1")
        await agency.subscriber("daily", "sport")
        key = await agency.feed_key("daily")
        _, public, _ = await ask(agency, FEED)
        assert REST in (await ask(agency, key + FEED))[1]
        cut = Cut(agency)
        cut.begin()
        try:
            # What was looked at may be answered by for as long as the lease lasts, here too.
            await asyncio.sleep(0.4)
            assert (await ask(agency, key + FEED))[0] == 503
            assert (await ask(agency, FEED))[:2] == (200, public)
        finally:
            cut.end()


async def test_no_picture_is_led_to_by_what_was_true_before(agency: Agency, cut: Cut):
    await agency.publish("urn:news:2", associations={"a": picture("https://m.example/a.jpg")})
    key = await agency.feed_key("daily")
    (link,) = links_in((await ask(agency, key + FEED))[1])
    async with agency.http.get(link, allow_redirects=False) as answer:
        assert answer.status == 302
    cut.begin()
    status, _, told = await ask(agency, link)
    assert status == 503
    assert told["Retry-After"]


async def test_nobody_waits_again_for_what_has_just_been_found_out_of_reach(
    agency: Agency, cut: Cut
):
    key = await agency.feed_key("daily")
    for path in (FEED, key + FEED):
        await ask(agency, path)
    cut.begin()
    with pytest.raises(Unavailable):
        await agency.services.follower.look()

    began = time.monotonic()
    for _ in range(20):
        for path in (FEED, key + FEED):
            assert (await ask(agency, path))[0] == 200
            # A validator that is not known here would be worth a look.
            assert (await ask(agency, path, **{"If-None-Match": 'W/"other"'}))[0] == 200
    # Were each to look by itself, it would be 80 times as much.
    assert time.monotonic() - began < 10 * LOCKED


@pytest.mark.skipif(MODE == "wal", reason="with such a journal nobody keeps readers out")
async def test_another_that_has_the_database_to_itself_keeps_the_first_who_asks_a_second_at_most(
    agency: Agency, tmp_path: Path, tell: Callable[[str], None]
):
    key = await agency.feed_key("daily")
    known = [(path, (await ask(agency, path))[1]) for path in (FEED, key + FEED)]
    took = []
    (file,) = tmp_path.glob("*.db")
    with closing(sqlite3.connect(file, isolation_level=None, timeout=PATIENCE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        # Longer than a lease, and shorter than what SQLite waits for a lock.
        until = time.monotonic() + 1.5
        while (began := time.monotonic()) < until:
            for path, body in known:
                assert (await ask(agency, path))[:2] == (200, body)
            took.append(time.monotonic() - began)
            await asyncio.sleep(0)
        other.execute("ROLLBACK")
    tell(f"a locked database keeps the first who asks {max(took):.1f} s")
    assert max(took) < SQLITE_WAITS / 2


async def test_who_holds_a_feed_is_told_so_also_while_the_database_is_away(
    agency: Agency, cut: Cut
):
    topics = ("sport", "politics", "economy")
    paths = [
        f"/{lang}/topics/{t}.{f}" for lang in ("en", "tr") for t in topics for f in ("rss", "atom")
    ]
    tags = {path: (await ask(agency, path))[2]["Etag"] for path in paths}
    cut.begin()
    with pytest.raises(Unavailable):
        await agency.services.follower.look()
    for path, tag in tags.items():
        assert (await ask(agency, path, **{"If-None-Match": tag}))[0] == 304


async def test_who_asks_while_a_look_fails_waits_for_no_other(agency: Agency, cut: Cut):
    follower = agency.services.follower
    cut.begin()
    first = asyncio.create_task(follower.look())
    while not cut.look.asked:  # noqa: ASYNC110 - until it is under way
        await asyncio.sleep(0)
    others = [asyncio.create_task(follower.look()) for _ in range(3)]

    with pytest.raises(Unavailable):
        await first
    ended, _ = await asyncio.wait(others, timeout=LOCKED / 2)
    assert {type(task.exception()) for task in ended} == {Unavailable}
    assert ended == set(others)


async def test_once_it_is_in_reach_again_what_came_meanwhile_is_seen(agency: Agency, cut: Cut):
    issued = await agency.services.feed_keys.issue("daily")
    key = f"/f/{issued.secret}"
    assert REST in (await ask(agency, key + FEED))[1]
    cut.begin()
    with pytest.raises(Unavailable):
        await agency.services.follower.look()
    cut.end()
    await agency.services.feed_keys.revoke(issued.row.id)
    await agency.services.follower.in_force()

    assert REST not in (await ask(agency, key + FEED))[1]
