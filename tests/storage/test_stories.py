"""Stories: what is held comes back as it was, and stands where it should."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage import samples
from tests.storage.samples import ARTS, LATEST, SPORT, guids, moved, story
from wirefeed.domain.stories import Feed, PubStatus, Revision, Story
from wirefeed.domain.wire import ChangeKind
from wirefeed.storage import stories, tables
from wirefeed.storage.database import Database
from wirefeed.storage.stories import Received, Stored

#: One database serves all examples: each reads only what it wrote.
one_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

KILLED: dict[str, Any] = {"status": PubStatus.CANCELED, "change": ChangeKind.KILL}


async def keep(database: Database, *kept: Story) -> None:
    async with database.writing() as conn:
        await stories.save(conn, kept, source="desk", sanitiser=1)


async def newest(
    database: Database, *feeds: Feed, before: int | None = None, limit: int = 50
) -> list[str]:
    async with database.reading() as conn:
        return guids(await stories.newest(conn, feeds, before, limit))


async def kills(database: Database, *feeds: Feed, since: int = 0, limit: int = 50) -> list[str]:
    async with database.reading() as conn:
        return guids(await stories.kills(conn, feeds, since, limit))


# --- by name -------------------------------------------------------------------------------------


#: No two stories stand at one position; all examples share a database.
POSITIONS = count(1)


@one_database
@given(kept=samples.stories)
async def test_a_story_comes_back_as_it_was_held(conn, kept):
    kept = replace(kept, position=next(POSITIONS))
    await stories.save(conn, [kept], source="desk", sanitiser=1)
    assert await stories.find(conn, kept.id) == kept
    assert await stories.held(conn, {kept.guid}) == {kept.guid: kept}


def test_drawn_stories_leave_out_no_field():
    drawn = {"Revision": samples.revisions, "Story": samples.stories}
    for kind in (Revision, Story):
        given_fields = drawn[kind.__name__].wrapped_strategy.kwargs  # type: ignore[attr-defined]
        assert {field.name for field in fields(kind)} == set(given_fields)


async def test_a_story_that_is_not_held_is_not_found(database):
    async with database.reading() as conn:
        assert await stories.find(conn, "aaaaaaaaaaaaaaaa") is None
        assert await stories.held(conn, ["unknown"]) == {}
        assert await stories.held(conn, []) == {}


async def test_more_stories_are_asked_for_than_one_statement_takes(database):
    await keep(database, *(story(f"s{n}", position=n) for n in range(1, 2501)))
    async with database.reading() as conn:
        found = await stories.held(conn, [f"s{n}" for n in range(40_000)])
        assert len(found) == await stories.count(conn) == 2500


async def test_stories_are_found_by_thread_and_by_ancestor(database):
    first = story("first", position=1, thread="first")
    second = story("second", position=2, thread="first", evolved_from="first")
    other = story("other", position=3, thread="other")
    await keep(database, first, second, other)
    async with database.reading() as conn:
        assert await stories.by_thread(conn, {"first"}) == {"first": first, "second": second}
        assert await stories.related(conn, {"second"}, set()) == {"second": second}
        assert await stories.related(conn, {"first"}, set()) == {"first": first, "second": second}
        assert await stories.related(conn, set(), {"other"}) == {"other": other}


async def test_more_related_stories_are_asked_for_than_one_statement_takes(database):
    await keep(database, *(story(f"s{n}", position=n, thread=f"t{n}") for n in range(1, 2501)))
    some = {f"s{n}" for n in range(1, 1301)}
    threads = {f"t{n}" for n in range(1301, 40_000)}
    async with database.reading() as conn:
        assert len(await stories.related(conn, some, threads)) == 2500


async def test_the_last_of_one_story_in_a_batch_is_held(database):
    first = story("s", position=1)
    await keep(database, first, moved(first, 2, version=2))
    assert await newest(database, SPORT) == ["s"]
    async with database.reading() as conn:
        assert (await stories.held(conn, ["s"]))["s"].version == 2


async def test_a_change_by_the_clock_leaves_source_and_sanitiser_as_they_were(database):
    await keep(database, story("s"))
    async with database.writing() as conn:
        await stories.save(conn, [story("s", position=2)])
        kept = await conn.exec_driver_sql("SELECT source, sanitiser FROM stories")
        assert kept.one() == ("desk", 1)


async def test_nothing_is_saved_without_complaint(database):
    async with database.writing() as conn:
        await stories.save(conn, [])
        await stories.keep_raw(conn, [])
        assert await stories.count(conn) == 0


async def test_the_list_goes_back_page_by_page(database):
    await keep(
        database,
        story("a", "sport", position=1),
        story("b", "arts", position=2),
        story("c", "sport", position=3, language="tr"),
        story("d", "sport", position=4, superseded=True),
    )
    async with database.reading() as conn:
        assert guids(await stories.listing(conn, limit=2)) == ["d", "c"]
        assert guids(await stories.listing(conn, before=3, limit=2)) == ["b", "a"]
        assert guids(await stories.listing(conn, limit=9, topic="sport")) == ["c", "a"]


async def test_history_keeps_every_version_as_it_first_came(database):
    held = story("s")
    second = replace(held, version=2)
    async with database.writing() as conn:
        await stories.keep_raw(
            conn,
            [
                Stored(story=second, raw=b"two", source="desk", received=20),
                Stored(story=held, raw=b"one", source="desk", received=10),
            ],
        )
        await stories.keep_raw(conn, [Stored(story=held, raw=b"!", source="x", received=30)])
        assert await stories.history(conn, "s") == [
            Received(guid="s", version=1, received=10, source="desk", raw=b"one"),
            Received(guid="s", version=2, received=20, source="desk", raw=b"two"),
        ]


# --- by feed -------------------------------------------------------------------------------------


async def test_a_story_stands_in_each_of_its_feeds_by_its_last_change(database):
    first, second = story("a", "sport", position=1), story("b", "sport", "arts", position=2)
    await keep(database, first, second)
    assert await newest(database, SPORT) == ["b", "a"]
    assert await newest(database, ARTS) == ["b"]
    assert await newest(database, LATEST) == ["b", "a"]
    assert await newest(database, Feed(language="tr", topic="sport")) == []
    await keep(database, moved(first, 3))
    assert await newest(database, SPORT) == await newest(database, LATEST) == ["a", "b"]


async def test_a_superseded_story_stands_nowhere(database):
    await keep(database, story("a"), story("b", position=2))
    await keep(database, story("a", superseded=True))
    assert await newest(database, SPORT) == ["b"]
    assert await newest(database, SPORT, LATEST) == ["b"]


async def test_a_moved_story_stays_where_it_once_stood(database):
    await keep(database, story("a", "sport", feeds=frozenset({SPORT, ARTS, LATEST})))
    assert await newest(database, ARTS) == ["a"]


async def test_kills_are_found_behind_any_number_of_stories(database):
    later = [story(f"s{n}", "sport", position=n) for n in range(2, 200)]
    await keep(database, story("killed", "sport", position=1, **KILLED), *later)
    assert await kills(database, SPORT) == ["killed"]
    assert await kills(database, SPORT, LATEST) == ["killed"]
    assert await kills(database, ARTS) == []


@pytest.mark.parametrize(
    ("since", "limit", "found"),
    [
        (0, 9, ["c", "b", "a"]),
        (20, 9, ["c", "b"]),
        (21, 9, ["c"]),
        (31, 9, []),
        (0, 2, ["c", "b"]),
    ],
)
async def test_kills_since_a_time(database, since, limit, found):
    kept = [
        story(guid, position=position, changed=position * 10, **KILLED)
        for position, guid in enumerate("abc", 1)
    ]
    await keep(database, *kept)
    assert await kills(database, SPORT, since=since, limit=limit) == found


async def test_a_kill_undone_is_no_kill(database):
    await keep(database, story("a", **KILLED))
    await keep(database, story("a", position=2))
    assert await kills(database, SPORT) == []
    assert await newest(database, SPORT) == ["a"]


async def test_no_feeds_hold_nothing(database):
    await keep(database, story("a"))
    assert await newest(database) == []
    assert await kills(database) == []


async def test_more_feeds_are_merged_than_one_statement_joins(database):
    topics = [f"t{n:03}" for n in range(620)]
    kept = [story(f"s{n}", topic, position=n + 1) for n, topic in enumerate(topics)]
    await keep(database, *kept)
    feeds = [Feed(language="en", topic=topic) for topic in topics]
    assert await newest(database, *feeds, limit=3) == ["s619", "s618", "s617"]
    assert await newest(database, *feeds, before=2, limit=3) == ["s0"]


#: A world small enough for its stories to meet: (topics, killed, superseded) by position.
placings = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from(("arts", "sport", "war")), min_size=1),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)
asked = st.frozensets(st.sampled_from((SPORT, ARTS, LATEST)), min_size=1)


@one_database
@given(world=placings, feeds=asked, before=st.none() | st.integers(0, 13), limit=st.integers(1, 5))
async def test_merged_feeds_hold_what_each_of_them_holds(conn, world, feeds, before, limit):
    kept = [
        story(f"s{n}", *topics, position=n, superseded=gone, **(KILLED if killed else {}))
        for n, (topics, killed, gone) in enumerate(world, 1)
    ]
    for table in (tables.stories, tables.placements):
        await conn.execute(table.delete())
    await stories.save(conn, kept)
    shown = [s for s in reversed(kept) if s.is_killed or not s.superseded]
    standing = [s for s in shown if s.feeds & feeds]
    below = [s for s in standing if before is None or s.position < before]
    killed = [s for s in standing if s.is_killed and s.changed >= (before or 0)]
    assert await stories.newest(conn, feeds, before, limit) == below[:limit]
    assert await stories.kills(conn, feeds, before or 0, limit) == killed[:limit]


async def pages(database: Database, feeds: Iterable[Feed], limit: int) -> list[str]:
    found: list[str] = []
    before: int | None = None
    while True:
        async with database.reading() as conn:
            page: Sequence[Story] = await stories.newest(conn, list(feeds), before, limit)
        if not page:
            return found
        found += guids(page)
        before = page[-1].position


@pytest.mark.parametrize("feeds", [(SPORT,), (SPORT, ARTS), (LATEST, SPORT, ARTS)])
async def test_pages_hold_every_story_once(database, feeds):
    kept = [
        story(f"s{n}", *(("sport", "arts") if n % 3 else ("sport",)), position=n)
        for n in range(1, 24)
    ]
    await keep(database, *kept)
    assert await pages(database, feeds, limit=5) == guids(kept[::-1])


async def test_what_follows_a_position_comes_first_things_first(database):
    stand = (["sport"], ["arts"], ["sport", "arts"], ["sport"])
    await keep(
        database, *(story(f"s{n}", *topics, position=n) for n, topics in enumerate(stand, 1))
    )
    async with database.reading() as conn:
        for feeds, start, limit, expected in (
            ([SPORT], 1, 9, ["s1", "s3", "s4"]),
            ([SPORT], 2, 1, ["s3"]),
            ([SPORT, ARTS], 2, 2, ["s2", "s3"]),
            ([SPORT, ARTS, LATEST], 5, 9, []),
            ([], 1, 9, []),
        ):
            assert guids(await stories.following(conn, feeds, start, limit)) == expected


async def test_only_threads_of_several_stories_are_shared(database):
    kept = [
        replace(story(guid, position=n), thread=thread)
        for n, (guid, thread) in enumerate((("a", "a"), ("b", "a"), ("c", "c")), 1)
    ]
    await keep(database, *kept)
    async with database.reading() as conn:
        assert set(await stories.shared_threads(conn, ["a", "c", "none"])) == {"a", "b"}
        assert await stories.shared_threads(conn, ["c"]) == {}
