"""Which story stands where in which feed: all a window is found by. No rules here.

One feed is a range of one index. Several are merged from the first rows of each, and only
then are stories read.
"""

from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Integer, Select, Text, bindparam, delete, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.stories import Feed, Story
from wirefeed.storage.tables import placements

#: Beyond every position.
_END = 2**62
#: SQLite joins at most 500 SELECTs.
_AT_ONCE = 100

_Columns = TypeVarTuple("_Columns")

_p = placements.c
#: Ranks the stories of one feed; its variables bear the feed's number.
_Scan = Callable[[int], Select[int, str]]

_DISPLACE = delete(placements).where(_p.guid == bindparam("gone"))


async def place(conn: AsyncConnection, stories: Collection[Story]) -> None:
    """Let these stories stand in their feeds at their positions, and nowhere else.

    A superseded story stands nowhere; killed, it stands where whoever saw it looks.
    """
    await conn.execute(_DISPLACE, [{"gone": story.guid} for story in stories])
    rows = [
        {
            "language": feed.language,
            "topic": feed.topic,
            "position": story.position,
            "guid": story.guid,
            "killed": story.changed if story.is_killed else None,
        }
        for story in stories
        if story.is_killed or not story.superseded
        for feed in story.feeds
    ]
    if rows:
        await conn.execute(placements.insert(), rows)


async def newest(
    conn: AsyncConnection, feeds: Collection[Feed], before: int | None, limit: int
) -> list[str]:
    """Give the guids of the stories of these feeds below a position, the last changed first."""
    return await _merged(conn, _by_position, feeds, _END if before is None else before, limit)


async def following(
    conn: AsyncConnection, feeds: Collection[Feed], start: int, limit: int
) -> list[str]:
    """Give the guids of the stories of these feeds from a position on, the first changed first."""
    return await _merged(conn, _upwards, feeds, start, limit)


async def kills(
    conn: AsyncConnection, feeds: Collection[Feed], since: int, limit: int
) -> list[str]:
    """Give the guids of the stories of these feeds killed since a time, the last first."""
    return await _merged(conn, _by_kill, feeds, since, limit)


def of_one_feed(*columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Ask for the newest of one feed; `within` gives the values."""
    return _first(_newest_first(select(*columns).select_from(placements), 0))


def within(feed: Feed, before: int | None, limit: int) -> dict[str, Any]:
    return _named(feed, 0) | {"start": _END if before is None else before, "most": limit}


async def _merged(
    conn: AsyncConnection, scan: _Scan, feeds: Iterable[Feed], start: int, limit: int
) -> list[str]:
    wanted = sorted(feeds)
    ranks: dict[str, int] = {}
    for at in range(0, len(wanted), _AT_ONCE):
        some = wanted[at : at + _AT_ONCE]
        values: dict[str, Any] = {"start": start, "most": limit}
        for number, feed in enumerate(some):
            values |= _named(feed, number)
        rows = await conn.execute(_union(scan, len(some)), values)
        ranks |= {guid: rank for rank, guid in rows}
    return sorted(ranks, key=lambda guid: (ranks[guid], guid), reverse=True)[:limit]


@cache
def _union(scan: _Scan, feeds: int) -> Select[int, str]:
    if feeds == 1:
        return _first(scan(0))
    # A SELECT with a limit of its own can only be joined to others from within brackets.
    ranges = [select(_first(scan(number)).subquery()) for number in range(feeds)]
    every = union_all(*ranges).subquery()
    ranked = select(every.c.rank, every.c.guid).distinct()
    return _first(ranked.order_by(every.c.rank.desc(), every.c.guid.desc()))


def _by_position(number: int) -> Select[int, str]:
    return _newest_first(select(_p.position.label("rank"), _p.guid), number)


def _upwards(number: int) -> Select[int, str]:
    # What is merged is in falling order of rank.
    return (
        select((-_p.position).label("rank"), _p.guid)
        .where(_in_feed(number), _p.position >= bindparam("start"))
        .order_by(_p.position)
    )


def _by_kill(number: int) -> Select[int, str]:
    # `killed >= …` is true of no NULL, so the index that leaves NULL out serves.
    return (
        select(_p.killed.label("rank"), _p.guid)
        .where(_in_feed(number), _p.killed >= bindparam("start"))
        .order_by(_p.killed.desc())
    )


def _newest_first(query: Select[*_Columns], number: int) -> Select[*_Columns]:
    return query.where(_in_feed(number), _p.position < bindparam("start")).order_by(
        _p.position.desc()
    )


def _first(query: Select[*_Columns]) -> Select[*_Columns]:
    return query.limit(bindparam("most", type_=Integer))


def _in_feed(number: int) -> ColumnElement[bool]:
    return (_p.language == bindparam(f"language{number}", type_=Text)) & (
        _p.topic == bindparam(f"topic{number}", type_=Text)
    )


def _named(feed: Feed, number: int) -> dict[str, Any]:
    return {f"language{number}": feed.language, f"topic{number}": feed.topic}
